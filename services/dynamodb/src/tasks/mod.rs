//! Background work of DynamoDB: what takes longer than a request, and what time brings about.
//!
//! What is to be done is listed in [`WORK`], by kind, so that no task looks at tables that need nothing.

pub mod backup;
pub mod dropped_spaces;
pub mod export;
pub mod history;
pub mod import;
pub mod indexes;
pub mod keys;
pub mod old_backups;
pub mod replicas;
pub mod restore;
pub mod streams;
pub mod time_to_live;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use service::Pass;
use store::Select;
use table_engine::{Direction, KeyRange, ScanLimit, SpaceId};

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX};
use crate::records::{Place, WORK, WorkRecord};

/// The kinds of work.
pub const INDEXES: &str = "indexes";
pub const BACKUP: &str = "backup";
pub const EXPORT: &str = "export";
pub const IMPORT: &str = "import";
pub const KEYS: &str = "keys";
pub const OLD_BACKUP: &str = "old-backup";
pub const REPLICAS: &str = "replicas";
pub const RESTORE: &str = "restore";
pub const HISTORY: &str = "history";
pub const STREAMS: &str = "streams";
pub const TIME_TO_LIVE: &str = "time-to-live";

/// How often a task looks for work that nobody has told it of.
const PERIOD: Duration = Duration::from_secs(60);

const WORK_AT_ONCE_MAX: usize = 200;

/// What lies behind a key, or everything.
fn after(key: Option<&[u8]>) -> KeyRange {
    match key {
        Some(key) => KeyRange::all().beyond(key, Direction::Forward),
        None => KeyRange::all(),
    }
}

/// As much as is looked at in one pass.
fn limit() -> ScanLimit {
    ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX }
}

/// The keys of the items of one pass, with their space, and the last of them if there are more.
async fn keys_after(
    dynamodb: &DynamoDB,
    view: &TableView,
    key: Option<&[u8]>,
) -> Result<(Vec<(SpaceId, Bytes)>, Option<Bytes>), Error> {
    let page = dynamodb.engine.scan(view.items, &after(key), Direction::Forward, limit()).await?;
    let keys: Vec<(SpaceId, Bytes)> = page.pairs.into_iter().map(|(key, _)| (view.items, key)).collect();
    let last = keys.last().map(|(_, key)| key.clone()).filter(|_| page.more);
    Ok((keys, last))
}

/// All work of a kind, with its keys.
async fn work_of(dynamodb: &DynamoDB, kind: &str) -> Result<Vec<(String, WorkRecord)>, Error> {
    let prefix = format!("{kind}/");
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (prefix, position) = (prefix.as_str(), after.as_deref());
        let select = Select::prefix(prefix).after(position);
        let page = dynamodb
            .store
            .read(|tx| async move { WORK.scan(&tx, &(), select, WORK_AT_ONCE_MAX).await })
            .await?;
        all.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The table that work is about; nothing if it is gone, and then neither is the work.
async fn table_of(
    dynamodb: &DynamoDB,
    key: &str,
    work: &WorkRecord,
) -> Result<Option<Arc<TableView>>, Error> {
    let view = dynamodb.directory.find(place_of(work), &work.table).await?;
    match view.filter(|view| view.record.id == work.table_id) {
        Some(view) => Ok(Some(view)),
        None => {
            done(dynamodb, key).await?;
            Ok(None)
        }
    }
}

fn place_of(work: &WorkRecord) -> Place {
    (work.account, work.region)
}

async fn done(dynamodb: &DynamoDB, key: &str) -> Result<(), Error> {
    dynamodb.store.transact(|tx| async move { WORK.delete(&tx, &(), key).await }).await?;
    Ok(())
}

/// Of two passes, the one that goes on sooner.
fn sooner(one: Pass, other: Pass) -> Pass {
    match (one, other) {
        (Pass::More, _) | (_, Pass::More) => Pass::More,
        (Pass::Again(one), Pass::Again(other)) => Pass::Again(one.min(other)),
        (Pass::Again(after), Pass::Done) | (Pass::Done, Pass::Again(after)) => Pass::Again(after),
        (Pass::Done, Pass::Done) => Pass::Done,
    }
}
