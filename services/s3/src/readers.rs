//! Who reads content right now: what an object held stays on the disk until those are done who may have seen it there.
//!
//! A reader enters before it looks an object up, and leaves when its answer is sent. Content that nobody refers to any
//! more may be given back as soon as all have left who entered before it was found to be garbage.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

#[derive(Default)]
pub struct Readers(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    current: Arc<()>,
    /// Those before it that still have readers.
    earlier: Vec<Weak<()>>,
}

/// Held while content is looked up and read.
#[derive(Clone, Debug)]
pub struct Reading {
    _generation: Arc<()>,
}

/// All who were reading at one moment.
#[derive(Debug)]
pub struct Earlier(Vec<Weak<()>>);

impl Readers {
    pub fn enter(&self) -> Reading {
        Reading { _generation: self.0.lock().current.clone() }
    }

    /// Everybody who has entered so far.
    pub fn so_far(&self) -> Earlier {
        let mut generations = self.0.lock();
        let before = Arc::downgrade(&std::mem::take(&mut generations.current));
        generations.earlier.push(before);
        generations.earlier.retain(|generation| generation.strong_count() > 0);
        Earlier(generations.earlier.clone())
    }
}

impl Earlier {
    pub fn have_left(&self) -> bool {
        self.0.iter().all(|generation| generation.strong_count() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_came_before_are_waited_for() {
        let readers = Readers::default();
        assert!(readers.so_far().have_left());
        let first = readers.enter();
        let one = readers.so_far();
        let second = readers.enter();
        let both = readers.so_far();
        assert!(!one.have_left() && !both.have_left());
        drop(first);
        assert!(one.have_left() && !both.have_left());
        drop(second);
        assert!(both.have_left());
    }
}
