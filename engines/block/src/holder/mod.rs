//! The holder: a process that does almost nothing, so that it does not die. It has the descriptors of all that is
//! served, and the daemon is its fork: when one is killed, the next finds every volume and every request as they were.
//!
//! It knows nothing of volumes. It keeps descriptors under names, and memory as long as they are kept; keys lie there.

mod task;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::daemon;
use crate::kernel::{descriptors, process};
use crate::limits::{MESSAGE_BYTES_MAX, RESTART_MILLIS_MAX};
use crate::talk::Place;
pub use task::{Failure, Task};

/// What a cloud's daemon is started with. It comes through the socket, since it has the key.
#[derive(Serialize, Deserialize)]
pub struct Start {
    pub folder: PathBuf,
    pub master_key: crate::store::Key,
}

/// Descriptors under a name.
pub struct Kept {
    pub name: String,
    pub carried: Vec<OwnedFd>,
}

/// From the daemon to the holder.
#[derive(Debug, Serialize, Deserialize)]
pub enum Errand {
    /// Carries descriptors.
    Keep(String),
    Forget(String),
    /// To be done by a process of its own. Carries where the answer goes, then what the task needs.
    Do(Task),
}

/// The daemon's end of the conversation with its holder.
pub struct Holder(OwnedFd);

impl Holder {
    pub fn keep(&self, name: &str, carried: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send(&Errand::Keep(name.to_owned()), carried)
    }

    pub fn forget(&self, name: &str) -> io::Result<()> {
        self.send(&Errand::Forget(name.to_owned()), &[])
    }

    /// Has something done with the kernel's view of a volume.
    pub fn work(&self, task: Task, carried: &[BorrowedFd<'_>]) -> Result<(), Failure> {
        let lost = |error: io::Error| Failure::Other(format!("the holder of the devices: {error}"));
        let (mut answer, to) = io::pipe().map_err(lost)?;
        let all: Vec<_> = [to.as_fd()].into_iter().chain(carried.iter().copied()).collect();
        self.send(&Errand::Do(task), &all).map_err(lost)?;
        drop(to);
        let mut bytes = Vec::new();
        answer.read_to_end(&mut bytes).map_err(lost)?;
        postcard::from_bytes(&bytes).unwrap_or_else(|_| Err(lost(ErrorKind::UnexpectedEof.into())))
    }

    fn send(&self, errand: &Errand, carried: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = postcard::to_stdvec(errand).map_err(io::Error::other)?;
        descriptors::send(self.0.as_fd(), &bytes, carried)
    }
}

/// How the first daemon's start went, as the one who started it all is told.
pub const READY: &[u8] = b"ready";

/// Runs the holder. The binary calls this before anything else when its first argument says so (the words of
/// [`crate::BlockSettings::arguments`]): no threads, no runtime. The rest comes through standard input.
pub fn holder_main(_arguments: impl IntoIterator<Item = String>) -> ! {
    process::leave(i32::from(hold().is_err()))
}

fn hold() -> io::Result<()> {
    descriptors::close_from(3);
    let talk = descriptors::take(0)?;
    std::env::set_current_dir("/")?;
    process::new_session();
    process::set_name("fb-block-holder");
    process::hide()?;
    process::set_umask(0o077);
    process::set_oom_score(-1000);
    process::raise_open_files();
    let mut bytes = Zeroizing::new(vec![0; MESSAGE_BYTES_MAX]);
    let (length, _) = descriptors::receive(talk.as_fd(), &mut bytes)?;
    let start: Start = postcard::from_bytes(&bytes[..length]).map_err(io::Error::other)?;
    let (lock, listener) = match prepare(&start) {
        Ok(both) => both,
        Err(error) => return say(&talk, &format!("{}: {error}", start.folder.display())).and(Err(error)),
    };
    let mut talk = Some(talk);
    let mut kept: Vec<Kept> = Vec::new();
    let mut deaths = 0;
    loop {
        let born = Instant::now();
        let (ours, theirs) = descriptors::pair()?;
        let Some(daemon) = process::fork()? else {
            drop(ours);
            let code = daemon::run(start, &listener, kept, Holder(theirs), talk);
            drop(lock);
            process::leave(code)
        };
        drop(theirs);
        drop(talk.take());
        attend(ours.as_fd(), &mut kept, &mut bytes);
        // Its descriptors are closed, and now it is gone with all its threads: nobody fills a slot any more.
        let content = process::wait(daemon)?;
        if kept.is_empty() || content {
            return Ok(());
        }
        deaths = if born.elapsed() < Duration::from_secs(1) { deaths + 1 } else { 0 };
        let pause = (1_u64 << deaths.min(20)).min(RESTART_MILLIS_MAX);
        std::thread::sleep(Duration::from_millis(pause));
    }
}

/// One daemon a cloud: whoever has the lock, or a fork of it.
fn prepare(start: &Start) -> io::Result<(File, UnixListener)> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(start.folder.join("holder.lock"))?;
    let began = Instant::now();
    // The one before us may be on its way out.
    while lock.try_lock().is_err() {
        if began.elapsed() > Duration::from_secs(5) {
            return Err(io::Error::other("another process serves this folder"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let place = Place::open(&start.folder)?;
    match fs::remove_file(place.socket()) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok((lock, UnixListener::bind(place.socket())?))
}

fn say(talk: &OwnedFd, text: &str) -> io::Result<()> {
    descriptors::send(talk.as_fd(), text.as_bytes(), &[])
}

/// Does the daemon's errands until it is gone.
fn attend(daemon: BorrowedFd<'_>, kept: &mut Vec<Kept>, bytes: &mut [u8]) {
    let mut working: Vec<i32> = Vec::new();
    while let Ok((length, carried)) = descriptors::receive(daemon, bytes) {
        if length == 0 {
            return;
        }
        match postcard::from_bytes(&bytes[..length]) {
            Ok(Errand::Keep(name)) => {
                kept.retain(|one| one.name != name);
                kept.push(Kept { name, carried });
            }
            Ok(Errand::Forget(name)) => kept.retain(|one| one.name != name),
            Ok(Errand::Do(task)) => match process::fork() {
                Ok(None) => {
                    // Whoever has a file system's requests keeps it alive; and this one may wait for it.
                    kept.clear();
                    task::work(&task, carried)
                }
                Ok(Some(worker)) => working.push(worker),
                // The closed pipe tells.
                Err(_) => {}
            },
            Err(_) => {}
        }
        working.retain(|worker| !process::has_ended(*worker));
    }
}
