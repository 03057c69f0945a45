//! Requests for spot capacity, interruptions that were announced, and reservations that were bought.

use base::Timestamp;
use ec2_api::{RunInstancesInput, SpotInstanceRequest, SpotInstanceState, SpotInstanceStatus};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Select, StoreError, Table, Tx, Versioned};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::kind::{Kind, SPOT_REQUEST};
use crate::limits::PAGE_MAX;
use crate::model::buying::prices::{self, Nanos};
use crate::model::buying::reserved::Reserved;
use crate::model::filter::{Values, maybe};

/// Where requests are that a task looks after, by their ids.
pub const SPOT_PLACES: Table<(), PlaceRecord> = Table::new("ec2.spot-places");

/// Interruptions that were announced and are not over, by the instance's id.
pub const INTERRUPTIONS: Table<(), InterruptionRecord> = Table::new("ec2.spot-interruptions");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotRequestRecord {
    /// As it is shown, without its tags.
    pub shown: Kept<SpotInstanceRequest>,
    /// What is launched for it.
    pub launch: Kept<RunInstancesInput>,
}

impl Versioned for SpotRequestRecord {
    const VERSION: u16 = 1;
}

impl SpotRequestRecord {
    pub fn state(&self) -> SpotInstanceState {
        self.shown.state.clone().unwrap_or(SpotInstanceState::Open)
    }

    pub fn status(&self) -> &str {
        self.shown.status.as_ref().and_then(|status| status.code.as_deref()).unwrap_or_default()
    }

    /// The most that is paid an hour; nothing where the market's price is paid, whatever it is.
    pub fn max_price(&self) -> Option<Nanos> {
        self.shown.spot_price.as_deref().and_then(prices::parse)
    }

    /// Enters a state, with one of the status codes ("Spot request status codes").
    pub fn enter(&mut self, state: SpotInstanceState, code: &str, message: &str, now: Timestamp) {
        if self.shown.state.as_ref() == Some(&state) && self.status() == code {
            return;
        }
        self.shown.0.state = Some(state);
        self.shown.0.status = Some(SpotInstanceStatus {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            update_time: Some(now),
        });
    }

    pub fn is_over(&self) -> bool {
        matches!(
            self.state(),
            SpotInstanceState::Closed | SpotInstanceState::Cancelled | SpotInstanceState::Failed
        )
    }
}

impl Resource for SpotRequestRecord {
    const TABLE: Table<Place, SpotRequestRecord> = Table::new("ec2.spot-requests");
    const KIND: &'static Kind = &SPOT_REQUEST;
    const FILTERS: &'static [&'static str] = &[
        "availability-zone-group",
        "fault-code",
        "fault-message",
        "instance-id",
        "launch-group",
        "launch.image-id",
        "launch.instance-type",
        "launch.key-name",
        "launched-availability-zone",
        "network-interface.subnet-id",
        "product-description",
        "spot-instance-request-id",
        "spot-price",
        "state",
        "status-code",
        "status-message",
        "type",
    ];

    fn id(&self) -> &str {
        self.shown.spot_instance_request_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let launch = self.shown.launch_specification.as_ref();
        let status = self.shown.status.as_ref();
        match name {
            "availability-zone-group" => maybe(self.shown.availability_zone_group.as_deref()),
            "fault-code" => maybe(self.shown.fault.as_ref().and_then(|fault| fault.code.as_deref())),
            "fault-message" => maybe(self.shown.fault.as_ref().and_then(|fault| fault.message.as_deref())),
            "instance-id" => maybe(self.shown.instance_id.as_deref()),
            "launch-group" => maybe(self.shown.launch_group.as_deref()),
            "launch.image-id" => maybe(launch.and_then(|it| it.image_id.as_deref())),
            "launch.instance-type" => maybe(launch.and_then(|it| it.instance_type.as_deref())),
            "launch.key-name" => maybe(launch.and_then(|it| it.key_name.as_deref())),
            "launched-availability-zone" => maybe(self.shown.launched_availability_zone.as_deref()),
            "network-interface.subnet-id" => maybe(launch.and_then(|it| it.subnet_id.as_deref())),
            "product-description" => maybe(self.shown.product_description.as_ref()),
            "spot-instance-request-id" => maybe(self.shown.spot_instance_request_id.as_deref()),
            "spot-price" => maybe(self.shown.spot_price.as_deref()),
            "state" => maybe(self.shown.state.as_ref()),
            "status-code" => maybe(status.and_then(|it| it.code.as_deref())),
            "status-message" => maybe(status.and_then(|it| it.message.as_deref())),
            "type" => maybe(self.shown.r#type.as_ref()),
            _ => None,
        }
    }
}

/// A spot instance is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterruptionRecord {
    pub at: PlaceRecord,
    pub request: String,
    /// It stops, and comes back; or it ends.
    pub stops: bool,
    /// Its price rose above what was to be paid at most; otherwise its capacity is wanted elsewhere.
    pub by_price: bool,
    pub noticed: Timestamp,
    pub due: Timestamp,
}

impl Versioned for InterruptionRecord {
    const VERSION: u16 = 1;
}

/// Reservations of an account in a region, by their ids.
pub const RESERVED: Table<Place, ReservedRecord> = Table::new("ec2.reserved-instances");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReservedRecord {
    /// As it is shown, without its state, which follows from the time.
    pub shown: Kept<ec2_api::ReservedInstances>,
    /// Of one instance.
    pub upfront: Nanos,
    pub hourly: Nanos,
    /// It was changed into others at this time, and covers nothing more.
    pub retired: Option<Timestamp>,
}

impl Versioned for ReservedRecord {
    const VERSION: u16 = 1;
}

/// All reservations, as the bill needs them.
pub async fn reservations(tx: &Tx, place: &Place) -> Result<Vec<Reserved>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = RESERVED.scan(tx, place, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
        found.extend(page.records.into_iter().map(|(_, record)| of(record)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn of(record: ReservedRecord) -> Reserved {
    let shown = record.shown.0;
    let ends = shown.end.unwrap_or_default();
    Reserved {
        instance_type: shown.instance_type.unwrap_or_default(),
        zone: shown.availability_zone,
        count: shown.instance_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        from: shown.start.unwrap_or_default(),
        until: record.retired.map_or(ends, |at| at.min(ends)),
        upfront: record.upfront,
        hourly: record.hourly,
    }
}
