//! The journal of what is free in packs: one for all of them, so that a lot of frees takes one sync, however many
//! packs it is about.
//!
//! ```text
//! file    batch, batch, …
//! batch   magic, 4 ‖ number of entries, 4 ‖ crc32c of the entries, 4 ‖ crc32c of all this and the engine, 4 ‖ entries
//! entry   pack, 4 ‖ offset, 4 ‖ length, 4
//! ```
//!
//! What is free stays free, since places are not used again. So the files can be read in any order, entries may be
//! repeated, and those about packs that are gone mean nothing. When the journal has grown beyond what it says, all of
//! it is written anew as a *summary*; unlike in the other batches, what a summary says has been given back already.

mod commit;
mod read;

use std::io::{self, IoSlice};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::keys::EngineId;
use crate::medium::{Medium, MediumFile};
use crate::packs::Freed;

const NAME_PREFIX: &str = "freed-";

/// A summary that is being written.
const UNFINISHED_SUFFIX: &str = ".new";

const MAGIC: [u8; 4] = *b"free";
const SUMMARY_MAGIC: [u8; 4] = *b"gone";

const HEAD_BYTES: usize = 16;
const ENTRY_BYTES: usize = 12;

/// Room is reserved in such steps, so that a sync finds the file's size as it was.
const RESERVE_BYTES: u64 = 1 << 20;

/// Entries in one batch of a summary.
const SUMMARY_ENTRIES: usize = 64 << 10;

pub struct Journal {
    medium: Arc<dyn Medium>,
    engine: EngineId,
    queue: Mutex<Queue>,
    asked: Condvar,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Queue {
    requests: Vec<Request>,
    stopping: bool,
}

struct Request {
    frames: Vec<Freed>,
    /// None if nobody waits for it.
    answer: Option<oneshot::Sender<Result<(), EngineError>>>,
}

/// What is written to; whoever writes holds its lock, and lets go when what was written is in force.
#[derive(Default)]
struct Log {
    /// None until something is written, and after a failure.
    file: Option<Arc<dyn MediumFile>>,
    /// Of that file.
    name: String,
    end: u64,
    reserved: u64,
    /// The number of the next file.
    next: u32,
    names: Vec<String>,
    /// In all files.
    bytes: u64,
    /// That many were in the last summary.
    summary_bytes: u64,
}

fn name(number: u32) -> String {
    format!("{NAME_PREFIX}{number:08x}")
}

fn encode(engine: &EngineId, magic: [u8; 4], frames: &[Freed]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + frames.len() * ENTRY_BYTES);
    bytes.resize(HEAD_BYTES, 0);
    for frame in frames {
        for number in [frame.spot.pack, frame.spot.offset, frame.length] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    let checksum = crc32c::crc32c(&bytes[HEAD_BYTES..]);
    bytes[..4].copy_from_slice(&magic);
    bytes[4..8].copy_from_slice(&(frames.len() as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), engine);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn write(file: &dyn MediumFile, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_at(&mut [IoSlice::new(bytes)], at)
}
