//! A table: which blocks a snapshot has, and where they are.
//!
//! ```text
//! entries   52 bytes each, in the order of their blocks: block 4 ‖ segment 8 ‖ slot 4 ‖ CRC-32C of the sealed block 4
//!           ‖ its tag 16 ‖ the name of its content 16
//! footer    a record (postcard): whose table this is, how much it holds, and the sealed keys of the segments
//! length of the footer, 4 bytes ‖ HMAC-SHA-256 over everything before, 32 bytes
//! ```
//!
//! A block that no entry names is zeros. Tables are whole: they lean on no other table, so removing one leaves the
//! others as they are. A volume made from a snapshot has a copy of its table, sealed for the volume.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::error::refused;
use super::files;
use super::keys::{Name, TAG_BYTES};

pub(crate) const ENTRY_BYTES: usize = 52;
const MAC_BYTES: usize = 32;
const AT_ONCE: usize = 1024;

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) block: u32,
    pub(crate) segment: u64,
    pub(crate) slot: u32,
    pub(crate) sum: u32,
    pub(crate) tag: [u8; TAG_BYTES],
    pub(crate) name: Name,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..4].copy_from_slice(&self.block.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.segment.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.slot.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.sum.to_le_bytes());
        bytes[20..36].copy_from_slice(&self.tag);
        bytes[36..].copy_from_slice(&self.name);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Entry {
        fn part<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
            bytes[from..from + N].try_into().expect("an entry has its length")
        }
        Entry {
            block: u32::from_le_bytes(part(bytes, 0)),
            segment: u64::from_le_bytes(part(bytes, 4)),
            slot: u32::from_le_bytes(part(bytes, 12)),
            sum: u32::from_le_bytes(part(bytes, 16)),
            tag: part(bytes, 20),
            name: part(bytes, 36),
        }
    }
}

/// The keys of segments, sealed for the owner of what they are in.
pub(crate) type Ring = Vec<(u64, Vec<u8>)>;

/// What a table says besides its entries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Footer {
    pub(crate) version: u8,
    /// The snapshot, or the volume.
    pub(crate) owner: String,
    /// The snapshot that damage is told of: of a volume's table, the one it was made from.
    pub(crate) source: String,
    pub(crate) volume_bytes: u64,
    pub(crate) entries: u64,
    /// Entries whose blocks were written for this table.
    pub(crate) own: u64,
    pub(crate) ring: Ring,
}

/// A table on disk, verified when it was opened; its entries are read when they are wanted.
pub(crate) struct Table {
    file: File,
    pub(crate) footer: Footer,
}

impl Table {
    /// Nothing if there is no such file.
    pub(crate) fn open(path: &Path, owner: &str, mac: &hmac::Key) -> Result<Option<Table>, StoreError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused("opening a table")(error)),
        };
        let broken = || StoreError::Broken(format!("the table of {owner}"));
        let length = file.metadata().map_err(refused("reading a table"))?.len();
        let signed = length.checked_sub(MAC_BYTES as u64).ok_or_else(broken)?;
        let tag = sum(&file, signed, mac)?;
        let mut expected = [0; MAC_BYTES];
        files::read_or_zeros(&file, &mut expected, signed)?;
        // Both are ours: no one learns from how long this takes.
        if tag.as_ref() != expected {
            return Err(broken());
        }
        let mut size = [0; 4];
        let size_at = signed.checked_sub(4).ok_or_else(broken)?;
        files::read_or_zeros(&file, &mut size, size_at)?;
        let size = u32::from_le_bytes(size);
        let footer_at = size_at.checked_sub(size.into()).ok_or_else(broken)?;
        let mut footer = vec![0; size as usize];
        files::read_or_zeros(&file, &mut footer, footer_at)?;
        let footer: Footer = postcard::from_bytes(&footer).map_err(|_malformed| broken())?;
        if footer.owner != owner || footer.entries * ENTRY_BYTES as u64 != footer_at {
            return Err(broken());
        }
        Ok(Some(Table { file, footer }))
    }

    /// Up to so many entries, from the one with this index.
    pub(crate) fn read(&self, index: u64, count: usize) -> Result<Vec<Entry>, StoreError> {
        let count = self.footer.entries.saturating_sub(index).min(count as u64) as usize;
        let mut bytes = vec![0; count * ENTRY_BYTES];
        files::read_or_zeros(&self.file, &mut bytes, index * ENTRY_BYTES as u64)?;
        Ok(bytes.chunks_exact(ENTRY_BYTES).map(Entry::from_bytes).collect())
    }

    /// The index of the first entry of this block or a later one.
    pub(crate) fn position(&self, block: u32) -> Result<u64, StoreError> {
        let (mut from, mut to) = (0, self.footer.entries);
        while from < to {
            let middle = from.midpoint(to);
            let mut number = [0; 4];
            files::read_or_zeros(&self.file, &mut number, middle * ENTRY_BYTES as u64)?;
            if u32::from_le_bytes(number) < block {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    pub(crate) fn find(&self, block: u32) -> Result<Option<Entry>, StoreError> {
        let found = self.read(self.position(block)?, 1)?;
        Ok(found.first().copied().filter(|entry| entry.block == block))
    }

    /// All entries, in order.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries { table: self, next: 0, ready: Vec::new().into_iter() }
    }
}

pub(crate) struct Entries<'a> {
    table: &'a Table,
    next: u64,
    ready: std::vec::IntoIter<Entry>,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.len() == 0 {
            match self.table.read(self.next, AT_ONCE) {
                Ok(entries) => self.ready = entries.into_iter(),
                Err(error) => return Some(Err(error)),
            }
            self.next += self.ready.len() as u64;
        }
        self.ready.next().map(Ok)
    }
}

/// Writes a table, whole or not at all. Entries come in order; the footer's count is taken from them.
pub(crate) fn write(
    folder: &Path,
    name: &str,
    mac: &hmac::Key,
    footer: Footer,
    entries: impl Iterator<Item = Result<Entry, StoreError>>,
) -> Result<(), StoreError> {
    let temporary = folder.join(format!(".{name}.new"));
    let written = write_to(&temporary, mac, footer, entries)
        .and_then(|()| fs::rename(&temporary, folder.join(name)).map_err(refused("naming a table")));
    if let Err(error) = written {
        fs::remove_file(&temporary).ok();
        return Err(error);
    }
    files::sync_folder(folder)
}

fn write_to(
    path: &Path,
    mac: &hmac::Key,
    mut footer: Footer,
    entries: impl Iterator<Item = Result<Entry, StoreError>>,
) -> Result<(), StoreError> {
    let file = File::create(path).map_err(refused("making a table"))?;
    let mut out = BufWriter::with_capacity(64 << 10, file);
    let mut signing = hmac::Context::with_key(mac);
    footer.entries = 0;
    for entry in entries {
        let bytes = entry?.to_bytes();
        signing.update(&bytes);
        out.write_all(&bytes).map_err(refused("writing a table"))?;
        footer.entries += 1;
    }
    let mut end = postcard::to_stdvec(&footer).expect("a footer is plain data");
    end.extend_from_slice(&(end.len() as u32).to_le_bytes());
    signing.update(&end);
    end.extend_from_slice(signing.sign().as_ref());
    out.write_all(&end).and_then(|()| out.flush()).map_err(refused("writing a table"))?;
    out.get_ref().sync_all().map_err(refused("syncing a table"))
}

fn sum(file: &File, length: u64, mac: &hmac::Key) -> Result<hmac::Tag, StoreError> {
    let mut signing = hmac::Context::with_key(mac);
    let mut bytes = vec![0; 64 << 10];
    let mut from = file.take(length);
    loop {
        match from.read(&mut bytes).map_err(refused("reading a table"))? {
            0 => return Ok(signing.sign()),
            count => signing.update(&bytes[..count]),
        }
    }
}
