//! Copies in other regions: of snapshots, of images, and of snapshots that others share. Each is kept for its own time.

use base::{Region, Timestamp};
use dlm_api::CrossRegionCopyRule;
use ec2_api::{CopySnapshot, CopySnapshotInput};

use super::snapshots::{Standing, completed};
use super::{Work, images, making, retirement, role};
use crate::error::Error;
use crate::model::kinds::Kind;
use crate::model::retention;
use crate::records::Due;

/// Copies what the schedule has made once it is completed; until then it is looked at again and again.
pub async fn copy(
    work: &Work<'_>,
    id: &str,
    target: &str,
    rule: usize,
    since: Timestamp,
) -> Result<(), Error> {
    let rules = work.schedule.cross_region_copy_rules.as_deref().unwrap_or_default();
    let is_same = |rule: &&CrossRegionCopyRule| {
        rule.target_region.as_deref().or(rule.target.as_deref()) == Some(target)
    };
    let Some(rule_now) = rules.get(rule).filter(is_same) else { return Ok(()) };
    let region = region_of(target)?;
    let made = match work.kind {
        Kind::Images => images::copy(work, id, rule_now, region, since).await?,
        Kind::Volumes | Kind::Instances | Kind::Shared => snapshot(work, id, rule_now, region, since).await?,
    };
    let Some(made) = made else { return Ok(()) };
    let now = work.dlm.clock.now();
    let retain = rule_now.retain_rule.as_ref();
    let kept_until =
        retain.and_then(|rule| retention::after(now, rule.interval?, rule.interval_unit.as_ref()?));
    match kept_until {
        Some(at) => {
            making::later(work, at, Due::DropCopy { region: target.to_owned(), snapshot: made }).await
        }
        None => Ok(()),
    }
}

fn region_of(name: &str) -> Result<Region, Error> {
    name.parse().map_err(|_| Error::InvalidValue("Target", name.to_owned()))
}

/// The copy's id, if there is one now.
async fn snapshot(
    work: &Work<'_>,
    id: &str,
    rule: &CrossRegionCopyRule,
    region: Region,
    since: Timestamp,
) -> Result<Option<String>, Error> {
    let here = role::assume(work, work.due.region).await?;
    let Standing::Completed(tags) = completed(work, &here, id, since).await? else { return Ok(None) };
    let tags = making::copied_tags(rule.copy_tags == Some(true), tags);
    let input = CopySnapshotInput {
        description: Some(format!("Copied for policy: {} from {}", work.due.policy, work.due.region)),
        encrypted: rule.encrypted.then_some(true),
        kms_key_id: rule.cmk_arn.clone(),
        source_region: work.due.region.to_string(),
        source_snapshot_id: id.to_owned(),
        tag_specifications: Some(vec![making::specification("snapshot", tags)]),
        ..CopySnapshotInput::default()
    };
    let there = role::assume(work, region).await?;
    Ok(there.call(CopySnapshot, input).await?.snapshot_id)
}

pub async fn drop_copy(work: &Work<'_>, region: &str, id: &str) -> Result<(), Error> {
    let there = role::assume(work, region_of(region)?).await?;
    retirement::delete(work, &there, id).await.map(drop)
}
