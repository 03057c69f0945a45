//! What can go wrong, in the engine's own words; the service says it in AWS's.

use std::io;
use std::sync::Arc;

use crate::space::SpaceId;

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// It was dropped, or never created.
    #[error("there is no space {0:?}")]
    NoSuchSpace(SpaceId),
    /// It is there, and its key has not been given since the start: see `open_space`.
    #[error("space {0:?} is not open")]
    NotOpen(SpaceId),
    /// The space's values are sealed with another key.
    #[error("space {0:?} was sealed with another key")]
    WrongKey(SpaceId),
    /// Nothing was changed. Reads and deletes go on, and writes do when there is room again.
    #[error("the disk is full")]
    Full,
    #[error("a key of {bytes} bytes is too long")]
    KeyTooLong { bytes: usize },
    #[error("a change of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
    #[error("{count} keys or writes are too many for one change")]
    TooMany { count: usize },
    /// What is on the disk is not what was written. Nothing of it has been returned.
    #[error("the tables are damaged: {0}")]
    Corrupt(Arc<str>),
    /// The disk failed; what was not acknowledged may be lost, and no write is accepted until a restart.
    #[error("the table log stopped: {0}")]
    Stopped(Arc<str>),
    #[error("the table engine is shut down")]
    Closed,
    #[error("the disk failed: {0}")]
    Io(Arc<io::Error>),
    #[error(
        "the tables in {folder} were written in version {found}, and this Fogbank knows versions up to {known}; \
         use the Fogbank that wrote them, or a later one"
    )]
    NewerVersion { folder: Arc<str>, found: u32, known: u32 },
    #[error("{0} holds a format file that is not one of Fogbank's tables")]
    UnknownFormat(Arc<str>),
    #[error("the tables in {0} are in use by another Fogbank; stop that one, or choose another folder")]
    Locked(Arc<str>),
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> TableError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TableError::Full,
            _ => TableError::Io(Arc::new(error)),
        }
    }
}

impl From<lsm_tree::Error> for TableError {
    fn from(error: lsm_tree::Error) -> TableError {
        match error {
            // A block or a file that ends too early was cut.
            lsm_tree::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                TableError::Corrupt("a file of the tree ends too early".into())
            }
            lsm_tree::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                TableError::Corrupt("a file of the tree is missing".into())
            }
            lsm_tree::Error::Io(error) => error.into(),
            other => TableError::Corrupt(other.to_string().into()),
        }
    }
}
