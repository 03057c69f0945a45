//! What has to be done with a volume's file and device from outside the daemon: all of it waits for the daemon's
//! answers, and a daemon that waits for itself could not even be killed. Forks of the holder do it, one a task.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::BlockError;
use crate::kernel::{loops, process};

#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    /// A loop device upon the file at this path of the file system whose root is carried.
    Make { path: String },
    /// The kernel learns the file's new size.
    Follow { path: String, minor: u32 },
    /// The device is synced and taken off the file, if it is that one's.
    Leave { path: String, minor: u32, force: bool },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Failure {
    /// The device is mounted.
    Busy,
    Other(String),
}

impl Failure {
    pub fn of(self, volume: &str) -> BlockError {
        match self {
            Self::Busy => BlockError::Busy(volume.to_owned()),
            Self::Other(cause) => BlockError::Failed(format!("the device of {volume}: {cause}")),
        }
    }
}

/// Does it, answers, and ends.
pub fn work(task: &Task, carried: Vec<OwnedFd>) -> ! {
    process::set_name("fb-block-task");
    let mut carried = carried.into_iter();
    let Some(to) = carried.next() else { process::leave(1) };
    let done = perform(task, carried.next().as_ref().map(AsFd::as_fd)).map_err(|error| {
        if error.raw_os_error() == Some(libc::EBUSY) {
            Failure::Busy
        } else {
            Failure::Other(error.to_string())
        }
    });
    let bytes = postcard::to_stdvec(&done).unwrap_or_default();
    let sent = File::from(to).write_all(&bytes);
    process::leave(i32::from(sent.is_err()))
}

fn perform(task: &Task, root: Option<BorrowedFd<'_>>) -> io::Result<()> {
    match task {
        Task::Make { path } => {
            let path = ask_size(root, path)?;
            let backing = File::options().read(true).write(true).open(path)?;
            loops::claim(|minor| loops::configure(&loops::open(minor, false)?, backing.as_fd()))
        }
        Task::Follow { path, minor } => {
            ask_size(root, path)?;
            loops::follow_size(&loops::open(*minor, false)?)
        }
        Task::Leave { path, minor, force } => {
            let device = loops::open(*minor, !force)?;
            if loops::file_of(*minor)?.as_ref() != Some(path) {
                return Ok(());
            }
            let synced = device.sync_all();
            if !force {
                synced?;
            }
            loops::clear(&device)
        }
    }
}

/// Has the kernel ask for the file's size, and tells the path by which it is opened.
fn ask_size(root: Option<BorrowedFd<'_>>, path: &str) -> io::Result<PathBuf> {
    let root = root.ok_or(io::ErrorKind::InvalidInput)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}{path}", root.as_raw_fd()));
    fs::metadata(&path)?;
    Ok(path)
}
