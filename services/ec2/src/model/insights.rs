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
    Group {
        id: String,
        egress: bool,
    },
    Acl {
        id: String,
        egress: bool,
        rule: AclRule,
    },
    /// Of the table of a subnet or a gateway.
    Route {
        table_of: String,
        route: RoutePlan,
    },
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

/// Middleboxes that a packet may pass; routes can lead in a circle.
const MIDDLEBOXES_MAX: usize = 8;

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
    let mut walk = Walk {
        plan,
        from,
        to,
        forward: traffic(question.tcp, question.port),
        back: traffic(question.tcp, Some(EPHEMERAL)),
        there: address(&question.to, to),
        here: address(&question.from, from),
        hops,
    };
    let last = match from {
        Some(from) => {
            walk.hops.push(Hop::Interface(from.id.clone()));
            walk.groups(from, true)?;
            walk.onwards(from)?
        }
        None => walk.arrives()?,
    };
    walk.delivered(last)
}

/// A packet on its way.
struct Walk<'a> {
    plan: &'a VpcPlan,
    from: Option<&'a InterfacePlan>,
    to: Option<&'a InterfacePlan>,
    forward: Traffic,
    back: Traffic,
    there: Option<IpAddr>,
    here: Option<IpAddr>,
    hops: &'a mut Vec<Hop>,
}

/// Where a route of a VPC leads.
enum Next<'a> {
    /// To whom it is addressed, or out of the VPC.
    End,
    Middlebox(&'a InterfacePlan),
}

impl<'a> Walk<'a> {
    /// The groups of an interface on the way, for packets out of it or into it.
    fn groups(&mut self, of: &InterfacePlan, egress: bool) -> Result<(), Stop> {
        let (other, address) = if egress { (self.to, self.there) } else { (self.from, self.here) };
        passes_groups(self.plan, of, other, address, &self.forward, egress, self.hops)
    }

    /// Out of a subnet, and back into it for the answer.
    fn exits(&mut self, subnet: &str) -> Result<(), Stop> {
        passes_acl(self.plan, subnet, self.there, &self.forward, true, Some(self.hops))
    }

    fn enters(&mut self, subnet: &str) -> Result<(), Stop> {
        passes_acl(self.plan, subnet, self.here, &self.forward, false, Some(self.hops))?;
        passes_acl(self.plan, subnet, self.here, &self.back, true, None)
    }

    /// By the routes of subnets, through whatever middleboxes these name. The subnet of the last one.
    fn onwards(&mut self, mut at: &'a InterfacePlan) -> Result<Option<&'a str>, Stop> {
        for _ in 0..=MIDDLEBOXES_MAX {
            if self.to.is_some_and(|to| to.subnet == at.subnet) {
                return Ok(Some(&at.subnet));
            }
            self.exits(&at.subnet)?;
            let next = self.leaves(at)?;
            passes_acl(self.plan, &at.subnet, self.there, &self.back, false, None)?;
            match next {
                Next::End => return Ok(Some(&at.subnet)),
                Next::Middlebox(middle) => {
                    self.through(middle, Some(&at.subnet))?;
                    at = middle;
                }
            }
        }
        Err(stop("NO_PATH", &at.id, true))
    }

    /// What stands between lets packets pass that are not its own; whether its machine does is the machine's matter.
    fn through(&mut self, middle: &InterfacePlan, before: Option<&str>) -> Result<(), Stop> {
        if before != Some(middle.subnet.as_str()) {
            self.enters(&middle.subnet)?;
        }
        self.groups(middle, false)?;
        if middle.check {
            return Err(stop("ENI_SOURCE_DEST_CHECK_RESTRICTION", &middle.id, false));
        }
        self.hops.push(Hop::Interface(middle.id.clone()));
        self.groups(middle, true)
    }

    fn middlebox(&self, id: &str, otherwise: Stop) -> Result<Next<'a>, Stop> {
        if self.to.is_some_and(|to| to.id == id) {
            return Ok(Next::End);
        }
        let found = self.plan.interfaces.iter().find(|interface| interface.id == id);
        found.map(Next::Middlebox).ok_or(otherwise)
    }

    /// By the longest route of a subnet that fits.
    fn leaves(&mut self, at: &InterfacePlan) -> Result<Next<'a>, Stop> {
        let nowhere = || stop("NO_ROUTE_TO_DESTINATION", &at.subnet, true);
        let subnet = self.plan.subnets.iter().find(|subnet| subnet.id == at.subnet);
        let routes = subnet.map(|subnet| subnet.routes.as_slice()).unwrap_or_default();
        let route = longest(routes, self.there).ok_or_else(nowhere)?;
        self.hops.push(Hop::Route { table_of: at.subnet.clone(), route: route.clone() });
        match &route.via {
            Target::Local => Ok(Next::End),
            Target::Internet => match self.from {
                Some(from) if from.public.is_empty() => {
                    Err(stop("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", &from.id, true))
                }
                _ => {
                    self.hops.push(Hop::InternetGateway);
                    Ok(Next::End)
                }
            },
            Target::Nat(id) => {
                self.hops.push(Hop::NatGateway(id.clone()));
                Ok(Next::End)
            }
            Target::Interface(id) => self.middlebox(id, nowhere()),
            _ => Err(nowhere()),
        }
    }

    /// In by the internet gateway, whose own table leads on where it has one. The subnet of the last middlebox.
    fn arrives(&mut self) -> Result<Option<&'a str>, Stop> {
        self.hops.push(Hop::InternetGateway);
        if !self.plan.internet {
            return Err(stop("UNASSOCIATED_COMPONENT", &self.plan.id, false));
        }
        let Some(to) = self.to else { return Ok(None) };
        if to.public.is_empty() {
            return Err(stop("IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS", &to.id, false));
        }
        let plan = self.plan;
        let Some(edge) = plan.edges.iter().find(|edge| edge.from == Target::Internet) else {
            return Ok(None);
        };
        let nowhere = || stop("NO_ROUTE_TO_DESTINATION", &edge.gateway, false);
        let route = longest(&edge.routes, self.there).ok_or_else(nowhere)?;
        self.hops.push(Hop::Route { table_of: edge.gateway.clone(), route: route.clone() });
        let next = match &route.via {
            Target::Local => Next::End,
            Target::Interface(id) => self.middlebox(id, nowhere())?,
            _ => return Err(nowhere()),
        };
        match next {
            Next::End => Ok(None),
            Next::Middlebox(middle) => {
                self.through(middle, None)?;
                self.onwards(middle)
            }
        }
    }

    /// Into the destination, which may be in the subnet that it came from last.
    fn delivered(&mut self, last: Option<&str>) -> Result<(), Stop> {
        let Some(to) = self.to else { return Ok(()) };
        if last != Some(to.subnet.as_str()) {
            self.enters(&to.subnet)?;
        }
        self.groups(to, false)?;
        self.hops.push(Hop::Interface(to.id.clone()));
        Ok(())
    }
}

fn longest(routes: &[RoutePlan], to: Option<IpAddr>) -> Option<&RoutePlan> {
    let fitting = routes.iter().filter(|route| covers(&route.to, to));
    fitting.max_by_key(|route| route.to.prefix_len())
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

#[cfg(test)]
mod tests {
    use network_engine::plan::{AclPlan, EdgePlan, GroupPlan, SubnetPlan};

    use super::*;

    fn everything(allow: bool) -> AclRule {
        AclRule { number: 100, traffic: Traffic::All, cidr: "0.0.0.0/0".parse().unwrap(), allow }
    }

    /// Two subnets with an interface each, which may reach each other on 443 and go out to the internet.
    fn plan() -> VpcPlan {
        let subnet = |id: &str, cidr: &str| SubnetPlan {
            id: id.to_owned(),
            zone: "us-east-1a".to_owned(),
            cidr: Some(cidr.parse().unwrap()),
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

    /// What comes in for the second subnet goes by the first interface.
    fn with_a_middlebox() -> VpcPlan {
        let mut plan = plan();
        let route = |to: &str, via| RoutePlan { to: to.parse().unwrap(), via };
        let through = Target::Interface("eni-1".to_owned());
        plan.edges = vec![EdgePlan {
            gateway: "igw-1".to_owned(),
            from: Target::Internet,
            routes: vec![route("10.0.0.0/16", Target::Local), route("10.0.1.0/24", through)],
        }];
        plan.interfaces[0].check = false;
        plan
    }

    #[test]
    fn a_gateways_own_table_leads_what_comes_in_through_a_middlebox() {
        let plan = with_a_middlebox();
        let question = Question { from: End::Internet(None), to: eni(2), tcp: true, port: Some(443) };
        let Found { hops, stop } = analyse(&plan, &question);
        assert_eq!(stop, None);
        let cards: Vec<&str> = hops
            .iter()
            .filter_map(|hop| match hop {
                Hop::Interface(id) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(cards, ["eni-1", "eni-2"]);
        assert_eq!(hops[0], Hop::InternetGateway);
        let edge = &plan.edges[0];
        assert_eq!(hops[1], Hop::Route { table_of: "igw-1".to_owned(), route: edge.routes[1].clone() });
        // Those of other subnets are led straight to where they are addressed.
        assert_eq!(ask(&plan, End::Internet(None), eni(1), 443), None);

        let mut checked = plan.clone();
        checked.interfaces[0].check = true;
        let expected = Some("ENI_SOURCE_DEST_CHECK_RESTRICTION");
        assert_eq!(ask(&checked, End::Internet(None), eni(2), 443), expected);
        let mut guarded = plan.clone();
        guarded.interfaces[0].groups = vec!["sg-2".to_owned()];
        guarded.groups.push(GroupPlan { id: "sg-2".to_owned(), ingress: Vec::new(), egress: Vec::new() });
        assert_eq!(ask(&guarded, End::Internet(None), eni(2), 443), Some("ENI_SG_RULES_MISMATCH"));
        let mut gone = plan.clone();
        gone.edges[0].routes[1].via = Target::Interface("eni-9".to_owned());
        assert_eq!(ask(&gone, End::Internet(None), eni(2), 443), Some("NO_ROUTE_TO_DESTINATION"));
    }

    #[test]
    fn a_subnets_route_leads_through_a_middlebox_and_not_in_a_circle() {
        let mut plan = with_a_middlebox();
        plan.subnets[1].routes[1].via = Target::Interface("eni-1".to_owned());
        assert_eq!(ask(&plan, eni(2), End::Internet(None), 443), None);
        plan.interfaces[1].public.clear();
        let expected = Some("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS");
        assert_eq!(ask(&plan, eni(2), End::Internet(None), 443), expected);
        plan.interfaces[1].check = false;
        plan.subnets[0].routes[1].via = Target::Interface("eni-2".to_owned());
        assert_eq!(ask(&plan, eni(2), End::Internet(None), 443), Some("NO_PATH"));
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
