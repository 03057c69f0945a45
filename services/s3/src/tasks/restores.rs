//! Tells that archived objects can be read, and that they cannot any more, when the time has come.
//!
//! What can be read follows from the clock alone ([`crate::model::restoring`]); here the records follow it, so that
//! events are sent. An entry is written with the restore, by [`expect`].

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Nudge, Pass, Task};
use store::{Select, Tx, ordered};

use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::destinations::background_call;
use crate::events::{Event, EventName, order_of, record};
use crate::model::restoring::settled;
use crate::model::version::VersionId;
use crate::operations::saving;
use crate::records::{ObjectRecord, RESTORES, RestoreRecord, Restored, VersionRecord};
use crate::tasks::wake;

const PERIOD: Duration = Duration::from_secs(3600);
const AT_ONCE_MAX: usize = 200;

pub fn task(s3: &Arc<S3>) -> Task {
    let nudge = Nudge::default();
    wake(s3, RESTORES.watch(&s3.store, &(), ""), nudge.clone());
    Task::of(s3, "s3.restores", PERIOD, nudge, |s3| async move { pass(&s3).await })
}

/// Has the task look at a version at that moment: to be called in the transaction that sets `restored`.
pub async fn expect(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    version: VersionId,
    restored: Restored,
) -> Result<(), Error> {
    let record = RestoreRecord {
        bucket: bucket.id(),
        name: bucket.name.clone(),
        key: key.to_owned(),
        version: version.to_string(),
    };
    RESTORES.put(tx, &(), &place(&record, moment_of(restored)), &record).await?;
    Ok(())
}

fn moment_of(restored: Restored) -> Timestamp {
    match restored {
        Restored::Ongoing { done, .. } => done,
        Restored::Until(until) => until,
    }
}

/// By time, and then by a digest, since keys may be as long as a place may be.
fn place(record: &RestoreRecord, at: Timestamp) -> String {
    let of = format!("{}/{}/{}", record.bucket.0, record.version, record.key);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, of.as_bytes());
    let digest: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}{digest}", ordered(at.as_millis().max(0).unsigned_abs()))
}

async fn pass(s3: &S3) -> Result<Pass, Error> {
    let page =
        s3.store.read(|tx| async move { RESTORES.scan(&tx, &(), Select::ALL, AT_ONCE_MAX).await }).await?;
    let now = s3.clock.now();
    for (place, record) in &page.records {
        let at = due(place);
        if at > now {
            return Ok(Pass::Again(at.since(now)));
        }
        let bucket = s3.directory.find(&record.name).await?.filter(|bucket| bucket.id() == record.bucket);
        s3.store
            .transact(|tx| {
                let bucket = bucket.as_deref();
                async move {
                    RESTORES.delete(&tx, &(), place).await?;
                    match bucket {
                        Some(bucket) => follow(s3, &tx, bucket, record, now).await,
                        None => Ok(()),
                    }
                }
            })
            .await?;
    }
    Ok(if page.records.is_empty() { Pass::Done } else { Pass::More })
}

/// Milliseconds, in twenty digits.
fn due(place: &str) -> Timestamp {
    let millis = place.get(..20).and_then(|digits| digits.parse().ok());
    Timestamp::from_millis(millis.unwrap_or(0))
}

/// Brings a version's record up to the clock.
async fn follow(
    s3: &S3,
    tx: &Tx,
    bucket: &Bucket,
    record: &RestoreRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let key = record.key.as_str();
    let Some(id) = VersionId::parse(&record.version) else { return Ok(()) };
    let found = saving::version(tx, bucket.id(), key, id).await?;
    let Some((VersionRecord::Object(mut object), is_current)) = found else { return Ok(()) };
    let Some(restored) = object.restored else { return Ok(()) };
    match settled(restored, now) {
        Restored::Until(until) if until <= now => {
            object.restored = None;
            tell(s3, tx, bucket, key, &object, EventName::ObjectRestoreDelete).await?;
        }
        Restored::Until(until) if restored != Restored::Until(until) => {
            object.restored = Some(Restored::Until(until));
            let class = object.described.storage_class;
            let name = EventName::ObjectRestoreCompleted { until, class };
            tell(s3, tx, bucket, key, &object, name).await?;
            expect(tx, bucket, key, id, Restored::Until(until)).await?;
        }
        // It was asked for again meanwhile, and that has an entry of its own.
        _ => return Ok(()),
    }
    saving::rewrite(tx, bucket.id(), key, &object, is_current).await
}

async fn tell(
    s3: &S3,
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    object: &ObjectRecord,
    name: EventName,
) -> Result<(), Error> {
    let call = background_call(s3, bucket.account(), bucket.region());
    let version_id = saving::shown(bucket.record.versioning, object.version, object.order);
    let event = Event {
        name,
        key,
        size: Some(object.size),
        etag: Some(object.etag),
        version_id: version_id.as_deref(),
        order: order_of(call.now),
    };
    record(tx, bucket, &call, event).await
}
