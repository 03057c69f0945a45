//! The engine itself: launching machines, and knowing which there are.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::SandboxError;
use crate::keeper::{Answer, GO, Job, hear};
use crate::kernel::descriptors;
use crate::limits::{CLAIM_MILLIS_MAX, LAUNCH_MILLIS_MAX, ROOT_MILLIS_MAX};
use crate::machine::Machine;
use crate::networks::{self, Network};
use crate::nursery::Nursery;
use crate::placement::Hierarchies;
use crate::probe::{Capabilities, probe};
use crate::ranges::Ranges;
use crate::records::{Ended, Folder, Over, Plan};
use crate::spec::{MachineSpec, Settings, check_id};
use crate::sweep;
use crate::watch::{Watch, Watched};

/// The engine. Copies are the same engine.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub machines: PathBuf,
    pub networks: PathBuf,
    pub nursery: Nursery,
    pub ranges: Arc<Ranges>,
    cgroup: String,
    watch: Watch,
    /// Machines that are being launched now.
    launching: Mutex<BTreeSet<String>>,
    ends: tokio::sync::Mutex<UnboundedReceiver<Over>>,
}

impl Shared {
    pub fn folder(&self, id: &str) -> Folder {
        Folder(self.machines.join(id))
    }
}

impl Sandbox {
    /// What this host lacks, before anything is opened.
    pub fn probe() -> Capabilities {
        probe()
    }

    /// Opens the engine upon its folder, which is made. Machines that live are adopted, ends that nobody was told of are
    /// told by [`Sandbox::next_end`], and what a crash left is cleared.
    pub async fn open(folder: &Path, settings: Settings) -> Result<Self, SandboxError> {
        let folder = folder.to_owned();
        in_background(move || Self::open_now(&folder, settings)).await
    }

    fn open_now(folder: &Path, settings: Settings) -> Result<Self, SandboxError> {
        check_id(&settings.cgroup)?;
        let failed = |error| SandboxError::io(format!("the folder {}", folder.display()), error);
        let (machines, networks) = (folder.join("machines"), folder.join("networks"));
        for path in [folder, &machines, &networks] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        let machines = machines.canonicalize().map_err(failed)?;
        let networks = networks.canonicalize().map_err(failed)?;
        let ranges = Arc::new(Ranges::new(settings.first_user_id));
        let found = sweep::sweep(&machines, &ranges)?;
        let (tell, ends) = unbounded_channel();
        let watch = Watch::start(tell.clone(), ranges.clone())?;
        for over in found.ended {
            tell.send(over).expect("the receiver is held here");
        }
        for living in found.living {
            watch.add(living);
        }
        let cgroup = settings.cgroup.clone();
        let shared = Shared {
            machines,
            networks,
            nursery: Nursery::new(settings),
            ranges,
            cgroup,
            watch,
            launching: Mutex::default(),
            ends: tokio::sync::Mutex::new(ends),
        };
        networks::adopt(&shared)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Launches a machine. When this answers, its first program has been executed. After an error nothing is left of it.
    pub async fn launch(&self, spec: MachineSpec) -> Result<Machine, SandboxError> {
        let shared = self.shared.clone();
        in_background(move || {
            spec.check()?;
            let id = spec.id.clone();
            if !shared.launching.lock().insert(id.clone()) {
                return Err(SandboxError::Running(id));
            }
            let launched = launch_now(&shared, spec);
            shared.launching.lock().remove(&id);
            launched.map(|()| Machine::new(shared.clone(), id))
        })
        .await
    }

    /// The machine with this id, if it runs or its end has not been forgotten.
    pub fn find(&self, id: &str) -> Option<Machine> {
        check_id(id).ok()?;
        let known = self.shared.folder(id).read_status().is_ok_and(|status| status.boots > 0);
        known.then(|| Machine::new(self.shared.clone(), id.to_owned()))
    }

    /// All machines that [`Sandbox::find`] finds, by id.
    pub fn all(&self) -> Vec<Machine> {
        let mut ids: Vec<String> = fs::read_dir(&self.shared.machines)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        ids.sort();
        ids.iter().filter_map(|id| self.find(id)).collect()
    }

    /// The next end of a machine; each is told once, also those that came while nobody looked. The machine may have
    /// been launched again since.
    pub async fn next_end(&self) -> Ended {
        let mut ends = self.shared.ends.lock().await;
        let Over { ended, keeper } =
            ends.recv().await.expect("the watching thread lives as long as this engine");
        let folder = self.shared.folder(&ended.machine);
        // A machine of that id that was launched since has an end of its own to tell, also if it has come already.
        if folder.read_status().is_ok_and(|status| status.keeper == keeper) {
            fs::write(folder.told(), "").ok();
        }
        ended
    }

    /// Forgets a machine that has ended, with its console.
    pub async fn forget(&self, id: &str) -> Result<(), SandboxError> {
        let Some(machine) = self.find(id) else { return Ok(()) };
        if machine.is_running() {
            return Err(SandboxError::Running(id.to_owned()));
        }
        let folder = self.shared.folder(id);
        in_background(move || {
            sweep::clear(&folder);
            Ok(())
        })
        .await
    }

    /// A network namespace for a machine, held by the file `at`, which the machine's root will own. The one that is
    /// there already is answered again.
    pub async fn network(&self, id: &str, at: &Path) -> Result<Network, SandboxError> {
        check_id(id)?;
        let (shared, id, at) = (self.shared.clone(), id.to_owned(), at.to_owned());
        in_background(move || networks::make(&shared, &id, &at)).await
    }

    /// Drops such a namespace; it is gone when the machine in it has ended too.
    pub async fn drop_network(&self, id: &str) -> Result<(), SandboxError> {
        check_id(id)?;
        let (shared, id) = (self.shared.clone(), id.to_owned());
        in_background(move || networks::drop_one(&shared, &id)).await
    }
}

/// Runs what blocks where that is allowed.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(SandboxError::io("work in the background", std::io::Error::other(error))))
}

fn launch_now(shared: &Shared, spec: MachineSpec) -> Result<(), SandboxError> {
    let missing = probe().missing;
    if !missing.is_empty() {
        return Err(SandboxError::Missing(missing.join("; ")));
    }
    let folder = shared.folder(&spec.id);
    if folder.read_status().is_ok_and(|status| status.ended.is_none() && status.keeper.open().is_some()) {
        return Err(SandboxError::Running(spec.id));
    }
    shared.watch.await_settled(&spec.id);
    sweep::clear(&folder);
    let id = spec.id.clone();
    // A root device may have to be checked first.
    let checks = if spec.root_device.is_some() { ROOT_MILLIS_MAX + CLAIM_MILLIS_MAX } else { 0 };
    let ready_millis = LAUNCH_MILLIS_MAX + checks;
    match write_plan(shared, &folder, spec).and_then(|()| start(shared, &folder, ready_millis)) {
        Ok(keeper) => {
            shared.watch.add(Watched { id, folder: folder.0, keeper });
            Ok(())
        }
        Err(error) => {
            sweep::clear(&folder);
            shared.ranges.give_back(&sweep::holder(&id));
            Err(error)
        }
    }
}

fn write_plan(shared: &Shared, folder: &Folder, mut spec: MachineSpec) -> Result<(), SandboxError> {
    let failed = |error| SandboxError::io("the machine's folder", error);
    let hierarchies = Hierarchies::read().map_err(|error| SandboxError::io("the control groups", error))?;
    let shared_ids = spec.network.as_deref().and_then(|at| networks::first_user_id(shared, at));
    let first_user_id = match shared_ids {
        Some(first) => first,
        None => shared.ranges.take(&sweep::holder(&spec.id))?,
    };
    let files = std::mem::take(&mut spec.files);
    let placement = hierarchies.place(&shared.cgroup, &spec.id);
    fs::DirBuilder::new().mode(0o700).create(&folder.0).map_err(failed)?;
    folder.write_plan(&Plan { spec, placement, first_user_id }, &files).map_err(failed)
}

/// The conversation with the keeper, up to a machine that runs. Answers with a handle on the keeper, which may have
/// ended by then, as a short program's does.
fn start(shared: &Shared, folder: &Folder, ready_millis: i32) -> Result<OwnedFd, SandboxError> {
    let lost = |error: io::Error| SandboxError::KeeperLost(error.to_string());
    let talk = shared.nursery.begin(&Job::Keep { folder: folder.0.clone() }, &[])?;
    let answer = |millis| match hear(talk.as_fd(), millis).map_err(lost)? {
        Answer::Failed { step, cause } => Err(SandboxError::Step { step, cause }),
        other => Ok(other),
    };
    let unexpected = |other| Err(SandboxError::KeeperLost(format!("it said {other:?}")));
    match answer(ready_millis)? {
        Answer::Ready => {}
        other => return unexpected(other),
    }
    let keeper = folder.read_status().map_err(lost)?.keeper.open();
    let keeper = keeper.ok_or_else(|| lost(io::ErrorKind::NotFound.into()))?;
    descriptors::send(talk.as_fd(), GO, &[]).map_err(lost)?;
    match answer(LAUNCH_MILLIS_MAX)? {
        Answer::Done => Ok(keeper),
        other => unexpected(other),
    }
}
