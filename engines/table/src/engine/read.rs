//! Reading: single keys, many keys, ranges, always at one moment.

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::{Inner, Snapshot, TableEngine};
use crate::error::TableError;
use crate::limits::{GET_KEYS_MAX, SCAN_BYTES_MAX};
use crate::range::{Direction, KeyRange, Page, ScanLimit};
use crate::space::{PREFIX_BYTES, Space, SpaceId};

impl TableEngine {
    pub async fn get(&self, space: SpaceId, key: &[u8]) -> Result<Option<Bytes>, TableError> {
        let inner = &self.0.inner;
        let moment = inner.published.now();
        inner.get(&*inner.spaces.get(space)?, key, moment.at)
    }

    /// The values of several keys at one moment, in their order.
    pub async fn get_many(&self, keys: &[(SpaceId, Bytes)]) -> Result<Vec<Option<Bytes>>, TableError> {
        self.snapshot().get_many(keys).await
    }

    pub async fn scan(
        &self,
        space: SpaceId,
        range: &KeyRange,
        direction: Direction,
        limit: ScanLimit,
    ) -> Result<Page, TableError> {
        self.snapshot().scan(space, range, direction, limit).await
    }
}

impl Snapshot {
    pub async fn get(&self, space: SpaceId, key: &[u8]) -> Result<Option<Bytes>, TableError> {
        self.inner.get(&*self.inner.spaces.get(space)?, key, self.moment.at)
    }

    pub async fn get_many(&self, keys: &[(SpaceId, Bytes)]) -> Result<Vec<Option<Bytes>>, TableError> {
        if keys.len() > GET_KEYS_MAX {
            return Err(TableError::TooMany { count: keys.len() });
        }
        let get = |(space, key): &(SpaceId, Bytes)| {
            self.inner.get(&*self.inner.spaces.get(*space)?, key, self.moment.at)
        };
        keys.iter().map(get).collect()
    }

    pub async fn scan(
        &self,
        space: SpaceId,
        range: &KeyRange,
        direction: Direction,
        limit: ScanLimit,
    ) -> Result<Page, TableError> {
        let space = self.inner.spaces.get(space)?;
        self.inner.scan(&space, range, direction, limit, self.moment.at)
    }
}

impl Inner {
    pub fn get(&self, space: &Space, key: &[u8], at: u64) -> Result<Option<Bytes>, TableError> {
        let key = space.id.tree_key(key);
        let stored = self.tree.get(&key, at)?;
        stored.map(|stored| space.sealer.open(&key, &stored)).transpose()
    }

    fn scan(
        &self,
        space: &Arc<Space>,
        range: &KeyRange,
        direction: Direction,
        limit: ScanLimit,
        at: u64,
    ) -> Result<Page, TableError> {
        let mut page = Page::default();
        if range.is_empty() {
            return Ok(page);
        }
        let mut bytes_left = limit.bytes.min(SCAN_BYTES_MAX);
        for pair in self.tree.scan(range.within(&space.id.prefix()), direction, at) {
            let (key, stored) = pair?;
            if page.pairs.len() >= limit.entries {
                page.more = true;
                break;
            }
            let bytes = key.len() - PREFIX_BYTES + crate::seal::value_bytes(&stored);
            if bytes > bytes_left && !page.pairs.is_empty() {
                page.more = true;
                break;
            }
            bytes_left = bytes_left.saturating_sub(bytes);
            let value = space.sealer.open(&key, &stored)?;
            page.pairs.push((key.slice(PREFIX_BYTES..), value));
        }
        Ok(page)
    }
}
