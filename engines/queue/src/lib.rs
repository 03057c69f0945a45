//! The data plane of queues: messages that are kept, handed out, hidden, returned and deleted.
//!
//! Knows no AWS API, no policies and no configuration files. All queues share one append-only, segmented log
//! with group commit ([`log`]); what is where, and in which state, is an index in memory ([`index`]) that is
//! rebuilt from the log at start; [`engine`] joins the two. An operation returns when its record is on disk.
//!
//! Three invariants carry everything else:
//! - *Log order is state order.* A change is decided under its queue's lock, and its record is appended before
//!   that lock is released. So replaying the log gives the state, and whoever waits for its own record has
//!   waited for everything it has seen.
//! - *Segments go from the oldest only.* A record about a message is never older than the message, so dropping
//!   the oldest segment, once nothing in it is needed, can lose no later fact.
//! - *Payloads are never in the index.* About a hundred bytes a message are in memory, whatever its size.

mod engine;
mod error;
mod index;
pub mod limits;
mod log;
mod message;
mod receipt;

pub use engine::{Options, QueueEngine};
pub use error::{EngineError, SettleError};
pub use message::{
    Config, Counts, DeadLetter, DedupScope, Kind, MessageId, Moved, NewMessage, QueueId, ReceiveOptions,
    Received, Sent, Usage,
};
pub use receipt::{RECEIPT_BYTES, Receipt};
