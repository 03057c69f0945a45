//! What can go wrong, in words that an operator can act on.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The host lacks what machines need. The sentence names it.
    #[error("machines cannot run on this host: {0}")]
    Missing(String),
    /// The specification contradicts itself or exceeds a limit.
    #[error("the machine's specification is not acceptable: {0}")]
    Spec(String),
    /// A machine with this id runs already.
    #[error("the machine {0} runs already")]
    Running(String),
    #[error("there is no machine {0}")]
    Unknown(String),
    /// The machine has ended, so nothing can be executed in it.
    #[error("the machine {0} has ended")]
    HasEnded(String),
    /// The block device of that name is mounted in the machine, so it cannot be taken away.
    #[error("the block device {0} is in use in the machine")]
    Busy(String),
    /// A step of a launch failed; everything before it was undone.
    #[error("{step}: {cause}")]
    Step { step: String, cause: String },
    /// The nursery or a keeper went away in the middle of a conversation.
    #[error("the keeper process went away: {0}")]
    KeeperLost(String),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

impl SandboxError {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    pub(crate) fn spec(why: impl Into<String>) -> Self {
        Self::Spec(why.into())
    }
}
