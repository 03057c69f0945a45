//! Collects what flow logs record, minute by minute, and delivers it when an aggregation interval is over: as files in
//! S3, and as lines for people of this host.
//!
//! What was collected and not yet delivered is in memory: an interval that a crash cuts off is lost. AWS promises no
//! more ("records might be skipped").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use ec2_api::LogDestinationType;
use ipnet::IpNet;
use network_engine::FlowRecord;
use parking_lot::Mutex;
use s3_api::{ObjectCannedACL, PutObject, PutObjectInput};
use schema::{ByteStream, Fault};
use service::{BoxFuture, Nudge, Pass, Task};
use store::Tx;

use super::networks::{Networks, places};
use crate::Ec2;
use crate::error::Error;
use crate::ground::links;
use crate::limits::{FLOW_COLLECTION_PERIOD, FLOW_LOG_NAME_CHARS, FLOWS_OF_A_LOG_MAX};
use crate::model::flow_files;
use crate::model::flow_records::{Flow, Sum, Whereabouts, Window, bucket_of, header, key};
use crate::operations::flow_destinations::{PRINCIPAL, source};
use crate::records::flow_logs::FlowLogRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

const UNIQUE: &[u8] = b"0123456789abcdef";

/// What was seen and not delivered yet, by the id of the flow log.
#[derive(Default)]
pub struct Collected(Mutex<BTreeMap<String, Window>>);

pub fn task(ec2: &Arc<Ec2>) -> Task {
    let ec2 = Arc::clone(ec2);
    let pass = Arc::new(move || -> BoxFuture<'static, Result<Pass, Fault>> {
        let ec2 = Arc::clone(&ec2);
        Box::pin(async move { run(&ec2).await.map_err(Fault::from) })
    });
    Task { name: "ec2.flow-logs", period: FLOW_COLLECTION_PERIOD, nudge: Nudge::default(), pass }
}

/// The flow logs of one account and region, and what they watch.
struct View {
    place: Place,
    /// With its VPC.
    logs: Vec<(FlowLogRecord, String)>,
    interfaces: Vec<InterfaceRecord>,
    zone_ids: BTreeMap<String, String>,
    blocks: BTreeMap<String, Vec<IpNet>>,
}

async fn run(ec2: &Ec2) -> Result<Pass, Error> {
    let Some(networks) = &ec2.network else { return Ok(Pass::Done) };
    let now = ec2.clock.now();
    let mut alive = BTreeSet::new();
    for place in places(ec2).await? {
        let view = look(ec2, place).await?;
        let vpcs: BTreeSet<&String> = view.logs.iter().map(|(_, vpc)| vpc).collect();
        for vpc in vpcs {
            let seen = networks.flows(vpc).await;
            for (record, _) in view.logs.iter().filter(|(_, of)| of == vpc) {
                alive.insert(record.id().to_owned());
                collect(ec2, &view, record, &seen, now);
                if let Some(window) = take_if_over(ec2, record, now) {
                    deliver(ec2, &**networks, &view, record, &window, now).await?;
                }
            }
        }
    }
    ec2.collected.0.lock().retain(|id, _| alive.contains(id));
    Ok(Pass::Done)
}

async fn look(ec2: &Ec2, place: Place) -> Result<View, Error> {
    let read = ec2.store.read(|tx: Tx| async move {
        let logs: Vec<FlowLogRecord> = resources::all(&tx, &place).await?;
        if logs.is_empty() {
            let (zone_ids, blocks) = (BTreeMap::new(), BTreeMap::new());
            return Ok(View { place, logs: Vec::new(), interfaces: Vec::new(), zone_ids, blocks });
        }
        let interfaces: Vec<InterfaceRecord> = resources::all(&tx, &place).await?;
        let subnets: Vec<SubnetRecord> = resources::all(&tx, &place).await?;
        let vpcs: Vec<VpcRecord> = resources::all(&tx, &place).await?;
        let watched = logs.into_iter().filter_map(|log| {
            let vpc = links::flow_log(&log, &interfaces)?.0;
            Some((log, vpc))
        });
        let zone = |subnet: &SubnetRecord| {
            Some((subnet.id().to_owned(), subnet.subnet.availability_zone_id.clone()?))
        };
        let of_vpc = |vpc: &VpcRecord| {
            let all = vpc.blocks().into_iter().map(IpNet::from);
            (vpc.id().to_owned(), all.chain(vpc.blocks6().into_iter().map(IpNet::from)).collect())
        };
        Ok::<_, Error>(View {
            place,
            logs: watched.collect(),
            zone_ids: subnets.iter().filter_map(zone).collect(),
            blocks: vpcs.iter().map(of_vpc).collect(),
            interfaces,
        })
    });
    read.await
}

fn collect(ec2: &Ec2, view: &View, record: &FlowLogRecord, seen: &[FlowRecord], now: Timestamp) {
    let Some((_, plan)) = links::flow_log(record, &view.interfaces) else { return };
    let mut windows = ec2.collected.0.lock();
    let Some(window) = windows.get_mut(record.id()) else {
        // What was seen before the log was known is none of its business.
        windows.insert(record.id().to_owned(), Window::new(now));
        return;
    };
    let wanted = |flow: &&FlowRecord| {
        plan.interfaces.contains(&flow.interface) && if flow.accepted { plan.accepted } else { plan.rejected }
    };
    for found in seen.iter().filter(wanted) {
        if window.flows.len() >= FLOWS_OF_A_LOG_MAX {
            tracing::warn!(log = record.id(), "a flow log has more flows than are kept; some are skipped");
            break;
        }
        let flow = Flow {
            interface: found.interface.clone(),
            source: found.source,
            destination: found.destination,
            source_port: found.source_port,
            destination_port: found.destination_port,
            protocol: found.protocol,
            accepted: found.accepted,
            egress: found.egress,
        };
        window.add(flow, Sum { packets: found.packets, bytes: found.bytes });
    }
}

/// The window of a log whose aggregation interval is over; the next one begins.
fn take_if_over(ec2: &Ec2, record: &FlowLogRecord, now: Timestamp) -> Option<Window> {
    let interval = u64::try_from(record.log.max_aggregation_interval.unwrap_or(600)).unwrap_or(600);
    let mut windows = ec2.collected.0.lock();
    let window = windows.get_mut(record.id())?;
    let is_over = now.since(window.start) >= Duration::from_secs(interval);
    is_over.then(|| std::mem::replace(window, Window::new(now)))
}

async fn deliver(
    ec2: &Ec2,
    networks: &dyn Networks,
    view: &View,
    record: &FlowLogRecord,
    window: &Window,
    now: Timestamp,
) -> Result<(), Error> {
    let watched = watched(view, record);
    let format = record.log.log_format.as_deref().unwrap_or_default();
    let lines = window.lines(format, view.place, now, &watched);
    if lines.is_empty() {
        return Ok(());
    }
    networks.recorded(record.id(), &header(format), &lines).await;
    if record.log.log_destination_type != Some(LogDestinationType::S3) {
        return Ok(());
    }
    let outcome = put(ec2, view.place, record, &lines, now).await;
    if let Err(fault) = &outcome {
        tracing::warn!(log = record.id(), %fault, "flow log records are dropped: their bucket refuses them");
    }
    tell(ec2, view.place, record, outcome.is_ok()).await
}

/// The interfaces of a log that are in use, and where they are.
fn watched(view: &View, record: &FlowLogRecord) -> BTreeMap<String, Whereabouts> {
    let Some((_, plan)) = links::flow_log(record, &view.interfaces) else { return BTreeMap::new() };
    let own =
        view.interfaces.iter().filter(|interface| plan.interfaces.iter().any(|id| id == interface.id()));
    let used = own.filter(|interface| interface.instance().is_some());
    let whereabouts = |interface: &InterfaceRecord| Whereabouts {
        vpc: interface.vpc().to_owned(),
        subnet: interface.subnet().to_owned(),
        instance: interface.instance().map(str::to_owned),
        zone_id: view.zone_ids.get(interface.subnet()).cloned(),
        blocks: view.blocks.get(interface.vpc()).cloned().unwrap_or_default(),
    };
    used.map(|interface| (interface.id().to_owned(), whereabouts(interface))).collect()
}

/// Writes one file, as the service that delivers logs: the bucket's policy decides.
async fn put(
    ec2: &Ec2,
    place: Place,
    record: &FlowLogRecord,
    lines: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some((bucket, folder)) = bucket_of(&record.log) else { return Ok(()) };
    let body = flow_files::file(&record.log, lines).map_err(Fault::internal)?;
    let unique = ec2.ids.text(FLOW_LOG_NAME_CHARS, UNIQUE);
    let input = PutObjectInput {
        bucket: bucket.to_owned(),
        key: key(&record.log, folder, place, now, &unique),
        body: Some(ByteStream::from(Bytes::from(body))),
        content_type: Some("application/octet-stream".to_owned()),
        acl: Some(ObjectCannedACL::BucketOwnerFullControl),
        ..PutObjectInput::default()
    };
    let cause = ec2.own_call(place.0, place.1);
    let sender = ec2.aws.as_service(PRINCIPAL, place.0, place.1, &cause).source(&source(place));
    sender.call(PutObject, input).await.map(drop)
}

/// Has the log say how its last delivery went.
async fn tell(ec2: &Ec2, place: Place, record: &FlowLogRecord, went_well: bool) -> Result<(), Error> {
    let (status, why) = match went_well {
        true => ("SUCCESS", None),
        false => ("FAILED", Some("Access error")),
    };
    if record.log.deliver_logs_status.as_deref() == Some(status) {
        return Ok(());
    }
    let id = record.id();
    let told = ec2.store.transact(|tx: Tx| async move {
        let Some(mut record) = FlowLogRecord::TABLE.get(&tx, &place, id).await? else { return Ok(()) };
        record.log.0.deliver_logs_status = Some(status.to_owned());
        record.log.0.deliver_logs_error_message = why.map(str::to_owned);
        resources::put(&tx, &place, &record).await
    });
    told.await
}
