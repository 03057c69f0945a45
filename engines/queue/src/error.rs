//! What can go wrong, in the engine's own words; the service says it in AWS's.

use std::io;
use std::sync::Arc;

use crate::message::QueueId;

#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    #[error("there is no queue {0:?}")]
    NoSuchQueue(QueueId),
    #[error("queue {0:?} exists already, as another kind of queue")]
    KindDiffers(QueueId),
    /// Nothing was changed. Receiving and deleting go on working, and make room.
    #[error("the disk is full")]
    Full,
    /// As many messages are in flight as the queue allows.
    #[error("too many messages are in flight")]
    OverLimit,
    #[error("a message of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
    #[error("{count} entries are too many for one batch")]
    TooMany { count: usize },
    #[error("a message to a FIFO queue needs a message group")]
    GroupMissing,
    /// The disk failed; what was not acknowledged may be lost, and nothing is accepted until a restart.
    #[error("the queue log stopped: {0}")]
    Stopped(Arc<str>),
    #[error("the queue log is damaged: {0}")]
    Corrupt(Arc<str>),
    #[error("the queue log was written by a newer version ({found}, this one knows up to {known})")]
    TooNew { found: u32, known: u32 },
    #[error("another process holds the queue log in {0}")]
    Held(Arc<str>),
    #[error("the queue log cannot be opened: {0}")]
    Open(Arc<io::Error>),
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> EngineError {
        if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
            return EngineError::Full;
        }
        EngineError::Open(Arc::new(error))
    }
}

/// Why one entry of a deletion or a change of visibility was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The receipt is for another queue, or was never given out.
    #[error("the receipt handle is invalid")]
    Invalid,
    /// FIFO queues only: the visibility timeout has run out, or the message was received again since.
    #[error("the receipt handle has expired")]
    Expired,
    /// The message waits in the queue, visible.
    #[error("the message is not in flight")]
    NotInFlight,
    /// Or, in a standard queue, it was received again since, and the receipt speaks for it no longer.
    #[error("the message does not exist")]
    Gone,
    /// With what has passed since the receive, the timeout would be longer than twelve hours.
    #[error("the total visibility timeout is beyond twelve hours")]
    TooLong,
}
