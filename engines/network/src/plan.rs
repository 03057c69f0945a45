//! What a VPC is to be, as plain data: whoever knows the API writes a plan, the engine makes the kernel equal to it.
//!
//! A plan is complete: what is not in it does not exist. All names in it are AWS's ids, and they are opaque to the
//! engine beyond being unique. Nothing here is asynchronous, and nothing here touches the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Everything that one VPC's packets obey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcPlan {
    /// `vpc-…`
    pub id: String,
    /// All CIDR blocks, IPv4 and IPv6. The first IPv4 block is the primary one: its base + 2 is the resolver.
    pub cidrs: Vec<IpNet>,
    pub subnets: Vec<SubnetPlan>,
    /// Gateways with route tables of their own.
    pub edges: Vec<EdgePlan>,
    pub interfaces: Vec<InterfacePlan>,
    pub acls: Vec<AclPlan>,
    pub groups: Vec<GroupPlan>,
    pub lists: Vec<PrefixListPlan>,
    pub nats: Vec<NatPlan>,
    pub peerings: Vec<PeeringPlan>,
    /// An internet gateway is attached.
    pub internet: bool,
    /// An egress-only internet gateway is attached.
    pub egress_only: bool,
    /// Attachments to transit gateways and VPN gateways.
    pub links: Vec<LinkPlan>,
    pub endpoints: Vec<EndpointPlan>,
    pub flow_logs: Vec<FlowLogPlan>,
    /// Whether the VPC's resolver answers (`enableDnsSupport`).
    pub resolver: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetPlan {
    /// `subnet-…`
    pub id: String,
    /// The zone that takes the subnet down with it: the zone *id* (`use1-az1`) or name, as [`crate::Network::zone_down`]
    /// is called with it.
    pub zone: String,
    /// Nothing for a subnet of IPv6 only.
    pub cidr: Option<Ipv4Net>,
    pub cidr6: Option<Ipv6Net>,
    /// The id of the network ACL.
    pub acl: String,
    /// The effective route table, local routes included. The longest prefix wins.
    pub routes: Vec<RoutePlan>,
}

/// What comes in by a gateway is routed by a table of the gateway's, in place of straight to where it is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgePlan {
    /// `igw-…`, or `vgw-…` of [`VpcPlan::links`]
    pub gateway: String,
    /// [`Target::Internet`] or [`Target::Link`]: where it comes from.
    pub from: Target,
    /// As in [`SubnetPlan::routes`].
    pub routes: Vec<RoutePlan>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutePlan {
    pub to: IpNet,
    pub via: Target,
}

/// Where a route leads. A target that is not in the plan drops the packets, as a blackhole route does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Local,
    Internet,
    EgressOnly,
    /// `nat-…` of [`VpcPlan::nats`]
    Nat(String),
    /// `eni-…` of [`VpcPlan::interfaces`]; its `check` has to be off for packets that are not its own
    Interface(String),
    /// `pcx-…` of [`VpcPlan::peerings`]
    Peering(String),
    /// `tgw-…` or `vgw-…` of [`VpcPlan::links`]
    Link(String),
    /// `vpce-…` of [`VpcPlan::endpoints`], for gateway endpoints
    Endpoint(String),
    Blackhole,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePlan {
    /// `eni-…`
    pub id: String,
    pub subnet: String,
    pub mac: [u8; 6],
    /// The first is the primary one.
    pub addresses: Vec<Ipv4Addr>,
    /// Delegated prefixes (/28 and /80), routed to the primary address.
    pub prefixes: Vec<IpNet>,
    pub addresses6: Vec<Ipv6Addr>,
    /// Private → public, one to one, both ways.
    pub public: Vec<(Ipv4Addr, Ipv4Addr)>,
    /// Security groups. None at all: nothing is filtered (the interfaces of gateways).
    pub groups: Vec<String>,
    /// Source/destination check.
    pub check: bool,
    /// Which network namespace holds it; `None` while it is attached to nothing.
    pub home: Option<Home>,
}

/// Where the instance's end of an interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    pub namespace: NamespaceId,
    /// `eth0`, at most 15 characters.
    pub device: String,
    /// The device index of the attachment; 0 carries the default route.
    pub index: u8,
}

/// The name of a network namespace the engine made ([`crate::Network::namespace`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamespaceId(pub String);

/// Network ACL: stateless, the lowest number that matches decides, and what matches none is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclPlan {
    pub id: String,
    pub ingress: Vec<AclRule>,
    pub egress: Vec<AclRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclRule {
    pub number: u16,
    pub traffic: Traffic,
    pub cidr: IpNet,
    pub allow: bool,
}

/// Security group: stateful, rules only allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    pub id: String,
    pub ingress: Vec<GroupRule>,
    pub egress: Vec<GroupRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    pub traffic: Traffic,
    pub peer: Peer,
}

/// The other side of a group's rule: the source of ingress, the destination of egress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    Cidr(IpNet),
    /// A group of this VPC, or of one it is peered with: the engine finds its members in that VPC's own plan.
    Group(String),
    /// `pl-…` of [`VpcPlan::lists`]
    List(String),
}

/// Protocol and ports of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Traffic {
    /// `-1`
    All,
    /// First and last port.
    Tcp(u16, u16),
    Udp(u16, u16),
    /// Protocol 1. Type and code; `None` is `-1`, any.
    Icmp(Option<u8>, Option<u8>),
    /// Protocol 58.
    Icmp6(Option<u8>, Option<u8>),
    /// Any other protocol number; it has no ports.
    Other(u8),
}

/// Managed prefix list, also AWS's own (`com.amazonaws.….s3`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixListPlan {
    /// `pl-…`
    pub id: String,
    pub entries: Vec<IpNet>,
}

/// NAT gateway. It stands in its subnet as a machine of its own, with the routes and the ACL of that subnet: a public
/// one reaches the internet only when that subnet's route table leads there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatPlan {
    /// `nat-…`
    pub id: String,
    pub subnet: String,
    pub private: Ipv4Addr,
    /// None: a private NAT gateway.
    pub public: Option<Ipv4Addr>,
}

impl NatPlan {
    /// Whether some subnet sends it IPv6 packets, which it translates (NAT64).
    pub fn translates(&self, plan: &VpcPlan) -> bool {
        let leads =
            |route: &RoutePlan| route.to.addr().is_ipv6() && route.via == Target::Nat(self.id.clone());
        plan.subnets.iter().any(|subnet| subnet.routes.iter().any(leads))
    }
}

/// An active peering connection, from this side. Both VPCs' plans have to name it before packets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeeringPlan {
    /// `pcx-…`
    pub id: String,
    pub other_vpc: String,
    pub other_cidrs: Vec<IpNet>,
}

/// A VPC's attachment to a transit gateway or virtual private gateway, from the VPC's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPlan {
    /// The id of the gateway: `tgw-…`, `vgw-…`; a [`HubPlan`] has the same.
    pub id: String,
    /// `tgw-attach-…`, or the `vgw-…` again
    pub attachment: String,
    /// The subnet whose route table is asked for packets that come out of the link and are for nobody in the VPC.
    pub subnet: Option<String>,
}

/// A VPC endpoint. Whoever serves it listens with [`crate::Network::listen`] on port 443 of the addresses (or of the
/// unspecified address); callers appear with their private addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointPlan {
    /// Packets to these service addresses are taken over where a subnet's route leads to this endpoint.
    Gateway { id: String, services: Vec<IpNet> },
    /// Interface endpoint: one address in each subnet, guarded by security groups.
    Interface { id: String, addresses: Vec<IpAddr>, groups: Vec<String> },
}

/// Which packets are recorded. Records are taken with [`crate::Network::flows`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowLogPlan {
    /// `fl-…`
    pub id: String,
    /// The interfaces of the VPC, the subnet or the one interface it is for, resolved to ids.
    pub interfaces: Vec<String>,
    pub accepted: bool,
    pub rejected: bool,
}

/// A transit gateway or a virtual private gateway: the place where links meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubPlan {
    /// `tgw-…` or `vgw-…`
    pub id: String,
    pub attachments: Vec<HubAttachment>,
    pub tables: Vec<HubTable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubAttachment {
    /// `tgw-attach-…`
    pub id: String,
    pub to: HubTarget,
    /// The id of the route table it is associated with; none: nothing that comes from it is forwarded.
    pub table: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubTarget {
    Vpc(String),
    /// Peering with another transit gateway; its [`HubPlan`] names the same attachment id.
    Hub(String),
}

/// A site-to-site VPN connection: this side's end of its tunnels. The [`HubPlan`] of its gateway has an attachment with
/// the connection's id, to the "hub" of that id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpnPlan {
    /// `vpn-…`
    pub id: String,
    /// `vgw-…` or `tgw-…`
    pub gateway: String,
    pub tunnels: Vec<TunnelPlan>,
}

/// An IPsec tunnel, in UDP, by a key that both ends have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelPlan {
    /// This end's public address.
    pub outside: Ipv4Addr,
    /// The public address of the customer's device.
    pub device: Ipv4Addr,
    /// This end's address inside the tunnel, with the length of the tunnel's block.
    pub inside: Ipv4Net,
    pub key: SharedKey,
    /// This end begins, rather than waiting for the device to do so.
    pub starts: bool,
}

/// A key of a tunnel. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedKey(pub String);

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("SharedKey(…)")
    }
}

/// A route table of a transit gateway: the attachment packets go to, or `None` for a blackhole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubTable {
    /// `tgw-rtb-…`
    pub id: String,
    pub routes: Vec<(IpNet, Option<String>)>,
}
