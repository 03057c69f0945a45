//! Routes that a table learns from a VPN gateway: those of its connections, for as long as they are there.

use ec2_api::*;
use service::Call;
use store::Tx;

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{GATEWAY_NOT_ATTACHED, INVALID_PARAMETER_VALUE};
use crate::records::Place;
use crate::records::routes::RouteTableRecord;
use crate::records::vpn::{VpnConnectionRecord, VpnGatewayRecord};
use crate::resources;

pub async fn enable_vgw_route_propagation(
    ec2: &Ec2,
    call: &Call,
    input: EnableVgwRoutePropagationInput,
) -> Result<EnableVgwRoutePropagationOutput, Error> {
    propagate(ec2, call, &input.route_table_id, &input.gateway_id, true).await?;
    Ok(EnableVgwRoutePropagationOutput {})
}

pub async fn disable_vgw_route_propagation(
    ec2: &Ec2,
    call: &Call,
    input: DisableVgwRoutePropagationInput,
) -> Result<DisableVgwRoutePropagationOutput, Error> {
    propagate(ec2, call, &input.route_table_id, &input.gateway_id, false).await?;
    Ok(DisableVgwRoutePropagationOutput {})
}

async fn propagate(ec2: &Ec2, call: &Call, table: &str, gateway: &str, on: bool) -> Result<(), Error> {
    let place = call.scope();
    ec2.store
        .transact(|tx| async move {
            let mut record: RouteTableRecord = resources::get(&tx, &place, table).await?;
            let attached: VpnGatewayRecord = resources::get(&tx, &place, gateway).await?;
            if on && attached.vpc() != Some(record.vpc()) {
                let message = format!("resource {gateway} is not attached to network {}", record.vpc());
                return Err(Error::new(&GATEWAY_NOT_ATTACHED, message));
            }
            if on && record.associations().iter().any(|association| association.gateway_id.is_some()) {
                let message = format!(
                    "Route table {table} is associated with a gateway, so route propagation cannot be enabled for it."
                );
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            let all = record.table.0.propagating_vgws.get_or_insert_default();
            all.retain(|one| one.gateway_id.as_deref() != Some(gateway));
            if on {
                all.push(PropagatingVgw { gateway_id: Some(gateway.to_owned()) });
            }
            resources::put(&tx, &place, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(())
}

/// Adds to a table, as it is shown or planned, what it learns; routes made by hand come first.
pub async fn learn(tx: &Tx, place: &Place, record: &mut RouteTableRecord) -> Result<(), Error> {
    let gateways: Vec<String> =
        record.table.propagating_vgws.iter().flatten().filter_map(|one| one.gateway_id.clone()).collect();
    for gateway in gateways {
        let own = lookups::having::<VpnConnectionRecord>(tx, place, "vpn-gateway-id", &gateway).await?;
        for block in own.iter().flat_map(VpnConnectionRecord::routes) {
            let text = block.to_string();
            if record.routes().iter().any(|route| route.destination_cidr_block.as_ref() == Some(&text)) {
                continue;
            }
            record.routes_mut().push(Route {
                destination_cidr_block: Some(text),
                gateway_id: Some(gateway.clone()),
                origin: Some(RouteOrigin::EnableVgwRoutePropagation),
                state: Some(RouteState::Active),
                ..Route::default()
            });
        }
    }
    Ok(())
}
