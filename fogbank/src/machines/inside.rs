//! What serves instances inside their networks: metadata and the resolver, on sockets in each VPC's router.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use base::{Clock, Ids};
use ipnet::IpNet;
use metadata::{IdentityKey, Metadata, MetadataKeys, Resolver, ResolverSettings};
use network_engine::Network;
use network_engine::names::{ENDPOINT, METADATA, METADATA6, RESOLVER, RESOLVER6};
use network_engine::plan::{EndpointPlan, VpcPlan};
use parking_lot::Mutex;
use service::{SealingKey, Tasks};
use tokio::sync::watch;

use super::Api;
use crate::guests::{EndpointWay, Guests};

const HTTP_PORT: u16 = 80;
const DNS_PORT: u16 = 53;
/// Where endpoints answer: AWS's services speak HTTPS, and S3 and others HTTP as well.
const ENDPOINT_PORTS: [u16; 2] = [80, 443];

/// What the keys of the metadata service are sealed under.
const SEALED_FOR: &str = "instance identity";

/// What serving instances needs.
#[derive(Clone)]
pub struct Inside {
    pub guests: Arc<Guests>,
    pub clock: Clock,
    pub ids: Ids,
    pub sealing: SealingKey,
}

/// The servers of all VPCs that have machines.
pub struct Servers {
    metadata: Metadata,
    resolver: Resolver,
    guests: Arc<Guests>,
    tasks: Tasks,
    /// By VPC; dropping a sender ends its servers.
    vpcs: Mutex<HashMap<String, watch::Sender<()>>>,
    /// By VPC and address: where endpoints lead to this cloud's API.
    endpoints: Mutex<HashMap<(String, IpAddr), watch::Sender<()>>>,
}

impl Servers {
    /// Reads the keys, or makes them when the first machine is launched.
    pub async fn open(inside: Inside, folder: &Path, tasks: &Tasks) -> anyhow::Result<Servers> {
        let Inside { guests, clock, ids, sealing } = inside;
        let (folder, drawn) = (folder.to_owned(), ids.clone());
        let keys = tokio::task::spawn_blocking(move || keys(&folder, &sealing, &drawn)).await??;
        let metadata = Metadata::new(guests.clone(), guests.clone(), keys, clock, ids.clone());
        let resolver = Resolver::new(guests.clone(), ResolverSettings::default(), ids);
        Ok(Servers {
            metadata,
            resolver,
            guests,
            tasks: tasks.clone(),
            vpcs: Mutex::default(),
            endpoints: Mutex::default(),
        })
    }

    /// Listens in a VPC, unless it does so already.
    pub async fn join(&self, network: &Network, plan: &VpcPlan) {
        let (alive, gone) = watch::channel(());
        match self.vpcs.lock().entry(plan.id.clone()) {
            std::collections::hash_map::Entry::Occupied(_) => return,
            std::collections::hash_map::Entry::Vacant(place) => place.insert(alive),
        };
        for address in [IpAddr::V4(METADATA), IpAddr::V6(METADATA6)] {
            self.tell(network, &plan.id, address, gone.clone()).await;
        }
        let own = base_plus_two(plan).map(IpAddr::V4);
        for address in [IpAddr::V4(RESOLVER), IpAddr::V6(RESOLVER6)].into_iter().chain(own) {
            self.resolve(network, &plan.id, address, gone.clone()).await;
        }
    }

    pub fn leave(&self, vpc: &str) {
        self.vpcs.lock().remove(vpc);
        self.endpoints.lock().retain(|(of, _), _| of != vpc);
    }

    /// Has the cloud's API answer where the VPC's endpoints are, and nowhere else any more.
    pub async fn open_endpoints(&self, network: &Network, plan: &VpcPlan, api: &Api) {
        let wanted = endpoint_addresses(plan);
        self.endpoints.lock().retain(|(vpc, address), _| *vpc != plan.id || wanted.contains(address));
        for address in wanted {
            let (alive, gone) = watch::channel(());
            match self.endpoints.lock().entry((plan.id.clone(), address)) {
                std::collections::hash_map::Entry::Occupied(_) => continue,
                std::collections::hash_map::Entry::Vacant(place) => place.insert(alive),
            };
            for port in ENDPOINT_PORTS {
                let listener = network.listen_tcp(&plan.id, SocketAddr::new(address, port)).await;
                let listener = listener.map_err(anyhow::Error::from);
                match listener.and_then(|listener| Ok(tokio::net::TcpListener::from_std(listener)?)) {
                    Ok(listener) => {
                        let (api, way) = (api.clone(), self.way(&plan.id, address));
                        self.spawn(gone.clone(), async move {
                            api.serve_way(listener, way).await;
                            Ok(())
                        });
                    }
                    Err(error) => {
                        tracing::warn!(vpc = plan.id, %address, port, %error, "an endpoint does not answer");
                    }
                }
            }
        }
    }

    fn way(&self, vpc: &str, address: IpAddr) -> Arc<EndpointWay> {
        let address = Some(address).filter(|address| *address != IpAddr::V4(ENDPOINT));
        Arc::new(EndpointWay { guests: self.guests.clone(), vpc: vpc.to_owned(), address })
    }

    async fn tell(&self, network: &Network, vpc: &str, address: IpAddr, gone: watch::Receiver<()>) {
        match network.listen_tcp(vpc, SocketAddr::new(address, HTTP_PORT)).await {
            Ok(listener) => {
                let (metadata, of) = (self.metadata.clone(), vpc.to_owned());
                self.spawn(gone, async move { metadata.serve(listener, &of).await });
            }
            Err(error) => tracing::warn!(vpc, %address, %error, "instances have no metadata there"),
        }
    }

    async fn resolve(&self, network: &Network, vpc: &str, address: IpAddr, gone: watch::Receiver<()>) {
        let address = SocketAddr::new(address, DNS_PORT);
        let sockets = async {
            let udp = network.listen_udp(vpc, address).await?;
            Ok::<_, network_engine::NetworkError>((udp, network.listen_tcp(vpc, address).await?))
        };
        match sockets.await {
            Ok((udp, tcp)) => {
                let (resolver, of) = (self.resolver.clone(), vpc.to_owned());
                self.spawn(gone, async move { resolver.serve(udp, tcp, &of).await });
            }
            Err(error) => tracing::warn!(vpc, %address, %error, "instances have no resolver there"),
        }
    }

    /// Until the VPC has no machines any more, or the cloud stops.
    fn spawn(
        &self,
        mut gone: watch::Receiver<()>,
        serving: impl Future<Output = std::io::Result<()>> + Send + 'static,
    ) {
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        tracing::warn!(%error, "instances are not served any more");
                    }
                }
                // It never changes: this is the end of its sender.
                _ = gone.changed() => {}
                () = tasks.stopped() => {}
            }
        });
    }
}

/// Where interface endpoints are, and where packets for gateway endpoints are taken to.
fn endpoint_addresses(plan: &VpcPlan) -> BTreeSet<IpAddr> {
    let of = |endpoint: &EndpointPlan| match endpoint {
        EndpointPlan::Gateway { .. } => vec![IpAddr::V4(ENDPOINT)],
        EndpointPlan::Interface { addresses, .. } => addresses.clone(),
    };
    plan.endpoints.iter().flat_map(of).collect()
}

/// The VPC's own resolver: the base of its primary block, plus two.
fn base_plus_two(plan: &VpcPlan) -> Option<Ipv4Addr> {
    plan.cidrs.iter().find_map(|cidr| match cidr {
        IpNet::V4(cidr) => Some(Ipv4Addr::from(u32::from(cidr.network()) + 2)),
        IpNet::V6(_) => None,
    })
}

/// The keys of the metadata service, made once and sealed; the certificate lies beside them for everyone to read. Blocks.
fn keys(folder: &Path, sealing: &SealingKey, ids: &Ids) -> anyhow::Result<MetadataKeys> {
    let (sealed, certificate) = (folder.join("identity.key"), folder.join("identity.der"));
    if !sealed.exists() {
        let (key, made) = IdentityKey::make().context("the key of identity documents cannot be made")?;
        let mut secret = ids.bytes::<32>().to_vec();
        secret.extend(key);
        write(&certificate, &made)?;
        write(&sealed, sealing.seal(SEALED_FOR, &secret).as_bytes())?;
    }
    let text = std::fs::read_to_string(&sealed).context("the key of identity documents cannot be read")?;
    let secret = sealing.open(SEALED_FOR, &text).context("the key of identity documents is not ours")?;
    let (token, key) =
        secret.split_first_chunk::<32>().context("the key of identity documents is cut off")?;
    let certificate =
        std::fs::read(&certificate).context("the certificate of identity documents cannot be read")?;
    let identity = IdentityKey::load(key, &certificate)?;
    std::fs::write(folder.join("identity.pem"), identity.certificate_pem())
        .context("the certificate of identity documents cannot be written")?;
    Ok(MetadataKeys { token: *token, identity })
}

/// Whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside: PathBuf = path.with_extension("new");
    let written = std::fs::write(&beside, bytes).and_then(|()| {
        std::fs::File::open(&beside)?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.with_context(|| format!("{} cannot be written", path.display()))
}
