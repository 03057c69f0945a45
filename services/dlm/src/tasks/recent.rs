//! What has a backup that is recent enough for a default policy, whoever made it.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Timestamp;
use ec2_api::{
    DescribeImages, DescribeImagesInput, DescribeSnapshots, DescribeSnapshotsInput, ImageState, SnapshotState,
};
use service::AsService;

use super::Work;
use crate::error::Error;
use crate::limits::{RUN_SLACK, SNAPSHOTS_AT_ONCE_MAX, TARGETS_PAGE};
use crate::model::schedules;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What was made after this is recent. The policy's own backup of the run before was made a little after its time.
fn limit(work: &Work<'_>) -> Timestamp {
    let days = u32::try_from(schedules::create_days(work.details)).unwrap_or(1);
    let age = (DAY * days).saturating_sub(RUN_SLACK);
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(work.at.as_millis().saturating_sub(age))
}

/// Volumes with a recent snapshot; also one that belongs to an image.
pub async fn volumes(work: &Work<'_>, ec2: &AsService) -> Result<BTreeSet<String>, Error> {
    let (limit, mut found, mut looked_at) = (limit(work), BTreeSet::new(), 0);
    let mut input = DescribeSnapshotsInput {
        owner_ids: Some(vec!["self".to_owned()]),
        max_results: Some(TARGETS_PAGE),
        ..DescribeSnapshotsInput::default()
    };
    loop {
        let output = ec2.call(DescribeSnapshots, input.clone()).await?;
        for snapshot in output.snapshots.into_iter().flatten() {
            looked_at += 1;
            let is_recent = snapshot.start_time.is_some_and(|at| at > limit);
            if is_recent && snapshot.state != Some(SnapshotState::Error) {
                found.extend(snapshot.volume_id);
            }
        }
        input.next_token = output.next_token;
        if input.next_token.is_none() || looked_at >= SNAPSHOTS_AT_ONCE_MAX {
            return Ok(found);
        }
    }
}

/// Instances with a recent image.
pub async fn instances(work: &Work<'_>, ec2: &AsService) -> Result<BTreeSet<String>, Error> {
    let (limit, mut found) = (limit(work), BTreeSet::new());
    let mut input = DescribeImagesInput {
        owners: Some(vec!["self".to_owned()]),
        include_deprecated: Some(true),
        max_results: Some(TARGETS_PAGE),
        ..DescribeImagesInput::default()
    };
    loop {
        let output = ec2.call(DescribeImages, input.clone()).await?;
        for image in output.images.into_iter().flatten() {
            let made = image.creation_date.as_deref().and_then(Timestamp::parse_iso8601);
            let is_whole = matches!(image.state, Some(ImageState::Available | ImageState::Pending));
            if is_whole && made.is_some_and(|at| at > limit) {
                found.extend(image.source_instance_id);
            }
        }
        input.next_token = output.next_token;
        if input.next_token.is_none() {
            return Ok(found);
        }
    }
}
