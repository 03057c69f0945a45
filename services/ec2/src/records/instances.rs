//! Instances: what was asked for, and how far it has come.

use base::{AccountId, Region, Timestamp};
use ec2_api::{
    AttachmentStatus, Instance, InstanceMetadataDefaultsResponse, InstanceMetadataOptionsResponse,
    StateReason,
};
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
    /// Images that it is shut down for: their snapshots are begun before it starts again.
    #[serde(default)]
    pub imaging: Vec<String>,
    #[serde(default)]
    pub roots: Roots,
}

/// How an instance's root volume was and is replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Roots {
    /// The replacement that is under way.
    pub replacing: Option<String>,
    /// All replacements that are shown, the oldest first.
    pub tasks: Vec<String>,
    /// The volumes that were its root before: their snapshots can become its root again.
    pub earlier: Vec<String>,
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

    /// Whether it has spot capacity.
    pub fn is_spot(&self) -> bool {
        self.shown.instance_lifecycle == Some(ec2_api::InstanceLifecycleType::Spot)
    }

    /// Whether a Dedicated Host is its place.
    pub fn is_on_host(&self) -> bool {
        self.shown.placement.as_ref().is_some_and(|place| place.tenancy == Some(ec2_api::Tenancy::Host))
    }

    pub fn instance_type(&self) -> &str {
        self.shown.instance_type.as_deref().unwrap_or_default()
    }

    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let mappings = self.shown.block_device_mappings.iter().flatten();
        mappings.filter_map(|mapping| mapping.ebs.as_ref()?.volume_id.as_deref())
    }

    /// The volume at its root device, if there is one and it is not on its way back.
    pub fn root_volume(&self) -> Option<&str> {
        let root = self.shown.root_device_name.as_ref();
        let mut mappings = self.shown.block_device_mappings.iter().flatten();
        let ebs = mappings.find(|mapping| mapping.device_name.as_ref() == root)?.ebs.as_ref()?;
        ebs.volume_id.as_deref().filter(|_| ebs.status != Some(AttachmentStatus::Detaching))
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
