//! Routes: what a request names as destination and target, and what a table may hold.
//!
//! Surprising: a route for a part of the VPC's own block is allowed, but only to an interface, an instance or an
//! endpoint (routing through a middlebox); and a route whose target is gone stays, as a blackhole.

use ec2_api::{CreateRouteInput, DeleteRouteInput, ReplaceRouteInput, Route, RouteOrigin, RouteState};
use ipnet::{IpNet, Ipv4Net};

use super::blocks;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_ROUTE_NOT_FOUND, MISSING_PARAMETER,
    ROUTE_ALREADY_EXISTS, ROUTE_LIMIT_EXCEEDED, UNSUPPORTED_OPERATION,
};
use crate::limits::ROUTES_OF_TABLE_MAX;

/// Where packets are going: the key of a route in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Block(IpNet),
    /// `pl-…`
    List(String),
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Destination::Block(block) => block.fmt(f),
            Destination::List(id) => id.fmt(f),
        }
    }
}

impl Destination {
    pub fn parse(
        block: Option<&str>,
        block6: Option<&str>,
        list: Option<&str>,
    ) -> Result<Destination, Error> {
        match (block, block6, list) {
            (Some(text), None, None) => {
                blocks::parse(text, "destinationCidrBlock").map(|block| Destination::Block(block.into()))
            }
            (None, Some(text), None) => {
                let block = blocks::parse6(text, "destinationIpv6CidrBlock")?;
                Ok(Destination::Block(block.into()))
            }
            (None, None, Some(id)) => Ok(Destination::List(id.to_owned())),
            (None, None, None) => Err(Error::new(
                &MISSING_PARAMETER,
                "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock or destinationPrefixListId",
            )),
            _ => Err(Error::new(
                &INVALID_PARAMETER_COMBINATION,
                "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
            )),
        }
    }

    pub fn of(route: &Route) -> Option<Destination> {
        if let Some(id) = &route.destination_prefix_list_id {
            return Some(Destination::List(id.clone()));
        }
        let text =
            route.destination_cidr_block.as_deref().or(route.destination_ipv6_cidr_block.as_deref())?;
        text.parse().ok().map(Destination::Block)
    }

    /// How errors name the member of the request.
    fn member(&self) -> &'static str {
        match self {
            Destination::Block(IpNet::V4(_)) => "destination-cidr-block",
            Destination::Block(IpNet::V6(_)) => "destination-ipv6-cidr-block",
            Destination::List(_) => "destination-prefix-list-id",
        }
    }

    fn write(&self, route: &mut Route) {
        match self {
            Destination::Block(IpNet::V4(block)) => route.destination_cidr_block = Some(block.to_string()),
            Destination::Block(IpNet::V6(block)) => {
                route.destination_ipv6_cidr_block = Some(block.to_string())
            }
            Destination::List(id) => route.destination_prefix_list_id = Some(id.clone()),
        }
    }
}

/// What a route leads to, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Local,
    InternetGateway(String),
    VpnGateway(String),
    EgressOnlyGateway(String),
    NatGateway(String),
    Instance(String),
    Interface(String),
    Peering(String),
    TransitGateway(String),
    Endpoint(String),
}

const TARGETS: &str = "gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, \
    egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, carrierGatewayId, instanceId, vpcEndpointId, \
    coreNetworkArn";

impl Target {
    pub fn of_create(input: &CreateRouteInput) -> Result<Target, Error> {
        // The two inputs differ by one member.
        Target::of_replace(&ReplaceRouteInput {
            vpc_endpoint_id: input.vpc_endpoint_id.clone(),
            transit_gateway_id: input.transit_gateway_id.clone(),
            local_gateway_id: input.local_gateway_id.clone(),
            carrier_gateway_id: input.carrier_gateway_id.clone(),
            core_network_arn: input.core_network_arn.clone(),
            odb_network_arn: input.odb_network_arn.clone(),
            gateway_id: input.gateway_id.clone(),
            egress_only_internet_gateway_id: input.egress_only_internet_gateway_id.clone(),
            instance_id: input.instance_id.clone(),
            network_interface_id: input.network_interface_id.clone(),
            vpc_peering_connection_id: input.vpc_peering_connection_id.clone(),
            nat_gateway_id: input.nat_gateway_id.clone(),
            ..ReplaceRouteInput::default()
        })
    }

    pub fn of_replace(input: &ReplaceRouteInput) -> Result<Target, Error> {
        let absent = [
            &input.local_gateway_id,
            &input.carrier_gateway_id,
            &input.core_network_arn,
            &input.odb_network_arn,
        ];
        if let Some(id) = absent.into_iter().flatten().next() {
            let message = format!("There is no such target as '{id}' in this cloud.");
            return Err(Error::new(&UNSUPPORTED_OPERATION, message));
        }
        let made = |id: &Option<String>, make: fn(String) -> Target| id.clone().map(make);
        let given = [
            input.gateway_id.clone().map(Target::gateway),
            made(&input.egress_only_internet_gateway_id, Target::EgressOnlyGateway),
            made(&input.nat_gateway_id, Target::NatGateway),
            made(&input.instance_id, Target::Instance),
            made(&input.network_interface_id, Target::Interface),
            made(&input.vpc_peering_connection_id, Target::Peering),
            made(&input.transit_gateway_id, Target::TransitGateway),
            made(&input.vpc_endpoint_id, Target::Endpoint),
            (input.local_target == Some(true)).then_some(Target::Local),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(target), None) => Ok(target),
            (None, _) => {
                let message = format!("The request must contain exactly one of {TARGETS}");
                Err(Error::new(&MISSING_PARAMETER, message))
            }
            _ => {
                let message = format!("The request must contain exactly one of {TARGETS}");
                Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
            }
        }
    }

    fn gateway(id: String) -> Target {
        match id.split('-').next() {
            Some("vgw") => Target::VpnGateway(id),
            Some("vpce") => Target::Endpoint(id),
            _ if id == "local" => Target::Local,
            _ => Target::InternetGateway(id),
        }
    }

    pub fn of(route: &Route) -> Option<Target> {
        let made = |id: &Option<String>, make: fn(String) -> Target| id.clone().map(make);
        route
            .gateway_id
            .clone()
            .map(Target::gateway)
            .or_else(|| made(&route.egress_only_internet_gateway_id, Target::EgressOnlyGateway))
            .or_else(|| made(&route.nat_gateway_id, Target::NatGateway))
            .or_else(|| made(&route.vpc_peering_connection_id, Target::Peering))
            .or_else(|| made(&route.transit_gateway_id, Target::TransitGateway))
            // A route to an instance shows its interface, too.
            .or_else(|| made(&route.network_interface_id, Target::Interface))
            .or_else(|| made(&route.instance_id, Target::Instance))
    }

    fn write(&self, route: &mut Route) {
        match self.clone() {
            Target::Local => route.gateway_id = Some("local".to_owned()),
            Target::InternetGateway(id) | Target::VpnGateway(id) | Target::Endpoint(id) => {
                route.gateway_id = Some(id);
            }
            Target::EgressOnlyGateway(id) => route.egress_only_internet_gateway_id = Some(id),
            Target::NatGateway(id) => route.nat_gateway_id = Some(id),
            Target::Instance(id) => route.instance_id = Some(id),
            Target::Interface(id) => route.network_interface_id = Some(id),
            Target::Peering(id) => route.vpc_peering_connection_id = Some(id),
            Target::TransitGateway(id) => route.transit_gateway_id = Some(id),
        }
    }

    fn is_middlebox(&self) -> bool {
        matches!(self, Target::Interface(_) | Target::Instance(_) | Target::Endpoint(_))
    }
}

/// Where a request to delete a route says it goes.
pub fn destination_of_delete(input: &DeleteRouteInput) -> Result<Destination, Error> {
    Destination::parse(
        input.destination_cidr_block.as_deref(),
        input.destination_ipv6_cidr_block.as_deref(),
        input.destination_prefix_list_id.as_deref(),
    )
}

pub fn is_local(route: &Route) -> bool {
    route.gateway_id.as_deref() == Some("local")
}

fn made(destination: &Destination, target: &Target, origin: RouteOrigin) -> Route {
    let mut route = Route { origin: Some(origin), state: Some(RouteState::Active), ..Route::default() };
    destination.write(&mut route);
    target.write(&mut route);
    route
}

fn position(routes: &[Route], destination: &Destination) -> Option<usize> {
    routes.iter().position(|route| Destination::of(route).as_ref() == Some(destination))
}

/// Refuses a destination inside the VPC that leads out of it, and combinations that carry nothing.
fn check(routes: &[Route], destination: &Destination, target: &Target) -> Result<(), Error> {
    let Destination::Block(block) = destination else { return Ok(()) };
    if let (IpNet::V4(_), Target::EgressOnlyGateway(_)) = (block, target) {
        let message = "The parameter destinationCidrBlock cannot be used with the parameter egressOnlyInternetGatewayId";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let is_inside = routes.iter().filter(|route| is_local(route)).any(|route| match Destination::of(route) {
        Some(Destination::Block(local)) => local.contains(block),
        _ => false,
    });
    if is_inside && !target.is_middlebox() && *target != Target::Local {
        let message = format!(
            "The destination CIDR block {block} is equal to or more specific than one of this VPC's CIDR blocks. \
             This route can target only an interface or an instance."
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(())
}

/// Refuses what a gateway's table may not hold ("Gateway route tables"): it leads what comes in to an interface or
/// endpoint in the VPC, or where it is addressed. `blocks` are all of the VPC's and of its subnets.
pub fn check_for_gateway(
    destination: &Destination,
    target: &Target,
    blocks: &[IpNet],
    table: &str,
) -> Result<(), Error> {
    let refused = |why: String| Err(Error::new(&INVALID_PARAMETER_VALUE, why));
    let Destination::Block(block) = destination else {
        return refused(format!(
            "Route table {table} is associated with a gateway, so a prefix list cannot be the destination of its routes."
        ));
    };
    if !target.is_middlebox() && *target != Target::Local {
        return refused(format!(
            "Route table {table} is for a gateway. Its route for {block} can target only local, a network interface or a \
             Gateway Load Balancer endpoint."
        ));
    }
    if !blocks.contains(block) {
        return refused(format!(
            "Route table {table} is for a gateway. The destination {block} is not the CIDR block of its VPC or of a \
             subnet there."
        ));
    }
    Ok(())
}

/// Whether a whole table may be for a gateway.
pub fn check_all_for_gateway(routes: &[Route], blocks: &[IpNet], table: &str) -> Result<(), Error> {
    for route in routes {
        if let (Some(destination), Some(target)) = (Destination::of(route), Target::of(route)) {
            check_for_gateway(&destination, &target, blocks, table)?;
        }
    }
    Ok(())
}

/// Adds a route that was asked for.
pub fn create(routes: &mut Vec<Route>, destination: &Destination, target: &Target) -> Result<(), Error> {
    check(routes, destination, target)?;
    if let Some(at) = position(routes, destination) {
        // The very same again is no error.
        if Target::of(&routes[at]).as_ref() == Some(target) {
            return Ok(());
        }
        let message = format!("The route identified by {destination} already exists.");
        return Err(Error::new(&ROUTE_ALREADY_EXISTS, message));
    }
    // Of each family; lists count for IPv4 here.
    let is_v6 = |destination: &Destination| matches!(destination, Destination::Block(IpNet::V6(_)));
    let alike = routes.iter().filter_map(Destination::of).filter(|known| is_v6(known) == is_v6(destination));
    if alike.count() >= ROUTES_OF_TABLE_MAX {
        let message = "The maximum number of routes has been reached.";
        return Err(Error::new(&ROUTE_LIMIT_EXCEEDED, message));
    }
    routes.insert(0, made(destination, target, RouteOrigin::CreateRoute));
    Ok(())
}

/// Gives a route another target.
pub fn replace(routes: &mut [Route], destination: &Destination, target: &Target) -> Result<(), Error> {
    check(routes, destination, target)?;
    let Some(at) = position(routes, destination) else {
        let message = format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    };
    let origin = routes[at].origin.clone().unwrap_or(RouteOrigin::CreateRoute);
    routes[at] = made(destination, target, origin);
    Ok(())
}

pub fn delete(routes: &mut Vec<Route>, destination: &Destination, table: &str) -> Result<(), Error> {
    let Some(at) = position(routes, destination) else {
        let member = destination.member();
        let message = format!("no route with {member} {destination} in route table {table}");
        return Err(Error::new(&INVALID_ROUTE_NOT_FOUND, message));
    };
    if routes[at].origin == Some(RouteOrigin::CreateRouteTable) {
        let message = format!("cannot remove local route {destination} in route table {table}");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if routes[at].gateway_id.as_deref().is_some_and(|id| id.starts_with("vpce-"))
        && matches!(destination, Destination::List(_))
    {
        let message = format!("cannot remove VPC endpoint route {destination} in route table {table}");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    routes.remove(at);
    Ok(())
}

/// Adds the local route of a further block of the VPC.
///
/// # Errors
/// `InvalidParameterValue` where a route leads elsewhere for the same addresses or for fewer.
pub fn add_local(routes: &mut Vec<Route>, local: Route, block: Ipv4Net) -> Result<(), Error> {
    let conflict = routes.iter().filter_map(Destination::of).find(|destination| match destination {
        Destination::Block(IpNet::V4(other)) => block.contains(other),
        _ => false,
    });
    if let Some(conflict) = conflict {
        let message = format!(
            "The CIDR '{block}' conflicts with the route for '{conflict}' of a route table of this VPC"
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    routes.push(local);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vpcs::made::local;

    fn block(text: &str) -> Destination {
        let (four, six) = if text.contains(':') { (None, Some(text)) } else { (Some(text), None) };
        Destination::parse(four, six, None).unwrap()
    }

    fn code<T>(result: Result<T, Error>) -> &'static str {
        match result {
            Ok(_) => "ok",
            Err(Error::Refused { code, .. }) => code.name,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_table_has_one_route_for_a_destination() {
        let igw = || Target::InternetGateway("igw-1".to_owned());
        let eni = || Target::Interface("eni-1".to_owned());
        for (destination, target, expected) in [
            ("0.0.0.0/0", igw(), "ok"),
            ("0.0.0.0/0", eni(), "RouteAlreadyExists"),
            ("0.0.0.0/0", igw(), "ok"),
            ("10.0.0.0/16", igw(), "InvalidParameterValue"),
            ("10.0.1.0/24", igw(), "InvalidParameterValue"),
            ("10.0.1.0/24", eni(), "ok"),
            ("10.0.0.0/8", igw(), "ok"),
            ("::/0", Target::EgressOnlyGateway("eigw-1".to_owned()), "ok"),
            ("1.0.0.0/8", Target::EgressOnlyGateway("eigw-1".to_owned()), "InvalidParameterCombination"),
        ] {
            let mut routes = vec![local("10.0.0.0/16".parse().unwrap())];
            create(&mut routes, &block("0.0.0.0/0"), &igw()).unwrap();
            assert_eq!(
                code(create(&mut routes, &block(destination), &target)),
                expected,
                "{destination} {target:?}"
            );
        }
    }

    #[test]
    fn a_gateways_table_leads_into_the_vpc_alone() {
        let blocks: Vec<IpNet> =
            ["10.0.0.0/16", "10.0.1.0/24", "fd00::/56"].map(|text| text.parse().unwrap()).to_vec();
        let eni = || Target::Interface("eni-1".to_owned());
        for (destination, target, expected) in [
            ("10.0.0.0/16", Target::Local, "ok"),
            ("10.0.0.0/16", eni(), "ok"),
            ("10.0.1.0/24", eni(), "ok"),
            ("10.0.1.0/24", Target::Endpoint("vpce-1".to_owned()), "ok"),
            ("fd00::/56", eni(), "ok"),
            ("10.0.1.0/25", eni(), "InvalidParameterValue"),
            ("10.0.0.0/8", eni(), "InvalidParameterValue"),
            ("0.0.0.0/0", eni(), "InvalidParameterValue"),
            ("10.0.1.0/24", Target::InternetGateway("igw-1".to_owned()), "InvalidParameterValue"),
        ] {
            let checked = check_for_gateway(&block(destination), &target, &blocks, "rtb-1");
            assert_eq!(code(checked), expected, "{destination} {target:?}");
        }
        let list = Destination::List("pl-1".to_owned());
        assert_eq!(code(check_for_gateway(&list, &eni(), &blocks, "rtb-1")), "InvalidParameterValue");
    }

    #[test]
    fn routes_are_replaced_and_deleted_but_local_ones() {
        let mut routes = vec![local("10.0.0.0/16".parse().unwrap())];
        create(&mut routes, &block("0.0.0.0/0"), &Target::InternetGateway("igw-1".to_owned())).unwrap();
        let nat = Target::NatGateway("nat-1".to_owned());
        replace(&mut routes, &block("0.0.0.0/0"), &nat).unwrap();
        assert_eq!(Target::of(&routes[0]), Some(nat.clone()));
        assert_eq!(code(replace(&mut routes, &block("9.0.0.0/8"), &nat)), "InvalidParameterValue");
        assert_eq!(code(delete(&mut routes, &block("10.0.0.0/16"), "rtb-1")), "InvalidParameterValue");
        assert_eq!(code(delete(&mut routes, &block("9.0.0.0/8"), "rtb-1")), "InvalidRoute.NotFound");
        assert_eq!(code(delete(&mut routes, &block("0.0.0.0/0"), "rtb-1")), "ok");
        assert_eq!(routes.len(), 1);
    }

    #[test]
    fn a_new_block_must_not_take_the_place_of_a_route() {
        let mut routes = vec![local("10.0.0.0/16".parse().unwrap())];
        let peering = Target::Peering("pcx-1".to_owned());
        create(&mut routes, &block("10.1.1.0/24"), &peering).unwrap();
        let added: Ipv4Net = "10.1.0.0/16".parse().unwrap();
        assert_eq!(code(add_local(&mut routes, local(added), added)), "InvalidParameterValue");
        let added: Ipv4Net = "10.2.0.0/16".parse().unwrap();
        assert_eq!(code(add_local(&mut routes, local(added), added)), "ok");
    }

    #[test]
    fn each_family_has_its_own_number_of_routes() {
        let mut routes = vec![local("10.0.0.0/16".parse().unwrap())];
        let to = Target::NatGateway("nat-1".to_owned());
        let four = |number: usize| block(&format!("20.{}.{}.0/24", number / 256, number % 256));
        let six = |number: usize| {
            let block = format!("2001:db9:{number:x}::/48").parse::<ipnet::Ipv6Net>().unwrap();
            Destination::Block(block.into())
        };
        for number in 1..ROUTES_OF_TABLE_MAX {
            create(&mut routes, &four(number), &to).unwrap();
            create(&mut routes, &six(number), &to).unwrap();
        }
        assert_eq!(code(create(&mut routes, &four(ROUTES_OF_TABLE_MAX), &to)), "RouteLimitExceeded");
        assert_eq!(code(create(&mut routes, &six(ROUTES_OF_TABLE_MAX), &to)), "ok");
        assert_eq!(code(create(&mut routes, &six(ROUTES_OF_TABLE_MAX + 1), &to)), "RouteLimitExceeded");
    }
}
