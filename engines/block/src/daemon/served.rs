//! A volume that is served: its file in the kernel, the threads that answer for it, its loop device.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::slots::{self, Facts, FactsPage, Slot};
use super::work::Worked;
use crate::holder::{Failure, Holder, Kept, Task};
use crate::kernel::{file_systems, loops};
use crate::limits::{LEAVING_MILLIS_MAX, WORKER_STACK_BYTES};
use crate::store::Volume;
use crate::{BlockError, Device, Pace};

pub struct Served {
    pub worked: Worked,
    /// Of the loop device.
    minor: AtomicU32,
    /// Of its file.
    path: String,
    page: Mutex<(Facts, FactsPage)>,
    /// A handle on the file system's root, to ask for its file's size: the kernel learns of a growth by that.
    root: Mutex<Option<OwnedFd>>,
    fuse: Arc<File>,
}

impl Served {
    /// Serves a volume. What is made on the way goes to the holder first, so that it is undone or taken up whenever this
    /// process is killed. After an error nothing is left.
    pub fn begin(
        worked: Worked,
        facts: Facts,
        path: String,
        holder: &Holder,
    ) -> Result<Arc<Self>, BlockError> {
        let id = facts.volume.clone();
        let failed = |error| BlockError::io("making a device", error);
        let memory = slots::create().map_err(failed)?;
        let (mut page, slots) = slots::open(memory.as_fd()).map_err(failed)?;
        page.write(&facts).map_err(failed)?;
        let fuse = file_systems::open_fuse().map_err(|error| BlockError::io("/dev/fuse", error))?;
        let root = file_systems::make(fuse.as_fd())
            .map_err(|error| BlockError::io("making a FUSE file system", error))?;
        holder.keep(&id, &[fuse.as_fd(), memory.as_fd(), root.as_fd()]).map_err(failed)?;
        let served = Arc::new(Self {
            worked,
            minor: AtomicU32::new(u32::MAX),
            path,
            page: Mutex::new((facts, page)),
            root: Mutex::new(Some(root)),
            fuse: Arc::new(fuse),
        });
        let started = served.start(slots).map_err(failed);
        let made = started.and_then(|()| served.make_device(holder));
        if made.is_err() {
            served.vanish();
            holder.forget(&id).ok();
        }
        made.map(|()| served)
    }

    /// Takes up what an earlier daemon served. Nothing where that had no device yet. The volume comes later; until then
    /// requests wait.
    pub fn adopt(
        kept: Kept,
        device_name: impl Fn(&Facts) -> String,
        worked: impl Fn(&Facts) -> Worked,
    ) -> io::Result<Option<(Arc<Self>, Vec<Slot>)>> {
        let Ok([fuse, memory, root]) = <[OwnedFd; 3]>::try_from(kept.carried) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "other descriptors than were kept"));
        };
        let (page, slots) = slots::open(memory.as_fd())?;
        let facts = page.read()?;
        let name = device_name(&facts);
        let Some(minor) = minor_of(&name) else { return Ok(None) };
        let served = Arc::new(Self {
            worked: worked(&facts),
            minor: AtomicU32::new(minor),
            path: name,
            page: Mutex::new((facts, page)),
            root: Mutex::new(Some(root)),
            fuse: Arc::new(fuse.into()),
        });
        Ok(Some((served, slots)))
    }

    pub fn facts(&self) -> Facts {
        self.page.lock().0.clone()
    }

    /// Finishes what the daemon before this one did not, in the order in which the kernel asked; then the rest.
    pub fn resume(self: &Arc<Self>, volume: Arc<Volume>, mut slots: Vec<Slot>) -> io::Result<()> {
        self.worked.give(volume);
        let mut busy: Vec<&mut Slot> = slots.iter_mut().filter(|slot| slot.is_busy()).collect();
        busy.sort_by_key(|slot| slot.unique());
        for slot in busy {
            self.worked.finish(&self.fuse, slot);
            slot.clear();
        }
        self.start(slots)
    }

    fn start(self: &Arc<Self>, slots: Vec<Slot>) -> io::Result<()> {
        for mut slot in slots {
            let (served, fuse) = (self.clone(), self.fuse.clone());
            let work = move || {
                // Any error is the end of the file system, or of everything.
                while slot.take(&fuse).unwrap_or(false) {
                    served.worked.finish(&fuse, &mut slot);
                }
                slot.clear();
            };
            let builder = std::thread::Builder::new().name("block-volume".to_owned());
            builder.stack_size(WORKER_STACK_BYTES).spawn(work)?;
        }
        Ok(())
    }

    fn make_device(&self, holder: &Holder) -> Result<(), BlockError> {
        let id = &self.worked.id;
        self.with_root(|root| holder.work(Task::Make { path: self.path.clone() }, root))?;
        let minor = minor_of(&self.path);
        let minor = minor.ok_or_else(|| BlockError::Failed(format!("the device of {id} is not there")))?;
        self.minor.store(minor, Ordering::SeqCst);
        Ok(())
    }

    fn with_root(
        &self,
        work: impl FnOnce(&[BorrowedFd<'_>]) -> Result<(), Failure>,
    ) -> Result<(), BlockError> {
        let root = self.root.lock();
        let root: Vec<_> = root.iter().map(AsFd::as_fd).collect();
        work(&root).map_err(|failure| failure.of(&self.worked.id))
    }

    fn change(&self, with: impl FnOnce(&mut Facts)) -> io::Result<()> {
        let mut both = self.page.lock();
        let (facts, page) = &mut *both;
        with(facts);
        page.write(facts)
    }

    pub fn device(&self) -> Result<Device, BlockError> {
        let minor = self.minor.load(Ordering::SeqCst);
        let path = loops::path(minor).map_err(|error| BlockError::io("the device's file", error))?;
        Ok(Device { path, major: loops::MAJOR, minor })
    }

    pub fn set_pace(&self, pace: Option<Pace>) -> Result<(), BlockError> {
        self.worked.bucket.set(pace);
        self.change(|facts| facts.pace = pace).map_err(|error| BlockError::io("keeping the pace", error))
    }

    /// Grows the volume; whoever has the device open sees it.
    pub fn grow(&self, bytes: u64, holder: &Holder) -> Result<(), BlockError> {
        self.worked.with_volume(|volume| volume.grow(bytes).map_err(BlockError::from))?;
        let task = Task::Follow { path: self.path.clone(), minor: self.minor.load(Ordering::SeqCst) };
        self.with_root(|root| holder.work(task, root))
    }

    /// Takes the device off the volume, which is synced first. Without force, a device that is in use stays.
    pub fn leave(&self, force: bool, holder: &Holder) -> Result<(), BlockError> {
        if self.worked.is_waiting() {
            if !force {
                return Err(BlockError::Full);
            }
            self.worked.give_up();
        }
        let minor = self.minor.load(Ordering::SeqCst);
        let task = Task::Leave { path: self.path.clone(), minor, force };
        holder.work(task, &[]).map_err(|failure| failure.of(&self.worked.id))?;
        self.await_cleared();
        self.vanish();
        Ok(())
    }

    /// The device is free when the last one who has it open closes it. For those who open every device for a moment
    /// it is worth waiting.
    fn await_cleared(&self) {
        let minor = self.minor.load(Ordering::SeqCst);
        let began = Instant::now();
        let limit = Duration::from_millis(LEAVING_MILLIS_MAX);
        while began.elapsed() < limit
            && loops::file_of(minor).is_ok_and(|path| path.as_ref() == Some(&self.path))
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whoever still has the device open gets errors; the threads end with the last of them.
    fn vanish(&self) {
        self.worked.give_up();
        *self.root.lock() = None;
        if let Some(volume) = self.worked.take_back() {
            // What was acknowledged as synced is; this is for the rest.
            volume.sync().ok();
        }
    }
}

/// The loop device upon the file of this path.
fn minor_of(path: &str) -> Option<u32> {
    loops::upon(path).into_iter().find(|(_, found)| found == path).map(|(minor, _)| minor)
}
