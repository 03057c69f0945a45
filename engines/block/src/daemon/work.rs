//! Doing what the kernel asks of a volume.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use super::bucket::Bucket;
use super::events::Events;
use super::fuse::{self, Answer, Request};
use super::slots::Slot;
use crate::BlockError;
use crate::limits::{FULL_RETRY_MILLIS, SLOT_DATA_BYTES};
use crate::store::{StoreError, Volume};

/// A volume as its threads see it.
pub struct Worked {
    pub id: String,
    pub bucket: Bucket,
    volume: RwLock<Option<Arc<Volume>>>,
    events: Arc<Events>,
    /// Requests are answered with errors, and nobody waits any more.
    gone: AtomicBool,
    /// Threads that wait for room on the host's disk.
    waiting: AtomicU32,
}

impl Worked {
    pub fn new(id: &str, bucket: Bucket, volume: Option<Arc<Volume>>, events: Arc<Events>) -> Self {
        Self {
            id: id.to_owned(),
            bucket,
            volume: RwLock::new(volume),
            events,
            gone: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
        }
    }

    pub fn give(&self, volume: Arc<Volume>) {
        *self.volume.write() = Some(volume);
    }

    /// When no thread works on it any more.
    pub fn take_back(&self) -> Option<Arc<Volume>> {
        self.volume.write().take()
    }

    pub fn give_up(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    pub fn has_given_up(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Whether the host's disk is full and writers wait.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    pub fn volume(&self) -> Result<Arc<Volume>, BlockError> {
        let volume = self.volume.read().clone();
        volume.ok_or_else(|| BlockError::Failed(format!("{} cannot be opened yet", self.id)))
    }

    pub fn with_volume<T>(
        &self,
        work: impl FnOnce(&Volume) -> Result<T, BlockError>,
    ) -> Result<T, BlockError> {
        work(&*self.volume()?)
    }

    /// Brings a request to its end: does it, unless that was done before, and answers.
    pub fn finish(&self, fuse: &File, slot: &mut Slot) {
        if !slot.is_marked() && !self.perform(slot) {
            return;
        }
        if slot.answer(fuse).is_err() {
            // The kernel did not like the answer's form; it must not wait for another for ever.
            slot.settle(Err(libc::EIO));
            slot.answer(fuse).ok();
        }
    }

    /// Whether there is something to be answered.
    fn perform(&self, slot: &mut Slot) -> bool {
        let answer = match fuse::read(slot.request()) {
            Request::Unanswered => return false,
            Request::Read { offset, bytes } => {
                match self.read(slot, offset, bytes) {
                    Ok(()) => slot.settle_read(bytes),
                    Err(error) => slot.settle(Err(error)),
                }
                return true;
            }
            Request::Write { offset, bytes } => self.write(slot, offset, bytes),
            Request::Init { minor, flags, read_ahead } => {
                Ok(fuse::init(minor, flags, read_ahead, SLOT_DATA_BYTES as u32))
            }
            Request::Attributes => self.sized(fuse::attributes),
            Request::RootAttributes => Ok(fuse::root_attributes()),
            Request::Find => self.sized(fuse::found),
            Request::Statistics => self.sized(fuse::statistics),
            Request::Open => Ok(fuse::open()),
            Request::Sync => self.patiently(Volume::sync).map(|()| fuse::nothing()),
            Request::Discard { offset, bytes } => {
                self.bucket.take(0, || self.has_given_up());
                self.patiently(|volume| volume.discard(offset, bytes)).map(|()| fuse::nothing())
            }
            Request::Nothing => Ok(fuse::nothing()),
            Request::Refused(error) => Err(error),
        };
        slot.settle(answer.as_ref().map_err(|error| *error));
        true
    }

    fn sized(&self, answer: impl FnOnce(u64) -> Answer) -> Result<Answer, i32> {
        self.volume.read().as_ref().map(|volume| answer(volume.bytes())).ok_or(libc::EIO)
    }

    fn read(&self, slot: &mut Slot, offset: u64, bytes: usize) -> Result<(), i32> {
        self.bucket.take(bytes, || self.has_given_up());
        let into = slot.data(bytes).ok_or(libc::EINVAL)?;
        self.patiently(|volume| volume.read_at(offset, into))
    }

    fn write(&self, slot: &mut Slot, offset: u64, bytes: usize) -> Result<Answer, i32> {
        self.bucket.take(bytes, || self.has_given_up());
        let from = &*slot.data(bytes).ok_or(libc::EINVAL)?;
        self.patiently(|volume| volume.write_at(offset, from))?;
        Ok(fuse::written(bytes as u32))
    }

    /// Does something with the volume; while the host's disk is full it is tried again and again.
    fn patiently(&self, mut work: impl FnMut(&Volume) -> Result<(), StoreError>) -> Result<(), i32> {
        let volume = self.volume.read();
        let mut waits = false;
        let done = loop {
            let Some(volume) = &*volume else { break Err(libc::EIO) };
            if self.has_given_up() {
                break Err(libc::EIO);
            }
            match work(volume) {
                Ok(()) => break Ok(()),
                Err(StoreError::Full) => {
                    if !waits && self.waiting.fetch_add(1, Ordering::SeqCst) == 0 {
                        self.events.full(&self.id);
                    }
                    waits = true;
                    std::thread::sleep(Duration::from_millis(FULL_RETRY_MILLIS));
                }
                Err(error) => {
                    self.events.failed(&self.id, error);
                    break Err(libc::EIO);
                }
            }
        };
        if waits && self.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.events.full_no_more(&self.id);
        }
        done
    }
}
