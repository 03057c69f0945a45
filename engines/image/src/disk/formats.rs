//! Headers of disk formats, looked at before qemu-img is: what names other files, or claims too much, does not get there.
//! Sources: QEMU's docs/interop/qcow2.txt, VMware's "Virtual Disk Format 5.0", and Microsoft's "Virtual Hard Disk Image
//! Format Specification".

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::qcow2::{Layout, check_whole};
use crate::error::{At, ImageError};
use crate::limits::DESCRIPTOR_BYTES_MAX;

/// A format other than raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Qcow2,
    Vmdk,
    /// Fixed or dynamic.
    Vhd,
}

const HEADER_BYTES: usize = 104;
const SECTOR_BYTES: u64 = 512;

/// The last sector of a VHD.
const FOOTER_BYTES: usize = 512;

impl Format {
    /// What a file is by its first and last bytes; nothing for one that may be a raw disk.
    pub fn of(path: &Path) -> Result<Option<Format>, ImageError> {
        let file = File::open(path).at(path)?;
        let length = file.metadata().at(path)?.len();
        let mut start = [0; 4];
        if length < SECTOR_BYTES {
            return Ok(None);
        }
        file.read_exact_at(&mut start, 0).at(path)?;
        Ok(match &start {
            b"QFI\xfb" => Some(Format::Qcow2),
            b"KDMV" => Some(Format::Vmdk),
            _ => footer(&file).at(path)?.starts_with(b"conectix").then_some(Format::Vhd),
        })
    }

    /// As qemu-img calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Qcow2 => "qcow2",
            Format::Vmdk => "vmdk",
            Format::Vhd => "vpc",
        }
    }

    /// How many bytes the disk in that file has, if nothing about it is amiss. `Err` is a sentence.
    pub(super) fn inspect(self, file: &File) -> Result<u64, ImageError> {
        let mut header = [0; HEADER_BYTES];
        let read = file.read_exact_at(&mut header, 0);
        let found = match (read, self) {
            (Err(error), _) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(format!("it is no {}", self.name()))
            }
            (Err(error), _) => Err(error.to_string()),
            (Ok(()), Format::Qcow2) => {
                qcow2(&header).and_then(|bytes| check_whole(file, &layout(&header)).map(|()| bytes))
            }
            (Ok(()), Format::Vmdk) => vmdk(&header, file),
            (Ok(()), Format::Vhd) => vhd(file),
        };
        found.map_err(ImageError::Foreign)
    }
}

fn qcow2(header: &[u8; HEADER_BYTES]) -> Result<u64, String> {
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    /// Dirty, corrupt, compression type, extended entries. The third bit is of a file elsewhere that has the data.
    const KNOWN: u64 = 0b11011;
    if &header[..4] != b"QFI\xfb" || !(2..=3).contains(&word(4)) {
        return Err("it is no qcow2 of version 2 or 3".to_owned());
    }
    if long(8) != 0 {
        return Err("it has a backing file: flatten it with `qemu-img convert` first".to_owned());
    }
    if word(32) != 0 {
        return Err("it is encrypted".to_owned());
    }
    if word(4) == 3 && long(72) & !KNOWN != 0 {
        return Err("its data is in another file, or it has features that are not known".to_owned());
    }
    Ok(long(24))
}

/// Where the tables of a qcow2 are.
fn layout(header: &[u8; HEADER_BYTES]) -> Layout {
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    let features = if word(4) == 3 { long(72) } else { 0 };
    Layout { cluster_bits: word(20), tables: word(36), at: long(40), features }
}

fn vmdk(header: &[u8; HEADER_BYTES], file: &File) -> Result<u64, String> {
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if &header[..4] != b"KDMV" || !(1..=3).contains(&word(4)) {
        let why = "it is no VMDK in one file (descriptors that name other files are not taken)";
        return Err(why.to_owned());
    }
    let (capacity, at, length) = (long(12), long(28), long(36));
    let length = length.saturating_mul(SECTOR_BYTES);
    if capacity == 0 || at == 0 || length > DESCRIPTOR_BYTES_MAX {
        return Err("it is no VMDK in one file".to_owned());
    }
    let mut descriptor = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut descriptor, at.saturating_mul(SECTOR_BYTES))
        .map_err(|error| error.to_string())?;
    let end = descriptor.iter().position(|byte| *byte == 0).unwrap_or(descriptor.len());
    checked(&String::from_utf8_lossy(&descriptor[..end]))?;
    Ok(capacity.saturating_mul(SECTOR_BYTES))
}

fn footer(file: &File) -> io::Result<[u8; FOOTER_BYTES]> {
    let mut footer = [0; FOOTER_BYTES];
    let length = file.metadata()?.len();
    file.read_exact_at(&mut footer, length.saturating_sub(FOOTER_BYTES as u64))?;
    Ok(footer)
}

fn vhd(file: &File) -> Result<u64, String> {
    const CURRENT_SIZE: usize = 48;
    const DISK_TYPE: usize = 60;
    let footer = footer(file).map_err(|error| error.to_string())?;
    if !footer.starts_with(b"conectix") {
        return Err("it is no VHD".to_owned());
    }
    let number = |at: usize, length: usize| {
        footer[at..at + length].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    match number(DISK_TYPE, 4) {
        2 | 3 => Ok(number(CURRENT_SIZE, 8)),
        4 => Err("it is a difference to another disk".to_owned()),
        other => Err(format!("it is a VHD of no known type ({other})")),
    }
}

/// What a descriptor inside a VMDK may say.
fn checked(descriptor: &str) -> Result<(), String> {
    let lower = descriptor.to_ascii_lowercase();
    let value = |key: &str| {
        let line = lower.lines().find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix('='));
        line.map(|value| value.trim().trim_matches('"').to_owned())
    };
    if lower.contains("parentfilenamehint") || value("parentcid").is_some_and(|id| id != "ffffffff") {
        return Err("it is a difference to another disk".to_owned());
    }
    if !matches!(value("createtype").as_deref(), Some("monolithicsparse" | "streamoptimized")) {
        return Err("it is no VMDK in one file (monolithicSparse, streamOptimized)".to_owned());
    }
    let extents = lower
        .lines()
        .filter(|line| ["rw ", "rdonly ", "noaccess "].iter().any(|word| line.trim().starts_with(word)));
    match extents.count() {
        1 => Ok(()),
        count => Err(format!("it names {count} files")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qcow2_that_names_other_files_is_refused() {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        header[30] = 0x10;
        assert_eq!(qcow2(&header), Ok(0x1000));
        for (at, why) in
            [(15, "backing"), (35, "encrypted"), (79, "another file"), (72, "not known"), (7, "no qcow2")]
        {
            let mut other = header;
            other[at] = 4;
            assert!(qcow2(&other).unwrap_err().contains(why), "{at}");
        }
    }

    #[test]
    fn a_vhd_is_known_by_its_footer_and_has_no_parent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.vhd");
        let mut footer = [0; FOOTER_BYTES];
        footer[..8].copy_from_slice(b"conectix");
        footer[54] = 0x10;
        for (kind, expected) in [(2, Some(0x1000)), (3, Some(0x1000)), (4, None), (9, None)] {
            footer[63] = kind;
            std::fs::write(&path, [&[0; 1024][..], &footer].concat()).unwrap();
            assert_eq!(Format::of(&path).unwrap(), Some(Format::Vhd));
            assert_eq!(Format::Vhd.inspect(&File::open(&path).unwrap()).ok(), expected, "{kind}");
        }
        std::fs::write(&path, [0; 4096]).unwrap();
        assert_eq!(Format::of(&path).unwrap(), None);
        assert!(Format::Vhd.inspect(&File::open(&path).unwrap()).is_err());
    }

    #[test]
    fn a_descriptor_has_one_file_and_no_parent() {
        let good = "# Disk DescriptorFile\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\nRW 16 SPARSE \"a.vmdk\"\n";
        assert_eq!(checked(good), Ok(()));
        for (from, to) in [
            ("ffffffff", "00000001"),
            ("streamOptimized", "twoGbMaxExtentFlat"),
            ("RW 16", "parentFileNameHint=\"/etc/shadow\"\nRW 16"),
            ("RW 16", "RW 16 FLAT \"/etc/shadow\" 0\nRW 16"),
            ("RW 16", "NONE"),
        ] {
            assert!(checked(&good.replace(from, to)).is_err(), "{to}");
        }
    }
}
