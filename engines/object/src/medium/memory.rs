//! Packs and journals in memory, for `--memory`: the same code runs, and nothing outlives the process.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::medium::{BLOCK_BYTES, Medium, MediumFile};

const BLOCK: usize = BLOCK_BYTES as usize;

#[derive(Default)]
pub struct Memory {
    files: Mutex<BTreeMap<String, Arc<InMemory>>>,
}

impl Memory {
    fn find(&self, name: &str) -> io::Result<Arc<InMemory>> {
        self.files.lock().get(name).cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Medium for Memory {
    fn waits(&self) -> bool {
        false
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let mut files = self.files.lock();
        if files.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(InMemory::default());
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        Ok(self.find(name)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files.lock();
        let file = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.lock().remove(name).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }

    fn disk_bytes(&self, name: &str) -> io::Result<u64> {
        let file = self.find(name)?;
        let blocks = file.0.read().blocks.iter().filter(|block| block.is_some()).count();
        Ok((blocks * BLOCK) as u64)
    }
}

#[derive(Default)]
struct InMemory(RwLock<Sparse>);

/// Blocks that were never written, or given back, are none.
#[derive(Default)]
struct Sparse {
    size: u64,
    blocks: Vec<Option<Box<[u8]>>>,
}

/// The pieces of a range: the block, where in it they start, and how long they are.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (mut at, end) = (offset as usize, offset as usize + length);
    std::iter::from_fn(move || {
        let start = at % BLOCK;
        let here = (BLOCK - start).min(end - at);
        at += here;
        (here > 0).then(|| ((at - here) / BLOCK, start, here))
    })
}

impl Sparse {
    fn write(&mut self, mut bytes: &[u8], offset: u64) {
        let end = offset + bytes.len() as u64;
        self.size = self.size.max(end);
        if self.blocks.len() < (end as usize).div_ceil(BLOCK) {
            self.blocks.resize((end as usize).div_ceil(BLOCK), None);
        }
        for (index, start, length) in pieces(offset, bytes.len()) {
            let block = self.blocks[index].get_or_insert_with(|| vec![0; BLOCK].into());
            let (now, later) = bytes.split_at(length);
            block[start..start + length].copy_from_slice(now);
            bytes = later;
        }
    }
}

impl MediumFile for InMemory {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.read().size)
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        let mut held = self.0.write();
        held.size = held.size.max(end);
        Ok(())
    }

    fn write_at(&self, slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut held = self.0.write();
        for bytes in slices.iter() {
            held.write(bytes, offset);
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let held = self.0.read();
        let length = (held.size.saturating_sub(offset)).min(length as u64) as usize;
        let mut bytes = Vec::with_capacity(length);
        for (index, start, length) in pieces(offset, length) {
            match held.blocks.get(index) {
                Some(Some(block)) => bytes.extend_from_slice(&block[start..start + length]),
                _ => bytes.resize(bytes.len() + length, 0),
            }
        }
        Ok(bytes)
    }

    fn read_cached(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        self.read_at(offset, length).map(Some)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut held = self.0.write();
        held.size = size;
        held.blocks.truncate((size as usize).div_ceil(BLOCK));
        Ok(())
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let mut held = self.0.write();
        for index in (range.start as usize).div_ceil(BLOCK)..range.end as usize / BLOCK {
            if let Some(block) = held.blocks.get_mut(index) {
                *block = None;
            }
        }
        Ok(())
    }
}
