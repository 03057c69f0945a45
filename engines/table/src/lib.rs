//! The data plane of tables: ordered, durable bytes in spaces.
//!
//! Knows no AWS API, no items and no expressions. A space is an ordered map from bytes to bytes: the items of one
//! table, the entries of one index, one log of changes. All spaces share one log-structured merge tree (the
//! `lsm-tree` crate, the core of fjall), in which a space is a prefix of the keys, and one write-ahead log of our own
//! with group commit ([`log`]). Why it is not fjall's own journal is in
//! `docs/decisions/2026-11-22-table-engine.md`.
//!
//! Invariants that carry everything else:
//! - *Only what is synced can be seen.* A change goes into the tree after its log record is on disk, and is published
//!   after it is in the tree as a whole. Readers see one published moment, and wait for nobody.
//! - *One change of a key at a time.* The keys that a change depends on stay locked from the moment they are read
//!   until the change is published, also if whoever asked for it has gone.
//! - *One numbering.* Every change has a sequence number, which is the version of what it wrote in the tree, its place
//!   in the log, and the key of what it appended. It grows for ever, also over restarts and crashes.
//! - *A flipped byte is an error.* Log records are chained and checksummed, blocks of the tree are checksummed, values
//!   are authenticated with their place where their space has a key.

mod brake;
mod committer;
mod engine;
mod error;
mod keeper;
pub mod limits;
mod locks;
mod log;
mod published;
mod range;
mod seal;
mod seen;
mod space;
mod spaces;
mod tree;
mod write;

pub use engine::{Settings, Snapshot, TableEngine, Verified};
pub use error::TableError;
pub use range::{Direction, KeyRange, Page, ScanLimit};
pub use space::{SpaceId, SpaceKey};
pub use write::{AppendKey, Write};
