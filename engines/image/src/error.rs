//! What can go wrong, in words for whoever runs the cloud: each says what to do about it where something can be done.

use std::io;
use std::path::{Path, PathBuf};

use crate::root::ImageId;

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program that a build runs is not there.
    #[error("{program} is needed {purpose}, and is not there: {get}")]
    Missing { program: &'static str, purpose: &'static str, get: &'static str },
    /// A program ran and failed. `output` is the end of what it wrote.
    #[error("{program} failed ({status}): {output}")]
    Program { program: String, status: String, output: String },
    /// The host cannot build this.
    #[error("this host cannot build the image: {0}")]
    Host(String),
    /// What was built does not have what it must have.
    #[error("the built image is not usable: {0}")]
    Unusable(String),
    /// An archive that is not what it should be, or tries what it may not. `entry` is empty where it is about all of it.
    #[error("the archive cannot be imported: {what}{}{entry}", if entry.is_empty() { "" } else { ": " })]
    Archive { what: String, entry: String },
    /// An archive, or what it unpacks to, that is larger than it may be.
    #[error("the archive is too large: more than {max} {unit}")]
    TooLarge { max: u64, unit: &'static str },
    /// Content that is not what its digest says.
    #[error("the archive is damaged: {name} does not have the digest {expected}")]
    Damaged { name: String, expected: String },
    /// A disk, or a file that is said to hold one, that cannot be used. A sentence without a full stop.
    #[error("the disk cannot be used: {0}")]
    Foreign(String),
    /// No image of that id.
    #[error("there is no image {0}")]
    NotFound(ImageId),
    #[error("{path}: {source}")]
    Disk { path: PathBuf, source: io::Error },
    /// The thread that did the work ended without an answer.
    #[error("the work on the image was broken off")]
    BrokenOff,
}

impl ImageError {
    pub(crate) fn archive(what: impl Into<String>) -> ImageError {
        ImageError::Archive { what: what.into(), entry: String::new() }
    }

    pub(crate) fn entry(what: impl Into<String>, entry: &[u8]) -> ImageError {
        ImageError::Archive { what: what.into(), entry: String::from_utf8_lossy(entry).into_owned() }
    }
}

/// Names the path that an error of the disk is about.
pub(crate) trait At<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T, ImageError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, path: impl AsRef<Path>) -> Result<T, ImageError> {
        self.map_err(|source| ImageError::Disk { path: path.as_ref().to_owned(), source: source.into() })
    }
}
