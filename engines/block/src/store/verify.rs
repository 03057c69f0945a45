//! Checking everything that is kept, without any key.

use std::collections::HashMap;

use super::StoreError;
use super::map::Map;
use super::segment;
use super::shared::{Shared, blocks};
use super::table::Table;
use super::volumes;

/// What [`super::Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    pub volumes: u64,
    pub snapshots: u64,
    /// Blocks that were read, those that several share once.
    pub blocks: u64,
    /// Blocks that do not hold what was written, or are not there, with the snapshot (or volume) that names them.
    pub damaged: Vec<(String, u64)>,
    /// Tables and descriptions that cannot be read, by whose they are.
    pub broken: Vec<String>,
}

pub(crate) fn verify(
    shared: &Shared,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::default();
    for (volume, folder) in shared.volumes()? {
        report.volumes += 1;
        // The map is replaced whole or appended to, so that it can be read beside whoever has the volume open. One that
        // grew between the two reads is read once more.
        let is_broken =
            || volumes::read(&folder).and_then(|it| Map::load_durable(&folder, blocks(it.bytes))).is_err();
        // Unless it was removed meanwhile.
        if is_broken() && is_broken() && folder.exists() {
            report.broken.push(volume);
        }
    }
    report.snapshots = shared.snapshots()?.len() as u64;
    let mut tables = Vec::new();
    for (path, owner) in shared.table_paths()? {
        match Table::open(&path, &owner, shared.keys.mac()) {
            Ok(Some(table)) => tables.push((path, table)),
            Ok(None) => {}
            Err(StoreError::Broken(_)) => report.broken.push(owner),
            Err(error) => return Err(error),
        }
    }
    let total = tables.iter().map(|(_, table)| table.footer.entries).sum();
    let mut done = 0;
    // What several tables name is read once.
    let mut seen: HashMap<(u64, u32), (u32, bool)> = HashMap::new();
    let mut content = Vec::new();
    for (path, table) in &tables {
        for entry in table.entries() {
            let entry = entry?;
            let place = (entry.segment, entry.slot);
            let whole = match seen.get(&place) {
                Some((sum, whole)) => *whole && *sum == entry.sum,
                None => {
                    let whole = segment::read_sealed(&shared.segments_folder(), &entry, &mut content)?;
                    report.blocks += 1;
                    seen.insert(place, (entry.sum, whole));
                    whole
                }
            };
            let keyed = table.footer.ring.iter().any(|(id, _)| *id == entry.segment);
            // Unless it was removed meanwhile.
            if (!whole || !keyed) && path.exists() {
                report.damaged.push((table.footer.owner.clone(), entry.block.into()));
            }
            done += 1;
            progress(done, total);
        }
    }
    Ok(report)
}
