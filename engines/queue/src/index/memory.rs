//! What a FIFO queue remembers for five minutes: deduplication ids, and receive request attempt ids.

use std::collections::{HashMap, VecDeque};

use crate::limits::{ATTEMPTS_MAX, DEDUP_MILLIS};
use crate::log::Key;
use crate::message::MessageId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    pub sent_at: i64,
    pub sequence: u64,
    pub id: MessageId,
}

/// Deduplication ids, in generations of a minute, so that forgetting is cheap: a generation goes as a whole, and
/// the moment within it is looked at when an id is found.
#[derive(Default)]
pub struct Dedup {
    generations: VecDeque<Generation>,
}

struct Generation {
    begun_at: i64,
    newest_at: i64,
    originals: HashMap<Key, Original>,
}

const GENERATION_MILLIS: i64 = 60_000;

impl Dedup {
    pub fn find(&self, key: &Key, now: i64) -> Option<Original> {
        let newest_first = self.generations.iter().rev();
        let found = newest_first.filter_map(|generation| generation.originals.get(key));
        found
            .filter(|original| original.sent_at + DEDUP_MILLIS > now)
            .max_by_key(|held| held.sent_at)
            .copied()
    }

    pub fn remember(&mut self, key: Key, original: Original) {
        let sent_at = original.sent_at;
        let fits = |held: &Generation| sent_at < held.begun_at + GENERATION_MILLIS;
        if !self.generations.back().is_some_and(fits) {
            let generation = Generation { begun_at: sent_at, newest_at: sent_at, originals: HashMap::new() };
            self.generations.push_back(generation);
        }
        let generation = self.generations.back_mut().expect("one was made if there was none");
        generation.newest_at = generation.newest_at.max(sent_at);
        generation.originals.insert(key, original);
    }

    pub fn forget_old(&mut self, now: i64) {
        while self.generations.front().is_some_and(|held| held.newest_at + DEDUP_MILLIS <= now) {
            self.generations.pop_front();
        }
    }
}

/// What a receive with an attempt id gave out.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub at: i64,
    /// Sequence, receive count and visibility deadline of each message.
    pub messages: Vec<(u64, u32, i64)>,
}

/// Kept in memory only: after a restart, a repeated receive waits for the visibility timeout like any other.
#[derive(Default)]
pub struct Attempts {
    held: HashMap<Key, Attempt>,
    order: VecDeque<(i64, Key)>,
}

impl Attempts {
    pub fn find(&self, key: &Key, now: i64) -> Option<&Attempt> {
        self.held.get(key).filter(|attempt| attempt.at + DEDUP_MILLIS > now)
    }

    pub fn remember(&mut self, key: Key, attempt: Attempt) {
        self.order.push_back((attempt.at, key));
        self.held.insert(key, attempt);
        while self.order.len() > ATTEMPTS_MAX {
            self.drop_first();
        }
    }

    pub fn forget_old(&mut self, now: i64) {
        while self.order.front().is_some_and(|(at, _)| at + DEDUP_MILLIS <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((at, key)) = self.order.pop_front()
            && self.held.get(&key).is_some_and(|attempt| attempt.at == at)
        {
            self.held.remove(&key);
        }
    }
}
