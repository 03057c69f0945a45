//! What this process, the nursery, keepers and agents say to each other.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::kernel::descriptors::{receive, send, wait_readable};
use crate::kernel::sockets;
use crate::limits::{DEVICE_MILLIS_MAX, MESSAGE_BYTES_MAX};
use crate::records::Folder;
use crate::spec::BlockDevice;

/// To the nursery, with the descriptors that the job needs.
#[derive(Debug, Serialize, Deserialize)]
pub enum Job {
    /// Keep the machine whose plan lies in the folder. Carries the keeper's end of a conversation.
    Keep { folder: PathBuf },
    /// Execute a command in a machine. Carries the agent's end of a conversation, then standard input, output, error.
    Execute(Request),
    /// Make a network namespace that belongs to a machine's root. Carries the end of a conversation.
    Network { at: PathBuf, first_user_id: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    pub folder: PathBuf,
    pub words: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_folder: PathBuf,
    pub user: (u32, u32),
}

/// To the keeper of a machine that runs.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Answer calls that come through the descriptor that this carries. It is not answered itself.
    Listen,
    Attach {
        device: BlockDevice,
    },
    Detach {
        name: String,
        force: bool,
    },
}

/// Gives an order that is answered with nothing but its end.
pub fn order(folder: &Folder, order: &Order) -> Result<(), SandboxError> {
    let failed = |error| SandboxError::io("talking to the machine's keeper", error);
    let talk = sockets::connect(&folder.talk()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SandboxError::Missing(
            "this machine was launched before it could have block devices; stop and start it".to_owned(),
        ),
        _ => failed(error),
    })?;
    let bytes = serde_json::to_vec(order).map_err(|error| failed(error.into()))?;
    send(talk.as_fd(), &bytes, &[]).map_err(failed)?;
    match hear(talk.as_fd(), DEVICE_MILLIS_MAX) {
        Ok(Answer::Done) => Ok(()),
        Ok(Answer::Busy { device }) => Err(SandboxError::Busy(device)),
        Ok(Answer::Failed { step, cause }) => Err(SandboxError::Step { step, cause }),
        Ok(other) => Err(SandboxError::KeeperLost(format!("it said {other:?}"))),
        Err(error) => Err(SandboxError::KeeperLost(error.to_string())),
    }
}

/// What keepers and agents answer.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Everything is set up; the machine starts when it is told to.
    Ready,
    /// The machine runs. The job is done.
    Done,
    Exited(i32),
    Signalled(i32),
    /// The block device is in use.
    Busy {
        device: String,
    },
    Failed {
        step: String,
        cause: String,
    },
}

/// The word on which a machine that is ready starts.
pub const GO: &[u8] = b"go";

pub fn say(to: &OwnedFd, answer: &Answer) -> io::Result<()> {
    let bytes = serde_json::to_vec(answer)?;
    send(to.as_fd(), &bytes, &[])
}

/// Waits for an answer; no answer in time, or a closed conversation, is an error.
pub fn hear(from: BorrowedFd<'_>, millis: i32) -> io::Result<Answer> {
    if wait_readable(&[from], millis)? == [false] {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
    }
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let (length, _) = receive(from, &mut bytes)?;
    if length == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without an answer"));
    }
    Ok(serde_json::from_slice(&bytes[..length])?)
}

/// A failure that names its step.
#[derive(Debug)]
pub struct Failure {
    pub step: &'static str,
    pub cause: String,
}

/// Names the step in which an error came up.
pub trait At<T> {
    fn at(self, step: &'static str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> At<T> for Result<T, E> {
    fn at(self, step: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { step, cause: error.to_string() })
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Self::Failed { step: failure.step.to_owned(), cause: failure.cause }
    }
}
