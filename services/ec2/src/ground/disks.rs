//! What keeps volumes and snapshots: a driver on this host's files and block devices, or one in memory for tests. Plain
//! data goes in; which engine is behind it, only the composition root knows.
//!
//! Blocks are of [`BLOCK_BYTES`], as in the EBS direct APIs. Ids are EC2's (`vol-…`, `snap-…`), which are unique over
//! all accounts and regions.

use std::collections::BTreeMap;

use service::{BoxFuture, Nudge};

/// Bytes of a block of a snapshot: "512 KiB" (EBS direct APIs).
pub const BLOCK_BYTES: u64 = 512 << 10;

/// A data key of 256 bits, which KMS sealed; it is kept nowhere in plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(pub [u8; 32]);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Everything a volume is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    pub id: String,
    pub bytes: u64,
    /// Volumes are kept apart by zone, so that a zone can be lost.
    pub zone: String,
    /// Without one, the driver encrypts with a key of its own.
    pub key: Option<DataKey>,
    /// What it begins with, and that snapshot's key.
    pub snapshot: Option<(String, Option<DataKey>)>,
}

/// How fast a volume may be. The driver enforces it where the kernel can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub operations_a_second: u32,
    pub bytes_a_second: u64,
    /// Nothing for types that do not burst.
    pub credits: Option<Credits>,
}

/// What a volume that bursts spends: one for each operation or byte. While it has none, it is as slow as it earns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    pub are_bytes: bool,
    pub earned_a_second: u64,
    pub most: u64,
}

/// A volume on its way into a machine, or in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub volume: String,
    pub machine: String,
    /// As the caller named it: `/dev/sdf`.
    pub device: String,
    pub key: Option<DataKey>,
    pub pace: Option<Pace>,
}

/// How far the copying of a snapshot's blocks is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    Absent,
    /// Blocks are copied, this many of a hundred, while the volume is written to.
    Pending(u8),
    /// All blocks are kept: their number, and of how many bytes they are that no earlier snapshot of the volume has.
    Completed {
        blocks: u64,
        own_bytes: u64,
    },
    /// What went wrong, as a sentence.
    Failed(String),
}

/// What a snapshot is begun with that is written block by block (StartSnapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSpec {
    pub id: String,
    pub volume_bytes: u64,
    pub key: Option<DataKey>,
    pub parent: Option<(String, Option<DataKey>)>,
}

/// What happened to a volume or snapshot that its owner should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// The host's disk is full: the volume's writers wait.
    Full { volume: String },
    /// They go on.
    FullNoMore { volume: String },
    /// What served it under its machine is gone, and so is what was not synced.
    Lost { volume: String },
    /// A block of a snapshot does not hold what was written.
    Rot { snapshot: String, block: u64 },
}

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The host cannot keep or attach volumes; the sentence names what is missing.
    #[error("{0}")]
    Lacking(String),
    #[error("there is no volume or snapshot {0}")]
    Absent(String),
    /// Detaching without force while the machine has it mounted or open.
    #[error("{0} is in use by the machine")]
    Busy(String),
    /// A snapshot's block does not hold what was written.
    #[error("block {block} of {snapshot} is damaged")]
    Damaged { snapshot: String, block: u64 },
    #[error("the host's disk is full")]
    Full,
    #[error("{0}")]
    Failed(String),
}

/// A driver of disks. All but reading is idempotent: a task does it again after a crash.
pub trait Disks: Send + Sync + 'static {
    /// What this host lacks for attaching volumes, as a sentence. Making volumes and snapshots needs files only.
    fn lacking(&self) -> Option<String>;

    fn create<'a>(&'a self, spec: &'a VolumeSpec) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Grows a volume, attached or not; a machine that has it sees the new size.
    fn grow<'a>(&'a self, volume: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Changes the pace of a volume that is attached.
    fn pace<'a>(&'a self, volume: &'a str, pace: Option<Pace>) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Serves a volume as a block device and gives it to the machine if that runs; else it is given at its next launch.
    /// After an error, but of a full disk or of one who is busy, trying again is of no use.
    fn attach<'a>(&'a self, attachment: &'a Attachment) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Takes a volume from its machine, synced. By force, whoever has it mounted or open in there loses it.
    fn detach<'a>(
        &'a self,
        volume: &'a str,
        machine: &'a str,
        force: bool,
    ) -> BoxFuture<'a, Result<(), DiskError>>;

    fn remove<'a>(&'a self, volume: &'a str) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Fixes what all these volumes hold in this moment, one for all, as snapshots: pairs of volume, its key, and
    /// snapshot, with the snapshot's key. Done when the moment is fixed; the blocks are copied in the background.
    fn snapshot<'a>(&'a self, volumes: &'a [SnapshotSpec]) -> BoxFuture<'a, Result<(), DiskError>>;

    fn snapshot_state<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<SnapshotState, DiskError>>;

    /// Copies a completed snapshot, encrypting it anew where the keys differ. Done when begun.
    fn copy_snapshot<'a>(
        &'a self,
        source: (&'a str, Option<&'a DataKey>),
        copy: (&'a str, Option<&'a DataKey>),
    ) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Blocks that other snapshots or volumes need stay.
    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Begins a snapshot that is written block by block.
    fn start_upload<'a>(&'a self, spec: &'a UploadSpec) -> BoxFuture<'a, Result<(), DiskError>>;

    /// Writes a block, synced when done.
    fn put_block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), DiskError>>;

    /// No block is written any more.
    fn complete_upload<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>>;

    /// A block, or nothing where the snapshot has none: it was never written.
    fn block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, DiskError>>;

    /// Up to `limit` blocks from `from` on, in order, each with a name of its content: equal within a snapshot's
    /// lineage means that the block was not written in between.
    fn blocks<'a>(
        &'a self,
        snapshot: &'a str,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<BTreeMap<u64, [u8; 16]>, DiskError>>;

    /// The volumes and snapshots that are kept, to sweep what no record names.
    fn kept(&self) -> BoxFuture<'_, Result<KeptDisks, DiskError>>;

    /// Who is to be woken when a snapshot is completed or fails, or something happened.
    fn watched_by(&self, nudge: Nudge);

    /// What happened since this was asked last.
    fn incidents(&self) -> Vec<Incident>;
}

/// The ids of the volumes and of the snapshots that are kept.
pub type KeptDisks = (Vec<String>, Vec<String>);

/// One volume of a snapshot call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotSpec {
    pub volume: String,
    pub key: Option<DataKey>,
    pub snapshot: String,
    pub snapshot_key: Option<DataKey>,
}
