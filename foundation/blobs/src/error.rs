//! What can go wrong with blobs, in the terms a caller can act on.

use std::io;
use std::path::PathBuf;

use crate::BlobId;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    #[error("there is no blob {0}")]
    NotFound(BlobId),
    /// The bytes are not what was written. None of the damaged ones has been returned.
    #[error("the blob {id} is damaged: {damage}")]
    Corrupt { id: BlobId, damage: Damage },
    /// Writing fails until there is room again; reading and deleting go on.
    #[error("there is no room left for blobs; free some space and the service resumes by itself")]
    Full,
    #[error("a blob has at most {max} bytes")]
    TooLong { max: u64 },
    /// The writer let go of what it had written when an earlier call failed, or was dropped before it ended.
    #[error("an earlier write to this blob failed or was cancelled")]
    Abandoned,
    #[error("the blobs' disk failed: {0}")]
    Io(io::Error),
    #[error(
        "the folder {folder} was written in version {found}, and this Fogbank knows versions up to {known}; \
         use the Fogbank that wrote it, or a later one"
    )]
    NewerVersion { folder: PathBuf, found: u32, known: u32 },
    #[error("the folder {0} holds a format file that is not one of Fogbank's blobs")]
    UnknownFormat(PathBuf),
    #[error("the folder {0} is in use by another Fogbank; stop that one, or choose another folder")]
    Locked(PathBuf),
}

/// Where a blob is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("it has more or fewer bytes than were written")]
    Size,
    #[error("its footer does not match the footer's checksum")]
    Footer,
    #[error("the chunk that starts at byte {offset} does not match its checksum")]
    Chunk { offset: u64 },
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> BlobError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::Full,
            _ => BlobError::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_or_a_quota_without_room_is_full_and_nothing_else_is() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert!(matches!(BlobError::from(io::Error::from(kind)), BlobError::Full));
        }
        assert!(matches!(BlobError::from(io::Error::from(io::ErrorKind::Other)), BlobError::Io(_)));
    }
}
