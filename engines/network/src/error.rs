//! What can go wrong: the host lacks something, or the kernel refuses.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Each entry is a sentence naming what is missing.
    #[error("this host cannot run networks: {}", .0.join("; "))]
    Unsupported(Vec<String>),
    #[error("the prefix {0:?} cannot begin the names of network devices")]
    Prefix(String),
    #[error("no network {0} here")]
    Unknown(String),
    #[error("{doing}: {source}")]
    Kernel { doing: String, source: io::Error },
}

/// Adds what was being done to what the kernel said.
pub trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, NetworkError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, NetworkError> {
        self.map_err(|source| NetworkError::Kernel { doing: what(), source })
    }
}
