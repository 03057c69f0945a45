//! What the engine knows of its networks, and what it does about them, one thing at a time.
//!
//! Plans are remembered to find out whom a change concerns (peers, hubs), compiled rules to send differences only.
//! Everything else is read off the kernel each time, so that a restart changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;

use crate::compile::flows::Generation;
use crate::compile::gateways::{self, internet_routes};
use crate::compile::groups::members;
use crate::compile::node::{Cable, Device, Guest, Hop, MAIN, Node, Route, alone};
use crate::compile::ruleset::Ruleset;
use crate::compile::{self, Surroundings, vpn};
use crate::error::{Doing, NetworkError};
use crate::kernel::namespace::{Folder, set, within};
use crate::kernel::nat64::{self, Nat64};
use crate::kernel::reconcile::{self, Extent, Outcome};
use crate::kernel::{flows, guest, ipsec, nft};
use crate::limits::INTERNET_MTU_BYTES;
use crate::names::{self, HOST, Names, WAN, machine_of};
use crate::network::{Applied, FlowRecord, Found};
use crate::plan::{HubPlan, NamespaceId, VpcPlan, VpnPlan};
use crate::settings::Settings;

pub struct World {
    settings: Settings,
    names: Names,
    folder: Folder,
    plans: BTreeMap<String, VpcPlan>,
    hubs: BTreeMap<String, HubPlan>,
    vpns: BTreeMap<String, VpnPlan>,
    down: BTreeSet<String>,
    /// By namespace: what the kernel holds, since this process put it there.
    rules: HashMap<String, Ruleset>,
    /// By namespace: the rest of what it was last made equal to, when nothing was absent, and the numbers of the
    /// namespaces its guests were in.
    settled: HashMap<String, (Node, Vec<u64>)>,
    /// By namespace and device: how the far ends were configured.
    guests: HashMap<(String, String), Guest>,
    recording: HashMap<String, Generation>,
    /// By namespace: the NAT gateways that translate IPv6.
    translating: HashMap<String, Nat64>,
}

/// What every node's kernel is told. IPv6 may be off on the host; then its settings are not there.
const SETTINGS: [(&str, &str); 15] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    ("net/ipv4/conf/default/accept_redirects", "0"),
    ("net/ipv4/conf/all/proxy_arp", "1"),
    ("net/ipv6/conf/all/disable_ipv6", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/addr_gen_mode", "1"),
    ("net/ipv6/conf/all/accept_redirects", "0"),
];

impl World {
    pub fn open(settings: Settings, names: Names) -> Result<World, NetworkError> {
        let mut world = World {
            folder: Folder(settings.folder.clone()),
            names,
            settings,
            plans: BTreeMap::new(),
            hubs: BTreeMap::new(),
            vpns: BTreeMap::new(),
            down: BTreeSet::new(),
            rules: HashMap::new(),
            settled: HashMap::new(),
            guests: HashMap::new(),
            recording: HashMap::new(),
            translating: HashMap::new(),
        };
        world.join_host()?;
        Ok(world)
    }

    /// The internet namespace, and the host's way to it.
    fn join_host(&mut self) -> Result<(), NetworkError> {
        let internet = self.names.internet();
        self.ensure(&internet)?;
        let device = self.names.host_device();
        let kind = Cable::Link { namespace: internet.clone(), device: HOST.to_owned() };
        let mut host = Node::default();
        host.devices.push(Device { name: device.clone(), mtu: INTERNET_MTU_BYTES, kind });
        host.addresses.insert((device.clone(), alone(self.settings.service_address)));
        let hop = Hop::Device(device, None);
        host.routes.insert(Route { table: MAIN, to: self.settings.public_range.into(), hop });
        let folder = &self.folder;
        reconcile::reconcile(&host, Extent::OwnDevices, &|name| folder.open(name))
            .doing(|| "the host's way into the cloud".to_owned())?;
        let node = gateways::internet(&self.settings.outside(), &self.names);
        self.bring(&internet, node, Extent::OwnDevices)?;
        Ok(())
    }

    /// Makes the namespace if it is not there, with what every node needs.
    fn ensure(&mut self, name: &str) -> Result<File, NetworkError> {
        let doing = || format!("namespace {name}");
        if let (Some(there), true) = (self.folder.open(name).doing(doing)?, self.rules.contains_key(name)) {
            return Ok(there);
        }
        self.rules.remove(name);
        let file = self.folder.ensure(name).doing(doing)?;
        within(&file, || SETTINGS.iter().try_for_each(|(key, value)| set_if_there(key, value)))
            .and_then(|inner| inner)
            .doing(doing)?;
        Ok(file)
    }

    /// Makes a namespace equal to a node: rules first, so that nothing passes unfiltered.
    fn bring(&mut self, name: &str, mut node: Node, extent: Extent) -> Result<Outcome, NetworkError> {
        let file = self.ensure(name)?;
        let rules = std::mem::take(&mut node.rules);
        let commands = rules.since(self.rules.get(name));
        let (nft, folder) = (&self.settings.nft, &self.folder);
        // Should it fail half-way, nobody knows what is there, and the next time replaces all of it.
        self.rules.remove(name);
        let far = |far: &str| folder.open(far);
        let homes = reconcile::homes(&node, &far).doing(|| format!("network {name}"))?;
        let settled = self.settled.remove(name).is_some_and(|before| before.0 == node && before.1 == homes);
        let outcome = within(&file, || {
            nft::run(nft, commands)?;
            if settled && reconcile::plugged(&node)? {
                return Ok(Outcome::default());
            }
            node.settings.iter().try_for_each(|(key, value)| set_if_there(key, value))?;
            reconcile::reconcile(&node, extent, &far)
        });
        let outcome = outcome.and_then(|inner| inner).doing(|| format!("network {name}"))?;
        self.rules.insert(name.to_owned(), rules);
        if outcome.absent.is_empty() {
            self.settled.insert(name.to_owned(), (node, homes));
        }
        Ok(outcome)
    }

    /// Forgets what was done, and does it again by looking at everything.
    pub fn repair(&mut self, vpc: &str) -> Result<Applied, NetworkError> {
        let plan = self.plans.get(vpc).cloned().ok_or_else(|| NetworkError::Unknown(vpc.to_owned()))?;
        let nodes = std::iter::once(vpc).chain(plan.nats.iter().map(|nat| nat.id.as_str()));
        for name in nodes.map(|id| self.names.node(id)).chain([self.names.internet()]).collect::<Vec<_>>() {
            self.rules.remove(&name);
            self.settled.remove(&name);
        }
        self.guests.clear();
        self.join_host()?;
        self.apply(plan)
    }

    fn node(&self, plan: &VpcPlan) -> Node {
        let recording = self.recording.get(&plan.id).copied().unwrap_or_default();
        let around = Surroundings { names: &self.names, plans: &self.plans, down: &self.down, recording };
        compile::compile(plan, &around)
    }

    pub fn apply(&mut self, plan: VpcPlan) -> Result<Applied, NetworkError> {
        let before = self.plans.insert(plan.id.clone(), plan.clone());
        self.nats(&plan, before.as_ref())?;
        let outcome = self.bring_vpc(&plan)?;
        self.join_internet(&plan)?;
        for other in self.concerned(&plan, before.as_ref(), &outcome) {
            self.bring_vpc(&other)?;
        }
        let hubs: Vec<HubPlan> =
            plan.links.iter().filter_map(|link| self.hubs.get(&link.id)).cloned().collect();
        for hub in hubs {
            if outcome
                .made
                .iter()
                .any(|made| plan.links.iter().any(|link| *made == names::link(&link.attachment)))
            {
                self.bring_hub(&hub)?;
            }
        }
        Ok(Applied { absent: ids(&plan, outcome.absent) })
    }

    fn bring_vpc(&mut self, plan: &VpcPlan) -> Result<Outcome, NetworkError> {
        let node = self.node(plan);
        let name = self.names.node(&plan.id);
        let devices = node.devices.clone();
        let outcome = self.bring(&name, node, Extent::Everything)?;
        for device in &devices {
            if let Cable::Guest { namespace, guest } = &device.kind {
                self.configure(namespace, guest, outcome.made.contains(&device.name))?;
            }
        }
        Ok(outcome)
    }

    /// The far end of a cable, when it is new or to be different.
    fn configure(&mut self, namespace: &str, guest: &Guest, made: bool) -> Result<(), NetworkError> {
        let key = (namespace.to_owned(), guest.device.clone());
        let before = self.guests.get(&key).filter(|_| !made);
        if before == Some(guest) {
            return Ok(());
        }
        let Some(file) = self.folder.open(namespace).doing(|| format!("namespace {namespace}"))? else {
            self.guests.remove(&key);
            return Ok(());
        };
        within(&file, || guest::configure(guest, before))
            .and_then(|inner| inner)
            .doing(|| format!("{} of {namespace}", guest.device))?;
        self.guests.insert(key, guest.clone());
        Ok(())
    }

    /// NAT gateways come before the cables to them, and go with the plan.
    fn nats(&mut self, plan: &VpcPlan, before: Option<&VpcPlan>) -> Result<(), NetworkError> {
        for nat in &plan.nats {
            let name = self.names.node(&nat.id);
            let translates = nat.translates(plan);
            let node = gateways::nat(nat, translates);
            let file = self.ensure(&name)?;
            // Its one device is plugged in from the router's side.
            self.bring(&name, node, Extent::OwnDevices)?;
            match (translates, self.translating.contains_key(&name)) {
                (true, false) => {
                    let started = nat64::start(&file).doing(|| format!("NAT64 of {}", nat.id))?;
                    self.translating.insert(name, started);
                }
                (false, true) => drop(self.translating.remove(&name)),
                _ => {}
            }
        }
        for gone in before.into_iter().flat_map(|before| &before.nats) {
            if !plan.nats.iter().any(|nat| nat.id == gone.id) {
                self.take_away(&self.names.node(&gone.id))?;
            }
        }
        Ok(())
    }

    /// The internet's side of a VPC: its device and the routes to its public addresses.
    fn join_internet(&mut self, plan: &VpcPlan) -> Result<(), NetworkError> {
        let mut node = Node::default();
        if plan.internet || plan.egress_only {
            let kind = Cable::Link { namespace: self.names.node(&plan.id), device: WAN.to_owned() };
            node.devices.push(Device { name: names::uplink(&plan.id), mtu: INTERNET_MTU_BYTES, kind });
        }
        node.routes.extend(internet_routes(plan));
        self.join(node)
    }

    /// Adds devices and their routes to the internet.
    fn join(&mut self, node: Node) -> Result<(), NetworkError> {
        let internet = self.names.internet();
        let doing = || "the internet".to_owned();
        let Some(file) = self.folder.open(&internet).doing(doing)? else {
            return Err(NetworkError::Unknown(internet));
        };
        let folder = &self.folder;
        let act = || reconcile::reconcile(&node, Extent::OwnDevices, &|far| folder.open(far));
        within(&file, act).and_then(|inner| inner).doing(doing)?;
        Ok(())
    }

    /// Peers that a change concerns: a link between them is new, or their rules name groups whose members changed.
    fn concerned(&self, plan: &VpcPlan, before: Option<&VpcPlan>, outcome: &Outcome) -> Vec<VpcPlan> {
        let alone = BTreeMap::new();
        let moved = before.is_none_or(|before| {
            members(before, &alone) != members(plan, &alone) || before.peerings != plan.peerings
        });
        let peerings = plan.peerings.iter().chain(before.into_iter().flat_map(|before| &before.peerings));
        let mut concerned: BTreeMap<&str, &VpcPlan> = BTreeMap::new();
        for peering in peerings {
            if moved || outcome.made.contains(&names::peering(&peering.id)) {
                concerned.extend(
                    self.plans.get_key_value(&peering.other_vpc).map(|(id, plan)| (id.as_str(), plan)),
                );
            }
        }
        concerned.into_values().cloned().collect()
    }

    pub fn remove(&mut self, vpc: &str) -> Result<(), NetworkError> {
        let before = self.plans.remove(vpc);
        self.take_away(&self.names.node(vpc))?;
        self.recording.remove(vpc);
        for nat in before.iter().flat_map(|plan| &plan.nats) {
            self.take_away(&self.names.node(&nat.id))?;
        }
        for peering in before.iter().flat_map(|plan| &plan.peerings) {
            if let Some(other) = self.plans.get(&peering.other_vpc).cloned() {
                self.bring_vpc(&other)?;
            }
        }
        Ok(())
    }

    pub fn apply_hub(&mut self, plan: HubPlan) -> Result<Applied, NetworkError> {
        self.hubs.insert(plan.id.clone(), plan.clone());
        let outcome = self.bring_hub(&plan)?;
        let attached: Vec<VpcPlan> = self
            .plans
            .values()
            .filter(|vpc| vpc.links.iter().any(|link| link.id == plan.id))
            .cloned()
            .collect();
        for vpc in attached {
            let new = |link: &crate::plan::LinkPlan| outcome.made.contains(&names::link(&link.attachment));
            if vpc.links.iter().any(new) {
                self.bring_vpc(&vpc)?;
            }
        }
        let attachment =
            |device: &String| plan.attachments.iter().find(|one| names::link(&one.id) == *device);
        let absent = outcome.absent.iter().filter_map(attachment).map(|one| one.id.clone()).collect();
        let joined = |vpn: &&VpnPlan| vpn.gateway == plan.id && outcome.made.contains(&names::link(&vpn.id));
        for vpn in self.vpns.values().filter(joined).cloned().collect::<Vec<_>>() {
            self.bring_vpn(&vpn)?;
        }
        Ok(Applied { absent })
    }

    pub fn apply_vpn(&mut self, plan: VpnPlan) -> Result<Applied, NetworkError> {
        let missing = ipsec::missing(&self.settings.ipsec);
        if !missing.is_empty() {
            return Err(NetworkError::Unsupported(missing));
        }
        self.vpns.insert(plan.id.clone(), plan.clone());
        let outcome = self.bring_vpn(&plan)?;
        if outcome.made.contains(&names::link(&plan.id))
            && let Some(hub) = self.hubs.get(&plan.gateway).cloned()
        {
            self.bring_hub(&hub)?;
        }
        let is_link = outcome.absent.contains(&names::link(&plan.id));
        Ok(Applied { absent: is_link.then_some(plan.gateway).into_iter().collect() })
    }

    /// The daemon first: its device is where routes lead to.
    fn bring_vpn(&mut self, plan: &VpnPlan) -> Result<Outcome, NetworkError> {
        let name = self.names.node(&plan.id);
        let file = self.ensure(&name)?;
        let started =
            ipsec::ensure(&self.settings.ipsec, &name, &file, plan).doing(|| format!("VPN {}", plan.id))?;
        if started {
            self.settled.remove(&name);
        }
        let outcome = self.bring(&name, vpn::vpn(plan, &self.names), Extent::Everything)?;
        self.join(vpn::internet(plan, &self.names))?;
        Ok(outcome)
    }

    pub fn remove_vpn(&mut self, vpn: &str) -> Result<(), NetworkError> {
        self.vpns.remove(vpn);
        let name = self.names.node(vpn);
        ipsec::stop(&self.settings.ipsec, &name);
        self.take_away(&name)
    }

    pub fn tunnels_up(&mut self, vpn: &str) -> Result<Vec<bool>, NetworkError> {
        let plan = self.vpns.get(vpn).cloned().ok_or_else(|| NetworkError::Unknown(vpn.to_owned()))?;
        let name = self.names.node(vpn);
        let up = ipsec::tunnels_up(&self.settings.ipsec, &name, &plan).doing(|| format!("VPN {vpn}"))?;
        match up {
            Some(up) => Ok(up),
            None => {
                self.bring_vpn(&plan)?;
                Ok(vec![false; plan.tunnels.len()])
            }
        }
    }

    fn bring_hub(&mut self, plan: &HubPlan) -> Result<Outcome, NetworkError> {
        let node = gateways::hub(plan, &self.names);
        self.bring(&self.names.node(&plan.id), node, Extent::Everything)
    }

    pub fn remove_hub(&mut self, hub: &str) -> Result<(), NetworkError> {
        self.hubs.remove(hub);
        self.take_away(&self.names.node(hub))
    }

    pub fn namespace(&mut self, machine: &str) -> Result<NamespaceId, NetworkError> {
        let home = NamespaceId(self.names.machine(machine));
        self.folder.ensure(&home.0).doing(|| format!("namespace {}", home.0))?;
        Ok(home)
    }

    pub fn drop_namespace(&mut self, machine: &str) -> Result<(), NetworkError> {
        self.take_away(&self.names.machine(machine))
    }

    /// Unplugs all cables of a namespace (a process or socket in it may outlive its name) and removes the name.
    fn take_away(&mut self, name: &str) -> Result<(), NetworkError> {
        self.rules.remove(name);
        self.settled.remove(name);
        self.translating.remove(name);
        self.guests.retain(|(namespace, _), _| namespace != name);
        let doing = || format!("removing {name}");
        if let Some(file) = self.folder.open(name).doing(doing)? {
            let unplug = || reconcile::cables()?.iter().try_for_each(|cable| reconcile::unplug(cable));
            within(&file, unplug).and_then(|inner| inner).doing(doing)?;
        }
        self.folder.remove(name).doing(doing)
    }

    pub fn zone_down(&mut self, zone: &str, down: bool) -> Result<(), NetworkError> {
        let changed = if down { self.down.insert(zone.to_owned()) } else { self.down.remove(zone) };
        let concerned: Vec<VpcPlan> = match changed {
            true => self
                .plans
                .values()
                .filter(|plan| plan.subnets.iter().any(|one| one.zone == zone))
                .cloned()
                .collect(),
            false => Vec::new(),
        };
        concerned.iter().try_for_each(|plan| self.bring_vpc(plan).map(drop))
    }

    /// Runs `act` in a VPC's router.
    pub fn inside<T: Send>(
        &mut self,
        vpc: &str,
        act: impl FnOnce() -> io::Result<T> + Send,
    ) -> Result<T, NetworkError> {
        let doing = || format!("inside {vpc}");
        let there = self.folder.open(&self.names.node(vpc)).doing(doing)?;
        let file = there.ok_or_else(|| NetworkError::Unknown(vpc.to_owned()))?;
        within(&file, act).and_then(|inner| inner).doing(doing)
    }

    pub fn flows(&mut self, vpc: &str) -> Result<Vec<FlowRecord>, NetworkError> {
        let Some(plan) = self.plans.get(vpc).cloned() else {
            return Err(NetworkError::Unknown(vpc.to_owned()));
        };
        if plan.flow_logs.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.recording.get(vpc).copied().unwrap_or_default();
        self.recording.insert(vpc.to_owned(), read.next());
        self.bring_vpc(&plan)?;
        let nft = self.settings.nft.clone();
        let records = self.inside(vpc, || flows::read_all(&nft, read))?;
        let interfaces: HashMap<String, &str> = plan
            .interfaces
            .iter()
            .map(|interface| (names::guest(&interface.id), interface.id.as_str()))
            .chain(plan.nats.iter().map(|nat| (names::nat(&nat.id), nat.id.as_str())))
            .collect();
        let told = records.into_iter().filter_map(|record| {
            let interface = interfaces.get(&record.device)?;
            let own = plan.interfaces.iter().find(|one| one.id == **interface);
            let egress = own.is_some_and(|own| own.addresses.iter().any(|address| record.source == *address))
                || own.is_some_and(|own| own.addresses6.iter().any(|address| record.source == *address));
            Some(FlowRecord {
                interface: (*interface).to_owned(),
                source: record.source,
                destination: record.destination,
                source_port: record.source_port,
                destination_port: record.destination_port,
                protocol: record.protocol,
                packets: record.packets,
                bytes: record.bytes,
                accepted: record.accepted,
                egress,
            })
        });
        Ok(told.collect())
    }

    pub fn found(&mut self) -> Result<Found, NetworkError> {
        let mut found = Found::default();
        let all = self.folder.names().doing(|| "listing namespaces".to_owned())?;
        for rest in all.iter().filter_map(|name| self.names.ours(name)) {
            let list = match rest.split('-').next() {
                Some("vpc") => &mut found.vpcs,
                Some("nat") => &mut found.nats,
                Some("tgw" | "vgw") => &mut found.hubs,
                Some("vpn") => &mut found.vpns,
                Some("m") => &mut found.machines,
                _ => continue,
            };
            list.push(machine_of(rest).unwrap_or(rest).to_owned());
        }
        Ok(found)
    }

    pub fn sweep(&mut self, known: &Found) -> Result<Found, NetworkError> {
        let unknown = |there: Vec<String>, known: &[String]| -> Vec<String> {
            there.into_iter().filter(|id| !known.contains(id)).collect()
        };
        let there = self.found()?;
        let gone = Found {
            vpcs: unknown(there.vpcs, &known.vpcs),
            nats: unknown(there.nats, &known.nats),
            hubs: unknown(there.hubs, &known.hubs),
            vpns: unknown(there.vpns, &known.vpns),
            machines: unknown(there.machines, &known.machines),
        };
        self.discard(&gone)?;
        Ok(gone)
    }

    pub fn discard(&mut self, gone: &Found) -> Result<(), NetworkError> {
        for vpc in &gone.vpcs {
            self.remove(vpc)?;
        }
        for id in gone.nats.iter().chain(&gone.hubs) {
            self.hubs.remove(id);
            self.take_away(&self.names.node(id))?;
        }
        for vpn in &gone.vpns {
            self.remove_vpn(vpn)?;
        }
        for machine in &gone.machines {
            self.drop_namespace(machine)?;
        }
        Ok(())
    }

    pub fn dismantle(&mut self) -> Result<(), NetworkError> {
        self.plans.clear();
        self.hubs.clear();
        self.vpns.clear();
        self.sweep(&Found::default())?;
        self.take_away(&self.names.internet())?;
        // The cable went with its other end, unless the namespace was not there any more.
        reconcile::unplug(&self.names.host_device()).doing(|| "the host's device".to_owned())
    }
}

/// The ids behind the names of devices.
fn ids(plan: &VpcPlan, devices: Vec<String>) -> Vec<String> {
    let interfaces = plan.interfaces.iter().map(|interface| (names::guest(&interface.id), &interface.id));
    let nats = plan.nats.iter().map(|nat| (names::nat(&nat.id), &nat.id));
    let peerings = plan.peerings.iter().map(|peering| (names::peering(&peering.id), &peering.id));
    let links = plan.links.iter().map(|link| (names::link(&link.attachment), &link.attachment));
    let known: HashMap<String, &String> = interfaces.chain(nats).chain(peerings).chain(links).collect();
    devices.into_iter().map(|device| known.get(&device).map_or(device, |id| (*id).clone())).collect()
}

fn set_if_there(key: &str, value: &str) -> io::Result<()> {
    match set(key, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
