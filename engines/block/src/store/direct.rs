//! Files of content whose large reads and writes pass the host's page cache by.
//!
//! What a guest reads and writes is in that cache already, decrypted, for its file system is one of this same kernel; to
//! have it there once more would only push other things out. Small requests still go through it: they are gathered there,
//! and written when a sync or the kernel wants it.
//!
//! Both ways at once on one file are coherent while no page of the cache is about more than the request that made it. So
//! the kernel is told not to read ahead.

use std::fs::{File, OpenOptions};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::Advice;

use super::{StoreError, files};
use crate::limits::DIRECT_BYTES_MIN;

/// What places and lengths of direct requests are whole numbers of: the sector of any disk.
const ALIGNMENT: usize = 4096;

pub(crate) struct Content {
    pub(crate) file: File,
    /// None where the file system cannot.
    direct: Option<File>,
}

impl Content {
    /// Opens a file, made if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Content, StoreError> {
        let file = files::open(path)?;
        rustix::fs::fadvise(&file, 0, None, Advice::Random).ok();
        let direct = OpenOptions::new().read(true).write(true).custom_flags(libc::O_DIRECT).open(path).ok();
        Ok(Content { file, direct })
    }

    /// Reads as much as is asked for; behind the end of the file there are zeros.
    pub(crate) fn read_or_zeros(&self, into: &mut [u8], offset: u64) -> Result<(), StoreError> {
        let direct = self.direct_for(into, offset).map(|file| files::read_or_zeros(file, into, offset));
        match direct {
            Some(Err(error)) if is_unfit(&error) => {}
            Some(done) => return done,
            None => {}
        }
        files::read_or_zeros(&self.file, into, offset)
    }

    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        match self.direct_for(bytes, offset).map(|file| files::write(file, bytes, offset)) {
            Some(Err(error)) if is_unfit(&error) => {}
            Some(done) => return done,
            None => {}
        }
        files::write(&self.file, bytes, offset)
    }

    fn direct_for(&self, bytes: &[u8], offset: u64) -> Option<&File> {
        let fits = bytes.len() >= DIRECT_BYTES_MIN
            && bytes.len().is_multiple_of(ALIGNMENT)
            && offset.is_multiple_of(ALIGNMENT as u64)
            && bytes.as_ptr().addr().is_multiple_of(ALIGNMENT);
        self.direct.as_ref().filter(|_| fits)
    }
}

/// The file system takes this request only through the cache.
fn is_unfit(error: &StoreError) -> bool {
    matches!(error, StoreError::Io(_, error) if error.raw_os_error() == Some(libc::EINVAL))
}

/// Bytes that begin where direct requests may.
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    from: usize,
}

impl Aligned {
    pub(crate) fn zeros(length: usize) -> Aligned {
        let bytes = vec![0; length + ALIGNMENT];
        let from = bytes.as_ptr().align_offset(ALIGNMENT);
        let mut aligned = Aligned { bytes, from };
        aligned.bytes.truncate(from + length);
        aligned
    }

    pub(crate) fn copy_of(content: &[u8]) -> Aligned {
        let mut bytes: Vec<u8> = Vec::with_capacity(content.len() + ALIGNMENT);
        let from = bytes.as_ptr().align_offset(ALIGNMENT);
        bytes.resize(from, 0);
        // There is room for it, so it stays where it is.
        bytes.extend_from_slice(content);
        Aligned { bytes, from }
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_requests_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::open(&folder.path().join("data")).unwrap();
        let mut expected = vec![0; 4 * DIRECT_BYTES_MIN];
        let mut write = |number: usize, from: usize, length: usize| {
            let bytes = Aligned::copy_of(&vec![number as u8; length]);
            assert_eq!(bytes.as_ptr().addr() % ALIGNMENT, 0);
            content.write(&bytes, from as u64).unwrap();
            expected[from..from + length].fill(number as u8);
            // Whole, past the cache, and sector by sector.
            let mut whole = Aligned::zeros(expected.len());
            content.read_or_zeros(&mut whole, 0).unwrap();
            assert!(*whole == expected, "after {number}");
            for (at, sector) in expected.chunks(ALIGNMENT).enumerate() {
                let mut found = vec![0; ALIGNMENT];
                content.read_or_zeros(&mut found, (at * ALIGNMENT) as u64).unwrap();
                assert!(found == sector, "sector {at} after {number}");
            }
        };
        write(1, 4096, 4096);
        write(2, 0, 2 * DIRECT_BYTES_MIN);
        write(3, DIRECT_BYTES_MIN - 4096, 8192);
        write(4, DIRECT_BYTES_MIN, 3 * DIRECT_BYTES_MIN);
        write(5, 12288, 32768);
        write(6, 16384, DIRECT_BYTES_MIN);
    }
}
