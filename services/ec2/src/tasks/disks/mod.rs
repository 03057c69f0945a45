//! Makes volumes and snapshots what the records say, and the records what the engine tells. A pass only hands out work:
//! one volume that is slow keeps no other waiting.

pub mod snapshots;
pub mod volumes;

use std::sync::Arc;
use std::time::Duration;

use service::{Pass, Task};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::{DiskError, Disks, Incident};
use crate::kind::VOLUME;
use crate::limits::{BUSY_DISKS_MAX, DISKS_RETRY_TIME};
use crate::records::Resource;
use crate::records::instances::PlaceRecord;
use crate::records::snapshots::{SNAPSHOT_PLACES, SnapshotRecord};
use crate::records::volumes::{BUSY_DISKS, VOLUME_PLACES, VolumeRecord, put, some_places};
use crate::resources;

const PERIOD: Duration = Duration::from_secs(60);

/// What is left to do for a volume or snapshot.
pub enum Left {
    /// More, at once.
    More,
    /// More, in a while.
    Later,
    Nothing,
}

pub fn task(ec2: &Arc<Ec2>) -> Task {
    if let Some(driver) = &ec2.disk_driver {
        driver.watched_by(ec2.disks.clone());
    }
    Task::of(ec2, "ec2.disks", PERIOD, ec2.disks.clone(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Arc<Ec2>) -> Result<Pass, Error> {
    let Some(driver) = &ec2.disk_driver else { return Ok(Pass::Done) };
    for incident in driver.incidents() {
        note(ec2, incident).await?;
    }
    if ec2.hands.is_first("disks") {
        look_at_all(ec2).await?;
    }
    let busy = ec2
        .store
        .read(|tx| async move { BUSY_DISKS.scan(&tx, &(), Select::ALL, BUSY_DISKS_MAX).await })
        .await?
        .records;
    let is_idle = busy.is_empty();
    for (id, at) in busy.into_iter().filter(|(id, _)| !ec2.hands.has(id)) {
        hand_out(ec2, driver, id, at);
    }
    Ok(if is_idle { Pass::Done } else { Pass::Again(DISKS_RETRY_TIME) })
}

/// Starts the work on one volume or snapshot, unless it is under way.
fn hand_out(ec2: &Arc<Ec2>, driver: &Arc<dyn Disks>, id: String, at: PlaceRecord) {
    if !ec2.hands.take(&id) {
        return;
    }
    let (ec2, driver) = (Arc::clone(ec2), Arc::clone(driver));
    let tasks = ec2.tasks.clone();
    tasks.spawn(async move {
        let place = at.place();
        let outcome = match VOLUME.is_id(&id) {
            true => volumes::advance(&ec2, &*driver, &place, &id).await,
            false => snapshots::advance(&ec2, &*driver, &place, &id).await,
        };
        ec2.hands.give_back(&id);
        match outcome {
            Ok(Left::More) => ec2.disks.nudge(),
            Ok(Left::Later | Left::Nothing) => {}
            Err(error) => tracing::warn!(disk = id, %error, "a volume or snapshot was not brought forward"),
        }
    });
}

pub fn failed(error: DiskError) -> Error {
    Error::Internal(Box::new(error))
}

/// Nothing is left to do until somebody asks for something.
pub async fn settle(ec2: &Ec2, id: &str) -> Result<Left, Error> {
    ec2.store.transact(|tx| async move { BUSY_DISKS.delete(&tx, &(), id).await }).await?;
    Ok(Left::Nothing)
}

/// A host that was restarted has lost its block devices: what is attached is attached again.
async fn look_at_all(ec2: &Ec2) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let from = after.as_deref();
        let (places, next) = ec2.store.read(|tx| async move { some_places(&tx, from).await }).await?;
        let marked = ec2.store.transact(|tx| {
            let places = places.clone();
            async move {
                for (id, at) in places {
                    BUSY_DISKS.put(&tx, &(), &id, &at).await?;
                }
                Ok::<_, Error>(())
            }
        });
        marked.await?;
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Writes down what the engine tells of.
async fn note(ec2: &Ec2, incident: Incident) -> Result<(), Error> {
    tracing::warn!(?incident, "something happened to a volume or snapshot");
    let now = ec2.clock.now();
    let (volume, stalled) = match &incident {
        Incident::Full { volume } => (volume, Some(now)),
        Incident::FullNoMore { volume } => (volume, None),
        Incident::Lost { volume } => return volumes::lost(ec2, volume).await,
        Incident::Rot { snapshot, block } => {
            let why = &format!("Block {block} of the snapshot is damaged.");
            let noted = ec2.store.transact(|tx| async move {
                let Some(at) = SNAPSHOT_PLACES.get(&tx, &(), snapshot).await? else { return Ok(()) };
                let place = &at.place();
                let found = SnapshotRecord::TABLE.get(&tx, place, snapshot).await?;
                let Some(mut record) = found else { return Ok(()) };
                record.shown.0.state_message = Some(why.clone());
                resources::put(&tx, place, &record).await
            });
            return noted.await;
        }
    };
    let noted = ec2.store.transact(|tx| async move {
        let Some(at) = VOLUME_PLACES.get(&tx, &(), volume).await? else { return Ok(()) };
        let place = &at.place();
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, volume).await? else { return Ok(()) };
        record.stalled = stalled;
        put(&tx, place, &record).await
    });
    noted.await
}
