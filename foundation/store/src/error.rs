//! What can go wrong with a store, in the terms a caller can act on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Cloneable, because one failed sync fails every transaction of its group.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What the transaction read was changed meanwhile. [`crate::Store::transact`] tries again, so a caller
    /// sees this only after too many attempts.
    #[error("the transaction met conflicting ones in every attempt")]
    Conflict,
    /// The engine lost the acknowledgement: the commit may or may not have happened. Retried like a conflict.
    #[error("it is unknown whether the transaction was committed")]
    OutcomeUnknown,
    #[error("the {what} has {size}, which is above the limit of {max}")]
    TooLarge { what: &'static str, size: usize, max: usize },
    #[error("the transaction took longer than five seconds")]
    TimedOut,
    /// Puts fail until there is room again; reads and deletes go on.
    #[error("the disk is full; free some space and the service resumes by itself")]
    Full,
    #[error("the store's disk failed: {0}")]
    Io(Arc<io::Error>),
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    #[error(
        "{what} was written in version {found}, and this Fogbank knows versions up to {known}; \
         use a newer Fogbank, the one that wrote it or a later one"
    )]
    NewerVersion { what: String, found: u32, known: u32 },
    #[error(
        "the folder {folder} is in use by another Fogbank{}; stop that one, or choose another folder with --data",
        .process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    Locked { folder: PathBuf, process: Option<u32> },
    #[error("the store has been closed")]
    Closed,
}

impl StoreError {
    /// Whether a transaction that failed with this is worth another attempt at once.
    pub(crate) fn is_retried(&self) -> bool {
        matches!(self, StoreError::Conflict | StoreError::OutcomeUnknown)
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Io(Arc::new(error)),
        }
    }
}
