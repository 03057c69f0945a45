//! Reads parts of the object for a reader that blocks.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::TryStreamExt;
use tokio::runtime::Handle;

use super::guard;
use crate::error::{Code, SelectError};
use crate::input::RangeReader;
use crate::limits::{PARQUET_FETCH_BYTES, PARQUET_FOOTER_BYTES_MAX};
use crate::text::unreadable;

/// Pages of several columns are read in turn, each from a window of its own.
const WINDOWS_MAX: usize = 32;
/// The length of the directory, and the magic.
const TAIL_BYTES: u64 = 8;
/// Headers of pages are shorter than this.
const PAGE_HEADER_BYTES: usize = 64 * 1024;

#[derive(Clone)]
pub(super) struct Fetch(Arc<Inner>);

struct Inner {
    object: Arc<dyn RangeReader>,
    runtime: Handle,
    /// Parts that were fetched, and where they start; the one used last comes first.
    windows: Mutex<Vec<(u64, Bytes)>>,
    fetched: AtomicU64,
    /// Of the object, rather than of what is in it.
    failure: Mutex<Option<SelectError>>,
}

impl Fetch {
    pub(super) fn new(object: Arc<dyn RangeReader>, runtime: Handle) -> Fetch {
        Fetch(Arc::new(Inner {
            object,
            runtime,
            windows: Mutex::default(),
            fetched: AtomicU64::new(0),
            failure: Mutex::default(),
        }))
    }

    pub(super) fn fetched(&self) -> u64 {
        self.0.fetched.load(Ordering::Relaxed)
    }

    /// Why the object could not be read, if that is what went wrong.
    pub(super) fn failure(&self) -> Option<SelectError> {
        locked(&self.0.failure).take()
    }

    /// Whether the directory at the end of the object is one.
    pub(super) fn check_footer(&self) -> Result<(), SelectError> {
        let failed = |_: ParquetError| self.failure().unwrap_or_else(broken);
        let length = self.0.object.length();
        let tail_at = length.checked_sub(TAIL_BYTES).ok_or_else(broken)?;
        // The end is read at once, with all of the directory most often.
        self.window(length.saturating_sub(PARQUET_FETCH_BYTES)).map_err(|error| failed(error.into()))?;
        let tail = self.get_bytes(tail_at, TAIL_BYTES as usize).map_err(failed)?;
        let (size, magic) = tail.split_at(4);
        let size = u64::from(u32::from_le_bytes(size.try_into().map_err(|_| broken())?));
        if magic != b"PAR1" || size > tail_at || size > PARQUET_FOOTER_BYTES_MAX {
            return Err(broken());
        }
        let footer = self.get_bytes(tail_at - size, size as usize).map_err(failed)?;
        if guard::footer_fits(&footer) { Ok(()) } else { Err(broken()) }
    }

    /// Whether what a page says of itself can be believed.
    fn check_page(&self, start: u64) -> Result<(), ParquetError> {
        let window = self.window(start)?;
        let fits = guard::page_header_fits(&window)
            // The header may go on behind the window.
            || (window.len() < PAGE_HEADER_BYTES && guard::page_header_fits(&self.fetch(start, PARQUET_FETCH_BYTES)?));
        if fits { Ok(()) } else { Err(ParquetError::General(String::from("a page beyond bounds"))) }
    }

    fn fetch(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let inner = &self.0;
        let object = inner.object.length();
        let end = start.saturating_add(length).min(object);
        if start >= end {
            return Ok(Bytes::new());
        }
        let read = inner.object.read(start..end).try_fold(BytesMut::new(), |mut all, part| async move {
            all.extend_from_slice(&part);
            Ok(all)
        });
        match inner.runtime.block_on(read) {
            Ok(bytes) => {
                inner.fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(bytes.freeze())
            }
            Err(error) => {
                *locked(&inner.failure) = Some(unreadable(&error));
                Err(error)
            }
        }
    }

    /// Some bytes from there on; none at the end of the object.
    fn window(&self, at: u64) -> io::Result<Bytes> {
        let holds = |(start, bytes): &(u64, Bytes)| (*start..start + bytes.len() as u64).contains(&at);
        let mut windows = locked(&self.0.windows);
        if let Some(index) = windows.iter().position(holds) {
            let window = windows.remove(index);
            windows.insert(0, window);
        } else {
            drop(windows);
            let bytes = self.fetch(at, PARQUET_FETCH_BYTES)?;
            windows = locked(&self.0.windows);
            windows.insert(0, (at, bytes));
            windows.truncate(WINDOWS_MAX);
        }
        let (start, bytes) = &windows[0];
        Ok(bytes.slice((at - start) as usize..))
    }
}

fn broken() -> SelectError {
    SelectError::new(Code::ParquetParsingError)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics while it holds this lock")
}

impl Length for Fetch {
    fn len(&self) -> u64 {
        self.0.object.length()
    }
}

impl ChunkReader for Fetch {
    type T = Reading;

    /// Of the end of the object, and of the headers of pages.
    fn get_read(&self, start: u64) -> Result<Reading, ParquetError> {
        if start.saturating_add(TAIL_BYTES) < self.0.object.length() {
            self.check_page(start)?;
        }
        Ok(Reading { fetch: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let window = self.window(start)?;
        let bytes = match window.len() >= length {
            true => window.slice(..length),
            false => self.fetch(start, length as u64)?,
        };
        if bytes.len() == length {
            return Ok(bytes);
        }
        Err(ParquetError::EOF(format!("{length} bytes from {start} on are more than there are")))
    }
}

pub(super) struct Reading {
    fetch: Fetch,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut window = self.fetch.window(self.at)?;
        let length = window.len().min(into.len());
        window.copy_to_slice(&mut into[..length]);
        self.at += length as u64;
        Ok(length)
    }
}
