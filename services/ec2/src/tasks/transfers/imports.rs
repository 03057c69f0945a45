//! Imports, of snapshots and of images: all their disks are brought in, then they are finished.

use ec2_api::SnapshotState;

use super::disks_in::{self, Bringing};
use super::meter::Meter;
use super::{Left, Trouble, settle};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::DiskError;
use crate::limits::TRANSFERS_LOOK_TIME;
use crate::model::transfers::states::{Phase, Stage, Status};
use crate::operations::snapshots;
use crate::operations::transfers::role;
use crate::records::snapshots::SnapshotRecord;
use crate::records::transfers::{ImportTask, end};
use crate::records::{Place, Resource};
use crate::resources;

pub async fn advance<R: Finished>(ec2: &Ec2, place: &Place, id: &str) -> Result<Left, Error> {
    let found = ec2.store.read(|tx| async move { R::TABLE.get(&tx, place, id).await }).await?;
    let Some(record) = found else { return settle(ec2, id).await };
    match record.import().status {
        Status::Completed | Status::Deleted => settle(ec2, id).await,
        Status::Deleting => take_away::<R>(ec2, place, &record).await,
        Status::Active => {
            let meter = Meter::new(record.import().disks.len());
            let outcome = tokio::select! {
                outcome = bring_all(ec2, place, &record, &meter) => outcome,
                cancelled = watch::<R>(ec2, place, id, &meter) => return cancelled.map(|()| Left::More),
            };
            match outcome {
                Ok(left) => Ok(left),
                Err(Trouble::Final(why)) => fail::<R>(ec2, place, id, why).await,
                Err(Trouble::Passing(error)) => Err(error),
            }
        }
    }
}

/// What becomes of an import whose disks are all there.
pub trait Finished: ImportTask {
    /// Looks at a disk that was taken in as a draft, before it becomes a snapshot. It may change it.
    fn look(
        ec2: &Ec2,
        place: &Place,
        record: &Self,
        index: usize,
        draft: &str,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;

    fn finish(ec2: &Ec2, place: &Place, id: &str) -> impl Future<Output = Result<(), Trouble>> + Send;
}

async fn bring_all<R: Finished>(
    ec2: &Ec2,
    place: &Place,
    record: &R,
    meter: &Meter,
) -> Result<Left, Trouble> {
    let mut role = None;
    for (index, disk) in record.import().disks.iter().enumerate() {
        meter.on_disk(index);
        if matches!(disk.stage, Stage::Waiting | Stage::Writing) {
            if role.is_none() {
                role = Some(role::assume(ec2, place, &record.import().role).await?);
            }
            let bringing = Bringing { ec2, place, record, index, role: role.as_ref(), meter };
            disks_in::bring_in(&bringing).await?;
        }
    }
    let mut all_done = true;
    for (index, disk) in record.import().disks.iter().enumerate() {
        all_done &= disk.stage == Stage::Done || is_completed(ec2, place, record, index).await?;
    }
    if !all_done {
        return Ok(Left::Later);
    }
    meter.at(Phase::Preparing, 0, 1);
    R::finish(ec2, place, record.id()).await?;
    Ok(Left::More)
}

/// Whether the snapshot of a disk whose blocks are written is completed.
async fn is_completed<R: Finished>(
    ec2: &Ec2,
    place: &Place,
    record: &R,
    index: usize,
) -> Result<bool, Trouble> {
    let id = record.import().disks[index].snapshot.as_str();
    let found = ec2.store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, id).await });
    let gone = || Trouble::Final(format!("ClientError: The snapshot {id} is not there any more"));
    let snapshot = found.await.map_err(Error::from)?.ok_or_else(gone)?;
    match snapshot.state() {
        SnapshotState::Completed => Ok(true),
        SnapshotState::Pending => {
            // Again after a crash: the engine may not have been told.
            match disks_in::disks(ec2)?.complete_upload(id).await {
                Ok(()) | Err(DiskError::Absent(_)) => {}
                Err(error) => return Err(Trouble::Passing(Error::Internal(Box::new(error)))),
            }
            ec2.disks.nudge();
            Ok(false)
        }
        _ => {
            let why = snapshot.shown.state_message.clone().unwrap_or_default();
            Err(Trouble::Final(format!("ServerError: {why}")))
        }
    }
}

/// Writes down how far it is, and returns when it is not to go on.
async fn watch<R: ImportTask>(ec2: &Ec2, place: &Place, id: &str, meter: &Meter) -> Result<(), Error> {
    loop {
        ec2.clock.sleep(TRANSFERS_LOOK_TIME).await;
        let (phase, percent) = meter.reading();
        let goes_on = ec2.store.transact(|tx| async move {
            let Some(mut record) = R::TABLE.get(&tx, place, id).await? else { return Ok(false) };
            let import = record.import_mut();
            if import.status != Status::Active {
                return Ok(false);
            }
            if import.percent < percent {
                import.percent = percent;
                import.phase = phase;
                resources::put(&tx, place, &record).await?;
            }
            Ok::<_, Error>(true)
        });
        if !goes_on.await? {
            return Ok(());
        }
    }
}

async fn fail<R: ImportTask>(ec2: &Ec2, place: &Place, id: &str, why: String) -> Result<Left, Error> {
    let why = &why;
    let failed = ec2.store.transact(|tx| async move {
        let Some(mut record) = R::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.import().status == Status::Active {
            record.import_mut().give_up(Some(why.clone()));
            resources::put(&tx, place, &record).await?;
        }
        Ok::<_, Error>(())
    });
    failed.await?;
    Ok(Left::More)
}

/// Takes away what was made for a task that failed or was cancelled.
async fn take_away<R: ImportTask>(ec2: &Ec2, place: &Place, record: &R) -> Result<Left, Error> {
    for (index, disk) in record.import().disks.iter().enumerate() {
        ec2.conversions.forget(&disks_in::draft(record.id(), index)).await;
        match disks_in::disks(ec2)?.remove_snapshot(&disk.snapshot).await {
            Ok(()) | Err(DiskError::Absent(_)) => {}
            Err(error) => return Err(Error::Internal(Box::new(error))),
        }
    }
    let (id, now) = (record.id(), ec2.clock.now());
    let gone = ec2.store.transact(|tx| async move {
        end(&tx, place, id, now).await?;
        let Some(mut record) = R::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        for disk in &record.import().disks {
            if SnapshotRecord::TABLE.get(&tx, place, &disk.snapshot).await?.is_some() {
                crate::records::usage::snapshot(&tx, place, &disk.snapshot, 0, now).await?;
                snapshots::remove(&tx, place, &disk.snapshot).await?;
            }
        }
        let import = record.import_mut();
        import.status = Status::Deleted;
        resources::put(&tx, place, &record).await
    });
    gone.await?;
    ec2.disks.nudge();
    Ok(Left::Nothing)
}
