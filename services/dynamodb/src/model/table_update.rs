//! What UpdateTable changes, checked in DynamoDB's order and words.
//!
//! Surprising: nearly every change has to be the only one of its request, a new stream view needs the stream to be off
//! first, and asking for what is there already is an error for throughput, streams and encryption but not for the
//! billing mode and deletion protection.

use base::{Region, Timestamp};
use dynamodb_api as api;
use dynamodb_api::UpdateTableInput;

use super::table_schema::{self, NewIndex};
use super::throughput::{self, Mode};
use crate::error::Error;
use crate::limits::{CLASS_CHANGES_MAX, CLASS_CHANGES_WINDOW, GLOBAL_INDEXES_MAX};
use crate::records::{
    AttributeRecord, BillingMode, IndexKind, IndexRecord, IndexStatus, StreamView, TableClass, TableRecord,
    TableStatus, Throughput,
};

/// What a change of the record cannot do by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// An index that is to be filled.
    pub new_index: Option<NewIndex>,
    /// An index whose entries are to be given back.
    pub dropped_index: bool,
    pub stream: Option<StreamSwitch>,
    /// Whether the answer shows the table as being updated.
    pub updating: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSwitch {
    On(StreamView),
    Off,
}

fn in_use(what: impl std::fmt::Display) -> Error {
    Error::ResourceInUse(format!("Attempt to change a resource which is still in use: {what}"))
}

/// Refuses requests that ask for nothing, or for what does not go together.
pub fn check_combination(input: &UpdateTableInput) -> Result<(), Error> {
    let asked = Asked::of(input);
    if !asked.anything() {
        return Err(Error::Validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, \
             SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, \
             MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is \
             required"
                .to_owned(),
        ));
    }
    let alone = |is_asked: bool, what: &str| match is_asked && asked.count() > 1 {
        true => Err(Error::invalid_values(format_args!("{what} must be the only operation in the request"))),
        false => Ok(()),
    };
    alone(asked.encryption, "Server-Side Encryption modification")?;
    alone(asked.class, "TableClass modification")?;
    alone(asked.protection, "DeletionProtection modification")?;
    alone(asked.replicas, "Replica modification")?;
    if asked.warm && asked.index_made_or_gone {
        return Err(Error::invalid_values(
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ));
    }
    alone(asked.warm, "WarmThroughput")?;
    let others = asked.count() - usize::from(asked.billing) - usize::from(asked.on_demand);
    if asked.on_demand && others > 0 {
        return Err(Error::invalid_values(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ));
    }
    let changes_units = asked.units;
    if asked.stream && changes_units {
        return Err(Error::invalid_values("You cannot modify stream status while updating table IOPS"));
    }
    if asked.index_made_or_gone && changes_units {
        return Err(Error::invalid_values("You cannot create or delete index while updating table IOPS"));
    }
    if asked.index_made_or_gone && asked.stream {
        return Err(Error::invalid_values("You cannot create or delete index while changing stream status"));
    }
    Ok(())
}

/// Which parts of a table a request is about.
struct Asked {
    units: bool,
    billing: bool,
    stream: bool,
    indexes: bool,
    index_made_or_gone: bool,
    encryption: bool,
    replicas: bool,
    protection: bool,
    on_demand: bool,
    warm: bool,
    class: bool,
}

impl Asked {
    fn of(input: &UpdateTableInput) -> Asked {
        let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
        Asked {
            units: input.provisioned_throughput.is_some(),
            billing: input.billing_mode.is_some(),
            stream: input.stream_specification.is_some(),
            indexes: input.global_secondary_index_updates.is_some(),
            index_made_or_gone: updates
                .iter()
                .any(|update| update.create.is_some() || update.delete.is_some()),
            encryption: input.sse_specification.is_some(),
            replicas: input.replica_updates.is_some(),
            protection: input.deletion_protection_enabled.is_some(),
            on_demand: input.on_demand_throughput.is_some(),
            warm: input.warm_throughput.is_some(),
            class: input.table_class.is_some(),
        }
    }

    /// The mode and the units that belong to it are one operation.
    fn count(&self) -> usize {
        let parts = [
            self.units && !self.billing,
            self.billing,
            self.stream,
            self.indexes,
            self.encryption,
            self.replicas,
            self.protection,
            self.on_demand,
            self.warm,
            self.class,
        ];
        parts.into_iter().filter(|is_asked| *is_asked).count()
    }

    fn anything(&self) -> bool {
        self.count() > 0
    }
}

/// Changes the record as far as that needs nothing else. What is about encryption and replicas is done elsewhere.
pub fn apply(
    record: &mut TableRecord,
    name: &str,
    input: &UpdateTableInput,
    now: Timestamp,
    region: Region,
) -> Result<Effects, Error> {
    if record.status == TableStatus::Creating {
        return Err(in_use(format_args!("Table is being created: {name}")));
    }
    let mut effects = Effects::default();
    if let Some(protected) = input.deletion_protection_enabled {
        record.deletion_protection = protected;
    }
    if let Some(class) = &input.table_class {
        set_class(record, class, now)?;
        effects.updating = true;
    }
    change_billing(record, input, now, region, &mut effects)?;
    if let Some(wanted) = &input.stream_specification {
        effects.stream = Some(switch_stream(record, name, wanted)?);
        effects.updating = true;
    }
    if let Some(wanted) = &input.warm_throughput {
        throughput::warm_further(&mut record.billing.throughput, wanted, "table")?;
        effects.updating = true;
    }
    if let Some(updates) = &input.global_secondary_index_updates {
        update_indexes(record, name, input, updates, now, region, &mut effects)?;
    }
    Ok(effects)
}

fn set_class(record: &mut TableRecord, wanted: &api::TableClass, now: Timestamp) -> Result<(), Error> {
    let class = match wanted {
        api::TableClass::StandardInfrequentAccess => TableClass::InfrequentAccess,
        _ => TableClass::Standard,
    };
    record.class_changes.retain(|at| now.since(*at) < CLASS_CHANGES_WINDOW);
    if record.class_changes.len() >= CLASS_CHANGES_MAX {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: Updates to TableClass are limited to {CLASS_CHANGES_MAX} times in {} day(s).",
            CLASS_CHANGES_WINDOW.as_secs() / (24 * 3600)
        )));
    }
    if class != record.class {
        record.class = class;
        record.class_changes.push(now);
    }
    Ok(())
}

fn change_billing(
    record: &mut TableRecord,
    input: &UpdateTableInput,
    now: Timestamp,
    region: Region,
    effects: &mut Effects,
) -> Result<(), Error> {
    let before = record.billing.mode;
    let mode = input.billing_mode.as_ref().map_or(before, |mode| throughput::billing_mode(Some(mode)));
    match (mode, &input.provisioned_throughput) {
        (BillingMode::OnDemand, Some(_)) => return Err(throughput::neither()),
        (BillingMode::Provisioned, None) if input.billing_mode.is_some() => {
            return Err(Error::invalid_values(
                "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
            ));
        }
        (BillingMode::Provisioned, Some(units)) => {
            let wanted = throughput::provisioned(units, region, None)?;
            if before == BillingMode::OnDemand {
                to_provisioned(record, input, wanted, region)?;
            } else {
                throughput::change(&mut record.billing.throughput, &wanted, now, None)?;
            }
            effects.updating = true;
        }
        (BillingMode::OnDemand, None) if before == BillingMode::Provisioned => {
            to_on_demand(record, now)?;
            effects.updating = true;
        }
        _ => effects.updating |= input.billing_mode.is_some(),
    }
    match (&input.on_demand_throughput, record.billing.mode) {
        (None, _) => Ok(()),
        (Some(limits), BillingMode::Provisioned) => throughput::refuse_on_demand(Some(limits), None),
        (Some(limits), BillingMode::OnDemand) => {
            throughput::limit_on_demand(&mut record.billing.throughput, limits, "table")
        }
    }
}

/// From then on all global indexes have units of their own, which the same request must give.
fn to_provisioned(
    record: &mut TableRecord,
    input: &UpdateTableInput,
    wanted: Throughput,
    region: Region,
) -> Result<(), Error> {
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    for index in record.indexes.iter_mut().filter(|index| index.kind == IndexKind::Global) {
        let units = updates
            .iter()
            .filter_map(|update| update.update.as_ref())
            .find(|update| update.index_name == index.name)
            .and_then(|update| update.provisioned_throughput.as_ref())
            .ok_or_else(|| {
                Error::invalid_values(format_args!(
                    "ProvisionedThroughput must be specified for index: {}",
                    index.name
                ))
            })?;
        let wanted = throughput::provisioned(units, region, Some(&index.name))?;
        index.throughput = warmer(&index.throughput, wanted);
    }
    record.billing.mode = BillingMode::Provisioned;
    record.billing.throughput = warmer(&record.billing.throughput, wanted);
    Ok(())
}

/// What was warm stays so.
fn warmer(before: &Throughput, wanted: Throughput) -> Throughput {
    Throughput {
        warm_read: wanted.warm_read.max(before.warm_read),
        warm_write: wanted.warm_write.max(before.warm_write),
        ..wanted
    }
}

fn to_on_demand(record: &mut TableRecord, now: Timestamp) -> Result<(), Error> {
    for index in record.indexes.iter_mut().filter(|index| index.kind == IndexKind::Global) {
        index.throughput = warmer(&index.throughput, throughput::on_demand(None, "index")?);
    }
    record.billing.mode = BillingMode::OnDemand;
    record.billing.throughput = warmer(&record.billing.throughput, throughput::on_demand(None, "table")?);
    record.billing.on_demand_since = Some(now);
    Ok(())
}

fn switch_stream(
    record: &TableRecord,
    name: &str,
    wanted: &api::StreamSpecification,
) -> Result<StreamSwitch, Error> {
    match (wanted.stream_enabled, &wanted.stream_view_type) {
        (true, None) => {
            Err(Error::invalid_values("If stream is being enabled then UpdateViewType is required"))
        }
        (false, Some(_)) => Err(Error::invalid_values(
            "If stream is being disabled, then UpdateViewType must not be specified",
        )),
        (true, Some(_)) if record.stream.is_some() => {
            Err(Error::Validation(format!("Table already has an enabled stream: TableName: {name}")))
        }
        (false, None) if record.stream.is_none() => {
            Err(Error::Validation(format!("Table has no stream to disable: TableName: {name}")))
        }
        (false, None) if record.replication.is_some() => {
            Err(Error::invalid_values("Disabling Stream is not allowed for a Global Table replica."))
        }
        (true, Some(view)) => crate::operations::tables::stream_view(view).map(StreamSwitch::On),
        (false, None) => Ok(StreamSwitch::Off),
    }
}

fn update_indexes(
    record: &mut TableRecord,
    name: &str,
    input: &UpdateTableInput,
    updates: &[api::GlobalSecondaryIndexUpdate],
    now: Timestamp,
    region: Region,
    effects: &mut Effects,
) -> Result<(), Error> {
    if updates.is_empty() {
        return Err(Error::invalid_values("List of GlobalSecondaryIndexUpdates is empty"));
    }
    check_updates(updates)?;
    let is_busy = record
        .indexes
        .iter()
        .find(|index| index.status != IndexStatus::Active)
        .map(|index| index.name.clone());
    for update in updates {
        if let Some(create) = &update.create {
            if is_busy.is_some() {
                return Err(one_online_index());
            }
            effects.new_index = Some(new_index(record, input, create, region)?);
        } else if let Some(delete) = &update.delete {
            if is_busy.as_ref().is_some_and(|busy| *busy != delete.index_name) {
                return Err(one_online_index());
            }
            delete_index(record, name, &delete.index_name)?;
            effects.dropped_index = true;
        } else if let Some(update) = &update.update {
            // Units that came with a change of the billing mode are set already.
            let is_switch = input.billing_mode.is_some() && update.provisioned_throughput.is_some();
            update_index(record, name, update, now, region, is_switch)?;
        }
        effects.updating = true;
    }
    Ok(())
}

fn one_online_index() -> Error {
    Error::LimitExceeded(
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            .to_owned(),
    )
}

fn check_updates(updates: &[api::GlobalSecondaryIndexUpdate]) -> Result<(), Error> {
    let mut seen: Vec<&str> = Vec::new();
    for update in updates {
        let names = [
            update.update.as_ref().map(|update| update.index_name.as_str()),
            update.create.as_ref().map(|create| create.index_name.as_str()),
            update.delete.as_ref().map(|delete| delete.index_name.as_str()),
        ];
        let mut names = names.into_iter().flatten();
        let Some(name) = names.next() else {
            return Err(Error::invalid_values(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                 GlobalSecondaryIndexUpdate.Delete must not be null",
            ));
        };
        if names.next().is_some() {
            return Err(Error::invalid_values(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            ));
        }
        if seen.contains(&name) {
            return Err(Error::invalid_values(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
        seen.push(name);
    }
    let online = updates.iter().filter(|update| update.create.is_some() || update.delete.is_some()).count();
    if online > 1 { Err(one_online_index()) } else { Ok(()) }
}

fn new_index(
    record: &mut TableRecord,
    input: &UpdateTableInput,
    create: &api::CreateGlobalSecondaryIndexAction,
    region: Region,
) -> Result<NewIndex, Error> {
    if record.indexes.iter().any(|index| index.name == create.index_name) {
        return Err(Error::Validation("Attempting to create an index which already exists".to_owned()));
    }
    let global = record.indexes.iter().filter(|index| index.kind == IndexKind::Global);
    if global.count() >= GLOBAL_INDEXES_MAX {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of \
             {GLOBAL_INDEXES_MAX}"
        )));
    }
    let attributes = merged(record, input.attribute_definitions.as_deref(), &create.index_name)?;
    let wish = api::GlobalSecondaryIndex {
        index_name: create.index_name.clone(),
        key_schema: create.key_schema.clone(),
        projection: create.projection.clone(),
        provisioned_throughput: create.provisioned_throughput.clone(),
        on_demand_throughput: create.on_demand_throughput.clone(),
        warm_throughput: create.warm_throughput.clone(),
    };
    let table = Mode { billing: record.billing.mode, throughput: record.billing.throughput.clone() };
    let index = table_schema::global_index(&wish, &table, &attributes, region)?;
    let projections = record.indexes.iter().map(|index| &index.projection);
    table_schema::check_projections(projections.chain([&index.projection]))?;
    for attribute in index.key.attributes() {
        if !record.attributes.iter().any(|known| known.name == attribute.name) {
            record.attributes.push(AttributeRecord { name: attribute.name.clone(), kind: attribute.kind });
        }
    }
    Ok(index)
}

/// The definitions that a new index may refer to. The types of what is defined already do not change.
fn merged(
    record: &TableRecord,
    given: Option<&[api::AttributeDefinition]>,
    index: &str,
) -> Result<Vec<AttributeRecord>, Error> {
    let Some(given) = given else {
        return Err(Error::invalid_values(format_args!(
            "AttributeDefinitions is not specified for index: {index}"
        )));
    };
    let mut attributes = record.attributes.clone();
    for definition in table_schema::definitions(given)? {
        if !attributes.iter().any(|known| known.name == definition.name) {
            attributes.push(definition);
        }
    }
    Ok(attributes)
}

fn find<'r>(
    record: &'r mut TableRecord,
    table: &str,
    name: &str,
    doing: &str,
) -> Result<&'r mut IndexRecord, Error> {
    let found = record.indexes.iter_mut().find(|index| index.name == name);
    let Some(index) = found else {
        return Err(Error::ResourceNotFound(format!(
            "Requested resource not found: Index {name} for table {table}"
        )));
    };
    if index.kind == IndexKind::Local {
        return Err(Error::Validation(format!(
            "Cannot {doing} an index that is not a GlobalSecondaryIndex: {name}"
        )));
    }
    if index.status == IndexStatus::Deleting {
        return Err(in_use(format_args!("Index is being deleted. Table: {table} Index: {name}")));
    }
    Ok(index)
}

fn delete_index(record: &mut TableRecord, table: &str, name: &str) -> Result<(), Error> {
    find(record, table, name, "delete")?.status = IndexStatus::Deleting;
    let left = record.indexes.iter().filter(|index| index.status != IndexStatus::Deleting);
    let used: Vec<String> = left
        .flat_map(|index| index.key.attributes())
        .chain(record.key.attributes())
        .map(|attribute| attribute.name.clone())
        .collect();
    record.attributes.retain(|attribute| used.contains(&attribute.name));
    Ok(())
}

fn update_index(
    record: &mut TableRecord,
    table: &str,
    update: &api::UpdateGlobalSecondaryIndexAction,
    now: Timestamp,
    region: Region,
    is_switch: bool,
) -> Result<(), Error> {
    let mode = record.billing.mode;
    let name = &update.index_name;
    let index = find(record, table, name, "update")?;
    match (&update.provisioned_throughput, mode) {
        (Some(_), BillingMode::OnDemand) => {
            return Err(Error::invalid_values(format_args!(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode \
                 is PAY_PER_REQUEST"
            )));
        }
        (Some(units), BillingMode::Provisioned) if !is_switch => {
            let wanted = throughput::provisioned(units, region, Some(name))?;
            throughput::change(&mut index.throughput, &wanted, now, Some(name))?;
        }
        _ => {}
    }
    match (&update.on_demand_throughput, mode) {
        (Some(limits), BillingMode::Provisioned) => throughput::refuse_on_demand(Some(limits), Some(name))?,
        (Some(limits), BillingMode::OnDemand) => {
            throughput::limit_on_demand(&mut index.throughput, limits, &format!("index : {name}"))?;
        }
        (None, _) => {}
    }
    if let Some(warm) = &update.warm_throughput {
        throughput::warm_further(&mut index.throughput, warm, &format!("index {name}"))?;
    }
    Ok(())
}
