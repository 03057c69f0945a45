//! Makes the networks what the records say: one plan a VPC that has machines in it, applied when it changed.
//!
//! A pass reads all there is where instances are, and compares with what was applied last; the engine itself only
//! touches what differs. After a start nothing is known to be applied, so that everything is once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Region, Timestamp};
use ec2_api::VpcEndpointType;
use ipnet::{IpNet, Ipv4Net};
use network_engine::plan::{EndpointPlan, HubPlan, NamespaceId, PeeringPlan, VpcPlan, VpnPlan};
use network_engine::{FlowRecord, Found, Network, NetworkError};
use parking_lot::Mutex;
use schema::Fault;
use service::{BoxFuture, Pass, Task};
use store::{Select, Tx};

use super::vpn;
use crate::Ec2;
use crate::error::Error;
use crate::ground;
use crate::ground::links;
use crate::ground::network::{Records, plan};
use crate::limits::{NETWORKS_PERIOD, NETWORKS_RETRY_TIME, PAGE_MAX};
use crate::model::instances::State;
use crate::model::vpcs::aws_lists;
use crate::operations::transit;
use crate::operations::vpcs::propagations;
use crate::records::endpoints::EndpointRecord;
use crate::records::flow_logs::FlowLogRecord;
use crate::records::instances::{INSTANCE_PLACES, InstanceRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::peerings::PeeringRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::transit::{TransitAttachmentRecord, TransitRouteTableRecord};
use crate::records::{Place, Resource, zones};
use crate::resources;

/// The networks of the host that machines run on.
pub trait Networks: Send + Sync + 'static {
    /// The engine, which is opened when the first machine is there; nothing where the host cannot have one.
    fn engine(&self) -> BoxFuture<'_, Option<Network>>;

    /// The engine if it is open: what it holds is asked for without making anything.
    fn opened(&self) -> Option<Network>;

    /// A VPC's network is there: whoever serves its instances may listen in it now. Told after every change.
    fn joined<'a>(&'a self, plan: &'a VpcPlan) -> BoxFuture<'a, ()>;

    /// A VPC's network is gone.
    fn left(&self, vpc: &str);

    /// What the flow logs of a VPC recorded since this was asked last; nothing where it has no network.
    fn flows<'a>(&'a self, vpc: &'a str) -> BoxFuture<'a, Vec<FlowRecord>> {
        Box::pin(async move {
            let Some(network) = self.opened() else { return Vec::new() };
            match network.flows(vpc).await {
                Ok(flows) => flows,
                Err(NetworkError::Unknown(_)) => Vec::new(),
                Err(error) => {
                    tracing::warn!(vpc, %error, "flows were not collected");
                    Vec::new()
                }
            }
        })
    }

    /// Keeps a flow log's records for people of this host; `header` names the fields of each of the lines.
    fn recorded<'a>(&'a self, log: &'a str, header: &'a str, lines: &'a str) -> BoxFuture<'a, ()>;
}

/// What the engine was last told of each VPC.
#[derive(Default)]
pub struct AppliedPlans {
    vpcs: Mutex<BTreeMap<String, VpcPlan>>,
    hubs: Mutex<BTreeMap<String, HubPlan>>,
    pub vpns: Mutex<BTreeMap<String, VpnPlan>>,
    /// Those that this host could not make: tried again when their plan is another, or by another process.
    pub broken_vpns: Mutex<BTreeMap<String, VpnPlan>>,
    /// Zones that are cut off.
    down: Mutex<BTreeSet<String>>,
    /// What an earlier process left was looked through.
    swept: AtomicBool,
}

pub fn task(ec2: &Arc<Ec2>) -> Task {
    let (ec2, nudge) = (Arc::clone(ec2), ec2.networks.clone());
    let pass = Arc::new(move || -> BoxFuture<'static, Result<Pass, Fault>> {
        let ec2 = Arc::clone(&ec2);
        Box::pin(async move { run(&ec2).await.map_err(Fault::from) })
    });
    Task { name: "ec2.networks", period: NETWORKS_PERIOD, nudge, pass }
}

async fn run(ec2: &Ec2) -> Result<Pass, Error> {
    let Some(networks) = &ec2.network else { return Ok(Pass::Done) };
    let mut looked = Vec::new();
    for place in places(ec2).await? {
        looked.push(look(ec2, place).await?);
    }
    let has_machines = looked.iter().any(|view| !view.machines.is_empty());
    let network = match has_machines || !ec2.applied.vpcs.lock().is_empty() {
        true => networks.engine().await,
        false => networks.opened(),
    };
    let Some(network) = network else { return Ok(Pass::Done) };
    cut_zones(ec2).await?;
    let wanted: Vec<VpcPlan> = looked.iter().flat_map(|view| plans(&network, view)).collect();
    let vpns: Vec<VpnPlan> = looked.iter().flat_map(|view| view.vpns.clone()).collect();
    let hubs: Vec<HubPlan> = looked.into_iter().flat_map(|view| view.hubs).collect();
    sweep(ec2, &network, &Wanted { vpcs: &wanted, hubs: &hubs, vpns: &vpns }).await?;
    let is_settled = apply(&**networks, &network, &ec2.applied, wanted).await?;
    vpn::apply(&network, &ec2.applied, vpns).await?;
    apply_hubs(&network, &ec2.applied, hubs).await?;
    Ok(if is_settled { Pass::Done } else { Pass::Again(NETWORKS_RETRY_TIME) })
}

/// Cuts zones off that are down, and joins those again that are up, in the network as it is. Zones come before plans: a
/// network that is made while its zone is down never carries a packet.
pub async fn cut_zones(ec2: &Ec2) -> Result<(), Error> {
    let Some(network) = ec2.network.as_ref().and_then(|networks| networks.opened()) else { return Ok(()) };
    let down: BTreeSet<String> = ec2.zones_down().await?.into_keys().collect();
    let known = ec2.applied.down.lock().clone();
    for zone in known.symmetric_difference(&down) {
        let is_down = down.contains(zone);
        network.zone_down(zone, is_down).await.map_err(failed)?;
        let mut known = ec2.applied.down.lock();
        if is_down {
            known.insert(zone.clone())
        } else {
            known.remove(zone)
        };
    }
    Ok(())
}

/// All there is to be.
struct Wanted<'a> {
    vpcs: &'a [VpcPlan],
    hubs: &'a [HubPlan],
    vpns: &'a [VpnPlan],
}

/// Once a process: takes away what an earlier one left in the kernel and no record knows any more. What is there is
/// listed before the records are read, so that nothing is taken away that is only just being made.
async fn sweep(ec2: &Ec2, network: &Network, wanted: &Wanted<'_>) -> Result<(), Error> {
    if ec2.applied.swept.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut left = network.adopt().await.map_err(failed)?;
    let instances = instances(ec2).await?;
    left.machines.retain(|id| !instances.contains_key(id));
    left.vpcs.retain(|id| !wanted.vpcs.iter().any(|plan| plan.id == *id));
    left.nats.retain(|id| !wanted.vpcs.iter().any(|plan| plan.nats.iter().any(|nat| nat.id == *id)));
    left.hubs.retain(|id| !wanted.hubs.iter().any(|hub| hub.id == *id));
    left.vpns.retain(|id| !wanted.vpns.iter().any(|vpn| vpn.id == *id));
    if left != Found::default() {
        tracing::info!(?left, "what an earlier run left of its networks is taken away");
        network.discard(&left).await.map_err(failed)?;
    }
    ec2.applied.swept.store(true, Ordering::Relaxed);
    Ok(())
}

/// What is in one account and region.
struct View {
    region: Region,
    records: Records,
    /// Transit and virtual private gateways that join anything.
    hubs: Vec<HubPlan>,
    vpns: Vec<VpnPlan>,
    /// The ids of instances that are on the network.
    machines: Vec<String>,
}

/// Where there are instances.
pub async fn places(ec2: &Ec2) -> Result<BTreeSet<Place>, Error> {
    Ok(instances(ec2).await?.into_values().collect())
}

/// Every instance that is not forgotten, and where it is.
async fn instances(ec2: &Ec2) -> Result<BTreeMap<String, Place>, Error> {
    let (mut found, mut after) = (BTreeMap::new(), None::<String>);
    loop {
        let at = &after;
        let page = ec2.store.read(|tx| async move {
            INSTANCE_PLACES.scan(&tx, &(), Select::ALL.after(at.as_deref()), PAGE_MAX).await
        });
        let page = page.await?;
        found.extend(page.records.into_iter().map(|(id, at)| (id, at.place())));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

async fn look(ec2: &Ec2, place: Place) -> Result<View, Error> {
    let read = ec2.store.read(|tx| async move {
        let instances = resources::all::<InstanceRecord>(&tx, &place).await?;
        let attachments = resources::all::<TransitAttachmentRecord>(&tx, &place).await?;
        let mut records = load(ec2, &tx, &place, &attachments).await?;
        let mut hubs = hubs(&tx, &place, &attachments).await?;
        let (gateways, connections) =
            (resources::all(&tx, &place).await?, resources::all(&tx, &place).await?);
        let mut vpns = Vec::new();
        for joined in ground::vpn::joined(&gateways, &connections, &records.vpcs) {
            records.links.push(joined.link);
            hubs.push(joined.hub);
            vpns.extend(joined.connections);
        }
        Ok::<_, Error>((records, (hubs, vpns), instances))
    });
    let (records, (hubs, vpns), instances) = read.await?;
    let on = instances.into_iter().filter(|instance| is_on_the_network(instance.state));
    Ok(View { region: place.1, records, hubs, vpns, machines: on.map(|instance| instance.id).collect() })
}

/// The plans of the VPCs of one place that have machines in them.
fn plans(network: &Network, view: &View) -> Vec<VpcPlan> {
    let home = |id: &String| (id.clone(), network.home(id));
    let homes: BTreeMap<String, NamespaceId> = view.machines.iter().map(home).collect();
    let plans = view.records.vpcs.iter().map(|vpc| plan(&view.records, vpc, view.region, &homes));
    plans.filter(|plan| plan.interfaces.iter().any(|interface| interface.home.is_some())).collect()
}

/// Machines that are off are not plugged in.
fn is_on_the_network(state: State) -> bool {
    matches!(state, State::Pending | State::Running | State::Stopping)
}

pub fn failed(error: NetworkError) -> Error {
    Error::Internal(Box::new(error))
}

/// Everything of one account and region that matters to packets.
pub async fn load(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    attachments: &[TransitAttachmentRecord],
) -> Result<Records, Error> {
    let services = aws_lists::services(ec2.public_range);
    let down = zones::down(tx).await?;
    let peerings = resources::all::<PeeringRecord>(tx, place).await?;
    let endpoints = resources::all::<EndpointRecord>(tx, place).await?;
    let mut tables = resources::all::<RouteTableRecord>(tx, place).await?;
    for table in &mut tables {
        propagations::learn(tx, place, table).await?;
    }
    let flow_logs = resources::all::<FlowLogRecord>(tx, place).await?;
    let interfaces = resources::all::<InterfaceRecord>(tx, place).await?;
    Ok(Records {
        services,
        vpcs: resources::all(tx, place).await?,
        subnets: resources::all(tx, place).await?,
        tables,
        acls: resources::all(tx, place).await?,
        groups: resources::all(tx, place).await?,
        lists: resources::all(tx, place).await?,
        internet: resources::all(tx, place).await?,
        outward: resources::all(tx, place).await?,
        nats: resources::all(tx, place).await?,
        peerings: peerings
            .iter()
            .filter(|record| record.is_active())
            .flat_map(|record| sides(record, place))
            .collect(),
        endpoints: endpoints
            .iter()
            .filter_map(|record| endpoint(record, &interfaces, services, &down))
            .collect(),
        links: attachments.iter().filter_map(links::link).collect(),
        flow_logs: flow_logs.iter().filter_map(|record| links::flow_log(record, &interfaces)).collect(),
        interfaces,
    })
}

/// The transit gateways that have attachments.
async fn hubs(
    tx: &Tx,
    place: &Place,
    attachments: &[TransitAttachmentRecord],
) -> Result<Vec<HubPlan>, Error> {
    let gateways: BTreeSet<&str> = attachments.iter().map(|attachment| attachment.gateway.as_str()).collect();
    if gateways.is_empty() {
        return Ok(Vec::new());
    }
    let mut tables = Vec::new();
    for table in resources::all::<TransitRouteTableRecord>(tx, place).await? {
        let routes = transit::routes::effective(tx, place, &table).await?;
        tables.push((table, routes));
    }
    Ok(gateways.into_iter().map(|gateway| links::hub(gateway, attachments, &tables)).collect())
}

/// A connection as seen from each of its sides that is here.
fn sides(record: &PeeringRecord, place: &Place) -> Vec<(String, PeeringPlan)> {
    let (requester, accepter) = (&record.requester, &record.accepter);
    let blocks = |info: &Option<ec2_api::VpcPeeringConnectionVpcInfo>| -> Vec<IpNet> {
        let Some(info) = info else { return Vec::new() };
        let four = info.cidr_block_set.iter().flatten().filter_map(|block| block.cidr_block.as_deref());
        let six =
            info.ipv6_cidr_block_set.iter().flatten().filter_map(|block| block.ipv6_cidr_block.as_deref());
        four.chain(six).filter_map(|text| text.parse().ok()).collect()
    };
    let both = [
        (requester, accepter, blocks(&record.peering.accepter_vpc_info)),
        (accepter, requester, blocks(&record.peering.requester_vpc_info)),
    ];
    let here = both.into_iter().filter(|(side, ..)| side.place() == *place);
    here.map(|(side, other, other_cidrs)| {
        let plan = PeeringPlan { id: record.id().to_owned(), other_vpc: other.vpc.clone(), other_cidrs };
        (side.vpc.clone(), plan)
    })
    .collect()
}

fn endpoint(
    record: &EndpointRecord,
    interfaces: &[InterfaceRecord],
    services: Ipv4Net,
    down: &BTreeMap<String, Timestamp>,
) -> Option<(String, EndpointPlan)> {
    let id = record.id().to_owned();
    let plan = match record.endpoint.vpc_endpoint_type {
        Some(VpcEndpointType::Gateway) => EndpointPlan::Gateway { id, services: vec![services.into()] },
        _ => {
            let own: Vec<_> = record.endpoint.network_interface_ids.iter().flatten().collect();
            let own = interfaces.iter().filter(|interface| own.iter().any(|id| *id == interface.id()));
            let has_power = |interface: &&InterfaceRecord| {
                let zone = interface.interface.availability_zone.as_deref();
                zone.is_none_or(|zone| !down.contains_key(zone))
            };
            let own = own.filter(has_power);
            let addresses = own.flat_map(|interface| interface.addresses()).map(IpAddr::from).collect();
            let groups = record.endpoint.groups.iter().flatten().filter_map(|group| group.group_id.clone());
            EndpointPlan::Interface { id, addresses, groups: groups.collect() }
        }
    };
    Some((record.endpoint.vpc_id.clone()?, plan))
}

/// Tells the engine what changed. Whether everything is in its place.
async fn apply(
    networks: &dyn Networks,
    network: &Network,
    applied: &AppliedPlans,
    wanted: Vec<VpcPlan>,
) -> Result<bool, Error> {
    let gone: Vec<String> = {
        let known = applied.vpcs.lock();
        known.keys().filter(|id| !wanted.iter().any(|plan| plan.id == **id)).cloned().collect()
    };
    for id in gone {
        networks.left(&id);
        network.remove(&id).await.map_err(failed)?;
        applied.vpcs.lock().remove(&id);
    }
    let mut is_settled = true;
    for plan in wanted {
        if applied.vpcs.lock().get(&plan.id) == Some(&plan) {
            continue;
        }
        let outcome = network.apply(&plan).await.map_err(failed)?;
        networks.joined(&plan).await;
        // What has no machine yet is plugged in when it is looked at again.
        if outcome.absent.is_empty() {
            applied.vpcs.lock().insert(plan.id.clone(), plan);
        } else {
            is_settled = false;
        }
    }
    Ok(is_settled)
}

/// The same for transit gateways. One that joins nothing any more is taken away.
async fn apply_hubs(network: &Network, applied: &AppliedPlans, wanted: Vec<HubPlan>) -> Result<(), Error> {
    let gone: Vec<String> = {
        let known = applied.hubs.lock();
        known.keys().filter(|id| !wanted.iter().any(|plan| plan.id == **id)).cloned().collect()
    };
    for id in gone {
        network.remove_hub(&id).await.map_err(failed)?;
        applied.hubs.lock().remove(&id);
    }
    for plan in wanted {
        if applied.hubs.lock().get(&plan.id) == Some(&plan) {
            continue;
        }
        // A VPC without machines has no network to be plugged into; it follows when it has one.
        let outcome = network.apply_hub(&plan).await.map_err(failed)?;
        if outcome.absent.is_empty() {
            applied.hubs.lock().insert(plan.id.clone(), plan);
        }
    }
    Ok(())
}
