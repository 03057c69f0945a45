//! How much one address has under way, so that none takes what others need.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts by address. Clones share them. Only addresses with something under way are held.
#[derive(Clone, Default)]
pub(crate) struct Sources(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of the things that an address has under way; dropping it ends that.
pub(crate) struct Place {
    sources: Sources,
    source: IpAddr,
}

impl Sources {
    /// Nothing if the address has `max` under way already.
    pub fn take(&self, source: IpAddr, max: usize) -> Option<Place> {
        let mut counts = self.0.lock();
        let count = counts.entry(source).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place { sources: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sources.0.lock();
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_own_places_and_they_come_back() {
        let sources = Sources::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 5]), IpAddr::from([10, 0, 0, 6]));
        let places = (sources.take(one, 2).unwrap(), sources.take(one, 2).unwrap());
        assert!(sources.take(one, 2).is_none());
        assert!(sources.take(other, 2).is_some());
        drop(places.0);
        assert!(sources.take(one, 2).is_some());
        drop(places.1);
        assert!(sources.0.lock().is_empty());
    }
}
