//! Which machine has which user ids. No two that live share any, so that even outside all other walls one guest's root
//! is nobody to another.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::error::SandboxError;
use crate::limits::{RANGES_MAX, USER_IDS};

pub struct Ranges {
    first: u32,
    /// Holders by range.
    held: Mutex<BTreeMap<u32, String>>,
}

impl Ranges {
    pub fn new(first: u32) -> Self {
        Self { first, held: Mutex::new(BTreeMap::new()) }
    }

    /// The first user id of a range that nobody has.
    pub fn take(&self, holder: &str) -> Result<u32, SandboxError> {
        let mut held = self.held.lock();
        let free = (0..RANGES_MAX).find(|index| !held.contains_key(index));
        let room =
            free.and_then(|index| Some((index, self.first.checked_add(index.checked_mul(USER_IDS)?)?)));
        let (index, first) = room.ok_or_else(|| {
            SandboxError::Missing(format!("{RANGES_MAX} machines have all user ids there are"))
        })?;
        held.insert(index, holder.to_owned());
        Ok(first)
    }

    /// Notes a range that was taken in an earlier life.
    pub fn note(&self, first_user_id: u32, holder: &str) {
        if let Some(distance) = first_user_id.checked_sub(self.first) {
            self.held.lock().insert(distance / USER_IDS, holder.to_owned());
        }
    }

    pub fn give_back(&self, holder: &str) {
        self.held.lock().retain(|_, other| other != holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_meet_and_come_back() {
        let ranges = Ranges::new(1 << 30);
        let one = ranges.take("one").unwrap();
        let two = ranges.take("two").unwrap();
        assert_eq!((one, two), (1 << 30, (1 << 30) + USER_IDS));
        ranges.give_back("one");
        assert_eq!(ranges.take("three").unwrap(), one);
    }

    #[test]
    fn what_an_earlier_life_gave_is_not_given_again() {
        let ranges = Ranges::new(1 << 30);
        ranges.note(1 << 30, "old");
        assert_eq!(ranges.take("new").unwrap(), (1 << 30) + USER_IDS);
    }
}
