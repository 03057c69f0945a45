//! Static routes of VPN connections, for devices that speak no BGP.

use base::Arn;
use ec2_api::*;
use ipnet::Ipv4Net;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INCORRECT_STATE, INVALID_ROUTE_NOT_FOUND, ROUTE_ALREADY_EXISTS};
use crate::kind::VPN_CONNECTION;
use crate::records::vpn::VpnConnectionRecord;
use crate::resources;

pub fn by_create(_: &Ec2, call: &Call, input: &CreateVpnConnectionRouteInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_CONNECTION.arn(call, &input.vpn_connection_id)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteVpnConnectionRouteInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_CONNECTION.arn(call, &input.vpn_connection_id)])
}

fn range(text: &str) -> Result<String, Error> {
    let found = text.parse::<Ipv4Net>().map(|range| range.trunc().to_string());
    found.map_err(|_| Error::invalid_value(text, "destinationCidrBlock", "This is not a valid CIDR block."))
}

pub async fn create_vpn_connection_route(
    ec2: &Ec2,
    call: &Call,
    input: CreateVpnConnectionRouteInput,
) -> Result<CreateVpnConnectionRouteOutput, Error> {
    let to = &range(&input.destination_cidr_block)?;
    let (place, id) = (call.scope(), &input.vpn_connection_id);
    let made = ec2.store.transact(|tx| async move {
        let mut record: VpnConnectionRecord = resources::get(&tx, &place, id).await?;
        let options = record.connection.options.as_ref();
        if options.and_then(|options| options.static_routes_only) != Some(true) {
            let message = format!("The VPN connection {id} does not use static routes only.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        let routes = record.connection.0.routes.get_or_insert_default();
        if routes.iter().any(|route| route.destination_cidr_block.as_ref() == Some(to)) {
            let message = format!("The route identified by {to} already exists.");
            return Err(Error::new(&ROUTE_ALREADY_EXISTS, message));
        }
        routes.push(VpnStaticRoute {
            destination_cidr_block: Some(to.clone()),
            source: Some(VpnStaticRouteSource::Static),
            state: Some(VpnState::Available),
        });
        resources::put(&tx, &place, &record).await
    });
    made.await?;
    ec2.networks.nudge();
    Ok(CreateVpnConnectionRouteOutput {})
}

pub async fn delete_vpn_connection_route(
    ec2: &Ec2,
    call: &Call,
    input: DeleteVpnConnectionRouteInput,
) -> Result<DeleteVpnConnectionRouteOutput, Error> {
    let to = &range(&input.destination_cidr_block)?;
    let (place, id) = (call.scope(), &input.vpn_connection_id);
    let gone = ec2.store.transact(|tx| async move {
        let mut record: VpnConnectionRecord = resources::get(&tx, &place, id).await?;
        let routes = record.connection.0.routes.get_or_insert_default();
        let at = routes.iter().position(|route| route.destination_cidr_block.as_ref() == Some(to));
        routes.remove(at.ok_or_else(|| {
            Error::new(&INVALID_ROUTE_NOT_FOUND, format!("The route identified by {to} does not exist."))
        })?);
        resources::put(&tx, &place, &record).await
    });
    gone.await?;
    ec2.networks.nudge();
    Ok(DeleteVpnConnectionRouteOutput {})
}
