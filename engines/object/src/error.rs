//! What can go wrong, in the engine's own words; the service says it in AWS's.

use std::io;
use std::sync::Arc;

use blobs::{BlobError, BlobId};

use crate::extent::{Extent, Place};

#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The bytes on disk are not what was written. None of the damaged ones has been returned.
    #[error("{extent} is damaged: {damage}")]
    Corrupt { extent: Extent, damage: Damage },
    /// The extent was freed, or never was.
    #[error("there is no such extent")]
    NotFound,
    /// The bytes on disk are undamaged, and these keys do not open them.
    #[error("the content was sealed with other keys")]
    WrongKey,
    /// Nothing was kept, and nothing else was harmed. Reading and freeing go on, and writing does when there is room.
    #[error("the disk is full")]
    DiskFull,
    #[error("content is longer than an extent can be")]
    TooLong,
    /// An earlier write to this content failed.
    #[error("an earlier write to this content failed")]
    Abandoned,
    #[error("the object engine is shut down")]
    Closed,
    #[error("the disk failed: {0}")]
    Io(Arc<io::Error>),
    #[error(
        "the objects in {folder} were written in version {found}, and this Fogbank knows versions up to {known}; \
         use the Fogbank that wrote them, or a later one"
    )]
    NewerVersion { folder: Arc<str>, found: u32, known: u32 },
    #[error("{0} holds a format file that is not one of Fogbank's objects")]
    UnknownFormat(Arc<str>),
    #[error("the objects in {0} are in use by another Fogbank; stop that one, or choose another folder")]
    Locked(Arc<str>),
}

/// How an extent is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it is shorter than it was")]
    Short,
    #[error("its length is not what was written")]
    Length,
    #[error("its header does not match the header's checksum")]
    Header,
    #[error("its bytes do not match their checksum")]
    Bytes,
    /// The checksum matches, and what is there is still not what was sealed.
    #[error("it was sealed for another place")]
    Misplaced,
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> EngineError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::DiskFull,
            _ => EngineError::Io(Arc::new(error)),
        }
    }
}

impl EngineError {
    /// What a blob suffered, said of the extent that is in it.
    pub(crate) fn of_blob(error: BlobError, id: BlobId, length: u64) -> EngineError {
        match error {
            BlobError::Corrupt { damage, .. } => {
                let damage = match damage {
                    blobs::Damage::Size => Damage::Short,
                    blobs::Damage::Footer => Damage::Header,
                    blobs::Damage::Chunk { .. } => Damage::Bytes,
                };
                EngineError::Corrupt { extent: Extent { place: Place::File { blob: id }, length }, damage }
            }
            other => other.into(),
        }
    }
}

/// For calls that concern no extent, or one that is just being written.
impl From<BlobError> for EngineError {
    fn from(error: BlobError) -> EngineError {
        match error {
            BlobError::NotFound(_) => EngineError::NotFound,
            BlobError::Full => EngineError::DiskFull,
            BlobError::TooLong { .. } => EngineError::TooLong,
            BlobError::Abandoned => EngineError::Abandoned,
            BlobError::Io(error) => error.into(),
            BlobError::Locked(folder) => EngineError::Locked(folder.display().to_string().into()),
            BlobError::UnknownFormat(folder) => {
                EngineError::UnknownFormat(folder.display().to_string().into())
            }
            BlobError::NewerVersion { folder, found, known } => {
                EngineError::NewerVersion { folder: folder.display().to_string().into(), found, known }
            }
            other => EngineError::Io(Arc::new(io::Error::other(other))),
        }
    }
}
