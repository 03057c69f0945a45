//! Fleets: what was asked for, and what became of it.

use base::Timestamp;
use ec2_api::{
    BatchState, FleetData, HistoryRecord, HistoryRecordEntry, SpotFleetRequestConfig, TagSpecification,
};
use ec2_api::{EventInformation, EventType, SpotFleetRequestConfigData};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::kind::{FLEET, Kind, SPOT_FLEET};
use crate::limits::FLEET_EVENTS_MAX;
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

/// A spot fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotFleetRecord {
    pub shown: Kept<SpotFleetRequestConfig>,
    /// Of one that keeps no capacity: everything was launched that is ever to be.
    pub is_done: bool,
    /// When the last of its instances was gone, after it was cancelled.
    pub over: Option<Timestamp>,
    /// The instances it had when it was last looked at.
    pub members: Vec<String>,
    /// The latest events, oldest first.
    pub history: Vec<Kept<HistoryRecord>>,
}

impl Versioned for SpotFleetRecord {
    const VERSION: u16 = 1;
}

impl SpotFleetRecord {
    pub fn config(&self) -> SpotFleetRequestConfigData {
        self.shown.spot_fleet_request_config.clone().unwrap_or_default()
    }

    pub fn state(&self) -> BatchState {
        self.shown.spot_fleet_request_state.clone().unwrap_or(BatchState::Submitted)
    }

    /// Enters a state, which its history tells by the state's name unless `what` is another.
    pub fn enter(&mut self, state: BatchState, what: &str, now: Timestamp) {
        self.shown.0.spot_fleet_request_state = Some(state);
        self.say(EventType::FleetRequestChange, what, None, None, now);
    }

    pub fn say(
        &mut self,
        kind: EventType,
        what: &str,
        instance: Option<String>,
        description: Option<String>,
        now: Timestamp,
    ) {
        let information = EventInformation {
            event_description: description,
            event_sub_type: Some(what.to_owned()),
            instance_id: instance,
        };
        self.history.push(Kept(HistoryRecord {
            event_information: Some(information),
            event_type: Some(kind),
            timestamp: Some(now),
        }));
        let excess = self.history.len().saturating_sub(FLEET_EVENTS_MAX);
        self.history.drain(..excess);
    }
}

impl Resource for SpotFleetRecord {
    const TABLE: Table<Place, SpotFleetRecord> = Table::new("ec2.spot-fleets");
    const KIND: &'static Kind = &SPOT_FLEET;
    const FILTERS: &'static [&'static str] = &[];

    fn id(&self) -> &str {
        self.shown.spot_fleet_request_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, _: &str) -> Values {
        None
    }
}
