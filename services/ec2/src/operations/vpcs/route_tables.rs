//! Route tables.

use base::Ids;
use ec2_api::*;
use service::Call;

use super::first_use::first_use;
use super::tokens::Token;
use super::{dependents, lookups, routes};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, ROUTE_TABLE_LIMIT_EXCEEDED};
use crate::kind::ROUTE_TABLE;
use crate::limits::ROUTE_TABLES_OF_VPC_MAX;
use crate::model::filter::matches;
use crate::model::tags::{self, Tags};
use crate::model::vpcs::made;
use crate::operations::tags::of_new;
use crate::records::Resource;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::VpcRecord;
use crate::resources::{self, Wanted};

fn shown(record: RouteTableRecord, tags: &Tags) -> RouteTable {
    RouteTable { tags: Some(tags::shown(tags)), ..record.table.0 }
}

pub async fn create_route_table(
    ec2: &Ec2,
    call: &Call,
    input: CreateRouteTableInput,
) -> Result<CreateRouteTableOutput, Error> {
    let tags = &of_new(ec2, call, "CreateRouteTable", input.tag_specifications.as_deref(), &ROUTE_TABLE, &[])
        .await?;
    let token = &Token::new("ec2.CreateRouteTable", input.client_token.as_deref(), (&input.vpc_id, tags));
    let (place, seed, vpc) = (call.scope(), ec2.ids.number(), input.vpc_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<RouteTableRecord>(&tx, &place, &id).await;
        }
        let vpc: VpcRecord = resources::get(&tx, &place, vpc).await?;
        let table = made::route_table(call, &Ids::seeded(seed), &vpc);
        if lookups::made::<RouteTableRecord>(&tx, &place, table.id()).await?.is_some() {
            return Ok(table);
        }
        let others = lookups::in_vpc::<RouteTableRecord>(&tx, &place, vpc.id()).await?;
        if others.len() >= ROUTE_TABLES_OF_VPC_MAX {
            let message = "The maximum number of route tables has been reached.";
            return Err(Error::new(&ROUTE_TABLE_LIMIT_EXCEEDED, message));
        }
        resources::create(&tx, &place, &table, tags).await?;
        token.remember(&tx, call, table.id()).await?;
        Ok::<_, Error>(table)
    });
    let route_table = Some(shown(made.await?, tags));
    Ok(CreateRouteTableOutput { route_table, client_token: token.shown() })
}

pub async fn describe_route_tables(
    ec2: &Ec2,
    call: &Call,
    input: DescribeRouteTablesInput,
) -> Result<DescribeRouteTablesOutput, Error> {
    first_use(ec2, call).await?;
    // Whether a route leads anywhere is known only when its target was looked at.
    let (states, filters): (Vec<Filter>, Vec<Filter>) = input
        .filters
        .unwrap_or_default()
        .into_iter()
        .partition(|filter| filter.name.as_deref() == Some("route.state"));
    if let Some(most) = input.max_results.filter(|most| *most > 100) {
        let why = "Expecting a value less than or equal to 100.";
        let message = format!("Value ( {most} ) for parameter maxResults is invalid. {why}");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let wanted = Wanted {
        operation: "DescribeRouteTables",
        ids: input.route_table_ids,
        filters: Some(filters),
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<RouteTableRecord>(ec2, call, wanted).await?;
    let (place, found) = (call.scope(), &page.resources);
    let states = &states;
    let tables = ec2.store.read(|tx| async move {
        let mut tables = Vec::with_capacity(found.len());
        for (record, tags) in found {
            let mut record = record.clone();
            routes::look_at_targets(&tx, &place, &mut record).await?;
            if states.iter().all(|filter| has_state(&record, filter)) {
                tables.push(shown(record, tags));
            }
        }
        Ok::<_, Error>(tables)
    });
    Ok(DescribeRouteTablesOutput { route_tables: Some(tables.await?), next_token: page.next_token })
}

fn has_state(record: &RouteTableRecord, filter: &Filter) -> bool {
    let states = record.filter("route.state").unwrap_or_default();
    let wanted = filter.values.as_deref().unwrap_or_default();
    states.iter().any(|state| wanted.iter().any(|pattern| matches(pattern, state)))
}

pub async fn delete_route_table(
    ec2: &Ec2,
    call: &Call,
    input: DeleteRouteTableInput,
) -> Result<DeleteRouteTableOutput, Error> {
    let (place, id) = (call.scope(), input.route_table_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let table: RouteTableRecord = resources::get(&tx, &place, id).await?;
            if !table.associations().is_empty() {
                let of = |association: &RouteTableAssociation| {
                    let gateway = association.gateway_id.clone();
                    association.subnet_id.clone().or(gateway).or_else(|| table.table.vpc_id.clone())
                };
                let users: Vec<String> = table.associations().iter().filter_map(of).collect();
                return Err(dependents::violation("routeTable", id, &users));
            }
            resources::remove::<RouteTableRecord>(&tx, &place, id).await
        })
        .await?;
    Ok(DeleteRouteTableOutput {})
}
