//! Brings in the archives that images are registered from, and takes away what neither an image nor an instance needs.
//! Images of snapshots become available with those.
//!
//! Bringing one in takes as long as it is large, so a pass only hands the work out. What was broken off is done again.

use std::sync::Arc;
use std::time::Duration;

use ec2_api::{ArchitectureValues, ImageState, SnapshotState, StateReason};
use schema::Fault;
use service::{Pass, Task};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::ground::machines::{Imported, MachineError, Machines};
use crate::limits::{IMPORTS_AT_ONCE_MAX, PAGE_MAX};
use crate::model::images::Root;
use crate::model::transfers::images::snapshots_of;
use crate::operations::image_registration;
use crate::records::images::{IMPORTS, ImageRecord, ImportRecord, PENDING_IMAGES, hold, is_held};
use crate::records::snapshots::SnapshotRecord;
use crate::records::{Place, Resource};
use crate::resources;

const PERIOD: Duration = Duration::from_secs(60);

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.images", PERIOD, ec2.images.clone(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Arc<Ec2>) -> Result<Pass, Error> {
    let pending = ec2
        .store
        .read(|tx| async move { PENDING_IMAGES.scan(&tx, &(), Select::ALL, PAGE_MAX).await })
        .await?
        .records;
    for (id, at) in pending {
        look_at(ec2, &at.place(), &id).await?;
    }
    let wanted = ec2
        .store
        .read(|tx| async move { IMPORTS.scan(&tx, &(), Select::ALL, IMPORTS_AT_ONCE_MAX).await })
        .await?
        .records;
    let is_idle = wanted.is_empty();
    for (id, import) in wanted {
        hand_out(ec2, id, import);
    }
    match &ec2.machine_driver {
        Some(driver) if is_idle && driver.lacking().is_none() => clear(ec2, &**driver).await?,
        _ => {}
    }
    Ok(Pass::Done)
}

/// An image is there when all its snapshots are, and has failed when one of them has.
async fn look_at(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let looked = ec2.store.transact(|tx| async move {
        let Some(mut record) = ImageRecord::TABLE.get(&tx, place, id).await? else {
            return Ok(PENDING_IMAGES.delete(&tx, &(), id).await?);
        };
        let (mut is_complete, mut trouble) = (true, None);
        for snapshot in snapshots_of(&record.shown) {
            // One that belongs to somebody else was completed before the image was made.
            let found = SnapshotRecord::TABLE.get(&tx, place, &snapshot).await?;
            match found.as_ref().map(SnapshotRecord::state) {
                None | Some(SnapshotState::Completed) => {}
                Some(SnapshotState::Pending) => is_complete = false,
                Some(_) => {
                    let why = found.and_then(|found| found.shown.state_message.clone()).unwrap_or_default();
                    trouble = Some(format!("The snapshot {snapshot} failed: {why}"));
                }
            }
        }
        match trouble {
            Some(why) => failed_because(&mut record, "Client.SnapshotError", why),
            None if is_complete => record.shown.0.state = Some(ImageState::Available),
            None => return Ok(()),
        }
        PENDING_IMAGES.delete(&tx, &(), id).await?;
        resources::put(&tx, place, &record).await
    });
    looked.await
}

fn failed_because(record: &mut ImageRecord, code: &str, why: String) {
    record.shown.0.state = Some(ImageState::Failed);
    record.shown.0.state_reason = Some(StateReason { code: Some(code.to_owned()), message: Some(why) });
}

/// Starts on one archive, unless that is under way.
fn hand_out(ec2: &Arc<Ec2>, id: String, import: ImportRecord) {
    if !ec2.hands.take(&id) {
        return;
    }
    let ec2 = Arc::clone(ec2);
    let tasks = ec2.tasks.clone();
    tasks.spawn(async move {
        let outcome = tokio::select! {
            outcome = bring_in(&ec2, &id, &import) => outcome,
            // What is half done is begun again by the next run.
            () = ec2.tasks.stopped() => return,
        };
        ec2.hands.give_back(&id);
        match outcome {
            Ok(()) => ec2.images.nudge(),
            Err(error) => {
                tracing::warn!(image = id, %error, "an archive was not brought in and will be again")
            }
        }
    });
}

/// # Errors
/// What may go better another time. An archive that is none makes the image `failed`.
async fn bring_in(ec2: &Ec2, id: &str, import: &ImportRecord) -> Result<(), Error> {
    let _kept = ec2.hands.keep_archives().await;
    let imported = match image_registration::open(ec2, import).await {
        Ok(archive) => match &ec2.machine_driver {
            Some(driver) => driver.import(id, archive).await.map_err(|error| error.to_string()),
            None => Err("this cloud runs without a driver for machines".to_owned()),
        },
        Err(Error::Refused { message, .. }) => Err(message),
        Err(error) => return Err(error),
    };
    settle(ec2, id, import, imported).await
}

async fn settle(
    ec2: &Ec2,
    id: &str,
    import: &ImportRecord,
    imported: Result<Imported, String>,
) -> Result<(), Error> {
    let (place, imported) = (&import.call.scope(), &imported);
    let done = ec2.store.transact(|tx| async move {
        IMPORTS.delete(&tx, &(), id).await?;
        // It may have been deregistered meanwhile.
        let Some(mut record) = ImageRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        match imported.as_ref().map_err(Clone::clone).and_then(|imported| fitting(&record, imported)) {
            Ok(imported) => {
                record.root = Root::Imported { name: imported.name.clone() };
                record.shown.0.state = Some(ImageState::Available);
                hold(&tx, &imported.name, id).await?;
            }
            Err(why) => failed_because(&mut record, "Client.InvalidManifest", why),
        }
        resources::put(&tx, place, &record).await
    });
    done.await
}

/// An archive says what it was built for, and the registration may not say otherwise.
fn fitting<'a>(record: &ImageRecord, imported: &'a Imported) -> Result<&'a Imported, String> {
    let said = record.shown.architecture.as_ref().map(ArchitectureValues::as_str).unwrap_or_default();
    if said == imported.architecture {
        return Ok(imported);
    }
    Err(format!("The image was registered for {said}, and its archive is for {}", imported.architecture))
}

/// Takes away the files that nothing is made from any more.
async fn clear(ec2: &Ec2, driver: &dyn Machines) -> Result<(), Error> {
    let Some(_alone) = ec2.hands.clear_archives() else { return Ok(()) };
    for name in driver.imported().await {
        let root = name.as_str();
        if !ec2.store.read(|tx| async move { is_held(&tx, root).await }).await? {
            driver.discard(root).await.map_err(failed)?;
        }
    }
    Ok(())
}

fn failed(error: MachineError) -> Error {
    Error::Other(Fault::internal(error))
}
