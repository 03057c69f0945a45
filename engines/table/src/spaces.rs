//! Which spaces there are, and how that is kept in the tree.
//!
//! ```text
//! s ‖ id      0 in use, 1 being dropped ‖ a value sealed with the space's key, to know the key again
//! n ‖ id      entries ‖ bytes
//! p           nothing; its sequence number says how far the tree's files go
//! ```
//!
//! In the space [`META`]. The counts and `p` are not in the log: they are written when memory is closed to become
//! files, and what came after follows from the log.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::error::TableError;
use crate::log::frame::Op;
use crate::range::{Direction, KeyRange};
use crate::seal::{Nonces, Place, Sealer};
use crate::space::{Counts, Delta, META, Space, SpaceId, SpaceKey};
use crate::tree::{LATEST, Tree};

pub const PERSISTED: &[u8] = b"p";

/// What an entry takes besides its key and value: its space, its seal, its numbers, and its part of filters and lists.
const ENTRY_BYTES: u64 = 64;

const IN_USE: u8 = 0;
const DROPPING: u8 = 1;

/// What a space's check value says.
const CHECK: &[u8] = b"fogbank space";

#[derive(Default)]
pub struct Spaces(RwLock<HashMap<SpaceId, Held>>);

struct Held {
    check: Bytes,
    counts: Arc<Counts>,
    open: Option<Arc<Space>>,
    is_dropping: bool,
}

pub fn record_key(id: SpaceId) -> Bytes {
    [&b"s"[..], &id.prefix()].concat().into()
}

fn counts_key(id: SpaceId) -> Bytes {
    [&b"n"[..], &id.prefix()].concat().into()
}

/// The record of a new space.
pub fn new_record(nonces: &Nonces, id: SpaceId, key: &SpaceKey) -> Bytes {
    let check = Sealer::new(id, key).seal(nonces, Place::Key(b""), CHECK);
    [&[IN_USE], &check[..]].concat().into()
}

/// Whether a record says that its space is being dropped.
pub fn is_dropping(record: &[u8]) -> bool {
    record.first() == Some(&DROPPING)
}

/// The space that a write begins to drop.
pub fn drops(op: &Op) -> Option<SpaceId> {
    match op {
        Op::Put { space: META, key, stored, .. } if is_dropping(stored) => id_of(key),
        _ => None,
    }
}

impl Spaces {
    /// Those that the tree's files know.
    pub fn load(tree: &Tree) -> Result<Spaces, TableError> {
        let spaces = Spaces::default();
        let mut counts = HashMap::new();
        for pair in tree.scan(KeyRange::all().within(&META.prefix()), Direction::Forward, LATEST) {
            let (key, value) = pair?;
            let key = &key[META.prefix().len()..];
            match (id_of(key), key[0]) {
                (Some(id), b's') => spaces.note(id, &value)?,
                (Some(id), b'n') => drop(counts.insert(id, decode_counts(&value)?)),
                _ => {}
            }
        }
        let mut held = spaces.0.write();
        for (id, (entries, bytes)) in counts {
            if let Some(held) = held.get_mut(&id) {
                held.counts = Arc::new(Counts::new(entries, bytes));
            }
        }
        drop(held);
        Ok(spaces)
    }

    /// Follows what a change writes about spaces.
    pub fn follow(&self, op: &Op) -> Result<(), TableError> {
        match op {
            Op::Put { key, stored, .. } => match id_of(key) {
                Some(id) => self.note(id, stored),
                None => Ok(()),
            },
            Op::Delete { key, .. } => {
                if let (Some(id), b's') = (id_of(key), key[0]) {
                    self.0.write().remove(&id);
                }
                Ok(())
            }
            Op::Append { .. } => Ok(()),
        }
    }

    fn note(&self, id: SpaceId, record: &Bytes) -> Result<(), TableError> {
        let is_dropping = match record.first() {
            Some(&IN_USE) => false,
            Some(&DROPPING) => true,
            _ => return Err(damaged()),
        };
        let mut held = self.0.write();
        let held = held.entry(id).or_insert_with(|| Held {
            check: record.slice(1..),
            counts: Arc::default(),
            open: None,
            is_dropping,
        });
        held.is_dropping = is_dropping;
        if is_dropping {
            held.open = None;
        }
        Ok(())
    }

    pub fn get(&self, id: SpaceId) -> Result<Arc<Space>, TableError> {
        let held = self.0.read();
        match held.get(&id) {
            Some(Held { open: Some(space), .. }) => Ok(Arc::clone(space)),
            Some(Held { is_dropping: false, .. }) => Err(TableError::NotOpen(id)),
            _ => Err(TableError::NoSuchSpace(id)),
        }
    }

    /// Opens a space, if the key is its key.
    pub fn open(&self, id: SpaceId, key: &SpaceKey) -> Result<(), TableError> {
        let mut held = self.0.write();
        let held = held.get_mut(&id).filter(|held| !held.is_dropping).ok_or(TableError::NoSuchSpace(id))?;
        let sealer = Sealer::new(id, key);
        if sealer.open(&id.prefix(), &held.check).ok().as_deref() != Some(CHECK) {
            return Err(TableError::WrongKey(id));
        }
        held.open.get_or_insert_with(|| Arc::new(Space { id, sealer }));
        Ok(())
    }

    /// `None` if there is no such space; else whether it is being dropped.
    pub fn is_dropping(&self, id: SpaceId) -> Option<bool> {
        self.0.read().get(&id).map(|held| held.is_dropping)
    }

    /// The record of a space that begins to be dropped.
    pub fn dropping_record(&self, id: SpaceId) -> Option<Bytes> {
        let held = self.0.read();
        let held = held.get(&id)?;
        Some([&[DROPPING], &held.check[..]].concat().into())
    }

    pub fn dropping(&self) -> Vec<SpaceId> {
        self.0.read().iter().filter(|(_, held)| held.is_dropping).map(|(id, _)| *id).collect()
    }

    /// Those in use, and whether they are open.
    pub fn all(&self) -> Vec<SpaceId> {
        let mut ids: Vec<SpaceId> =
            self.0.read().iter().filter(|(_, held)| !held.is_dropping).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    pub fn counts(&self, id: SpaceId) -> Option<(u64, u64)> {
        self.0.read().get(&id).filter(|held| !held.is_dropping).map(|held| held.counts.get())
    }

    /// About how much room all that is there takes in files.
    pub fn live_bytes(&self) -> u64 {
        let held = self.0.read();
        let counts = held.values().filter(|held| !held.is_dropping).map(|held| held.counts.get());
        counts.map(|(entries, bytes)| bytes + entries * ENTRY_BYTES).sum()
    }

    pub fn count(&self, id: SpaceId, delta: Delta) {
        if let Some(held) = self.0.read().get(&id) {
            held.counts.apply(delta);
        }
    }

    /// The counts that the tree does not have yet, as entries of [`META`].
    pub fn changed_counts(&self) -> Vec<(Bytes, Bytes)> {
        let held = self.0.read();
        let changed = held.iter().filter(|(_, held)| held.counts.take_changed());
        changed
            .map(|(id, held)| {
                let (entries, bytes) = held.counts.get();
                let value = [entries.to_le_bytes(), bytes.to_le_bytes()].concat();
                (counts_key(*id), value.into())
            })
            .collect()
    }

    /// What has to be removed for a space to be forgotten.
    pub fn keys_of(id: SpaceId) -> [Bytes; 2] {
        [counts_key(id), record_key(id)]
    }
}

/// The space that a key of [`META`] is about.
fn id_of(key: &[u8]) -> Option<SpaceId> {
    let (_kind, id) = key.split_first()?;
    Some(SpaceId(u64::from_be_bytes(id.try_into().ok()?)))
}

fn decode_counts(value: &[u8]) -> Result<(u64, u64), TableError> {
    let (entries, bytes) = value.split_first_chunk::<8>().ok_or_else(damaged)?;
    let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| damaged())?;
    Ok((u64::from_le_bytes(*entries), u64::from_le_bytes(bytes)))
}

fn damaged() -> TableError {
    TableError::Corrupt("a space's record cannot be read".into())
}
