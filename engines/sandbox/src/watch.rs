//! One thread that waits for the ends of all machines.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::SandboxError;
use crate::kernel::{descriptors, process};
use crate::limits::KILLED_MILLIS_MAX;
use crate::ranges::Ranges;
use crate::records::{Folder, Over};
use crate::sweep;

/// One machine to wait for.
pub struct Watched {
    pub id: String,
    pub folder: PathBuf,
    pub keeper: OwnedFd,
}

/// Lets the thread know of machines. The thread ends with it.
pub struct Watch {
    machines: Sender<Watched>,
    wake: std::fs::File,
    /// Machines whose ends are still to be settled.
    unsettled: Arc<Mutex<BTreeSet<String>>>,
}

impl Watch {
    /// `ends` receives each end once: as many at most as there are machines.
    pub fn start(ends: UnboundedSender<Over>, ranges: Arc<Ranges>) -> Result<Self, SandboxError> {
        let failed = |error| SandboxError::io("watching machines", error);
        let (sleeper, wake) = descriptors::pipe().map_err(failed)?;
        let (machines, arriving) = channel();
        let unsettled = Arc::<Mutex<BTreeSet<String>>>::default();
        let held = unsettled.clone();
        thread::Builder::new()
            .name("sandbox-watch".to_owned())
            .spawn(move || run(&arriving, sleeper, &Settling { ends, ranges, held }))
            .map_err(failed)?;
        Ok(Self { machines, wake: wake.into(), unsettled })
    }

    /// Waits until an end that has come is settled, so that a new machine of that id is not taken for the old one.
    pub fn await_settled(&self, id: &str) {
        for _ in 0..KILLED_MILLIS_MAX {
            if !self.unsettled.lock().contains(id) {
                return;
            }
            process::nap(1_000);
        }
    }

    pub fn add(&self, machine: Watched) {
        self.unsettled.lock().insert(machine.id.clone());
        self.machines.send(machine).ok();
        (&self.wake).write_all(b"w").ok();
    }
}

/// What the thread needs to settle an end.
struct Settling {
    ends: UnboundedSender<Over>,
    ranges: Arc<Ranges>,
    held: Arc<Mutex<BTreeSet<String>>>,
}

impl Settling {
    fn settle(&self, machine: Watched) {
        let told = sweep::settle(&Folder(machine.folder), &machine.id);
        self.ranges.give_back(&sweep::holder(&machine.id));
        if let Some(over) = told {
            self.ends.send(over).ok();
        }
        self.held.lock().remove(&machine.id);
    }
}

fn run(arriving: &Receiver<Watched>, sleeper: OwnedFd, settling: &Settling) {
    let mut sleeper = std::fs::File::from(sleeper);
    let mut watched: Vec<Watched> = Vec::new();
    loop {
        let fds: Vec<_> =
            [sleeper.as_fd()].into_iter().chain(watched.iter().map(|one| one.keeper.as_fd())).collect();
        let Ok(ready) = descriptors::wait_readable(&fds, -1) else { return };
        let mut over = ready[1..].iter();
        let (ended, living) = watched.into_iter().partition(|_| over.next() == Some(&true));
        watched = living;
        ended.into_iter().for_each(|machine| settling.settle(machine));
        if ready[0] {
            // Zero bytes: the other end is closed.
            if sleeper.read(&mut [0; 64]).unwrap_or(0) == 0 {
                return;
            }
            watched.extend(arriving.try_iter());
        }
    }
}
