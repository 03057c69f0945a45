//! What the client is opened with and answers, and what can go wrong.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::{Key, StoreError};

/// What a cloud's disks are opened with.
#[derive(Clone)]
pub struct BlockSettings {
    /// Where volumes and snapshots are kept, and the daemon's socket.
    pub folder: PathBuf,
    /// The program that has [`crate::holder_main`], and the words before which it calls it.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// What is given no key of its own is encrypted under this.
    pub master_key: Key,
}

impl BlockSettings {
    /// The program is this binary.
    pub fn new(folder: PathBuf, program: PathBuf, master_key: Key) -> Self {
        Self { folder, program, arguments: vec!["block-holder".to_owned()], master_key }
    }
}

/// How fast a volume may be. One operation is up to 256 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    pub operations_a_second: u32,
    pub bytes_a_second: u64,
    /// Nothing for a volume that keeps its pace for ever.
    pub credits: Option<Credits>,
}

/// What a volume spends, one for each operation or byte. While it has none, it is as slow as it earns them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    pub are_bytes: bool,
    pub earned_a_second: u64,
    /// What it begins with, and has at most.
    pub most: u64,
}

/// A volume as a block device of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub path: PathBuf,
    pub major: u32,
    pub minor: u32,
}

/// One volume of a snapshot call, with its key, and the snapshot's.
#[derive(Clone, Serialize, Deserialize)]
pub struct SnapshotSpec {
    pub volume: String,
    pub key: Option<Key>,
    pub snapshot: String,
    pub snapshot_key: Option<Key>,
}

/// The processes behind a client, for those who look at the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    pub holder: u32,
    pub daemon: u32,
}

/// What happened to a volume or snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Event {
    /// The host's disk is full: the volume's writers wait.
    Full { volume: String },
    /// They go on.
    FullNoMore { volume: String },
    /// A block of a snapshot does not hold what was written.
    Rot { snapshot: String, block: u64 },
    /// A request failed for another reason, and whoever uses the device saw it.
    Failed { volume: String, cause: String },
    /// The blocks of a snapshot are copied, or copying them failed.
    Settled { snapshot: String },
    /// The daemon was started again: what was pending is to be looked at.
    Restarted,
    /// Holder and daemon are gone, both: what was served is no device any more, and whoever had one open has lost what
    /// was not synced.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum BlockError {
    /// The host cannot attach volumes. The sentence names what is missing.
    #[error("volumes cannot be attached on this host: {0}")]
    Lacking(String),
    #[error("there is no volume or snapshot {0}")]
    Absent(String),
    /// It is mounted or open, or still copied.
    #[error("{0} is in use")]
    Busy(String),
    #[error("block {block} of {snapshot} is damaged")]
    Damaged { snapshot: String, block: u64 },
    #[error("the host's disk is full")]
    Full,
    #[error("{0}")]
    Failed(String),
}

impl BlockError {
    pub(crate) fn io(what: &str, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull {
            return Self::Full;
        }
        Self::Failed(format!("{what}: {error}"))
    }
}

impl From<StoreError> for BlockError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Absent(id) => Self::Absent(id),
            StoreError::Busy(what) => Self::Busy(what),
            StoreError::Damaged { snapshot, block } => Self::Damaged { snapshot, block },
            StoreError::Full => Self::Full,
            other => Self::Failed(other.to_string()),
        }
    }
}
