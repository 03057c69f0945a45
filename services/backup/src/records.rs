//! What AWS Backup keeps.

use std::collections::BTreeMap;

use backup_api::{
    BackupJob, BackupPlan, BackupSelection, CopyAction, CopyJob, DescribeRecoveryPointOutput,
    RestoreJobsListMember,
};
use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Pins;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{StoreError, Table, Tx, Versioned, ordered};

use crate::model::lock::Lock;

pub type Place = (AccountId, Region);
pub type Tags = BTreeMap<String, String>;

/// Vaults, by their names.
pub const VAULTS: Table<Place, VaultRecord> = Table::new("backup.vaults");
/// Recovery points, by their ARNs: one is in one vault only.
pub const POINTS: Table<Place, PointRecord> = Table::new("backup.points");
/// Jobs, by their ids.
pub const JOBS: Table<Place, JobRecord> = Table::new("backup.jobs");
pub const COPIES: Table<Place, CopyRecord> = Table::new("backup.copies");
pub const RESTORES: Table<Place, RestoreRecord> = Table::new("backup.restores");
/// Plans, by their ids; also those that were deleted.
pub const PLANS: Table<Place, PlanRecord> = Table::new("backup.plans");
/// Versions of plans, by [`version_key`].
pub const VERSIONS: Table<Place, VersionRecord> = Table::new("backup.plan-versions");
/// Selections, by [`selection_key`].
pub const SELECTIONS: Table<Place, SelectionRecord> = Table::new("backup.selections");
/// What is to be done, by [`due_key`], whosever it is.
pub const DUE: Table<(), DueRecord> = Table::new("backup.due");
/// The one record is under [`SETTINGS`].
pub const REGION_SETTINGS: Table<Place, RegionSettings> = Table::new("backup.region-settings");
pub const GLOBAL_SETTINGS: Table<AccountId, GlobalSettings> = Table::new("backup.global-settings");
pub const SETTINGS: &str = "settings";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VaultRecord {
    pub created: Timestamp,
    pub creator_request_id: Option<String>,
    /// Nothing where the key is AWS's own.
    pub key_arn: Option<String>,
    pub tags: Tags,
    pub policy: Option<PolicyRecord>,
    pub lock: Option<Lock>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub document: String,
    /// Who the policy's principals were when it was set.
    pub pins: Pins,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointRecord {
    pub shown: Kept<DescribeRecoveryPointOutput>,
    pub tags: Tags,
    /// What GetRecoveryPointRestoreMetadata tells.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    pub shown: Kept<BackupJob>,
    /// For the recovery point, besides those of the resource.
    pub tags: Tags,
    /// From its beginning, the time after which it is given up.
    pub completion_minutes: i64,
    /// To be made once it is completed.
    pub copies: Vec<Kept<CopyAction>>,
    /// What is known of the resource since the job began.
    pub source: Option<Source>,
    /// When it began to try: what was made since may be its own, though it is not written down.
    #[serde(default)]
    pub attempted: Option<Timestamp>,
}

/// A resource as it was when its backup began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub tags: Tags,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyRecord {
    pub shown: Kept<CopyJob>,
    /// When it began.
    pub began: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreRecord {
    pub shown: Kept<RestoreJobsListMember>,
    pub metadata: BTreeMap<String, String>,
    /// For what is made.
    pub tags: Tags,
    pub began: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    pub name: String,
    pub tags: Tags,
    pub created: Timestamp,
    pub creator_request_id: Option<String>,
    /// The id of the version that is carried out, and its number.
    pub version: String,
    pub number: u64,
    pub deleted: Option<Timestamp>,
    pub last_run: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRecord {
    pub id: String,
    pub created: Timestamp,
    pub plan: Kept<BackupPlan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectionRecord {
    pub shown: Kept<BackupSelection>,
    pub created: Timestamp,
    pub creator_request_id: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionSettings {
    /// Types that were switched on or off.
    pub opted: BTreeMap<String, bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlobalSettings {
    pub cross_account: bool,
    pub changed: Timestamp,
}

/// One thing to do at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DueRecord {
    pub account: AccountId,
    pub region: Region,
    pub what: Due,
}

impl DueRecord {
    pub fn place(&self) -> Place {
        (self.account, self.region)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    /// A rule of a plan makes its jobs, if the plan has still that version.
    Rule {
        plan: String,
        version: String,
        rule: String,
    },
    /// Jobs begin, or are looked after.
    Job {
        id: String,
    },
    Copy {
        id: String,
    },
    Restore {
        id: String,
    },
    /// A recovery point has been kept for long enough, if its lifecycle was not changed.
    Expire {
        point: String,
    },
}

macro_rules! versioned {
    ($($record:ty)*) => {
        $(impl Versioned for $record {
            const VERSION: u16 = 1;
        })*
    };
}

versioned! {
    VaultRecord PointRecord JobRecord CopyRecord RestoreRecord PlanRecord VersionRecord SelectionRecord
    RegionSettings GlobalSettings DueRecord
}

impl PointRecord {
    pub fn arn(&self) -> &str {
        self.shown.recovery_point_arn.as_deref().unwrap_or_default()
    }

    pub fn vault(&self) -> &str {
        self.shown.backup_vault_name.as_deref().unwrap_or_default()
    }

    pub fn resource(&self) -> &str {
        self.shown.resource_arn.as_deref().unwrap_or_default()
    }

    /// When it is to be deleted.
    pub fn delete_at(&self) -> Option<Timestamp> {
        self.shown.calculated_lifecycle.as_ref()?.delete_at
    }
}

/// The oldest first.
pub fn version_key(plan: &str, number: u64) -> String {
    format!("{plan}\u{2}{}", ordered(number))
}

pub fn selection_key(plan: &str, selection: &str) -> String {
    format!("{plan}\u{2}{selection}")
}

/// Everything of a plan, in either table.
pub fn of_plan(plan: &str) -> String {
    format!("{plan}\u{2}")
}

/// By time, so that what is due comes first; the rest tells things of the same moment apart.
fn due_key(at: Timestamp, due: &DueRecord) -> String {
    let what = match &due.what {
        Due::Rule { plan, version, rule } => format!("rule {plan} {version} {rule}"),
        Due::Job { id } => format!("job {id}"),
        Due::Copy { id } => format!("copy {id}"),
        Due::Restore { id } => format!("restore {id}"),
        Due::Expire { point } => format!("expire {point}"),
    };
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    format!("{}\u{2}{}\u{2}{}\u{2}{what}", ordered(millis), due.account, due.region)
}

/// When the entry with that key is due.
pub fn due_at(key: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(key.split('\u{2}').next()?.parse().ok()?))
}

/// Writes down one thing to do.
pub async fn later(tx: &Tx, at: Timestamp, place: &Place, what: Due) -> Result<(), StoreError> {
    let due = DueRecord { account: place.0, region: place.1, what };
    DUE.put(tx, &(), &due_key(at, &due), &due).await
}

/// The place of a vault's ARN.
pub fn place_of(arn: &Arn) -> Option<Place> {
    arn.account().zip(arn.region())
}
