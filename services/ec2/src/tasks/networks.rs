//! Makes the networks what the records say: one plan a VPC that has machines in it, applied when it changed.
//!
//! A pass reads all there is where instances are, and compares with what was applied last; the engine itself only
//! touches what differs. After a start nothing is known to be applied, so that everything is once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base::Region;
use ec2_api::VpcEndpointType;
use ipnet::{IpNet, Ipv4Net};
use network_engine::plan::{EndpointPlan, HubPlan, NamespaceId, PeeringPlan, VpcPlan};
use network_engine::{Network, NetworkError};
use parking_lot::Mutex;
use schema::Fault;
use service::{BoxFuture, Pass, Task};
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::ground::links;
use crate::ground::network::{Records, plan};
use crate::limits::{NETWORKS_PERIOD, NETWORKS_RETRY_TIME, PAGE_MAX};
use crate::model::instances::State;
use crate::operations::transit;
use crate::operations::vpcs::propagations;
use crate::records::endpoints::EndpointRecord;
use crate::records::flow_logs::FlowLogRecord;
use crate::records::instances::{INSTANCE_PLACES, InstanceRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::peerings::PeeringRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::transit::{TransitAttachmentRecord, TransitRouteTableRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// The networks of the host that machines run on.
pub trait Networks: Send + Sync + 'static {
    /// The engine, which is opened when the first machine is there; nothing where the host cannot have one.
    fn engine(&self) -> BoxFuture<'_, Option<Network>>;

    /// A VPC's network is there: whoever serves its instances may listen in it now. Told after every change.
    fn joined<'a>(&'a self, plan: &'a VpcPlan) -> BoxFuture<'a, ()>;

    /// A VPC's network is gone.
    fn left(&self, vpc: &str);
}

/// What the engine was last told of each VPC.
#[derive(Default)]
pub struct AppliedPlans {
    vpcs: Mutex<BTreeMap<String, VpcPlan>>,
    hubs: Mutex<BTreeMap<String, HubPlan>>,
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
    if !has_machines && ec2.applied.vpcs.lock().is_empty() {
        return Ok(Pass::Done);
    }
    let Some(network) = networks.engine().await else { return Ok(Pass::Done) };
    let wanted = looked.iter().flat_map(|view| plans(&network, view)).collect();
    let hubs: Vec<HubPlan> = looked.into_iter().flat_map(|view| view.hubs).collect();
    let is_settled = apply(&**networks, &network, &ec2.applied, wanted).await?;
    apply_hubs(&network, &ec2.applied, hubs).await?;
    Ok(if is_settled { Pass::Done } else { Pass::Again(NETWORKS_RETRY_TIME) })
}

/// What is in one account and region.
struct View {
    region: Region,
    records: Records,
    /// Transit gateways that join anything.
    hubs: Vec<HubPlan>,
    /// The ids of instances that are on the network.
    machines: Vec<String>,
}

/// Where there are instances.
async fn places(ec2: &Ec2) -> Result<BTreeSet<Place>, Error> {
    let (mut found, mut after) = (BTreeSet::new(), None::<String>);
    loop {
        let at = &after;
        let page = ec2.store.read(|tx| async move {
            INSTANCE_PLACES.scan(&tx, &(), Select::ALL.after(at.as_deref()), PAGE_MAX).await
        });
        let page = page.await?;
        found.extend(page.records.iter().map(|(_, at)| at.place()));
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
        let records = load(ec2, &tx, &place, &attachments).await?;
        Ok::<_, Error>((records, hubs(&tx, &place, &attachments).await?, instances))
    });
    let (records, hubs, instances) = read.await?;
    let on = instances.into_iter().filter(|instance| is_on_the_network(instance.state));
    Ok(View { region: place.1, records, hubs, machines: on.map(|instance| instance.id).collect() })
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

fn failed(error: NetworkError) -> Error {
    Error::Internal(Box::new(error))
}

/// Everything of one account and region that matters to packets.
pub async fn load(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    attachments: &[TransitAttachmentRecord],
) -> Result<Records, Error> {
    let service = Ipv4Net::from(Ipv4Addr::from(u32::from(ec2.public_range.broadcast()) - 1));
    let peerings = resources::all::<PeeringRecord>(tx, place).await?;
    let endpoints = resources::all::<EndpointRecord>(tx, place).await?;
    let mut tables = resources::all::<RouteTableRecord>(tx, place).await?;
    for table in &mut tables {
        propagations::learn(tx, place, table).await?;
    }
    let flow_logs = resources::all::<FlowLogRecord>(tx, place).await?;
    let interfaces = resources::all::<InterfaceRecord>(tx, place).await?;
    Ok(Records {
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
        endpoints: endpoints.iter().filter_map(|record| endpoint(record, &interfaces, service)).collect(),
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
    service: Ipv4Net,
) -> Option<(String, EndpointPlan)> {
    let id = record.id().to_owned();
    let plan = match record.endpoint.vpc_endpoint_type {
        Some(VpcEndpointType::Gateway) => EndpointPlan::Gateway { id, services: vec![service.into()] },
        _ => {
            let own: Vec<_> = record.endpoint.network_interface_ids.iter().flatten().collect();
            let own = interfaces.iter().filter(|interface| own.iter().any(|id| *id == interface.id()));
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
