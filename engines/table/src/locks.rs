//! Locks on keys: one change of a key at a time.
//!
//! A key has one of a fixed number of locks, by its hash. Whoever needs several takes them in one order, so that
//! nobody waits in a circle.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::limits::LOCKS;
use crate::space::SpaceId;

pub struct Locks {
    locks: Box<[Arc<Mutex<()>>]>,
    hasher: RandomState,
}

/// Held until it is dropped.
pub type Locked = Vec<OwnedMutexGuard<()>>;

impl Locks {
    pub fn new() -> Locks {
        Locks { locks: (0..LOCKS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }

    pub async fn lock(&self, keys: &[(SpaceId, Bytes)]) -> Locked {
        let mut places: Vec<usize> =
            keys.iter().map(|key| self.hasher.hash_one(key) as usize % self.locks.len()).collect();
        places.sort_unstable();
        places.dedup();
        let mut locked = Vec::with_capacity(places.len());
        for place in places {
            locked.push(Arc::clone(&self.locks[place]).lock_owned().await);
        }
        locked
    }
}
