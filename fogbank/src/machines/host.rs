//! The driver that EC2 runs its instances with.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use ec2::{Health, Imported, MachineError, MachineSpec, MachineState, Machines, Networks};
use image_engine::first_boot::{self, Seed};
use image_engine::{GuestFile, ImageRoot, Init};
use network_engine::Network;
use network_engine::plan::VpcPlan;
use parking_lot::Mutex;
use sandbox_engine::{Command, File, How, Kind, Limits, Machine, Sandbox, State};
use schema::ByteStream;
use service::{BoxFuture, Nudge, Tasks};
use tokio::sync::OnceCell;

use super::engines::{Engines, missing};
use super::flow_files::FlowFiles;
use super::images;
use super::inside::{Inside, Servers};
use super::{Api, HostSettings};

/// The resolver of every VPC, as an instance sees it.
const RESOLVER: IpAddr = IpAddr::V4(network_engine::names::RESOLVER);

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

    fn found(&self, id: &str) -> Option<Machine> {
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
        let image = images::root(&engines.images, &spec.root).await?;
        let network = engines.network.path(&engines.network.home(&spec.id));
        engines.sandbox.network(&spec.id, &network).await.map_err(failed)?;
        let machine = sandbox_engine::MachineSpec {
            lowers: vec![image.folder.clone()],
            upper: engines.disks.join(&spec.id),
            network: Some(network),
            hostname: spec.hostname.clone(),
            limits: Limits {
                vcpus: f64::from(spec.vcpus),
                memory_bytes: spec.memory_bytes,
                pids: INSTANCE_PIDS_MAX,
                disk: None,
            },
            files: self.files(&image, spec),
            init: image.argv(),
            ..sandbox_engine::MachineSpec::new(
                &spec.id,
                kind(image.about.init),
                PathBuf::new(),
                PathBuf::new(),
                &[],
            )
        };
        engines.sandbox.launch(images::as_process(&image, machine)?).await.map_err(failed)?;
        Ok(())
    }

    /// What makes the machine this instance.
    fn files(&self, image: &ImageRoot, spec: &MachineSpec) -> Vec<File> {
        let primary = spec.cards.first().and_then(|card| card.addresses.first());
        let seed = Seed {
            instance_id: spec.id.clone(),
            hostname: spec.hostname.clone(),
            domain: Some(spec.domain.clone()),
            address: primary.map(|(address, _)| IpAddr::V4(*address)),
            nameservers: vec![RESOLVER],
            keys: spec.public_key.iter().cloned().collect(),
            user_data: spec.user_data.clone(),
            authority: Some(self.settings.authority.clone()),
        };
        let file = |GuestFile { path, mode, content }| File { path: path.into(), mode, bytes: content };
        first_boot::files(image, &seed).into_iter().map(file).collect()
    }

    async fn remove_now(&self, id: &str, grace: Duration) -> Result<(), MachineError> {
        // What was launched by an earlier process is found once the engines are open.
        let engines = self.engines().await?;
        if let Some(machine) = engines.sandbox.find(id) {
            if machine.is_running() {
                machine.stop(grace).await.map_err(failed)?;
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

    fn launch<'a>(&'a self, spec: &'a MachineSpec) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(self.launch_now(spec))
    }

    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            self.engines().await?;
            match self.found(id) {
                Some(machine) if machine.is_running() => machine.stop(grace).await.map(drop).map_err(failed),
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
            machine.reboot(REBOOT_GRACE_TIME).await.map(drop).map_err(failed)
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
            let (Some(engines), Some(inside)) = (self.opened(), self.inside.get()) else { return };
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
