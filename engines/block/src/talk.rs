//! What the client and the daemon say to each other: frames of a head, which is a question or an answer, and a body,
//! which is a block's bytes or nothing. One question at a time in a conversation; there are several conversations.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};
use crate::store::{Key, SnapshotState};
use crate::{BlockError, Device, Event, Pace, Processes, SnapshotSpec};

/// A client and a daemon of other versions do not understand each other.
pub const VERSION: u32 = 2;

/// The folder, by a handle: addresses of sockets are short (108 bytes, unix(7)), and folders are not.
pub struct Place(File);

impl Place {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        Ok(Self(File::options().read(true).custom_flags(flags).open(folder)?))
    }

    pub fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/daemon.sock", self.0.as_raw_fd()))
    }
}

/// A question. All of them may be asked again after a conversation that broke.
#[derive(Serialize, Deserialize)]
pub enum Ask {
    Hello {
        version: u32,
    },
    Create {
        id: String,
        bytes: u64,
        zone: String,
        key: Option<Key>,
        snapshot: Option<(String, Option<Key>)>,
    },
    Grow {
        volume: String,
        bytes: u64,
    },
    Remove {
        volume: String,
    },
    Serve {
        volume: String,
        key: Option<Key>,
        pace: Option<Pace>,
    },
    Unserve {
        volume: String,
        force: bool,
    },
    SetPace {
        volume: String,
        pace: Option<Pace>,
    },
    Served,
    Snapshot(Vec<SnapshotSpec>),
    SnapshotState {
        snapshot: String,
    },
    CopySnapshot {
        source: String,
        source_key: Option<Key>,
        copy: String,
        copy_key: Option<Key>,
    },
    RemoveSnapshot {
        snapshot: String,
    },
    StartUpload {
        id: String,
        volume_bytes: u64,
        key: Option<Key>,
        parent: Option<(String, Option<Key>)>,
    },
    /// The body is the block.
    PutBlock {
        snapshot: String,
        key: Option<Key>,
        block: u64,
    },
    CompleteUpload {
        snapshot: String,
    },
    Block {
        snapshot: String,
        key: Option<Key>,
        block: u64,
    },
    Blocks {
        snapshot: String,
        from: u64,
        limit: u64,
    },
    Kept,
    Verify,
    /// From here on the daemon speaks: [`Answer::Event`] after event, and [`Answer::Done`] when nothing happened for
    /// a while.
    Watch,
    /// Ends the daemon, unless something is served or copied.
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    Done,
    Hello(Processes),
    Device(Device),
    Served(BTreeMap<String, Device>),
    State(State),
    /// Whether there is such a block, which is the body.
    Block(bool),
    Blocks(BTreeMap<u64, [u8; 16]>),
    Kept(Vec<String>, Vec<String>),
    Verified {
        volumes: u64,
        snapshots: u64,
        blocks: u64,
        damaged: Vec<(String, u64)>,
        broken: Vec<String>,
    },
    Event(Event),
    Failed(BlockError),
}

/// [`SnapshotState`] on its way.
#[derive(Debug, Serialize, Deserialize)]
pub enum State {
    Absent,
    Pending(u8),
    Completed { blocks: u64, own_bytes: u64 },
    Failed(String),
}

impl From<SnapshotState> for State {
    fn from(state: SnapshotState) -> Self {
        match state {
            SnapshotState::Absent => Self::Absent,
            SnapshotState::Pending(percent) => Self::Pending(percent),
            SnapshotState::Completed { blocks, own_bytes } => Self::Completed { blocks, own_bytes },
            SnapshotState::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<State> for SnapshotState {
    fn from(state: State) -> Self {
        match state {
            State::Absent => Self::Absent,
            State::Pending(percent) => Self::Pending(percent),
            State::Completed { blocks, own_bytes } => Self::Completed { blocks, own_bytes },
            State::Failed(why) => Self::Failed(why),
        }
    }
}

/// A head as a frame begins; the body follows. The bytes may have keys in them.
pub fn begin<T: Serialize>(head: &T, body_bytes: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(postcard::to_stdvec(head).map_err(io::Error::other)?);
    if bytes.len() > HEAD_BYTES_MAX || body_bytes > BODY_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message is too long"));
    }
    let mut frame = Zeroizing::new(Vec::with_capacity(8 + bytes.len()));
    frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    frame.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    frame.extend_from_slice(&bytes);
    Ok(frame)
}

/// How long head and body are, by a frame's first bytes.
pub fn lengths(first: [u8; 8]) -> io::Result<(usize, usize)> {
    let length = |at: usize| u32::from_le_bytes(first[at..at + 4].try_into().expect("four bytes")) as usize;
    let (head, body) = (length(0), length(4));
    if head > HEAD_BYTES_MAX || body > BODY_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    Ok((head, body))
}

pub fn understand<T: DeserializeOwned>(head: &[u8]) -> io::Result<T> {
    postcard::from_bytes(head)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a message cannot be read"))
}

pub fn write<T: Serialize>(mut to: impl Write, head: &T, body: &[u8]) -> io::Result<()> {
    to.write_all(&begin(head, body.len())?)?;
    to.write_all(body)
}

pub fn read<T: DeserializeOwned>(mut from: impl Read) -> io::Result<(T, Vec<u8>)> {
    let mut first = [0; 8];
    from.read_exact(&mut first)?;
    let (head, body) = lengths(first)?;
    let mut bytes = Zeroizing::new(vec![0; head]);
    from.read_exact(&mut bytes)?;
    let mut rest = vec![0; body];
    from.read_exact(&mut rest)?;
    Ok((understand(&bytes)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_brings_its_head_and_body() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Answer::Block(true), b"bytes").unwrap();
        let (head, body): (Answer, _) = read(bytes.as_slice()).unwrap();
        assert!(matches!(head, Answer::Block(true)) && body == b"bytes");
        assert!(read::<Answer>(&bytes[..bytes.len() - 1]).is_err());
        bytes[3] = 0xff;
        assert!(read::<Answer>(bytes.as_slice()).is_err());
    }
}
