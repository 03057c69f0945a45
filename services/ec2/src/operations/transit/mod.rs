//! Transit gateways: routers between VPCs, each with route tables of its own.

pub mod attachments;
pub mod gateways;
pub mod peerings;
pub mod propagations;
pub mod routes;
pub mod tables;

use store::Tx;

use crate::error::Error;
use crate::error::codes::INCORRECT_STATE;
use crate::records::Place;
use crate::records::transit::{TransitAttachmentRecord, TransitRouteTableRecord};
use crate::resources;

/// The attachments of a gateway.
pub async fn attachments_of(
    tx: &Tx,
    place: &Place,
    gateway: &str,
) -> Result<Vec<TransitAttachmentRecord>, Error> {
    let all: Vec<TransitAttachmentRecord> = resources::all(tx, place).await?;
    Ok(all.into_iter().filter(|attachment| attachment.gateway == gateway).collect())
}

/// The route tables of a gateway.
pub async fn tables_of(tx: &Tx, place: &Place, gateway: &str) -> Result<Vec<TransitRouteTableRecord>, Error> {
    let all: Vec<TransitRouteTableRecord> = resources::all(tx, place).await?;
    Ok(all.into_iter().filter(|table| table.gateway() == gateway).collect())
}

/// `tgw-1 is in invalid state`
pub fn invalid_state(id: &str) -> Error {
    Error::new(&INCORRECT_STATE, format!("{id} is in invalid state"))
}
