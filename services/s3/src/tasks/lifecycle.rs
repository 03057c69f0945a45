//! Lifecycle rules, seen to once a day, at midnight UTC: through all buckets that have some, and of each through the
//! newest versions, the older ones and the delete markers, and the unfinished uploads.
//!
//! A pass looks at one page and notes how far it came, so that a run goes on where it was. What is found due is checked
//! again in the transaction that acts on it ([`act`]): an object that was overwritten meanwhile begins anew.

mod act;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use futures_util::stream::{self, StreamExt};
use service::{Nudge, Pass, Task};
use store::{Select, Tx};

use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::limits::{LIFECYCLE_ACTIONS_AT_ONCE_MAX, LIFECYCLE_PAGE_RECORDS};
use crate::model::lifecycle::{Rules, SmallObjects, Subject};
use crate::model::version::VersionId;
use crate::records::{
    BUCKETS, BucketRecord, CURRENT, LIFECYCLE_RUNS, LifecycleRunRecord, LifecycleStage, ObjectRecord, UPLOADS,
};
use act::Doing;

const PERIOD: Duration = Duration::from_secs(24 * 3600);
const DAY_SECONDS: i64 = 24 * 3600;
const BUCKETS_AT_ONCE: usize = 100;

pub fn task(s3: &Arc<S3>) -> Task {
    Task::of(s3, "s3.lifecycle", PERIOD, Nudge::default(), |s3| async move { pass(&s3).await })
}

async fn pass(s3: &S3) -> Result<Pass, Error> {
    let now = s3.clock.now();
    let day = now.as_secs().div_euclid(DAY_SECONDS);
    let found = s3.store.read(|tx| async move { LIFECYCLE_RUNS.get(&tx, &(), "").await }).await?;
    let run = match found {
        Some(run) if run.day == day && run.finished => return Ok(Pass::Again(until_midnight(now))),
        // A run that midnight overtook goes on, and the next begins after it.
        Some(run) if !run.finished => run,
        _ => LifecycleRunRecord { day, ..LifecycleRunRecord::default() },
    };
    let run = go_on(s3, run).await?;
    let saved = &run;
    s3.store.transact(|tx| async move { LIFECYCLE_RUNS.put(&tx, &(), "", saved).await }).await?;
    Ok(Pass::More)
}

fn until_midnight(now: Timestamp) -> Duration {
    let day = now.as_secs().div_euclid(DAY_SECONDS);
    Timestamp::from_secs((day + 1) * DAY_SECONDS).since(now)
}

/// A bucket's rules, if it has any that could matter.
pub fn rules(record: &BucketRecord) -> Option<Rules<'_>> {
    let configuration = record.settings.lifecycle.as_deref()?;
    Some(Rules::of(configuration, SmallObjects::parse(record.settings.lifecycle_small_objects.as_deref())))
}

/// What rules see of an object.
pub fn subject<'a>(key: &'a str, object: &'a ObjectRecord) -> Subject<'a> {
    let class = object.described.storage_class;
    Subject { key, size: Some(object.size), tags: &object.described.tags, class }
}

/// One page further.
async fn go_on(s3: &S3, mut run: LifecycleRunRecord) -> Result<LifecycleRunRecord, Error> {
    let Some(bucket) = next_bucket(s3, &mut run).await? else {
        return Ok(LifecycleRunRecord { day: run.day, finished: true, ..LifecycleRunRecord::default() });
    };
    let midnight = Timestamp::from_secs(run.day * DAY_SECONDS);
    let rules = rules(&bucket.record).expect("only buckets with rules are chosen");
    let next = match run.stage {
        LifecycleStage::Objects => objects(s3, &bucket, rules, &run, midnight).await?,
        LifecycleStage::Versions if rules.speaks_of_versions() => {
            versions::page(s3, &bucket, rules, &mut run, midnight).await?
        }
        LifecycleStage::Uploads if rules.speaks_of_uploads() => {
            uploads(s3, &bucket, rules, &run, midnight).await?
        }
        LifecycleStage::Versions | LifecycleStage::Uploads => None,
    };
    if next.is_none() {
        run.carried = None;
        run.stage = match run.stage {
            LifecycleStage::Objects => LifecycleStage::Versions,
            LifecycleStage::Versions => LifecycleStage::Uploads,
            LifecycleStage::Uploads => {
                run.after_bucket = Some(bucket.name.clone());
                LifecycleStage::Objects
            }
        };
    }
    Ok(LifecycleRunRecord { after: next, ..run })
}

/// The bucket that the run is at: the first with rules behind those that are done.
async fn next_bucket(s3: &S3, run: &mut LifecycleRunRecord) -> Result<Option<Arc<Bucket>>, Error> {
    loop {
        let after = run.after_bucket.as_deref();
        let page = s3
            .store
            .read(|tx| async move { BUCKETS.scan(&tx, &(), Select::ALL.after(after), BUCKETS_AT_ONCE).await })
            .await?;
        for (name, record) in page.records {
            if rules(&record).is_some()
                && let Some(bucket) = s3.directory.find(&name).await?
                && rules(&bucket.record).is_some()
            {
                // What was noted of a bucket that is gone is nothing for the next.
                if run.bucket != Some(bucket.id()) {
                    let (day, after_bucket) = (run.day, run.after_bucket.take());
                    let bucket = Some(bucket.id());
                    *run = LifecycleRunRecord { day, after_bucket, bucket, ..LifecycleRunRecord::default() };
                }
                return Ok(Some(bucket));
            }
            run.after_bucket = Some(name);
        }
        if page.next.is_none() {
            return Ok(None);
        }
    }
}

/// A page of newest versions. Returns where to go on.
async fn objects(
    s3: &S3,
    bucket: &Bucket,
    rules: Rules<'_>,
    run: &LifecycleRunRecord,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let (id, select) = (bucket.id(), Select::ALL.after(run.after.as_deref()));
    let page = s3
        .store
        .read(|tx: Tx| async move { CURRENT.scan(&tx, &id, select, LIFECYCLE_PAGE_RECORDS).await })
        .await?;
    let due = page.records.iter().filter_map(|(key, object)| {
        rules.due(&subject(key, object), object.modified, now)?;
        Some(Doing::Object { key: key.clone(), id: VersionId::of(object.version, object.order) })
    });
    perform(s3, bucket, due.collect(), now).await?;
    Ok(page.next)
}

/// A page of uploads that were never completed.
async fn uploads(
    s3: &S3,
    bucket: &Bucket,
    rules: Rules<'_>,
    run: &LifecycleRunRecord,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let (id, select) = (bucket.id(), Select::ALL.after(run.after.as_deref()));
    let page = s3
        .store
        .read(|tx: Tx| async move { UPLOADS.scan(&tx, &id, select, LIFECYCLE_PAGE_RECORDS).await })
        .await?;
    let due = page.records.iter().filter_map(|(place, upload)| {
        let planned = rules.abort(&upload.key, upload.initiated)?;
        (planned.at <= now).then(|| Doing::Upload { place: place.clone() })
    });
    perform(s3, bucket, due.collect(), now).await?;
    Ok(page.next)
}

/// Does what is due, several things at a time. What fails is logged and comes again tomorrow.
async fn perform(s3: &S3, bucket: &Bucket, due: Vec<Doing>, now: Timestamp) -> Result<(), Error> {
    let mut outcomes = stream::iter(due)
        .map(|doing| async move { (act::act(s3, bucket, &doing, now).await, doing) })
        .buffer_unordered(LIFECYCLE_ACTIONS_AT_ONCE_MAX);
    let mut has_garbage = false;
    while let Some((outcome, doing)) = outcomes.next().await {
        match outcome {
            Ok(garbage) => has_garbage |= garbage,
            Err(error) => {
                tracing::warn!(bucket = bucket.name, ?doing, %error, "a lifecycle rule was not seen to")
            }
        }
    }
    if has_garbage {
        s3.garbage.nudge();
    }
    Ok(())
}
