//! Copies versions, delete markers and changes of versions to the buckets that replication rules name.
//!
//! An errand was written with the version it is about ([`crate::events::follow_up`]); it is done once the version is at
//! every destination, which the version's status then says. What the role of the configuration may not do fails for
//! good; what fails otherwise is tried again for a day.
//! Reference: "Replicating objects within and across Regions" of the S3 guide.

mod copy;
mod role;

use std::sync::Arc;
use std::time::Duration;

use s3_api as api;
use schema::Fault;
use service::{Delivery, Nudge, Task, deliver};
use store::Tx;
use store::outbox::Effect;

use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::destinations::background_call;
use crate::events::follow_up::{COPIES, Errand, subject};
use crate::events::{Event, EventName, order_of, record};
use crate::limits::EVENT_AGE_MAX;
use crate::model::replication::{of_marker, of_object};
use crate::model::version::VersionId;
use crate::operations::saving;
use crate::records::{ObjectRecord, ReplicationState, VersionRecord};
use crate::tasks::wake;

const PERIOD: Duration = Duration::from_secs(300);

pub fn task(s3: &Arc<S3>) -> Task {
    let nudge = Nudge::default();
    wake(s3, COPIES.watch(&s3.store), nudge.clone());
    Task::of(s3, "s3.replicate", PERIOD, nudge, |s3| async move {
        deliver(&s3.store, &COPIES, &s3.clock, |effect| attempt(&s3, effect)).await
    })
}

/// A version on its way.
struct Work {
    bucket: Arc<Bucket>,
    errand: Errand,
    id: VersionId,
    version: VersionRecord,
}

/// Why a version is not at a destination, also in AWS's word for it ("Amazon S3 replication failure reasons").
pub struct Failure {
    pub reason: &'static str,
    pub error: Error,
}

impl Failure {
    pub fn because(reason: &'static str) -> impl Fn(Error) -> Failure {
        move |error| Failure { reason, error }
    }
}

async fn attempt(s3: &S3, effect: Effect) -> Delivery {
    let Some(errand) = Errand::decode(&effect.payload) else {
        tracing::error!(id = ?effect.id, "a note of what to replicate cannot be read and is dropped");
        return Delivery::Over;
    };
    let is_late = s3.clock.now().since(errand.asked) > EVENT_AGE_MAX;
    let (bucket, key) = (errand.name.clone(), errand.key.clone());
    match run(s3, errand, is_late).await {
        Ok(delivery) => delivery,
        Err(error) => {
            tracing::warn!(bucket, key, %error, "replication will be tried again");
            Delivery::Later
        }
    }
}

async fn run(s3: &S3, errand: Errand, is_late: bool) -> Result<Delivery, Error> {
    let Some(work) = load(s3, errand).await? else { return Ok(Delivery::Over) };
    let Some(configuration) = &work.bucket.record.settings.replication else { return Ok(Delivery::Over) };
    let key = work.errand.key.as_str();
    let rules = match &work.version {
        VersionRecord::Object(object) => of_object(configuration, &subject(key, object)),
        VersionRecord::Marker(_) => of_marker(configuration, key),
    };
    let mut failed = None;
    for rule in &rules {
        let copied = copy::copy(s3, &work, &configuration.role, rule).await;
        let Err(Failure { reason, error }) = copied else { continue };
        let (bucket, destination) = (&work.bucket.name, &rule.destination.bucket);
        if !is_final(&error) && !is_late {
            tracing::warn!(bucket, key, destination, %error, "replication will be tried again");
            return Ok(Delivery::Later);
        }
        tracing::warn!(bucket, key, destination, reason, %error, "a version was not replicated");
        failed = Some((*rule, reason));
    }
    Ok(if conclude(s3, &work, failed).await? { Delivery::Over } else { Delivery::Later })
}

/// Nothing if the bucket or the version is gone.
async fn load(s3: &S3, errand: Errand) -> Result<Option<Work>, Error> {
    let found = s3.directory.find(&errand.name).await?;
    let Some(bucket) = found.filter(|bucket| bucket.id().0 == errand.bucket) else { return Ok(None) };
    let Some(id) = VersionId::parse(&errand.version) else { return Ok(None) };
    let (scope, key) = (bucket.id(), errand.key.as_str());
    let found = s3.store.read(|tx: Tx| async move { saving::version(&tx, scope, key, id).await }).await?;
    Ok(found.map(|(version, _)| Work { bucket, errand, id, version }))
}

/// What will not go away by itself: a lack of permission, a bucket that is not there or not versioned.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Refused { .. } => true,
        Error::Other(fault) => fault.status() < 500 && !is_throttling(fault),
        Error::Internal(_) => false,
    }
}

fn is_throttling(fault: &Fault) -> bool {
    fault.name().contains("Throttl")
}

/// Says at the source how it went. `false` if the version was changed while it was copied: changes of what waits are
/// not noted again, so they go with the next attempt.
async fn conclude(
    s3: &S3,
    work: &Work,
    failed: Option<(&api::ReplicationRule, &'static str)>,
) -> Result<bool, Error> {
    let state = if failed.is_some() { ReplicationState::Failed } else { ReplicationState::Completed };
    s3.store
        .transact(|tx: Tx| async move {
            let (bucket, key) = (&work.bucket, work.errand.key.as_str());
            let found = saving::version(&tx, bucket.id(), key, work.id).await?;
            let Some((VersionRecord::Object(mut object), is_current)) = found else { return Ok(true) };
            if object.replication != Some(ReplicationState::Pending) {
                return Ok(true);
            }
            if matches!(&work.version, VersionRecord::Object(read) if read.described != object.described) {
                return Ok(false);
            }
            object.replication = Some(state);
            saving::rewrite(&tx, bucket.id(), key, &object, is_current).await?;
            if let Some((rule, reason)) = failed {
                tell(s3, &tx, work, &object, rule, reason).await?;
            }
            Ok(true)
        })
        .await
}

async fn tell(
    s3: &S3,
    tx: &Tx,
    work: &Work,
    object: &ObjectRecord,
    rule: &api::ReplicationRule,
    reason: &'static str,
) -> Result<(), Error> {
    let bucket = &work.bucket;
    let call = background_call(s3, bucket.account(), bucket.region());
    let name = EventName::ReplicationFailed {
        rule: rule.id.clone().unwrap_or_default(),
        destination: rule.destination.bucket.clone(),
        requested: work.errand.asked,
        reason,
    };
    let event = Event {
        name,
        key: &work.errand.key,
        size: Some(object.size),
        etag: Some(object.etag),
        version_id: Some(&work.errand.version),
        order: order_of(call.now),
    };
    record(tx, bucket, &call, event).await
}
