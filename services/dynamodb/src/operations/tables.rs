//! CreateTable, DescribeTable, ListTables, DeleteTable.
//!
//! Surprising: the answers say `CREATING` and `DELETING`, and by the time the client asks again it is done, since here
//! nothing takes longer. DeleteTable leaves the table's streams to be read for a day, and of a table with point-in-time
//! recovery a backup that nobody can delete.

use std::sync::Arc;

use base::Region;
use dynamodb_api as api;
use dynamodb_api::{
    CreateTableInput, CreateTableOutput, DeleteTableInput, DeleteTableOutput, DescribeTableInput,
    DescribeTableOutput, ListTablesInput, ListTablesOutput,
};
use service::{Call, TagFault};
use store::Select;

use super::making::{self, Plan};
use super::{backups, policies, replicas, sizes, tags};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::encryption::{DEFAULT_KEY, Protected};
use crate::error::Error;
use crate::limits::LIST_TABLES_MAX;
use crate::model::description;
use crate::model::resource_policy::Holder;
use crate::model::table_name::TableAddress;
use crate::model::table_schema::{self, TableWish};
use crate::model::throughput::Capacity;
use crate::records::{IndexStatus, StreamView, TABLES, TableClass, TableRecord, TableStatus, Ttl};
use crate::tasks::OLD_BACKUP;

pub async fn create_table(
    dynamodb: &DynamoDB,
    call: &Call,
    input: CreateTableInput,
) -> Result<CreateTableOutput, Error> {
    let address = TableAddress::parse(call.scope(), &input.table_name)?;
    refuse_unknown(&input)?;
    let wish = wish(&input);
    let new = table_schema::parse(&wish, call.region)?;
    let stream = stream_of_new(input.stream_specification.as_ref())?;
    let kms_key = kms_key(input.sse_specification.as_ref())?;
    let class = table_class(input.table_class.as_ref())?;
    let tags = tags::of_new(input.tags.unwrap_or_default())?;
    let place = (address.account, address.region);
    let id = dynamodb.ids.uuid();
    let policy = match &input.resource_policy {
        Some(document) => {
            let holder = Holder::Table { arn: address.arn() };
            Some(policies::accept(dynamodb, call, &holder, document).await?)
        }
        None => None,
    };
    let what = Protected { place, table: &address.name, table_id: &id };
    let encryption = dynamodb.directory.keys.make(call, what, kms_key.as_deref()).await?;
    let plan = Plan {
        id,
        new,
        encryption,
        status: TableStatus::Active,
        class,
        deletion_protection: input.deletion_protection_enabled == Some(true),
        stream,
        tags,
        policy,
        restored: None,
        ttl: Ttl::Disabled,
        replication: None,
        work: None,
    };
    let view = making::make(dynamodb, place, &address.name, call.now, &plan).await?;
    Ok(CreateTableOutput { table_description: Some(description::being_created(&view)) })
}

/// What of the model this cloud does not have is refused rather than dropped.
fn refuse_unknown(input: &CreateTableInput) -> Result<(), Error> {
    if input.vector_indexes.is_some() {
        return Err(Error::NotImplemented("Vector indexes are not implemented by Fogbank".to_owned()));
    }
    if input.global_table_source_arn.is_some() {
        let message = "Global tables of several accounts are not implemented by Fogbank";
        return Err(Error::NotImplemented(message.to_owned()));
    }
    Ok(())
}

fn wish(input: &CreateTableInput) -> TableWish {
    TableWish {
        attribute_definitions: input.attribute_definitions.clone().unwrap_or_default(),
        key_schema: input.key_schema.clone().unwrap_or_default(),
        local_indexes: input.local_secondary_indexes.clone(),
        global_indexes: input.global_secondary_indexes.clone(),
        capacity: Capacity {
            billing_mode: input.billing_mode.clone(),
            provisioned: input.provisioned_throughput.clone(),
            on_demand: input.on_demand_throughput.clone(),
            warm: input.warm_throughput.clone(),
        },
    }
}

fn stream_of_new(wanted: Option<&api::StreamSpecification>) -> Result<Option<StreamView>, Error> {
    let Some(wanted) = wanted else { return Ok(None) };
    match (wanted.stream_enabled, &wanted.stream_view_type) {
        (true, Some(view)) => stream_view(view).map(Some),
        (true, None) => Err(Error::invalid_values(
            "Table is being created with a stream enabled, UpdateViewType is required",
        )),
        (false, Some(_)) => Err(Error::invalid_values(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
        (false, None) => Ok(None),
    }
}

pub fn stream_view(view: &api::StreamViewType) -> Result<StreamView, Error> {
    match view {
        api::StreamViewType::KeysOnly => Ok(StreamView::KeysOnly),
        api::StreamViewType::NewImage => Ok(StreamView::NewImage),
        api::StreamViewType::OldImage => Ok(StreamView::OldImage),
        api::StreamViewType::NewAndOldImages => Ok(StreamView::NewAndOldImages),
        api::StreamViewType::Unknown(_) => Err(Error::internal("a stream's view type passed its constraint")),
    }
}

pub fn table_class(wanted: Option<&api::TableClass>) -> Result<TableClass, Error> {
    match wanted {
        None | Some(api::TableClass::Standard) => Ok(TableClass::Standard),
        Some(api::TableClass::StandardInfrequentAccess) => Ok(TableClass::InfrequentAccess),
        Some(api::TableClass::Unknown(_)) => Err(Error::Validation(
            "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, \
             STANDARD_INFREQUENT_ACCESS]."
                .to_owned(),
        )),
    }
}

/// The KMS key that is asked for; nothing for a key of the cloud's own.
pub fn kms_key(wanted: Option<&api::SSESpecification>) -> Result<Option<String>, Error> {
    let Some(wanted) = wanted else { return Ok(None) };
    let is_enabled = wanted.enabled.unwrap_or(wanted.sse_type.is_some());
    if !is_enabled {
        if wanted.sse_type.is_some() {
            return Err(Error::invalid_values("SSEType can not be specified if Enabled is false"));
        }
        if wanted.kms_master_key_id.is_some() && wanted.enabled == Some(false) {
            return Err(Error::invalid_values("KMSMasterKeyId can not be specified if Enabled is false"));
        }
    }
    match (&wanted.sse_type, &wanted.kms_master_key_id) {
        (Some(api::SSEType::Aes256), _) => Err(Error::invalid_values("SSEType AES256 is not supported")),
        (None, Some(_)) => {
            Err(Error::invalid_values("SSEType KMS is required if KMSMasterKeyId is specified"))
        }
        (_, Some(key)) => Ok(Some(key.clone())),
        (_, None) => Ok(is_enabled.then(|| DEFAULT_KEY.to_owned())),
    }
}

pub async fn describe_table(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    Ok(DescribeTableOutput { table: Some(described(dynamodb, &view)) })
}

/// A table as it is, with how much is in it.
pub fn described(dynamodb: &DynamoDB, view: &TableView) -> api::TableDescription {
    description::table(view, &sizes::of_table(dynamodb, &view.record))
}

pub async fn list_tables(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListTablesInput,
) -> Result<ListTablesOutput, Error> {
    let limit = input.limit.map_or(LIST_TABLES_MAX, |limit| limit as usize);
    let (scope, after) = (call.scope(), input.exclusive_start_table_name.as_deref());
    let listing = dynamodb
        .store
        .read(|tx| async move { TABLES.scan(&tx, &scope, Select::ALL.after(after), limit).await })
        .await?;
    Ok(ListTablesOutput {
        table_names: Some(listing.records.into_iter().map(|(name, _)| name).collect()),
        last_evaluated_table_name: listing.next,
    })
}

pub async fn delete_table(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    let shown = described(dynamodb, &view);
    delete(dynamodb, &view, call.now, Leave::Replicas).await?;
    let table_description = api::TableDescription {
        table_status: Some(api::TableStatus::Deleting),
        local_secondary_indexes: None,
        global_secondary_indexes: None,
        attribute_definitions: None,
        key_schema: None,
        creation_date_time: None,
        ..shown
    };
    Ok(DeleteTableOutput { table_description: Some(table_description) })
}

/// Who deletes a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Its owner: deletion protection counts, and a global table loses a replica.
    Replicas,
    /// The replication, which another region told to.
    Nothing,
}

pub async fn delete(
    dynamodb: &DynamoDB,
    view: &Arc<TableView>,
    now: base::Timestamp,
    who: Leave,
) -> Result<(), Error> {
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    let backup = backups::of_deleted(dynamodb, view, now);
    let backup = &backup;
    dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let record = found.ok_or_else(|| Error::no_such_table(name))?;
            if who == Leave::Replicas {
                check_deletable(name, &record, now)?;
            }
            TABLES.delete(&tx, &place, name).await?;
            if let Some(stream) = &record.stream {
                making::end_stream(&tx, place, name, stream, now).await?;
            }
            let kept = record.stream.as_ref().map(|stream| stream.space);
            let backed_up = backup.as_ref().filter(|_| record.recovery.is_some());
            if let Some(backup) = backed_up {
                backups::put(&tx, place, backup).await?;
                making::put_work_of(&tx, OLD_BACKUP, place, name, id, &backup.id).await?;
            }
            for space in TableView::spaces(&record) {
                let is_backup = backed_up.is_some() && space == record.items;
                if Some(space) != kept && !is_backup {
                    making::drop_space(&tx, space, id, now).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await?;
    dynamodb.directory.forget(place, name);
    dynamodb.dropping.nudge();
    if who == Leave::Replicas && view.record.replication.is_some() {
        replicas::forget(dynamodb, view, view.region, now).await?;
    }
    Ok(())
}

fn check_deletable(name: &str, record: &TableRecord, now: base::Timestamp) -> Result<(), Error> {
    if record.deletion_protection {
        return Err(Error::Validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection \
             first."
                .to_owned(),
        ));
    }
    let in_use = |what: String| {
        Error::ResourceInUse(format!("Attempt to change a resource which is still in use: {what}"))
    };
    if record.status == TableStatus::Creating {
        return Err(in_use(format!("Table is being created: {name}")));
    }
    if record.indexes.iter().any(|index| index.status != IndexStatus::Active) {
        return Err(in_use(
            "Cannot delete table while indexes are being created, updated, or deleted.".to_owned(),
        ));
    }
    let replication = record.replication.as_ref().filter(|replication| !replication.replicas.is_empty());
    if replication.is_some_and(|replication| replication.source_until.is_some_and(|until| now < until)) {
        return Err(Error::Validation(
            "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the \
             table in the last 24 hours."
                .to_owned(),
        ));
    }
    Ok(())
}

/// What tags are refused with.
pub fn tag_error(fault: TagFault) -> Error {
    match fault {
        TagFault::TooMany => Error::Validation(
            "Number of Tags exceed the current limit for the provided ResourceArn".to_owned(),
        ),
        TagFault::KeyLength(key) => Error::Validation(format!("The Tag Key provided is invalid, Key: {key}")),
        TagFault::ValueLength(key) => {
            Error::Validation(format!("The Tag Value provided is invalid, Value: {key}"))
        }
        TagFault::Reserved(key) => {
            Error::Validation(format!("Tag Key cannot be prefixed with aws:, Key: {key}"))
        }
        TagFault::Characters(key) => {
            Error::Validation(format!("The Tag Key provided is invalid, Key: {key}"))
        }
    }
}

/// The regions that DynamoDB is in: all.
pub fn region(name: &str) -> Result<Region, Error> {
    Region::parse(name).ok_or_else(|| {
        let all: Vec<&str> = Region::all().map(Region::as_str).collect();
        Error::Validation(format!(
            "Region {name} is not supported. The latest version of global tables are only supported in the following \
             regions: [{}]",
            all.join(", ")
        ))
    })
}
