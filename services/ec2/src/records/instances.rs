//! Instances: what was asked for, and how far it has come.

use base::{AccountId, Region, Timestamp};
use ec2_api::{Instance, InstanceMetadataDefaultsResponse, InstanceMetadataOptionsResponse, StateReason};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{INSTANCE, Kind};
use crate::model::filter::Values;
use crate::model::images::Root;
use crate::model::instances::{self, State};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceRecord {
    pub id: String,
    /// Without its state, tags, and what its interfaces say: those are added when it is shown.
    pub shown: Kept<Instance>,
    pub reservation_id: String,
    /// The service that launched it.
    pub requester_id: Option<String>,
    pub state: State,
    /// When the state began.
    pub since: Timestamp,
    pub reason: Option<Kept<StateReason>>,
    /// Its machine has run before.
    pub started: bool,
    /// Set while the guest is to be started anew.
    pub rebooting: bool,
    /// Without waiting for the guest.
    pub forced: bool,
    /// It gets a public address from the cloud while it runs.
    pub lends: bool,
    pub root: Root,
    pub public_key: Option<String>,
    /// As it came, in base64.
    pub user_data: Option<String>,
    pub stop_protected: bool,
    pub termination_protected: bool,
    pub ends_on_shutdown: bool,
    /// `standard` or `unlimited`, for types that have credits.
    pub cpu_credits: Option<String>,
    pub profile: Option<Profile>,
    /// The launch template and version it came from.
    pub template: Option<(String, String)>,
    pub fleet: Option<String>,
}

/// An instance profile that an instance has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// `iip-assoc-…`
    pub association_id: String,
    pub arn: String,
    /// `AIPA…`
    pub id: String,
    pub role_arn: String,
    pub since: Timestamp,
}

impl Versioned for InstanceRecord {
    const VERSION: u16 = 1;
}

impl InstanceRecord {
    pub fn zone(&self) -> &str {
        self.shown.placement.as_ref().and_then(|place| place.availability_zone.as_deref()).unwrap_or_default()
    }

    pub fn instance_type(&self) -> &str {
        self.shown.instance_type.as_deref().unwrap_or_default()
    }

    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let mappings = self.shown.block_device_mappings.iter().flatten();
        mappings.filter_map(|mapping| mapping.ebs.as_ref()?.volume_id.as_deref())
    }

    pub fn metadata_options(&self) -> InstanceMetadataOptionsResponse {
        self.shown.metadata_options.clone().unwrap_or_default()
    }
}

impl Resource for InstanceRecord {
    const TABLE: Table<Place, InstanceRecord> = Table::new("ec2.instances");
    const KIND: &'static Kind = &INSTANCE;
    const FILTERS: &'static [&'static str] = instances::FILTERS;

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        instances::value(&self.shown, name)
    }
}

/// Where an instance is, by its id: those that the machines' task has something to do for.
pub const BUSY_INSTANCES: Table<(), PlaceRecord> = Table::new("ec2.busy-instances");

/// Where VPCs are that have or had instances, by their ids.
pub const VPC_PLACES: Table<(), PlaceRecord> = Table::new("ec2.vpc-places");

/// Where every instance is that is not yet forgotten, by its id.
pub const INSTANCE_PLACES: Table<(), PlaceRecord> = Table::new("ec2.instance-places");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceRecord {
    pub account: AccountId,
    pub region: Region,
}

impl PlaceRecord {
    pub fn of(place: &Place) -> PlaceRecord {
        PlaceRecord { account: place.0, region: place.1 }
    }

    pub fn place(&self) -> Place {
        (self.account, self.region)
    }
}

impl Versioned for PlaceRecord {
    const VERSION: u16 = 1;
}

/// What an account sets for metadata options of its launches in a region, under `account`.
pub const METADATA_DEFAULTS: Table<Place, MetadataDefaultsRecord> = Table::new("ec2.metadata-defaults");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetadataDefaultsRecord {
    pub shown: Kept<InstanceMetadataDefaultsResponse>,
}

impl Versioned for MetadataDefaultsRecord {
    const VERSION: u16 = 1;
}
