//! Writes exports: the table as it was, or what changed, as compressed lines of JSON, with manifests that say what there
//! is. As it was, the table is made in a space of its own first, which is dropped afterwards.
//!
//! An export that is interrupted is written again from its beginning, over what it has written.

mod files;
mod moment;

use std::sync::Arc;

use item_engine::{Item, keys};
use schema::Fault;
use serde_json::{Value as Json, json};
use service::{Pass, Task};
use table_engine::{Direction, KeyRange};

use super::{EXPORT, PERIOD, done, place_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::action;
use crate::model::item_json::shown;
use crate::records::{EXPORTS, ExportRecord, Exported, JobState, Place};
use files::Files;
use moment::Moment;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.export", PERIOD, dynamodb.exporting.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    for (key, work) in work_of(dynamodb, EXPORT).await? {
        let (place, id) = (place_of(&work), key.rsplit('/').next().unwrap_or_default());
        let record_key = format!("{}/{id}", work.table);
        let name = record_key.as_str();
        let found = dynamodb.store.read(|tx| async move { EXPORTS.get(&tx, &place, name).await }).await?;
        if let Some(export) = found.filter(|export| export.state == JobState::InProgress) {
            let ended = &run(dynamodb, place, export).await?;
            dynamodb.store.transact(|tx| async move { EXPORTS.put(&tx, &place, name, ended).await }).await?;
        }
        done(dynamodb, &key).await?;
    }
    Ok(Pass::Done)
}

async fn run(dynamodb: &DynamoDB, place: Place, export: ExportRecord) -> Result<ExportRecord, Error> {
    let view = dynamodb.directory.find(place, &export.table).await?;
    let Some(view) = view.filter(|view| view.record.id == export.table_id) else {
        let fault = Error::TableNotFound(format!("Table not found: {}", export.table_arn));
        return Ok(failed(dynamodb, export, &fault.into()));
    };
    match write(dynamodb, &view, &export).await {
        Ok(written) => Ok(written),
        Err(Error::Other(fault)) if fault.status() < 500 => Ok(failed(dynamodb, export, &fault)),
        Err(error) => Err(error),
    }
}

/// What S3 refused, in the words of exports.
fn failed(dynamodb: &DynamoDB, export: ExportRecord, fault: &Fault) -> ExportRecord {
    let code = match fault.name() {
        "NoSuchBucket" => "S3NoSuchBucket",
        "AccessDenied" | "AllAccessDisabled" => "S3AccessDenied",
        name if name.starts_with("KMS") => "KmsNotFoundException",
        "TableNotFoundException" => "TableNotFound",
        _ => "UNKNOWN",
    };
    let (code, message) = (code.to_owned(), fault.message().to_owned());
    ExportRecord { state: JobState::Failed { at: dynamodb.clock.now(), code, message }, ..export }
}

async fn write(dynamodb: &DynamoDB, view: &TableView, export: &ExportRecord) -> Result<ExportRecord, Error> {
    let until = match export.what {
        Exported::Full { at } => at,
        Exported::Changes { to, .. } => to,
    };
    let mut files = Files::begin(dynamodb, export).await?;
    let moment = Moment::make(dynamodb, view, until).await?;
    let written = match export.what {
        Exported::Full { .. } => all_items(dynamodb, &moment, &mut files).await,
        Exported::Changes { from, to, old_images } => {
            changes(dynamodb, view, &moment, (from, to, old_images), &mut files).await
        }
    };
    moment.forget(dynamodb).await?;
    written?;
    files.end(dynamodb, export).await
}

async fn all_items(dynamodb: &DynamoDB, moment: &Moment, files: &mut Files<'_>) -> Result<(), Error> {
    let mut range = KeyRange::all();
    loop {
        let page = moment.scan(dynamodb, &range).await?;
        let Some((last, _)) = page.pairs.last() else { return Ok(()) };
        range = range.beyond(last, Direction::Forward);
        for (_, bytes) in &page.pairs {
            let item = action::decode(bytes)?;
            files.line(&json!({ "Item": shown(&item) }), bytes.len()).await?;
        }
        if !page.more {
            return Ok(());
        }
    }
}

async fn changes(
    dynamodb: &DynamoDB,
    view: &TableView,
    moment: &Moment,
    (from, to, old_images): (base::Timestamp, base::Timestamp, bool),
    files: &mut Files<'_>,
) -> Result<(), Error> {
    for (key, change) in moment.changes(view, from, to).await? {
        let new = moment.get(dynamodb, &key).await?;
        let image = |bytes: &bytes::Bytes| action::decode(bytes).map(|item| shown(&item));
        let mut line = serde_json::Map::new();
        let micros = (change.at.as_millis() * 1000).to_string();
        line.insert("Metadata".to_owned(), json!({ "WriteTimestampMicros": micros }));
        line.insert("Keys".to_owned(), shown(&keys_of(view, &key)?));
        if let Some(old) = change.old.as_ref().filter(|_| old_images) {
            line.insert("OldImage".to_owned(), image(old)?);
        }
        if let Some(new) = &new {
            line.insert("NewImage".to_owned(), image(new)?);
        }
        let bytes = new.map_or(0, |new| new.len()) + change.old.map_or(0, |old| old.len());
        files.line(&Json::Object(line), bytes).await?;
    }
    Ok(())
}

fn keys_of(view: &TableView, key: &[u8]) -> Result<Item, Error> {
    let parts = view.key.attributes().count();
    let (values, _) = keys::decode(key, parts).map_err(Error::internal)?;
    Ok(view.key.attributes().map(|attribute| attribute.name.clone()).zip(values).collect())
}
