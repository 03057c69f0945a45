//! The table that a restore makes: its source's keys and indexes, or some of them, and its capacity or another.
//!
//! Surprising: only indexes that the source had can be asked for, and neither tags nor streams, time to live, recovery,
//! policies or alarms come along. Reference: "Restoring a DynamoDB table" of the developer guide.

use base::Region;
use dynamodb_api as api;

use super::key_schema::Projection;
use super::table_schema::{NewIndex, NewTable, projection};
use super::throughput::{self, Mode};
use crate::error::Error;
use crate::records::{BillingMode, IndexKind, IndexRecord, TableRecord, Throughput};

/// What a request wants otherwise than it was.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub billing_mode: Option<api::BillingMode>,
    pub global_indexes: Option<Vec<api::GlobalSecondaryIndex>>,
    pub local_indexes: Option<Vec<api::LocalSecondaryIndex>>,
    pub provisioned: Option<api::ProvisionedThroughput>,
    pub on_demand: Option<api::OnDemandThroughput>,
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::Validation(format!("Invalid Request: {what}"))
}

pub fn new_table(source: &TableRecord, overrides: &Overrides, region: Region) -> Result<NewTable, Error> {
    let mode = mode(source, overrides, region)?;
    let mut indexes = Vec::new();
    for index in &source.indexes {
        match index.kind {
            IndexKind::Local if wants_local(overrides, index)? => indexes.push(as_it_was(index, None)),
            IndexKind::Global => {
                if let Some(throughput) = wanted_global(overrides, index, &mode, region)? {
                    let mode = Mode { billing: mode.billing, throughput };
                    indexes.push(as_it_was(index, Some(mode)));
                }
            }
            IndexKind::Local => {}
        }
    }
    check_known(source, overrides)?;
    let used = |name: &str| {
        source.key.contains(name) || indexes.iter().any(|index: &NewIndex| index.key.contains(name))
    };
    let attributes = source.attributes.iter().filter(|attribute| used(&attribute.name)).cloned().collect();
    Ok(NewTable { attributes, key: source.key.clone(), indexes, mode })
}

fn as_it_was(index: &IndexRecord, mode: Option<Mode>) -> NewIndex {
    NewIndex {
        name: index.name.clone(),
        kind: index.kind,
        key: index.key.clone(),
        projection: index.projection.clone(),
        mode,
    }
}

fn mode(source: &TableRecord, overrides: &Overrides, region: Region) -> Result<Mode, Error> {
    let before = &source.billing;
    let billing =
        overrides.billing_mode.as_ref().map_or(before.mode, |mode| throughput::billing_mode(Some(mode)));
    let throughput = match (billing, &overrides.provisioned) {
        (BillingMode::OnDemand, Some(_)) if overrides.billing_mode.is_some() => {
            return Err(invalid(
                "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
            ));
        }
        (BillingMode::OnDemand, Some(_)) => {
            return Err(invalid("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"));
        }
        (BillingMode::OnDemand, None) => throughput::on_demand(overrides.on_demand.as_ref(), "table")?,
        (BillingMode::Provisioned, None) if before.mode == BillingMode::OnDemand => {
            return Err(invalid(
                "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
            ));
        }
        (BillingMode::Provisioned, None) => Throughput {
            read_units: before.throughput.read_units,
            write_units: before.throughput.write_units,
            warm_read: before.throughput.warm_read,
            warm_write: before.throughput.warm_write,
            ..Throughput::default()
        },
        (BillingMode::Provisioned, Some(units)) => throughput::provisioned(units, region, None)?,
    };
    if billing == BillingMode::Provisioned && overrides.on_demand.is_some() {
        return Err(invalid(
            "Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST",
        ));
    }
    Ok(Mode { billing, throughput })
}

fn wants_local(overrides: &Overrides, index: &IndexRecord) -> Result<bool, Error> {
    let Some(wanted) = &overrides.local_indexes else { return Ok(true) };
    match wanted.iter().find(|wanted| wanted.index_name == index.name) {
        None => Ok(false),
        Some(wanted) => check_same(index, &wanted.key_schema, &wanted.projection).map(|()| true),
    }
}

/// The capacity of a global index that the new table shall have.
fn wanted_global(
    overrides: &Overrides,
    index: &IndexRecord,
    table: &Mode,
    region: Region,
) -> Result<Option<Throughput>, Error> {
    let name = &index.name;
    let wanted = match &overrides.global_indexes {
        None => None,
        Some(wanted) => match wanted.iter().find(|wanted| wanted.index_name == *name) {
            None => return Ok(None),
            Some(wanted) => {
                check_same(index, &wanted.key_schema, &wanted.projection)?;
                wanted.provisioned_throughput.as_ref()
            }
        },
    };
    match (table.billing, wanted) {
        (BillingMode::OnDemand, Some(_)) => Err(invalid(format_args!(
            "Cannot override ProvisionedThroughput for index {name} if BillingMode is PAY_PER_REQUEST"
        ))),
        (BillingMode::OnDemand, None) => throughput::on_demand(None, "index").map(Some),
        (BillingMode::Provisioned, Some(units)) => {
            throughput::provisioned(units, region, Some(name)).map(Some)
        }
        (BillingMode::Provisioned, None) if index.throughput.read_units > 0 => {
            let Throughput { read_units, write_units, warm_read, warm_write, .. } = index.throughput;
            Ok(Some(Throughput { read_units, write_units, warm_read, warm_write, ..Throughput::default() }))
        }
        (BillingMode::Provisioned, None) => {
            Err(invalid(format_args!("Must specify provisioned throughput for index {name}")))
        }
    }
}

fn check_same(
    index: &IndexRecord,
    key: &[api::KeySchemaElement],
    wanted: &api::Projection,
) -> Result<(), Error> {
    let same_projection = match (projection(wanted)?, &index.projection) {
        (Projection::Include(mut one), Projection::Include(other)) => {
            let mut other = other.clone();
            one.sort();
            other.sort();
            one == other
        }
        (one, other) => one == *other,
    };
    if index.key.shown() == key && same_projection { Ok(()) } else { Err(unknown(&index.name)) }
}

fn unknown(name: &str) -> Error {
    invalid(format_args!(
        "Index {name} does not match a secondary index that existed in the source table and cannot be created during \
         the restore operation"
    ))
}

fn check_known(source: &TableRecord, overrides: &Overrides) -> Result<(), Error> {
    let local = overrides.local_indexes.iter().flatten().map(|index| (&index.index_name, IndexKind::Local));
    let global =
        overrides.global_indexes.iter().flatten().map(|index| (&index.index_name, IndexKind::Global));
    let had = |name: &str, kind| source.indexes.iter().any(|index| index.name == name && index.kind == kind);
    match local.chain(global).find(|(name, kind)| !had(name, *kind)) {
        Some((name, _)) => Err(unknown(name)),
        None => Ok(()),
    }
}
