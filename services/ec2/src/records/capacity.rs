//! Capacity reservations: what is held for instances to come, whether they come or not.

use base::Timestamp;
use ec2_api::{CapacityReservation, CapacityReservationState, Instance, InstanceMatchCriteria};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{StoreError, Table, Tx, Versioned};

use super::instances::PlaceRecord;
use super::usage::{self, Meter};
use super::{Place, Resource};
use crate::kind::{CAPACITY_RESERVATION, Kind};
use crate::model::filter::{Values, maybe, with_millis};

/// Where reservations are that a task looks after, by their ids.
pub const CAPACITY_PLACES: Table<(), PlaceRecord> = Table::new("ec2.capacity-places");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityRecord {
    /// As it is shown, without its tags.
    pub shown: Kept<CapacityReservation>,
    /// When it was cancelled or expired.
    pub closed: Option<Timestamp>,
}

impl Versioned for CapacityRecord {
    const VERSION: u16 = 1;
}

impl CapacityRecord {
    pub fn is_active(&self) -> bool {
        self.shown.state == Some(CapacityReservationState::Active)
    }

    pub fn zone(&self) -> &str {
        self.shown.availability_zone.as_deref().unwrap_or_default()
    }

    pub fn total(&self) -> i32 {
        self.shown.total_instance_count.unwrap_or(0)
    }

    pub fn available(&self) -> i32 {
        self.shown.available_instance_count.unwrap_or(0)
    }

    /// Whether instances come into it without naming it.
    pub fn is_open(&self) -> bool {
        self.shown.instance_match_criteria != Some(InstanceMatchCriteria::Targeted)
    }

    /// Whether an instance is of its type, platform, zone and tenancy ("Instance matching criteria").
    pub fn fits(&self, instance: &Instance) -> bool {
        let placement = instance.placement.as_ref();
        let zone = placement.and_then(|placement| placement.availability_zone.as_deref());
        let tenancy = placement.and_then(|placement| placement.tenancy.as_ref());
        let own = self.shown.tenancy.as_ref().map_or("default", |tenancy| tenancy.as_str());
        let platform = self.shown.instance_platform.as_ref().map(|platform| platform.as_str());
        instance.instance_type == self.shown.instance_type
            && zone == Some(self.zone())
            && tenancy.map_or("default", |tenancy| tenancy.as_str()) == own
            && instance.platform_details.as_deref() == platform
    }

    /// So many instances come into it, or leave it.
    pub fn take(&mut self, count: i32) {
        self.shown.0.available_instance_count = Some(self.available() - count);
    }

    /// Keeps the record. What nobody uses is paid for like what is used ("Capacity Reservation pricing and billing").
    pub async fn save(&self, tx: &Tx, place: &Place, now: Timestamp) -> Result<(), StoreError> {
        let instance_type = self.shown.instance_type.clone().unwrap_or_default();
        let unused = if self.is_active() { u64::try_from(self.available()).unwrap_or(0) } else { 0 };
        let of = (self.id(), self.zone());
        usage::meter(tx, place, of, Meter::Reservation(instance_type), unused, now).await?;
        Self::TABLE.put(tx, place, self.id(), self).await
    }
}

impl Resource for CapacityRecord {
    const TABLE: Table<Place, CapacityRecord> = Table::new("ec2.capacity-reservations");
    const KIND: &'static Kind = &CAPACITY_RESERVATION;
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availability-zone-id",
        "end-date",
        "end-date-type",
        "instance-match-criteria",
        "instance-platform",
        "instance-type",
        "outpost-arn",
        "owner-id",
        "placement-group-arn",
        "start-date",
        "state",
        "tenancy",
    ];

    fn id(&self) -> &str {
        self.shown.capacity_reservation_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let shown = &self.shown;
        match name {
            "availability-zone" => maybe(shown.availability_zone.as_deref()),
            "availability-zone-id" => maybe(shown.availability_zone_id.as_deref()),
            "end-date" => maybe(shown.end_date.map(with_millis)),
            "end-date-type" => maybe(shown.end_date_type.as_ref()),
            "instance-match-criteria" => maybe(shown.instance_match_criteria.as_ref()),
            "instance-platform" => maybe(shown.instance_platform.as_ref()),
            "instance-type" => maybe(shown.instance_type.as_deref()),
            "owner-id" => maybe(shown.owner_id.as_deref()),
            "start-date" => maybe(shown.start_date.map(with_millis)),
            "state" => maybe(shown.state.as_ref()),
            "tenancy" => maybe(shown.tenancy.as_ref()),
            _ => None,
        }
    }
}
