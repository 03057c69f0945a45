//! What Data Lifecycle Manager keeps.

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use dlm_api::{LifecyclePolicy, PolicyDetails, Schedule};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{StoreError, Table, Tx, Versioned, ordered};

use crate::model::{kinds, schedules};

pub type Place = (AccountId, Region);

/// Policies, by their ids.
pub const POLICIES: Table<Place, PolicyRecord> = Table::new("dlm.policies");

/// Default policies that were deleted and let go of their backups all the same, until there are none.
pub const RETIRED: Table<Place, PolicyRecord> = Table::new("dlm.retired");

/// What is to be done, by [`due_key`], whosever it is.
pub const DUE: Table<(), DueRecord> = Table::new("dlm.due");

/// Snapshots and images that policies have made and not given up: see [`made_key`].
pub const MADE: Table<Place, MadeRecord> = Table::new("dlm.snapshots");

/// Snapshots that others share and that an event-based policy knows of, by [`seen_key`].
pub const SEEN: Table<Place, SeenRecord> = Table::new("dlm.seen");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// As it is shown, without its tags.
    pub shown: Kept<LifecyclePolicy>,
    pub tags: BTreeMap<String, String>,
    /// Grows with every change: what was planned under an earlier one is not done.
    pub revision: u64,
    /// Whether its owner wants it to run; it may show an error besides.
    pub enabled: bool,
    /// Of an event-based policy: what was shared before it began to watch is known.
    #[serde(default)]
    pub watching: bool,
}

impl PolicyRecord {
    pub fn details(&self) -> Option<&PolicyDetails> {
        self.shown.policy_details.as_ref()
    }

    /// What is carried out, also of a policy that says it otherwise.
    pub fn schedules(&self) -> Vec<Schedule> {
        self.details().map(schedules::of).unwrap_or_default()
    }

    pub fn is_default(&self) -> bool {
        self.details().is_some_and(kinds::is_default)
    }

    /// Whether its backups are let go even while it is off or gone, and the last of them too.
    pub fn extends_deletion(&self) -> bool {
        self.is_default() && self.details().is_some_and(|details| details.extend_deletion == Some(true))
    }
}

/// One thing to do at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DueRecord {
    pub account: AccountId,
    pub region: Region,
    pub policy: String,
    pub revision: u64,
    /// By its place in the policy.
    pub schedule: usize,
    pub what: Due,
}

impl DueRecord {
    pub fn place(&self) -> Place {
        (self.account, self.region)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    /// The schedule makes snapshots or images, and lets go of old ones.
    Run,
    /// An event-based policy looks for what was shared.
    Watch,
    /// A snapshot or an image is copied to another region once it is completed: by the place of the rule.
    Copy { snapshot: String, target: String, rule: usize, since: Timestamp },
    /// A snapshot is shared no more.
    Unshare { snapshot: String },
    /// A copy in another region has been kept for long enough; it may be an image's.
    DropCopy { region: String, snapshot: String },
    /// A snapshot is made ready for fast restores once it is completed,
    SpeedUp { snapshot: String, since: Timestamp },
    /// and has been for long enough.
    SlowDown { snapshot: String },
    /// A snapshot goes to the archive once it is completed.
    Archive { snapshot: String, since: Timestamp },
}

impl Due {
    /// Whether it comes again and again, planned by the policy as it is.
    pub fn is_regular(&self) -> bool {
        matches!(self, Due::Run | Due::Watch)
    }
}

/// A snapshot or an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeRecord {
    #[serde(rename = "snapshot")]
    pub id: String,
    /// The volume or instance that it is of.
    pub target: String,
    pub at: Timestamp,
    /// Of an image: whether it was deprecated, which is done once.
    #[serde(default)]
    pub deprecated: bool,
    /// Whether it was made ready for fast restores, and is.
    #[serde(default)]
    pub fast: bool,
    /// Since when it is in the archive, or on its way there.
    #[serde(default)]
    pub archived: Option<Timestamp>,
}

impl MadeRecord {
    pub fn new(id: String, target: &str, at: Timestamp) -> MadeRecord {
        MadeRecord { id, target: target.to_owned(), at, deprecated: false, fast: false, archived: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenRecord {
    pub at: Timestamp,
}

impl Versioned for PolicyRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DueRecord {
    const VERSION: u16 = 1;
}

impl Versioned for MadeRecord {
    const VERSION: u16 = 1;
}

impl Versioned for SeenRecord {
    const VERSION: u16 = 1;
}

/// By time, so that what is due comes first; `what` tells things of the same moment apart.
pub fn due_key(at: Timestamp, policy: &str, schedule: usize, what: &str) -> String {
    format!("{}\u{2}{policy}\u{2}{schedule}\u{2}{what}", ordered(millis(at)))
}

/// When the entry with that key is due.
pub fn due_at(key: &str) -> Option<Timestamp> {
    let millis = key.split('\u{2}').next()?.parse().ok()?;
    Some(Timestamp::from_millis(millis))
}

/// By policy, schedule and resource, the oldest first.
pub fn made_key(policy: &str, schedule: usize, record: &MadeRecord) -> String {
    let MadeRecord { id, target, at, .. } = record;
    format!("{}{}\u{2}{id}", made_of_target(policy, schedule, target), ordered(millis(*at)))
}

/// Everything that a policy has made.
pub fn made_by(policy: &str) -> String {
    format!("{policy}\u{2}")
}

pub fn made_of(policy: &str, schedule: usize) -> String {
    format!("{}{schedule}\u{2}", made_by(policy))
}

pub fn made_of_target(policy: &str, schedule: usize, target: &str) -> String {
    format!("{}{target}\u{2}", made_of(policy, schedule))
}

pub fn seen_key(policy: &str, snapshot: &str) -> String {
    format!("{}{snapshot}", made_by(policy))
}

/// A policy, also one that was deleted and lets go of its backups still.
pub async fn policy(tx: &Tx, place: &Place, id: &str) -> Result<Option<PolicyRecord>, StoreError> {
    match POLICIES.get(tx, place, id).await? {
        Some(policy) => Ok(Some(policy)),
        None => RETIRED.get(tx, place, id).await,
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0)
}
