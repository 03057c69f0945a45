//! Object lock on versions that are there: retention and legal hold.
//! Reference: "Locking objects with Object Lock" of the S3 guide; the rules are in [`crate::model::lock`].

use s3_api::{
    GetObjectLegalHoldInput, GetObjectLegalHoldOutput, GetObjectRetentionInput, GetObjectRetentionOutput,
    ObjectLockLegalHold, ObjectLockRetention, PutObjectLegalHoldInput, PutObjectLegalHoldOutput,
    PutObjectRetentionInput, PutObjectRetentionOutput,
};
use service::Call;

use super::finding::{self, Change};
use super::{guard, reach};
use crate::S3;
use crate::error::{ACCESS_DENIED, Error, MALFORMED_XML, NO_SUCH_OBJECT_LOCK_CONFIGURATION, NOT_IMPLEMENTED};
use crate::events::EventName;
use crate::model::lock;
use crate::records::{Retention, RetentionMode};

pub async fn put_object_retention(
    s3: &S3,
    call: &Call,
    input: PutObjectRetentionInput,
) -> Result<PutObjectRetentionOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    guard::has_lock(&bucket)?;
    let retention = retention(input.retention, call)?;
    let wanted = input.bypass_governance_retention;
    let bypass = guard::bypass(s3, call, &bucket, &input.key, wanted).await?;
    let event = Some(EventName::ObjectRetentionPut);
    let change = Change { bucket: &bucket, key: &input.key, version, method: "PUT", event };
    change
        .make(s3, call, |object| {
            if !lock::may_become(object.described.retention, retention, bypass, call.now) {
                let message = "Access Denied because object protected by object lock.";
                return Err(Error::worded(&ACCESS_DENIED, message));
            }
            object.described.retention = retention;
            Ok(())
        })
        .await?;
    Ok(PutObjectRetentionOutput { request_charged })
}

/// An empty document takes the retention away; half of one is none.
fn retention(document: Option<ObjectLockRetention>, call: &Call) -> Result<Option<Retention>, Error> {
    let document = document.ok_or_else(|| Error::new(&MALFORMED_XML))?;
    if document.event_hold.is_some() || document.event_hold_duration.is_some() {
        return Err(Error::worded(&NOT_IMPLEMENTED, "Event holds are not implemented."));
    }
    match (document.mode, document.retain_until_date) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = RetentionMode::parse(mode.as_str()).ok_or_else(|| Error::new(&MALFORMED_XML))?;
            guard::in_future(until, call.now, "RetainUntilDate")?;
            Ok(Some(Retention { mode, until }))
        }
        _ => Err(Error::new(&MALFORMED_XML)),
    }
}

pub async fn get_object_retention(
    s3: &S3,
    call: &Call,
    input: GetObjectRetentionInput,
) -> Result<GetObjectRetentionOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    guard::has_lock(&bucket)?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    let retention = found.object.described.retention;
    let retention = retention.ok_or_else(|| Error::new(&NO_SUCH_OBJECT_LOCK_CONFIGURATION))?;
    let retention = ObjectLockRetention {
        mode: Some(retention.mode.as_str().into()),
        retain_until_date: Some(retention.until),
        ..ObjectLockRetention::default()
    };
    Ok(GetObjectRetentionOutput { retention: Some(retention) })
}

pub async fn put_object_legal_hold(
    s3: &S3,
    call: &Call,
    input: PutObjectLegalHoldInput,
) -> Result<PutObjectLegalHoldOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    guard::has_lock(&bucket)?;
    let status = input.legal_hold.and_then(|hold| hold.status);
    let legal_hold = match status.as_ref().map(|status| status.as_str()) {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(Error::new(&MALFORMED_XML)),
    };
    let change = Change { bucket: &bucket, key: &input.key, version, method: "PUT", event: None };
    change
        .make(s3, call, |object| {
            object.described.legal_hold = Some(legal_hold);
            Ok(())
        })
        .await?;
    Ok(PutObjectLegalHoldOutput { request_charged })
}

pub async fn get_object_legal_hold(
    s3: &S3,
    call: &Call,
    input: GetObjectLegalHoldInput,
) -> Result<GetObjectLegalHoldOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    guard::has_lock(&bucket)?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    let legal_hold = found.object.described.legal_hold;
    let legal_hold = legal_hold.ok_or_else(|| Error::new(&NO_SUCH_OBJECT_LOCK_CONFIGURATION))?;
    let status = Some(if legal_hold { "ON" } else { "OFF" }.into());
    Ok(GetObjectLegalHoldOutput { legal_hold: Some(ObjectLockLegalHold { status }) })
}
