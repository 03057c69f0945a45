//! Checking everything while nothing runs: every item is under its key, and every index has exactly the entries that
//! follow from its table's items. All of a table is looked at in one moment of the engine.

use std::collections::BTreeSet;

use base::{AccountId, Region};
use bytes::Bytes;
use item_engine::Item;
use schema::Fault;
use store::KeyRange as Records;
use table_engine::{Direction, KeyRange, ScanLimit, Snapshot, SpaceId, Write};

use crate::DynamoDB;
use crate::directory::{ExpiryTarget, IndexView, TableView};
use crate::error::Error;
use crate::limits::{FSCK_FINDINGS_MAX, PASS_BYTES_MAX, PASS_ITEMS_MAX};
use crate::model::{action, expiry, primary_key};
use crate::operations::saving;
use crate::records::{ExpiryState, IndexStatus, Place, TableStatus};

/// What a check has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    pub tables: u64,
    pub items: u64,
    /// Of indexes.
    pub entries: u64,
    /// The first of what is wrong.
    pub findings: Vec<String>,
    pub damages: u64,
    /// Tables whose key cannot be had: it is sealed by a KMS key that is not here, or not usable.
    pub closed: Vec<String>,
}

impl FsckReport {
    pub fn is_clean(&self) -> bool {
        self.damages == 0
    }

    fn finds(&mut self, finding: String) {
        self.damages += 1;
        if self.findings.len() < FSCK_FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

impl DynamoDB {
    /// Compares all tables with their indexes. `progress` is told of items as they are looked at.
    ///
    /// # Errors
    /// If records cannot be read, or the disk fails. What is damaged is not an error, but found.
    pub async fn fsck(&self, mut progress: impl FnMut(&FsckReport)) -> Result<FsckReport, Fault> {
        let mut report = FsckReport::default();
        for (place, name) in self.all_tables().await? {
            let view = match self.directory.find(place, &name).await {
                Ok(Some(view)) => view,
                Ok(None) => continue,
                Err(_) => {
                    report.closed.push(format!("{name} in {} of {}", place.1, place.0));
                    continue;
                }
            };
            // One that is being restored has no entries yet, and whose key is not usable has no spaces.
            if view.record.encryption.inaccessible.is_some() || view.record.status == TableStatus::Creating {
                continue;
            }
            report.tables += 1;
            let snapshot = self.engine.snapshot();
            check(&snapshot, &view, &mut report, &mut progress).await?;
        }
        Ok(report)
    }

    /// The tables of all accounts and regions, from the keys of their records.
    async fn all_tables(&self) -> Result<Vec<(Place, String)>, Error> {
        const RECORDS: &[u8] = b"dynamodb.tables\0";
        let mut found = Vec::new();
        let mut rest = Some(Records::prefix(RECORDS));
        while let Some(range) = rest {
            let range = &range;
            let page = self
                .store
                .read(|tx| async move { tx.scan(range, PASS_ITEMS_MAX, store::Direction::Forward).await })
                .await?;
            found.extend(page.pairs.iter().filter_map(|(key, _)| place_in(&key[RECORDS.len()..])));
            rest = page.next;
        }
        Ok(found)
    }
}

/// `account NUL region NUL table`
fn place_in(key: &[u8]) -> Option<(Place, String)> {
    let mut parts = str::from_utf8(key).ok()?.split('\0');
    let account: AccountId = parts.next()?.parse().ok()?;
    let region = Region::parse(parts.next()?)?;
    Some(((account, region), parts.next()?.to_owned()))
}

async fn check(
    snapshot: &Snapshot,
    view: &TableView,
    report: &mut FsckReport,
    progress: &mut impl FnMut(&FsckReport),
) -> Result<(), Error> {
    let filled = |index: &&IndexView| {
        let record = view.record.indexes.iter().find(|record| record.name == index.name);
        record.is_some_and(|record| record.status == IndexStatus::Active)
    };
    let indexes: Vec<&IndexView> = view.indexes.iter().filter(filled).collect();
    let mut expected = vec![0_u64; indexes.len()];
    let mut times = Times::of(view);
    let mut walk = Walk::new(snapshot, view.items);
    while let Some(pairs) = walk.next().await? {
        for (key, bytes) in &pairs {
            report.items += 1;
            let item = action::decode(bytes)?;
            times.check(snapshot, key, &item, report).await?;
            if primary_key::of_item(&view.key, &item).ok().as_deref() != Some(key) {
                report.finds(format!("{}: an item is not under its key: {}", view.arn, hex(key)));
            }
            for (place, index) in indexes.iter().enumerate() {
                let Some(Write::Put { space, key: entry, value }) =
                    saving::index_entry(view, index, key, bytes)?
                else {
                    continue;
                };
                expected[place] += 1;
                match snapshot.get(space, &entry).await? {
                    Some(found) if found == value => {}
                    Some(_) => {
                        report.finds(format!("{}: an entry differs from its item: {}", index.arn, hex(key)))
                    }
                    None => report.finds(format!("{}: an item has no entry: {}", index.arn, hex(key))),
                }
            }
        }
        progress(report);
    }
    times.finish(snapshot, report).await?;
    for (index, expected) in indexes.into_iter().zip(expected) {
        let entries = count(snapshot, index.space).await?;
        report.entries += entries;
        // Every item has its entry, or was just reported; so what is more than that belongs to none.
        if entries > expected {
            strangers(snapshot, view, index, report).await?;
        }
    }
    Ok(())
}

/// The entries by which items are found whose time is over.
struct Times<'a> {
    view: &'a TableView,
    /// Nothing where not all items have theirs yet.
    target: Option<&'a ExpiryTarget>,
    expected: u64,
}

impl<'a> Times<'a> {
    fn of(view: &'a TableView) -> Times<'a> {
        let is_ready = view.record.expiry.as_ref().is_some_and(|expiry| expiry.state == ExpiryState::Ready);
        Times { view, target: view.expiry.as_ref().filter(|_| is_ready), expected: 0 }
    }

    async fn check(
        &mut self,
        snapshot: &Snapshot,
        key: &[u8],
        item: &Item,
        report: &mut FsckReport,
    ) -> Result<(), Error> {
        let Some(target) = self.target else { return Ok(()) };
        let Some(seconds) = expiry::seconds(item, &target.attribute) else { return Ok(()) };
        self.expected += 1;
        if snapshot.get(target.space, &expiry::entry_key(seconds, key)).await?.is_none() {
            report.finds(format!("{}: an item's time to live has no entry: {}", self.view.arn, hex(key)));
        }
        Ok(())
    }

    /// Entries of no item do no harm, but they are wrong.
    async fn finish(&self, snapshot: &Snapshot, report: &mut FsckReport) -> Result<(), Error> {
        let Some(target) = self.target else { return Ok(()) };
        let entries = count(snapshot, target.space).await?;
        if entries > self.expected {
            let more = entries - self.expected;
            report.finds(format!("{}: {more} entries of times to live are no item's", self.view.arn));
        }
        Ok(())
    }
}

async fn count(snapshot: &Snapshot, space: SpaceId) -> Result<u64, Error> {
    let mut entries = 0;
    let mut walk = Walk::new(snapshot, space);
    while let Some(pairs) = walk.next().await? {
        entries += pairs.len() as u64;
    }
    Ok(entries)
}

/// Names the entries that belong to no item. What the items' entries are is all in memory for that, which only happens
/// where something is wrong.
async fn strangers(
    snapshot: &Snapshot,
    view: &TableView,
    index: &IndexView,
    report: &mut FsckReport,
) -> Result<(), Error> {
    let mut own: BTreeSet<Bytes> = BTreeSet::new();
    let mut walk = Walk::new(snapshot, view.items);
    while let Some(pairs) = walk.next().await? {
        for (key, bytes) in &pairs {
            if let Some(Write::Put { key, .. }) = saving::index_entry(view, index, key, bytes)? {
                own.insert(key);
            }
        }
    }
    let mut walk = Walk::new(snapshot, index.space);
    while let Some(pairs) = walk.next().await? {
        for (key, _) in pairs.iter().filter(|(key, _)| !own.contains(key)) {
            report.finds(format!("{}: an entry has no item: {}", index.arn, hex(key)));
        }
    }
    Ok(())
}

/// Goes through a space, some entries at a time.
struct Walk<'a> {
    snapshot: &'a Snapshot,
    space: SpaceId,
    rest: Option<KeyRange>,
}

impl<'a> Walk<'a> {
    fn new(snapshot: &'a Snapshot, space: SpaceId) -> Walk<'a> {
        Walk { snapshot, space, rest: Some(KeyRange::all()) }
    }

    async fn next(&mut self) -> Result<Option<Vec<(Bytes, Bytes)>>, Error> {
        let Some(range) = self.rest.take() else { return Ok(None) };
        let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
        let page = self.snapshot.scan(self.space, &range, Direction::Forward, limit).await?;
        if let Some((last, _)) = page.pairs.last().filter(|_| page.more) {
            self.rest = Some(range.beyond(last, Direction::Forward));
        }
        Ok(Some(page.pairs))
    }
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
