//! A bucket's Object Lock: that it has one, and what new objects get without asking.
//! Reference: PutObjectLockConfiguration of the API reference.

use s3_api as api;
use s3_api::{
    GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput, PutObjectLockConfigurationInput,
    PutObjectLockConfigurationOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::error::{
    Error, INVALID_ARGUMENT, INVALID_BUCKET_STATE, LOCK_CONFIGURATION_NOT_FOUND, MALFORMED_XML,
    NOT_IMPLEMENTED,
};
use crate::limits::{RETENTION_DAYS_MAX, RETENTION_YEARS_MAX};
use crate::records::Versioning;

pub async fn put_object_lock_configuration(
    s3: &S3,
    call: &Call,
    input: PutObjectLockConfigurationInput,
) -> Result<PutObjectLockConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = input.object_lock_configuration.ok_or_else(|| Error::new(&MALFORMED_XML))?;
    check(&configuration)?;
    let configuration = Kept(configuration);
    s3.directory
        .change(&bucket, |record| {
            if record.versioning != Versioning::Enabled {
                let message =
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
                return Err(Error::worded(&INVALID_BUCKET_STATE, message));
            }
            record.settings.object_lock = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutObjectLockConfigurationOutput { request_charged: None })
}

fn check(configuration: &api::ObjectLockConfiguration) -> Result<(), Error> {
    let malformed = || Error::new(&MALFORMED_XML);
    let is_enabled =
        configuration.object_lock_enabled.as_ref().is_some_and(|enabled| enabled.as_str() == "Enabled");
    if !is_enabled {
        return Err(malformed());
    }
    let Some(rule) = &configuration.rule else { return Ok(()) };
    let default = rule.default_retention.as_ref().ok_or_else(malformed)?;
    if default.default_event_hold.is_some() {
        let message = "Event holds are not implemented";
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    let mode = default.mode.as_ref().map(api::ObjectLockRetentionMode::as_str);
    if !matches!(mode, Some("GOVERNANCE" | "COMPLIANCE")) {
        return Err(malformed());
    }
    let (period, most) = match (default.days, default.years) {
        (Some(days), None) => (days, RETENTION_DAYS_MAX),
        (None, Some(years)) => (years, RETENTION_YEARS_MAX),
        _ => return Err(malformed()),
    };
    match u32::try_from(period) {
        Err(_) | Ok(0) => Err(Error::worded(
            &INVALID_ARGUMENT,
            "Default retention period must be a positive integer value.",
        )),
        Ok(period) if period > most => {
            Err(Error::worded(&INVALID_ARGUMENT, "Default retention period is too large."))
        }
        Ok(_) => Ok(()),
    }
}

pub async fn get_object_lock_configuration(
    s3: &S3,
    call: &Call,
    input: GetObjectLockConfigurationInput,
) -> Result<GetObjectLockConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let kept = bucket.record.settings.object_lock.clone();
    let kept =
        kept.ok_or_else(|| Error::new(&LOCK_CONFIGURATION_NOT_FOUND).with("BucketName", &bucket.name))?;
    Ok(GetObjectLockConfigurationOutput { object_lock_configuration: Some(kept.0) })
}
