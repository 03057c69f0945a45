//! What an earlier process left: machines that live are adopted, ends that were not told are told, and what a crash left
//! half done is undone. Only what is recorded in our own folder is touched.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::error::SandboxError;
use crate::kernel::{descriptors, file_systems, process};
use crate::limits::{KILLED_MILLIS_MAX, LOOK_MILLIS, LOST_MILLIS_MAX};
use crate::ranges::Ranges;
use crate::records::{Ended, Folder, How, Over, Status};
use crate::watch::Watched;

/// What was found.
#[derive(Default)]
pub struct Found {
    pub living: Vec<Watched>,
    pub ended: Vec<Over>,
}

/// The name under which a machine holds its user ids.
pub fn holder(id: &str) -> String {
    format!("machine {id}")
}

/// Looks through the folder of all machines.
pub fn sweep(machines: &Path, ranges: &Ranges) -> Result<Found, SandboxError> {
    let failed = |error| SandboxError::io("looking for machines", error);
    let mut found = Found::default();
    for entry in fs::read_dir(machines).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(id) = entry.file_name().into_string() else { continue };
        let folder = Folder(entry.path());
        let (Ok(plan), Ok(status)) = (folder.read_plan(), folder.read_status()) else {
            clear(&folder);
            continue;
        };
        match await_decision(&folder, status) {
            Some(keeper) => {
                ranges.note(plan.first_user_id, &holder(&id));
                found.living.push(Watched { id, folder: folder.0, keeper });
            }
            None => found.ended.extend(settle(&folder, &id)),
        }
    }
    Ok(found)
}

/// The keeper of a machine that runs. A keeper whose launcher went in the middle of a launch is about to undo it, unless
/// the word to go on had reached it: then the machine is about to run, and is nobody's to end. One that is writing down
/// its machine's end is about to go. It is known within milliseconds which it is.
fn await_decision(folder: &Folder, mut status: Status) -> Option<OwnedFd> {
    for _ in 0..=KILLED_MILLIS_MAX / LOOK_MILLIS {
        let keeper = status.keeper.open()?;
        if status.boots > 0 && status.ended.is_none() {
            return Some(keeper);
        }
        descriptors::wait_readable(&[keeper.as_fd()], LOOK_MILLIS).ok();
        status = folder.read_status().ok()?;
    }
    None
}

/// Clears up behind a keeper that is gone, and says how its machine ended if that has not been told. A machine that was
/// never launched to the end leaves nothing at all.
pub fn settle(folder: &Folder, id: &str) -> Option<Over> {
    let Ok(status) = folder.read_status() else {
        clear(folder);
        return None;
    };
    if status.boots == 0 {
        clear(folder);
        return None;
    }
    let how = status.ended.unwrap_or(How::Lost);
    if status.ended.is_none() {
        undo(folder, Some(&status));
        // Its mounts went with its processes; the kernel writes what is left to its root device.
        if let Ok(plan) = folder.read_plan()
            && let Some(device) = plan.spec.root_device
        {
            file_systems::await_free(&device.path, LOST_MILLIS_MAX).ok();
        }
        folder.write_status(&Status { ended: Some(how), init: None, ..status.clone() }).ok();
    }
    let told = folder.told().exists();
    let ended = Ended { machine: id.to_owned(), how, oom_kills: status.oom_kills };
    (!told).then_some(Over { ended, keeper: status.keeper })
}

/// Ends and removes everything of a machine, its folder too.
pub fn clear(folder: &Folder) {
    undo(folder, folder.read_status().ok().as_ref());
    folder.erase();
}

/// Ends what runs and removes the control groups.
fn undo(folder: &Folder, status: Option<&Status>) {
    for one in status.iter().flat_map(|status| status.init.iter().chain([&status.keeper])) {
        if let Some(handle) = one.open() {
            process::signal(handle.as_fd(), libc::SIGKILL).ok();
        }
    }
    if let Ok(plan) = folder.read_plan() {
        plan.placement.kill();
        plan.placement.remove();
    }
}
