//! Brings disks and images in and out, as the queue says. A pass only hands work out; what was broken off is begun again.

mod disks_in;
mod exports;
mod images;
mod imports;
mod meter;
mod objects;
mod restores;
mod snapshots;
mod stores;

use std::sync::Arc;
use std::time::Duration;

use service::{Pass, Task};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::kind::{EXPORT_IMAGE_TASK, IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK};
use crate::limits::{PAGE_MAX, TRANSFERS_AT_ONCE_MAX, TRANSFERS_RETRY_TIME, TRANSFERS_SHOWN_TIME};
use crate::records::Place;
use crate::records::stored_images::{RESTORE, STORE};
use crate::records::transfers::{
    ENDED, ExportRecord, ImageImportRecord, SnapshotImportRecord, TRANSFERS, ended_key,
};
use crate::resources;

const PERIOD: Duration = Duration::from_secs(60);

/// What is left to do for a task.
enum Left {
    /// More, at once.
    More,
    /// More, when something else is done.
    Later,
    Nothing,
}

/// Why the work on a task stopped.
enum Trouble {
    /// Another time would be no better: the task fails, with this message.
    Final(String),
    /// It may go better another time.
    Passing(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Refused { message, .. } => Trouble::Final(format!("ClientError: {message}")),
            other => Trouble::Passing(other),
        }
    }
}

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.transfers", PERIOD, ec2.transfers.clone(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Arc<Ec2>) -> Result<Pass, Error> {
    let wanted = ec2
        .store
        .read(|tx| async move { TRANSFERS.scan(&tx, &(), Select::ALL, PAGE_MAX).await })
        .await?
        .records;
    if wanted.is_empty() {
        return forget_old(ec2).await;
    }
    let mut busy = wanted.iter().filter(|(id, _)| ec2.hands.has(id)).count();
    for (id, at) in wanted {
        if busy >= TRANSFERS_AT_ONCE_MAX {
            break;
        }
        if hand_out(ec2, id, at.place()) {
            busy += 1;
        }
    }
    Ok(Pass::Again(TRANSFERS_RETRY_TIME))
}

/// Starts on one task, unless it is under way; whether it does.
fn hand_out(ec2: &Arc<Ec2>, id: String, place: Place) -> bool {
    if !ec2.hands.take(&id) {
        return false;
    }
    let ec2 = Arc::clone(ec2);
    let tasks = ec2.tasks.clone();
    tasks.spawn(async move {
        let outcome = tokio::select! {
            outcome = advance(&ec2, &place, &id) => outcome,
            // What is half done is begun again by the next run.
            () = ec2.tasks.stopped() => return,
        };
        ec2.hands.give_back(&id);
        match outcome {
            Ok(Left::More | Left::Nothing) => ec2.transfers.nudge(),
            Ok(Left::Later) => {}
            Err(error) => {
                tracing::warn!(task = id, %error, "a disk was not brought in or out and will be again")
            }
        }
    });
    true
}

async fn advance(ec2: &Ec2, place: &Place, id: &str) -> Result<Left, Error> {
    if let Some(key) = id.strip_prefix(STORE) {
        return stores::advance(ec2, place, id, key).await;
    }
    if let Some(image) = id.strip_prefix(RESTORE) {
        return restores::advance(ec2, place, id, image).await;
    }
    match id {
        id if EXPORT_IMAGE_TASK.is_id(id) => exports::advance(ec2, place, id).await,
        id if IMPORT_IMAGE_TASK.is_id(id) => imports::advance::<ImageImportRecord>(ec2, place, id).await,
        id if IMPORT_SNAPSHOT_TASK.is_id(id) => {
            imports::advance::<SnapshotImportRecord>(ec2, place, id).await
        }
        _ => settle(ec2, id).await,
    }
}

/// Takes away tasks that are over for so long that they are not shown any more.
async fn forget_old(ec2: &Ec2) -> Result<Pass, Error> {
    let now = ec2.clock.now();
    let forgotten = ec2.store.transact(|tx| async move {
        let page = ENDED.scan(&tx, &(), Select::ALL, PAGE_MAX).await?;
        let (mut count, newest) = (0, ended_key(now - TRANSFERS_SHOWN_TIME));
        for (key, at) in page.records.iter().take_while(|(key, _)| *key < newest) {
            let (place, id) = (&at.place(), key.rsplit('/').next().unwrap_or_default());
            match id {
                id if IMPORT_SNAPSHOT_TASK.is_id(id) => {
                    resources::remove::<SnapshotImportRecord>(&tx, place, id).await?;
                }
                id if EXPORT_IMAGE_TASK.is_id(id) => {
                    resources::remove::<ExportRecord>(&tx, place, id).await?;
                }
                id => resources::remove::<ImageImportRecord>(&tx, place, id).await?,
            }
            ENDED.delete(&tx, &(), key).await?;
            count += 1;
        }
        Ok::<_, Error>(count == PAGE_MAX)
    });
    Ok(if forgotten.await? { Pass::More } else { Pass::Done })
}

/// Nothing is left to do for it.
async fn settle(ec2: &Ec2, id: &str) -> Result<Left, Error> {
    ec2.store.transact(|tx| async move { TRANSFERS.delete(&tx, &(), id).await }).await?;
    Ok(Left::Nothing)
}
