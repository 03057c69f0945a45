//! Tables: the typed view of the store.
//!
//! A stored key is `table name, 0, scope, key`, and a scope encodes itself so that none is the beginning of
//! another. Hence the records of one account and region are neighbours, and no scan can leave them.

use std::marker::PhantomData;

use base::{AccountId, Region};
use bytes::Bytes;

use crate::record::{Versioned, decode, encode};
use crate::watch::Watch;
use crate::{Direction, KeyRange, Store, StoreError, Tx};

/// A kind of record and where it lives: `const QUEUES: Table<(AccountId, Region), Queue> = Table::new("sqs.queues")`.
pub struct Table<S, R> {
    name: &'static str,
    kind: PhantomData<fn(S) -> R>,
}

/// Whose records they are. The encoding keeps the order, and no scope's encoding begins another's.
pub trait Scope {
    fn encode(&self, into: &mut Vec<u8>);
}

impl Scope for () {
    fn encode(&self, _into: &mut Vec<u8>) {}
}

/// For services that are not regional, such as IAM.
impl Scope for AccountId {
    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(self.to_string().as_bytes());
        into.push(0);
    }
}

impl Scope for (AccountId, Region) {
    fn encode(&self, into: &mut Vec<u8>) {
        self.0.encode(into);
        into.extend_from_slice(self.1.as_str().as_bytes());
        into.push(0);
    }
}

/// Which records of a scope to list: all, those with a prefix, those after a key.
#[derive(Clone, Copy, Debug)]
pub struct Select<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
    direction: Direction,
}

impl<'a> Select<'a> {
    pub const ALL: Select<'static> = Select { prefix: "", after: None, direction: Direction::Forward };

    pub const fn prefix(prefix: &'a str) -> Select<'a> {
        Select { prefix, after: None, direction: Direction::Forward }
    }

    /// Only what comes after this key, in the direction of the listing: [`Listing::next`] of the last page.
    pub const fn after(self, key: Option<&'a str>) -> Select<'a> {
        Select { after: key, ..self }
    }

    pub const fn backward(self) -> Select<'a> {
        Select { direction: Direction::Backward, ..self }
    }
}

/// One page of records, in the order of their keys.
#[derive(Debug)]
pub struct Listing<R> {
    pub records: Vec<(String, R)>,
    /// The key to list after for the next page, if there is one.
    pub next: Option<String>,
}

impl<S: Scope, R: Versioned> Table<S, R> {
    /// Names are unique in the whole product: `service.kind`.
    pub const fn new(name: &'static str) -> Table<S, R> {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "a table has a name");
        let mut index = 0;
        while index < bytes.len() {
            assert!(bytes[index] > b' ' && bytes[index] < 0x7f, "a table's name is plain text");
            index += 1;
        }
        Table { name, kind: PhantomData }
    }

    pub async fn get(&self, tx: &Tx, scope: &S, key: &str) -> Result<Option<R>, StoreError> {
        match tx.get(&self.key(scope, key)).await? {
            Some(bytes) => decode(&bytes).map(Some),
            None => Ok(None),
        }
    }

    pub async fn put(&self, tx: &Tx, scope: &S, key: &str, record: &R) -> Result<(), StoreError> {
        tx.put(self.key(scope, key), encode(record)).await
    }

    pub async fn delete(&self, tx: &Tx, scope: &S, key: &str) -> Result<(), StoreError> {
        tx.delete(self.key(scope, key)).await
    }

    /// At most `limit` records, and never more than [`crate::limits::SCAN_ENTRIES_MAX`].
    pub async fn scan(
        &self,
        tx: &Tx,
        scope: &S,
        select: Select<'_>,
        limit: usize,
    ) -> Result<Listing<R>, StoreError> {
        let start = self.key(scope, "").len();
        let mut range = KeyRange::prefix(self.key(scope, select.prefix));
        if let Some(after) = select.after {
            range = range.beyond(&self.key(scope, after), select.direction);
        }
        let page = tx.scan(&range, limit, select.direction).await?;
        let mut records = Vec::with_capacity(page.pairs.len());
        for (key, value) in &page.pairs {
            let key = std::str::from_utf8(&key[start..])
                .map_err(|_| StoreError::Corrupt(format!("a key in the table {} is no text", self.name)))?;
            records.push((key.to_owned(), decode(value)?));
        }
        let next = page.next.and_then(|_| records.last().map(|(key, _)| key.clone()));
        Ok(Listing { records, next })
    }

    /// Wakes when a record of this scope whose key begins with `prefix` has changed.
    pub fn watch(&self, store: &Store, scope: &S, prefix: &str) -> Watch {
        store.watch(self.key(scope, prefix))
    }

    pub(crate) fn key(&self, scope: &S, key: &str) -> Bytes {
        let mut bytes = Vec::with_capacity(self.name.len() + key.len() + 40);
        bytes.extend_from_slice(self.name.as_bytes());
        bytes.push(0);
        scope.encode(&mut bytes);
        bytes.extend_from_slice(key.as_bytes());
        bytes.into()
    }
}

/// A number as part of a key: twenty digits, so that the order of keys is the order of numbers.
pub fn ordered(number: u64) -> String {
    format!("{number:020}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUES: Table<(AccountId, Region), Nothing> = Table::new("sqs.queues");

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Nothing;
    impl Versioned for Nothing {
        const VERSION: u16 = 1;
    }

    #[test]
    fn no_scope_begins_another_and_their_order_is_kept() {
        let regions = || Region::all().map(|region| region.as_str());
        let mut keys = Vec::new();
        for account in [0, 1, 12, 999_999_999_999] {
            let account = AccountId::new(account).unwrap();
            keys.extend(Region::all().map(|region| QUEUES.key(&(account, region), "")));
        }
        assert!(keys.is_sorted());
        for (index, one) in keys.iter().enumerate() {
            for other in &keys[index + 1..] {
                assert!(!other.starts_with(one) && !one.starts_with(other));
            }
        }
        assert!(regions().all(|name| !name.contains('\0')));
    }

    #[test]
    fn numbers_in_keys_sort_as_numbers() {
        let keys: Vec<String> = [0, 9, 10, 99, u64::MAX].into_iter().map(ordered).collect();
        assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == 20));
    }
}
