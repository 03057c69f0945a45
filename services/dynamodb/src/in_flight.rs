//! Items that transactions are at work on. What else wants to write them meanwhile is refused rather than kept waiting,
//! as DynamoDB does: see "Transaction conflict handling in DynamoDB". Nothing depends on it: the engine's locks keep
//! changes apart.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use table_engine::SpaceId;

use crate::error::Error;

type ItemKey = (SpaceId, Bytes);

#[derive(Clone, Default)]
pub struct InFlight(Arc<Items>);

#[derive(Default)]
struct Items {
    /// How many there are, so that whoever meets no transaction takes no lock.
    count: AtomicUsize,
    items: Mutex<HashSet<ItemKey>>,
}

/// The items of one transaction, until it is dropped.
pub struct Claim {
    of: InFlight,
    items: Vec<ItemKey>,
}

impl InFlight {
    /// Refuses a write of an item that a transaction is at work on.
    pub fn check(&self, space: SpaceId, key: &Bytes) -> Result<(), Error> {
        if self.is_claimed(space, key) { Err(Error::TransactionConflict) } else { Ok(()) }
    }

    pub fn is_claimed(&self, space: SpaceId, key: &Bytes) -> bool {
        self.0.count.load(Ordering::Acquire) > 0 && self.0.items.lock().contains(&(space, key.clone()))
    }

    /// Claims all items for a transaction, or says which of them another one has.
    pub fn claim(&self, items: Vec<ItemKey>) -> Result<Claim, Vec<bool>> {
        let mut claimed = self.0.items.lock();
        let taken: Vec<bool> = items.iter().map(|item| claimed.contains(item)).collect();
        if taken.contains(&true) {
            return Err(taken);
        }
        claimed.extend(items.iter().cloned());
        self.0.count.store(claimed.len(), Ordering::Release);
        Ok(Claim { of: self.clone(), items })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = self.of.0.items.lock();
        for item in &self.items {
            claimed.remove(item);
        }
        self.of.0.count.store(claimed.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_belongs_to_one_transaction_until_that_is_over() {
        let in_flight = InFlight::default();
        let item = |key: &'static [u8]| (SpaceId(1), Bytes::from_static(key));
        let claim = in_flight.claim(vec![item(b"a"), item(b"b")]).expect("nobody has them");
        assert!(in_flight.check(SpaceId(1), &Bytes::from_static(b"a")).is_err());
        assert!(in_flight.check(SpaceId(2), &Bytes::from_static(b"a")).is_ok());
        assert_eq!(in_flight.claim(vec![item(b"c"), item(b"b")]).err(), Some(vec![false, true]));
        drop(claim);
        assert!(in_flight.claim(vec![item(b"b")]).is_ok());
    }
}
