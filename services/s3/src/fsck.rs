//! Checking everything while nothing runs: all records, all content that they refer to, and what nobody refers to.

use futures_util::stream::{self, StreamExt};
use object_engine::{EngineError, ObjectEngine, Sweep};
use schema::Fault;
use store::{Select, Store, StoreError, Table};

use crate::contents::{self, Held};
use crate::error::Error;
use crate::limits::{FSCK_AT_ONCE_MAX, FSCK_FINDINGS_MAX};
use crate::records::{GARBAGE, GarbageRecord, MOVED, Position};

const PAGE: usize = 1000;

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckProgress {
    pub records: u64,
    /// Of content, verified.
    pub bytes: u64,
}

/// What a check has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    pub seen: FsckProgress,
    /// Versions and parts whose content is damaged or missing, and how; the first of them.
    pub findings: Vec<Finding>,
    pub rotten: u64,
    pub missing: u64,
    /// Content that nobody refers to.
    pub orphans: u64,
    pub orphan_bytes: u64,
    /// Orphans were freed.
    pub repaired: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `s3://bucket/key version id`
    pub object: String,
    pub damage: String,
}

impl FsckReport {
    pub fn is_clean(&self) -> bool {
        self.rotten + self.missing == 0
    }
}

/// Reads all records and verifies all content that they refer to. With `repair`, what nobody refers to is freed;
/// nothing else is ever changed.
///
/// # Errors
/// If records cannot be read, or the disk fails.
pub async fn fsck(
    store: &Store,
    engine: &ObjectEngine,
    repair: bool,
    mut progress: impl FnMut(FsckProgress),
) -> Result<FsckReport, Fault> {
    let mut report = FsckReport::default();
    let mut sweep = engine.begin_sweep();
    let mut position = Some(Position::default());
    while let Some(at) = position {
        let (held, next) = contents::page(store, &at, PAGE).await.map_err(Error::from)?;
        held.iter().flat_map(|held| &held.extents).for_each(|extent| sweep.mark(extent));
        let mut checked =
            stream::iter(held).map(|held| verify(engine, held)).buffer_unordered(FSCK_AT_ONCE_MAX);
        while let Some(checked) = checked.next().await {
            report.add(checked?);
            progress(report.seen);
        }
        position = next;
    }
    for table in [&GARBAGE, &MOVED] {
        mark(store, table, &mut sweep).await.map_err(Error::from)?;
    }
    let leftovers = match repair {
        true => sweep.finish(std::time::Duration::ZERO).await,
        false => sweep.count().await,
    };
    let leftovers = leftovers.map_err(Error::from)?;
    (report.orphans, report.orphan_bytes) = (leftovers.freed_extents, leftovers.freed_bytes);
    report.repaired = repair;
    Ok(report)
}

/// Content that was looked at, and what is wrong with it.
struct Verified {
    held: Held,
    damage: Option<EngineError>,
}

async fn verify(engine: &ObjectEngine, held: Held) -> Result<Verified, Error> {
    for extent in &held.extents {
        match engine.verify(extent).await {
            Ok(()) => {}
            Err(damage @ (EngineError::Corrupt { .. } | EngineError::NotFound)) => {
                return Ok(Verified { held, damage: Some(damage) });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Verified { held, damage: None })
}

impl FsckReport {
    fn add(&mut self, Verified { held, damage }: Verified) {
        self.seen.records += 1;
        self.seen.bytes += held.extents.iter().map(|extent| extent.length).sum::<u64>();
        let Some(damage) = damage else { return };
        match damage {
            EngineError::NotFound => self.missing += 1,
            _ => self.rotten += 1,
        }
        if self.findings.len() < FSCK_FINDINGS_MAX {
            self.findings.push(Finding { object: held.holder.to_string(), damage: damage.to_string() });
        }
    }
}

async fn mark(store: &Store, table: &Table<(), GarbageRecord>, sweep: &mut Sweep) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = store
            .read(|tx| async move { table.scan(&tx, &(), Select::ALL.after(position), PAGE).await })
            .await?;
        page.records.iter().flat_map(|(_, record)| &record.extents).for_each(|extent| sweep.mark(extent));
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{AccountId, Ids, Region, Timestamp};
    use bytes::Bytes;
    use object_engine::{ContentKey, ContentKeys, Extent};
    use store::Tx;

    use crate::operations::saving::object_for_tests;
    use crate::records::{
        BUCKETS, BucketId, BucketKind, BucketRecord, CURRENT, GarbageRecord, Settings, Versioning,
    };

    async fn kept(engine: &ObjectEngine, bytes: &'static [u8]) -> Extent {
        let keys = ContentKeys::one(ContentKey::new([7; 32]));
        engine.put(&keys, Bytes::from_static(bytes)).await.unwrap().keep()
    }

    /// A bucket with one object whose content that is.
    async fn hold(store: &Store, extent: Extent) {
        let (extent, id) = (&extent, BucketId(1));
        let bucket = BucketRecord {
            id,
            account: AccountId::DEV,
            region: Region::US_EAST_1,
            created: Timestamp::EPOCH,
            kind: BucketKind::General,
            versioning: Versioning::Never,
            mfa_delete: false,
            holds_tags: false,
            settings: Settings::default(),
        };
        let bucket = &bucket;
        let made = store.transact(|tx: Tx| async move {
            BUCKETS.put(&tx, &(), "a-bucket", bucket).await?;
            let mut object = object_for_tests();
            object.content.extents = vec![extent.clone()];
            CURRENT.put(&tx, &id, "a key", &object).await
        });
        made.await.unwrap();
    }

    #[tokio::test]
    async fn what_nobody_refers_to_is_counted_and_freed_only_if_that_is_asked_for() {
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        let engine = ObjectEngine::in_memory(Ids::seeded(1));
        let (held, garbage) = (kept(&engine, b"held").await, kept(&engine, b"known to be garbage").await);
        let orphan = kept(&engine, b"left over").await;
        hold(&store, held.clone()).await;
        let record = &GarbageRecord { extents: vec![garbage.clone()] };
        store.transact(|tx: Tx| async move { GARBAGE.put(&tx, &(), "g", record).await }).await.unwrap();
        let report = fsck(&store, &engine, false, |_| {}).await.unwrap();
        assert!(report.is_clean());
        assert_eq!((report.seen.records, report.orphans), (1, 1));
        engine.verify(&orphan).await.unwrap();
        let report = fsck(&store, &engine, true, |_| {}).await.unwrap();
        assert_eq!((report.orphans, report.repaired), (1, true));
        assert!(engine.verify(&orphan).await.is_err());
        engine.verify(&held).await.unwrap();
        engine.verify(&garbage).await.unwrap();
        assert_eq!(fsck(&store, &engine, false, |_| {}).await.unwrap().orphans, 0);
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        let engine = ObjectEngine::in_memory(Ids::seeded(2));
        let held = kept(&engine, b"held").await;
        hold(&store, held.clone()).await;
        engine.free(&[held]).await.unwrap();
        let report = fsck(&store, &engine, false, |_| {}).await.unwrap();
        assert_eq!((report.missing, report.rotten), (1, 0));
        assert_eq!(report.findings[0].object, "s3://a-bucket/a key version null");
    }
}
