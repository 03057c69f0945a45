//! From records to a plan: what the packets of one VPC obey. Pure: the records of one account and region go in, and
//! what the network engine understands comes out.
//!
//! A route to what is gone becomes a blackhole here, whatever the record says; interfaces of gateways and endpoints
//! are not among the interfaces, for the engine makes those itself.

use std::collections::BTreeMap;

use base::Region;
use ec2_api::{NetworkAclEntry, NetworkInterfaceType, RuleAction};
use ipnet::{IpNet, Ipv4Net};
use network_engine::plan::{
    AclPlan, AclRule, EdgePlan, EndpointPlan, FlowLogPlan, GroupPlan, GroupRule, Home, InterfacePlan,
    LinkPlan, NamespaceId, NatPlan, Peer, PeeringPlan, PrefixListPlan, RoutePlan, SubnetPlan, Target,
    Traffic, VpcPlan,
};

use crate::model::vpcs::aws_lists;
use crate::model::vpcs::routes::{self, Destination};
use crate::records::Resource;
use crate::records::acls::NetworkAclRecord;
use crate::records::gateways::{EgressOnlyGatewayRecord, InternetGatewayRecord, NatGatewayRecord};
use crate::records::groups::{self, GroupRecord, Rule};
use crate::records::interfaces::InterfaceRecord;
use crate::records::prefix_lists::PrefixListRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};

/// The records of one account and region that matter to packets.
#[derive(Debug, Default)]
pub struct Records {
    /// Where AWS's own prefix lists lead.
    pub services: Ipv4Net,
    pub vpcs: Vec<VpcRecord>,
    pub subnets: Vec<SubnetRecord>,
    pub tables: Vec<RouteTableRecord>,
    pub acls: Vec<NetworkAclRecord>,
    pub groups: Vec<GroupRecord>,
    pub interfaces: Vec<InterfaceRecord>,
    pub lists: Vec<PrefixListRecord>,
    pub internet: Vec<InternetGatewayRecord>,
    pub outward: Vec<EgressOnlyGatewayRecord>,
    pub nats: Vec<NatGatewayRecord>,
    /// Active ones, by the id of the VPC on this side.
    pub peerings: Vec<(String, PeeringPlan)>,
    /// Gateway and interface endpoints, by the id of their VPC.
    pub endpoints: Vec<(String, EndpointPlan)>,
    /// Attachments of transit and VPN gateways, by the id of their VPC.
    pub links: Vec<(String, LinkPlan)>,
    pub flow_logs: Vec<(String, FlowLogPlan)>,
}

fn of<T: Clone>(all: &[(String, T)], vpc: &str) -> Vec<T> {
    all.iter().filter(|(of, _)| of == vpc).map(|(_, plan)| plan.clone()).collect()
}

/// The plan of a VPC. `homes` tells in which namespace an instance lives that has one.
pub fn plan(
    records: &Records,
    vpc: &VpcRecord,
    region: Region,
    homes: &BTreeMap<String, NamespaceId>,
) -> VpcPlan {
    let id = vpc.id();
    let in_vpc = |of: &str| of == id;
    let blocks = vpc.blocks().into_iter().map(IpNet::from);
    let interfaces = records.interfaces.iter().filter(|interface| in_vpc(interface.vpc()));
    let interfaces: Vec<InterfacePlan> =
        interfaces.filter(|record| is_machines(record)).map(|record| interface(record, homes)).collect();
    let groups = records.groups.iter().filter(|record| {
        in_vpc(record.vpc())
            || interfaces.iter().any(|interface| interface.groups.iter().any(|id| id == record.id()))
    });
    VpcPlan {
        id: id.to_owned(),
        cidrs: blocks.chain(vpc.blocks6().into_iter().map(IpNet::from)).collect(),
        subnets: subnets(records, id, region),
        edges: edges(records, id, region),
        groups: groups.map(group).collect(),
        interfaces,
        acls: records.acls.iter().filter(|record| in_vpc(record.vpc())).map(acl).collect(),
        lists: lists(records, region),
        nats: records.nats.iter().filter(|nat| in_vpc(nat.vpc()) && nat.lives()).filter_map(nat).collect(),
        peerings: of(&records.peerings, id),
        internet: records.internet.iter().any(|gateway| gateway.vpc() == Some(id)),
        egress_only: records.outward.iter().any(|gateway| gateway.vpc() == Some(id)),
        links: of(&records.links, id),
        endpoints: of(&records.endpoints, id),
        flow_logs: of(&records.flow_logs, id),
        resolver: vpc.dns_support,
    }
}

/// Whether an interface is one that machines have.
fn is_machines(record: &InterfaceRecord) -> bool {
    !matches!(
        record.interface.interface_type,
        Some(NetworkInterfaceType::NatGateway | NetworkInterfaceType::VpcEndpoint)
    )
}

fn interface(record: &InterfaceRecord, homes: &BTreeMap<String, NamespaceId>) -> InterfacePlan {
    let index = record.interface.attachment.as_ref().and_then(|attachment| attachment.device_index);
    let index = u8::try_from(index.unwrap_or_default()).unwrap_or_default();
    let namespace = record.instance().and_then(|instance| homes.get(instance));
    let prefixes = record.prefixes().into_iter().map(IpNet::from);
    InterfacePlan {
        id: record.id().to_owned(),
        subnet: record.subnet().to_owned(),
        mac: record.mac(),
        addresses: record.addresses(),
        prefixes: prefixes.chain(record.prefixes6().into_iter().map(IpNet::from)).collect(),
        addresses6: record.addresses6(),
        public: record.public(),
        groups: record.groups().map(str::to_owned).collect(),
        check: record.interface.source_dest_check != Some(false),
        home: namespace.map(|namespace| Home {
            namespace: namespace.clone(),
            device: format!("eth{index}"),
            index,
        }),
    }
}

fn subnets(records: &Records, vpc: &str, region: Region) -> Vec<SubnetPlan> {
    let tables = records.tables.iter().filter(|table| table.vpc() == vpc);
    let main = tables.clone().find(|table| table.is_main());
    let explicit = |subnet: &str| {
        let has = |table: &&RouteTableRecord| {
            table.associations().iter().any(|association| association.subnet_id.as_deref() == Some(subnet))
        };
        tables.clone().find(has)
    };
    let acl_of = |subnet: &str| {
        let has = |acl: &&NetworkAclRecord| {
            acl.associations().iter().any(|association| association.subnet_id.as_deref() == Some(subnet))
        };
        records.acls.iter().find(has).map(|acl| acl.id().to_owned())
    };
    let in_vpc = records.subnets.iter().filter(|subnet| subnet.vpc() == vpc);
    in_vpc
        .filter_map(|subnet| {
            let table = explicit(subnet.id()).or(main)?;
            Some(SubnetPlan {
                id: subnet.id().to_owned(),
                zone: subnet.zone().to_owned(),
                cidr: subnet.block(),
                cidr6: subnet.block6(),
                acl: acl_of(subnet.id())?,
                routes: table
                    .routes()
                    .iter()
                    .flat_map(|route| routes_of(records, vpc, region, route))
                    .collect(),
            })
        })
        .collect()
}

/// The gateways of a VPC that have route tables of their own.
fn edges(records: &Records, vpc: &str, region: Region) -> Vec<EdgePlan> {
    let edge = |table: &RouteTableRecord, gateway: &str| {
        let target = routes::Target::of(&ec2_api::Route {
            gateway_id: Some(gateway.to_owned()),
            ..ec2_api::Route::default()
        })?;
        // One that is detached meanwhile leads nothing in.
        let from = match target_of(records, vpc, &target) {
            Target::Blackhole => return None,
            from => from,
        };
        let routes = table.routes().iter().flat_map(|route| routes_of(records, vpc, region, route)).collect();
        Some(EdgePlan { gateway: gateway.to_owned(), from, routes })
    };
    let tables = records.tables.iter().filter(|table| table.vpc() == vpc);
    tables
        .flat_map(|table| {
            let gateways = table.associations().iter().filter_map(|one| one.gateway_id.as_deref());
            gateways.filter_map(move |gateway| edge(table, gateway))
        })
        .collect()
}

/// One route, or one for each block of a prefix list.
fn routes_of(records: &Records, vpc: &str, region: Region, route: &ec2_api::Route) -> Vec<RoutePlan> {
    let (Some(destination), Some(target)) = (Destination::of(route), routes::Target::of(route)) else {
        return Vec::new();
    };
    let via = target_of(records, vpc, &target);
    let to = match destination {
        Destination::Block(block) => vec![block],
        Destination::List(id) => blocks_of(records, region, &id),
    };
    to.into_iter().map(|to| RoutePlan { to, via: via.clone() }).collect()
}

fn blocks_of(records: &Records, region: Region, list: &str) -> Vec<IpNet> {
    if aws_lists::by_id(region, list).is_some() {
        return vec![records.services.into()];
    }
    let found = records.lists.iter().find(|record| record.id() == list);
    found.map(PrefixListRecord::ranges).unwrap_or_default()
}

fn target_of(records: &Records, vpc: &str, target: &routes::Target) -> Target {
    use routes::Target as Of;
    let here = |is_here: bool, target: Target| if is_here { target } else { Target::Blackhole };
    match target {
        Of::Local => Target::Local,
        Of::InternetGateway(id) => {
            let is_it = |gateway: &InternetGatewayRecord| gateway.id() == id && gateway.vpc() == Some(vpc);
            here(records.internet.iter().any(is_it), Target::Internet)
        }
        Of::EgressOnlyGateway(id) => {
            let is_it = |gateway: &EgressOnlyGatewayRecord| gateway.id() == id && gateway.vpc() == Some(vpc);
            here(records.outward.iter().any(is_it), Target::EgressOnly)
        }
        Of::NatGateway(id) => {
            let is_it = |nat: &NatGatewayRecord| nat.id() == id && nat.lives();
            here(records.nats.iter().any(is_it), Target::Nat(id.clone()))
        }
        Of::Interface(id) => {
            let is_it = |interface: &InterfaceRecord| interface.id() == id;
            here(records.interfaces.iter().any(is_it), Target::Interface(id.clone()))
        }
        Of::Instance(id) => {
            let found = records.interfaces.iter().find(|interface| interface.instance() == Some(id.as_str()));
            found.map_or(Target::Blackhole, |interface| Target::Interface(interface.id().to_owned()))
        }
        Of::Peering(id) => {
            let is_it = |(of, peering): &(String, PeeringPlan)| of == vpc && peering.id == *id;
            here(records.peerings.iter().any(is_it), Target::Peering(id.clone()))
        }
        Of::TransitGateway(id) | Of::VpnGateway(id) => {
            let is_it = |(of, link): &(String, LinkPlan)| of == vpc && link.id == *id;
            here(records.links.iter().any(is_it), Target::Link(id.clone()))
        }
        Of::Endpoint(id) => Target::Endpoint(id.clone()),
    }
}

fn acl(record: &NetworkAclRecord) -> AclPlan {
    let rules = |egress: bool| {
        let own = record.entries().iter().filter(move |entry| entry.egress == Some(egress));
        let mut rules: Vec<AclRule> = own.filter_map(acl_rule).collect();
        rules.sort_by_key(|rule| rule.number);
        rules
    };
    AclPlan { id: record.id().to_owned(), ingress: rules(false), egress: rules(true) }
}

fn acl_rule(entry: &NetworkAclEntry) -> Option<AclRule> {
    let block = entry.cidr_block.as_deref().or(entry.ipv6_cidr_block.as_deref())?;
    let (from, to) = match (&entry.port_range, &entry.icmp_type_code) {
        (Some(ports), _) => (ports.from, ports.to),
        (None, Some(icmp)) => (icmp.r#type, icmp.code),
        (None, None) => (None, None),
    };
    Some(AclRule {
        number: u16::try_from(entry.rule_number?).ok()?,
        traffic: traffic(entry.protocol.as_deref()?, from, to)?,
        cidr: block.parse().ok()?,
        allow: entry.rule_action == Some(RuleAction::Allow),
    })
}

/// Protocol and ports, as rules of groups and entries of ACLs write them.
fn traffic(protocol: &str, from: Option<i32>, to: Option<i32>) -> Option<Traffic> {
    let port = |port: Option<i32>, all: u16| match port {
        None | Some(-1) => Some(all),
        Some(port) => u16::try_from(port).ok(),
    };
    let ports = || Some((port(from, 0)?, port(to, u16::MAX)?));
    let icmp = |number: Option<i32>| number.and_then(|number| u8::try_from(number).ok());
    Some(match protocol {
        "-1" | "all" => Traffic::All,
        "tcp" | "6" => ports().map(|(from, to)| Traffic::Tcp(from, to))?,
        "udp" | "17" => ports().map(|(from, to)| Traffic::Udp(from, to))?,
        "icmp" | "1" => Traffic::Icmp(icmp(from), icmp(to)),
        "icmpv6" | "58" => Traffic::Icmp6(icmp(from), icmp(to)),
        number => Traffic::Other(number.parse().ok()?),
    })
}

fn group(record: &GroupRecord) -> GroupPlan {
    let rules = |egress: bool| record.rules(egress).filter_map(group_rule).collect();
    GroupPlan { id: record.id().to_owned(), ingress: rules(false), egress: rules(true) }
}

fn group_rule(rule: &Rule) -> Option<GroupRule> {
    let matched = &rule.matched;
    let peer = match &rule.peer {
        groups::Peer::Ipv4(block) => Peer::Cidr((*block).into()),
        groups::Peer::Ipv6(block) => Peer::Cidr((*block).into()),
        groups::Peer::List(id) => Peer::List(id.clone()),
        groups::Peer::Group { id, .. } => Peer::Group(id.clone()),
    };
    Some(GroupRule { traffic: traffic(&matched.protocol, matched.from, matched.to)?, peer })
}

fn lists(records: &Records, region: Region) -> Vec<PrefixListPlan> {
    let own =
        records.lists.iter().map(|list| PrefixListPlan { id: list.id().to_owned(), entries: list.ranges() });
    let of_aws = aws_lists::all(region)
        .into_iter()
        .map(|list| PrefixListPlan { id: list.id, entries: vec![records.services.into()] });
    own.chain(of_aws).collect()
}

fn nat(record: &NatGatewayRecord) -> Option<NatPlan> {
    let primary = record.addresses().iter().find(|address| address.is_primary == Some(true))?;
    Some(NatPlan {
        id: record.id().to_owned(),
        subnet: record.subnet().to_owned(),
        private: primary.private_ip.as_deref()?.parse().ok()?,
        public: primary.public_ip.as_deref().and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use base::{AccountId, Ids};
    use ec2_api::{
        InternetGatewayAttachment, NetworkInterface, NetworkInterfaceAttachment,
        NetworkInterfacePrivateIpAddress,
    };
    use service::{Call, Kept, Notes, Principal, Source};

    use super::*;
    use crate::model::vpcs::made;
    use crate::model::vpcs::routes::create;

    fn call() -> Call {
        Call {
            request_id: "r".to_owned(),
            principal: Principal::root(AccountId::DEV, Region::US_EAST_1, None),
            account: AccountId::DEV,
            region: Region::US_EAST_1,
            source: Source::default(),
            now: base::Timestamp::from_secs(1_800_000_000),
            depth: 0,
            notes: Notes::default(),
        }
    }

    /// A VPC of 10.0.0.0/16 with one subnet, its parts and an interface of the instance `i-1` at 10.0.0.10.
    fn records() -> Records {
        let (call, ids) = (call(), Ids::seeded(1));
        let vpc = made::vpc(&call, &ids, "10.0.0.0/16".parse().unwrap(), "dopt-1", false);
        let subnet = made::subnet(&call, &ids, vpc.id(), "us-east-1a", Some("10.0.0.0/24".parse().unwrap()));
        let mut table = made::route_table(&call, &ids, &vpc);
        let main = made::main_association(&ids, table.id());
        table.associations_mut().push(main);
        let mut acl = made::acl(&call, &ids, &vpc, true);
        let association = made::acl_association(&ids, acl.id(), subnet.id());
        acl.associations_mut().push(association);
        let mut gateway = made::internet_gateway(&call, &ids);
        let attachment = InternetGatewayAttachment { state: None, vpc_id: vpc.vpc.vpc_id.clone() };
        gateway.gateway.0.attachments = Some(vec![attachment]);
        let interface = NetworkInterface {
            network_interface_id: Some("eni-1".to_owned()),
            mac_address: Some("02:00:00:00:00:07".to_owned()),
            subnet_id: subnet.subnet.subnet_id.clone(),
            vpc_id: vpc.vpc.vpc_id.clone(),
            attachment: Some(NetworkInterfaceAttachment {
                instance_id: Some("i-1".to_owned()),
                device_index: Some(1),
                ..Default::default()
            }),
            private_ip_addresses: Some(vec![NetworkInterfacePrivateIpAddress {
                primary: Some(true),
                private_ip_address: Some("10.0.0.10".to_owned()),
                ..Default::default()
            }]),
            ..NetworkInterface::default()
        };
        Records {
            vpcs: vec![vpc],
            subnets: vec![subnet],
            tables: vec![table],
            acls: vec![acl],
            internet: vec![gateway],
            interfaces: vec![InterfaceRecord { interface: Kept(interface) }],
            ..Records::default()
        }
    }

    fn planned(records: &Records) -> VpcPlan {
        let homes = BTreeMap::from([("i-1".to_owned(), NamespaceId("fb-m-1".to_owned()))]);
        plan(records, &records.vpcs[0], Region::US_EAST_1, &homes)
    }

    #[test]
    fn a_subnet_without_a_table_of_its_own_has_the_main_one() {
        let records = records();
        let plan = planned(&records);
        let subnet = &plan.subnets[0];
        assert_eq!(subnet.routes, [RoutePlan { to: "10.0.0.0/16".parse().unwrap(), via: Target::Local }]);
        assert_eq!(subnet.acl, records.acls[0].id());
        assert!(plan.internet && plan.resolver && !plan.egress_only);
        let interface = &plan.interfaces[0];
        assert_eq!((interface.mac, interface.check), ([2, 0, 0, 0, 0, 7], true));
        let home = interface.home.as_ref().unwrap();
        assert_eq!((home.device.as_str(), home.index), ("eth1", 1));
    }

    #[test]
    fn a_gateway_with_a_table_of_its_own_is_an_edge_while_it_is_attached() {
        let mut records = records();
        let gateway = records.internet[0].id().to_owned();
        assert!(planned(&records).edges.is_empty());
        let association = made::route_association(&Ids::seeded(2), "rtb-1", None, Some(gateway.clone()));
        records.tables[0].associations_mut().push(association);
        let inside = Destination::Block("10.0.0.0/24".parse().unwrap());
        let through = routes::Target::Interface("eni-1".to_owned());
        create(records.tables[0].routes_mut(), &inside, &through).unwrap();
        let plan = planned(&records);
        assert_eq!(
            (plan.edges[0].gateway.as_str(), &plan.edges[0].from),
            (gateway.as_str(), &Target::Internet)
        );
        let via = Target::Interface("eni-1".to_owned());
        assert!(plan.edges[0].routes.contains(&RoutePlan { to: "10.0.0.0/24".parse().unwrap(), via }));
        records.internet[0].gateway.0.attachments = None;
        assert!(planned(&records).edges.is_empty());
    }

    #[test]
    fn routes_lead_where_their_targets_are_or_nowhere() {
        let igw = records().internet[0].id().to_owned();
        for (target, via) in [
            (routes::Target::InternetGateway(igw), Target::Internet),
            (routes::Target::InternetGateway("igw-2".to_owned()), Target::Blackhole),
            (routes::Target::NatGateway("nat-1".to_owned()), Target::Blackhole),
            (routes::Target::EgressOnlyGateway("eigw-1".to_owned()), Target::Blackhole),
            (routes::Target::Interface("eni-1".to_owned()), Target::Interface("eni-1".to_owned())),
            (routes::Target::Interface("eni-2".to_owned()), Target::Blackhole),
            (routes::Target::Instance("i-1".to_owned()), Target::Interface("eni-1".to_owned())),
            (routes::Target::Peering("pcx-1".to_owned()), Target::Peering("pcx-1".to_owned())),
            (routes::Target::Peering("pcx-2".to_owned()), Target::Blackhole),
            (routes::Target::TransitGateway("tgw-1".to_owned()), Target::Blackhole),
            (routes::Target::Endpoint("vpce-1".to_owned()), Target::Endpoint("vpce-1".to_owned())),
        ] {
            let mut records = records();
            let peering = PeeringPlan {
                id: "pcx-1".to_owned(),
                other_vpc: "vpc-2".to_owned(),
                other_cidrs: Vec::new(),
            };
            records.peerings = vec![(records.vpcs[0].id().to_owned(), peering)];
            let to: IpNet =
                if matches!(target, routes::Target::EgressOnlyGateway(_)) { "::/0" } else { "0.0.0.0/0" }
                    .parse()
                    .unwrap();
            create(records.tables[0].routes_mut(), &Destination::Block(to), &target).unwrap();
            let plan = planned(&records);
            let found = plan.subnets[0].routes.iter().find(|route| route.to == to).unwrap();
            assert_eq!(found.via, via, "{target:?}");
        }
    }

    #[test]
    fn a_route_to_a_list_is_one_to_each_of_its_blocks() {
        let mut records = Records { services: "198.18.79.254/32".parse().unwrap(), ..records() };
        let list = Destination::List("pl-63a5400a".to_owned());
        create(records.tables[0].routes_mut(), &list, &routes::Target::Endpoint("vpce-1".to_owned()))
            .unwrap();
        let plan = planned(&records);
        let services: IpNet = records.services.into();
        assert!(
            plan.subnets[0]
                .routes
                .contains(&RoutePlan { to: services, via: Target::Endpoint("vpce-1".to_owned()) })
        );
    }

    #[test]
    fn a_default_acl_lets_all_pass_before_it_denies() {
        let plan = planned(&records());
        let shown = |rules: &[AclRule]| -> Vec<(u16, bool)> {
            rules.iter().map(|rule| (rule.number, rule.allow)).collect()
        };
        assert_eq!(shown(&plan.acls[0].ingress), [(100, true), (32767, false)]);
        assert_eq!(shown(&plan.acls[0].egress), [(100, true), (32767, false)]);
    }

    #[test]
    fn protocols_and_ports_are_those_of_the_rules() {
        for (protocol, from, to, expected) in [
            ("-1", None, None, Some(Traffic::All)),
            ("tcp", Some(80), Some(90), Some(Traffic::Tcp(80, 90))),
            ("6", None, None, Some(Traffic::Tcp(0, 65535))),
            ("udp", Some(-1), Some(-1), Some(Traffic::Udp(0, 65535))),
            ("icmp", Some(8), Some(-1), Some(Traffic::Icmp(Some(8), None))),
            ("58", Some(-1), Some(-1), Some(Traffic::Icmp6(None, None))),
            ("50", None, None, Some(Traffic::Other(50))),
            ("none", None, None, None),
        ] {
            assert_eq!(traffic(protocol, from, to), expected, "{protocol} {from:?} {to:?}");
        }
    }
}
