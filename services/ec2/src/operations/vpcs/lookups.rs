//! Finding what belongs to a VPC. All of a kind are looked through: quotas bound them.

use service::Call;
use store::Tx;

use crate::error::Error;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// Those of a kind whose filter of this name has this value.
pub async fn having<R: Resource>(tx: &Tx, place: &Place, name: &str, value: &str) -> Result<Vec<R>, Error> {
    let mut found = resources::all::<R>(tx, place).await?;
    found.retain(|record| {
        let values = record.filter(name);
        values.is_some_and(|values| values.iter().any(|of_record| of_record == value))
    });
    Ok(found)
}

/// Those of a kind that are in a VPC.
pub async fn in_vpc<R: Resource>(tx: &Tx, place: &Place, vpc: &str) -> Result<Vec<R>, Error> {
    having(tx, place, "vpc-id", vpc).await
}

/// What an earlier run of the same transaction made.
pub async fn made<R: Resource>(tx: &Tx, place: &Place, id: &str) -> Result<Option<R>, Error> {
    Ok(R::TABLE.get(tx, place, id).await?)
}

/// The default VPC of the region, unless it was deleted.
pub async fn default_vpc(tx: &Tx, call: &Call) -> Result<Option<VpcRecord>, Error> {
    Ok(having::<VpcRecord>(tx, &call.scope(), "is-default", "true").await?.into_iter().next())
}
