//! Snapshots as folders: published, read, copied, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::draft::{self, Draft};
use super::error::refused;
use super::pending::{self, percent};
use super::segment::{Reader, reseal};
use super::shared::{Shared, blocks as blocks_of, check_id};
use super::table::{self, Entry, Footer, Ring, Table};
use super::{Key, SnapshotState, StoreError, files};
use crate::limits::{BLOCK_BYTES, LISTED_BLOCKS_MAX};

const VERSION: u8 = 1;

/// Writes the table of a snapshot: what another table has, with these changes. The blocks are durable. `seal` gives the
/// key of a segment, sealed for the snapshot. The catalogue is held.
pub(crate) fn publish(
    shared: &Shared,
    snapshot: &str,
    volume_bytes: u64,
    start: Option<&Table>,
    changes: &BTreeMap<u32, Option<Entry>>,
    mut seal: impl FnMut(u64) -> Result<Vec<u8>, StoreError>,
) -> Result<(), StoreError> {
    let mut segments = BTreeSet::new();
    for entry in merge(start, changes) {
        segments.insert(entry?.segment);
    }
    let ring = segments.into_iter().map(|id| Ok((id, seal(id)?))).collect::<Result<Ring, StoreError>>()?;
    let footer = Footer {
        version: VERSION,
        owner: snapshot.to_owned(),
        source: snapshot.to_owned(),
        volume_bytes,
        entries: 0,
        own: changes.values().flatten().count() as u64,
        ring,
    };
    let folder = shared.snapshot_folder(snapshot);
    table::write(&folder, "table", shared.keys.mac(), footer, merge(start, changes))?;
    tidy(&folder)
}

/// Removes what a snapshot needs only until it has its table.
pub(crate) fn tidy(folder: &std::path::Path) -> Result<(), StoreError> {
    for name in ["log", "base", "upload"] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(refused("removing a log")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The entries of a table with changes, in order.
fn merge<'a>(
    start: Option<&'a Table>,
    changes: &'a BTreeMap<u32, Option<Entry>>,
) -> impl Iterator<Item = Result<Entry, StoreError>> + 'a {
    let mut old = start.into_iter().flat_map(Table::entries).peekable();
    let mut new = changes.iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let old_block = match old.peek() {
                Some(Ok(entry)) => Some(entry.block),
                Some(Err(_)) => return old.next(),
                None => None,
            };
            let new_block = new.peek().map(|(block, _)| **block);
            match (old_block, new_block) {
                (Some(kept), None) => {
                    debug_assert!(kept < u32::MAX, "blocks are fewer");
                    return old.next();
                }
                (Some(kept), Some(changed)) if kept < changed => return old.next(),
                (None, None) => return None,
                (kept, _) => {
                    let changed = new.next()?;
                    if kept == Some(*changed.0) {
                        old.next();
                    }
                    if let Some(entry) = changed.1 {
                        return Some(Ok(*entry));
                    }
                }
            }
        }
    })
}

pub(crate) fn state(shared: &Arc<Shared>, snapshot: &str) -> Result<SnapshotState, StoreError> {
    check_id(snapshot)?;
    if let Some((done, total)) = shared.copies.lock().get(snapshot) {
        return Ok(SnapshotState::Pending(percent(*done, *total)));
    }
    if let Some((_, pending)) = pending::volume_of(shared, snapshot) {
        return Ok(SnapshotState::Pending(pending.percent()));
    }
    if let Some(table) = shared.table(snapshot)? {
        let Footer { entries, own, .. } = table.footer;
        return Ok(SnapshotState::Completed { blocks: entries, own_bytes: own * BLOCK_BYTES as u64 });
    }
    let folder = shared.snapshot_folder(snapshot);
    if let Some(why) = files::read(&folder.join("failed"))? {
        return Ok(SnapshotState::Failed(String::from_utf8_lossy(&why).into_owned()));
    }
    if folder.join("upload").exists() {
        return Ok(SnapshotState::Pending(0));
    }
    let member = pending::unfinished(shared)?.into_iter().find(|member| member.snapshot == snapshot);
    let Some(member) = member else { return Ok(SnapshotState::Absent) };
    let done = draft::lines_in(&folder)?.blocks.len() as u64;
    Ok(SnapshotState::Pending(percent(done, member.total)))
}

pub(crate) fn remove(shared: &Arc<Shared>, snapshot: &str) -> Result<(), StoreError> {
    check_id(snapshot)?;
    if shared.copies.lock().contains_key(snapshot) {
        return Err(StoreError::Busy(format!("{snapshot} is still being copied")));
    }
    let leaning = || -> Result<_, StoreError> {
        let mut members = pending::unfinished(shared)?.into_iter();
        Ok(members.find(|member| member.snapshot == snapshot || member.parent.as_deref() == Some(snapshot)))
    };
    let _catalogue = loop {
        let catalogue = shared.catalogue()?;
        let Some(member) = leaning()? else { break catalogue };
        drop(catalogue);
        pending::run(shared, &member.snapshot)?;
    };
    let folder = shared.snapshot_folder(snapshot);
    if !folder.exists() {
        return Ok(());
    }
    shared.uploads.lock().remove(snapshot);
    let mut segments: BTreeSet<u64> = BTreeSet::new();
    for (name, owner) in [("table", snapshot), ("base", snapshot)] {
        // What cannot be read is left to the sweep over everything.
        if let Ok(Some(table)) = Table::open(&folder.join(name), owner, shared.keys.mac()) {
            segments.extend(table.footer.ring.iter().map(|(id, _)| *id));
        }
    }
    segments.extend(draft::lines_in(&folder)?.ring.iter().map(|(id, _)| *id));
    let gone = shared.tables_folder().join(format!(".gone-{snapshot}"));
    files::remove_folder(&gone)?;
    std::fs::rename(&folder, &gone).map_err(refused("removing a snapshot"))?;
    files::sync_folder(&shared.tables_folder())?;
    shared.forget_table(snapshot);
    files::remove_folder(&gone)?;
    pending::forget_finished(shared)?;
    shared.sweep(Some(&segments))
}

pub(crate) fn copy(
    shared: &Arc<Shared>,
    (source, source_key): (&str, Option<&Key>),
    (copy, copy_key): (&str, Option<&Key>),
) -> Result<(), StoreError> {
    check_id(copy)?;
    if shared.table(copy)?.is_some() {
        return Ok(());
    }
    let table = shared.completed(source)?;
    let (from, to) = (shared.keys.wrap(source_key, source), shared.keys.wrap(copy_key, copy));
    // Also tells a wrong key before anything is begun.
    let reader = Reader::new(table.clone(), &from, &shared.segments_folder())?;
    if source_key == copy_key {
        let _catalogue = shared.catalogue()?;
        // It was there a moment ago; and its blocks are, if it still is.
        shared.completed(source)?;
        let ring: BTreeMap<u64, Vec<u8>> =
            reseal(&table.footer.ring, &from, &to, source)?.into_iter().collect();
        let folder = shared.snapshot_folder(copy);
        files::make_folder(&folder)?;
        files::sync_folder(&shared.tables_folder())?;
        let none = BTreeMap::new();
        return publish(shared, copy, table.footer.volume_bytes, Some(&table), &none, |id| {
            ring.get(&id).cloned().ok_or_else(|| StoreError::Broken(source.to_owned()))
        });
    }
    let total = table.footer.entries;
    if shared.copies.lock().insert(copy.to_owned(), (0, total)).is_some() {
        return Err(StoreError::Busy(format!("{copy} is still being copied")));
    }
    let folder = shared.snapshot_folder(copy);
    let copied = files::remove_folder(&folder)
        .and_then(|()| Draft::open(&folder, &shared.segments_folder(), to))
        .and_then(|draft| encrypt_anew(shared, copy, &reader, &draft));
    shared.copies.lock().remove(copy);
    if copied.is_err() {
        files::remove_folder(&folder).ok();
        // What was read of a source that is gone meanwhile is no damage.
        shared.completed(source)?;
    }
    copied
}

fn encrypt_anew(shared: &Shared, copy: &str, reader: &Reader, draft: &Draft) -> Result<(), StoreError> {
    for (done, entry) in (1..).zip(reader.table.entries()) {
        let entry = entry?;
        draft.put(entry.block, entry.name, &mut reader.content(&entry)?)?;
        if let Some(progress) = shared.copies.lock().get_mut(copy) {
            progress.0 = done;
        }
    }
    draft.sync()?;
    let lines = draft.lines()?;
    let ring: BTreeMap<u64, Vec<u8>> = lines.ring.into_iter().collect();
    let _catalogue = shared.catalogue()?;
    files::sync_folder(&shared.tables_folder())?;
    publish(shared, copy, reader.table.footer.volume_bytes, None, &lines.blocks, |id| {
        ring.get(&id).cloned().ok_or_else(|| StoreError::Broken(copy.to_owned()))
    })
}

pub(crate) fn block(
    shared: &Shared,
    snapshot: &str,
    key: Option<&Key>,
    block: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let table = shared.completed(snapshot)?;
    let wrap = shared.keys.wrap(key, snapshot);
    let reader = Reader::new(table.clone(), &wrap, &shared.segments_folder())?;
    let Some(block) = within(&table, block) else { return Ok(None) };
    table.find(block)?.map(|entry| reader.content(&entry)).transpose()
}

pub(crate) fn blocks(
    shared: &Shared,
    snapshot: &str,
    from: u64,
    limit: usize,
) -> Result<BTreeMap<u64, [u8; 16]>, StoreError> {
    let table = shared.completed(snapshot)?;
    let Some(from) = within(&table, from) else { return Ok(BTreeMap::new()) };
    let entries = table.read(table.position(from)?, limit.min(LISTED_BLOCKS_MAX))?;
    Ok(entries.into_iter().map(|entry| (entry.block.into(), entry.name)).collect())
}

fn within(table: &Table, block: u64) -> Option<u32> {
    u32::try_from(block).ok().filter(|block| *block < blocks_of(table.footer.volume_bytes))
}
