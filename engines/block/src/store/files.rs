//! What every part does with files: replace them whole, append records, give room back.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, FallocateFlags, FlockOperation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::error::{failed, refused};
use crate::limits::{FETCHED_BYTES_MIN, RECORD_BYTES_MAX};

const FRAME_HEADER_BYTES: usize = 8;

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(refused("syncing a folder"))
}

/// A file with this content instead of what it had, or as it was: never a part of either.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = folder.join(format!(".{name}.new"));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, folder.join(name)));
    if let Err(error) = written {
        fs::remove_file(&temporary).ok();
        return Err(refused("writing a file")(error));
    }
    sync_folder(folder)
}

/// The same with a record.
pub(crate) fn replace_record<T: Serialize>(folder: &Path, name: &str, record: &T) -> Result<(), StoreError> {
    replace(folder, name, &frame(record))
}

/// The record of a file, or nothing if there is no such file.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let mut rest = &bytes[..];
    match next_frame(&mut rest) {
        Some(record) if rest.is_empty() => Ok(Some(record)),
        _ => Err(StoreError::Broken(path.display().to_string())),
    }
}

/// A file's content, or nothing if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused("reading a file")(error)),
    }
}

/// A record as it is appended: its length, a checksum, itself.
pub(crate) fn frame<T: Serialize>(record: &T) -> Vec<u8> {
    let content = postcard::to_stdvec(record).expect("records are plain data");
    assert!(content.len() <= RECORD_BYTES_MAX, "records are limited by what they are made of");
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + content.len());
    bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&content).to_le_bytes());
    bytes.extend_from_slice(&content);
    bytes
}

/// Takes the next record. Nothing if what follows is not whole: it was never answered.
pub(crate) fn next_frame<T: DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    let length = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
    let sum = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?);
    let content = rest.get(FRAME_HEADER_BYTES..FRAME_HEADER_BYTES.checked_add(length)?)?;
    let record = (crc32c::crc32c(content) == sum).then(|| postcard::from_bytes(content).ok())??;
    *rest = &rest[FRAME_HEADER_BYTES + length..];
    Some(record)
}

/// Reads as much as is asked for; behind the end of the file there are zeros.
pub(crate) fn read_or_zeros(file: &File, into: &mut [u8], offset: u64) -> Result<(), StoreError> {
    if let Some(length) =
        NonZeroU64::new(into.len() as u64).filter(|length| length.get() >= FETCHED_BYTES_MIN)
    {
        // All of it is asked of the disk at once; reading alone asks for 128 KiB after 128 KiB, since several threads who
        // read one file look to the kernel like nobody who reads on.
        rustix::fs::fadvise(file, offset, Some(length), Advice::WillNeed).ok();
    }
    let mut done = 0;
    while done < into.len() {
        match file.read_at(&mut into[done..], offset + done as u64) {
            Ok(0) => {
                into[done..].fill(0);
                break;
            }
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(refused("reading")(error)),
        }
    }
    Ok(())
}

pub(crate) fn write(file: &File, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
    file.write_all_at(bytes, offset).map_err(refused("writing"))
}

pub(crate) fn sync(file: &File) -> Result<(), StoreError> {
    file.sync_data().map_err(refused("syncing"))
}

/// Gives the room of these bytes back: they are zeros afterwards.
pub(crate) fn punch(file: &File, offset: u64, length: u64) -> Result<(), StoreError> {
    if length == 0 {
        return Ok(());
    }
    let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, how, offset, length).map_err(failed("giving room back"))
}

/// Opens a file to read and write it, made if it is not there.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(refused("opening a file"))
}

/// Takes a file for this process, until it is closed. False if another has it.
pub(crate) fn claim(file: &File) -> Result<bool, StoreError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(failed("locking a file")(errno)),
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(refused("making a folder"))
}

/// Removes a folder and what is in it, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(refused("removing a folder")(error))
        }
        _ => Ok(()),
    }
}

/// The names in a folder, without those that begin with a dot. None if there is no such folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused("reading a folder")(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(refused("reading a folder"))?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
