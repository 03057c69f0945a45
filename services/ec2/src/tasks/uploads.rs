//! Looks after snapshots that are written block by block: one to which nothing was written for too long becomes an
//! error, and what is known of the blocks of one that is done, or gone, is forgotten.

use std::sync::Arc;

use service::{Pass, Task};
use store::Select;

use crate::Ec2;
use crate::ebs::records::{UPLOADS, UploadRecord, forget_some};
use crate::error::Error;
use crate::ground::disks::DiskError;
use crate::limits::{PAGE_MAX, UPLOADS_PERIOD};
use crate::operations::snapshot_making::fail;
use crate::records::Resource;
use crate::records::snapshots::SnapshotRecord;

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.uploads", UPLOADS_PERIOD, ec2.uploads.clone(), |ec2| async move {
        pass(&ec2).await.map(|()| Pass::Done)
    })
}

async fn pass(ec2: &Ec2) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let from = after.as_deref();
        let page = ec2
            .store
            .read(|tx| async move { UPLOADS.scan(&tx, &(), Select::ALL.after(from), PAGE_MAX).await })
            .await?;
        for (id, upload) in &page.records {
            look_after(ec2, id, upload).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn look_after(ec2: &Ec2, id: &str, upload: &UploadRecord) -> Result<(), Error> {
    let place = &upload.place();
    let there = ec2.store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, id).await }).await?;
    if upload.is_sealed && there.is_some() {
        // Again after a crash: the engine may not have been told.
        if let Some(disks) = &ec2.disk_driver {
            told(disks.complete_upload(id).await)?;
        }
    } else if there.is_some() && !upload.is_overdue(ec2.clock.now()) {
        return Ok(());
    } else if there.is_some() {
        if let Some(disks) = &ec2.disk_driver {
            told(disks.remove_snapshot(id).await)?;
        }
        fail(ec2, place, id, "The snapshot was not completed in time.").await?;
    }
    while !ec2.store.transact(|tx| async move { forget_some(&tx, id).await }).await? {}
    Ok(())
}

/// What is not there any more needs nothing.
fn told(outcome: Result<(), DiskError>) -> Result<(), Error> {
    match outcome {
        Ok(()) | Err(DiskError::Absent(_)) => Ok(()),
        Err(error) => Err(Error::Internal(Box::new(error))),
    }
}
