//! What snapshots and images have in common: tags, and what follows from there being one.

use std::collections::BTreeMap;

use base::Timestamp;
use ec2_api::{Tag, TagSpecification};
use store::Select;

use super::Work;
use super::targets::Target;
use crate::error::Error;
use crate::limits::SNAPSHOTS_AT_ONCE_MAX;
use crate::operations::plan;
use crate::records::{Due, DueRecord, MADE, MadeRecord, made_key, made_of};

const MANAGED: &str = "dlm:managed";

/// What the schedule says, besides the target's own where it says so.
pub fn tags(work: &Work<'_>, target: &Target, now: Timestamp) -> Vec<Tag> {
    let (schedule, mut tags) = (work.schedule, BTreeMap::new());
    if schedule.copy_tags == Some(true) {
        tags.extend(target.tags.clone());
    }
    tags.extend(schedule.tags_to_add.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())));
    tags.extend(schedule.variable_tags.iter().flatten().map(|tag| {
        let value = if tag.value == "$(timestamp)" { now.to_iso8601() } else { target.id.clone() };
        (tag.key.clone(), value)
    }));
    tags.insert(MANAGED.to_owned(), "true".to_owned());
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

/// Those of a copy: all that the original has, or DLM's alone.
pub fn copied_tags(all: bool, tags: Vec<Tag>) -> Vec<Tag> {
    let mut kept: Vec<Tag> =
        tags.into_iter().filter(|tag| all && tag.key.as_deref() != Some(MANAGED)).collect();
    kept.push(Tag { key: Some(MANAGED.to_owned()), value: Some("true".to_owned()) });
    kept
}

pub fn specification(resource_type: &str, tags: Vec<Tag>) -> TagSpecification {
    TagSpecification { resource_type: Some(resource_type.to_owned()), tags: Some(tags) }
}

pub fn description(work: &Work<'_>) -> String {
    let name = work.schedule.name.as_deref().unwrap_or_default();
    format!("Created for policy: {} schedule: {name}", work.due.policy)
}

/// Writes down that a backup is the schedule's, and what follows from that.
pub async fn keep(
    work: &Work<'_>,
    record: &MadeRecord,
    mut follow_ups: Vec<(Timestamp, Due)>,
) -> Result<(), Error> {
    for (rule, copy) in work.schedule.cross_region_copy_rules.iter().flatten().enumerate() {
        let target = copy.target_region.clone().or(copy.target.clone()).unwrap_or_default();
        let what = Due::Copy { snapshot: record.id.clone(), target, rule, since: record.at };
        follow_ups.push((record.at, what));
    }
    let due = work.due;
    let (place, key) = (&due.place(), &made_key(&due.policy, due.schedule, record));
    let follow_ups = &follow_ups;
    let kept = work.dlm.store.transact(|tx| async move {
        MADE.put(&tx, place, key, record).await?;
        for (at, what) in follow_ups {
            plan::later(&tx, *at, DueRecord { what: what.clone(), ..due.clone() }).await?;
        }
        Ok::<_, Error>(())
    });
    kept.await
}

/// Everything that the schedule has made and not given up, by target, the oldest first.
pub async fn made(work: &Work<'_>) -> Result<Vec<(String, MadeRecord)>, Error> {
    let (place, prefix) = (&work.due.place(), &made_of(&work.due.policy, work.due.schedule));
    let all = work
        .dlm
        .store
        .read(|tx| async move { MADE.scan(&tx, place, Select::prefix(prefix), SNAPSHOTS_AT_ONCE_MAX).await });
    Ok(all.await?.records)
}

/// Changes what is known of a backup, if it was not given up.
pub async fn change(
    work: &Work<'_>,
    key: &str,
    change: impl Fn(&mut MadeRecord) + Sync,
) -> Result<(), Error> {
    let (place, change) = (&work.due.place(), &change);
    let changed = work.dlm.store.transact(|tx| async move {
        let Some(mut record) = MADE.get(&tx, place, key).await? else { return Ok(()) };
        change(&mut record);
        Ok::<_, Error>(MADE.put(&tx, place, key, &record).await?)
    });
    changed.await
}

/// Plans one more thing for the same schedule.
pub async fn later(work: &Work<'_>, at: Timestamp, what: Due) -> Result<(), Error> {
    let due = &DueRecord { what, ..work.due.clone() };
    Ok(work.dlm.store.transact(|tx| async move { plan::later(&tx, at, due.clone()).await }).await?)
}
