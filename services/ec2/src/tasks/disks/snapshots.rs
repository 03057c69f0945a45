//! One snapshot, one step: pending, while its blocks are copied; then completed, or an error.

use ec2_api::SnapshotState as Shown;

use super::{Left, failed, settle};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::{BLOCK_BYTES, DiskError, Disks, SnapshotState};
use crate::limits::SNAPSHOT_BEGIN_TIME;
use crate::operations::snapshot_making::fail;
use crate::records::snapshots::SnapshotRecord;
use crate::records::{Place, Resource};
use crate::resources;
use crate::tasks::recycle_bin::holds;

pub async fn advance(ec2: &Ec2, driver: &dyn Disks, place: &Place, id: &str) -> Result<Left, Error> {
    let found = ec2.store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, id).await }).await?;
    let Some(record) = found else {
        if holds::<SnapshotRecord>(ec2, place, id).await? {
            return settle(ec2, id).await;
        }
        return match driver.remove_snapshot(id).await {
            Ok(()) | Err(DiskError::Absent(_)) => settle(ec2, id).await,
            Err(error) => Err(failed(error)),
        };
    };
    if record.state() != Shown::Pending {
        return settle(ec2, id).await;
    }
    if !record.begun {
        let began = record.shown.start_time.unwrap_or_else(|| ec2.clock.now());
        if ec2.clock.now().since(began) < SNAPSHOT_BEGIN_TIME {
            return Ok(Left::Later);
        }
        fail(ec2, place, id, "The snapshot was not begun.").await?;
        return settle(ec2, id).await;
    }
    match driver.snapshot_state(id).await.map_err(failed)? {
        SnapshotState::Pending(percent) => {
            progressed(ec2, place, id, percent).await?;
            Ok(Left::Later)
        }
        SnapshotState::Completed { blocks, own_bytes } => {
            completed(ec2, place, id, blocks, own_bytes).await?;
            ec2.transfers.nudge();
            ec2.images.nudge();
            settle(ec2, id).await
        }
        SnapshotState::Absent => {
            fail(ec2, place, id, "The blocks of the snapshot are not there.").await?;
            settle(ec2, id).await
        }
        SnapshotState::Failed(why) => {
            fail(ec2, place, id, &why).await?;
            settle(ec2, id).await
        }
    }
}

async fn progressed(ec2: &Ec2, place: &Place, id: &str, percent: u8) -> Result<(), Error> {
    let progress = &format!("{}%", percent.min(99));
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SnapshotRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.state() != Shown::Pending || record.shown.progress.as_ref() == Some(progress) {
            return Ok(());
        }
        record.shown.0.progress = Some(progress.clone());
        resources::put(&tx, place, &record).await
    });
    done.await
}

async fn completed(ec2: &Ec2, place: &Place, id: &str, blocks: u64, own_bytes: u64) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SnapshotRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.state() != Shown::Pending {
            return Ok(());
        }
        let shown = &mut record.shown.0;
        shown.state = Some(Shown::Completed);
        shown.progress = Some("100%".to_owned());
        shown.completion_time = Some(now);
        shown.full_snapshot_size_in_bytes = i64::try_from(blocks * BLOCK_BYTES).ok();
        record.own_bytes = Some(own_bytes);
        crate::records::usage::snapshot(&tx, place, id, own_bytes, now).await?;
        resources::put(&tx, place, &record).await
    });
    done.await
}
