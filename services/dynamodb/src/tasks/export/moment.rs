//! A table as it was at a moment, in a space of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use table_engine::{Direction, KeyRange, Page, ScanLimit, Snapshot, SpaceId, Write};

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX};
use crate::model::history::Undo;
use crate::operations::making::{drop_space, take_spaces};
use crate::tasks::backup::copy_all;

/// Writes of one moment may have been committed in another order than their times, by less than this.
const DISORDER: Duration = Duration::from_secs(60);

pub struct Moment {
    space: SpaceId,
    snapshot: Snapshot,
    table_id: String,
}

/// What happened to an item within a span of time.
pub struct Change {
    /// Before the first write.
    pub old: Option<Bytes>,
    /// Of the last write.
    pub at: Timestamp,
}

impl Moment {
    pub async fn make(dynamodb: &DynamoDB, view: &TableView, at: Timestamp) -> Result<Moment, Error> {
        let snapshot = dynamodb.engine.snapshot();
        let number = dynamodb
            .store
            .transact(|tx| async move { Ok::<_, Error>(take_spaces(&tx, 1).await?.start) })
            .await?;
        let key = dynamodb.directory.keys.open(view.place(), &view.record.encryption).await?;
        let space = SpaceId(number);
        dynamodb.engine.create_space(space, key.of_space(number)).await?;
        copy_all(dynamodb, &snapshot, view.items, space).await?;
        let moment = Moment { space, snapshot, table_id: view.record.id.clone() };
        moment.go_back(dynamodb, view, at).await?;
        Ok(moment)
    }

    /// Takes back all writes after the moment, the last one first.
    async fn go_back(&self, dynamodb: &DynamoDB, view: &TableView, at: Timestamp) -> Result<(), Error> {
        let Some(undo) = view.undo else { return Ok(()) };
        let mut range = KeyRange::all();
        loop {
            let page = self.snapshot.scan(undo, &range, Direction::Backward, limit()).await?;
            let Some((last, _)) = page.pairs.last() else { return Ok(()) };
            range = range.beyond(last, Direction::Backward);
            let mut writes = Vec::new();
            let mut is_over = !page.more;
            for (_, bytes) in &page.pairs {
                let undo = read(bytes)?;
                is_over |= undo.at + DISORDER < at;
                if undo.at > at {
                    let (space, key) = (self.space, Bytes::copy_from_slice(undo.key));
                    writes.push(match undo.old {
                        Some(old) => Write::Put { space, key, value: Bytes::copy_from_slice(old) },
                        None => Write::Delete { space, key },
                    });
                }
            }
            // Of several writes of one key in a change the last counts, which is the earliest here.
            dynamodb.engine.change(Vec::new(), |_| Ok::<_, Error>((writes, ()))).await??;
            if is_over {
                return Ok(());
            }
        }
    }

    pub async fn scan(&self, dynamodb: &DynamoDB, range: &KeyRange) -> Result<Page, Error> {
        Ok(dynamodb.engine.scan(self.space, range, Direction::Forward, limit()).await?)
    }

    pub async fn get(&self, dynamodb: &DynamoDB, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(dynamodb.engine.get(self.space, key).await?)
    }

    /// The items that were written after one moment and up to another.
    pub async fn changes(
        &self,
        view: &TableView,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<Bytes, Change>, Error> {
        let mut changes: BTreeMap<Bytes, Change> = BTreeMap::new();
        let Some(undo) = view.undo else { return Ok(changes) };
        let mut range = KeyRange::all();
        loop {
            let page = self.snapshot.scan(undo, &range, Direction::Forward, limit()).await?;
            let Some((last, _)) = page.pairs.last() else { return Ok(changes) };
            range = range.beyond(last, Direction::Forward);
            let mut is_over = !page.more;
            for (_, bytes) in &page.pairs {
                let undo = read(bytes)?;
                is_over |= undo.at > to + DISORDER;
                if undo.at <= from || undo.at > to {
                    continue;
                }
                let old = || undo.old.map(Bytes::copy_from_slice);
                let change = changes
                    .entry(Bytes::copy_from_slice(undo.key))
                    .or_insert_with(|| Change { old: old(), at: undo.at });
                change.at = change.at.max(undo.at);
            }
            if is_over {
                return Ok(changes);
            }
        }
    }

    /// Gives the room back.
    pub async fn forget(&self, dynamodb: &DynamoDB) -> Result<(), Error> {
        let (space, id, now) = (self.space.0, self.table_id.as_str(), dynamodb.clock.now());
        dynamodb.store.transact(|tx| async move { drop_space(&tx, space, id, now).await }).await?;
        dynamodb.dropping.nudge();
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Result<Undo<'_>, Error> {
    Undo::decode(bytes).ok_or_else(|| Error::internal("a history is damaged"))
}

fn limit() -> ScanLimit {
    ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX }
}
