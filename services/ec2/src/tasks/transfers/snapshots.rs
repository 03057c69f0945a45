//! An import of a snapshot is over when its one disk is a snapshot.

use super::Trouble;
use super::imports::Finished;
use crate::Ec2;
use crate::error::Error;
use crate::model::transfers::states::{Stage, Status};
use crate::records::transfers::{SnapshotImportRecord, end};
use crate::records::{Place, Resource};
use crate::resources;

impl Finished for SnapshotImportRecord {
    /// Whatever is on the disk is taken as it is.
    async fn look(_: &Ec2, _: &Place, _: &Self, _: usize, _: &str) -> Result<(), Trouble> {
        Ok(())
    }

    async fn finish(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Trouble> {
        let now = ec2.clock.now();
        let finished = ec2.store.transact(|tx| async move {
            let Some(mut record) = SnapshotImportRecord::TABLE.get(&tx, place, id).await? else {
                return Ok(());
            };
            if record.import.status == Status::Active {
                record.import.status = Status::Completed;
                record.import.disks.iter_mut().for_each(|disk| disk.stage = Stage::Done);
                end(&tx, place, id, now).await?;
                resources::put(&tx, place, &record).await?;
            }
            Ok::<_, Error>(())
        });
        Ok(finished.await?)
    }
}
