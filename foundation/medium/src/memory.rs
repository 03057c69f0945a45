//! Files in memory: the same code runs, and nothing outlives the process.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::{Medium, MediumFile};

#[derive(Default)]
pub struct Memory {
    files: Mutex<BTreeMap<String, Arc<InMemory>>>,
}

impl Medium for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().keys().cloned().collect())
    }

    /// Room is not reserved: a folder promises it to its files, memory is simply there.
    fn create(&self, name: &str, _reserve: u64) -> io::Result<Arc<dyn MediumFile>> {
        let file = Arc::new(InMemory::default());
        self.files.lock().insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let file = self.files.lock().get(name).cloned();
        file.map(|file| file as Arc<dyn MediumFile>).ok_or_else(|| ErrorKind::NotFound.into())
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

    fn room_bytes(&self) -> u64 {
        u64::MAX
    }
}

#[derive(Default)]
struct InMemory(RwLock<Vec<u8>>);

impl MediumFile for InMemory {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut held = self.0.write();
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if held.len() < end {
            held.resize(end, 0);
        }
        held[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let held = self.0.read();
        let start = (offset as usize).min(held.len());
        let length = buffer.len().min(held.len() - start);
        buffer[..length].copy_from_slice(&held[start..start + length]);
        Ok(length)
    }

    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        Ok(self.read_at(buffer, offset)? == buffer.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
