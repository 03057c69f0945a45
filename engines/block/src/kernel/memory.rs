//! Memory that outlives the process that fills it: whoever has its descriptor finds it as it was left.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::checked;

/// New memory, all zeroes.
pub fn create(bytes: usize) -> io::Result<OwnedFd> {
    // SAFETY: a terminated string; the new descriptor is owned by nobody else.
    let fd = unsafe {
        let fd = checked(libc::memfd_create(c"fogbank-requests".as_ptr(), libc::MFD_CLOEXEC).into())?;
        OwnedFd::from_raw_fd(fd as i32)
    };
    std::fs::File::from(fd.try_clone()?).set_len(bytes as u64)?;
    Ok(fd)
}

struct Mapping {
    at: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is reached through its parts only, which do not overlap.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `parts`, and no part is left, since each holds this.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.bytes) };
    }
}

/// A part of shared memory that is nobody else's in this process.
pub struct Part {
    at: NonNull<u8>,
    bytes: usize,
    _mapping: Arc<Mapping>,
}

// SAFETY: it owns its bytes.
unsafe impl Send for Part {}
// SAFETY: as for a vector; the atomic word is one for everybody.
unsafe impl Sync for Part {}

/// Maps the memory in parts of these sizes, one after the other. All pages are there from the start and stay, so that
/// the kernel never has to wait for one while a killed process hands it over.
pub fn parts(fd: BorrowedFd<'_>, sizes: &[usize]) -> io::Result<Vec<Part>> {
    let bytes: usize = sizes.iter().sum();
    let held = std::fs::File::from(fd.try_clone_to_owned()?).metadata()?.len();
    if held < bytes as u64 || sizes.iter().any(|size| size % 4 != 0) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "memory of another size"));
    }
    // SAFETY: a new mapping of a file that is large enough and that nobody shrinks; the pointer is checked.
    let at = unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            fd.as_raw_fd(),
            0,
        );
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // Without the right to lock memory it works as well, until the host swaps.
        libc::mlock(at, bytes);
        libc::madvise(at, bytes, libc::MADV_DONTDUMP);
        at.cast::<u8>()
    };
    let at = NonNull::new(at).ok_or_else(|| io::Error::other("mapped at null"))?;
    let mapping = Arc::new(Mapping { at, bytes });
    let mut offset = 0;
    let mut parts = Vec::new();
    for size in sizes {
        // SAFETY: within the mapping, since the sizes sum up to its length.
        let at = unsafe { at.add(offset) };
        parts.push(Part { at, bytes: *size, _mapping: mapping.clone() });
        offset += size;
    }
    Ok(parts)
}

impl Part {
    /// The first word: whatever is stored there is there for a later process, in the order of this one's stores.
    pub fn word(&self) -> u32 {
        self.first().load(Ordering::SeqCst)
    }

    pub fn set_word(&mut self, value: u32) {
        self.first().store(value, Ordering::SeqCst);
    }

    fn first(&self) -> &AtomicU32 {
        assert!(self.bytes >= 4 && self.at.as_ptr().addr().is_multiple_of(4), "parts are of whole words");
        // SAFETY: aligned, within the part, and mapped as long as this lives.
        unsafe { AtomicU32::from_ptr(self.at.as_ptr().cast()) }
    }
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped as long as this lives, and changed through this alone.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.bytes) }
    }
}

impl DerefMut for Part {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn what_is_written_is_there_for_the_next() {
        let fd = create(12288).unwrap();
        let mut first = parts(fd.as_fd(), &[4096, 8192]).unwrap();
        first[1].set_word(7);
        first[1][8191] = 9;
        drop(first);
        let second = parts(fd.as_fd(), &[4096, 8192]).unwrap();
        assert_eq!((second[1].word(), second[1][8191], second[0].word()), (7, 9, 0));
        assert!(parts(fd.as_fd(), &[4096, 12288]).is_err());
    }
}
