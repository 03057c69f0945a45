//! Fleets: what was asked for, and what became of it.

use base::Timestamp;
use ec2_api::{FleetData, HistoryRecordEntry, TagSpecification};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::kind::{FLEET, Kind};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetRecord {
    pub shown: Kept<FleetData>,
    /// For the instances it launches.
    pub tag_specifications: Vec<Kept<TagSpecification>>,
    /// Of a fleet that keeps no capacity: everything was launched that is ever to be.
    pub is_done: bool,
    pub deleted: Option<Timestamp>,
    /// The latest events, oldest first.
    pub history: Vec<Kept<HistoryRecordEntry>>,
}

impl Versioned for FleetRecord {
    const VERSION: u16 = 1;
}

/// Where fleets are whose capacity a task looks after, by their ids.
pub const FLEET_PLACES: Table<(), PlaceRecord> = Table::new("ec2.fleet-places");

impl Resource for FleetRecord {
    const TABLE: Table<Place, FleetRecord> = Table::new("ec2.fleets");
    const KIND: &'static Kind = &FLEET;
    const FILTERS: &'static [&'static str] = &[
        "activity-status",
        "excess-capacity-termination-policy",
        "fleet-state",
        "replace-unhealthy-instances",
        "type",
    ];

    fn id(&self) -> &str {
        self.shown.fleet_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "activity-status" => maybe(self.shown.activity_status.as_ref()),
            "excess-capacity-termination-policy" => {
                maybe(self.shown.excess_capacity_termination_policy.as_ref())
            }
            "fleet-state" => maybe(self.shown.fleet_state.as_ref()),
            "replace-unhealthy-instances" => maybe(self.shown.replace_unhealthy_instances),
            "type" => maybe(self.shown.r#type.as_ref()),
            _ => None,
        }
    }
}
