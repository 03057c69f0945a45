//! Recovery points that have been kept for long enough are deleted, in the role that made them.
//!
//! Surprising: one that cannot be deleted is `EXPIRED`, and stays until somebody deletes it or the role may again.

use backup_api::RecoveryPointStatus;

use super::{reason, role};
use crate::Backup;
use crate::error::Error;
use crate::limits::EXPIRY_RETRY_PERIOD;
use crate::operations::points::delete_made;
use crate::records::{Due, POINTS, Place, PointRecord, later};

pub async fn run(backup: &Backup, place: &Place, arn: &str) -> Result<(), Error> {
    let now = backup.clock.now();
    let found = backup.store.read(|tx| async move { POINTS.get(&tx, place, arn).await }).await?;
    // A lifecycle that was changed has planned anew.
    let Some(point) = found.filter(|point| point.delete_at().is_some_and(|at| at <= now)) else {
        return Ok(());
    };
    let problem = match delete(backup, place, &point).await {
        Ok(()) => None,
        Err(error) => Some(reason(error)?),
    };
    let problem = &problem;
    let done = backup.store.transact(|tx| async move {
        let Some(why) = problem else { return Ok(POINTS.delete(&tx, place, arn).await?) };
        let Some(mut point) = POINTS.get(&tx, place, arn).await? else { return Ok(()) };
        point.shown.0.status = Some(RecoveryPointStatus::Expired);
        point.shown.0.status_message = Some(why.clone());
        POINTS.put(&tx, place, arn, &point).await?;
        let what = Due::Expire { point: arn.to_owned() };
        Ok::<_, Error>(later(&tx, now + EXPIRY_RETRY_PERIOD, place, what).await?)
    });
    done.await
}

async fn delete(backup: &Backup, place: &Place, point: &PointRecord) -> Result<(), Error> {
    let role = point.shown.iam_role_arn.as_deref().unwrap_or_default();
    let assumed = role::assume(backup, place, role).await?;
    Ok(delete_made(&assumed.client(place.1), place.1, point.arn()).await?)
}
