//! Spaces: made, opened, dropped, counted.

use bytes::Bytes;

use crate::engine::TableEngine;
use crate::error::TableError;
use crate::log::frame::Op;
use crate::space::{META, SpaceId, SpaceKey};
use crate::spaces::{new_record, record_key};

impl TableEngine {
    /// Makes a space and opens it. Making one again that is there with this key changes nothing.
    pub async fn create_space(&self, id: SpaceId, key: SpaceKey) -> Result<(), TableError> {
        assert!(id != META, "the number 0 is the engine's own");
        let inner = &self.0.inner;
        let locked = inner.locks.lock(&[(META, record_key(id))]).await;
        match inner.spaces.is_dropping(id) {
            Some(true) => return Err(TableError::NoSuchSpace(id)),
            Some(false) => return inner.spaces.open(id, &key),
            None => {}
        }
        let stored = new_record(&inner.nonces, id, &key);
        let ops = vec![Op::Put { space: META, key: record_key(id), stored, old: None }];
        inner.submit(ops, locked).await?.await.unwrap_or(Err(TableError::Closed))?;
        inner.spaces.open(id, &key)
    }

    /// Opens a space that was made before the last start. Opening it again changes nothing.
    pub async fn open_space(&self, id: SpaceId, key: SpaceKey) -> Result<(), TableError> {
        self.0.inner.spaces.open(id, &key)
    }

    /// Drops a space with all that is in it. It is gone at once, and its room on the disk is given back soon. There
    /// may be none of that number.
    pub async fn drop_space(&self, id: SpaceId) -> Result<(), TableError> {
        assert!(id != META, "the number 0 is the engine's own");
        let inner = &self.0.inner;
        let key = record_key(id);
        let locked = inner.locks.lock(&[(META, key.clone())]).await;
        if inner.spaces.is_dropping(id) == Some(false) {
            let stored: Bytes = inner.spaces.dropping_record(id).expect("it was just seen, and is locked");
            let ops = vec![Op::Put { space: META, key, stored, old: None }];
            inner.submit(ops, locked).await?.await.unwrap_or(Err(TableError::Closed))?;
        }
        inner.keeper.nudge_merge();
        Ok(())
    }

    /// Whether there is such a space, open or not.
    pub fn has_space(&self, id: SpaceId) -> bool {
        self.0.inner.spaces.is_dropping(id) == Some(false)
    }

    /// All spaces, open or not, so that their owner can find those that it does not know of.
    pub fn spaces(&self) -> Vec<SpaceId> {
        self.0.inner.spaces.all()
    }

    /// How many entries a space has, exactly.
    pub fn space_entries(&self, id: SpaceId) -> Result<u64, TableError> {
        Ok(self.0.inner.spaces.counts(id).ok_or(TableError::NoSuchSpace(id))?.0)
    }

    /// How long its keys and values are, exactly, as they were given.
    pub fn space_bytes(&self, id: SpaceId) -> Result<u64, TableError> {
        Ok(self.0.inner.spaces.counts(id).ok_or(TableError::NoSuchSpace(id))?.1)
    }

    /// Waits until what has been dropped is off the disk. For tests and for whoever wants the room now.
    pub async fn settle(&self) {
        while !self.0.inner.spaces.dropping().is_empty() {
            self.0.inner.keeper.nudge_merge();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}
