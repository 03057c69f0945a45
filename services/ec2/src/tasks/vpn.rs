//! Makes VPN connections what the records say, and looks whether their tunnels are up (`VgwTelemetry`).

use std::sync::Arc;

use base::Timestamp;
use ec2_api::TelemetryStatus;
use network_engine::plan::VpnPlan;
use network_engine::{Network, NetworkError};
use schema::Fault;
use service::{BoxFuture, Nudge, Pass, Task};
use store::Tx;

use super::networks::{AppliedPlans, failed, places};
use crate::Ec2;
use crate::error::Error;
use crate::limits::VPN_LOOK_PERIOD;
use crate::records::vpn::VpnConnectionRecord;
use crate::records::{Place, Resource};
use crate::resources;

pub fn task(ec2: &Arc<Ec2>) -> Task {
    let ec2 = Arc::clone(ec2);
    let pass = Arc::new(move || -> BoxFuture<'static, Result<Pass, Fault>> {
        let ec2 = Arc::clone(&ec2);
        Box::pin(async move { run(&ec2).await.map_err(Fault::from) })
    });
    Task { name: "ec2.vpn", period: VPN_LOOK_PERIOD, nudge: Nudge::default(), pass }
}

/// Tells the engine what changed. A host that cannot end tunnels says so once, and leaves them down.
pub async fn apply(network: &Network, applied: &AppliedPlans, wanted: Vec<VpnPlan>) -> Result<(), Error> {
    let gone: Vec<String> = {
        let known = applied.vpns.lock();
        known.keys().filter(|id| !wanted.iter().any(|plan| plan.id == **id)).cloned().collect()
    };
    for id in gone {
        network.remove_vpn(&id).await.map_err(failed)?;
        applied.vpns.lock().remove(&id);
    }
    for plan in wanted {
        let is_known = applied.vpns.lock().get(&plan.id) == Some(&plan)
            || applied.broken_vpns.lock().get(&plan.id) == Some(&plan);
        if is_known {
            continue;
        }
        match network.apply_vpn(&plan).await {
            Ok(_) => {
                applied.broken_vpns.lock().remove(&plan.id);
                applied.vpns.lock().insert(plan.id.clone(), plan);
            }
            Err(error) => give_up(applied, plan, &error),
        }
    }
    Ok(())
}

/// A daemon that does not start takes seconds to say so, in which no other network changes: it is not tried for ever.
fn give_up(applied: &AppliedPlans, plan: VpnPlan, error: &NetworkError) {
    tracing::warn!(vpn = plan.id, %error, "this host cannot end the tunnels of a VPN connection");
    applied.vpns.lock().remove(&plan.id);
    applied.broken_vpns.lock().insert(plan.id.clone(), plan);
}

async fn run(ec2: &Ec2) -> Result<Pass, Error> {
    let Some(network) = ec2.network.as_ref().and_then(|networks| networks.opened()) else {
        return Ok(Pass::Done);
    };
    if ec2.applied.vpns.lock().is_empty() {
        return Ok(Pass::Done);
    }
    for place in places(ec2).await? {
        let read =
            ec2.store.read(|tx: Tx| async move { resources::all::<VpnConnectionRecord>(&tx, &place).await });
        for record in read.await? {
            let Some(plan) = ec2.applied.vpns.lock().get(record.id()).cloned() else { continue };
            match network.tunnels_up(record.id()).await {
                Ok(up) => tell(ec2, &place, &record, &up).await?,
                Err(error) => {
                    give_up(&ec2.applied, plan, &error);
                    tell(ec2, &place, &record, &[false, false]).await?;
                }
            }
        }
    }
    Ok(Pass::Done)
}

/// Has a connection show which of its tunnels are up, where that changed.
async fn tell(ec2: &Ec2, place: &Place, record: &VpnConnectionRecord, up: &[bool]) -> Result<(), Error> {
    let now = ec2.clock.now();
    let mut seen = record.clone();
    if !show(&mut seen, up, now) {
        return Ok(());
    }
    let id = record.id();
    let told = ec2.store.transact(|tx: Tx| async move {
        let Some(mut record) = VpnConnectionRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if show(&mut record, up, now) { resources::put(&tx, place, &record).await } else { Ok(()) }
    });
    told.await
}

/// Whether anything changed.
fn show(record: &mut VpnConnectionRecord, up: &[bool], now: Timestamp) -> bool {
    let routes = i32::try_from(record.routes().len()).unwrap_or(i32::MAX);
    let telemetry = record.connection.0.vgw_telemetry.iter_mut().flatten();
    let mut changed = false;
    for (shown, is_up) in telemetry.zip(up) {
        let status = if *is_up { TelemetryStatus::Up } else { TelemetryStatus::Down };
        let accepted = Some(if *is_up { routes } else { 0 });
        if shown.status.as_ref() == Some(&status) && shown.accepted_route_count == accepted {
            continue;
        }
        if shown.status.as_ref() != Some(&status) {
            shown.last_status_change = Some(now);
        }
        shown.status = Some(status);
        shown.accepted_route_count = accepted;
        shown.status_message = Some(if *is_up { String::new() } else { "IPSEC IS DOWN".to_owned() });
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use ec2_api::{VgwTelemetry, VpnConnection, VpnStaticRoute};
    use service::Kept;

    use super::*;

    #[test]
    fn telemetry_changes_when_a_tunnel_does() {
        let down = VgwTelemetry {
            status: Some(TelemetryStatus::Down),
            accepted_route_count: Some(0),
            ..VgwTelemetry::default()
        };
        let route = VpnStaticRoute {
            destination_cidr_block: Some("192.168.0.0/16".to_owned()),
            source: None,
            state: None,
        };
        let mut record = VpnConnectionRecord {
            connection: Kept(VpnConnection {
                vgw_telemetry: Some(vec![down.clone(), down]),
                routes: Some(vec![route]),
                ..VpnConnection::default()
            }),
            device: String::new(),
            device_asn: String::new(),
            asn: 0,
        };
        let now = Timestamp::from_secs(9);
        assert!(!show(&mut record, &[false, false], now));
        assert!(show(&mut record, &[true, false], now));
        let first = &record.connection.vgw_telemetry.as_ref().unwrap()[0];
        assert_eq!((&first.status, first.accepted_route_count), (&Some(TelemetryStatus::Up), Some(1)));
        assert_eq!(first.last_status_change, Some(now));
        assert!(!show(&mut record, &[true, false], Timestamp::from_secs(10)));
    }
}
