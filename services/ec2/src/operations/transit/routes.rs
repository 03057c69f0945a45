//! Routes of transit gateways: made by hand, or learnt from attachments. A hand-made one is stronger.

use std::collections::BTreeMap;

use base::Arn;
use ec2_api::*;
use ipnet::IpNet;
use service::Call;
use store::Tx;

use super::tables::both;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_ROUTE_NOT_FOUND, MISSING_PARAMETER,
    ROUTE_ALREADY_EXISTS,
};
use crate::kind::{TRANSIT_GATEWAY_ATTACHMENT, TRANSIT_GATEWAY_ROUTE_TABLE};
use crate::limits::{PAGE_MAX, TRANSIT_ROUTES_SHOWN};
use crate::model::filter::{Filters, Values, maybe, one};
use crate::model::groups::NO_TAGS;
use crate::records::transit::{StaticRoute, TransitAttachmentRecord, TransitRouteTableRecord};
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources;

fn arns(call: &Call, table: &str, attachment: Option<&str>) -> Vec<Arn> {
    match attachment {
        Some(attachment) => both(call, table, attachment),
        None => vec![TRANSIT_GATEWAY_ROUTE_TABLE.arn(call, table)],
    }
}

pub fn by_create(_: &Ec2, call: &Call, input: &CreateTransitGatewayRouteInput) -> Result<Vec<Arn>, Error> {
    let attachment = input.transit_gateway_attachment_id.as_deref();
    Ok(arns(call, &input.transit_gateway_route_table_id, attachment))
}

pub fn by_replace(_: &Ec2, call: &Call, input: &ReplaceTransitGatewayRouteInput) -> Result<Vec<Arn>, Error> {
    let attachment = input.transit_gateway_attachment_id.as_deref();
    Ok(arns(call, &input.transit_gateway_route_table_id, attachment))
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteTransitGatewayRouteInput) -> Result<Vec<Arn>, Error> {
    Ok(arns(call, &input.transit_gateway_route_table_id, None))
}

pub fn by_search(_: &Ec2, call: &Call, input: &SearchTransitGatewayRoutesInput) -> Result<Vec<Arn>, Error> {
    Ok(arns(call, &input.transit_gateway_route_table_id, None))
}

fn range(text: &str) -> Result<IpNet, Error> {
    let found = text.parse::<IpNet>().map(|range| range.trunc());
    found.map_err(|_| Error::invalid_value(text, "destinationCidrBlock", "This is not a valid CIDR block."))
}

/// A route as a request has it.
async fn asked(
    tx: &Tx,
    place: &Place,
    table: &TransitRouteTableRecord,
    to: IpNet,
    attachment: Option<&str>,
    blackhole: bool,
) -> Result<StaticRoute, Error> {
    match (attachment, blackhole) {
        (Some(_), true) => {
            let message = "You cannot specify an attachment for a blackhole route.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (None, false) => {
            let message = "Either TransitGatewayAttachmentId or Blackhole must be specified.";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
        (None, true) => Ok(StaticRoute { to, attachment: None }),
        (Some(id), false) => {
            let attachment: TransitAttachmentRecord = resources::get(tx, place, id).await?;
            match attachment.gateway == table.gateway() {
                true if attachment.is_available() => Ok(StaticRoute { to, attachment: Some(attachment.id) }),
                true => Err(super::invalid_state(id)),
                false => Err(TRANSIT_GATEWAY_ATTACHMENT.missing(id)),
            }
        }
    }
}

pub async fn create_transit_gateway_route(
    ec2: &Ec2,
    call: &Call,
    input: CreateTransitGatewayRouteInput,
) -> Result<CreateTransitGatewayRouteOutput, Error> {
    let to = range(&input.destination_cidr_block)?;
    let (place, input) = (call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        let mut table: TransitRouteTableRecord =
            resources::get(&tx, &place, &input.transit_gateway_route_table_id).await?;
        let attachment = input.transit_gateway_attachment_id.as_deref();
        let blackhole = input.blackhole == Some(true);
        let route = asked(&tx, &place, &table, to, attachment, blackhole).await?;
        if table.routes.iter().any(|known| known.to == to) {
            let message = format!("Route {to} already exists in Transit Gateway Route Table {}.", table.id());
            return Err(Error::new(&ROUTE_ALREADY_EXISTS, message));
        }
        table.routes.push(route.clone());
        resources::put(&tx, &place, &table).await?;
        shown_static(&tx, &place, &route).await
    });
    let route = made.await?;
    ec2.networks.nudge();
    Ok(CreateTransitGatewayRouteOutput { route: Some(route) })
}

pub async fn replace_transit_gateway_route(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceTransitGatewayRouteInput,
) -> Result<ReplaceTransitGatewayRouteOutput, Error> {
    let to = range(&input.destination_cidr_block)?;
    let (place, input) = (call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        let mut table: TransitRouteTableRecord =
            resources::get(&tx, &place, &input.transit_gateway_route_table_id).await?;
        let attachment = input.transit_gateway_attachment_id.as_deref();
        let blackhole = input.blackhole == Some(true);
        let route = asked(&tx, &place, &table, to, attachment, blackhole).await?;
        let known = table.routes.iter_mut().find(|known| known.to == to);
        *known.ok_or_else(|| missing(to, &input.transit_gateway_route_table_id))? = route.clone();
        resources::put(&tx, &place, &table).await?;
        shown_static(&tx, &place, &route).await
    });
    let route = made.await?;
    ec2.networks.nudge();
    Ok(ReplaceTransitGatewayRouteOutput { route: Some(route) })
}

fn missing(to: IpNet, table: &str) -> Error {
    let message = format!("Route {to} does not exist in Transit Gateway Route Table {table}.");
    Error::new(&INVALID_ROUTE_NOT_FOUND, message)
}

pub async fn delete_transit_gateway_route(
    ec2: &Ec2,
    call: &Call,
    input: DeleteTransitGatewayRouteInput,
) -> Result<DeleteTransitGatewayRouteOutput, Error> {
    let to = range(&input.destination_cidr_block)?;
    let (place, id) = (call.scope(), &input.transit_gateway_route_table_id);
    let gone = ec2.store.transact(|tx| async move {
        let mut table: TransitRouteTableRecord = resources::get(&tx, &place, id).await?;
        let at = table.routes.iter().position(|known| known.to == to);
        let route = table.routes.remove(at.ok_or_else(|| missing(to, id))?);
        resources::put(&tx, &place, &table).await?;
        shown_static(&tx, &place, &route).await
    });
    let route = TransitGatewayRoute { state: Some(TransitGatewayRouteState::Deleted), ..gone.await? };
    ec2.networks.nudge();
    Ok(DeleteTransitGatewayRouteOutput { route: Some(route) })
}

async fn shown_static(tx: &Tx, place: &Place, route: &StaticRoute) -> Result<TransitGatewayRoute, Error> {
    let attachment = match &route.attachment {
        Some(id) => TransitAttachmentRecord::TABLE.get(tx, place, id).await?,
        None => None,
    };
    Ok(shown_route(route.to, attachment.as_ref(), TransitGatewayRouteType::Static))
}

/// A route without an attachment that is there swallows packets.
fn shown_route(
    to: IpNet,
    attachment: Option<&TransitAttachmentRecord>,
    kind: TransitGatewayRouteType,
) -> TransitGatewayRoute {
    TransitGatewayRoute {
        destination_cidr_block: Some(to.to_string()),
        transit_gateway_attachments: attachment.map(|attachment| {
            vec![TransitGatewayRouteAttachment {
                resource_id: Some(attachment.resource()),
                transit_gateway_attachment_id: Some(attachment.id.clone()),
                resource_type: Some(attachment.resource_type()),
            }]
        }),
        r#type: Some(kind),
        state: Some(match attachment.is_some_and(TransitAttachmentRecord::is_available) {
            true => TransitGatewayRouteState::Active,
            false => TransitGatewayRouteState::Blackhole,
        }),
        ..TransitGatewayRoute::default()
    }
}

/// Everything that a table routes, with hand-made routes before learnt ones for the same range.
pub async fn effective(
    tx: &Tx,
    place: &Place,
    table: &TransitRouteTableRecord,
) -> Result<BTreeMap<IpNet, TransitGatewayRoute>, Error> {
    let mut routes = BTreeMap::new();
    for id in &table.propagations {
        let Some(attachment) = TransitAttachmentRecord::TABLE.get(tx, place, id).await? else { continue };
        let Some(vpc) = attachment.vpc() else { continue };
        let Some(vpc) = VpcRecord::TABLE.get(tx, place, vpc).await? else { continue };
        let four = vpc.blocks().into_iter().map(IpNet::V4);
        for block in four.chain(vpc.blocks6().into_iter().map(IpNet::V6)) {
            let route = shown_route(block, Some(&attachment), TransitGatewayRouteType::Propagated);
            routes.insert(block, route);
        }
    }
    for route in &table.routes {
        routes.insert(route.to, shown_static(tx, place, route).await?);
    }
    Ok(routes)
}

pub async fn search_transit_gateway_routes(
    ec2: &Ec2,
    call: &Call,
    input: SearchTransitGatewayRoutesInput,
) -> Result<SearchTransitGatewayRoutesOutput, Error> {
    let (search, others) = input.filters.into_iter().partition::<Vec<_>, _>(|it| {
        it.name.as_deref().is_some_and(|name| name.starts_with("route-search."))
    });
    let searches = &searches(search)?;
    let filters = &Filters::parse(Some(others))?;
    filters.check(&|name| value(&TransitGatewayRoute::default(), name))?;
    let most = match input.max_results {
        None => TRANSIT_ROUTES_SHOWN,
        Some(most) => usize::try_from(most)
            .ok()
            .filter(|most| (5..=PAGE_MAX).contains(most))
            .ok_or_else(|| Error::invalid_value(most, "maxResults", "It must be from 5 to 1000."))?,
    };
    let (place, id) = (call.scope(), &input.transit_gateway_route_table_id);
    let found = ec2.store.read(|tx| async move {
        let table: TransitRouteTableRecord = resources::get(&tx, &place, id).await?;
        let routes = effective(&tx, &place, &table).await?;
        let mut found = Vec::new();
        for (to, route) in &routes {
            let wanted = searches.iter().all(|search| search.finds(*to, routes.keys()));
            if wanted && filters.admit(&NO_TAGS, &|name| value(route, name))? {
                found.push(route.clone());
            }
        }
        Ok::<_, Error>(found)
    });
    let mut found = found.await?;
    let more = found.len() > most;
    found.truncate(most);
    Ok(SearchTransitGatewayRoutesOutput {
        routes: Some(found),
        additional_routes_available: Some(more),
        next_token: None,
    })
}

fn value(route: &TransitGatewayRoute, name: &str) -> Values {
    let attachments = || route.transit_gateway_attachments.iter().flatten();
    match name {
        "attachment.transit-gateway-attachment-id" => {
            Some(attachments().filter_map(|it| it.transit_gateway_attachment_id.clone()).collect())
        }
        "attachment.resource-id" => Some(attachments().filter_map(|it| it.resource_id.clone()).collect()),
        "attachment.resource-type" => {
            Some(attachments().filter_map(|it| it.resource_type.as_ref().map(ToString::to_string)).collect())
        }
        "prefix-list-id" => maybe(route.prefix_list_id.as_deref()),
        "state" => one(route.state.clone().unwrap_or_default()),
        "type" => one(route.r#type.clone().unwrap_or_default()),
        _ => None,
    }
}

/// The ways of looking for a range.
enum Search {
    Exact(Vec<IpNet>),
    Longest(Vec<IpNet>),
    SubnetOf(Vec<IpNet>),
    SupernetOf(Vec<IpNet>),
}

impl Search {
    fn finds<'a>(&self, to: IpNet, mut all: impl Iterator<Item = &'a IpNet>) -> bool {
        match self {
            Search::Exact(ranges) => ranges.contains(&to),
            Search::SubnetOf(ranges) => ranges.iter().any(|range| range.contains(&to)),
            Search::SupernetOf(ranges) => ranges.iter().any(|range| to.contains(range)),
            Search::Longest(ranges) => ranges.iter().any(|range| {
                let better = |other: &IpNet| other.contains(range) && other.prefix_len() > to.prefix_len();
                to.contains(range) && !all.any(better)
            }),
        }
    }
}

fn searches(filters: Vec<Filter>) -> Result<Vec<Search>, Error> {
    let mut found = Vec::with_capacity(filters.len());
    for Filter { name, values } in filters {
        let mut ranges = Vec::new();
        for text in values.unwrap_or_default() {
            // A bare address is a range of one.
            let whole = text.parse::<std::net::IpAddr>().map(IpNet::from);
            ranges.push(whole.or_else(|_| range(&text))?);
        }
        found.push(match name.as_deref().unwrap_or_default() {
            "route-search.exact-match" => Search::Exact(ranges),
            "route-search.longest-prefix-match" => Search::Longest(ranges),
            "route-search.subnet-of-match" => Search::SubnetOf(ranges),
            "route-search.supernet-of-match" => Search::SupernetOf(ranges),
            other => {
                return Err(Error::new(&INVALID_PARAMETER_VALUE, format!("The filter '{other}' is invalid")));
            }
        });
    }
    Ok(found)
}
