//! The outbox: effects on others, written in the transaction that causes them and delivered afterwards.
//!
//! Each service has one of its own, and a task that empties it. Effects are delivered at least once, and in order
//! within a queue. One that fails holds up those behind it in its queue and nobody else, so what needs no order goes
//! into queues of its own. The reader is one task an outbox, under a lease; it takes a batch, delivers each queue's
//! effects one after another up to the first failure, and reports what is done. The names of queues are our own (ARNs
//! and the like) and contain no zero byte.
//!
//! Three kinds of keys: `line` (one a queue: numbers and when it is due), `due` (an index of lines by time, so that
//! a reader need not look at queues that wait), `entry` (one an effect).

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::{NAME_BYTES_MAX, SCAN_ENTRIES_MAX};
use crate::record::Versioned;
use crate::table::{Scope, ordered};
use crate::watch::Watch;
use crate::{Direction, KeyRange, Select, Store, StoreError, Table, Tx};

const LINES: Table<Outbox, Line> = Table::new("store.outbox.lines");
const DUE: Table<Outbox, Due> = Table::new("store.outbox.due");
const ENTRIES: &[u8] = b"store.outbox.entries\0";

/// What one service has to deliver: `const EVENTS: Outbox = Outbox::new("s3.events")`.
#[derive(Clone, Copy, Debug)]
pub struct Outbox(&'static str);

impl Scope for Outbox {
    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(self.0.as_bytes());
        into.push(0);
    }
}

/// The state of a queue. Stays when the queue is empty, so that a number never names two effects.
#[derive(Serialize, Deserialize, Default)]
struct Line {
    next: u64,
    /// When the first effect may be delivered; none if there is no effect.
    due: Option<Timestamp>,
    /// The effect that was put off until then.
    held_by: Option<u64>,
}

impl Versioned for Line {
    const VERSION: u16 = 1;
}

/// An entry of the index; its key says all.
#[derive(Serialize, Deserialize)]
struct Due {}

impl Versioned for Due {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId {
    pub queue: String,
    /// Ascends within the queue.
    pub number: u64,
}

/// Something to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub id: EffectId,
    pub payload: Bytes,
    /// How often delivery has been tried and put off.
    pub attempts: u32,
}

impl Outbox {
    /// Names are unique in the whole product: `service.purpose`.
    pub const fn new(name: &'static str) -> Outbox {
        Outbox(name)
    }

    /// Adds an effect to the end of a queue. It is delivered if, and only if, this transaction commits.
    pub async fn append(
        &self,
        tx: &Tx,
        queue: &str,
        payload: impl Into<Bytes>,
    ) -> Result<EffectId, StoreError> {
        check_name(queue)?;
        let mut line = LINES.get(tx, self, queue).await?.unwrap_or_default();
        let number = line.next;
        line.next += 1;
        if line.due.is_none() {
            self.set_due(tx, queue, &mut line, Some(Timestamp::EPOCH)).await?;
        }
        LINES.put(tx, self, queue, &line).await?;
        tx.put(self.entry_key(queue, number), encode_entry(0, &payload.into())).await?;
        Ok(EffectId { queue: queue.to_owned(), number })
    }

    /// At most `limit` effects that are due, in order within each queue, queues that waited longest first.
    pub async fn next_batch(&self, tx: &Tx, now: Timestamp, limit: usize) -> Result<Vec<Effect>, StoreError> {
        let limit = limit.clamp(1, SCAN_ENTRIES_MAX);
        let due = DUE.scan(tx, self, Select::ALL, limit).await?;
        let mut effects = Vec::new();
        for (key, _) in due.records {
            let (moment, queue) = parse_due_key(&key)?;
            if moment > now || effects.len() >= limit {
                break;
            }
            let range = KeyRange::prefix(self.entry_prefix(queue));
            let page = tx.scan(&range, limit - effects.len(), Direction::Forward).await?;
            for (key, value) in page.pairs {
                let (attempts, payload) = decode_entry(&value)?;
                effects.push(Effect { id: parse_entry_key(queue, &key)?, payload, attempts });
            }
        }
        Ok(effects)
    }

    /// When the next effect is due, if there is any; the past means now.
    pub async fn next_due(&self, tx: &Tx) -> Result<Option<Timestamp>, StoreError> {
        let first = DUE.scan(tx, self, Select::ALL, 1).await?;
        first.records.first().map(|(key, _)| parse_due_key(key).map(|(moment, _)| moment)).transpose()
    }

    /// Takes delivered effects out. Those already taken out are passed over.
    pub async fn done(&self, tx: &Tx, ids: &[EffectId]) -> Result<(), StoreError> {
        let mut queues: Vec<&str> = ids.iter().map(|id| &id.queue[..]).collect();
        queues.sort_unstable();
        queues.dedup();
        for id in ids {
            tx.delete(self.entry_key(&id.queue, id.number)).await?;
        }
        for queue in queues {
            let Some(mut line) = LINES.get(tx, self, queue).await? else { continue };
            let first = tx.scan(&KeyRange::prefix(self.entry_prefix(queue)), 1, Direction::Forward).await?;
            let is_freed = ids.iter().any(|id| id.queue == queue && line.held_by == Some(id.number));
            if first.pairs.is_empty() {
                self.set_due(tx, queue, &mut line, None).await?;
            } else if is_freed {
                self.set_due(tx, queue, &mut line, Some(Timestamp::EPOCH)).await?;
            } else {
                continue;
            }
            line.held_by = None;
            LINES.put(tx, self, queue, &line).await?;
        }
        Ok(())
    }

    /// Puts an effect off, and with it all behind it in its queue, and counts the attempt.
    pub async fn retry_later(&self, tx: &Tx, id: &EffectId, at: Timestamp) -> Result<(), StoreError> {
        let key = self.entry_key(&id.queue, id.number);
        let (Some(entry), Some(mut line)) = (tx.get(&key).await?, LINES.get(tx, self, &id.queue).await?)
        else {
            return Ok(());
        };
        let (attempts, payload) = decode_entry(&entry)?;
        tx.put(key, encode_entry(attempts.saturating_add(1), &payload)).await?;
        self.set_due(tx, &id.queue, &mut line, Some(at)).await?;
        line.held_by = Some(id.number);
        LINES.put(tx, self, &id.queue, &line).await
    }

    /// Drops a queue with all its effects, when the resource it belongs to is deleted. Returns false if there are
    /// more effects than one transaction takes: call it again.
    pub async fn forget(&self, tx: &Tx, queue: &str) -> Result<bool, StoreError> {
        let page = tx
            .scan(&KeyRange::prefix(self.entry_prefix(queue)), SCAN_ENTRIES_MAX, Direction::Forward)
            .await?;
        for (key, _) in page.pairs {
            tx.delete(key).await?;
        }
        if page.next.is_some() {
            return Ok(false);
        }
        if let Some(mut line) = LINES.get(tx, self, queue).await? {
            self.set_due(tx, queue, &mut line, None).await?;
            LINES.delete(tx, self, queue).await?;
        }
        Ok(true)
    }

    /// Wakes when a queue has become due or has been put off.
    pub fn watch(&self, store: &Store) -> Watch {
        DUE.watch(store, self, "")
    }

    /// Keeps the index in step with the line; the caller saves the line.
    async fn set_due(
        &self,
        tx: &Tx,
        queue: &str,
        line: &mut Line,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        if let Some(before) = line.due {
            DUE.delete(tx, self, &due_key(before, queue)).await?;
        }
        if let Some(due) = due {
            DUE.put(tx, self, &due_key(due, queue), &Due {}).await?;
        }
        line.due = due;
        Ok(())
    }

    fn entry_prefix(&self, queue: &str) -> Vec<u8> {
        [ENTRIES, self.0.as_bytes(), b"\0", queue.as_bytes(), b"\0"].concat()
    }

    fn entry_key(&self, queue: &str, number: u64) -> Vec<u8> {
        [&self.entry_prefix(queue)[..], &number.to_be_bytes()].concat()
    }
}

fn due_key(due: Timestamp, queue: &str) -> String {
    ordered(due.as_millis().max(0) as u64) + queue
}

fn parse_due_key(key: &str) -> Result<(Timestamp, &str), StoreError> {
    let damaged = || StoreError::Corrupt(format!("the outbox has a queue that is due at {key:?}"));
    let (millis, queue) = key.split_at_checked(20).ok_or_else(damaged)?;
    let millis: u64 = millis.parse().map_err(|_| damaged())?;
    Ok((Timestamp::from_millis(i64::try_from(millis).map_err(|_| damaged())?), queue))
}

fn parse_entry_key(queue: &str, key: &[u8]) -> Result<EffectId, StoreError> {
    let number = key.last_chunk::<8>().ok_or_else(|| StoreError::Corrupt("an outbox key is short".into()))?;
    Ok(EffectId { queue: queue.to_owned(), number: u64::from_be_bytes(*number) })
}

/// The layout of entries: a version (two bytes), the attempts (four), the payload.
const ENTRY_VERSION: u16 = 1;

fn encode_entry(attempts: u32, payload: &[u8]) -> Vec<u8> {
    [&ENTRY_VERSION.to_be_bytes()[..], &attempts.to_be_bytes(), payload].concat()
}

fn decode_entry(entry: &Bytes) -> Result<(u32, Bytes), StoreError> {
    let (Some(version), Some(attempts)) = (entry.first_chunk::<2>(), entry.get(2..6)) else {
        return Err(StoreError::Corrupt("an outbox entry is short".into()));
    };
    let version = u16::from_be_bytes(*version);
    if version > ENTRY_VERSION {
        let what = "an outbox entry".to_owned();
        return Err(StoreError::NewerVersion { what, found: version.into(), known: ENTRY_VERSION.into() });
    }
    let attempts = u32::from_be_bytes(attempts.try_into().expect("four bytes were taken"));
    Ok((attempts, entry.slice(6..)))
}

fn check_name(queue: &str) -> Result<(), StoreError> {
    assert!(!queue.contains('\0'), "an outbox queue's name has no zero byte");
    if queue.len() > NAME_BYTES_MAX {
        return Err(StoreError::TooLarge {
            what: "outbox queue name",
            size: queue.len(),
            max: NAME_BYTES_MAX,
        });
    }
    Ok(())
}
