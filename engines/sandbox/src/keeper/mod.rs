//! The processes beside this one: the nursery, which is this program started again, and its forks: keepers, one a
//! machine, and agents that execute a command in a machine.
//!
//! A fork instead of a start for each machine: the binary is large, and a start costs megabytes of relocated pages,
//! which forks share.

mod agent;
mod attend;
pub mod checking;
mod console;
mod devices;
mod guest;
mod keep;
mod listed;
mod mounting;
mod namespaces;
mod options;
mod root;
mod root_device;
mod shown;
mod superblock;
mod talk;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

pub use console::read as read_console;
pub use talk::{Answer, GO, Job, Order, Request, hear, order};

use crate::kernel::{descriptors, process};
use crate::limits::MESSAGE_BYTES_MAX;

/// Runs the nursery. The binary calls this before anything else when its first argument says so (the words of
/// [`crate::Settings::arguments`]), with the arguments after those: no threads, no runtime.
pub fn keeper_main(arguments: impl IntoIterator<Item = String>) -> ! {
    let steps = Steps::from_arguments(arguments);
    let code = match nursery(&steps) {
        Ok(()) => 0,
        Err(_) => 1,
    };
    process::leave(code)
}

/// The steps of a launch, for tests that let the keeper die at one of them.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    crash_at: Option<String>,
}

impl Steps {
    /// `--crash-at=<step>` is for tests alone.
    fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Self {
        let prefix = "--crash-at=";
        let crash_at = arguments.into_iter().find_map(|word| Some(word.strip_prefix(prefix)?.to_owned()));
        Self { crash_at }
    }

    /// Says that this step begins, and dies here if a test wants so.
    pub fn begin(&self, step: &'static str) -> &'static str {
        if self.crash_at.as_deref() == Some(step) {
            process::kill(process::id(), libc::SIGKILL).ok();
            process::leave(1);
        }
        step
    }
}

/// Takes jobs until the other end of the conversation, standard input, is closed.
fn nursery(steps: &Steps) -> io::Result<()> {
    descriptors::close_from(3);
    let talk = descriptors::take(0)?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    descriptors::place(null.as_fd(), 1)?;
    descriptors::place(null.as_fd(), 2)?;
    drop(null);
    std::env::set_current_dir("/")?;
    process::new_session();
    process::set_name("fb-nursery");
    process::hide()?;
    process::set_umask(0o022);
    process::set_oom_score(-900);
    process::forget_children();
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let (length, carried) = descriptors::receive(talk.as_fd(), &mut bytes)?;
        if length == 0 {
            return Ok(());
        }
        let Ok(job) = serde_json::from_slice(&bytes[..length]) else { continue };
        if process::fork()?.is_none() {
            drop(talk);
            drop(bytes);
            work(job, carried, steps);
        }
    }
}

/// What a fork of the nursery is for.
fn work(job: Job, carried: Vec<OwnedFd>, steps: &Steps) -> ! {
    let mut carried = carried.into_iter();
    let Some(talk) = carried.next() else { process::leave(2) };
    match job {
        Job::Keep { folder } => keep::keep(folder, talk, steps.clone()),
        Job::Execute(request) => agent::execute(&request, talk, carried.collect()),
        Job::Network { at, first_user_id } => agent::make_network(&at, first_user_id, talk),
    }
}
