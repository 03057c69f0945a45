//! Partition tables, as far as finding a Linux root takes: those of the PC BIOS ("MBR"), and GUID tables (UEFI
//! Specification, "GUID Partition Table (GPT) Disk Layout").

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::limits::PARTITIONS_MAX;

const SECTOR_BYTES: u64 = 512;

/// A part of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub offset: u64,
    pub bytes: u64,
}

/// What a table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    None,
    /// Those of a Linux kind, in order, and how many there are of any kind.
    Partitions {
        linux: Vec<Part>,
        all: usize,
    },
}

/// `MBR` types: Linux, and the protective one before a GUID table.
const LINUX: u8 = 0x83;
const PROTECTIVE: u8 = 0xee;

/// GUIDs as they lie on the disk: Linux file system data, and roots of x86-64 and 64-bit ARM (the Discoverable
/// Partitions Specification).
const LINUX_GUIDS: &[[u8; 16]] = &[
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4],
    [0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7, 0x09],
    [0x45, 0xb0, 0x21, 0xb9, 0xf0, 0x1d, 0xc3, 0x41, 0xaf, 0x44, 0x4c, 0x6f, 0x28, 0x0d, 0x3f, 0xae],
];

/// Reads the table of a disk of that many bytes. Partitions that are not within it are left out.
pub fn read(disk: &File, bytes: u64) -> io::Result<Table> {
    let mut sector = [0; SECTOR_BYTES as usize];
    if bytes < 2 * SECTOR_BYTES {
        return Ok(Table::None);
    }
    disk.read_exact_at(&mut sector, 0)?;
    if sector[510..] != [0x55, 0xaa] {
        return Ok(Table::None);
    }
    let entries: Vec<&[u8]> = sector[446..510].chunks(16).filter(|entry| entry[4] != 0).collect();
    if entries.iter().any(|entry| entry[4] == PROTECTIVE) {
        return guid_table(disk, bytes);
    }
    if entries.is_empty() {
        return Ok(Table::None);
    }
    let linux = entries.iter().filter(|entry| entry[4] == LINUX);
    let part = |entry: &&&[u8]| part(u64::from(word(entry, 8)), u64::from(word(entry, 12)), bytes);
    Ok(Table::Partitions { linux: linux.filter_map(|entry| part(&entry)).collect(), all: entries.len() })
}

fn guid_table(disk: &File, bytes: u64) -> io::Result<Table> {
    let mut header = [0; SECTOR_BYTES as usize];
    disk.read_exact_at(&mut header, SECTOR_BYTES)?;
    if &header[..8] != b"EFI PART" {
        return Ok(Table::None);
    }
    let (at, count, size) = (long(&header, 72), word(&header, 80), word(&header, 84));
    if count > PARTITIONS_MAX || !(128..=4096).contains(&size) {
        return Ok(Table::None);
    }
    let start = at.saturating_mul(SECTOR_BYTES);
    let length = u64::from(count) * u64::from(size);
    if start.saturating_add(length) > bytes {
        return Ok(Table::None);
    }
    let mut entries = vec![0; usize::try_from(length).unwrap_or(0)];
    disk.read_exact_at(&mut entries, start)?;
    let used: Vec<&[u8]> =
        entries.chunks(size as usize).filter(|entry| entry[..16].iter().any(|byte| *byte != 0)).collect();
    let linux = used.iter().filter(|entry| LINUX_GUIDS.iter().any(|guid| entry[..16] == *guid));
    let part = |entry: &&[u8]| {
        let (first, last) = (long(entry, 32), long(entry, 40));
        part(first, last.checked_sub(first)?.checked_add(1)?, bytes)
    };
    Ok(Table::Partitions { linux: linux.filter_map(part).collect(), all: used.len() })
}

/// A partition given in sectors, if it is within the disk.
fn part(first: u64, count: u64, disk_bytes: u64) -> Option<Part> {
    let (offset, bytes) = (first.checked_mul(SECTOR_BYTES)?, count.checked_mul(SECTOR_BYTES)?);
    let fits = offset > 0 && bytes > 0 && offset.checked_add(bytes)? <= disk_bytes;
    fits.then_some(Part { offset, bytes })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: u64, parts: &[(u64, &[u8])]) -> Table {
        let disk = tempfile::tempfile().unwrap();
        disk.set_len(bytes).unwrap();
        for (at, part) in parts {
            disk.write_all_at(part, *at).unwrap();
        }
        read(&disk, bytes).unwrap()
    }

    fn entry(kind: u8, first: u32, count: u32) -> Vec<u8> {
        [&[0, 0, 0, 0, kind, 0, 0, 0][..], &first.to_le_bytes(), &count.to_le_bytes()].concat()
    }

    const MARK: (u64, &[u8]) = (510, &[0x55, 0xaa]);

    #[test]
    fn linux_partitions_of_a_bios_table_are_found() {
        assert_eq!(table(1 << 20, &[]), Table::None);
        assert_eq!(table(100, &[]), Table::None);
        assert_eq!(table(1 << 20, &[MARK]), Table::None);
        let (swap, root, beyond) = (entry(0x82, 8, 8), entry(LINUX, 64, 100), entry(LINUX, 64, u32::MAX));
        let found = table(1 << 20, &[MARK, (446, &swap), (462, &root), (478, &beyond)]);
        let linux = vec![Part { offset: 64 * 512, bytes: 100 * 512 }];
        assert_eq!(found, Table::Partitions { linux, all: 3 });
    }

    #[test]
    fn a_guid_table_is_read_within_bounds() {
        let protective = entry(PROTECTIVE, 1, 100);
        let header = |at: u64, count: u32, size: u32| {
            let mut bytes = vec![0; 92];
            bytes[..8].copy_from_slice(b"EFI PART");
            bytes[72..80].copy_from_slice(&at.to_le_bytes());
            bytes[80..84].copy_from_slice(&count.to_le_bytes());
            bytes[84..88].copy_from_slice(&size.to_le_bytes());
            bytes
        };
        let mut root = vec![0; 128];
        root[..16].copy_from_slice(&LINUX_GUIDS[0]);
        root[32..40].copy_from_slice(&2048_u64.to_le_bytes());
        root[40..48].copy_from_slice(&2047_u64.to_le_bytes());
        let backwards = root.clone();
        root[40..48].copy_from_slice(&4095_u64.to_le_bytes());
        let good = header(2, 128, 128);
        let parts: [(u64, &[u8]); 5] =
            [MARK, (446, &protective), (512, &good), (1024, &backwards), (1152, &root)];
        let linux = vec![Part { offset: 1 << 20, bytes: 1 << 20 }];
        assert_eq!(table(4 << 20, &parts), Table::Partitions { linux, all: 2 });
        for bad in [
            header(u64::MAX, 128, 128),
            header(2, u32::MAX, 128),
            header(2, 128, 0),
            header(2, 128, u32::MAX),
        ] {
            assert_eq!(table(4 << 20, &[MARK, (446, &protective), (512, &bad)]), Table::None);
        }
    }
}
