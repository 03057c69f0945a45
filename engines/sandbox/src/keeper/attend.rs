//! What a keeper does for its machine while that runs, beside holding it: it attaches and detaches block devices, and
//! answers the calls by which the machine mounts them.
//!
//! The keeper itself never touches a path or the memory of the guest, and never opens a device: forks do, each for one
//! thing, so that whatever hangs hangs there, until its time is over.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::devices::{BUSY, Devices, Reach};
use super::mounting::Mounting;
use super::options::Flags;
use super::talk::{Answer, At, Failure, Order, say};
use crate::kernel::descriptors::{self, Ready};
use crate::kernel::notify::{self, Notice, Reply};
use crate::kernel::process::Exit;
use crate::kernel::{process, sockets};
use crate::limits::{
    CONVERSATIONS_MAX, DEVICE_MILLIS_MAX, DEVICES_MAX, LISTENERS_MAX, MOUNT_MILLIS_MAX, MOUNTS_AT_ONCE_MAX,
};
use crate::records::Folder;
use crate::spec::BlockDevice;

/// How often forks at work are looked after.
pub const LOOK_MILLIS: i32 = 500;

/// The longest order: a device's names and its path.
const ORDER_BYTES_MAX: usize = 16 << 10;

pub struct Attendant {
    folder: Folder,
    users: OwnedFd,
    pub devices: Devices,
    /// Where conversations begin.
    door: OwnedFd,
    /// Conversations whose order is still to come.
    talks: Vec<OwnedFd>,
    /// Where calls of the machine's processes come from: from its first process and what comes of it, and from each
    /// command that was executed in it.
    listeners: Vec<OwnedFd>,
    helpers: Vec<Helper>,
    /// Detachments that wait until mounts under way are done.
    detaching: Vec<(BlockDevice, bool, OwnedFd)>,
}

/// A fork at work.
struct Helper {
    pid: i32,
    work: Work,
    deadline: Instant,
}

enum Work {
    Answer { listener: OwnedFd, id: u64 },
    Attach { device: BlockDevice, talk: OwnedFd },
    Detach { device: BlockDevice, talk: OwnedFd },
}

impl Work {
    fn device(&self) -> Option<&BlockDevice> {
        match self {
            Self::Answer { .. } => None,
            Self::Attach { device, .. } | Self::Detach { device, .. } => Some(device),
        }
    }
}

/// An order that is done, to be answered once it is written down.
pub type Settled = (OwnedFd, Answer);

impl Attendant {
    pub fn new(folder: &Folder, users: &OwnedFd, devices: Devices) -> io::Result<Self> {
        Ok(Self {
            folder: folder.clone(),
            users: users.try_clone()?,
            devices,
            door: sockets::listen(&folder.talk())?,
            talks: Vec::new(),
            listeners: Vec::new(),
            helpers: Vec::new(),
            detaching: Vec::new(),
        })
    }

    /// Takes up a conversation that began otherwise than at the door.
    pub fn hear(&mut self, talk: OwnedFd) {
        self.talks.push(talk);
    }

    /// How long to wait at most, in milliseconds; negative is without end.
    pub fn patience(&self) -> i32 {
        if self.helpers.is_empty() { -1 } else { LOOK_MILLIS }
    }

    fn takes_conversations(&self) -> bool {
        self.talks.len() < CONVERSATIONS_MAX
    }

    /// While a device leaves, and while enough mounts are under way, the machine's calls wait.
    fn takes_calls(&self) -> bool {
        let leaving = self.helpers.iter().any(|helper| matches!(helper.work, Work::Detach { .. }));
        self.detaching.is_empty() && !leaving && self.helpers.len() < MOUNTS_AT_ONCE_MAX
    }

    /// What to wait for.
    pub fn watched(&self) -> Vec<BorrowedFd<'_>> {
        let door = self.takes_conversations().then_some(&self.door);
        let listeners = if self.takes_calls() { self.listeners.as_slice() } else { &[] };
        door.into_iter().chain(&self.talks).chain(listeners).map(AsFd::as_fd).collect()
    }

    /// Does what has come, given what was ready of [`Attendant::watched`].
    pub fn attend(&mut self, ready: &[Ready], first: i32) -> Vec<Settled> {
        let mut settled = Vec::new();
        let mut ready = ready.iter().copied();
        let mut came = || ready.next().is_some_and(Ready::any);
        let opened = self.takes_conversations() && came();
        let takes_calls = self.takes_calls();
        let (due, waiting) = std::mem::take(&mut self.talks).into_iter().partition(|_| came());
        self.talks = waiting;
        if takes_calls {
            self.take_calls(&mut ready, first);
        }
        let due: Vec<OwnedFd> = due;
        for talk in due {
            settled.extend(self.take_order(talk, first));
        }
        if opened && let Ok(talk) = sockets::accept(self.door.as_fd()) {
            self.talks.push(talk);
        }
        settled
    }

    fn take_calls(&mut self, ready: &mut dyn Iterator<Item = Ready>, first: i32) {
        for listener in std::mem::take(&mut self.listeners) {
            let ready = ready.next().unwrap_or(Ready { readable: false, closed: false });
            if ready.readable && self.takes_calls() {
                self.take_call(&listener, first);
            }
            // Closed: nobody is left who could call.
            if ready.readable || !ready.closed {
                self.listeners.push(listener);
            }
        }
    }

    fn take_call(&mut self, listener: &OwnedFd, first: i32) {
        let Ok(notice) = notify::receive(listener.as_fd()) else { return };
        let answer = |reply| notify::reply(listener.as_fd(), notice.id, reply).ok();
        if self.devices.list.is_empty() || is_usual(&notice) {
            answer(Reply::GoOn);
            return;
        }
        let Ok(kept) = listener.try_clone() else {
            answer(Reply::Refused(libc::ENOMEM));
            return;
        };
        let work = Work::Answer { listener: kept, id: notice.id };
        let begun = self.begin(work, MOUNT_MILLIS_MAX, |this| {
            Mounting { notice, listener, devices: &this.devices, reach: this.reach(first) }.answer()
        });
        if begun.is_err() {
            answer(Reply::Refused(libc::ENOMEM));
        }
    }

    fn reach(&self, first: i32) -> Reach<'_> {
        Reach { folder: &self.folder, users: &self.users, first }
    }

    fn take_order(&mut self, talk: OwnedFd, first: i32) -> Option<Settled> {
        let mut bytes = vec![0; ORDER_BYTES_MAX];
        let (length, carried) = descriptors::receive(talk.as_fd(), &mut bytes).ok()?;
        match serde_json::from_slice(&bytes[..length]).ok()? {
            Order::Listen => {
                if self.listeners.len() < LISTENERS_MAX {
                    self.listeners.extend(carried.into_iter().next());
                }
                None
            }
            Order::Attach { device } => self.attach(device, talk, first),
            Order::Detach { name, force } => self.detach(&name, force, talk, first),
        }
    }

    fn attach(&mut self, device: BlockDevice, talk: OwnedFd, first: i32) -> Option<Settled> {
        let refused = |talk: OwnedFd, cause: String| {
            let step = "attaching the block device";
            Some((talk, Answer::from(Failure { step, cause })))
        };
        if self.devices.list.contains(&device) {
            return Some((talk, Answer::Done));
        }
        let moving = self.helpers.iter().filter_map(|helper| helper.work.device());
        let mut others = self.devices.list.iter().chain(moving);
        if let Some(other) = others.find(|one| one.clashes_with(&device)) {
            let (name, major, minor) = (&other.name, other.major, other.minor);
            return refused(talk, format!("the machine has the device {major}:{minor} as {name:?}"));
        }
        if self.devices.list.len() >= DEVICES_MAX {
            return refused(talk, format!("a machine has {DEVICES_MAX} block devices at most"));
        }
        if let Err(error) = self.devices.admit(&device) {
            self.devices.withdraw(&device).ok();
            return refused(talk, error.to_string());
        }
        let Ok(kept) = talk.try_clone() else { return refused(talk, "no descriptor is left".to_owned()) };
        let work = Work::Attach { device: device.clone(), talk: kept };
        let begun = self.begin(work, DEVICE_MILLIS_MAX as u64, |this| {
            told(&talk, this.reach(first).show(&device).map(|()| 0))
        });
        if let Err(error) = begun {
            self.devices.withdraw(&device).ok();
            return refused(talk, error.to_string());
        }
        None
    }

    fn detach(&mut self, name: &str, force: bool, talk: OwnedFd, first: i32) -> Option<Settled> {
        let Some(device) = self.devices.list.iter().find(|one| one.name == name) else {
            return Some((talk, Answer::Done));
        };
        if self.devices.root.as_deref() == Some(name) {
            return Some((talk, Answer::Busy { device: name.to_owned() }));
        }
        self.detaching.push((device.clone(), force, talk));
        if force {
            for helper in self.helpers.iter().filter(|one| matches!(one.work, Work::Answer { .. })) {
                process::kill(helper.pid, libc::SIGKILL).ok();
            }
        }
        self.go_on(first);
        None
    }

    /// Begins the next detachment, if nothing is under way that could use the device meanwhile.
    fn go_on(&mut self, first: i32) {
        if !self.helpers.is_empty() || self.detaching.is_empty() {
            return;
        }
        let (device, force, talk) = self.detaching.remove(0);
        let Ok(kept) = talk.try_clone() else { return };
        let work = Work::Detach { device: device.clone(), talk: kept };
        let begun = self.begin(work, DEVICE_MILLIS_MAX as u64, |this| {
            told(&talk, this.reach(first).hide(&this.devices, &device, force))
        });
        if let Err(failure) = begun.at("detaching the block device") {
            say(&talk, &failure.into()).ok();
        }
    }

    fn begin(&mut self, work: Work, millis: u64, run: impl FnOnce(&Self) -> i32) -> io::Result<()> {
        let own = process::id();
        match process::fork()? {
            None => {
                process::set_name("fb-helper");
                process::leave(process::die_with_parent(own).map_or(1, |()| run(self)))
            }
            Some(pid) => {
                let deadline = Instant::now() + Duration::from_millis(millis);
                self.helpers.push(Helper { pid, work, deadline });
                Ok(())
            }
        }
    }

    /// A child of the keeper has ended.
    pub fn ended(&mut self, pid: i32, exit: Exit, first: i32) -> Option<Settled> {
        let index = self.helpers.iter().position(|helper| helper.pid == pid)?;
        let settled = match (self.helpers.swap_remove(index).work, exit) {
            (Work::Answer { .. }, Exit::Code(0)) => None,
            (Work::Answer { listener, id }, _) => {
                notify::reply(listener.as_fd(), id, Reply::Refused(libc::EIO)).ok();
                None
            }
            (Work::Attach { device, talk }, Exit::Code(0)) => {
                self.devices.list.push(device);
                Some((talk, Answer::Done))
            }
            (Work::Attach { device, talk }, exit) => {
                self.devices.withdraw(&device).ok();
                unless_told(talk, exit)
            }
            (Work::Detach { device, talk }, Exit::Code(0)) => {
                self.devices.list.retain(|one| *one != device);
                Some((talk, Answer::Done))
            }
            (Work::Detach { device, talk }, Exit::Code(BUSY)) => {
                Some((talk, Answer::Busy { device: device.name }))
            }
            (Work::Detach { talk, .. }, exit) => unless_told(talk, exit),
        };
        self.go_on(first);
        settled
    }

    /// Ends forks whose time is over. One that the kernel holds (a device that does not answer) stays until that lets go.
    pub fn look_after(&self) {
        let now = Instant::now();
        for helper in self.helpers.iter().filter(|helper| helper.deadline <= now) {
            process::kill(helper.pid, libc::SIGKILL).ok();
        }
    }

    /// The machine's processes have ended; it may be started again.
    pub fn reset(&mut self) {
        for helper in &self.helpers {
            process::kill(helper.pid, libc::SIGKILL).ok();
        }
        self.listeners.clear();
    }
}

/// Calls that cannot be about a block device, as far as can be seen without their process's memory.
fn is_usual(notice: &Notice) -> bool {
    let [_, _, kind, flags, ..] = notice.arguments;
    notice.call == libc::SYS_mount && (kind == 0 || Flags::of(flags).changes_sharing())
}

/// A failure is told by the fork itself.
fn told(talk: &OwnedFd, done: Result<i32, Failure>) -> i32 {
    done.unwrap_or_else(|failure| {
        say(talk, &failure.into()).ok();
        1
    })
}

fn unless_told(talk: OwnedFd, exit: Exit) -> Option<Settled> {
    let step = "changing the machine's block devices";
    let cause = "it took too long".to_owned();
    matches!(exit, Exit::Signal(_)).then(|| (talk, Failure { step, cause }.into()))
}
