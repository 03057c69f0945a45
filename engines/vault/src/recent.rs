//! The things used most recently, up to a number. Whoever has one in hand keeps it alive, forgotten or not.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use parking_lot::Mutex;

/// A hash of everything the thing depends on. It takes the place of authentication when the thing is found, so it must
/// resist collisions.
pub(crate) type Name = [u8; 32];

/// SHA-256 over the parts and their lengths.
pub(crate) fn name(parts: &[&[u8]]) -> Name {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

pub(crate) struct Recent<V> {
    entries_max: usize,
    entries: Mutex<Entries<V>>,
}

struct Entries<V> {
    /// Counts uses, and so orders them.
    uses: u64,
    by_name: HashMap<Name, Entry<V>>,
}

struct Entry<V> {
    last_use: u64,
    value: Arc<V>,
}

impl<V> Recent<V> {
    pub(crate) fn new(entries_max: usize) -> Recent<V> {
        Recent { entries_max, entries: Mutex::new(Entries { uses: 0, by_name: HashMap::new() }) }
    }

    pub(crate) fn get_or<E>(&self, name: Name, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Some(value) = self.entries.lock().get(&name) {
            return Ok(value);
        }
        // Not under the lock: making takes long. Two may make the same, which does no harm.
        let value = Arc::new(make()?);
        self.entries.lock().put(name, value.clone(), self.entries_max);
        Ok(value)
    }

    pub(crate) fn forget(&self, names: &[Name]) {
        let mut entries = self.entries.lock();
        for name in names {
            entries.by_name.remove(name);
        }
    }
}

impl<V> Entries<V> {
    fn get(&mut self, name: &Name) -> Option<Arc<V>> {
        self.uses += 1;
        let entry = self.by_name.get_mut(name)?;
        entry.last_use = self.uses;
        Some(entry.value.clone())
    }

    fn put(&mut self, name: Name, value: Arc<V>, entries_max: usize) {
        // Looking through all of them is a matter of microseconds, and far cheaper than making one.
        if self.by_name.len() >= entries_max
            && let Some(oldest) = self.by_name.iter().min_by_key(|(_, entry)| entry.last_use).map(|(n, _)| *n)
        {
            self.by_name.remove(&oldest);
        }
        self.uses += 1;
        self.by_name.insert(name, Entry { last_use: self.uses, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(recent: &Recent<u8>, number: u8) -> bool {
        let mut made = false;
        recent
            .get_or([number; 32], || {
                made = true;
                Ok::<u8, ()>(number)
            })
            .unwrap();
        made
    }

    #[test]
    fn the_one_unused_for_longest_makes_room() {
        let recent = Recent::new(2);
        assert!(made(&recent, 1));
        assert!(made(&recent, 2));
        assert!(!made(&recent, 1));
        assert!(made(&recent, 3), "takes the place of 2");
        assert!(!made(&recent, 1));
        assert!(made(&recent, 2));
        assert_eq!(recent.entries.lock().by_name.len(), 2);
    }

    #[test]
    fn what_failed_or_was_forgotten_is_made_again() {
        let recent = Recent::new(2);
        assert_eq!(recent.get_or([1; 32], || Err::<u8, &str>("no")).unwrap_err(), "no");
        assert!(made(&recent, 1));
        recent.forget(&[[1; 32]]);
        assert!(made(&recent, 1));
    }

    #[test]
    fn parts_that_run_together_have_different_names() {
        assert_ne!(name(&[b"ab", b"c"]), name(&[b"a", b"bc"]));
    }
}
