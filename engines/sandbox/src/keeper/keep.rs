//! The keeper: sets one machine up, starts it, holds its console, starts it again when it reboots, and clears up behind
//! it. It needs nobody, and nobody else's end ends it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Steps;
use super::attend::{Attendant, Settled};
use super::console::Console;
use super::devices::Devices;
use super::guest::{Guest, await_word};
use super::namespaces::{self, Namespaces};
use super::root;
use super::root_device::{self, Claim, RootDevice};
use super::shown;
use super::talk::{Answer, At, Failure, GO, say};
use crate::kernel::process::Exit;
use crate::kernel::{descriptors, mounts, process};
use crate::limits::{CONSOLE_READ_BYTES, LAUNCH_MILLIS_MAX, MEMORY_SHOWN_MILLIS};
use crate::records::{Folder, How, Plan, ProcessId, Status};
use crate::spec::{File as Injected, Kind};

/// A machine that ends sooner than this after its start waits before it is started again.
const BOOT_PAUSE_MICROS: u32 = 500_000;

/// What a first process says when all is done but its program.
const WAITING: &str = "waiting";

struct Keeper {
    folder: Folder,
    plan: Plan,
    namespaces: Namespaces,
    console: Console,
    attendant: Attendant,
    signals: OwnedFd,
    status: Status,
    steps: Steps,
    /// To the root's device, until this process ends.
    _claim: Option<Claim>,
}

/// A first process that waits to be told to go on.
struct Waiting {
    pid: i32,
    /// One byte lets it go on; closed, it ends.
    word: File,
    /// Its complaint, or nothing when it has become the first program.
    complaint: BufReader<File>,
}

/// Keeps the machine whose plan lies in the folder, from its launch to its end.
pub fn keep(folder: PathBuf, talk: OwnedFd, steps: Steps) -> ! {
    let folder = Folder(folder);
    let plan = match folder.read_plan().at("reading the plan") {
        Ok(plan) => plan,
        Err(failure) => {
            say(&talk, &failure.into()).ok();
            process::leave(1)
        }
    };
    let placement = plan.placement.clone();
    let launched = Keeper::prepare(folder.clone(), plan, steps).and_then(|mut keeper| {
        keeper.launch(&talk)?;
        Ok(keeper)
    });
    match launched {
        Ok(mut keeper) => {
            say(&talk, &Answer::Done).ok();
            drop(talk);
            keeper.watch();
            process::leave(0)
        }
        Err(failure) => {
            placement.kill();
            placement.remove();
            unmount(&folder);
            folder.erase();
            say(&talk, &failure.into()).ok();
            process::leave(1)
        }
    }
}

/// So that the folders can be removed; the mounts themselves go with this process.
fn unmount(folder: &Folder) {
    for place in [folder.root(), folder.sys(), folder.devices()] {
        mounts::detach(&place).ok();
    }
    for above in [folder.layers(), folder.binds()] {
        for entry in std::fs::read_dir(above).into_iter().flatten().flatten() {
            mounts::detach(&entry.path()).ok();
        }
    }
}

impl Keeper {
    fn prepare(folder: Folder, plan: Plan, steps: Steps) -> Result<Self, Failure> {
        let step = steps.begin("keeper");
        process::new_session();
        process::set_name("fb-keeper");
        let signals = process::signal_descriptor(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGUSR1]).at(step)?;
        let keeper = ProcessId::of(process::id()).at(step)?;
        let mut status =
            Status { keeper, init: None, boots: 0, oom_kills: 0, ended: None, devices: Vec::new() };
        folder.write_status(&status).at(step)?;
        process::unshare(libc::CLONE_NEWNS).at(step)?;
        mounts::make_slave().at(step)?;

        let step = steps.begin("namespaces");
        let namespaces = match &plan.spec.network {
            Some(path) => namespaces::join(path, plan.first_user_id).at(step)?,
            None => namespaces::create(plan.first_user_id).at(step)?,
        };
        process::enter(namespaces.network.as_fd(), libc::CLONE_NEWNET).at(step)?;
        namespaces::open_low_ports(&namespaces.users, namespaces.first_user_id).at(step)?;

        let step = steps.begin("limits");
        plan.placement.make(plan.spec.kind, &plan.spec.limits, namespaces.first_user_id).at(step)?;
        shown::write(&folder, &plan.spec).at(step)?;
        let step = steps.begin("devices");
        let owner = namespaces.first_user_id;
        let mut devices = Devices::prepare(&folder, &plan.placement, owner, &plan.spec).at(step)?;
        let step = steps.begin("root device");
        let claim = match &plan.spec.root_device {
            None => None,
            Some(device) => {
                root::make_folders(&folder).at(step)?;
                let (placement, users) = (&plan.placement, &namespaces.users);
                let claim = RootDevice { folder: &folder, placement, users, owner, device }.mount()?;
                if !plan.spec.kind.is_system() {
                    devices.conceal(device).at(step)?;
                }
                Some(claim)
            }
        };
        root::build(&folder, &plan.spec, &namespaces, &steps)?;

        let step = steps.begin("attendant");
        status.devices.clone_from(&devices.list);
        let attendant = Attendant::new(&folder, &namespaces.users, devices).at(step)?;
        if plan.spec.kind.is_system() {
            shown::write_partitions(&folder, &status.devices);
        }
        let step = steps.begin("console");
        let console = Console::open(&folder, plan.spec.kind, namespaces.first_user_id).at(step)?;
        Ok(Self { folder, plan, namespaces, console, attendant, signals, status, steps, _claim: claim })
    }

    /// The first start, which this machine's launcher must want to the end: if it is gone before it says "go", nothing
    /// was launched.
    fn launch(&mut self, talk: &OwnedFd) -> Result<(), Failure> {
        let files = self.folder.take_files().at("reading the files to inject")?;
        let waiting = self.begin_boot(&files)?;
        let step = self.steps.begin("ready");
        say(talk, &Answer::Ready).at(step)?;
        if descriptors::wait_readable(&[talk.as_fd()], LAUNCH_MILLIS_MAX).at(step)? == [false] {
            return Err(Failure { step, cause: "no word to go on".to_owned() });
        }
        let mut word = [0; 8];
        let (length, _) = descriptors::receive(talk.as_fd(), &mut word).at(step)?;
        if &word[..length] != GO {
            return Err(Failure { step, cause: "the launcher is gone".to_owned() });
        }
        let step = self.steps.begin("go");
        self.finish_boot(waiting)?;
        self.steps.begin(step);
        Ok(())
    }

    /// A first process in namespaces of its own, everything done but its program.
    fn begin_boot(&mut self, files: &[Injected]) -> Result<Waiting, Failure> {
        let step = self.steps.begin("first process");
        let (ours, calls) = descriptors::pair().at(step)?;
        let (hear, word) = descriptors::pipe().at(step)?;
        let (complaint, complain) = descriptors::pipe().at(step)?;
        let own = process::id();
        match process::fork().at(step)? {
            None => {
                drop((word, complaint));
                drop(ours);
                self.become_first(own, files, File::from(hear), &calls, &mut File::from(complain))
            }
            Some(between) => {
                drop((hear, complain, calls));
                self.attendant.hear(ours);
                let mut complaint = BufReader::new(File::from(complaint));
                let pid = heard_both(&mut complaint);
                process::wait(between).at(step)?;
                let pid = pid?;
                Ok(Waiting { pid, word: File::from(word), complaint })
            }
        }
    }

    /// In the fork: joins the control groups as the host's root, then becomes somebody in the user namespace only, then
    /// makes process 1 as a child of the keeper.
    fn become_first(
        &self,
        keeper: i32,
        files: &[Injected],
        mut word: File,
        calls: &OwnedFd,
        complain: &mut File,
    ) -> ! {
        let others = libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWCGROUP;
        let step = "entering the namespaces";
        // Keepers are spared when memory runs out, machines are not.
        process::set_oom_score(0);
        if let Some(count) = shown::processors(&self.plan.spec) {
            process::use_processors(count, &self.plan.spec.id);
        }
        let separated = process::die_with_parent(keeper)
            .and_then(|()| self.plan.placement.join())
            .and_then(|()| process::enter(self.namespaces.users.as_fd(), libc::CLONE_NEWUSER))
            .and_then(|()| process::unshare(others))
            .and_then(|()| process::fork_sibling())
            .at(step);
        match separated {
            Err(failure) => complain_and_leave(complain, &failure),
            Ok(Some(first)) => {
                tell(complain, &first.to_string());
                process::leave(0)
            }
            Ok(None) => {}
        }
        let guest = Guest {
            folder: &self.folder,
            spec: &self.plan.spec,
            files,
            devices: &self.attendant.devices.list,
            terminal: self.console.terminal.as_deref(),
        };
        let entered = process::die_with_parent(0).at(step).and_then(|()| guest.enter());
        if let Err(failure) = entered {
            complain_and_leave(complain, &failure);
        }
        tell(complain, WAITING);
        await_word(&mut word);
        let console = self.console.writer.try_clone().at("the console");
        let failure = match console {
            Ok(console) => guest.start(console, &word, calls),
            Err(failure) => failure,
        };
        complain_and_leave(complain, &failure)
    }

    /// Lets a first process go on, and makes sure that it became the machine's first program.
    fn finish_boot(&mut self, mut waiting: Waiting) -> Result<(), Failure> {
        let step = "starting the machine";
        let started = (|| {
            self.status.init = Some(ProcessId::of(waiting.pid).at(step)?);
            self.status.boots += 1;
            self.folder.write_status(&self.status).at(step)?;
            waiting.word.write_all(b"g").at(step)?;
            match heard(&mut waiting.complaint) {
                // The end of the pipe: it was closed when the program was executed.
                Err(failure) if failure.cause.is_empty() => Ok(()),
                Err(failure) => Err(failure),
                Ok(other) => Err(Failure { step, cause: other }),
            }
        })();
        if started.is_err() {
            process::kill(waiting.pid, libc::SIGKILL).ok();
            process::wait(waiting.pid).ok();
        }
        started
    }

    /// Holds the machine until it ends.
    fn watch(&mut self) {
        let how = loop {
            let how = self.hold();
            if how.is_some() {
                break how;
            }
            let again = self.begin_boot(&[]).and_then(|waiting| self.finish_boot(waiting));
            if let Err(failure) = again {
                let text =
                    format!("\r\nthe machine did not start again: {}: {}\r\n", failure.step, failure.cause);
                self.console.keep(text.as_bytes()).ok();
                break None;
            }
        };
        let placement = &self.plan.placement;
        self.status.oom_kills = placement.oom_kills();
        placement.kill();
        if let Some(device) = &self.plan.spec.root_device {
            root_device::release(&self.folder, device);
        }
        placement.remove();
        self.status.ended = Some(how.unwrap_or(How::Exited(255)));
        self.status.init = None;
        self.status.devices.clear();
        self.folder.write_status(&self.status).ok();
    }

    /// Brings up to date what the machine sees of its own size.
    fn show(&self) {
        shown::update(&self.folder, &self.plan.spec, self.plan.placement.memory());
        if !self.status.devices.is_empty() {
            shown::write_partitions(&self.folder, &self.status.devices);
        }
    }

    /// How long the keeper sleeps at most; negative is without end.
    fn patience(&self) -> i32 {
        let shows = self.plan.spec.limits.memory_bytes > 0;
        [if shows { MEMORY_SHOWN_MILLIS } else { -1 }, self.attendant.patience()]
            .into_iter()
            .filter(|millis| *millis >= 0)
            .min()
            .unwrap_or(-1)
    }

    /// Answers orders that are done, after what they changed is written down.
    fn tell_settled(&mut self, settled: impl IntoIterator<Item = Settled>) {
        for (talk, answer) in settled {
            let mut answer = answer;
            if self.status.devices != self.attendant.devices.list {
                self.status.devices.clone_from(&self.attendant.devices.list);
                shown::write_partitions(&self.folder, &self.status.devices);
                if let Err(failure) = self.folder.write_status(&self.status).at("writing the status") {
                    answer = failure.into();
                }
            }
            say(&talk, &answer).ok();
        }
    }

    /// From one start to the end of process 1. `None`: the machine is to be started again.
    fn hold(&mut self) -> Option<How> {
        let Some(first) = self.status.init.as_ref().map(|init| init.pid) else { return Some(How::Lost) };
        let mut buffer = Box::new([0; CONSOLE_READ_BYTES]);
        let (mut killed, mut reset) = (false, false);
        let mut shown_at = Instant::now();
        let exit = 'held: loop {
            let mut watched = vec![self.signals.as_fd(), self.console.readable()];
            watched.extend(self.attendant.watched());
            let Ok(ready) = descriptors::wait(&watched, self.patience()) else { continue };
            drop(watched);
            if shown_at.elapsed() >= Duration::from_millis(MEMORY_SHOWN_MILLIS as u64) {
                self.show();
                shown_at = Instant::now();
            }
            if ready[1].any() {
                self.console.take(&mut buffer);
            }
            let settled = self.attendant.attend(&ready[2..], first);
            self.tell_settled(settled);
            self.attendant.look_after();
            while let Some(signal) = process::next_signal(self.signals.as_fd()) {
                killed |= signal == libc::SIGTERM;
                reset |= signal == libc::SIGUSR1;
                if signal != libc::SIGCHLD {
                    process::kill(first, libc::SIGKILL).ok();
                }
            }
            while let Some((pid, exit)) = process::reap() {
                if pid == first {
                    break 'held exit;
                }
                let settled = self.attendant.ended(pid, exit, first);
                self.tell_settled(settled);
            }
        };
        while self.console.take(&mut buffer) {}
        self.attendant.reset();
        let oom = self.plan.placement.oom_kills();
        let how = how_of(exit, self.plan.spec.kind, oom > self.status.oom_kills);
        self.status.oom_kills = oom;
        if killed {
            return Some(How::Killed);
        }
        if !reset && how.is_some() {
            return how;
        }
        self.plan.placement.kill();
        self.plan.placement.tidy();
        process::nap(BOOT_PAUSE_MICROS);
        None
    }
}

/// What the end of process 1 means; `None` is a reboot. The kernel tells of reboot(2) in a pid namespace by the signal
/// that seems to have ended its process 1.
fn how_of(exit: Exit, kind: Kind, out_of_memory: bool) -> Option<How> {
    match exit {
        Exit::Signal(libc::SIGHUP) if kind.is_system() => None,
        Exit::Signal(libc::SIGINT) if kind.is_system() => Some(How::PoweredOff),
        Exit::Signal(libc::SIGKILL) if out_of_memory => Some(How::OutOfMemory),
        Exit::Signal(signal) => Some(How::Signalled(signal)),
        Exit::Code(code) => Some(How::Exited(code)),
    }
}

/// A line from a first process. A failure is an error, and so is the end, with an empty cause.
fn heard(from: &mut BufReader<File>) -> Result<String, Failure> {
    let step = "starting the machine";
    let mut line = String::new();
    from.read_line(&mut line).at(step)?;
    match line.trim_end().strip_prefix('!') {
        Some(cause) => Err(Failure { step, cause: cause.to_owned() }),
        None if line.is_empty() => Err(Failure { step, cause: String::new() }),
        None => Ok(line.trim_end().to_owned()),
    }
}

/// The process id that the process in between tells, and the word of the first process itself that it waits, in
/// whichever order the two come.
fn heard_both(from: &mut BufReader<File>) -> Result<i32, Failure> {
    let lines = [heard(from)?, heard(from)?];
    let pid = lines.iter().find(|line| *line != WAITING);
    pid.and_then(|pid| pid.parse().ok())
        .ok_or_else(|| Failure { step: "starting the machine", cause: lines.join(", ") })
}

/// One line in one write, so that no other comes in between.
fn tell(to: &mut File, line: &str) {
    to.write_all(format!("{line}\n").as_bytes()).ok();
}

fn complain_and_leave(to: &mut File, failure: &Failure) -> ! {
    let text = format!("!{}: {}", failure.step, failure.cause).replace('\n', " ");
    tell(to, &text);
    process::leave(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_system_reboots_and_powers_off() {
        let (hup, int, kill) =
            (Exit::Signal(libc::SIGHUP), Exit::Signal(libc::SIGINT), Exit::Signal(libc::SIGKILL));
        assert_eq!(how_of(hup, Kind::Systemd, false), None);
        assert_eq!(how_of(hup, Kind::Process, false), Some(How::Signalled(1)));
        assert_eq!(how_of(int, Kind::Busybox, false), Some(How::PoweredOff));
        assert_eq!(how_of(kill, Kind::Process, true), Some(How::OutOfMemory));
        assert_eq!(how_of(Exit::Code(3), Kind::Process, false), Some(How::Exited(3)));
    }
}
