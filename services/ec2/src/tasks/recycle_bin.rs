//! What has been in the recycle bin for long enough is deleted for good.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Nudge, Pass, Task};
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::kind::{SNAPSHOT, VOLUME};
use crate::limits::PAGE_MAX;
use crate::operations::{images, snapshots, volumes};
use crate::records::images::ImageRecord;
use crate::records::instances::PlaceRecord;
use crate::records::recycle_bin::{BIN_DUE, bin, read_due, take_out};
use crate::records::snapshots::SnapshotRecord;
use crate::records::volumes::VolumeRecord;
use crate::records::{Place, Resource, usage};

const PERIOD: Duration = Duration::from_secs(60);

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.recycle-bin", PERIOD, Nudge::default(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Ec2) -> Result<Pass, Error> {
    let now = ec2.clock.now();
    let due = ec2.store.read(|tx| async move { BIN_DUE.scan(&tx, &(), Select::ALL, PAGE_MAX).await }).await?;
    for (key, at) in &due.records {
        let (until, id) = read_due(key).ok_or_else(|| Error::Internal("something due has no time".into()))?;
        if until > now {
            return Ok(Pass::Done);
        }
        ec2.store.transact(|tx| async move { delete(&tx, at, id, now).await }).await?;
        ec2.disks.nudge();
    }
    Ok(if due.next.is_some() { Pass::More } else { Pass::Done })
}

/// As it would have been deleted without the bin.
async fn delete(tx: &Tx, at: &PlaceRecord, id: &str, now: Timestamp) -> Result<(), Error> {
    let place = &at.place();
    if VOLUME.is_id(id) {
        if let Some(mut record) = take_out::<VolumeRecord>(tx, place, id).await? {
            volumes::delete(tx, now, place, &mut record).await?;
        }
    } else if SNAPSHOT.is_id(id) {
        if take_out::<SnapshotRecord>(tx, place, id).await?.is_some() {
            usage::snapshot(tx, place, id, 0, now).await?;
            snapshots::remove(tx, place, id).await?;
        }
    } else if take_out::<ImageRecord>(tx, place, id).await?.is_some() {
        images::remove(tx, place, id).await?;
    }
    Ok(())
}

/// Whether a volume or snapshot without a record is in the bin: then it is not to be taken away.
pub async fn holds<R: Resource>(ec2: &Ec2, place: &Place, id: &str) -> Result<bool, Error> {
    Ok(ec2.store.read(|tx| async move { bin::<R>().get(&tx, place, id).await }).await?.is_some())
}
