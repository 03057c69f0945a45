//! Waking up when something under a prefix has changed.
//!
//! A watch never carries the change, only the fact that there was one, and any number of changes wake it once:
//! so it is bounded, and a slow watcher slows nobody. Make the watch first, then read, then wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::StoreError;

/// Wakes after each commit that changed a key under its prefix. Made by [`crate::Store::watch`].
pub struct Watch {
    prefix: Bytes,
    changes: watch::Receiver<()>,
    watches: Arc<Watches>,
}

impl Watch {
    /// Waits for a commit after this watch was made, or after the last time this returned.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        self.changes.changed().await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watches.leave(&self.prefix);
    }
}

/// All watches of a store, by prefix, so that a commit costs as many lookups as prefixes differ in length.
#[derive(Default)]
pub(crate) struct Watches(Mutex<Prefixes>);

#[derive(Default)]
struct Prefixes {
    watched: HashMap<Bytes, Watched>,
    /// How many of the prefixes have a length.
    lengths: BTreeMap<usize, usize>,
    closed: bool,
}

struct Watched {
    sender: watch::Sender<()>,
    watches: usize,
}

impl Watches {
    pub fn join(self: &Arc<Self>, prefix: Bytes) -> Watch {
        let mut prefixes = self.0.lock();
        let changes = if prefixes.closed {
            watch::channel(()).1
        } else if let Some(watched) = prefixes.watched.get_mut(&prefix) {
            watched.watches += 1;
            watched.sender.subscribe()
        } else {
            let (sender, changes) = watch::channel(());
            *prefixes.lengths.entry(prefix.len()).or_default() += 1;
            prefixes.watched.insert(prefix.clone(), Watched { sender, watches: 1 });
            changes
        };
        Watch { prefix, changes, watches: self.clone() }
    }

    /// Called by an engine after a commit, with the keys that changed.
    pub fn wake<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let prefixes = self.0.lock();
        if prefixes.watched.is_empty() {
            return;
        }
        for key in keys {
            for length in prefixes.lengths.range(..=key.len()).map(|(length, _)| *length) {
                if let Some(watched) = prefixes.watched.get(&key[..length]) {
                    watched.sender.send_replace(());
                }
            }
        }
    }

    pub fn close(&self) {
        let mut prefixes = self.0.lock();
        *prefixes = Prefixes { closed: true, ..Prefixes::default() };
    }

    fn leave(&self, prefix: &Bytes) {
        let mut prefixes = self.0.lock();
        let Some(watched) = prefixes.watched.get_mut(prefix) else { return };
        watched.watches -= 1;
        if watched.watches == 0 {
            prefixes.watched.remove(prefix);
            let of_this_length = prefixes.lengths.get_mut(&prefix.len()).expect("each prefix is counted");
            *of_this_length -= 1;
            if *of_this_length == 0 {
                prefixes.lengths.remove(&prefix.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_that_is_dropped_leaves_nothing_behind() {
        let watches = Arc::new(Watches::default());
        let (one, mut two) = (watches.join("ab".into()), watches.join("ab".into()));
        let three = watches.join("".into());
        drop(one);
        watches.wake([&b"abc"[..]].into_iter());
        two.changed().await.unwrap();
        drop((two, three));
        assert!(watches.0.lock().watched.is_empty() && watches.0.lock().lengths.is_empty());
    }

    #[tokio::test]
    async fn watches_end_when_the_store_closes() {
        let watches = Arc::new(Watches::default());
        let mut before = watches.join("a".into());
        watches.close();
        assert!(matches!(before.changed().await, Err(StoreError::Closed)));
        assert!(matches!(watches.join("a".into()).changed().await, Err(StoreError::Closed)));
    }
}
