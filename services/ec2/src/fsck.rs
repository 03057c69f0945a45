//! Checking what is kept of volumes and snapshots against the records, while nothing runs.
//!
//! What a record has and nobody keeps is lost. What is kept without a record takes room for nothing; unless it lies in the
//! recycle bin, or is still to be taken away, which the disks' task does as soon as the cloud runs.

use std::collections::BTreeSet;

use ec2_api::SnapshotState;
use schema::Fault;
use store::{Select, Store, Table, Tx};

use crate::error::Error;
use crate::ground::disks::KeptDisks;
use crate::limits::PAGE_MAX;
use crate::model::images::catalogue::root_of_snapshot;
use crate::model::volumes::State;
use crate::records::Resource;
use crate::records::instances::PlaceRecord;
use crate::records::recycle_bin::{BIN_DUE, read_due};
use crate::records::snapshots::{SNAPSHOT_PLACES, SnapshotRecord};
use crate::records::volumes::{BUSY_DISKS, VOLUME_PLACES, VolumeRecord};

/// What a comparison has found, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisksReport {
    /// Volumes and snapshots that a record says are there, and that are not.
    pub missing: Vec<String>,
    /// What is kept and no record names.
    pub unnamed_volumes: Vec<String>,
    pub unnamed_snapshots: Vec<String>,
}

/// Compares all records of volumes and snapshots with what is kept.
///
/// # Errors
/// If records cannot be read.
pub async fn compare_disks(store: &Store, kept: &KeptDisks) -> Result<DisksReport, Fault> {
    Ok(compare(store, kept).await?)
}

async fn compare(store: &Store, (volumes, snapshots): &KeptDisks) -> Result<DisksReport, Error> {
    let has = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<String>>();
    let (mut volumes, mut snapshots) = (has(volumes), has(snapshots));
    let mut report = DisksReport::default();
    for page in pages(store, VOLUME_PLACES).await? {
        for (id, at) in &page {
            let (is_kept, place) = (volumes.remove(id), &at.place());
            let record = store.read(|tx| async move { VolumeRecord::TABLE.get(&tx, place, id).await });
            let is_there = record.await?.is_some_and(|record| record.state == State::Available);
            report.missing.extend((is_there && !is_kept).then(|| id.clone()));
        }
    }
    for page in pages(store, SNAPSHOT_PLACES).await? {
        for (id, at) in &page {
            let (is_kept, place) = (snapshots.remove(id), &at.place());
            let record = store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, id).await });
            let is_there = record.await?.is_some_and(|record| record.state() == SnapshotState::Completed);
            report.missing.extend((is_there && !is_kept).then(|| id.clone()));
        }
    }
    for page in pages(store, BUSY_DISKS).await? {
        for (id, _) in &page {
            volumes.remove(id);
            snapshots.remove(id);
        }
    }
    for page in pages(store, BIN_DUE).await? {
        for (_, id) in page.iter().filter_map(|(key, _)| read_due(key)) {
            volumes.remove(id);
            snapshots.remove(id);
        }
    }
    report.unnamed_volumes = volumes.into_iter().collect();
    // Those of the cloud's own images have no records.
    report.unnamed_snapshots = snapshots.into_iter().filter(|id| root_of_snapshot(id).is_none()).collect();
    Ok(report)
}

/// All of a table, in pages.
async fn pages(
    store: &Store,
    table: Table<(), PlaceRecord>,
) -> Result<Vec<Vec<(String, PlaceRecord)>>, Error> {
    let mut pages = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (from, table) = (after.as_deref(), &table);
        let read = |tx: Tx| async move { table.scan(&tx, &(), Select::ALL.after(from), PAGE_MAX).await };
        let page = store.read(read).await?;
        pages.push(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(pages),
        }
    }
}
