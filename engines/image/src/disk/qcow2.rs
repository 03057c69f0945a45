//! Whether a qcow2 is whole. qemu-img takes what lies behind the end of the file for zeros, tables as well, so a file of
//! which a part did not arrive would become a disk with holes.
//! Source: QEMU's docs/interop/qcow2.txt, "Cluster mapping".

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::limits::QCOW2_TABLE_BYTES_MAX;

/// Where in a table's entry a place is told.
const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const EXTENDED_ENTRIES: u64 = 1 << 4;

/// What of the header is looked at.
pub(super) struct Layout {
    /// The bits of the number of bytes of a cluster.
    pub(super) cluster_bits: u32,
    /// Entries of the first table, and where it is.
    pub(super) tables: u32,
    pub(super) at: u64,
    /// Features that a reader has to know.
    pub(super) features: u64,
}

/// # Errors
/// A sentence without a full stop, where something that the file refers to is not in it. The last cluster of data may be
/// there in part, as QEMU leaves it.
pub(super) fn check_whole(file: &File, layout: &Layout) -> Result<(), String> {
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if !(9..=21).contains(&layout.cluster_bits) {
        return Err("its clusters are of no size that there is".to_owned());
    }
    let cluster_bytes = 1_u64 << layout.cluster_bits;
    let entry_bytes = if layout.features & EXTENDED_ENTRIES == 0 { 8 } else { 16 };
    let mut seen = BTreeSet::new();
    for entry in table(file, layout.at, u64::from(layout.tables) * 8, length)? {
        let at = entry & OFFSET_MASK;
        // Each is looked at once, so that the work is bounded by the file's length.
        if at == 0 || !seen.insert(at) {
            continue;
        }
        let entries = table(file, at, cluster_bytes, length)?;
        for entry in entries.iter().step_by(entry_bytes / 8) {
            let at = match entry & COMPRESSED {
                0 => entry & OFFSET_MASK,
                _ => entry & ((1 << (62 - (layout.cluster_bits - 8))) - 1),
            };
            if at >= length {
                return Err(cut_off());
            }
        }
    }
    Ok(())
}

fn cut_off() -> String {
    "it is cut off: what it refers to is behind its end".to_owned()
}

/// The numbers of a table.
fn table(file: &File, at: u64, bytes: u64, length: u64) -> Result<Vec<u64>, String> {
    if bytes > QCOW2_TABLE_BYTES_MAX {
        return Err("it has a table larger than there may be".to_owned());
    }
    if at.checked_add(bytes).is_none_or(|end| end > length) {
        return Err(cut_off());
    }
    let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
    file.read_exact_at(&mut content, at).map_err(|error| error.to_string())?;
    let (numbers, _) = content.as_chunks::<8>();
    Ok(numbers.iter().map(|number| u64::from_be_bytes(*number)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: u64 = 1 << 16;

    /// A file with the first table in its second cluster, one table in its third, and one cluster of data behind.
    fn file(data: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&((2 * CLUSTER) | (1 << 63)).to_be_bytes(), CLUSTER).unwrap();
        file.write_all_at(&data.to_be_bytes(), 2 * CLUSTER + 24).unwrap();
        file.set_len(4 * CLUSTER).unwrap();
        file
    }

    fn whole(file: &File) -> Result<(), String> {
        check_whole(file, &Layout { cluster_bits: 16, tables: 1, at: CLUSTER, features: 0 })
    }

    #[test]
    fn what_is_behind_the_end_is_noticed_wherever_the_end_is() {
        let compressed = COMPRESSED | (1 << 54) | (3 * CLUSTER + 77);
        for data in [(3 * CLUSTER) | (1 << 63), compressed] {
            let file = file(data);
            assert_eq!(whole(&file), Ok(()));
            file.set_len(3 * CLUSTER + 78).unwrap();
            assert_eq!(whole(&file), Ok(()), "the last cluster may be there in part");
            for length in [3 * CLUSTER, 3 * CLUSTER - 1, 2 * CLUSTER, CLUSTER + 4, CLUSTER] {
                file.set_len(length).unwrap();
                assert_eq!(whole(&file), Err(cut_off()), "{length}");
            }
        }
    }

    #[test]
    fn tables_and_clusters_that_cannot_be_are_refused() {
        let file = file(0);
        let layout = |cluster_bits, tables| Layout { cluster_bits, tables, at: CLUSTER, features: 0 };
        assert!(check_whole(&file, &layout(40, 1)).unwrap_err().contains("clusters"));
        assert!(check_whole(&file, &layout(16, u32::MAX)).unwrap_err().contains("table larger"));
    }
}
