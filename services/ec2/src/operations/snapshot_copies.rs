//! CopySnapshot: within a region or between two, encrypted anew.
//!
//! Surprising: the request goes to the region of the copy, and its caller has to be allowed to use the keys of both. A
//! copy shows a volume that does not exist (`vol-ffffffff`).

use base::Region;
use ec2_api::*;
use service::Call;

use super::snapshot_finding::{self, Found, find};
use super::snapshot_making::{self, New, make_key};
use super::tags::of_new;
use super::{disk_keys, managed};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, RESOURCE_LIMIT_EXCEEDED, UNSUPPORTED_OPERATION,
};
use crate::kind::SNAPSHOT;
use crate::limits::{COPIES_AT_ONCE_MAX, COPY_MINUTES_MAX, COPY_MINUTES_STEP};
use crate::model::tags::{self, Tags};
use crate::operations::snapshot_tiers::check_usable;

pub async fn copy_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: CopySnapshotInput,
) -> Result<CopySnapshotOutput, Error> {
    check(call, &input)?;
    let mut given =
        of_new(ec2, call, "CopySnapshot", input.tag_specifications.as_deref(), &SNAPSHOT, &[]).await?;
    let source_region = Region::parse(&input.source_region)
        .ok_or_else(|| Error::invalid_value(&input.source_region, "sourceRegion", "It is no region."))?;
    managed::mark(call, &mut given, &snapshot_finding::arn(call, &input.source_snapshot_id));
    let (account, source_id) = (call.account, input.source_snapshot_id.as_str());
    let source: Found = ec2
        .store
        .read(|tx| async move {
            let found = find(&tx, account, source_region, source_id).await?;
            check_usable(&tx, &found.place, source_id, call.now).await?;
            Ok::<_, Error>(found)
        })
        .await?;
    let wanted = Copy {
        source,
        encrypted: input.encrypted,
        kms_key: input.kms_key_id,
        description: input
            .description
            .unwrap_or_else(|| format!("[Copied {source_id} from {source_region}]")),
        minutes: input.completion_duration_minutes,
    };
    let id = begin(ec2, call, &wanted, &given).await?;
    Ok(CopySnapshotOutput { tags: Some(tags::shown(&given)), snapshot_id: Some(id) })
}

/// What is copied to the region of the call, and how.
pub struct Copy {
    pub source: Found,
    pub encrypted: Option<bool>,
    pub kms_key: Option<String>,
    pub description: String,
    pub minutes: Option<i32>,
}

/// Begins a copy, and returns its id.
pub async fn begin(ec2: &Ec2, call: &Call, wanted: &Copy, given: &Tags) -> Result<String, Error> {
    let source = &wanted.source;
    let (source_region, source_id) = (source.place.1, source.record.id.as_str());
    if source.record.completed().is_none() {
        let message = format!("The snapshot '{source_id}' is not in the completed state.");
        return Err(Error::new(&INCORRECT_STATE, message));
    }
    let id = SNAPSHOT.new_id(&ec2.ids);
    let sealed = source.record.key.as_ref();
    let from_key = match sealed {
        // The key is that of the other region, and the caller has to be allowed to use it there.
        Some(key) => {
            let there = Call { region: source_region, ..call.clone() };
            Some(disk_keys::open_as_caller(ec2, &there, key).await?)
        }
        None => None,
    };
    let encrypted = wanted.encrypted.or(sealed.map(|_| true));
    let made = match disk_keys::choose(ec2, call, encrypted, wanted.kms_key.as_deref(), None).await? {
        Some(key) => Some(make_key(ec2, call, &id, &key).await?),
        None => None,
    };
    let new = &New {
        id: id.clone(),
        gib: source.record.gib(),
        description: wanted.description.clone(),
        key: made.as_ref().map(|made| made.record.clone()),
        parent: None,
        minutes: wanted.minutes,
        is_copy: true,
    };
    let disks = snapshot_making::disks(ec2)?;
    let kept = ec2.store.transact(|tx| async move {
        if snapshot_making::pending_copies(&tx, &call.scope()).await? >= COPIES_AT_ONCE_MAX {
            let message = format!(
                "Too many snapshot copies in progress. The limit is {COPIES_AT_ONCE_MAX} for this destination region."
            );
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        snapshot_making::put_new(&tx, call, new, given).await
    });
    kept.await?;
    let plain = made.as_ref().map(|made| &made.plain);
    match disks.copy_snapshot((source_id, from_key.as_ref()), (&id, plain)).await {
        Ok(()) => snapshot_making::begun(ec2, &call.scope(), &id).await?,
        // As on AWS, what goes wrong with a copy is seen in its state.
        Err(error) => snapshot_making::fail(ec2, &call.scope(), &id, &error.to_string()).await?,
    }
    ec2.disks.nudge();
    Ok(id)
}

fn check(call: &Call, input: &CopySnapshotInput) -> Result<(), Error> {
    if input.destination_outpost_arn.is_some() || input.destination_availability_zone.is_some() {
        let message = "Snapshots can be copied to regions only: there are no Outposts or Local Zones here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    // Clients set it from the region they call; it only ever meant something in the presigned URL.
    if let Some(region) = input.destination_region.as_deref().filter(|region| *region != call.region.as_str())
    {
        let why = format!("The snapshot is copied to the region that is called, {}.", call.region);
        return Err(Error::invalid_value(region, "destinationRegion", &why));
    }
    if input.encrypted == Some(false) {
        return Err(Error::invalid_value("false", "encrypted", "It can be set to true only."));
    }
    if input.kms_key_id.is_some() && input.encrypted != Some(true) {
        let message = "KmsKeyId needs Encrypted to be true.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    minutes(input.completion_duration_minutes.map(i64::from)).map(drop)
}

/// How long a copy may take.
///
/// # Errors
/// `InvalidParameterValue`
pub fn minutes(given: Option<i64>) -> Result<Option<i32>, Error> {
    let Some(given) = given else { return Ok(None) };
    match i32::try_from(given) {
        Ok(minutes) if (1..=COPY_MINUTES_MAX).contains(&minutes) && minutes % COPY_MINUTES_STEP == 0 => {
            Ok(Some(minutes))
        }
        _ => {
            let why = format!("It must be up to {COPY_MINUTES_MAX} in steps of {COPY_MINUTES_STEP}.");
            Err(Error::invalid_value(given, "completionDurationMinutes", &why))
        }
    }
}
