//! DescribeVolumeStatus: a volume is impaired while its zone is down, while the host's disk is full, or while its I/O is
//! disabled because its data may be inconsistent.

use std::collections::BTreeMap;

use base::Timestamp;
use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::limits::DOUBT_SHOWN_TIME;
use crate::model::filter::{Filters, Values, maybe, with_millis};
use crate::model::volumes::State;
use crate::operations::lists::{self, Asked};
use crate::records::volumes::{Doubt, VolumeRecord};
use crate::records::zones::down;
use crate::resources;

const INCONSISTENT: &str = "potential-data-inconsistency";
const ENABLE: &str = "enable-volume-io";

/// Events are told apart by what they are about.
fn event_id(record: &VolumeRecord, of: char) -> String {
    let digits = record.id.trim_start_matches("vol-");
    format!("evol-{of}{}", digits.get(1..).unwrap_or_default())
}

fn events(record: &VolumeRecord, cut: Option<Timestamp>, now: Timestamp) -> Vec<VolumeStatusEvent> {
    let instance_id = record.attachment.as_ref().map(|attachment| attachment.instance.clone());
    let stalled = cut.or(record.stalled).map(|since| VolumeStatusEvent {
        description: Some(match cut {
            Some(_) => "The Availability Zone of the volume is not available.".to_owned(),
            None => "The disk that the volume is kept on is full: writes wait.".to_owned(),
        }),
        event_id: Some(event_id(record, '0')),
        event_type: Some("io-performance:stalled".to_owned()),
        instance_id: instance_id.clone(),
        not_before: Some(since),
        ..VolumeStatusEvent::default()
    });
    let is_shown = |doubt: &&Doubt| doubt.ended.is_none_or(|ended| now.since(ended) < DOUBT_SHOWN_TIME);
    let doubt = record.doubt.as_ref().filter(is_shown).map(|doubt| VolumeStatusEvent {
        description: Some(
            match (doubt.ended, doubt.by_itself) {
                (None, _) => "Awaiting Action: Enable IO",
                (Some(_), false) => "IO Enabled",
                (Some(_), true) => "IO Auto-Enabled",
            }
            .to_owned(),
        ),
        event_id: Some(event_id(record, '1')),
        event_type: Some(INCONSISTENT.to_owned()),
        instance_id,
        not_before: Some(doubt.since),
        not_after: doubt.ended,
    });
    stalled.into_iter().chain(doubt).collect()
}

/// What its owner may do.
fn actions(record: &VolumeRecord) -> Vec<VolumeStatusAction> {
    let enable = record.is_cut().then(|| VolumeStatusAction {
        code: Some(ENABLE.to_owned()),
        description: Some("Enable Volume I/O".to_owned()),
        event_id: Some(event_id(record, '1')),
        event_type: Some(INCONSISTENT.to_owned()),
    });
    enable.into_iter().collect()
}

fn info(record: &VolumeRecord, is_stalled: bool) -> VolumeStatusInfo {
    let is_provisioned =
        matches!(record.shown.volume_type, Some(VolumeType::Gp3 | VolumeType::Io1 | VolumeType::Io2));
    let (status, enabled, performance) = match (record.state, record.is_cut(), is_stalled) {
        (State::Creating, ..) => {
            (VolumeStatusInfoStatus::InsufficientData, "insufficient-data", "insufficient-data")
        }
        (_, true, _) => (VolumeStatusInfoStatus::Impaired, "failed", "insufficient-data"),
        (_, false, true) => (VolumeStatusInfoStatus::Impaired, "passed", "stalled"),
        (_, false, false) if is_provisioned => (VolumeStatusInfoStatus::Ok, "passed", "normal"),
        (_, false, false) => (VolumeStatusInfoStatus::Ok, "passed", "not-applicable"),
    };
    let detail =
        |name, status: &str| VolumeStatusDetails { name: Some(name), status: Some(status.to_owned()) };
    VolumeStatusInfo {
        status: Some(status),
        details: Some(vec![
            detail(VolumeStatusName::IoEnabled, enabled),
            detail(VolumeStatusName::IoPerformance, performance),
        ]),
    }
}

fn item(record: &VolumeRecord, down: &BTreeMap<String, Timestamp>, now: Timestamp) -> VolumeStatusItem {
    let cut = down.get(record.zone()).copied();
    VolumeStatusItem {
        actions: Some(actions(record)),
        availability_zone: Some(record.zone().to_owned()),
        availability_zone_id: record.shown.availability_zone_id.clone(),
        events: Some(events(record, cut, now)),
        volume_id: Some(record.id.clone()),
        volume_status: Some(info(record, cut.or(record.stalled).is_some())),
        attachment_statuses: Some(Vec::new()),
        ..VolumeStatusItem::default()
    }
}

const FILTERS: &[&str] = &[
    "action.code",
    "action.description",
    "action.event-id",
    "attachment-status.instance-id",
    "attachment-status.io-performance",
    "availability-zone",
    "event.description",
    "event.event-id",
    "event.event-type",
    "event.not-after",
    "event.not-before",
    "volume-status.details-name",
    "volume-status.details-status",
    "volume-status.status",
];

fn value(shown: &VolumeStatusItem, name: &str) -> Values {
    let events = || shown.events.iter().flatten();
    let actions = || shown.actions.iter().flatten();
    let info = shown.volume_status.as_ref();
    let details = || info.into_iter().flat_map(|info| info.details.iter().flatten());
    Some(match name {
        "action.code" => actions().filter_map(|action| action.code.clone()).collect(),
        "action.description" => actions().filter_map(|action| action.description.clone()).collect(),
        "action.event-id" => actions().filter_map(|action| action.event_id.clone()).collect(),
        "availability-zone" => return maybe(shown.availability_zone.as_ref()),
        "event.description" => events().filter_map(|event| event.description.clone()).collect(),
        "event.event-id" => events().filter_map(|event| event.event_id.clone()).collect(),
        "event.event-type" => events().filter_map(|event| event.event_type.clone()).collect(),
        "event.not-after" => events().filter_map(|event| event.not_after.map(with_millis)).collect(),
        "event.not-before" => events().filter_map(|event| event.not_before.map(with_millis)).collect(),
        "volume-status.details-name" => {
            details().filter_map(|detail| detail.name.as_ref().map(ToString::to_string)).collect()
        }
        "volume-status.details-status" => details().filter_map(|detail| detail.status.clone()).collect(),
        "volume-status.status" => return maybe(info.and_then(|info| info.status.as_ref())),
        known if FILTERS.contains(&known) => Vec::new(),
        _ => return None,
    })
}

pub async fn describe_volume_status(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVolumeStatusInput,
) -> Result<DescribeVolumeStatusOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let (place, ids) = (&call.scope(), &input.volume_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        let down = down(&tx).await?;
        let mut found: Vec<VolumeRecord> = Vec::new();
        match ids.is_empty() {
            true => found = resources::all(&tx, place).await?,
            false => {
                for id in ids {
                    found.push(resources::get(&tx, place, id).await?);
                }
            }
        }
        Ok::<_, Error>((found, down))
    });
    let (found, down) = found.await?;
    let mut shown = Vec::new();
    for record in found.iter().filter(|record| record.state != State::Deleting) {
        let item = item(record, &down, call.now);
        if filters.admit(&BTreeMap::new(), &|name| value(&item, name))? {
            shown.push(item);
        }
    }
    let asked = Asked {
        operation: "DescribeVolumeStatus",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |one: &VolumeStatusItem| one.volume_id.clone().unwrap_or_default();
    let (shown, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(DescribeVolumeStatusOutput { volume_statuses: Some(shown), next_token })
}
