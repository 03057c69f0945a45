//! Opening the journal: everything it says.

use std::sync::Arc;

use crate::error::EngineError;
use crate::freed::{
    ENTRY_BYTES, HEAD_BYTES, Journal, Log, MAGIC, NAME_PREFIX, Queue, SUMMARY_MAGIC, UNFINISHED_SUFFIX,
};
use crate::keys::EngineId;
use crate::medium::{Medium, MediumFile};
use crate::packs::Freed;
use crate::packs::frame::Spot;
use parking_lot::{Condvar, Mutex};

/// What a journal says.
#[derive(Default)]
pub struct Said {
    /// The room of these has been given back.
    pub gone: Vec<Freed>,
    /// That of these maybe not.
    pub freed: Vec<Freed>,
}

impl Journal {
    pub fn open(medium: Arc<dyn Medium>, engine: EngineId) -> Result<(Journal, Said), EngineError> {
        let mut log = Log::default();
        let mut said = Said::default();
        for name in medium.list()? {
            let Some(rest) = name.strip_prefix(NAME_PREFIX) else { continue };
            if rest.ends_with(UNFINISHED_SUFFIX) {
                medium.remove(&name)?;
                continue;
            }
            let Ok(number) = u32::from_str_radix(rest, 16) else { continue };
            log.next = log.next.max(number + 1);
            log.bytes += read(&*medium.open(&name)?, &engine, &mut said)?;
            log.names.push(name);
        }
        log.summary_bytes = (said.gone.len() * ENTRY_BYTES) as u64;
        let journal = Journal {
            medium,
            engine,
            queue: Mutex::new(Queue::default()),
            asked: Condvar::new(),
            log: Mutex::new(log),
        };
        Ok((journal, said))
    }
}

/// Reads one file up to the first batch that is not whole, and says how far that was.
fn read(file: &dyn MediumFile, engine: &EngineId, said: &mut Said) -> Result<u64, EngineError> {
    let mut at = 0;
    loop {
        let head = file.read_at(at, HEAD_BYTES)?;
        let Some((magic, count, checksum)) = head_of(&head, engine) else { break };
        let length = count as usize * ENTRY_BYTES;
        if length as u64 > file.size()?.saturating_sub(at + HEAD_BYTES as u64) {
            break;
        }
        let entries = file.read_at(at + HEAD_BYTES as u64, length)?;
        if entries.len() < length || crc32c::crc32c(&entries) != checksum {
            break;
        }
        let into = if magic == SUMMARY_MAGIC { &mut said.gone } else { &mut said.freed };
        into.extend(entries.chunks_exact(ENTRY_BYTES).map(|entry| {
            let (pack, offset) = (number(entry), number(&entry[4..]));
            Freed { spot: Spot { pack, offset }, length: number(&entry[8..]) }
        }));
        at += (HEAD_BYTES + length) as u64;
    }
    Ok(at)
}

/// Which kind of batch, how many entries, and their checksum.
fn head_of(bytes: &[u8], engine: &EngineId) -> Option<([u8; 4], u32, u32)> {
    let bytes = bytes.first_chunk::<HEAD_BYTES>()?;
    let expected = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), engine);
    let magic = *bytes.first_chunk::<4>()?;
    let is_known = magic == MAGIC || magic == SUMMARY_MAGIC;
    (is_known && number(&bytes[12..]) == expected).then(|| (magic, number(&bytes[4..]), number(&bytes[8..])))
}

fn number(bytes: &[u8]) -> u32 {
    bytes[..4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
