//! Network namespaces that belong to a machine's root: it may then change its interfaces and filter packets as on a host
//! of its own, without a right over anything else. They outlive the machine, since an instance that is stopped keeps its
//! interfaces.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::Shared;
use crate::error::SandboxError;
use crate::keeper::{Answer, Job, hear};
use crate::kernel::mounts;
use crate::limits::LAUNCH_MILLIS_MAX;

/// A network namespace made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The file that holds it, for [`crate::MachineSpec::network`].
    pub at: PathBuf,
    pub(crate) first_user_id: u32,
}

impl Network {
    /// The user of the host that is root of what lives in it, to whom a tap for it belongs.
    pub fn owner(&self) -> u32 {
        self.first_user_id
    }
}

fn holder(id: &str) -> String {
    format!("network {id}")
}

fn record(shared: &Shared, id: &str) -> PathBuf {
    shared.networks.join(id)
}

/// Makes one, or answers with the one that is there.
pub fn make(shared: &Shared, id: &str, at: &Path) -> Result<Network, SandboxError> {
    let failed = |error| SandboxError::io(format!("the network namespace {}", at.display()), error);
    if let Some(known) = read(&record(shared, id)).filter(|known| known.at == at && is_namespace(&known.at)) {
        return Ok(known);
    }
    drop_one(shared, id)?;
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let network = Network { at: at.to_owned(), first_user_id: shared.ranges.take(&holder(id))? };
    let bytes = serde_json::to_vec(&network).map_err(|error| failed(error.into()))?;
    let made = fs::write(record(shared, id), bytes).map_err(failed).and_then(|()| {
        let job = Job::Network { at: at.to_owned(), first_user_id: network.first_user_id };
        let talk = shared.nursery.begin(&job, &[])?;
        match hear(talk.as_fd(), LAUNCH_MILLIS_MAX) {
            Ok(Answer::Failed { step, cause }) => Err(SandboxError::Step { step, cause }),
            Ok(_) => Ok(()),
            Err(error) => Err(SandboxError::KeeperLost(error.to_string())),
        }
    });
    if made.is_err() {
        drop_one(shared, id)?;
    }
    made.map(|()| network)
}

/// Drops one. It is gone when the last process in it is.
pub fn drop_one(shared: &Shared, id: &str) -> Result<(), SandboxError> {
    let path = record(shared, id);
    if let Some(known) = read(&path) {
        if is_namespace(&known.at) {
            mounts::detach(&known.at)
                .map_err(|error| SandboxError::io("detaching a network namespace", error))?;
            fs::remove_file(&known.at).ok();
        }
        fs::remove_file(&path).ok();
    }
    shared.ranges.give_back(&holder(id));
    Ok(())
}

/// Notes what an earlier life made; what did not outlive the host's restart is forgotten.
pub fn adopt(shared: &Shared) -> Result<(), SandboxError> {
    let failed = |error| SandboxError::io("looking for network namespaces", error);
    for entry in fs::read_dir(&shared.networks).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(id) = entry.file_name().into_string() else { continue };
        match read(&entry.path()).filter(|known| is_namespace(&known.at)) {
            Some(known) => shared.ranges.note(known.first_user_id, &holder(&id)),
            None => drop_one(shared, &id)?,
        }
    }
    Ok(())
}

/// The user ids that come with a network namespace of ours.
pub fn first_user_id(shared: &Shared, at: &Path) -> Option<u32> {
    fs::read_dir(&shared.networks)
        .ok()?
        .flatten()
        .filter_map(|entry| read(&entry.path()))
        .find(|known| known.at == at)
        .map(|known| known.first_user_id)
}

fn read(path: &Path) -> Option<Network> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Files of namespaces are in a file system of their own; an ordinary file is what a crash left of one.
fn is_namespace(at: &Path) -> bool {
    let read = || -> io::Result<bool> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let at = at.to_string_lossy();
        Ok(mounts.lines().any(|line| line.contains(" - nsfs ") && line.split(' ').nth(4) == Some(&at)))
    };
    read().unwrap_or(false)
}
