//! One machine, running or ended.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Shared, in_background};
use crate::error::SandboxError;
use crate::exec::{self, Command, Output};
use crate::keeper::{Order, order, read_console};
use crate::kernel::{descriptors, process};
use crate::limits::{KILLED_MILLIS_MAX, RELEASE_MILLIS_MAX};
use crate::placement::Usage;
use crate::records::{Folder, How, Plan, State, Status};
use crate::spec::{BlockDevice, Kind};
use crate::sweep;

/// How often a reboot is looked for.
const LOOK_MICROS: u32 = 10_000;

/// A machine. Copies are the same machine.
#[derive(Clone)]
pub struct Machine {
    shared: Arc<Shared>,
    id: String,
}

impl Machine {
    pub(crate) fn new(shared: Arc<Shared>, id: String) -> Self {
        Self { shared, id }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    fn folder(&self) -> Folder {
        self.shared.folder(&self.id)
    }

    fn status(&self) -> Result<Status, SandboxError> {
        self.folder().read_status().map_err(|_| SandboxError::Unknown(self.id.clone()))
    }

    /// Running, or how it ended. Read anew from what its keeper wrote, and from the kernel.
    pub fn state(&self) -> Result<State, SandboxError> {
        let status = self.status()?;
        Ok(match status.ended {
            Some(how) => State::Ended(how),
            None if status.keeper.open().is_some() => State::Running { boots: status.boots },
            // It may have told its end in between.
            None => State::Ended(self.status()?.ended.unwrap_or(How::Lost)),
        })
    }

    pub fn is_running(&self) -> bool {
        matches!(self.state(), Ok(State::Running { .. }))
    }

    /// Processes that were killed because the machine's memory was used up, since its launch.
    pub fn oom_kills(&self) -> u64 {
        let told = self.status().map_or(0, |status| status.oom_kills);
        self.folder().read_plan().map_or(0, |plan| plan.placement.oom_kills()).max(told)
    }

    /// What it uses now; zeroes after its end.
    pub fn usage(&self) -> Usage {
        self.folder().read_plan().map(|plan| plan.placement.usage()).unwrap_or_default()
    }

    /// Process 1 of the machine as the host sees it, while it runs.
    pub fn first_process(&self) -> Option<i32> {
        let init = self.status().ok()?.init?;
        init.open().map(|_| init.pid)
    }

    /// The last 64 KiB of the console, also after the end.
    pub fn console(&self) -> Result<Vec<u8>, SandboxError> {
        read_console(&self.folder()).map_err(|error| SandboxError::io("the console", error))
    }

    /// Where the files lie that the machine changed.
    pub fn upper_layer(&self) -> Result<PathBuf, SandboxError> {
        let spec = self.plan()?.spec;
        match spec.root_device {
            None => Ok(crate::spec::upper_layer(&spec.upper)),
            Some(_) => Err(SandboxError::spec("the machine's root is a block device, which has no layers")),
        }
    }

    /// The block device that its root file system is on, if it was launched with one. When the machine's end has been
    /// told, all that it wrote is on the device, and nobody here has that open.
    pub fn root_device(&self) -> Result<Option<BlockDevice>, SandboxError> {
        self.plan().map(|plan| plan.spec.root_device)
    }

    fn plan(&self) -> Result<Plan, SandboxError> {
        self.folder().read_plan().map_err(|_| SandboxError::Unknown(self.id.clone()))
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Result<How, SandboxError> {
        let this = self.clone();
        in_background(move || this.wait_now(-1)).await
    }

    /// Asks it to power off, and kills it when the grace is over.
    pub async fn stop(&self, grace: Duration) -> Result<How, SandboxError> {
        let this = self.clone();
        in_background(move || {
            let plan = this.plan()?;
            if this.tell_first(plan.spec.kind.stop_signal())? && this.is_over_within(millis(grace))? {
                return this.wait_now(KILLED_MILLIS_MAX);
            }
            this.kill_now()
        })
        .await
    }

    /// Ends it at once. What it wrote to a root device before is kept.
    pub async fn kill(&self) -> Result<How, SandboxError> {
        let this = self.clone();
        in_background(move || this.kill_now()).await
    }

    /// Asks it to reboot, and resets it when the grace is over, as EC2 does after four minutes. Answers with the number
    /// of its start.
    pub async fn reboot(&self, grace: Duration) -> Result<u32, SandboxError> {
        let this = self.clone();
        in_background(move || {
            let (plan, before) = (this.plan()?, this.status()?.boots);
            if let Some(signal) = plan.spec.kind.reboot_signal()
                && this.tell_first(signal)?
                && let Some(boots) = this.boots_beyond(before, grace)?
            {
                return Ok(boots);
            }
            let keeper = this.keeper().ok_or_else(|| SandboxError::HasEnded(this.id.clone()))?;
            process::signal(keeper.as_fd(), libc::SIGUSR1)
                .map_err(|error| SandboxError::io("resetting the machine", error))?;
            let limit = Duration::from_millis(KILLED_MILLIS_MAX as u64);
            this.boots_beyond(before, limit)?
                .ok_or_else(|| SandboxError::KeeperLost("it did not start the machine again".to_owned()))
        })
        .await
    }

    /// Executes a command in the machine.
    pub async fn exec(&self, command: Command) -> Result<Output, SandboxError> {
        let this = self.clone();
        in_background(move || {
            if !this.is_running() {
                return Err(SandboxError::HasEnded(this.id.clone()));
            }
            exec::execute(&this.shared.nursery, &this.folder(), command)
        })
        .await
    }

    /// The block devices that it has, in the order in which they came; none after its end.
    pub fn devices(&self) -> Result<Vec<BlockDevice>, SandboxError> {
        self.status().map(|status| status.devices)
    }

    /// Gives it a block device while it runs; it keeps that over reboots and over restarts of this process, until it is
    /// detached or the machine ends. One that it has already is left as it is.
    pub async fn attach_device(&self, device: BlockDevice) -> Result<(), SandboxError> {
        device.check()?;
        let this = self.clone();
        in_background(move || match this.is_running() {
            true if this.plan()?.spec.kind == Kind::Process => {
                Err(SandboxError::spec("a single program has no block devices"))
            }
            true => order(&this.folder(), &Order::Attach { device }),
            false => Err(SandboxError::HasEnded(this.id.clone())),
        })
        .await
    }

    /// Takes the block device of that name away. One that is mounted in the machine is [`SandboxError::Busy`], unless
    /// `force` says to tear it out: its mounts are detached, and processes that hold its files go on with them until the
    /// device itself fails them. When this answers, nobody in the machine can open it any more; who has it open keeps
    /// that. A device that it does not have, and a machine that has ended, are as wanted already.
    pub async fn detach_device(&self, name: &str, force: bool) -> Result<(), SandboxError> {
        let (this, name) = (self.clone(), name.to_owned());
        in_background(move || match this.is_running() {
            true if this.devices()?.iter().any(|device| device.name == name) => {
                order(&this.folder(), &Order::Detach { name, force })
            }
            _ => Ok(()),
        })
        .await
    }

    fn keeper(&self) -> Option<OwnedFd> {
        self.status().ok()?.keeper.open()
    }

    /// Sends a signal to process 1; false if it is gone.
    fn tell_first(&self, signal: i32) -> Result<bool, SandboxError> {
        let Some(first) = self.status()?.init.and_then(|init| init.open()) else { return Ok(false) };
        Ok(process::signal(first.as_fd(), signal).is_ok())
    }

    fn is_over_within(&self, millis: i32) -> Result<bool, SandboxError> {
        let Some(keeper) = self.keeper() else { return Ok(true) };
        let over = descriptors::wait_readable(&[keeper.as_fd()], millis)
            .map_err(|error| SandboxError::io("waiting for the machine", error))?;
        Ok(over == [true])
    }

    fn wait_now(&self, millis: i32) -> Result<How, SandboxError> {
        while !self.is_over_within(millis)? {
            if millis >= 0 {
                return Err(SandboxError::KeeperLost("it does not end".to_owned()));
            }
        }
        match self.state()? {
            State::Ended(how) => Ok(how),
            State::Running { .. } => Err(SandboxError::KeeperLost("it ended and runs".to_owned())),
        }
    }

    fn kill_now(&self) -> Result<How, SandboxError> {
        if let Some(keeper) = self.keeper() {
            process::signal(keeper.as_fd(), libc::SIGTERM)
                .map_err(|error| SandboxError::io("killing the machine", error))?;
        }
        let on_device = self.root_device().is_ok_and(|device| device.is_some());
        let millis = if on_device { KILLED_MILLIS_MAX + RELEASE_MILLIS_MAX } else { KILLED_MILLIS_MAX };
        if !self.is_over_within(millis)? {
            // A keeper that does not hear (somebody stopped it) goes too; its first process dies with it.
            if let Some(keeper) = self.keeper() {
                process::signal(keeper.as_fd(), libc::SIGKILL).ok();
            }
            self.is_over_within(KILLED_MILLIS_MAX)?;
            sweep::settle(&self.folder(), &self.id);
        }
        self.wait_now(KILLED_MILLIS_MAX)
    }

    /// The number of a later start, should there be one in time.
    fn boots_beyond(&self, before: u32, limit: Duration) -> Result<Option<u32>, SandboxError> {
        let looks = limit.as_micros() / u128::from(LOOK_MICROS);
        for _ in 0..=looks {
            match self.state()? {
                State::Running { boots } if boots > before => return Ok(Some(boots)),
                State::Running { .. } => process::nap(LOOK_MICROS),
                State::Ended(_) => return Err(SandboxError::HasEnded(self.id.clone())),
            }
        }
        Ok(None)
    }
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
