//! What a new table is to be: keys and indexes, checked in DynamoDB's order and refused in its words.
//!
//! Surprising: the same mistake has several sentences. A key attribute without a definition is told apart by how many
//! keys there are, and superfluous definitions by whether there are indexes.

use dynamodb_api as api;

use super::key_schema::{KeyAttribute, KeySchema, Projection, ScalarType};
use super::throughput::{self, Capacity, Mode};
use crate::error::Error;
use crate::limits::{GLOBAL_INDEXES_MAX, KEY_ATTRIBUTES_MAX, LOCAL_INDEXES_MAX, PROJECTED_ATTRIBUTES_MAX};
use crate::records::{AttributeRecord, IndexKind};

/// What CreateTable, ImportTable and restores have in common, as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct TableWish {
    pub attribute_definitions: Vec<api::AttributeDefinition>,
    pub key_schema: Vec<api::KeySchemaElement>,
    pub local_indexes: Option<Vec<api::LocalSecondaryIndex>>,
    pub global_indexes: Option<Vec<api::GlobalSecondaryIndex>>,
    pub capacity: Capacity,
}

/// The same, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTable {
    pub attributes: Vec<AttributeRecord>,
    pub key: KeySchema,
    pub indexes: Vec<NewIndex>,
    pub mode: Mode,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewIndex {
    pub name: String,
    pub kind: IndexKind,
    pub key: KeySchema,
    pub projection: Projection,
    /// Of a global index.
    pub mode: Option<Mode>,
}

pub fn parse(wish: &TableWish, region: base::Region) -> Result<NewTable, Error> {
    let mode = throughput::of_new_table(&wish.capacity, region)?;
    let attributes = definitions(&wish.attribute_definitions)?;
    let key = table_key(&wish.key_schema, &attributes)?;
    let has_indexes = wish.local_indexes.is_some() || wish.global_indexes.is_some();
    if !has_indexes && wish.key_schema.len() != attributes.len() {
        return Err(Error::invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ));
    }
    let mut indexes = Vec::new();
    for index in local_indexes(wish, &key, &attributes)? {
        push(&mut indexes, index)?;
    }
    for index in global_indexes(wish, &mode, &attributes, region)? {
        push(&mut indexes, index)?;
    }
    check_projections(indexes.iter().map(|index| &index.projection))?;
    check_used(&attributes, &key, &indexes)?;
    Ok(NewTable { attributes, key, indexes, mode })
}

fn push(indexes: &mut Vec<NewIndex>, index: NewIndex) -> Result<(), Error> {
    if indexes.iter().any(|other| other.name == index.name) {
        return Err(Error::invalid_values(format_args!("Duplicate index name: {}", index.name)));
    }
    indexes.push(index);
    Ok(())
}

/// The types of attributes, of which none may be given twice.
pub fn definitions(given: &[api::AttributeDefinition]) -> Result<Vec<AttributeRecord>, Error> {
    let mut attributes: Vec<AttributeRecord> = Vec::with_capacity(given.len());
    for definition in given {
        let name = &definition.attribute_name;
        if attributes.iter().any(|other| other.name == *name) {
            return Err(Error::Validation(format!("Attribute Name is duplicated: {name}")));
        }
        let kind = ScalarType::parse(&definition.attribute_type)
            .ok_or_else(|| Error::internal("the type of an attribute passed its constraint"))?;
        attributes.push(AttributeRecord { name: name.clone(), kind });
    }
    Ok(attributes)
}

fn table_key(elements: &[api::KeySchemaElement], attributes: &[AttributeRecord]) -> Result<KeySchema, Error> {
    if elements.is_empty() {
        return Err(null_member("keySchema"));
    }
    let is_defined = |element: &api::KeySchemaElement| {
        attributes.iter().any(|attribute| attribute.name == element.attribute_name)
    };
    if elements.len() > 1 && (!elements.iter().all(is_defined) || elements.len() > attributes.len()) {
        let message = "Invalid KeySchema: Some index key attribute have no definition";
        return Err(Error::Validation(message.to_owned()));
    }
    key_of(elements, attributes, Halves::Single)
}

fn null_member(member: &str) -> Error {
    Error::Validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// How many attributes the partition key may have, and the sort key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halves {
    Single,
    Several,
}

/// Reads the key of an index, or of a table whose definitions were looked at.
fn key_of(
    elements: &[api::KeySchemaElement],
    attributes: &[AttributeRecord],
    halves: Halves,
) -> Result<KeySchema, Error> {
    let find = |element: &api::KeySchemaElement| {
        attributes.iter().find(|attribute| attribute.name == element.attribute_name)
    };
    if !elements.iter().all(|element| find(element).is_some()) {
        let names = |names: Vec<&str>| names.join(", ");
        return Err(Error::invalid_values(format_args!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            names(elements.iter().map(|element| element.attribute_name.as_str()).collect()),
            names(attributes.iter().map(|attribute| attribute.name.as_str()).collect()),
        )));
    }
    if elements.len() > 2 && halves == Halves::Single {
        return Err(Error::invalid_values(
            "Only the key of a global secondary index has more than one attribute for its partition or sort key",
        ));
    }
    let hashes = elements.iter().take_while(|element| element.key_type == api::KeyType::Hash).count();
    if hashes == 0 {
        let message = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type";
        return Err(Error::Validation(message.to_owned()));
    }
    let (hash, range) = elements.split_at(hashes);
    let is_twice = |(at, element): (usize, &api::KeySchemaElement)| {
        elements[..at].iter().any(|other| other.attribute_name == element.attribute_name)
    };
    if elements.iter().enumerate().any(is_twice) {
        let message = "Both the Hash Key and the Range Key element in the KeySchema have the same name";
        return Err(Error::Validation(message.to_owned()));
    }
    if range.iter().any(|element| element.key_type != api::KeyType::Range)
        || (halves == Halves::Single && hashes > 1)
    {
        let message = match elements.len() {
            2 => "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
            _ => "Invalid KeySchema: All HASH key types come before all RANGE key types",
        };
        return Err(Error::Validation(message.to_owned()));
    }
    if hash.len() > KEY_ATTRIBUTES_MAX || range.len() > KEY_ATTRIBUTES_MAX {
        return Err(Error::invalid_values(format_args!(
            "A global secondary index has at most {KEY_ATTRIBUTES_MAX} attributes for its partition key and as many for \
             its sort key"
        )));
    }
    let attribute = |element: &api::KeySchemaElement| {
        let found = find(element).expect("all elements are defined");
        KeyAttribute { name: found.name.clone(), kind: found.kind }
    };
    let mut hash = hash.iter().map(attribute);
    let mut range = range.iter().map(attribute);
    Ok(KeySchema {
        hash: hash.next().expect("there is one at least"),
        more_hash: hash.collect(),
        range: range.next(),
        more_range: range.collect(),
    })
}

fn local_indexes(
    wish: &TableWish,
    table_key: &KeySchema,
    attributes: &[AttributeRecord],
) -> Result<Vec<NewIndex>, Error> {
    let Some(wished) = &wish.local_indexes else { return Ok(Vec::new()) };
    if wished.is_empty() {
        return Err(Error::invalid_values("List of LocalSecondaryIndexes is empty"));
    }
    if table_key.range.is_none() {
        return Err(Error::invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let mut indexes = Vec::new();
    for index in wished {
        let name = &index.index_name;
        let key = key_of(&index.key_schema, attributes, Halves::Single)?;
        if key.range.is_none() {
            return Err(Error::invalid_values(format_args!(
                "Index KeySchema does not have a range key for index: {name}"
            )));
        }
        if key.hash != table_key.hash {
            return Err(Error::invalid_values(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index \
                 hash key: {}, table hash key: {}",
                key.hash.name, table_key.hash.name
            )));
        }
        let projection = projection(&index.projection)?;
        indexes.push(NewIndex { name: name.clone(), kind: IndexKind::Local, key, projection, mode: None });
    }
    if indexes.len() > LOCAL_INDEXES_MAX {
        return Err(Error::invalid_values(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}"
        )));
    }
    Ok(indexes)
}

fn global_indexes(
    wish: &TableWish,
    table: &Mode,
    attributes: &[AttributeRecord],
    region: base::Region,
) -> Result<Vec<NewIndex>, Error> {
    let Some(wished) = &wish.global_indexes else { return Ok(Vec::new()) };
    if wished.is_empty() {
        return Err(Error::invalid_values("List of GlobalSecondaryIndexes is empty"));
    }
    let mut indexes = Vec::new();
    for index in wished {
        indexes.push(global_index(index, table, attributes, region)?);
    }
    if indexes.len() > GLOBAL_INDEXES_MAX {
        return Err(Error::invalid_values(format_args!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}"
        )));
    }
    Ok(indexes)
}

pub fn global_index(
    index: &api::GlobalSecondaryIndex,
    table: &Mode,
    attributes: &[AttributeRecord],
    region: base::Region,
) -> Result<NewIndex, Error> {
    let name = index.index_name.clone();
    let key = key_of(&index.key_schema, attributes, Halves::Several)?;
    let projection = projection(&index.projection)?;
    let capacity = Capacity {
        billing_mode: None,
        provisioned: index.provisioned_throughput.clone(),
        on_demand: index.on_demand_throughput.clone(),
        warm: index.warm_throughput.clone(),
    };
    let mode = throughput::of_new_index(&name, &capacity, table, region)?;
    Ok(NewIndex { name, kind: IndexKind::Global, key, projection, mode: Some(mode) })
}

pub fn projection(given: &api::Projection) -> Result<Projection, Error> {
    let named = given.non_key_attributes.as_ref();
    match (&given.projection_type, named) {
        (None | Some(api::ProjectionType::Unknown(_)), _) => {
            Err(Error::invalid_values("Unknown ProjectionType: null"))
        }
        (Some(api::ProjectionType::All), None) => Ok(Projection::All),
        (Some(api::ProjectionType::KeysOnly), None) => Ok(Projection::KeysOnly),
        (Some(api::ProjectionType::Include), None) => {
            Err(Error::invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (Some(api::ProjectionType::Include), Some(names)) => {
            for (at, name) in names.iter().enumerate() {
                if names[..at].contains(name) {
                    return Err(Error::invalid_values(format_args!(
                        "Duplicate element in NonKeyAttributes: {name}"
                    )));
                }
            }
            Ok(Projection::Include(names.clone()))
        }
        (Some(kind), Some(_)) => Err(Error::invalid_values(format_args!(
            "ProjectionType is {kind}, but NonKeyAttributes is specified"
        ))),
    }
}

/// All indexes of a table together name so many attributes at most; one that two of them name counts twice.
pub fn check_projections<'a>(projections: impl Iterator<Item = &'a Projection>) -> Result<(), Error> {
    let named = projections.map(|projection| match projection {
        Projection::Include(names) => names.len(),
        Projection::All | Projection::KeysOnly => 0,
    });
    if named.sum::<usize>() > PROJECTED_ATTRIBUTES_MAX {
        return Err(Error::invalid_values(format_args!(
            "Number of attributes specified in all NonKeyAttributes exceeds per-table limit of \
             {PROJECTED_ATTRIBUTES_MAX}"
        )));
    }
    Ok(())
}

fn check_used(attributes: &[AttributeRecord], key: &KeySchema, indexes: &[NewIndex]) -> Result<(), Error> {
    let of_indexes = indexes.iter().flat_map(|index| index.key.attributes());
    let mut used: Vec<&str> = Vec::new();
    for attribute in key.attributes().chain(of_indexes) {
        if !used.contains(&attribute.name.as_str()) {
            used.push(&attribute.name);
        }
    }
    if attributes.iter().all(|attribute| used.contains(&attribute.name.as_str())) {
        return Ok(());
    }
    let defined: Vec<&str> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    Err(Error::invalid_values(format_args!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        defined.join(", "),
        used.join(", ")
    )))
}

#[cfg(test)]
#[path = "table_schema/tests.rs"]
mod tests;
