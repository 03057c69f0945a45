//! What SQS keeps in the store. Messages are the engine's; here is what queues are.

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Pins;
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};

use crate::model::attributes::Attributes;

type Place = (AccountId, Region);

/// Queues by name.
pub const QUEUES: Table<Place, QueueRecord> = Table::new("sqs.queues");

/// Which queue an engine's number stands for, whoever owns it. Outlives the queue, since its messages may lie in a
/// dead-letter queue that remembers where they came from.
pub const OWNERS: Table<(), OwnerRecord> = Table::new("sqs.owners");

/// Names that were given up in the last minute, and cannot be taken yet.
pub const DELETED: Table<Place, DeletedRecord> = Table::new("sqs.deleted");

/// `target/source` for every queue with a dead-letter queue; names contain no slash.
pub const DEAD_LETTER_SOURCES: Table<Place, SourceRecord> = Table::new("sqs.dead-letter-sources");

/// `source/number` for every message move task, the number counting up.
pub const MOVE_TASKS: Table<Place, MoveTaskRecord> = Table::new("sqs.move-tasks");

/// The places and names of running move tasks, for the task that works them off.
pub const RUNNING_MOVES: Table<(), RunningMoveRecord> = Table::new("sqs.running-moves");

/// Data keys of SQS's own by their number, kept as long as there may be a message that needs them: for good.
pub const DATA_KEYS: Table<(), DataKeyRecord> = Table::new("sqs.data-keys");

/// The data key that new messages of an account in a region are encrypted with.
pub const CURRENT_DATA_KEYS: Table<Place, CurrentDataKeyRecord> = Table::new("sqs.current-data-keys");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueRecord {
    /// The engine's name for the queue, never used again.
    pub id: u64,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub attributes: Attributes,
    /// Whom the policy named when it was set.
    #[serde(default)]
    pub pins: Pins,
    pub tags: BTreeMap<String, String>,
    pub purged: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnerRecord {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeletedRecord {
    pub at: Timestamp,
}

/// The key says it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveTaskRecord {
    pub source: Arn,
    /// Nothing to send every message back to where it came from.
    pub destination: Option<Arn>,
    pub rate_per_second: Option<u32>,
    pub started: Timestamp,
    pub moved: u64,
    /// What was in the source when the task began.
    pub to_move: u64,
    pub state: MoveState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveState {
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed { reason: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningMoveRecord {
    pub account: AccountId,
    pub region: Region,
    /// The key in [`MOVE_TASKS`].
    pub task: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataKeyRecord {
    pub account: AccountId,
    pub region: Region,
    pub created: Timestamp,
    /// By the vault, bound to account, region and number.
    pub sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentDataKeyRecord {
    pub number: u64,
    pub created: Timestamp,
}

impl Versioned for QueueRecord {
    const VERSION: u16 = 1;
}

impl Versioned for OwnerRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DeletedRecord {
    const VERSION: u16 = 1;
}

impl Versioned for SourceRecord {
    const VERSION: u16 = 1;
}

impl Versioned for MoveTaskRecord {
    const VERSION: u16 = 1;
}

impl Versioned for RunningMoveRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DataKeyRecord {
    const VERSION: u16 = 1;
}

impl Versioned for CurrentDataKeyRecord {
    const VERSION: u16 = 1;
}
