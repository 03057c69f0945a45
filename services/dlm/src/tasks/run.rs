//! One run of a schedule: backups of everything that the policy is about, and old ones given up.

use store::Select;

use super::targets::Target;
use super::{Work, images, retirement, role, snapshots, targets};
use crate::error::Error;
use crate::model::kinds::Kind;
use crate::records::{MADE, made_of_target};

pub async fn run(work: &Work<'_>) -> Result<(), Error> {
    let ec2 = role::assume(work, work.due.region).await?;
    let mut problem = None;
    // A policy that is off only lets go.
    let targets = if work.policy.enabled { targets::all(work, &ec2).await? } else { Vec::new() };
    for target in targets {
        if is_done(work, &target).await? {
            continue;
        }
        let made = match work.kind {
            Kind::Images => images::make(work, &ec2, &target).await,
            Kind::Volumes | Kind::Instances | Kind::Shared => snapshots::make(work, &ec2, &target).await,
        };
        // One volume that cannot be backed up does not leave the others without a backup.
        if let Err(error) = made {
            problem.get_or_insert(error);
        }
    }
    retirement::give_up(work, &ec2).await?;
    if work.kind == Kind::Images {
        images::deprecate_oldest(work, &ec2).await?;
    }
    problem.map_or(Ok(()), Err)
}

/// Whether a run that was broken off has been here.
async fn is_done(work: &Work<'_>, target: &Target) -> Result<bool, Error> {
    let (place, began) = (&work.due.place(), work.at);
    let prefix = &made_of_target(&work.due.policy, work.due.schedule, &target.id);
    let last = work.dlm.store.read(|tx| async move {
        let newest = Select::prefix(prefix).backward();
        MADE.scan(&tx, place, newest, 1).await
    });
    Ok(last.await?.records.first().is_some_and(|(_, record)| record.at >= began))
}
