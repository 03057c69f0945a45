//! Conversions in memory: raw disks only. For clouds that keep nothing, and for tests of what is around conversions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt;
use schema::ByteStream;
use service::BoxFuture;

use super::conversions::{ConversionError, Conversions, DiskFormat, SystemInside, TakenIn};
use super::disks::BLOCK_BYTES;

/// More is not kept in memory.
const BYTES_MAX: u64 = 1 << 30;

#[derive(Default)]
pub struct MemoryConversions {
    drafts: Mutex<BTreeMap<String, Draft>>,
    finds_systems: bool,
}

#[derive(Default)]
struct Draft {
    bytes: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Draft {
    fn of(bytes: &[u8]) -> Draft {
        let chunks = bytes.chunks(block_size()).enumerate();
        let blocks = chunks.filter(|(_, chunk)| chunk.iter().any(|byte| *byte != 0));
        let blocks = blocks.map(|(index, chunk)| (index as u64, filled(chunk.to_vec()))).collect();
        Draft { bytes: bytes.len() as u64, blocks }
    }

    /// Bytes from a place on, up to the end.
    fn part(&self, from: u64, length: usize) -> Vec<u8> {
        let end = self.bytes.min(from.saturating_add(length as u64)).max(from);
        let mut part = vec![0; usize::try_from(end - from).unwrap_or(0)];
        for (block, bytes) in self.blocks.range(from / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES)) {
            let start = block * BLOCK_BYTES;
            for (offset, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                let at = start + offset as u64;
                if (from..end).contains(&at) {
                    part[usize::try_from(at - from).expect("it is within the part")] = *byte;
                }
            }
        }
        part
    }
}

fn block_size() -> usize {
    usize::try_from(BLOCK_BYTES).expect("a block is small")
}

fn filled(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(block_size(), 0);
    bytes
}

fn only_raw(format: Option<DiskFormat>) -> Result<(), ConversionError> {
    match format {
        None | Some(DiskFormat::Raw) => Ok(()),
        Some(_) => {
            let why = "This cloud keeps nothing on a disk, and brings in and gives out raw disks only.";
            Err(ConversionError::Refused(why.to_owned()))
        }
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(async move { value })
}

impl MemoryConversions {
    /// One for which whatever is there counts as a system of this kind of host, unless it begins with `no system`.
    pub fn for_tests() -> MemoryConversions {
        MemoryConversions { finds_systems: true, ..MemoryConversions::default() }
    }

    fn with<T>(
        &self,
        draft: &str,
        work: impl FnOnce(&mut Draft) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || ConversionError::Failed(format!("there is no draft {draft}"));
        work(drafts.get_mut(draft).ok_or_else(gone)?)
    }

    fn put(&self, draft: &str, made: Draft) {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner).insert(draft.to_owned(), made);
    }

    /// The names of all drafts that were not forgotten.
    pub fn drafts(&self) -> Vec<String> {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

impl Conversions for MemoryConversions {
    fn take_in<'a>(
        &'a self,
        draft: &'a str,
        format: Option<DiskFormat>,
        file: ByteStream,
    ) -> BoxFuture<'a, Result<TakenIn, ConversionError>> {
        Box::pin(async move {
            only_raw(format)?;
            let mut chunks = file.take();
            let mut bytes = Vec::new();
            let broken = |error: std::io::Error| ConversionError::Failed(error.to_string());
            while let Some(chunk) = chunks.try_next().await.map_err(broken)? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() as u64 > BYTES_MAX {
                    return Err(ConversionError::Refused(format!("it has more than {BYTES_MAX} bytes")));
                }
            }
            if bytes.is_empty() {
                return Err(ConversionError::Refused("the file is empty".to_owned()));
            }
            self.put(draft, Draft::of(&bytes));
            Ok(TakenIn { format: DiskFormat::Raw, bytes: bytes.len() as u64 })
        })
    }

    fn begin<'a>(&'a self, draft: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), ConversionError>> {
        self.put(draft, Draft { bytes, blocks: BTreeMap::new() });
        ready(Ok(()))
    }

    fn write<'a>(
        &'a self,
        draft: &'a str,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ConversionError>> {
        ready(self.with(draft, |draft| {
            draft.blocks.insert(block, filled(bytes));
            Ok(())
        }))
    }

    fn find_system<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<SystemInside, ConversionError>> {
        if !self.finds_systems {
            let why = "this cloud keeps nothing on a disk, and looks for no systems on those of others";
            return ready(Err(ConversionError::Refused(why.to_owned())));
        }
        ready(self.with(draft, |draft| {
            if draft.blocks.get(&0).is_none_or(|block| block.starts_with(b"no system")) {
                return Err(ConversionError::Refused("it has no /sbin/init".to_owned()));
            }
            Ok(SystemInside { architecture: "x86_64".to_owned(), bytes: draft.bytes })
        }))
    }

    fn data<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<Vec<Range<u64>>, ConversionError>> {
        ready(self.with(draft, |draft| Ok(draft.blocks.keys().map(|block| *block..*block + 1).collect())))
    }

    fn read<'a>(&'a self, draft: &'a str, block: u64) -> BoxFuture<'a, Result<Vec<u8>, ConversionError>> {
        ready(
            self.with(draft, |draft| {
                Ok(draft.blocks.get(&block).cloned().unwrap_or_else(|| filled(Vec::new())))
            }),
        )
    }

    fn give_out<'a>(
        &'a self,
        draft: &'a str,
        format: DiskFormat,
    ) -> BoxFuture<'a, Result<u64, ConversionError>> {
        ready(only_raw(Some(format)).and_then(|()| self.with(draft, |draft| Ok(draft.bytes))))
    }

    fn given<'a>(
        &'a self,
        draft: &'a str,
        from: u64,
        length: usize,
    ) -> BoxFuture<'a, Result<Bytes, ConversionError>> {
        ready(self.with(draft, |draft| Ok(Bytes::from(draft.part(from, length)))))
    }

    fn forget<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, ()> {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner).remove(draft);
        ready(())
    }
}
