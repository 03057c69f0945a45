//! Server access logging: where a bucket's log goes.
//! Reference: PutBucketLogging of the API reference; "Enabling Amazon S3 server access logging" of the S3 guide.

use s3_api as api;
use s3_api::{
    GetBucketLoggingInput, GetBucketLoggingOutput, LoggingEnabled, PutBucketLoggingInput,
    PutBucketLoggingOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{
    ACCESS_CONTROL_LIST_NOT_SUPPORTED, CROSS_LOCATION_LOGGING, Error, INVALID_LOGGING_TARGET, MALFORMED_XML,
};
use crate::model::acl::{Grantee, Permission, account_of};
use crate::records::Ownership;

pub async fn put_bucket_logging(
    s3: &S3,
    call: &Call,
    input: PutBucketLoggingInput,
) -> Result<PutBucketLoggingOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let enabled = input.bucket_logging_status.logging_enabled;
    if let Some(enabled) = &enabled {
        check(s3, &bucket, enabled).await?;
    }
    let enabled = enabled.map(Kept);
    s3.directory
        .change(&bucket, |record| {
            record.settings.logging.clone_from(&enabled);
            Ok(())
        })
        .await?;
    if enabled.is_some() {
        s3.access_logs.switch_on();
    }
    Ok(PutBucketLoggingOutput {})
}

async fn check(s3: &S3, bucket: &Bucket, enabled: &LoggingEnabled) -> Result<(), Error> {
    let refused = |message: &'static str| Err(Error::worded(&INVALID_LOGGING_TARGET, message));
    let name = enabled.target_bucket.as_str();
    let target = s3.directory.find(name).await?;
    let target = target.ok_or_else(|| Error::new(&INVALID_LOGGING_TARGET).with("TargetBucket", name))?;
    if target.account() != bucket.account() {
        return refused("The owner for the bucket to be logged and the target bucket must be the same.");
    }
    if target.region() != bucket.region() {
        return Err(Error::new(&CROSS_LOCATION_LOGGING)
            .with("TargetBucketLocation", target.region().as_str())
            .with("SourceBucketLocation", bucket.region().as_str()));
    }
    let grants = enabled.target_grants.as_deref().unwrap_or_default();
    let settings = &target.record.settings;
    if settings.ownership == Ownership::BucketOwnerEnforced && !grants.is_empty() {
        return Err(Error::new(&ACCESS_CONTROL_LIST_NOT_SUPPORTED));
    }
    grants.iter().try_for_each(check_grant)?;
    let takes = |permission: Permission| {
        let grants = settings.acl.iter().flat_map(|acl| &acl.grants);
        grants
            .into_iter()
            .any(|grant| grant.grantee == Grantee::LogDelivery && grant.permission == permission)
    };
    // Whether the policy of the target lets the log in shows when it is delivered.
    let by_list = settings.ownership != Ownership::BucketOwnerEnforced && settings.policy.is_none();
    if by_list && !(takes(Permission::Write) && takes(Permission::ReadAcp)) {
        return refused(
            "You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket",
        );
    }
    if let Some(format) = &enabled.target_object_key_format
        && format.simple_prefix.is_some() == format.partitioned_prefix.is_some()
    {
        return Err(Error::new(&MALFORMED_XML));
    }
    Ok(())
}

fn check_grant(grant: &api::TargetGrant) -> Result<(), Error> {
    let malformed = || Error::new(&MALFORMED_XML);
    let grantee = grant.grantee.as_ref().ok_or_else(malformed)?;
    let is_known = match (grantee.r#type.as_str(), &grantee.id, &grantee.uri) {
        ("CanonicalUser", Some(id), _) => account_of(id).is_some(),
        ("Group", _, Some(uri)) => Grantee::of_group(uri).is_some(),
        _ => false,
    };
    let permission = grant.permission.as_ref().map(api::BucketLogsPermission::as_str);
    let is_permission = matches!(permission, Some("FULL_CONTROL" | "READ" | "WRITE"));
    if is_known && is_permission { Ok(()) } else { Err(malformed()) }
}

pub async fn get_bucket_logging(
    s3: &S3,
    call: &Call,
    input: GetBucketLoggingInput,
) -> Result<GetBucketLoggingOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let enabled = bucket.record.settings.logging.clone();
    Ok(GetBucketLoggingOutput { logging_enabled: enabled.map(|kept| kept.0) })
}
