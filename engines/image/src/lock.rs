//! The right to make or remove one image, held by one thread of one process at a time.
//!
//! It is a lock of the kernel on a file (`flock`), so a process that dies gives it back. The files stay: to remove one
//! would let two hold the lock on two files of one name.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{At, ImageError};
use crate::root::ImageId;

/// Given back when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else has it; calls `waiting` first if someone does.
    pub fn wait(folder: &Path, id: &ImageId, waiting: impl FnOnce()) -> Result<Lock, ImageError> {
        let (file, taken) = attempt(folder, id)?;
        if !taken {
            waiting();
            loop {
                match flock(&file, FlockOperation::LockExclusive) {
                    Err(Errno::INTR) => {}
                    other => break other.at(folder)?,
                }
            }
        }
        Ok(Lock { _file: file })
    }

    /// None while someone else has it.
    pub fn attempt(folder: &Path, id: &ImageId) -> Result<Option<Lock>, ImageError> {
        let (file, taken) = attempt(folder, id)?;
        Ok(taken.then_some(Lock { _file: file }))
    }
}

fn attempt(folder: &Path, id: &ImageId) -> Result<(File, bool), ImageError> {
    let path = folder.join(id.as_str());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).at(&path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok((file, true)),
        Err(Errno::WOULDBLOCK) => Ok((file, false)),
        Err(error) => Err(error).at(&path),
    }
}
