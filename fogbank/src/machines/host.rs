//! The driver that EC2 runs its instances with.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use block_engine::Device;
use ec2::{Card, Health, Imported, MachineError, MachineSpec, MachineState, Machines, Networks, Root};
use image_engine::first_boot::{self, Seed};
use image_engine::{GuestFile, Init};
use network_engine::Network;
use network_engine::plan::{NamespaceId, VpcPlan};
use parking_lot::Mutex;
use sandbox_engine::{BlockDevice, Command, File, How, Kind, Limits, Machine, Sandbox, SandboxError, State};
use schema::ByteStream;
use service::{BoxFuture, Nudge, Tasks};
use tokio::sync::OnceCell;

use super::engines::{Engines, missing};
use super::flow_files::FlowFiles;
use super::images;
use super::inside::{Inside, Servers};
use super::{Api, HostSettings, agent, microvm};

/// The resolver of every VPC, as an instance sees it, and as one without IPv4 does.
const RESOLVER: IpAddr = IpAddr::V4(network_engine::names::RESOLVER);
const RESOLVER6: IpAddr = IpAddr::V6(network_engine::names::RESOLVER6);

/// How long a guest has to restart before it is reset ("Reboot your instance").
const REBOOT_GRACE_TIME: Duration = Duration::from_secs(240);

/// How long a guest has to answer a status check.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Processes and threads of one instance: what Linux gives a host of a few gigabytes.
const INSTANCE_PIDS_MAX: u64 = 32_768;

pub struct Host {
    settings: HostSettings,
    tasks: Tasks,
    engines: OnceCell<Engines>,
    ends: Mutex<Ends>,
    /// The block devices that machines begin with, or were given since, by their names.
    disks: Mutex<BTreeMap<String, Vec<BlockDevice>>>,
    /// The cards of virtual machines, by VPC and the machine's home: what the plans in force say.
    cards: Mutex<BTreeMap<(String, NamespaceId), Vec<Card>>>,
    /// What instances' requests are answered by, once that is there.
    api: OnceLock<Api>,
    /// What serves instances in their networks, and with what it begins.
    inside: OnceLock<Inside>,
    servers: OnceCell<Servers>,
    /// Itself, for its work in the background.
    this: Weak<Host>,
}

/// Who is told of machines that end by themselves, and which did.
#[derive(Default)]
struct Ends {
    nudge: Option<Nudge>,
    machines: Vec<String>,
}

impl Host {
    pub fn new(settings: HostSettings, tasks: Tasks) -> Arc<Host> {
        Arc::new_cyclic(|this| Host {
            settings,
            tasks,
            engines: OnceCell::new(),
            ends: Mutex::default(),
            disks: Mutex::default(),
            cards: Mutex::default(),
            api: OnceLock::new(),
            inside: OnceLock::new(),
            servers: OnceCell::new(),
            this: this.clone(),
        })
    }

    /// Names what answers instances, once.
    pub fn answered_by(&self, api: Api) {
        assert!(self.api.set(api).is_ok(), "the API is one");
    }

    /// Names what serves instances inside their networks, once.
    pub fn serves(&self, inside: Inside) {
        assert!(self.inside.set(inside).is_ok(), "what serves instances is one");
    }

    /// Where instances reach the cloud's API.
    pub fn service_address(&self) -> Ipv4Addr {
        self.settings.service_address()
    }

    /// Finds the machines again that an earlier process left running, if there may be any.
    pub async fn adopt(&self) -> anyhow::Result<()> {
        if self.settings.folder.join("machines").exists() && missing(&self.settings).is_empty() {
            self.engines().await?;
        }
        Ok(())
    }

    /// Leaves nothing in the kernel where no machine runs any more; machines that run go on without this process.
    pub async fn close(&self) {
        let Some(engines) = self.opened() else { return };
        if engines.sandbox.all().iter().any(Machine::is_running) {
            return;
        }
        if let Err(error) = engines.network.dismantle().await {
            tracing::warn!(%error, "the networks of this cloud were not taken away");
        }
    }

    /// The engines, opened now if nobody needed them before.
    pub async fn engines(&self) -> Result<&Engines, MachineError> {
        let opened = self.engines.get_or_try_init(|| async {
            let engines = Engines::open(&self.settings).await?;
            self.watch(engines.sandbox.clone());
            for machine in engines.sandbox.all().iter().filter(|machine| machine.is_running()) {
                if microvm::talk_folder(&engines.disks.join(machine.id())).exists() {
                    self.attend(machine.id());
                }
            }
            if let Some(api) = self.api.get() {
                api.clone().listen(&self.settings, &self.tasks).await;
            }
            anyhow::Ok(engines)
        });
        opened.await.map_err(|error| MachineError::Lacking(format!("{error:#}")))
    }

    /// The engines, if there can be a machine at all.
    fn opened(&self) -> Option<&Engines> {
        self.engines.get()
    }

    pub(super) fn found(&self, id: &str) -> Option<Machine> {
        self.opened()?.sandbox.find(id)
    }

    async fn launch_now(&self, spec: &MachineSpec) -> Result<(), MachineError> {
        let engines = self.engines().await?;
        if let Some(before) = engines.sandbox.find(&spec.id) {
            if before.is_running() {
                return Ok(());
            }
            engines.sandbox.forget(&spec.id).await.map_err(failed)?;
        }
        let network = engines.network.path(&engines.network.home(&spec.id));
        let owner = engines.sandbox.network(&spec.id, &network).await.map_err(failed)?.owner();
        if self.settings.own_kernels {
            let machine = self.with_own_kernel(engines, spec, owner).await?;
            let machine = sandbox_engine::MachineSpec { network: Some(network), ..machine };
            engines.sandbox.launch(machine).await.map_err(failed)?;
            self.attend(&spec.id);
            return Ok(());
        }
        let rooted = match &spec.root {
            Root::Volume => self.on_volume(spec).await?,
            root => self.on_folders(engines, spec, root).await?,
        };
        let machine = sandbox_engine::MachineSpec {
            network: Some(network),
            hostname: spec.hostname.clone(),
            limits: Limits {
                vcpus: f64::from(spec.vcpus),
                memory_bytes: spec.memory_bytes,
                pids: INSTANCE_PIDS_MAX,
                disk: None,
            },
            ..rooted
        };
        engines.sandbox.launch(machine).await.map_err(failed)?;
        Ok(())
    }

    /// A machine over an image's folder, which keeps what it changes in one of its own.
    async fn on_folders(
        &self,
        engines: &Engines,
        spec: &MachineSpec,
        root: &Root,
    ) -> Result<sandbox_engine::MachineSpec, MachineError> {
        let image = images::root(&engines.images, root).await?;
        let (lower, upper) = (image.folder.clone(), engines.disks.join(&spec.id));
        let kind = kind(image.about.init);
        let machine = sandbox_engine::MachineSpec {
            files: guest_files(first_boot::files(&image, &self.seed(spec))),
            init: image.argv(),
            devices: self.disks.lock().get(&spec.id).cloned().unwrap_or_default(),
            ..sandbox_engine::MachineSpec::new(&spec.id, kind, lower, upper, &[])
        };
        images::as_process(&image, machine)
    }

    /// A machine on a volume that it was given: how it starts is read from there, since its guest may have changed it.
    async fn on_volume(&self, spec: &MachineSpec) -> Result<sandbox_engine::MachineSpec, MachineError> {
        let (root, devices) = self.root_and_others(spec)?;
        let facts = images::on_device(&root.path).await?;
        Ok(sandbox_engine::MachineSpec {
            files: guest_files(first_boot::files_for(&facts, &self.seed(spec))),
            init: facts.argv,
            devices,
            ..sandbox_engine::MachineSpec::on_device(&spec.id, kind(facts.init), root, &[])
        })
    }

    /// The volume at the root device, and the others.
    fn root_and_others(&self, spec: &MachineSpec) -> Result<(BlockDevice, Vec<BlockDevice>), MachineError> {
        let name = guest_name(&spec.root_device);
        let mut devices = self.disks.lock().get(&spec.id).cloned().unwrap_or_default();
        let Some(at) = devices.iter().position(|device| device.name == name) else {
            let why = format!("the instance has no volume at its root device {}", spec.root_device);
            return Err(MachineError::Failed(why));
        };
        let root = devices.remove(at);
        Ok((root, devices))
    }

    /// A virtual machine on a volume, with taps in its network.
    async fn with_own_kernel(
        &self,
        engines: &Engines,
        spec: &MachineSpec,
        owner: u32,
    ) -> Result<sandbox_engine::MachineSpec, MachineError> {
        if spec.root != Root::Volume {
            let why = "a virtual machine (driver microvm) starts from a volume, and this image has none";
            return Err(MachineError::Lacking(why.to_owned()));
        }
        let (root, others) = self.root_and_others(spec)?;
        let facts = images::on_device(&root.path).await?;
        let image = images::emulator(&engines.images).await?;
        let home = engines.network.home(&spec.id);
        for card in &spec.cards {
            let (device, tap) = (format!("eth{}", card.index), microvm::tap_of(card.index));
            engines.network.tap(&home, &device, &tap, Some(owner)).await.map_err(failed)?;
        }
        let guest = microvm::Guest {
            spec,
            image: &image,
            facts: &facts,
            files: &first_boot::files_for(&facts, &self.seed(spec)),
            root: &root.name.clone(),
            devices: [vec![root], others].concat(),
            folder: &engines.disks.join(&spec.id),
            kvm: engines.kvm,
        };
        guest.machine().await
    }

    /// Where the ways to a machine's guest and to its QEMU are, if it is a virtual machine, whatever new ones would be.
    pub(super) fn talk_of(&self, id: &str) -> Option<PathBuf> {
        Some(microvm::talk_folder(&self.opened()?.disks.join(id))).filter(|folder| folder.exists())
    }

    fn agent_of(&self, id: &str) -> Option<PathBuf> {
        self.talk_of(id).map(|talk| microvm::agent_socket(&talk))
    }

    /// The cards that a machine is to have, of all plans in force.
    pub(super) fn cards_of(&self, home: &NamespaceId) -> Vec<Card> {
        let known = self.cards.lock();
        known.iter().filter(|((_, of), _)| of == home).flat_map(|(_, cards)| cards.clone()).collect()
    }

    /// Notes the cards that a VPC's plan has for a machine; those that it had before.
    pub(super) fn cards_are(&self, vpc: &str, home: &NamespaceId, cards: Vec<Card>) -> Vec<Card> {
        let (mut known, key) = (self.cards.lock(), (vpc.to_owned(), home.clone()));
        let before = if cards.is_empty() { known.remove(&key) } else { known.insert(key, cards) };
        before.unwrap_or_default()
    }

    /// Work that nobody waits for, until the cloud stops.
    pub(super) fn in_background<F>(&self, work: impl FnOnce(Arc<Host>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(host) = self.this.upgrade() else { return };
        let (work, tasks) = (work(host), self.tasks.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = tasks.stopped() => {}
            }
        });
    }

    async fn stop_now(&self, machine: &Machine, id: &str, grace: Duration) -> Result<(), MachineError> {
        let stopped = match self.agent_of(id) {
            Some(socket) => agent::stop(machine, &socket, grace).await,
            None => machine.stop(grace).await,
        };
        stopped.map(drop).map_err(failed)
    }

    /// What makes the machine this instance.
    fn seed(&self, spec: &MachineSpec) -> Seed {
        let primary = spec.cards.first();
        let v4 = primary.and_then(|card| card.addresses.first()).map(|(address, _)| IpAddr::V4(*address));
        let v6 = primary.and_then(|card| card.addresses6.first()).map(|(address, _)| IpAddr::V6(*address));
        Seed {
            instance_id: spec.id.clone(),
            hostname: spec.hostname.clone(),
            domain: Some(spec.domain.clone()),
            address: v4.or(v6),
            nameservers: vec![if v4.is_none() && v6.is_some() { RESOLVER6 } else { RESOLVER }],
            keys: spec.public_key.iter().cloned().collect(),
            user_data: spec.user_data.clone(),
            authority: Some(self.settings.authority.clone()),
        }
    }

    async fn remove_now(&self, id: &str, grace: Duration) -> Result<(), MachineError> {
        // What was launched by an earlier process is found once the engines are open.
        let engines = self.engines().await?;
        if let Some(machine) = engines.sandbox.find(id) {
            if machine.is_running() {
                self.stop_now(&machine, id, grace).await?;
            }
            engines.sandbox.forget(id).await.map_err(failed)?;
        }
        engines.network.drop_namespace(id).await.map_err(failed)?;
        engines.sandbox.drop_network(id).await.map_err(failed)?;
        match tokio::fs::remove_dir_all(engines.disks.join(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Gives a machine a block device: now if it runs, else at its next launch.
    pub async fn give(&self, id: &str, device: BlockDevice) -> Result<(), SandboxError> {
        {
            let mut disks = self.disks.lock();
            let devices = disks.entry(id.to_owned()).or_default();
            devices.retain(|other| other.name != device.name && other.path != device.path);
            devices.push(device.clone());
        }
        match self.found(id).filter(Machine::is_running) {
            Some(machine) if self.talk_of(id).is_some() => self.plug(id, &machine, device).await,
            Some(machine) => match machine.attach_device(device).await {
                // It ended meanwhile, and begins with it.
                Err(SandboxError::HasEnded(_)) => Ok(()),
                other => other,
            },
            None => Ok(()),
        }
    }

    /// Takes what a machine that runs has of a volume by another device: what served it then is gone.
    pub async fn take_stale(&self, id: &str, device: &BlockDevice) -> Result<(), SandboxError> {
        let Some(machine) = self.found(id).filter(Machine::is_running) else { return Ok(()) };
        let is_stale = |other: &BlockDevice| {
            other.by_id == device.by_id && (other.major, other.minor) != (device.major, device.minor)
        };
        for name in machine.devices()?.into_iter().filter(is_stale).map(|other| other.name) {
            match self.talk_of(id) {
                Some(_) => self.unplug(id, &name, true).await?,
                None => machine.detach_device(&name, true).await?,
            }
        }
        Ok(())
    }

    /// Takes a block device of the host from a machine; nothing if it has it not.
    pub async fn take(&self, id: &str, device: &Device, force: bool) -> Result<(), SandboxError> {
        let is_it = |other: &BlockDevice| (other.major, other.minor) == (device.major, device.minor);
        if let Some(machine) = self.found(id).filter(Machine::is_running) {
            for name in machine.devices()?.into_iter().filter(is_it).map(|device| device.name) {
                match self.talk_of(id) {
                    Some(_) => self.unplug(id, &name, force).await?,
                    None => machine.detach_device(&name, force).await?,
                }
            }
        }
        let mut disks = self.disks.lock();
        if let Some(devices) = disks.get_mut(id) {
            devices.retain(|other| !is_it(other));
            if devices.is_empty() {
                disks.remove(id);
            }
        }
        Ok(())
    }

    /// Tells of machines that end by themselves, until the cloud stops.
    fn watch(&self, sandbox: Sandbox) {
        let (host, tasks) = (self.this.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            let telling = async {
                loop {
                    let ended = sandbox.next_end().await;
                    let Some(host) = host.upgrade() else { return };
                    let mut ends = host.ends.lock();
                    ends.machines.push(ended.machine);
                    if let Some(nudge) = &ends.nudge {
                        nudge.nudge();
                    }
                }
            };
            tokio::select! {
                () = telling => {}
                () = tasks.stopped() => {}
            }
        });
    }
}

impl Machines for Host {
    fn lacking(&self) -> Option<String> {
        let missing = missing(&self.settings);
        (!missing.is_empty()).then(|| format!("This host cannot run instances: {}.", missing.join("; ")))
    }

    fn lacking_for_volumes(&self) -> Option<String> {
        let missing = images::lacking_for_disks();
        (!missing.is_empty())
            .then(|| format!("This host cannot make disks of images: {}.", missing.join("; ")))
    }

    fn launch<'a>(&'a self, spec: &'a MachineSpec) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(self.launch_now(spec))
    }

    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            self.engines().await?;
            match self.found(id) {
                Some(machine) if machine.is_running() => self.stop_now(&machine, id, grace).await,
                _ => Ok(()),
            }
        })
    }

    fn kill<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            self.engines().await?;
            match self.found(id) {
                Some(machine) if machine.is_running() => machine.kill().await.map(drop).map_err(failed),
                _ => Ok(()),
            }
        })
    }

    fn reboot<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            self.engines().await?;
            let machine =
                self.found(id).ok_or_else(|| MachineError::Failed(format!("there is no machine {id}")))?;
            let restarted = match self.agent_of(id) {
                Some(socket) if agent::reboot(&socket, REBOOT_GRACE_TIME).await => Ok(()),
                Some(_) => self.reset(id, &machine).await,
                None => machine.reboot(REBOOT_GRACE_TIME).await.map(drop),
            };
            restarted.map_err(failed)
        })
    }

    fn remove<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(self.remove_now(id, grace))
    }

    fn state<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<MachineState, MachineError>> {
        Box::pin(async move {
            self.engines().await?;
            let Some(machine) = self.found(id) else { return Ok(MachineState::Absent) };
            Ok(match machine.state().map_err(failed)? {
                State::Running { .. } => MachineState::Running,
                // The host was restarted under it, its power was cut, or somebody ended what holds it: no doing of the
                // guest's.
                State::Ended(How::Lost | How::Killed) => MachineState::Absent,
                State::Ended(_) => MachineState::Ended,
            })
        })
    }

    fn health<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Health> {
        Box::pin(async move {
            let Some(machine) = self.found(id).filter(Machine::is_running) else {
                return Health { system: false, guest: false };
            };
            if let Some(socket) = self.agent_of(id) {
                return Health { system: true, guest: agent::is_well(&socket, ANSWER_TIME).await };
            }
            let command = Command { timeout: ANSWER_TIME, ..Command::new(&["/bin/sh", "-c", "exit 0"]) };
            let guest = machine.exec(command).await.is_ok_and(|output| output.code == 0);
            Health { system: true, guest }
        })
    }

    fn console<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move { self.found(id).and_then(|machine| machine.console().ok()).unwrap_or_default() })
    }

    fn import<'a>(
        &'a self,
        id: &'a str,
        archive: ByteStream,
    ) -> BoxFuture<'a, Result<Imported, MachineError>> {
        Box::pin(async move {
            let engines = self.engines().await?;
            images::import(&engines.images, &engines.arrivals, id, archive).await
        })
    }

    fn imported(&self) -> BoxFuture<'_, Vec<String>> {
        // Where nothing was launched or brought in since the start, nothing is opened only to look.
        Box::pin(async move { self.opened().map(|it| images::all_imported(&it.images)).unwrap_or_default() })
    }

    fn discard<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { images::discard(&self.engines().await?.images, name).await })
    }

    fn watched_by(&self, nudge: Nudge) {
        self.ends.lock().nudge = Some(nudge);
    }

    fn ended(&self) -> Vec<String> {
        std::mem::take(&mut self.ends.lock().machines)
    }
}

impl Networks for Host {
    fn engine(&self) -> BoxFuture<'_, Option<Network>> {
        Box::pin(async move { Some(self.engines().await.ok()?.network.clone()) })
    }

    fn opened(&self) -> Option<Network> {
        Some(self.opened()?.network.clone())
    }

    fn joined<'a>(&'a self, plan: &'a VpcPlan) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(engines) = self.opened() else { return };
            if self.settings.own_kernels {
                self.follow(engines, plan).await;
            }
            let Some(inside) = self.inside.get() else { return };
            let opening = || Servers::open(inside.clone(), &self.settings.folder, &self.tasks);
            match self.servers.get_or_try_init(opening).await {
                Ok(servers) => {
                    servers.join(&engines.network, plan).await;
                    if let Some(api) = self.api.get() {
                        servers.open_endpoints(&engines.network, plan, api).await;
                    }
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "instances have no metadata"),
            }
        })
    }

    fn left(&self, vpc: &str) {
        self.cards.lock().retain(|(of, _), _| of != vpc);
        if let Some(servers) = self.servers.get() {
            servers.leave(vpc);
        }
    }

    fn recorded<'a>(&'a self, log: &'a str, header: &'a str, lines: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            FlowFiles(self.settings.folder.join("flow-logs")).append(log, header, lines).await;
        })
    }
}

fn guest_files(files: Vec<GuestFile>) -> Vec<File> {
    let file = |GuestFile { path, mode, content }| File { path: path.into(), mode, bytes: content };
    files.into_iter().map(file).collect()
}

/// How a machine sees a device: `/dev/sdf` is `xvdf`, as on every Linux.
pub fn guest_name(asked: &str) -> String {
    let name = asked.strip_prefix("/dev/").unwrap_or(asked);
    name.strip_prefix("sd").map_or_else(|| name.to_owned(), |rest| format!("xvd{rest}"))
}

fn kind(init: Init) -> Kind {
    match init {
        Init::Systemd => Kind::Systemd,
        Init::Busybox | Init::Other => Kind::Busybox,
        Init::Process => Kind::Process,
    }
}

pub fn failed(error: impl std::error::Error) -> MachineError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    MachineError::Failed(message)
}
