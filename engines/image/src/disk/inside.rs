//! What is on a raw disk of others': where its root file system is, and how a machine starts from that.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ext4_view::{Ext4, Ext4Error, Ext4Read, PathBuf};

use super::Probed;
use super::partitions::{self, Part, Table};
use crate::error::{At, ImageError};
use crate::facts::{Facts, root_start};
use crate::limits::GROUPS_MAX;
use crate::root::Init;

const SUPERBLOCK_AT: u64 = 1024;
const SUPERBLOCK_BYTES: usize = 1024;

/// A part of a disk, as the reader of file systems wants it.
struct Window {
    disk: File,
    part: Part,
}

impl Ext4Read for Window {
    fn read(
        &mut self,
        start: u64,
        into: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync + 'static>> {
        let end = start.checked_add(into.len() as u64).filter(|end| *end <= self.part.bytes);
        if end.is_none() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(self.disk.read_exact_at(into, self.part.offset + start)?)
    }
}

pub fn probe(path: &Path) -> Result<Probed, ImageError> {
    let disk = File::open(path).at(path)?;
    // The end, since the length of a block device is not in its metadata.
    let bytes = (&disk).seek(SeekFrom::End(0)).at(path)?;
    let whole = Part { offset: 0, bytes };
    // First, since a boot sector may stand before a file system that has all of the disk.
    if superblock(&disk, whole).at(path)?.is_some() {
        return look(&disk, whole, true).map_err(|why| foreign(&why));
    }
    let (linux, all) = match partitions::read(&disk, bytes).at(path)? {
        Table::None => return Err(foreign("it has neither an ext4 file system nor a partition table")),
        Table::Partitions { linux, all } => (linux, all),
    };
    let mut roots = Vec::new();
    let mut complaint = format!("none of its {all} partitions is a Linux root with ext4");
    for part in linux {
        if superblock(&disk, part).at(path)?.is_some() {
            match look(&disk, part, false) {
                Ok(found) => roots.push(found),
                Err(why) => complaint = why,
            }
        }
    }
    match roots.len() {
        0 => Err(foreign(&complaint)),
        1 => Ok(roots.remove(0)),
        count => Err(foreign(&format!("{count} of its partitions have an init"))),
    }
}

fn foreign(why: &str) -> ImageError {
    ImageError::Foreign(why.to_owned())
}

/// The superblock of an ext4 file system (or of ext2 or ext3), if there is one.
fn superblock(disk: &File, part: Part) -> io::Result<Option<[u8; SUPERBLOCK_BYTES]>> {
    let mut bytes = [0; SUPERBLOCK_BYTES];
    if part.bytes < SUPERBLOCK_AT + SUPERBLOCK_BYTES as u64 {
        return Ok(None);
    }
    disk.read_exact_at(&mut bytes, part.offset + SUPERBLOCK_AT)?;
    Ok((bytes[0x38..0x3a] == [0x53, 0xef]).then_some(bytes))
}

/// How a machine starts from the file system there; a sentence if it cannot.
fn look(disk: &File, part: Part, is_whole: bool) -> Result<Probed, String> {
    let unreadable = |error: io::Error| error.to_string();
    let superblock = superblock(disk, part).map_err(unreadable)?.ok_or("there is no file system")?;
    within_bounds(&superblock, part)?;
    let disk = disk.try_clone().map_err(unreadable)?;
    let damaged = |error: Ext4Error| format!("its file system cannot be read: {error}");
    let file_system = Ext4::load(Box::new(Window { disk, part })).map_err(damaged)?;
    let init = match file_system.canonicalize("/sbin/init") {
        Err(Ext4Error::NotFound) => {
            return Err(
                "it has no /sbin/init, so that it is no system to start (its data can be brought in as a \
                        snapshot)"
                    .to_owned(),
            );
        }
        other => other.map_err(damaged)?,
    };
    let label = file_system.label().to_str().ok().filter(|label| !label.is_empty()).map(str::to_owned);
    let facts = Facts {
        init: kind_of(&init),
        argv: vec!["/sbin/init".to_owned()],
        start: root_start(),
        architecture: architecture_of(&file_system, &init)?,
        users: Vec::new(),
        has_agent: false,
    };
    Ok(Probed { part, is_whole, label, facts })
}

/// Numbers that the reader would take for granted.
fn within_bounds(superblock: &[u8; SUPERBLOCK_BYTES], part: Part) -> Result<(), String> {
    let word = |at: usize| {
        let bytes = [superblock[at], superblock[at + 1], superblock[at + 2], superblock[at + 3]];
        u64::from(u32::from_le_bytes(bytes))
    };
    let high = if word(0x60) & 0x80 != 0 { word(0x150) } else { 0 };
    let blocks = high << 32 | word(0x4);
    let size = 1024_u64.checked_shl(word(0x18) as u32).filter(|size| *size <= 64 << 10);
    let size = size.ok_or("its file system's blocks are of no known size")?;
    let total = blocks.saturating_mul(size);
    if total > part.bytes {
        return Err(format!("its file system has {total} bytes, where there are {}", part.bytes));
    }
    let groups = blocks.checked_div(word(0x20)).ok_or("its file system has no groups")?;
    (groups <= GROUPS_MAX).then_some(()).ok_or_else(|| format!("its file system has {groups} groups"))
}

fn kind_of(init: &PathBuf) -> Init {
    match init.as_ref().rsplit(|byte| *byte == b'/').next() {
        Some(b"systemd") => Init::Systemd,
        Some(b"busybox") => Init::Busybox,
        _ => Init::Other,
    }
}

/// By the header of the init, or of the shell where the init is a script (elf(5)).
fn architecture_of(file_system: &Ext4, init: &PathBuf) -> Result<String, String> {
    const MACHINE: usize = 18;
    for path in [init.as_ref(), b"/bin/sh"] {
        let mut header = [0; 20];
        let Ok(mut file) = file_system.open(path) else { continue };
        let mut read = 0;
        while let Ok(count @ 1..) = file.read_bytes(&mut header[read..]) {
            read += count;
        }
        if read == header.len() && &header[..4] == b"\x7fELF" {
            return match u16::from_le_bytes([header[MACHINE], header[MACHINE + 1]]) {
                62 => Ok("x86_64".to_owned()),
                183 => Ok("arm64".to_owned()),
                other => Err(format!("its programs are for machine {other} of the ELF specification")),
            };
        }
    }
    Err("neither its /sbin/init nor its /bin/sh is a program".to_owned())
}
