//! The ledger of usage: what began and ended to be used, written in the transaction in which it did. Billing reads it.
//!
//! A stretch lies among those under way until it ends, and then in the ledger by its end: whoever wants a month reads
//! the ledger from the month's beginning, and what is under way, and nothing else.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Select, StoreError, Table, Tx, Versioned, ordered};

use super::instances::{InstanceRecord, PlaceRecord};
use super::interfaces::{CARDS, InterfaceRecord, card_key};
use super::volumes::VolumeRecord;
use super::{Place, Resource, TAGS};
use crate::model::buying::market;
use crate::model::instances::State;
use crate::model::volumes::State as VolumeState;

/// Stretches that are over, by `end/beginning/resource/meter`.
pub const USAGE: Table<Place, UsageRecord> = Table::new("ec2.usage");

/// Stretches under way, by `resource/meter`.
pub const USAGE_UNDER_WAY: Table<Place, UsageRecord> = Table::new("ec2.usage-under-way");

/// Where anything was ever used, by `account/region`.
pub const USAGE_PLACES: Table<(), PlaceRecord> = Table::new("ec2.usage-places");

/// Spot instances of a type in a zone that ran as an hour ended, by `type/zone/hour`.
pub const SPOT_DEMAND: Table<(), SpotDemandRecord> = Table::new("ec2.spot-demand");

/// One stretch of use of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub resource: String,
    pub meter: Meter,
    /// How much of it: instances, gibibytes, IOPS, bytes.
    pub quantity: u64,
    pub zone: String,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// Those it had as the stretch ended.
    pub tags: BTreeMap<String, String>,
}

impl Versioned for UsageRecord {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Meter {
    Instance {
        instance_type: String,
        spot: bool,
    },
    /// Gibibytes of a volume of this type.
    Volume(String),
    /// Those that are paid for.
    Iops(String),
    /// Mebibytes a second that are paid for.
    Throughput(String),
    /// Bytes of a snapshot, in this tier.
    Snapshot(String),
    PublicAddress,
    NatGateway,
    /// Instances of this type that a capacity reservation holds and nobody uses.
    Reservation(String),
    /// A Dedicated Host of this family.
    Host(String),
}

impl Meter {
    /// What tells the meters of one resource apart.
    fn name(&self) -> &'static str {
        match self {
            Meter::Instance { .. } => "instance",
            Meter::Volume(_) => "volume",
            Meter::Iops(_) => "iops",
            Meter::Throughput(_) => "throughput",
            Meter::Snapshot(_) => "snapshot",
            Meter::PublicAddress => "address",
            Meter::NatGateway => "nat",
            Meter::Reservation(_) => "reservation",
            Meter::Host(_) => "host",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotDemandRecord {
    pub hour: u64,
    pub running: u32,
}

impl Versioned for SpotDemandRecord {
    const VERSION: u16 = 1;
}

/// From now on this much is used. What the same meter of the resource said before ends; saying the same again changes
/// nothing; nothing at all only ends it. Tells whether anything changed.
pub async fn meter(
    tx: &Tx,
    place: &Place,
    (resource, zone): (&str, &str),
    meter: Meter,
    quantity: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let key = format!("{resource}/{}", meter.name());
    let known = USAGE_UNDER_WAY.get(tx, place, &key).await?;
    let same = |known: &UsageRecord| known.meter == meter && known.quantity == quantity;
    if known.as_ref().map_or(quantity == 0, same) {
        return Ok(false);
    }
    if let Some(mut over) = known {
        over.until = Some(now);
        over.tags = TAGS.get(tx, place, resource).await?.unwrap_or_default().tags;
        let ends = ordered(u64::try_from(now.as_millis()).unwrap_or(0));
        let began = ordered(u64::try_from(over.from.as_millis()).unwrap_or(0));
        USAGE.put(tx, place, &format!("{ends}/{began}/{key}"), &over).await?;
    }
    if quantity == 0 {
        USAGE_UNDER_WAY.delete(tx, place, &key).await?;
        return Ok(true);
    }
    let begun = UsageRecord {
        resource: resource.to_owned(),
        meter,
        quantity,
        zone: zone.to_owned(),
        from: now,
        until: None,
        tags: BTreeMap::new(),
    };
    USAGE_UNDER_WAY.put(tx, place, &key, &begun).await?;
    seen(tx, place).await?;
    Ok(true)
}

/// Something of this place costs something.
pub async fn seen(tx: &Tx, place: &Place) -> Result<(), StoreError> {
    let at = format!("{}/{}", place.0, place.1);
    match USAGE_PLACES.get(tx, &(), &at).await? {
        Some(_) => Ok(()),
        None => USAGE_PLACES.put(tx, &(), &at, &PlaceRecord::of(place)).await,
    }
}

/// An instance entered the state its record has. It is paid for while it runs ("Amazon EC2 instance state changes").
pub async fn instance(
    tx: &Tx,
    place: &Place,
    record: &InstanceRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (instance_type, zone) = (record.instance_type().to_owned(), record.zone());
    let spot = record.is_spot();
    let quantity = u64::from(record.state == State::Running);
    // Whoever runs on a Dedicated Host is paid for with it.
    let paid = if record.is_on_host() { 0 } else { quantity };
    let of_type = Meter::Instance { instance_type: instance_type.clone(), spot };
    // The address that is lent to it comes and goes with it, unless an Elastic IP has taken its place.
    let lent =
        if record.lends && quantity == 1 { u64::from(is_lent(tx, place, &record.id).await?) } else { 0 };
    meter(tx, place, (&record.id, zone), Meter::PublicAddress, lent, now).await?;
    if meter(tx, place, (&record.id, zone), of_type, paid, now).await? && spot {
        count_spot(tx, &instance_type, zone, quantity == 1, now).await?;
    }
    Ok(())
}

/// Whether an instance has a public address that is lent to it.
async fn is_lent(tx: &Tx, place: &Place, instance: &str) -> Result<bool, StoreError> {
    let prefix = card_key(instance, "");
    let cards = CARDS.scan(tx, place, Select::prefix(&prefix), crate::limits::PAGE_MAX).await?;
    for (key, _) in &cards.records {
        let id = key.strip_prefix(&prefix).unwrap_or_default();
        let card = InterfaceRecord::TABLE.get(tx, place, id).await?;
        if card.is_some_and(|card| card.is_lent()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A public address is handed out, or comes back.
pub async fn address(
    tx: &Tx,
    place: &Place,
    resource: &str,
    is_used: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    meter(tx, place, (resource, ""), Meter::PublicAddress, u64::from(is_used), now).await?;
    Ok(())
}

async fn count_spot(
    tx: &Tx,
    instance_type: &str,
    zone: &str,
    one_more: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let pool = format!("{instance_type}/{zone}/");
    let latest = SPOT_DEMAND.scan(tx, &(), Select::prefix(&pool).backward(), 1).await?.records;
    let running = latest.first().map_or(0, |(_, latest)| latest.running);
    let running = if one_more { running + 1 } else { running.saturating_sub(1) };
    let hour = market::hour(now.as_millis());
    SPOT_DEMAND.put(tx, &(), &format!("{pool}{}", ordered(hour)), &SpotDemandRecord { hour, running }).await
}

/// How many spot instances of this type ran in this zone, over the hours from one to another.
pub async fn demand(
    tx: &Tx,
    instance_type: &str,
    zone: &str,
    (first, last): (u64, u64),
) -> Result<market::Demand, StoreError> {
    let pool = format!("{instance_type}/{zone}/");
    let begins = format!("{pool}{}", ordered(first));
    let before = Select::prefix(&pool).backward().after(Some(&begins));
    let mut known: Vec<(u64, u32)> = Vec::new();
    for (_, record) in SPOT_DEMAND.scan(tx, &(), before, 1).await?.records {
        known.push((record.hour, record.running));
    }
    let mut after = Some(format!("{pool}{}", ordered(first.saturating_sub(1))));
    while let Some(position) = after {
        let select = Select::prefix(&pool).after(Some(&position));
        let page = SPOT_DEMAND.scan(tx, &(), select, crate::limits::PAGE_MAX).await?;
        let of_page = page.records.iter().map(|(_, record)| (record.hour, record.running));
        known.extend(
            of_page
                .filter(|(hour, _)| *hour <= last && !known.iter().any(|(other, _)| other == hour))
                .collect::<Vec<_>>(),
        );
        let is_past = page.records.last().is_some_and(|(_, record)| record.hour > last);
        after = page.next.filter(|_| !is_past);
    }
    Ok(market::Demand(known))
}

/// What a volume has of what is paid for: its gibibytes, and the pace beyond what comes with them ("Amazon EBS pricing").
/// Called wherever that or its state changes; nothing is paid for one that is going away.
pub async fn volume(tx: &Tx, place: &Place, record: &VolumeRecord, now: Timestamp) -> Result<(), StoreError> {
    let shown = &record.shown;
    let kind = shown.volume_type.as_ref().map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    let exists = !matches!(record.state, VolumeState::Deleting | VolumeState::Error);
    let count = |number: Option<i32>, free: i32| match exists {
        true => u64::try_from(number.unwrap_or(0).saturating_sub(free)).unwrap_or(0),
        false => 0,
    };
    let is_gp3 = kind == "gp3";
    let iops = match kind.as_str() {
        "gp3" => count(shown.iops, FREE_IOPS),
        "io1" | "io2" => count(shown.iops, 0),
        _ => 0,
    };
    // Beyond its first tier, io2's price is not known here.
    let tier =
        if kind == "io2" && iops > IO2_TIER { "io2 beyond its first tier".to_owned() } else { kind.clone() };
    let throughput = if is_gp3 { count(shown.throughput, FREE_THROUGHPUT) } else { 0 };
    let of = (record.id.as_str(), record.zone());
    meter(tx, place, of, Meter::Volume(kind.clone()), count(shown.size, 0), now).await?;
    meter(tx, place, of, Meter::Iops(tier), iops, now).await?;
    meter(tx, place, of, Meter::Throughput(kind), throughput, now).await?;
    Ok(())
}

/// What comes with every gp3 volume.
const FREE_IOPS: i32 = 3_000;
const FREE_THROUGHPUT: i32 = 125;
const IO2_TIER: u64 = 32_000;

/// What a snapshot alone holds is paid for from its completion on, until it is deleted: then `bytes` is nought.
pub async fn snapshot(
    tx: &Tx,
    place: &Place,
    id: &str,
    bytes: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    meter(tx, place, (id, ""), Meter::Snapshot("standard".to_owned()), bytes, now).await?;
    Ok(())
}
