//! Cleaning up: what a crash left, and blocks that nobody names.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::StoreError;
use super::draft;
use super::error::refused;
use super::files;
use super::pending;
use super::segment;
use super::shared::Shared;
use super::snapshots;
use super::table::{Entry, Table};
use crate::limits::BLOCK_BYTES;

const POWER_CUT: &str = "the host went down before the blocks of the snapshot were copied";
const ZONE_LOST: &str = "the volume was lost before the blocks of the snapshot were copied";

/// A bit for each slot of a segment that somebody names.
type Named = HashMap<u64, Vec<u64>>;

impl Shared {
    pub(crate) fn clean_up(&self) -> Result<(), StoreError> {
        let catalogue = self.catalogue()?;
        for folder in self.folders()? {
            self.remove_left(folder)?;
        }
        self.fail_lost()?;
        for snapshot in self.snapshots()? {
            let folder = self.snapshot_folder(&snapshot);
            if folder.join("table").exists() {
                snapshots::tidy(&folder)?;
            }
        }
        self.remove_orphans()?;
        pending::forget_finished(self)?;
        self.sweep(None)?;
        drop(catalogue);
        Ok(())
    }

    /// Folders in which others are made and removed.
    fn folders(&self) -> Result<Vec<PathBuf>, StoreError> {
        let zones = files::names(&self.zones_folder())?;
        let zones = zones.into_iter().map(|zone| self.zones_folder().join(zone));
        Ok(zones.chain([self.tables_folder()]).collect())
    }

    /// Removes what was being made or removed.
    fn remove_left(&self, folder: PathBuf) -> Result<(), StoreError> {
        let entries = std::fs::read_dir(&folder).map_err(refused("reading a folder"))?;
        for entry in entries {
            let name = entry.map_err(refused("reading a folder"))?.file_name();
            let left = [".new-", ".gone-"].iter().any(|begin| name.to_string_lossy().starts_with(begin));
            if left {
                files::remove_folder(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Snapshots that cannot be gone on with have failed.
    fn fail_lost(&self) -> Result<(), StoreError> {
        for (_, group) in pending::groups(self)? {
            for member in &group.members {
                if !pending::is_unfinished(self, &member.snapshot) {
                    continue;
                }
                let why = if group.boot != self.boot {
                    POWER_CUT
                } else if self.volume_folder(&member.volume)?.is_none() {
                    ZONE_LOST
                } else {
                    continue;
                };
                let folder = self.snapshot_folder(&member.snapshot);
                files::replace(&folder, "failed", why.as_bytes())?;
                snapshots::tidy(&folder)?;
                tracing::warn!(snapshot = member.snapshot, why, "a snapshot has failed");
            }
        }
        Ok(())
    }

    /// Removes folders of copies that did not end, and of calls that were never answered.
    fn remove_orphans(&self) -> Result<(), StoreError> {
        let begun: BTreeSet<String> =
            pending::unfinished(self)?.into_iter().map(|member| member.snapshot).collect();
        for snapshot in self.snapshots()? {
            let folder = self.snapshot_folder(&snapshot);
            let kept = ["table", "failed", "upload"].iter().any(|name| folder.join(name).exists());
            if kept || begun.contains(&snapshot) {
                continue;
            }
            // Another process may be copying.
            if files::claim(&files::open(&folder.join("log"))?)? {
                files::remove_folder(&folder)?;
            }
        }
        Ok(())
    }

    /// The tables that name blocks: where they are, and whose.
    pub(crate) fn table_paths(&self) -> Result<Vec<(PathBuf, String)>, StoreError> {
        let mut paths = Vec::new();
        for snapshot in self.snapshots()? {
            let folder = self.snapshot_folder(&snapshot);
            paths.push((folder.join("table"), snapshot.clone()));
            paths.push((folder.join("base"), snapshot));
        }
        for (volume, folder) in self.volumes()? {
            paths.push((folder.join("base"), volume));
        }
        paths.retain(|(path, _)| path.exists());
        Ok(paths)
    }

    /// Gives blocks back that nobody names: in these segments, or in all. The catalogue is held.
    pub(crate) fn sweep(&self, only: Option<&BTreeSet<u64>>) -> Result<(), StoreError> {
        if only.is_some_and(BTreeSet::is_empty) {
            return Ok(());
        }
        let Some(named) = self.named(only)? else { return Ok(()) };
        for name in files::names(&self.segments_folder())? {
            let Ok(id) = u64::from_str_radix(&name, 16) else { continue };
            if only.is_none_or(|only| only.contains(&id)) {
                self.sweep_segment(id, named.get(&id))?;
            }
        }
        Ok(())
    }

    fn named(&self, only: Option<&BTreeSet<u64>>) -> Result<Option<Named>, StoreError> {
        let mut named = Named::new();
        let mut add = |entry: &Entry| {
            if only.is_none_or(|only| only.contains(&entry.segment)) {
                let slots = named.entry(entry.segment).or_default();
                let index = entry.slot as usize / 64;
                if slots.len() <= index {
                    slots.resize(index + 1, 0);
                }
                slots[index] |= 1 << (entry.slot % 64);
            }
        };
        for (path, owner) in self.table_paths()? {
            let table = match Table::open(&path, &owner, self.keys.mac()) {
                Ok(Some(table)) => table,
                Ok(None) => continue,
                Err(error) => {
                    // What it names is not known, so all of it stays.
                    tracing::warn!(owner, %error, "no blocks are given back: a table cannot be read");
                    return Ok(None);
                }
            };
            let ring = &table.footer.ring;
            if only.is_none_or(|only| ring.iter().any(|(segment, _)| only.contains(segment))) {
                for entry in table.entries() {
                    add(&entry?);
                }
            }
        }
        for snapshot in self.snapshots()? {
            let lines = draft::lines_in(&self.snapshot_folder(&snapshot))?;
            lines.blocks.values().flatten().for_each(&mut add);
        }
        Ok(Some(named))
    }

    fn sweep_segment(&self, id: u64, named: Option<&Vec<u64>>) -> Result<(), StoreError> {
        let path = segment::path(&self.segments_folder(), id);
        let file = files::open(&path)?;
        if !files::claim(&file)? {
            // Somebody adds to it.
            return Ok(());
        }
        let Some(named) = named else {
            return std::fs::remove_file(&path).map_err(refused("removing a file of blocks"));
        };
        let length = file.metadata().map_err(refused("reading a file of blocks"))?.len();
        let slots = length.div_ceil(BLOCK_BYTES as u64);
        let is_named =
            |slot: u64| named.get(slot as usize / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1);
        let mut from = 0;
        for slot in 0..=slots {
            if slot == slots || is_named(slot) {
                files::punch(&file, from * BLOCK_BYTES as u64, (slot - from) * BLOCK_BYTES as u64)?;
                from = slot + 1;
            }
        }
        Ok(())
    }
}
