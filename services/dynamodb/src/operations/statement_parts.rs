//! Statements as parts of transactions, and what they ask of permissions.

use std::collections::BTreeSet;

use item_engine::Item;
use item_engine::expression::Condition;
use item_engine::partiql::{self, Access, Columns, Returning, Select, Statement};
use service::Call;

use super::permissions::{Group, ask};
use super::transact_get::ReadPart;
use super::transact_write::{Part, PartVerb};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::action::Existence;
use crate::model::condition_keys::{ENCLOSING_OPERATION, FULL_TABLE_SCAN, RETURN_VALUES, SELECT};
use crate::model::primary_key;
use crate::model::selection::with_parts;
use crate::model::table_name::TableAddress;
use crate::operations::put::check_size;

/// A statement that writes or checks, as a part of a transaction. The key of its item is in its condition.
pub fn write_part(view: &TableView, statement: Statement, shows_failed: bool) -> Result<Part, Error> {
    let table = statement.table().to_owned();
    let key_of = |condition: Option<&Condition>| -> Result<Item, Error> {
        Ok(with_parts(&view.key, |schema| partiql::primary_key(condition, schema))?)
    };
    let (verb, condition, existence) = match statement {
        Statement::Insert(insert) => {
            check_size(&insert.item)?;
            (PartVerb::Put(insert.item), None, Existence::MustNotExist)
        }
        Statement::Update(update) => {
            let key = key_of(Some(&update.condition))?;
            (PartVerb::Update(key, update.update), Some(update.condition), Existence::MustExist)
        }
        Statement::Delete(delete) => {
            let key = key_of(Some(&delete.condition))?;
            (PartVerb::Delete(key), Some(delete.condition), Existence::MayBeMissing)
        }
        Statement::Exists(select) => {
            let key = key_of(select.condition.as_ref())?;
            (PartVerb::Check(key), select.condition, Existence::Any)
        }
        Statement::Select(_) => return Err(Error::validation("A SELECT writes nothing")),
    };
    let mut part = Part::new(table, verb, condition, shows_failed);
    part.existence = existence;
    Ok(part)
}

/// A SELECT of one item by its whole key, as a part of a transaction.
pub fn read_part(view: &TableView, select: Select) -> Result<ReadPart, Error> {
    if select.index.is_some() {
        return Err(Error::validation("Indexes cannot be read in transactions and batches"));
    }
    let key = with_parts(&view.key, |schema| partiql::primary_key(select.condition.as_ref(), schema))?;
    Ok(ReadPart { table: select.table.clone(), key, projection: None, select: Some(select) })
}

/// The same, and its key in the engine.
pub fn only_item(view: &TableView, select: Select) -> Result<(Vec<u8>, ReadPart), Error> {
    let part = read_part(view, select)?;
    let key = primary_key::of_key(&view.key, &part.key)?;
    Ok((key, part))
}

/// Asks whether the caller may do what a statement does.
pub async fn require_statement(
    dynamodb: &DynamoDB,
    call: &Call,
    statement: &Statement,
    enclosing: &str,
) -> Result<(), Error> {
    let address = TableAddress::parse(call.scope(), statement.table())?;
    let view = dynamodb.directory.find((address.account, address.region), &address.name).await?;
    let mut resource = address.arn();
    let mut more = vec![(ENCLOSING_OPERATION, enclosing.to_owned())];
    let (action, items, attributes) = match statement {
        Statement::Select(select) | Statement::Exists(select) => {
            if let Some(index) = &select.index {
                let arn = format!("{resource}/index/{index}");
                resource = arn.parse().map_err(|_| Error::no_such_resource())?;
            }
            let schema = view.as_ref().map(|view| {
                let index = select.index.as_deref().and_then(|name| view.index(name));
                index.map_or(&view.key, |index| &index.key).clone()
            });
            let hashes = schema.as_ref().map(|schema| hashes(select, schema)).unwrap_or_default();
            let scans = hashes.is_empty();
            more.push((FULL_TABLE_SCAN, scans.to_string()));
            let attributes = selected(select);
            let is_whole = matches!(select.columns, Columns::All);
            let kind = if is_whole { "ALL_ATTRIBUTES" } else { "SPECIFIC_ATTRIBUTES" };
            more.push((SELECT, kind.to_owned()));
            ("PartiQLSelect", hashes, attributes)
        }
        Statement::Insert(insert) => {
            let attributes = insert.item.keys().cloned().collect();
            ("PartiQLInsert", vec![insert.item.clone()], attributes)
        }
        Statement::Update(update) => {
            let mut attributes = looked_at(Some(&update.condition));
            attributes.extend(update.update.attributes().map(str::to_owned));
            more.push((RETURN_VALUES, returning(update.returning).to_owned()));
            ("PartiQLUpdate", key_of(view.as_deref(), &update.condition), attributes)
        }
        Statement::Delete(delete) => {
            more.push((RETURN_VALUES, returning(delete.returning.then_some(Returning::AllOld)).to_owned()));
            ("PartiQLDelete", key_of(view.as_deref(), &delete.condition), looked_at(Some(&delete.condition)))
        }
    };
    let group = Group::new(items.iter().collect(), attributes);
    let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ask(dynamodb, call, (action, &address, resource), &group, &more).await
}

fn returning(returning: Option<Returning>) -> &'static str {
    match returning {
        None => "NONE",
        Some(Returning::AllOld) => "ALL_OLD",
        Some(Returning::AllNew) => "ALL_NEW",
        Some(Returning::ModifiedOld) => "UPDATED_OLD",
        Some(Returning::ModifiedNew) => "UPDATED_NEW",
    }
}

/// The partition keys that a SELECT names; of none, it scans.
fn hashes(select: &Select, schema: &crate::model::key_schema::KeySchema) -> Vec<Item> {
    let access = with_parts(schema, |parts| partiql::access(select, parts));
    let Ok(Access::Partitions { selections, .. }) = access else { return Vec::new() };
    let item = |hash: &item_engine::Value| Item::from([(schema.hash.name.clone(), hash.clone())]);
    selections.iter().filter_map(|selection| selection.hash.first().map(item)).collect()
}

fn key_of(view: Option<&TableView>, condition: &Condition) -> Vec<Item> {
    let key = view.map(|view| with_parts(&view.key, |schema| partiql::primary_key(Some(condition), schema)));
    key.and_then(Result::ok).into_iter().collect()
}

fn selected(select: &Select) -> BTreeSet<String> {
    let mut attributes = looked_at(select.condition.as_ref());
    attributes.extend(select.columns.attributes().into_iter().flatten().map(str::to_owned));
    attributes
}

fn looked_at(condition: Option<&Condition>) -> BTreeSet<String> {
    condition.map(|condition| condition.attributes()).into_iter().flatten().map(str::to_owned).collect()
}
