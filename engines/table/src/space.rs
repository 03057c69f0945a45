//! Spaces: the maps that the engine keeps apart from each other.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::seal::Sealer;

/// One space. The number is the caller's choice, never 0, and never used again after the space was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u64);

/// Where the engine keeps what it knows of itself.
pub(crate) const META: SpaceId = SpaceId(0);

/// The length of a space's prefix in the tree.
pub(crate) const PREFIX_BYTES: usize = 8;

/// The AES-256 key that a space's values are sealed with, or none. Keys of entries are not sealed: their order has to
/// be seen.
#[derive(Clone)]
pub struct SpaceKey(Option<Zeroizing<[u8; 32]>>);

impl SpaceKey {
    /// Values lie on the disk as they are.
    pub fn none() -> SpaceKey {
        SpaceKey(None)
    }

    pub fn aes_256(bytes: [u8; 32]) -> SpaceKey {
        SpaceKey(Some(Zeroizing::new(bytes)))
    }

    pub(crate) fn bytes(&self) -> Option<&[u8; 32]> {
        self.0.as_deref()
    }
}

impl fmt::Debug for SpaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "SpaceKey" } else { "SpaceKey(none)" })
    }
}

impl SpaceId {
    pub(crate) fn prefix(self) -> [u8; PREFIX_BYTES] {
        self.0.to_be_bytes()
    }

    /// An entry's key in the tree.
    pub(crate) fn tree_key(self, key: &[u8]) -> Vec<u8> {
        let mut joined = Vec::with_capacity(PREFIX_BYTES + key.len());
        joined.extend_from_slice(&self.prefix());
        joined.extend_from_slice(key);
        joined
    }
}

/// An open space.
pub(crate) struct Space {
    pub id: SpaceId,
    pub sealer: Sealer,
}

/// How much is in a space. Only the committer writes it.
#[derive(Default)]
pub(crate) struct Counts {
    entries: AtomicU64,
    bytes: AtomicU64,
    /// Whether the tree has others.
    is_changed: AtomicBool,
}

/// What a change does to a space's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    pub entries: i64,
    pub bytes: i64,
}

impl Delta {
    pub fn add(&mut self, other: Delta) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }
}

impl Counts {
    pub fn new(entries: u64, bytes: u64) -> Counts {
        Counts { entries: AtomicU64::new(entries), bytes: AtomicU64::new(bytes), ..Counts::default() }
    }

    /// Whether they changed since this was asked.
    pub fn take_changed(&self) -> bool {
        self.is_changed.swap(false, Ordering::Relaxed)
    }

    pub fn get(&self) -> (u64, u64) {
        (self.entries.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    pub fn apply(&self, delta: Delta) {
        let (entries, bytes) = self.get();
        self.entries.store(entries.saturating_add_signed(delta.entries), Ordering::Relaxed);
        self.bytes.store(bytes.saturating_add_signed(delta.bytes), Ordering::Relaxed);
        self.is_changed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_show_in_debugging_output() {
        assert_eq!(
            format!("{:?} {:?}", SpaceKey::aes_256([170; 32]), SpaceKey::none()),
            "SpaceKey SpaceKey(none)"
        );
    }
}
