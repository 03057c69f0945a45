//! Reachability, worked out from the very plan that makes the rules: whether a packet from one end would arrive at
//! the other, through which components, and what stops it ("How Reachability Analyzer works").

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use network_engine::plan::{AclRule, GroupRule, InterfacePlan, Peer, RoutePlan, Target, Traffic, VpcPlan};

/// Where a path begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Interface(String),
    /// Beyond the internet gateway: at this address, or at any.
    Internet(Option<Ipv4Addr>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub from: End,
    pub to: End,
    pub tcp: bool,
    /// Of the destination; any, where nothing is said.
    pub port: Option<u16>,
}

/// A component that packets pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Hop {
    Interface(String),
    Group { id: String, egress: bool },
    Acl { id: String, egress: bool, rule: AclRule },
    Route { subnet: String, route: RoutePlan },
    InternetGateway,
    NatGateway(String),
}

/// What stops packets: AWS's code, the component, and which way they went.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    pub code: &'static str,
    pub component: String,
    pub egress: bool,
}

pub struct Found {
    pub hops: Vec<Hop>,
    pub stop: Option<Stop>,
}

/// Ports that answers go back to.
const EPHEMERAL: u16 = 49_152;

/// Follows a packet through one VPC.
pub fn analyse(plan: &VpcPlan, question: &Question) -> Found {
    let mut hops = Vec::new();
    let stop = follow(plan, question, &mut hops).err();
    Found { hops, stop }
}

fn stop(code: &'static str, component: &str, egress: bool) -> Stop {
    Stop { code, component: component.to_owned(), egress }
}

fn follow(plan: &VpcPlan, question: &Question, hops: &mut Vec<Hop>) -> Result<(), Stop> {
    let from = interface(plan, &question.from)?;
    let to = interface(plan, &question.to)?;
    let forward = traffic(question.tcp, question.port);
    let back = traffic(question.tcp, Some(EPHEMERAL));
    let there = address(&question.to, to);
    let here = address(&question.from, from);
    if let Some(from) = from {
        hops.push(Hop::Interface(from.id.clone()));
        passes_groups(plan, from, to, there, &forward, true, hops)?;
    }
    let is_local = from.zip(to).is_some_and(|(from, to)| from.subnet == to.subnet);
    if let Some(from) = from.filter(|_| !is_local) {
        passes_acl(plan, &from.subnet, there, &forward, true, Some(hops))?;
        leaves(plan, from, there, hops)?;
        passes_acl(plan, &from.subnet, there, &back, false, None)?;
    } else if from.is_none() {
        arrives(plan, to, hops)?;
    }
    if let Some(to) = to {
        if !is_local {
            passes_acl(plan, &to.subnet, here, &forward, false, Some(hops))?;
            passes_acl(plan, &to.subnet, here, &back, true, None)?;
        }
        passes_groups(plan, to, from, here, &forward, false, hops)?;
        hops.push(Hop::Interface(to.id.clone()));
    }
    Ok(())
}

fn interface<'a>(plan: &'a VpcPlan, end: &End) -> Result<Option<&'a InterfacePlan>, Stop> {
    let End::Interface(id) = end else { return Ok(None) };
    let found = plan.interfaces.iter().find(|interface| interface.id == *id);
    found.map(Some).ok_or_else(|| stop("NO_PATH", id, true))
}

fn address(end: &End, interface: Option<&InterfacePlan>) -> Option<IpAddr> {
    match (end, interface) {
        (End::Internet(address), _) => address.map(IpAddr::V4),
        (_, Some(interface)) => interface.addresses.first().copied().map(IpAddr::V4),
        _ => None,
    }
}

/// One packet's protocol and port, as a rule of exactly that.
fn traffic(tcp: bool, port: Option<u16>) -> Traffic {
    let (first, last) = port.map_or((0, u16::MAX), |port| (port, port));
    if tcp { Traffic::Tcp(first, last) } else { Traffic::Udp(first, last) }
}

/// Whether a rule's traffic and a packet's have something in common.
fn overlaps(rule: &Traffic, packet: &Traffic) -> bool {
    match (rule, packet) {
        (Traffic::All, _) => true,
        (Traffic::Tcp(first, last), Traffic::Tcp(from, to))
        | (Traffic::Udp(first, last), Traffic::Udp(from, to)) => first <= to && from <= last,
        _ => false,
    }
}

/// Some address is one that is not within private ranges.
fn covers(range: &IpNet, address: Option<IpAddr>) -> bool {
    match (address, range) {
        (Some(address), range) => range.contains(&address),
        (None, IpNet::V4(range)) => range.prefix_len() == 0 || !range.network().is_private(),
        (None, IpNet::V6(_)) => false,
    }
}

fn passes_groups(
    plan: &VpcPlan,
    of: &InterfacePlan,
    other: Option<&InterfacePlan>,
    address: Option<IpAddr>,
    packet: &Traffic,
    egress: bool,
    hops: &mut Vec<Hop>,
) -> Result<(), Stop> {
    let admits = |rule: &GroupRule| {
        let is_peer = match &rule.peer {
            Peer::Cidr(range) => covers(range, address),
            Peer::Group(id) => other.is_some_and(|other| other.groups.contains(id)),
            Peer::List(id) => {
                let list = plan.lists.iter().find(|list| list.id == *id);
                list.is_some_and(|list| list.entries.iter().any(|range| covers(range, address)))
            }
        };
        is_peer && overlaps(&rule.traffic, packet)
    };
    let mut groups = plan.groups.iter().filter(|group| of.groups.contains(&group.id));
    let found = groups.find(|group| if egress { &group.egress } else { &group.ingress }.iter().any(admits));
    match found {
        Some(group) => hops.push(Hop::Group { id: group.id.clone(), egress }),
        None if of.groups.is_empty() => {}
        None => return Err(stop("ENI_SG_RULES_MISMATCH", &of.id, egress)),
    }
    Ok(())
}

/// The rule with the lowest number decides. Hops are noted on the way there, not for the answer.
fn passes_acl(
    plan: &VpcPlan,
    subnet: &str,
    address: Option<IpAddr>,
    packet: &Traffic,
    egress: bool,
    hops: Option<&mut Vec<Hop>>,
) -> Result<(), Stop> {
    let subnet = plan.subnets.iter().find(|known| known.id == subnet);
    let acl = subnet.and_then(|subnet| plan.acls.iter().find(|acl| acl.id == subnet.acl));
    let Some(acl) = acl else { return Ok(()) };
    let rules = if egress { &acl.egress } else { &acl.ingress };
    let matching = rules.iter().filter(|rule| covers(&rule.cidr, address) && overlaps(&rule.traffic, packet));
    match matching.min_by_key(|rule| rule.number) {
        Some(rule) if rule.allow => {
            if let Some(hops) = hops {
                hops.push(Hop::Acl { id: acl.id.clone(), egress, rule: rule.clone() });
            }
            Ok(())
        }
        _ => Err(stop("SUBNET_ACL_RESTRICTION", &acl.id, egress)),
    }
}

/// By the longest route that fits.
fn leaves(plan: &VpcPlan, from: &InterfacePlan, to: Option<IpAddr>, hops: &mut Vec<Hop>) -> Result<(), Stop> {
    let subnet = plan.subnets.iter().find(|subnet| subnet.id == from.subnet);
    let routes = subnet.map(|subnet| subnet.routes.as_slice()).unwrap_or_default();
    let fitting = routes.iter().filter(|route| covers(&route.to, to));
    let Some(route) = fitting.max_by_key(|route| route.to.prefix_len()) else {
        return Err(stop("NO_ROUTE_TO_DESTINATION", &from.subnet, true));
    };
    hops.push(Hop::Route { subnet: from.subnet.clone(), route: route.clone() });
    match &route.via {
        Target::Local => Ok(()),
        Target::Internet if from.public.is_empty() => {
            Err(stop("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", &from.id, true))
        }
        Target::Internet => {
            hops.push(Hop::InternetGateway);
            Ok(())
        }
        Target::Nat(id) => {
            hops.push(Hop::NatGateway(id.clone()));
            Ok(())
        }
        _ => Err(stop("NO_ROUTE_TO_DESTINATION", &from.subnet, true)),
    }
}

fn arrives(plan: &VpcPlan, to: Option<&InterfacePlan>, hops: &mut Vec<Hop>) -> Result<(), Stop> {
    hops.push(Hop::InternetGateway);
    match to {
        _ if !plan.internet => Err(stop("UNASSOCIATED_COMPONENT", &plan.id, false)),
        Some(to) if to.public.is_empty() => Err(stop("IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS", &to.id, false)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use network_engine::plan::{AclPlan, GroupPlan, SubnetPlan};

    use super::*;

    fn everything(allow: bool) -> AclRule {
        AclRule { number: 100, traffic: Traffic::All, cidr: "0.0.0.0/0".parse().unwrap(), allow }
    }

    /// Two subnets with an interface each, which may reach each other on 443 and go out to the internet.
    fn plan() -> VpcPlan {
        let subnet = |id: &str, cidr: &str| SubnetPlan {
            id: id.to_owned(),
            zone: "us-east-1a".to_owned(),
            cidr: cidr.parse().unwrap(),
            cidr6: None,
            acl: "acl-1".to_owned(),
            routes: vec![
                RoutePlan { to: "10.0.0.0/16".parse().unwrap(), via: Target::Local },
                RoutePlan { to: "0.0.0.0/0".parse().unwrap(), via: Target::Internet },
            ],
        };
        let interface = |id: &str, subnet: &str, address: &str| InterfacePlan {
            id: id.to_owned(),
            subnet: subnet.to_owned(),
            mac: [2; 6],
            addresses: vec![address.parse().unwrap()],
            prefixes: Vec::new(),
            addresses6: Vec::new(),
            public: vec![(address.parse().unwrap(), "198.18.0.9".parse().unwrap())],
            groups: vec!["sg-1".to_owned()],
            check: true,
            home: None,
        };
        let rule = |traffic| GroupRule { traffic, peer: Peer::Cidr("0.0.0.0/0".parse().unwrap()) };
        VpcPlan {
            id: "vpc-1".to_owned(),
            subnets: vec![subnet("subnet-1", "10.0.0.0/24"), subnet("subnet-2", "10.0.1.0/24")],
            interfaces: vec![
                interface("eni-1", "subnet-1", "10.0.0.10"),
                interface("eni-2", "subnet-2", "10.0.1.10"),
            ],
            acls: vec![AclPlan {
                id: "acl-1".to_owned(),
                ingress: vec![everything(true)],
                egress: vec![everything(true)],
            }],
            groups: vec![GroupPlan {
                id: "sg-1".to_owned(),
                ingress: vec![rule(Traffic::Tcp(443, 443))],
                egress: vec![rule(Traffic::All)],
            }],
            internet: true,
            ..VpcPlan::default()
        }
    }

    fn ask(plan: &VpcPlan, from: End, to: End, port: u16) -> Option<&'static str> {
        let question = Question { from, to, tcp: true, port: Some(port) };
        analyse(plan, &question).stop.map(|stop| stop.code)
    }

    fn eni(number: u8) -> End {
        End::Interface(format!("eni-{number}"))
    }

    #[test]
    fn what_stops_a_packet_is_told() {
        let good = plan();
        assert_eq!(ask(&good, eni(1), eni(2), 443), None);
        assert_eq!(ask(&good, eni(1), eni(2), 22), Some("ENI_SG_RULES_MISMATCH"));
        assert_eq!(ask(&good, End::Internet(None), eni(2), 443), None);
        assert_eq!(ask(&good, eni(1), End::Internet(None), 80), None);

        let mut closed = plan();
        closed.acls[0].ingress = vec![everything(false)];
        assert_eq!(ask(&closed, eni(1), eni(2), 443), Some("SUBNET_ACL_RESTRICTION"));

        let mut hidden = plan();
        hidden.interfaces.iter_mut().for_each(|interface| interface.public.clear());
        let expected = Some("IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS");
        assert_eq!(ask(&hidden, End::Internet(None), eni(2), 443), expected);
        let expected = Some("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS");
        assert_eq!(ask(&hidden, eni(1), End::Internet(None), 80), expected);

        let mut lost = plan();
        lost.subnets[0].routes.clear();
        assert_eq!(ask(&lost, eni(1), eni(2), 443), Some("NO_ROUTE_TO_DESTINATION"));
    }

    #[test]
    fn a_path_is_told_in_its_order() {
        let question = Question { from: eni(1), to: eni(2), tcp: true, port: Some(443) };
        let hops = analyse(&plan(), &question).hops;
        assert_eq!(hops.first(), Some(&Hop::Interface("eni-1".to_owned())));
        assert_eq!(hops.last(), Some(&Hop::Interface("eni-2".to_owned())));
        assert_eq!(hops.len(), 7);
    }
}
