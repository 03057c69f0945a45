//! What requests of several parts authorise. Batches ask for their own action on every table; transactions and
//! statements ask for what each part does (`PutItem`, `ConditionCheckItem`, `PartiQLSelect`), and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use base::Arn;
use dynamodb_api::{BatchGetItemInput, BatchWriteItemInput};
use item_engine::Item;
use service::{Ask, Call};

use super::transact_get::ReadPart;
use super::transact_write::{Part, PartVerb};
use crate::DynamoDB;
use crate::error::Error;
use crate::model::condition_keys::{ENCLOSING_OPERATION, keys_of, leading_key};
use crate::model::table_name::TableAddress;

pub fn by_gets(_: &DynamoDB, call: &Call, input: &BatchGetItemInput) -> Result<Vec<Arn>, Error> {
    arns(call, input.request_items.keys())
}

pub fn by_writes(_: &DynamoDB, call: &Call, input: &BatchWriteItemInput) -> Result<Vec<Arn>, Error> {
    arns(call, input.request_items.keys())
}

/// Parts are asked for one by one, see below.
pub fn by_parts<I>(_: &DynamoDB, _: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

fn arns<'n>(call: &Call, names: impl Iterator<Item = &'n String>) -> Result<Vec<Arn>, Error> {
    names.map(|name| TableAddress::parse(call.scope(), name).map(|table| table.arn())).collect()
}

/// What parts that do the same to the same table have in common.
#[derive(Default)]
pub struct Group<'p> {
    items: Vec<&'p Item>,
    attributes: BTreeSet<String>,
}

/// Asks for everything that a transaction's parts do.
pub async fn require_writes(
    dynamodb: &DynamoDB,
    call: &Call,
    parts: &[Part],
    enclosing: &str,
) -> Result<(), Error> {
    let mut groups: BTreeMap<(&str, &str), Group<'_>> = BTreeMap::new();
    for part in parts {
        let action = match part.verb {
            PartVerb::Put(_) => "PutItem",
            PartVerb::Update(..) => "UpdateItem",
            PartVerb::Delete(_) => "DeleteItem",
            PartVerb::Check(_) => "ConditionCheckItem",
        };
        let group = groups.entry((action, &part.table)).or_default();
        group.items.push(part.item());
        group.attributes.extend(part.item().keys().cloned());
        if let PartVerb::Update(_, update) = &part.verb {
            group.attributes.extend(update.attributes().map(str::to_owned));
        }
        let looked_at = part.condition.as_ref().map(|condition| condition.attributes());
        group.attributes.extend(looked_at.into_iter().flatten().map(str::to_owned));
    }
    for ((action, table), group) in groups {
        require(dynamodb, call, (action, table), &group, &[(ENCLOSING_OPERATION, enclosing)]).await?;
    }
    Ok(())
}

pub async fn require_reads(
    dynamodb: &DynamoDB,
    call: &Call,
    parts: &[ReadPart],
    enclosing: &str,
) -> Result<(), Error> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for part in parts {
        let group = groups.entry(&part.table).or_default();
        group.items.push(&part.key);
        let asked = part.projection.as_ref().map(|projection| projection.attributes());
        group.attributes.extend(asked.into_iter().flatten().map(str::to_owned));
    }
    for (table, group) in groups {
        require(dynamodb, call, ("GetItem", table), &group, &[(ENCLOSING_OPERATION, enclosing)]).await?;
    }
    Ok(())
}

impl<'p> Group<'p> {
    pub fn new(items: Vec<&'p Item>, attributes: BTreeSet<String>) -> Group<'p> {
        Group { items, attributes }
    }
}

/// Asks for one action on a table, or on one of its indexes (`table/index/name` behind the table's name).
pub async fn require(
    dynamodb: &DynamoDB,
    call: &Call,
    (action, table): (&str, &str),
    group: &Group<'_>,
    more: &[(&str, &str)],
) -> Result<(), Error> {
    let address = TableAddress::parse(call.scope(), table)?;
    ask(dynamodb, call, (action, &address, address.arn()), group, more).await
}

pub async fn ask(
    dynamodb: &DynamoDB,
    call: &Call,
    (action, table, resource): (&str, &TableAddress, Arn),
    group: &Group<'_>,
    more: &[(&str, &str)],
) -> Result<(), Error> {
    let view = dynamodb.directory.find((table.account, table.region), &table.name).await?;
    let leading: BTreeSet<String> = view
        .iter()
        .flat_map(|view| group.items.iter().filter_map(|item| leading_key(&view.key, item)))
        .collect();
    let keys = keys_of(leading, group.attributes.iter().cloned(), more);
    let ask = Ask { prefix: "dynamodb", action, resource: Some(&resource), keys: &keys, input: None };
    dynamodb.aws.require(call, &ask).await?;
    Ok(())
}
