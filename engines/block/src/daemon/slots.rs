//! The shared memory of a served volume: what it is, and the requests that are under way. The holder has its descriptor,
//! so that a daemon that was killed leaves no request behind that nobody knows of.
//!
//! A request is read from the kernel straight into a slot, and its header there says that it is not finished. When its
//! work is done, the answer is put beside it, then the slot is marked, then the kernel is answered, then the slot is
//! cleared. So a request that is not marked was never answered, nothing that the kernel sent later depends on it, and
//! doing it (again) overwrites nothing newer. One that is marked is only answered again.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::fuse::{self, Answer};
use crate::kernel::memory::{self, Part};
use crate::limits::{SLOT_DATA_BYTES, SLOTS_COUNT};

const PAGE_BYTES: usize = 4096;
/// Data begins with a page; the header and the arguments of a write end there.
const REQUEST_AT: usize = PAGE_BYTES - fuse::HEADER_BYTES - fuse::WRITE_ARGUMENTS_BYTES;
const SLOT_BYTES: usize = PAGE_BYTES + SLOT_DATA_BYTES;

/// In a slot's control page: the mark, then the answer.
const ERROR_AT: usize = 4;
const LENGTH_AT: usize = 8;
const ANSWER_AT: usize = 64;
/// The answer's bytes are those of the data part.
const DATA_FLAG: u32 = 1 << 31;
const MARK_NONE: u32 = 0;
const MARK_ANSWERING: u32 = 1;

/// In the first page: which of two copies counts, and the copies, each with its length before it.
const COPY_AT: [usize; 2] = [64, 2048];
const COPY_BYTES_MAX: usize = 1900;

/// What a daemon has to know of a volume that another one served.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    pub volume: String,
    pub key: Option<crate::store::Key>,
    pub pace: Option<crate::Pace>,
    /// Tells this time of serving it from others: a device that was left by force may be there still.
    pub time: String,
}

/// The first page.
pub struct FactsPage(Part);

pub struct Slot(Part);

/// New memory for a volume.
pub fn create() -> io::Result<OwnedFd> {
    memory::create(PAGE_BYTES + SLOTS_COUNT * SLOT_BYTES)
}

pub fn open(fd: BorrowedFd<'_>) -> io::Result<(FactsPage, Vec<Slot>)> {
    let sizes: Vec<usize> = [PAGE_BYTES].into_iter().chain([SLOT_BYTES; SLOTS_COUNT]).collect();
    let mut parts = memory::parts(fd, &sizes)?.into_iter();
    let first = parts.next().expect("as many parts as sizes");
    Ok((FactsPage(first), parts.map(Slot).collect()))
}

impl FactsPage {
    pub fn read(&self) -> io::Result<Facts> {
        let at = COPY_AT[(self.0.word() & 1) as usize];
        let length = fuse::word(&self.0, at) as usize;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a volume's facts cannot be read");
        let bytes = self.0.get(at + 4..at + 4 + length.min(COPY_BYTES_MAX)).ok_or_else(invalid)?;
        postcard::from_bytes(bytes).map_err(|_| invalid())
    }

    /// The other copy is written, then it counts: a daemon that is killed between leaves the old one.
    pub fn write(&mut self, facts: &Facts) -> io::Result<()> {
        let bytes = Zeroizing::new(postcard::to_stdvec(facts).map_err(io::Error::other)?);
        if bytes.len() > COPY_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a volume's facts are too long"));
        }
        let other = (self.0.word() & 1) ^ 1;
        let at = COPY_AT[other as usize];
        self.0[at..at + 4].copy_from_slice(&(bytes.len() as u32).to_ne_bytes());
        self.0[at + 4..at + 4 + bytes.len()].copy_from_slice(&bytes);
        self.0.set_word(other);
        Ok(())
    }
}

impl Slot {
    /// The next request, or nothing when the file system is gone.
    pub fn take(&mut self, mut fuse: &File) -> io::Result<bool> {
        self.clear();
        loop {
            match fuse.read(&mut self.0[REQUEST_AT..]) {
                Ok(bytes) => return Ok(bytes > 0),
                Err(error) => match error.raw_os_error() {
                    Some(libc::ENODEV) => return Ok(false),
                    // ENOENT: the request was interrupted before it was read.
                    Some(libc::EINTR | libc::EAGAIN | libc::ENOENT) => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Nothing is under way here.
    pub fn clear(&mut self) {
        self.0[REQUEST_AT..REQUEST_AT + fuse::HEADER_BYTES].fill(0);
        self.0.set_word(MARK_NONE);
    }

    pub fn is_busy(&self) -> bool {
        fuse::length_of(self.request()) != 0
    }

    pub fn is_marked(&self) -> bool {
        self.0.word() == MARK_ANSWERING
    }

    pub fn unique(&self) -> u64 {
        fuse::unique_of(self.request())
    }

    /// Header and arguments.
    pub fn request(&self) -> &[u8] {
        &self.0[REQUEST_AT..PAGE_BYTES]
    }

    /// What is to be written, or room for what is read.
    pub fn data(&mut self, bytes: usize) -> Option<&mut [u8]> {
        self.0.get_mut(PAGE_BYTES..PAGE_BYTES + bytes)
    }

    /// Puts the answer down and marks the slot.
    pub fn settle(&mut self, answer: Result<&Answer, i32>) {
        let (error, length) = match answer {
            Ok(answer) => {
                self.0[ANSWER_AT..ANSWER_AT + answer.length].copy_from_slice(&answer.bytes[..answer.length]);
                (0, answer.length as u32)
            }
            Err(error) => (error, 0),
        };
        self.mark(error, length);
    }

    /// As [`Slot::settle`], with so many bytes of the data as the answer.
    pub fn settle_read(&mut self, bytes: usize) {
        self.mark(0, bytes as u32 | DATA_FLAG);
    }

    fn mark(&mut self, error: i32, length: u32) {
        self.0[ERROR_AT..ERROR_AT + 4].copy_from_slice(&error.to_ne_bytes());
        self.0[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_ne_bytes());
        self.0.set_word(MARK_ANSWERING);
    }

    /// Tells the kernel what was settled. One that was told already, or has gone, is content.
    pub fn answer(&mut self, mut fuse: &File) -> io::Result<()> {
        let error = fuse::word(&self.0, ERROR_AT) as i32;
        let length = fuse::word(&self.0, LENGTH_AT);
        let bytes = (length & !DATA_FLAG) as usize;
        let at = if length & DATA_FLAG == 0 { ANSWER_AT } else { PAGE_BYTES };
        let head = fuse::head(bytes, error, self.unique());
        let parts = [IoSlice::new(&head), IoSlice::new(&self.0[at..at + bytes])];
        let parts = if bytes == 0 { &parts[..1] } else { &parts[..] };
        match fuse.write_vectored(parts) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::EPERM)) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn facts_are_what_was_written_last() {
        let memory = create().unwrap();
        let (mut page, slots) = open(memory.as_fd()).unwrap();
        assert!(page.read().is_err());
        assert_eq!(slots.len(), SLOTS_COUNT);
        for time in ["a", "b", "c"] {
            let facts = Facts { volume: "vol-1".to_owned(), key: None, pace: None, time: time.to_owned() };
            page.write(&facts).unwrap();
            assert_eq!(open(memory.as_fd()).unwrap().0.read().unwrap().time, time);
        }
    }

    #[test]
    fn an_unfinished_request_is_found_by_the_next() {
        let memory = create().unwrap();
        let (_, mut slots) = open(memory.as_fd()).unwrap();
        let path = tempfile::NamedTempFile::new().unwrap();
        let mut header = [0_u8; fuse::HEADER_BYTES];
        header[0] = 40;
        header[8] = 6;
        std::fs::write(path.path(), header).unwrap();
        assert!(slots[1].take(&File::open(path.path()).unwrap()).unwrap());
        slots[1].settle(Err(libc::EIO));
        drop(slots);
        let (_, mut slots) = open(memory.as_fd()).unwrap();
        let busy: Vec<_> =
            slots.iter().map(|slot| (slot.is_busy(), slot.is_marked(), slot.unique())).collect();
        assert_eq!(busy[..2], [(false, false, 0), (true, true, 6)]);
        slots[1].clear();
        assert!(!slots[1].is_busy() && !slots[1].is_marked());
    }
}
