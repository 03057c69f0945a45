//! The engine as its users see it. Each call does its work on a blocking thread and, once begun, to its end, whether
//! or not the caller still waits.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Doing, NetworkError};
use crate::kernel::namespace::{Folder, within};
use crate::kernel::{ipsec, tap};
use crate::names::Names;
use crate::plan::{HubPlan, NamespaceId, VpcPlan, VpnPlan};
use crate::probe::{self, Capabilities};
use crate::settings::{Ipsec, Settings};
use crate::world::World;

/// All networks of one cloud on this host.
#[derive(Clone)]
pub struct Network {
    world: Arc<Mutex<World>>,
    folder: Folder,
    names: Names,
    vpn_missing: Arc<[String]>,
    /// Held while a tap is joined: a joint is made in several steps.
    joining: Arc<Mutex<()>>,
}

/// What came of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Interfaces whose machine's namespace is not there (any more), and links whose other end is not there yet. They
    /// are plugged in by the next call that finds it.
    pub absent: Vec<String>,
}

/// The namespaces an earlier process left, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub vpcs: Vec<String>,
    pub nats: Vec<String>,
    /// Transit gateways and virtual private gateways.
    pub hubs: Vec<String>,
    pub vpns: Vec<String>,
    pub machines: Vec<String>,
}

/// What passed, or did not, between two addresses at one interface, since the last collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// `eni-…` or `nat-…`
    pub interface: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// 0 for protocols without ports.
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
    pub packets: u64,
    pub bytes: u64,
    pub accepted: bool,
    /// Out of the interface; into it otherwise.
    pub egress: bool,
}

impl Network {
    /// What this host lacks, in words; nothing missing means that [`Network::open`] will do.
    pub fn probe(settings: &Settings) -> Capabilities {
        probe::probe(settings)
    }

    /// Probes the host, and makes the internet namespace and the host's way into it.
    pub async fn open(settings: Settings) -> Result<Network, NetworkError> {
        let folder = Folder(settings.folder.clone());
        let names =
            Names::new(&settings.prefix).ok_or_else(|| NetworkError::Prefix(settings.prefix.clone()))?;
        let of_world = names.clone();
        let vpn_missing = ipsec::missing(&settings.ipsec).into();
        let world = blocking(move || {
            let capabilities = probe::probe(&settings);
            if !capabilities.missing.is_empty() {
                return Err(NetworkError::Unsupported(capabilities.missing));
            }
            World::open(settings, of_world)
        });
        let (world, joining) = (Arc::new(Mutex::new(world.await?)), Arc::default());
        Ok(Network { world, folder, names, vpn_missing, joining })
    }

    /// Makes a VPC's network equal to the plan, whatever it was before. Peered VPCs that the change concerns follow in
    /// the same call.
    pub async fn apply(&self, plan: &VpcPlan) -> Result<Applied, NetworkError> {
        let plan = plan.clone();
        self.with(move |world| world.apply(plan)).await
    }

    /// Applies a VPC's last plan once more, and believes nothing that was done before: for when somebody else had a hand
    /// in it. (`apply` sees only devices that are missing.)
    pub async fn repair(&self, vpc: &str) -> Result<Applied, NetworkError> {
        let vpc = vpc.to_owned();
        self.with(move |world| world.repair(&vpc)).await
    }

    /// Takes a VPC's network away. Sockets of [`Network::listen_tcp`] have to be closed by whoever has them.
    pub async fn remove(&self, vpc: &str) -> Result<(), NetworkError> {
        let vpc = vpc.to_owned();
        self.with(move |world| world.remove(&vpc)).await
    }

    /// Makes a transit gateway equal to the plan.
    pub async fn apply_hub(&self, plan: &HubPlan) -> Result<Applied, NetworkError> {
        let plan = plan.clone();
        self.with(move |world| world.apply_hub(plan)).await
    }

    pub async fn remove_hub(&self, hub: &str) -> Result<(), NetworkError> {
        let hub = hub.to_owned();
        self.with(move |world| world.remove_hub(&hub)).await
    }

    /// What a host lacks for VPN connections, in words.
    pub fn vpn_missing_of(settings: &Ipsec) -> Vec<String> {
        ipsec::missing(settings)
    }

    /// What this host lacks for VPN connections, in words.
    pub fn vpn_missing(&self) -> &[String] {
        &self.vpn_missing
    }

    /// Makes a VPN connection equal to the plan: its tunnels' ends, in a namespace between the internet and its gateway's
    /// hub, which may come later.
    ///
    /// # Errors
    /// [`NetworkError::Unsupported`] where [`Network::vpn_missing`] names something.
    pub async fn apply_vpn(&self, plan: &VpnPlan) -> Result<Applied, NetworkError> {
        let plan = plan.clone();
        self.with(move |world| world.apply_vpn(plan)).await
    }

    pub async fn remove_vpn(&self, vpn: &str) -> Result<(), NetworkError> {
        let vpn = vpn.to_owned();
        self.with(move |world| world.remove_vpn(&vpn)).await
    }

    /// Which tunnels of a connection are up, in the plan's order. A daemon that died is started again.
    pub async fn tunnels_up(&self, vpn: &str) -> Result<Vec<bool>, NetworkError> {
        let vpn = vpn.to_owned();
        self.with(move |world| world.tunnels_up(&vpn)).await
    }

    /// The network namespace a machine lives in, made when it is not there. Its loopback is up.
    pub async fn namespace(&self, machine: &str) -> Result<NamespaceId, NetworkError> {
        let machine = machine.to_owned();
        self.with(move |world| world.namespace(&machine)).await
    }

    /// The name of the namespace a machine lives in, whoever makes it and whether or not it is there.
    pub fn home(&self, machine: &str) -> NamespaceId {
        NamespaceId(self.names.machine(machine))
    }

    /// Where a namespace can be opened.
    pub fn path(&self, namespace: &NamespaceId) -> PathBuf {
        self.folder.path(&namespace.0)
    }

    /// What this host lacks for [`Network::tap`], in words.
    pub fn tap_missing() -> Vec<String> {
        tap::missing()
    }

    /// A tap of that name in a namespace, for an emulator of that user of the host, in place of the machine's end of a
    /// cable: all that arrives at `device` is the tap's and goes on through it. Either may come later; then this is to
    /// be called again.
    pub async fn tap(
        &self,
        namespace: &NamespaceId,
        device: &str,
        name: &str,
        owner: Option<u32>,
    ) -> Result<(), NetworkError> {
        let (namespace, device, name) = (namespace.0.clone(), device.to_owned(), name.to_owned());
        let (folder, joining) = (self.folder.clone(), self.joining.clone());
        let doing = format!("the tap {name} of {namespace}");
        let made = blocking(move || {
            let _joining = joining.lock();
            let Some(file) = folder.open(&namespace)? else { return Ok(()) };
            within(&file, || {
                owner.map_or(Ok(()), |owner| tap::make(&name, owner))?;
                tap::join(&name, &device)
            })
            .and_then(|inner| inner)
        });
        made.await.doing(|| doing)
    }

    /// Unplugs a machine and forgets its namespace; fine when it is not there.
    pub async fn drop_namespace(&self, machine: &str) -> Result<(), NetworkError> {
        let machine = machine.to_owned();
        self.with(move |world| world.drop_namespace(&machine)).await
    }

    /// Takes a zone down, or up again: no packet passes its interfaces, within the zone neither. Zones are down until
    /// they are up again or the engine is opened anew.
    pub async fn zone_down(&self, zone: &str, down: bool) -> Result<(), NetworkError> {
        let zone = zone.to_owned();
        self.with(move |world| world.zone_down(&zone, down)).await
    }

    /// A listening socket inside a VPC's router, at an address the router has: 169.254.169.254, .253, a block's base + 2,
    /// an endpoint's address, or the unspecified one. Non-blocking. Callers have their private addresses.
    pub async fn listen_tcp(&self, vpc: &str, address: SocketAddr) -> Result<TcpListener, NetworkError> {
        let vpc = vpc.to_owned();
        let open = move || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        self.with(move |world| world.inside(&vpc, open)).await
    }

    /// As [`Network::listen_tcp`], for datagrams.
    pub async fn listen_udp(&self, vpc: &str, address: SocketAddr) -> Result<UdpSocket, NetworkError> {
        let vpc = vpc.to_owned();
        let open = move || {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        self.with(move |world| world.inside(&vpc, open)).await
    }

    /// The flows recorded since the last call, by the VPC's flow logs. A period between calls is the aggregation
    /// interval; who calls knows the time.
    pub async fn flows(&self, vpc: &str) -> Result<Vec<FlowRecord>, NetworkError> {
        let vpc = vpc.to_owned();
        self.with(move |world| world.flows(&vpc)).await
    }

    /// What is there of this cloud. After a restart: apply the plans of what is still wanted, which changes nothing
    /// that is right already, and [`Network::sweep`] the rest.
    pub async fn adopt(&self) -> Result<Found, NetworkError> {
        self.with(|world| world.found()).await
    }

    /// Removes all that is not in `known`; yields what was removed.
    pub async fn sweep(&self, known: &Found) -> Result<Found, NetworkError> {
        let known = known.clone();
        self.with(move |world| world.sweep(&known)).await
    }

    /// Removes what is named, whatever it is to somebody else; what is not there (any more) is fine.
    pub async fn discard(&self, gone: &Found) -> Result<(), NetworkError> {
        let gone = gone.clone();
        self.with(move |world| world.discard(&gone)).await
    }

    /// Removes everything of this cloud from the host, the way to it included. The engine is of no use afterwards.
    pub async fn dismantle(&self) -> Result<(), NetworkError> {
        self.with(|world| world.dismantle()).await
    }

    /// As [`Network::dismantle`], for those who have no runtime (any more).
    pub fn dismantle_now(&self) -> Result<(), NetworkError> {
        self.world.lock().dismantle()
    }

    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut World) -> Result<T, NetworkError> + Send + 'static,
    ) -> Result<T, NetworkError> {
        let world = self.world.clone();
        blocking(move || act(&mut world.lock())).await
    }
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(act).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down and will not poll anybody again.
            Err(_) => std::future::pending().await,
        },
    }
}
