//! Short-lived forks of the nursery: one executes a command in a machine, one makes a network namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use super::guest::{Program, become_program, with_usual};
use super::namespaces;
use super::shown;
use super::talk::{Answer, At, Failure, Request, say};
use crate::kernel::process::Exit;
use crate::kernel::{descriptors, mounts, process, sockets};
use crate::records::Folder;

/// Executes a command in a machine and tells how it ended. It is killed when the conversation is closed.
pub fn execute(request: &Request, talk: OwnedFd, streams: Vec<OwnedFd>) -> ! {
    let answer = match <[OwnedFd; 3]>::try_from(streams) {
        Ok(streams) => match run(request, &talk, streams) {
            Ok(Exit::Code(code)) => Answer::Exited(code),
            Ok(Exit::Signal(signal)) => Answer::Signalled(signal),
            Err(failure) => failure.into(),
        },
        Err(_) => Failure { step: "executing", cause: "no streams".to_owned() }.into(),
    };
    say(&talk, &answer).ok();
    process::leave(0)
}

fn run(request: &Request, talk: &OwnedFd, streams: [OwnedFd; 3]) -> Result<Exit, Failure> {
    process::set_name("fb-agent");
    process::set_oom_score(0);
    let step = "entering the machine";
    let signals = process::signal_descriptor(&[libc::SIGCHLD]).at(step)?;
    let folder = Folder(request.folder.clone());
    let plan = folder.read_plan().at(step)?;
    let first = folder.read_status().at(step)?.init.and_then(|init| init.open());
    let Some(first) = first else {
        return Err(Failure { step, cause: "it has ended".to_owned() });
    };
    // Keepers of machines from before there were block devices do not listen.
    let calls = plan.spec.kind.is_system().then(|| sockets::connect(&folder.talk()).ok()).flatten();
    plan.placement.join_beside().at(step)?;
    if let Some(count) = shown::processors(&plan.spec) {
        process::use_processors(count, &plan.spec.id);
    }
    let all = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWCGROUP;
    process::enter(first.as_fd(), all).at(step)?;
    let (complaint, complain) = descriptors::pipe().at(step)?;
    let Some(child) = process::fork().at(step)? else {
        drop(complaint);
        let failure = match process::become_user(0, 0).at(step) {
            Err(failure) => failure,
            Ok(()) => become_program(&Program {
                kind: plan.spec.kind,
                words: &request.words,
                env: &with_usual(&request.env, &[("HOME", "/root"), ("TERM", "dumb")]),
                folder: &request.working_folder,
                user: request.user,
                streams: &streams,
                alive: None,
                calls: calls.as_ref(),
            }),
        };
        let text = format!("{}: {}", failure.step, failure.cause);
        io::Write::write_all(&mut File::from(complain), text.as_bytes()).ok();
        process::leave(127)
    };
    drop((complain, streams, calls));
    let mut text = String::new();
    io::Read::read_to_string(&mut File::from(complaint), &mut text).at(step)?;
    let exit = await_end(child, talk, &signals);
    if text.is_empty() { Ok(exit) } else { Err(Failure { step: "executing", cause: text }) }
}

/// Waits for the command, or for the end of whoever wanted it.
fn await_end(child: i32, talk: &OwnedFd, signals: &OwnedFd) -> Exit {
    loop {
        if let Some((pid, exit)) = process::reap() {
            if pid == child {
                return exit;
            }
            continue;
        }
        let Ok(ready) = descriptors::wait_readable(&[talk.as_fd(), signals.as_fd()], -1) else { continue };
        while process::next_signal(signals.as_fd()).is_some() {}
        if ready[0] {
            process::kill(child, libc::SIGKILL).ok();
            return process::wait(child).unwrap_or(Exit::Signal(libc::SIGKILL));
        }
    }
}

/// Makes a network namespace, owned by a user namespace that a machine will have, and makes it last as the file `at`.
pub fn make_network(at: &Path, first_user_id: u32, talk: OwnedFd) -> ! {
    let made = network(at, first_user_id).at("making a network namespace");
    let answer = made.map_or_else(Answer::from, |()| Answer::Done);
    say(&talk, &answer).ok();
    process::leave(0)
}

fn network(at: &Path, first_user_id: u32) -> io::Result<()> {
    let _signals = process::signal_descriptor(&[libc::SIGCHLD])?;
    let made = namespaces::create(first_user_id)?;
    File::options().create_new(true).write(true).open(at)?;
    let descriptor = format!("/proc/self/fd/{}", made.network.as_raw_fd());
    mounts::bind(Path::new(&descriptor), at).inspect_err(|_| drop(std::fs::remove_file(at)))
}
