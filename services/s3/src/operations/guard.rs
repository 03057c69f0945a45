//! What stands between a caller and an object besides policies: who pays, object lock, MFA delete.

use base::Timestamp;
use s3_api::{ObjectLockLegalHoldStatus, ObjectLockMode, RequestCharged, RequestPayer};
use service::{Ask, Call, PrincipalKind};

use crate::S3;
use crate::access;
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error, INVALID_REQUEST, NOT_IMPLEMENTED};
use crate::model::lock;
use crate::records::{Described, ObjectRecord, Retention, RetentionMode, VersionRecord};

/// In a bucket whose requesters pay, others than its owner have to say that they know
/// ("Using Requester Pays buckets" of the S3 guide). Tells whether the answer says that they do pay.
pub fn requester_pays(
    bucket: &Bucket,
    call: &Call,
    payer: Option<&RequestPayer>,
) -> Result<Option<RequestCharged>, Error> {
    let is_service = call.principal.kind == PrincipalKind::Service;
    if !bucket.record.settings.requester_pays || is_service {
        return Ok(None);
    }
    let is_anonymous = call.principal.kind == PrincipalKind::Anonymous;
    if !is_anonymous && call.principal.account == bucket.account() {
        return Ok(None);
    }
    match payer {
        Some(RequestPayer::Requester) if !is_anonymous => Ok(Some(RequestCharged::Requester)),
        _ => Err(Error::new(&ACCESS_DENIED)),
    }
}

/// Asks for one more permission on an object, which a call needs besides its own.
pub async fn permitted(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    action: &'static str,
) -> Result<(), Error> {
    permitted_with(s3, call, bucket, key, action, &[]).await
}

/// The same with what the request says of the object, for the conditions of policies.
pub async fn permitted_with(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    action: &'static str,
    keys: &[(String, Vec<String>)],
) -> Result<(), Error> {
    if bucket.record.is_directory() {
        // A session is leave for everything.
        return Ok(());
    }
    // Services that deliver reports and logs give them to the bucket's owner, and are let in for s3:PutObject alone.
    if action == "PutObjectAcl" && call.principal.kind == PrincipalKind::Service {
        return Ok(());
    }
    let arn = bucket.asked_arn(Some(key));
    let ask = Ask { prefix: "s3", action, resource: Some(&arn), keys, input: None };
    access::require(s3, call, &ask, bucket.account()).await
}

/// Whether the caller may pass over governance, where it says that it wants to.
pub async fn bypass(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    wanted: Option<bool>,
) -> Result<bool, Error> {
    if wanted != Some(true) {
        return Ok(false);
    }
    permitted(s3, call, bucket, key, "BypassGovernanceRetention").await?;
    Ok(true)
}

/// Whether a version may be deleted for good; delete markers always may.
pub fn deletable(object: &ObjectRecord, bypass: bool, now: Timestamp) -> Result<(), Error> {
    if lock::is_deletable(&object.described, bypass, now) {
        return Ok(());
    }
    Err(Error::worded(&ACCESS_DENIED, "Access Denied because object protected by object lock."))
}

pub fn deletable_version(record: &VersionRecord, bypass: bool, now: Timestamp) -> Result<(), Error> {
    match record {
        VersionRecord::Object(object) => deletable(object, bypass, now),
        VersionRecord::Marker(_) => Ok(()),
    }
}

/// The bucket must have object lock for its objects to have locks.
pub fn has_lock(bucket: &Bucket) -> Result<(), Error> {
    if bucket.record.settings.object_lock.is_none() {
        return Err(Error::worded(&INVALID_REQUEST, "Bucket is missing Object Lock Configuration"));
    }
    Ok(())
}

/// The lock that a new object is written with, as its headers say.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockHeaders<'a> {
    pub mode: Option<&'a ObjectLockMode>,
    pub until: Option<Timestamp>,
    pub legal_hold: Option<&'a ObjectLockLegalHoldStatus>,
}

/// Puts a lock on what is about to be written: that of the headers, or the bucket's default retention. Asks for the
/// permissions that the headers need.
pub async fn lock_new(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    headers: LockHeaders<'_>,
    described: &mut Described,
) -> Result<(), Error> {
    let retention = retention_of(&headers, call.now)?;
    described.legal_hold = legal_hold(headers.legal_hold)?;
    if retention.is_some() || headers.legal_hold.is_some() {
        has_lock(bucket)?;
    }
    if retention.is_some() {
        permitted(s3, call, bucket, key, "PutObjectRetention").await?;
    }
    if headers.legal_hold.is_some() {
        permitted(s3, call, bucket, key, "PutObjectLegalHold").await?;
    }
    let configuration = bucket.record.settings.object_lock.as_ref();
    let default = configuration.and_then(|configuration| lock::default_retention(configuration, call.now));
    described.retention = retention.or(default);
    Ok(())
}

fn retention_of(headers: &LockHeaders<'_>, now: Timestamp) -> Result<Option<Retention>, Error> {
    const BOTH: &str = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
    const MODE: &str = "x-amz-object-lock-mode";
    const UNTIL: &str = "x-amz-object-lock-retain-until-date";
    match (headers.mode, headers.until) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::argument(BOTH, UNTIL, "")),
        (None, Some(_)) => Err(Error::argument(BOTH, MODE, "")),
        (Some(mode), Some(until)) => {
            let known = RetentionMode::parse(mode.as_str());
            let mode =
                known.ok_or_else(|| Error::argument("Unknown wormMode directive.", MODE, mode.as_str()))?;
            in_future(until, now, UNTIL)?;
            Ok(Some(Retention { mode, until }))
        }
    }
}

pub fn in_future(until: Timestamp, now: Timestamp, argument: &str) -> Result<(), Error> {
    if until <= now {
        let message = "The retain until date must be in the future!";
        return Err(Error::argument(message, argument, &until.to_iso8601()));
    }
    Ok(())
}

fn legal_hold(status: Option<&ObjectLockLegalHoldStatus>) -> Result<Option<bool>, Error> {
    match status.map(ObjectLockLegalHoldStatus::as_str) {
        None => Ok(None),
        Some("OFF") => Ok(Some(false)),
        Some("ON") => Ok(Some(true)),
        Some(other) => {
            let message = "Legal Hold must be either of 'ON' or 'OFF'";
            Err(Error::argument(message, "x-amz-object-lock-legal-hold", other))
        }
    }
}

/// What directory buckets do not have.
pub fn general_purpose(bucket: &Bucket) -> Result<(), Error> {
    if bucket.record.is_directory() {
        let message = "This operation is not supported for directory buckets.";
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    Ok(())
}

/// `x-amz-mfa`: the serial number of a device and a code of it. What MFA delete protects is the root's alone to do, with
/// a code that was not used before ("Configuring MFA delete" of the S3 guide).
pub async fn mfa(s3: &S3, call: &Call, bucket: &Bucket, header: Option<&str>) -> Result<(), Error> {
    let unproven = || Error::worded(&ACCESS_DENIED, "Mfa Authentication must be used for this request");
    let (serial, code) = header.and_then(|header| header.trim().rsplit_once(' ')).ok_or_else(unproven)?;
    let is_owner = call.principal.kind == PrincipalKind::Root && call.principal.account == bucket.account();
    if is_owner && s3.aws.check_mfa(call, serial.trim(), code).await? { Ok(()) } else { Err(unproven()) }
}
