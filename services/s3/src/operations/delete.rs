//! DeleteObject, and the deletion of one key that DeleteObjects does many times.
//!
//! Surprising, and so at AWS: deleting what is not there succeeds, and in a bucket with versioning even leaves a delete
//! marker; but not where there is a condition, which only what exists can meet.
//! References: DeleteObject of the API reference, "How to perform conditional deletes" of the S3 guide.

use base::Timestamp;
use s3_api::{DeleteObjectInput, DeleteObjectOutput};
use service::Call;
use store::Tx;

use super::saving::{self, Newest, Saved, Stamp};
use super::{finding, guard, reach};
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, NO_SUCH_KEY, NOT_IMPLEMENTED, PRECONDITION_FAILED};
use crate::events::{self, Event, EventName};
use crate::model::version::VersionId;

/// One version, or what a key shows now.
#[derive(Clone, Debug)]
pub struct Removal {
    pub key: String,
    pub version: Option<VersionId>,
    pub conditions: Conditions,
    /// The caller may pass over governance, and said so.
    pub bypass: bool,
    pub stamp: Stamp,
}

/// What the newest version has to be like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// An entity tag, or `*` for any.
    pub if_match: Option<String>,
    /// These two are for directory buckets alone, and what does not exist meets them.
    pub last_modified: Option<Timestamp>,
    pub size: Option<u64>,
}

/// The action that a deletion needs, by whether it names a version.
pub fn action(input: &DeleteObjectInput) -> &'static str {
    action_of(input.version_id.is_some())
}

pub fn action_of(names_version: bool) -> &'static str {
    if names_version { "DeleteObjectVersion" } else { "DeleteObject" }
}

pub async fn delete_object(
    s3: &S3,
    call: &Call,
    input: DeleteObjectInput,
) -> Result<DeleteObjectOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    if version.is_some() && bucket.record.mfa_delete {
        guard::mfa(s3, call, &bucket, input.mfa.as_deref()).await?;
    }
    let conditions = Conditions {
        if_match: input.if_match,
        last_modified: input.if_match_last_modified_time,
        size: input.if_match_size.and_then(|size| u64::try_from(size).ok()),
    };
    conditions.permitted(s3, call, &bucket, &input.key).await?;
    let bypass = guard::bypass(s3, call, &bucket, &input.key, input.bypass_governance_retention).await?;
    let stamp = Stamp::draw(&s3.ids, call.now);
    let removal = &Removal { key: input.key, version, conditions, bypass, stamp };
    let bucket = &*bucket;
    let saved = s3.store.transact(|tx| async move { remove(&tx, bucket, call, removal).await }).await?;
    if saved.has_garbage {
        s3.garbage.nudge();
    }
    Ok(DeleteObjectOutput {
        delete_marker: saved.is_delete_marker.then_some(true),
        version_id: saved.version_id,
        request_charged,
    })
}

/// Deletes inside a transaction, and tells who wants to know. An error leaves everything as it was.
pub async fn remove(tx: &Tx, bucket: &Bucket, call: &Call, removal: &Removal) -> Result<Saved, Error> {
    let Removal { key, version, conditions, bypass, stamp } = removal;
    let saved = match version {
        None => saving::delete(tx, bucket, key, *stamp, |newest| conditions.check(newest, bucket)).await?,
        Some(id) => {
            if *conditions != Conditions::default() {
                let versioning = saving::versioning(tx, bucket).await?;
                conditions.check(&saving::newest(tx, bucket.id(), key, versioning).await?, bucket)?;
            }
            let check = |record: &_| guard::deletable_version(record, *bypass, call.now);
            saving::delete_version(tx, bucket, key, *id, *stamp, check).await?
        }
    };
    if saved.is_change {
        let is_new_marker = version.is_none() && saved.is_delete_marker;
        let name = if is_new_marker {
            EventName::ObjectRemovedDeleteMarkerCreated
        } else {
            EventName::ObjectRemovedDelete
        };
        let version_id = saved.version_id.as_deref();
        let event = Event { name, key, size: None, etag: None, version_id, order: saved.order };
        events::record(tx, bucket, call, event).await?;
    }
    Ok(saved)
}

impl Conditions {
    /// Whoever asks for an entity tag learns something of the object, so it has to be theirs to read.
    pub async fn permitted(&self, s3: &S3, call: &Call, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let is_directory = bucket.record.is_directory();
        if (self.last_modified.is_some() || self.size.is_some()) && !is_directory {
            let header = match self.last_modified {
                Some(_) => "x-amz-if-match-last-modified-time",
                None => "x-amz-if-match-size",
            };
            return Err(Error::new(&NOT_IMPLEMENTED).with("Header", header));
        }
        match self.if_match.as_deref() {
            None | Some("*") => Ok(()),
            Some(_) => guard::permitted(s3, call, bucket, key, "GetObject").await,
        }
    }

    fn check(&self, newest: &Newest, bucket: &Bucket) -> Result<(), Error> {
        let failed = |condition| Err(Error::new(&PRECONDITION_FAILED).with("Condition", condition));
        let object = match newest {
            Newest::Object(object) => object,
            _ if self.if_match.is_none() => return Ok(()),
            Newest::Marker(_) => return failed("If-Match"),
            Newest::Nothing => return Err(Error::new(&NO_SUCH_KEY)),
        };
        if self.if_match.as_ref().is_some_and(|tag| tag != "*" && !object.etag.is(tag)) {
            return failed("If-Match");
        }
        if !bucket.record.is_directory() {
            return Ok(());
        }
        if self.last_modified.is_some_and(|time| time.as_secs() != object.modified.as_secs()) {
            return failed("x-amz-if-match-last-modified-time");
        }
        if self.size.is_some_and(|size| size != object.size) {
            return failed("x-amz-if-match-size");
        }
        Ok(())
    }
}
