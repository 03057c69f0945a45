//! Opening a log: what is there, whether it is whole, and where it goes on.
//!
//! Only the last segment may end in a torn write. All others were closed and synced before their successor was
//! begun, so anything wrong with them is damage, and damage is an error: going on would lose acknowledged
//! messages silently, or bring deleted ones back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use base::Ids;
use parking_lot::{Condvar, Mutex};

use crate::error::EngineError;
use crate::log::record::Record;
use crate::log::scan::End;
use crate::log::{Durable, Location, Log, Segment, Spare, State, scan, segment_name, sidecar};
use medium::{Medium, MediumFile};

impl Log {
    /// Visits all records in order, and gives the log ready to be appended to.
    pub fn open(
        medium: Arc<dyn Medium>,
        ids: Ids,
        gather: Duration,
        segment_bytes: u32,
        visit: &mut dyn FnMut(&Record, Location),
    ) -> Result<Log, EngineError> {
        let begun = survey(&*medium)?;
        let mut next_sequence = 1;
        let mut visit = |record: &Record, at: Location| {
            match record {
                Record::Message(head) => next_sequence = next_sequence.max(head.sequence + 1),
                Record::Dedup { sequence, .. } => next_sequence = next_sequence.max(sequence + 1),
                _ => {}
            }
            visit(record, at);
        };
        let mut segments = BTreeMap::new();
        let mut last = End { end: 0, link: 0, sealed: true, next_sequence: 1 };
        let mut header_sequence = 1;
        for (index, (id, file)) in begun.iter().enumerate() {
            let mut segment = Segment::new(Arc::clone(file));
            let is_last = index + 1 == begun.len();
            last = if is_last {
                // A killed process may have left it unsynced; whoever sees it now may rely on it.
                file.sync()?;
                scan::scan(&**file, *id, &mut visit)?
            } else if let Some(end) = sidecar::read(&*medium, *id, &mut visit) {
                segment.indexed = true;
                end
            } else {
                scan::whole(&**file, *id, &mut visit)?
            };
            segment.sealed = last.sealed;
            header_sequence = header_sequence.max(last.next_sequence);
            segments.insert(*id, segment);
        }
        let current = segments.last_key_value().map_or(0, |(id, _)| *id);
        let state = State {
            segments,
            current,
            end: last.end,
            sealed: last.sealed,
            link: last.link,
            spare: Spare::None,
            pending: Vec::new(),
            writing: Arc::default(),
            empty: Vec::new(),
            appended: 0,
            nudged: false,
            stopping: false,
        };
        Ok(Log {
            medium,
            ids,
            state: Mutex::new(state),
            appended: Condvar::new(),
            spare_made: Condvar::new(),
            nudged: Condvar::new(),
            durable: Durable::default(),
            next_sequence: AtomicU64::new(next_sequence.max(header_sequence)),
            gather,
            segment_bytes,
        })
    }
}

type Begun = Vec<(u32, Arc<dyn MediumFile>)>;

/// The segments that were begun, in order and without gaps; removes left-overs.
fn survey(medium: &dyn Medium) -> Result<Begun, EngineError> {
    let names = medium.list()?;
    let id_of = |name: &str, ending: &str| u32::from_str_radix(name.strip_suffix(ending)?, 16).ok();
    let mut ids: Vec<u32> = names.iter().filter_map(|name| id_of(name, ".log")).collect();
    ids.sort_unstable();
    let mut begun = Begun::new();
    let mut unbegun = Vec::new();
    for id in ids {
        let file = medium.open(&segment_name(id))?;
        if scan::header(&*file, id)?.is_none() {
            unbegun.push(id);
            continue;
        }
        if let Some(missing) = unbegun.first() {
            return Err(scan::damaged(*missing, 0, "no header, though later segments have one"));
        }
        if let Some((before, _)) = begun.last()
            && before + 1 != id
        {
            return Err(scan::damaged(before + 1, 0, "the segment is missing"));
        }
        begun.push((id, file));
    }
    // A log that was ever begun always has a segment with a header, and at most one spare behind it.
    let next = begun.last().map_or(1, |(id, _)| id + 1);
    if let Some(id) = unbegun.iter().find(|id| **id != next) {
        return Err(scan::damaged(*id, 0, "no header"));
    }
    for name in &names {
        let segment = id_of(name, ".index");
        if segment.is_some_and(|id| begun.iter().all(|(held, _)| *held != id)) {
            medium.remove(name)?;
        }
    }
    // Whether a spare's room was fully reserved is not known; a new one is made when it is needed.
    for id in unbegun {
        medium.remove(&segment_name(id))?;
    }
    Ok(begun)
}
