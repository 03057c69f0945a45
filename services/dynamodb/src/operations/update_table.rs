//! UpdateTable: everything about a table that can be changed but its keys.
//!
//! Surprising: the answer says `UPDATING` and shows some of the old values; the change is in force when the table is
//! looked at again. An index that is added is filled by a task, from which moment on writes keep it already.

use dynamodb_api as api;
use dynamodb_api::{UpdateTable, UpdateTableInput, UpdateTableOutput};
use service::Call;
use store::Tx;

use super::making::{drop_space, end_stream, index_record, put_stream, put_work, take_spaces};
use super::replicas;
use super::tables::{described, kms_key};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::encryption::Protected;
use crate::error::Error;
use crate::limits::{ENCRYPTION_CHANGES_FREE, ENCRYPTION_CHANGES_WINDOW, ENCRYPTION_INTERVAL};
use crate::model::description::stream_label;
use crate::model::table_update::{self, Effects, StreamSwitch};
use crate::records::{
    EncryptionRecord, IndexRecord, IndexStatus, Place, SseKind, StreamRef, TABLES, TableRecord, TableStatus,
};
use crate::tasks::{INDEXES, KEYS};

pub async fn update_table(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateTableInput,
) -> Result<UpdateTableOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    refuse_unknown(&input)?;
    table_update::check_combination(&input)?;
    if let Some(updates) = &input.replica_updates {
        let view = replicas::update(dynamodb, call, &view, updates).await?;
        return Ok(UpdateTableOutput { table_description: Some(updating(described(dynamodb, &view))) });
    }
    if let Some(wanted) = &input.sse_specification {
        return change_encryption(dynamodb, call, &view, wanted).await;
    }
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    let input = &input;
    let effects = dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let mut record = found.ok_or_else(|| Error::no_such_table(name))?;
            let effects = table_update::apply(&mut record, name, input, call.now, call.region)?;
            carry_out(&tx, place, name, &mut record, &effects, call).await?;
            TABLES.put(&tx, &place, name, &record).await?;
            Ok::<_, Error>(effects)
        })
        .await?;
    dynamodb.directory.forget(place, name);
    dynamodb.indexing.nudge();
    if input.global_secondary_index_updates.is_some()
        || input.billing_mode.is_some()
        || input.provisioned_throughput.is_some()
    {
        let same = UpdateTableInput { table_name: view.name.clone(), ..input.clone() };
        replicas::pass_on(dynamodb, call, &view, UpdateTable, &same).await?;
    }
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    let shown = described(dynamodb, &view);
    let table_description = Some(if effects.updating { updating(shown) } else { shown });
    Ok(UpdateTableOutput { table_description })
}

fn updating(table: api::TableDescription) -> api::TableDescription {
    api::TableDescription { table_status: Some(api::TableStatus::Updating), ..table }
}

/// What of the model this cloud does not have is refused rather than dropped.
fn refuse_unknown(input: &UpdateTableInput) -> Result<(), Error> {
    let unknown = [
        (input.vector_index_updates.is_some(), "Vector indexes"),
        (input.global_table_witness_updates.is_some(), "Witnesses of global tables"),
        (
            input.multi_region_consistency == Some(api::MultiRegionConsistency::Strong),
            "Global tables of strong consistency",
        ),
        (
            input.global_table_settings_replication_mode.is_some(),
            "Replication modes of the settings of global tables",
        ),
        (input.disassociation_protection_enabled.is_some(), "Replicas of other accounts"),
    ];
    match unknown.into_iter().find(|(is_asked, _)| *is_asked) {
        Some((_, what)) => Err(Error::NotImplemented(format!("{what} are not implemented by Fogbank"))),
        None => Ok(()),
    }
}

/// The part of a change that is more than the record's.
async fn carry_out(
    tx: &Tx,
    place: Place,
    name: &str,
    record: &mut TableRecord,
    effects: &Effects,
    call: &Call,
) -> Result<(), Error> {
    if let Some(index) = &effects.new_index {
        let mut space = take_spaces(tx, 1).await?;
        let space = space.next().expect("one was taken");
        let status = IndexStatus::Backfilling { after: None };
        record.indexes.push(IndexRecord { status, ..index_record(index, space) });
    }
    if effects.new_index.is_some() || effects.dropped_index {
        record.status = TableStatus::Updating;
        put_work(tx, INDEXES, place, name, &record.id).await?;
    }
    match effects.stream {
        None => {}
        Some(StreamSwitch::On(view)) => {
            let mut space = take_spaces(tx, 1).await?;
            let space = space.next().expect("one was taken");
            let stream = StreamRef { label: stream_label(call.now), view, space };
            put_stream(tx, place, name, record, &stream, call.now).await?;
            record.latest_stream = Some(stream.label.clone());
            record.stream = Some(stream);
        }
        Some(StreamSwitch::Off) => {
            if let Some(stream) = record.stream.take() {
                end_stream(tx, place, name, &stream, call.now).await?;
            }
        }
    }
    Ok(())
}

async fn change_encryption(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &TableView,
    wanted: &api::SSESpecification,
) -> Result<UpdateTableOutput, Error> {
    let kms_key = kms_key(Some(wanted))?;
    let present = &view.record.encryption;
    match (&present.kind, &kms_key) {
        (SseKind::Owned, None) => return Err(Error::invalid_values("Table is already encrypted by default")),
        (SseKind::Kms { key_arn }, Some(wanted)) if key_arn == wanted => {
            return Err(Error::invalid_values(
                "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to \
                 change Master Key",
            ));
        }
        _ => {}
    }
    let changes = ration(present, call.now)?;
    let key = dynamodb.directory.keys.open(view.place(), present).await?;
    let what =
        Protected { place: view.place(), table: &view.name, table_id: &view.record.encryption.table_id };
    let sealed = dynamodb.directory.keys.seal(call, what, &key, kms_key.as_deref()).await?;
    let sealed = EncryptionRecord { changes, ..sealed };
    dynamodb
        .directory
        .change(view, |record| {
            record.encryption = sealed.clone();
            Ok(())
        })
        .await?;
    if sealed.is_kms() {
        let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
        dynamodb.store.transact(|tx| async move { put_work(&tx, KEYS, place, name, id).await }).await?;
    }
    // The answer shows what was before.
    let shown = described(dynamodb, view);
    let sse_description = Some(api::SSEDescription {
        status: Some(api::SSEStatus::Updating),
        ..shown.sse_description.unwrap_or_default()
    });
    let table_description = Some(api::TableDescription { sse_description, ..shown });
    Ok(UpdateTableOutput { table_description })
}

/// Four changes in a day are free; after them there is one in six hours.
fn ration(present: &EncryptionRecord, now: base::Timestamp) -> Result<Vec<base::Timestamp>, Error> {
    let lately = present.changes.iter().filter(|at| now.since(**at) < ENCRYPTION_CHANGES_WINDOW);
    let mut changes: Vec<base::Timestamp> = lately.copied().collect();
    if changes.len() >= ENCRYPTION_CHANGES_FREE
        && let Some(last) = changes.last().filter(|last| now.since(**last) < ENCRYPTION_INTERVAL)
    {
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: Encryption mode changes are limited in the 24h window ending at {}. After the \
             first {ENCRYPTION_CHANGES_FREE} change, each subsequent change in the same window can be performed at \
             most once every {} seconds. Number of updates today: {}. Last change at {}. Next changes can be made at \
             {}.",
            (changes[0] + ENCRYPTION_CHANGES_WINDOW).to_iso8601(),
            ENCRYPTION_INTERVAL.as_secs(),
            changes.len(),
            last.to_iso8601(),
            (*last + ENCRYPTION_INTERVAL).to_iso8601(),
        )));
    }
    changes.push(now);
    Ok(changes)
}

/// Takes an index away whose entries nobody writes any more.
pub async fn remove_index(
    dynamodb: &DynamoDB,
    view: &TableView,
    index: &str,
    now: base::Timestamp,
) -> Result<(), Error> {
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let Some(mut record) = found else { return Ok(()) };
            let at = record
                .indexes
                .iter()
                .position(|known| known.name == index && known.status == IndexStatus::Deleting);
            if let Some(at) = at {
                let gone = record.indexes.remove(at);
                record.insights.remove(index);
                drop_space(&tx, gone.space, id, now).await?;
                TABLES.put(&tx, &place, name, &record).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    dynamodb.directory.forget(place, name);
    dynamodb.dropping.nudge();
    Ok(())
}
