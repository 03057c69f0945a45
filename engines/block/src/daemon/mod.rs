//! The daemon: the one process of a cloud that has the store open. It answers clients, and the kernel for the volumes
//! that are served. It is a fork of its [holder](crate::holder), which starts another when it dies.

mod bucket;
mod control;
mod copying;
mod events;
mod fuse;
mod served;
mod slots;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::BlockError;
use crate::holder::{Holder, Kept, READY, Start};
use crate::kernel::{descriptors, loops, process};
use crate::limits::{CONVERSATIONS_MAX, IDLE_SECONDS_MAX, LOOK_MILLIS, OPEN_RETRY_MILLIS};
use crate::store::{Settings, Store};
use bucket::Bucket;
use copying::Copying;
use events::Events;
use served::Served;
use slots::Slot;
use work::Worked;

struct Daemon {
    store: Store,
    holder: Holder,
    events: Arc<Events>,
    copying: Arc<Copying>,
    served: Mutex<BTreeMap<String, Arc<Served>>>,
    /// Held by whoever answers; true when nothing is answered any more, since the process ends.
    stopping: RwLock<bool>,
    /// Those who ask, or watch.
    conversations: Arc<AtomicUsize>,
    /// One change of a volume at a time.
    locks: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
    /// What the paths of the files under this cloud's loop devices begin with.
    prefix: String,
}

/// Runs the daemon until it is told to stop. `talk` hears how the first start went.
pub fn run(
    start: Start,
    listener: &UnixListener,
    kept: Vec<Kept>,
    holder: Holder,
    talk: Option<OwnedFd>,
) -> i32 {
    process::set_name("fb-block-daemon");
    process::set_oom_score(-900);
    process::serves_writers();
    let said = |text: &[u8]| {
        if let Some(talk) = &talk {
            descriptors::send(talk.as_fd(), text, &[]).ok();
        }
    };
    let folder = File::open(&start.folder).ok();
    let daemon = match Daemon::open(start, holder) {
        Ok(daemon) => Arc::new(daemon),
        Err(error) => {
            said(error.to_string().as_bytes());
            return 1;
        }
    };
    daemon.adopt(kept);
    daemon.sweep();
    if let Some(folder) = folder {
        let daemon = daemon.clone();
        std::thread::spawn(move || daemon.end_unneeded(&folder));
    }
    said(READY);
    drop(talk);
    daemon.listen(listener);
    0
}

/// What the paths of the files under a cloud's loop devices begin with: its folder, as the kernel knows it.
pub fn prefix_of(folder: &Path) -> std::io::Result<String> {
    let facts = std::fs::metadata(folder)?;
    Ok(format!("/fogbank-{:x}.{:x}-", facts.dev(), facts.ino()))
}

/// The loop devices in use that are of the disks in this folder.
pub fn devices_of(folder: &Path) -> std::io::Result<Vec<u32>> {
    Ok(loops::upon(&prefix_of(folder)?).into_iter().map(|(minor, _)| minor).collect())
}

impl Daemon {
    fn open(start: Start, holder: Holder) -> Result<Self, BlockError> {
        let prefix = prefix_of(&start.folder).map_err(|error| BlockError::io("the folder", error))?;
        let store = Store::open(&start.folder, Settings { master: start.master_key, boot: None })?;
        let events = Arc::new(Events::default());
        let copying = Arc::new(Copying::default());
        copying.start(&store, &events).map_err(|error| BlockError::io("starting a thread", error))?;
        Ok(Self {
            store,
            holder,
            events,
            copying,
            served: Mutex::default(),
            stopping: RwLock::new(false),
            conversations: Arc::default(),
            locks: Mutex::default(),
            prefix,
        })
    }

    /// The path of a volume's file, by which its device is known.
    fn path_of(&self, facts: &slots::Facts) -> String {
        format!("{}{}-{}", self.prefix, facts.time, facts.volume)
    }

    /// Takes up what the daemon before this one served.
    fn adopt(self: &Arc<Self>, kept: Vec<Kept>) {
        for one in kept {
            let name = one.name.clone();
            let worked = |facts: &slots::Facts| {
                Worked::new(&facts.volume, Bucket::new(facts.pace), None, self.events.clone())
            };
            match Served::adopt(one, |facts| self.path_of(facts), worked) {
                Ok(Some((served, slots))) => {
                    self.served.lock().insert(name, served.clone());
                    self.resume(served, slots);
                }
                // It had no device yet, or has none any more: nobody uses it.
                _ => {
                    self.holder.forget(&name).ok();
                }
            }
        }
    }

    /// Opens the volume and goes on where the last daemon was, in a thread of its own: a full disk, or one that does
    /// not answer, stops no other volume.
    fn resume(self: &Arc<Self>, served: Arc<Served>, slots: Vec<Slot>) {
        let daemon = self.clone();
        std::thread::spawn(move || {
            let facts = served.facts();
            loop {
                if served.worked.has_given_up() {
                    return;
                }
                match daemon.store.open_volume(&facts.volume, facts.key.as_ref()) {
                    Ok(volume) => {
                        for snapshot in volume.pending() {
                            daemon.copying.add(&snapshot, volume.clone());
                        }
                        if let Err(error) = served.resume(volume, slots) {
                            let cause = error.to_string();
                            daemon.events.tell(crate::Event::Failed { volume: facts.volume, cause });
                        }
                        return;
                    }
                    Err(error) => daemon.events.failed(&facts.volume, error),
                }
                std::thread::sleep(Duration::from_millis(OPEN_RETRY_MILLIS));
            }
        });
    }

    /// Ends this process when nobody needs it any more: whoever rules the cloud was killed and did not come back, and
    /// nothing is served or copied; or the folder was deleted, and with it all that is served.
    fn end_unneeded(&self, folder: &File) {
        let mut needed = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(LOOK_MILLIS));
            if folder.metadata().is_ok_and(|facts| facts.nlink() == 0) {
                self.leave_all();
                process::leave(0);
            }
            if self.conversations.load(Ordering::SeqCst) > 0 {
                needed = Instant::now();
            }
            if needed.elapsed() > Duration::from_secs(IDLE_SECONDS_MAX) {
                match self.stop() {
                    Ok(()) => process::leave(0),
                    // Something is served, or copied.
                    Err(_) => needed = Instant::now(),
                }
            }
        }
    }

    /// Takes all devices away, whoever uses them.
    fn leave_all(&self) {
        let served: Vec<Arc<Served>> = self.served.lock().values().cloned().collect();
        for one in served {
            one.leave(true, &self.holder).ok();
        }
    }

    /// Frees loop devices of this cloud that lead nowhere, since holder and daemon were killed both.
    fn sweep(&self) {
        let served = self.served.lock();
        let kept: BTreeSet<String> = served.values().map(|one| self.path_of(&one.facts())).collect();
        for (minor, path) in loops::upon(&self.prefix) {
            if !kept.contains(&path)
                && let Ok(device) = loops::open(minor, false)
            {
                loops::clear(&device).ok();
            }
        }
    }

    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            let trusted = descriptors::peer_user(stream.as_fd()).is_ok_and(|user| user == process::user());
            if !trusted || self.conversations.load(Ordering::SeqCst) >= CONVERSATIONS_MAX {
                continue;
            }
            self.conversations.fetch_add(1, Ordering::SeqCst);
            let daemon = self.clone();
            std::thread::spawn(move || {
                daemon.converse(&stream).ok();
                daemon.conversations.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    fn lock_of(&self, volume: &str) -> Arc<Mutex<()>> {
        self.locks.lock().entry(volume.to_owned()).or_default().clone()
    }

    fn find(&self, volume: &str) -> Option<Arc<Served>> {
        self.served.lock().get(volume).cloned()
    }
}
