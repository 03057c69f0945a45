//! The moment that readers see, and the moments that somebody still reads at.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

/// A moment: everything below `at` can be seen. The tree keeps what belongs to it for as long as this lives.
pub struct Moment {
    pub at: u64,
    held: Arc<Held>,
}

/// How many moments of each number there are.
#[derive(Default)]
struct Held(Mutex<BTreeMap<u64, usize>>);

impl Moment {
    fn new(at: u64, held: Arc<Held>) -> Arc<Moment> {
        *held.0.lock().entry(at).or_default() += 1;
        Arc::new(Moment { at, held })
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        let mut held = self.held.0.lock();
        let count = held.get_mut(&self.at).expect("a moment is counted for as long as it lives");
        *count -= 1;
        if *count == 0 {
            held.remove(&self.at);
        }
    }
}

pub struct Published {
    now: RwLock<Arc<Moment>>,
    held: Arc<Held>,
}

impl Published {
    pub fn new(at: u64) -> Published {
        let held = Arc::new(Held::default());
        Published { now: RwLock::new(Moment::new(at, Arc::clone(&held))), held }
    }

    pub fn now(&self) -> Arc<Moment> {
        Arc::clone(&self.now.read())
    }

    /// From now on readers see everything below `at`, which is whole.
    pub fn publish(&self, at: u64) {
        let next = Moment::new(at, Arc::clone(&self.held));
        let before = std::mem::replace(&mut *self.now.write(), next);
        debug_assert!(before.at <= at, "what was seen stays seen");
    }

    /// Nobody reads before this number, and nobody will.
    pub fn watermark(&self) -> u64 {
        let held = self.held.0.lock();
        let oldest = held.keys().next().expect("the published moment is held");
        // One less, since the tree keeps the files of the last change before the number that it is given.
        oldest.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_before_the_oldest_moment_that_is_read() {
        let published = Published::new(5);
        assert_eq!(published.watermark(), 4);
        let old = published.now();
        published.publish(9);
        assert_eq!((published.now().at, published.watermark()), (9, 4));
        let newer = published.now();
        published.publish(12);
        drop(old);
        assert_eq!(published.watermark(), 8);
        drop(newer);
        assert_eq!(published.watermark(), 11);
    }
}
