//! Which snapshots a call may read and write, and what keeps their blocks.

use std::collections::HashSet;

use ebs_api::{AccessDeniedExceptionReason, ValidationExceptionReason};
use ec2_api::SnapshotState;
use service::Call;
use store::Tx;

use super::Ebs;
use super::error::Refusal;
use super::records::UPLOADS;
use crate::error::Error;
use crate::error::codes::UNAUTHORIZED_OPERATION;
use crate::ground::disks::Disks;
use crate::limits::UPLOADS_AT_ONCE_MAX;
use crate::model::tags::Tags;
use crate::operations::snapshot_finding::{Found, find};
use crate::operations::snapshot_making::{self, NO_VOLUME};
use crate::operations::snapshot_tiers;
use crate::records::snapshot_states;
use crate::records::snapshots::SnapshotRecord;
use crate::records::volumes::VolumeRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// A completed snapshot of the caller's, or one that is shared with its account.
pub type Readable = Found;

/// How far lineages are followed back.
const LINEAGE_MAX: usize = 1_000;

/// What keeps the blocks.
pub fn disks(ebs: &Ebs) -> Result<&dyn Disks, Refusal> {
    Ok(snapshot_making::disks(&ebs.ec2)?)
}

/// # Errors
/// `SNAPSHOT_NOT_FOUND` for what is not there, not shared with the caller or not completed; `INVALID_SNAPSHOT_ID` for
/// one in the archive.
pub async fn readable(ebs: &Ebs, call: &Call, id: &str) -> Result<Readable, Refusal> {
    let found = ebs.ec2.store.read(|tx| async move {
        let found = find(&tx, call.account, call.region, id).await?;
        let standing = snapshot_tiers::standing(&tx, &found.place, id, call.now).await?;
        Ok::<_, Error>((found, standing))
    });
    let (found, standing) = found.await.map_err(|error| match error {
        Error::Refused { .. } => Refusal::no_snapshot(id),
        error => Refusal::Other(error),
    })?;
    // "Public snapshots are not supported."
    if found.is_only_public || found.record.state() != SnapshotState::Completed {
        return Err(Refusal::no_snapshot(id));
    }
    if standing.is_some_and(|standing| !standing.is_usable()) {
        let message = format!("The snapshot '{id}' is archived.");
        return Err(Refusal::invalid(ValidationExceptionReason::InvalidSnapshotId, message));
    }
    Ok(found)
}

/// A snapshot of the caller's that is being written block by block.
///
/// # Errors
/// `SNAPSHOT_NOT_FOUND`, and `INVALID_SNAPSHOT_ID` for one that is not.
pub async fn writable(ebs: &Ebs, call: &Call, id: &str) -> Result<SnapshotRecord, Refusal> {
    let place = &call.scope();
    let found = ebs.ec2.store.read(|tx| async move {
        let upload = UPLOADS.get(&tx, &(), id).await?;
        Ok::<_, Error>((SnapshotRecord::TABLE.get(&tx, place, id).await?, upload))
    });
    let (record, upload) = found.await?;
    let record = record.ok_or_else(|| Refusal::no_snapshot(id))?;
    if record.state() == SnapshotState::Pending && upload.is_some_and(|upload| !upload.is_sealed) {
        return Ok(record);
    }
    let message = format!("The snapshot '{id}' is not being written: it is not in the pending state.");
    Err(Refusal::invalid(ValidationExceptionReason::InvalidSnapshotId, message))
}

/// One of the caller's with its tags, in whatever state.
pub async fn own(ebs: &Ebs, call: &Call, id: &str) -> Result<(SnapshotRecord, Tags), Refusal> {
    let place = &call.scope();
    let found = ebs.ec2.store.read(|tx| async move {
        let record = SnapshotRecord::TABLE.get(&tx, place, id).await?;
        Ok::<_, Error>((record, resources::tags(&tx, place, id).await?))
    });
    let (record, tags) = found.await?;
    Ok((record.ok_or_else(|| Refusal::no_snapshot(id))?, tags))
}

/// Whether an account has as many of these as it may have.
pub async fn has_too_many(tx: &Tx, place: &Place) -> Result<bool, Error> {
    let all = snapshot_states::all(tx, UPLOADS, &()).await?;
    let own = all.iter().filter(|(_, upload)| upload.place() == *place && !upload.is_sealed);
    Ok(own.count() >= UPLOADS_AT_ONCE_MAX)
}

/// Whether two snapshots go back to one volume or one snapshot: a volume may come from a snapshot, and a snapshot lie
/// on another.
pub async fn are_related(ebs: &Ebs, one: &Readable, other: &Readable) -> Result<bool, Refusal> {
    let found = ebs.ec2.store.read(|tx| async move {
        let ancestors = lineage(&tx, one).await?;
        Ok::<_, Error>(lineage(&tx, other).await?.iter().any(|ancestor| ancestors.contains(ancestor)))
    });
    Ok(found.await?)
}

/// A snapshot, and what it came from as far as that is known.
async fn lineage(tx: &Tx, of: &Readable) -> Result<HashSet<String>, Error> {
    let mut seen = HashSet::from([of.record.id.clone()]);
    let mut record = Some(of.record.clone());
    while let Some(snapshot) = record.take() {
        let volume = snapshot.shown.volume_id.clone().filter(|id| id != NO_VOLUME);
        let mut earlier = snapshot.parent.clone();
        if let Some(volume) = volume {
            let kept = VolumeRecord::TABLE.get(tx, &of.place, &volume).await?;
            earlier = earlier.or_else(|| kept.and_then(|volume| volume.shown.0.snapshot_id));
            seen.insert(volume);
        }
        let Some(earlier) = earlier.filter(|id| !id.is_empty()) else { break };
        record = SnapshotRecord::TABLE.get(tx, &of.place, &earlier).await?;
        if !seen.insert(earlier) || seen.len() > LINEAGE_MAX {
            break;
        }
    }
    Ok(seen)
}

/// A permission that is asked for besides, refused in this service's words.
pub fn denied(error: Error) -> Refusal {
    match error {
        Error::Refused { code, message } if code.name == UNAUTHORIZED_OPERATION.name => {
            Refusal::Denied { reason: AccessDeniedExceptionReason::DependencyAccessDenied, message }
        }
        error => Refusal::Other(error),
    }
}
