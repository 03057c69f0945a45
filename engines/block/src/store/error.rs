//! What can go wrong with volumes and snapshots.

use std::io;

use rustix::io::Errno;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no volume or snapshot {0}")]
    Absent(String),
    /// What is asked cannot be done with what is there: the sentence says why.
    #[error("{0}")]
    Invalid(String),
    /// Later it can: somebody has the volume open, or its snapshots are still copied.
    #[error("{0}")]
    Busy(String),
    /// The key is not the one that this was made with.
    #[error("the key is not that of {0}")]
    Key(String),
    /// A block of a snapshot does not hold what was written, or is not there.
    #[error("block {block} of {snapshot} is damaged")]
    Damaged { snapshot: String, block: u64 },
    /// A table, a map or a description does not hold what was written.
    #[error("{0} is damaged")]
    Broken(String),
    /// The host's disk has no room. What was asked may be asked again.
    #[error("the host's disk is full")]
    Full,
    #[error("{0}: {1}")]
    Io(&'static str, #[source] io::Error),
}

/// Names what was done when the kernel refused, and tells a full disk from the rest.
pub(crate) fn failed(what: &'static str) -> impl Fn(Errno) -> StoreError {
    move |errno| match errno {
        Errno::NOSPC | Errno::DQUOT => StoreError::Full,
        errno => StoreError::Io(what, errno.into()),
    }
}

/// The same for what the standard library does.
pub(crate) fn refused(what: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(errno) => failed(what)(errno),
        None => StoreError::Io(what, error),
    }
}
