//! Files with holes: where their data is, and copies that keep the holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

use super::Part;
use crate::error::{At, ImageError};
use crate::root::Progress;
use crate::store::OnProgress;

/// What is copied at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What is looked at for zeroes, which become holes.
const GRAIN_BYTES: usize = 4096;

/// Where a file has data, as ranges of blocks of that size, in order and apart from each other; all other blocks are
/// zeroes. For uploading a disk as a snapshot.
pub fn data_blocks(path: &Path, block_bytes: u64) -> Result<Vec<Range<u64>>, ImageError> {
    let file = File::open(path).at(path)?;
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while let Some(data) = next_data(&file, at).at(path)? {
        at = data.end;
        let (first, end) = (data.start / block_bytes, data.end.div_ceil(block_bytes));
        match found.last_mut() {
            Some(last) if last.end >= first => last.end = end.max(last.end),
            _ => found.push(first..end),
        }
    }
    Ok(found)
}

/// The next bytes that are no hole, from `at` on.
fn next_data(file: &File, at: u64) -> io::Result<Option<Range<u64>>> {
    let start = match seek(file, SeekFrom::Data(at)) {
        Err(Errno::NXIO) => return Ok(None),
        other => other?,
    };
    Ok(Some(start..seek(file, SeekFrom::Hole(start))?))
}

/// What reads as a hole takes no space either: programs that ask for zeroes get blocks which are set aside for them.
pub fn punch(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut at = 0;
    while at < length {
        let data = next_data(&file, at)?.unwrap_or(length..length);
        if data.start > at {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            match fallocate(&file, flags, at, data.start - at) {
                // The file system has no holes to give.
                Err(Errno::OPNOTSUPP) => return Ok(()),
                other => other?,
            }
        }
        at = data.end;
    }
    Ok(())
}

/// Copies a part of a file into a new one, without what is zero.
pub fn copy(from: &Path, part: Part, to: &Path, on: &OnProgress) -> Result<(), ImageError> {
    let source = File::open(from).at(from)?;
    let end = part
        .offset
        .checked_add(part.bytes)
        .filter(|end| source.metadata().is_ok_and(|about| *end <= about.len()));
    let end = end.ok_or_else(|| ImageError::Foreign("the partition ends after the disk".to_owned()))?;
    let target = File::options().create(true).truncate(true).write(true).open(to).at(to)?;
    target.set_len(part.bytes).at(to)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut at, mut written) = (part.offset, 0);
    while at < end {
        let Some(data) = next_data(&source, at).at(from)? else { break };
        at = data.start;
        let stop = data.end.min(end);
        while at < stop {
            let length = usize::try_from(stop - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            source.read_exact_at(&mut chunk[..length], at).at(from)?;
            written += write(&target, &chunk[..length], at - part.offset).at(to)?;
            at += length as u64;
        }
        on(Progress::Written { bytes: written });
    }
    target.sync_all().at(to)
}

/// Writes what is not zero, and says how much that was.
fn write(to: &File, bytes: &[u8], at: u64) -> io::Result<u64> {
    let mut written = 0;
    for (index, grain) in bytes.chunks(GRAIN_BYTES).enumerate() {
        if grain.iter().any(|byte| *byte != 0) {
            to.write_all_at(grain, at + (index * GRAIN_BYTES) as u64)?;
            written += grain.len() as u64;
        }
    }
    Ok(written)
}
