//! Changing: lock, read, decide, write, wait until it is durable and can be seen.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::committer::Decided;
use crate::engine::{Inner, TableEngine};
use crate::error::TableError;
use crate::limits::{CHANGE_BYTES_MAX, CHANGE_KEYS_MAX, KEY_BYTES_MAX, WAITING_BYTES_MAX};
use crate::locks::Locked;
use crate::log::frame::{Op, encode_change};
use crate::seal::{Place, value_bytes};
use crate::space::{META, SpaceId};
use crate::spaces::is_dropping;
use crate::tree::LATEST;
use crate::write::Write;

impl TableEngine {
    /// Reads keys, lets `decide` say what is written, and answers once that is synced and can be seen.
    ///
    /// The keys stay locked until then: between what `decide` sees and what it writes nothing else changes them. It
    /// may write other keys as well, if no two changes can write one of those at a time; that holds for the entries of
    /// an index that contain the key of their item, when the item's key is locked. If it refuses, or writes nothing,
    /// nothing happens. Whoever stops waiting does not stop a change that was decided.
    pub async fn change<T, E>(
        &self,
        keys: Vec<(SpaceId, Bytes)>,
        decide: impl FnOnce(&[Option<Bytes>]) -> Result<(Vec<Write>, T), E> + Send,
    ) -> Result<Result<T, E>, TableError> {
        let inner = &self.0.inner;
        if keys.len() > CHANGE_KEYS_MAX {
            return Err(TableError::TooMany { count: keys.len() });
        }
        let locked = inner.locks.lock(&keys).await;
        let mut before = Vec::with_capacity(keys.len());
        for (space, key) in &keys {
            before.push(inner.get(&*inner.spaces.get(*space)?, key, LATEST)?);
        }
        let (writes, told) = match decide(&before) {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        let ops = inner.prepare(&keys, &before, writes)?;
        drop(before);
        if !ops.is_empty() {
            let answered = inner.submit(ops, locked).await?;
            answered.await.unwrap_or(Err(TableError::Closed))?;
        }
        Ok(Ok(told))
    }
}

/// Beyond so many writes their keys are looked up in a map.
const WRITES_TO_COMPARE: usize = 16;

impl Inner {
    /// Seals what is written, and looks up what was there before.
    fn prepare(
        &self,
        keys: &[(SpaceId, Bytes)],
        before: &[Option<Bytes>],
        writes: Vec<Write>,
    ) -> Result<Vec<Op>, TableError> {
        if writes.len() > CHANGE_KEYS_MAX {
            return Err(TableError::TooMany { count: writes.len() });
        }
        let before = Before { inner: self, keys, values: before };
        let mut ops = Vec::with_capacity(writes.len());
        let mut bytes = 0;
        let mut place = 0;
        for write in last_of_each_key(writes) {
            let op = match write {
                Write::Put { space, key, value } => {
                    check_key(&key)?;
                    let stored = self.spaces.get(space)?.sealer.seal(&self.nonces, Place::Key(&key), &value);
                    let old = before.bytes_of(space, &key)?;
                    Op::Put { space, key, stored, old }
                }
                Write::Delete { space, key } => {
                    check_key(&key)?;
                    self.spaces.get(space)?;
                    match before.bytes_of(space, &key)? {
                        Some(old) => Op::Delete { space, key, old: Some(old) },
                        None => continue,
                    }
                }
                Write::Append { space, value } => {
                    let stored = self.spaces.get(space)?.sealer.seal(&self.nonces, Place::Appended, &value);
                    place += 1;
                    Op::Append { space, place: place - 1, stored }
                }
            };
            bytes += op.log_bytes();
            ops.push(op);
        }
        if bytes > CHANGE_BYTES_MAX {
            return Err(TableError::TooLarge { bytes });
        }
        Ok(ops)
    }

    /// Hands a change to the committer.
    pub async fn submit(
        &self,
        ops: Vec<Op>,
        locked: Locked,
    ) -> Result<oneshot::Receiver<Result<(), TableError>>, TableError> {
        let frame = encode_change(&ops);
        let kibibytes = (frame.len() / 1024 + 1).min(WAITING_BYTES_MAX / 1024) as u32;
        let room =
            Arc::clone(&self.room).acquire_many_owned(kibibytes).await.map_err(|_| TableError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let needs_room = needs_room(&ops);
        self.queue.submit(Decided { ops, frame, needs_room, locked, answer, _room: Some(room) })?;
        Ok(answered)
    }

    /// The same for a thread, which waits for the answer.
    pub fn submit_blocking(&self, ops: Vec<Op>) -> Result<(), TableError> {
        let frame = encode_change(&ops);
        let (answer, answered) = oneshot::channel();
        let needs_room = needs_room(&ops);
        self.queue.submit(Decided { ops, frame, needs_room, locked: Locked::new(), answer, _room: None })?;
        answered.blocking_recv().unwrap_or(Err(TableError::Closed))
    }
}

/// A delete makes room in the end, also if it leaves a note of itself in a log of changes.
fn needs_room(ops: &[Op]) -> bool {
    let has = |is: fn(&Op) -> bool| ops.iter().any(is);
    let appends = has(|op| matches!(op, Op::Append { .. }));
    let deletes = has(|op| matches!(op, Op::Delete { .. }));
    let puts =
        |op: &Op| matches!(op, Op::Put { space, stored, .. } if *space != META || !is_dropping(stored));
    ops.iter().any(puts) || (appends && !deletes)
}

fn check_key(key: &Bytes) -> Result<(), TableError> {
    if key.len() > KEY_BYTES_MAX { Err(TableError::KeyTooLong { bytes: key.len() }) } else { Ok(()) }
}

/// What was there before the change.
struct Before<'a> {
    inner: &'a Inner,
    keys: &'a [(SpaceId, Bytes)],
    values: &'a [Option<Bytes>],
}

impl Before<'_> {
    /// Key and value, in bytes.
    fn bytes_of(&self, space: SpaceId, key: &Bytes) -> Result<Option<u32>, TableError> {
        let known = (self.keys.len() <= WRITES_TO_COMPARE)
            .then(|| self.keys.iter().position(|(known, held)| *known == space && held == key))
            .flatten();
        let value_bytes = match known {
            Some(place) => self.values[place].as_ref().map(Bytes::len),
            None => {
                let stored = self.inner.tree.get(&space.tree_key(key), LATEST)?;
                stored.map(|stored| value_bytes(&stored))
            }
        };
        Ok(value_bytes.map(|bytes| (key.len() + bytes) as u32))
    }
}

/// Of several writes of one key the last, in its place; and all appends.
fn last_of_each_key(mut writes: Vec<Write>) -> Vec<Write> {
    fn key_of(write: &Write) -> Option<(SpaceId, &Bytes)> {
        match write {
            Write::Put { space, key, .. } | Write::Delete { space, key } => Some((*space, key)),
            Write::Append { .. } => None,
        }
    }
    let keeps: Vec<bool> = if writes.len() <= WRITES_TO_COMPARE {
        let is_last = |place: usize, key: (SpaceId, &Bytes)| {
            !writes[place + 1..].iter().any(|later| key_of(later) == Some(key))
        };
        let keeps = writes.iter().enumerate();
        keeps.map(|(place, write)| key_of(write).is_none_or(|key| is_last(place, key))).collect()
    } else {
        let places = writes.iter().enumerate();
        let last: HashMap<(SpaceId, &Bytes), usize> =
            places.filter_map(|(place, write)| Some((key_of(write)?, place))).collect();
        let keeps = writes.iter().enumerate();
        keeps.map(|(place, write)| key_of(write).is_none_or(|key| last[&key] == place)).collect()
    };
    if keeps.iter().all(|keeps| *keeps) {
        return writes;
    }
    let mut keeps = keeps.into_iter();
    writes.retain(|_| keeps.next().expect("there is one for each"));
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_writes_of_a_key_the_last_counts() {
        let put = |space, key: &'static str, value: &'static str| Write::Put {
            space: SpaceId(space),
            key: key.into(),
            value: value.into(),
        };
        let delete = |key: &'static str| Write::Delete { space: SpaceId(1), key: key.into() };
        let append = Write::Append { space: SpaceId(1), value: "x".into() };
        let writes = vec![
            put(1, "a", "1"),
            append.clone(),
            delete("a"),
            put(2, "a", "2"),
            append.clone(),
            put(1, "b", "3"),
            put(1, "a", "4"),
        ];
        let kept = vec![append.clone(), put(2, "a", "2"), append, put(1, "b", "3"), put(1, "a", "4")];
        // As few as are compared with each other, and many.
        assert_eq!(last_of_each_key(writes.clone()), kept);
        let many = vec![put(3, "x", "5"); 2 * WRITES_TO_COMPARE];
        let kept = [kept, vec![put(3, "x", "5")]].concat();
        assert_eq!(last_of_each_key([writes, many].concat()), kept);
    }
}
