//! Settings of a bucket that are on or off: who pays, transfer acceleration, attribute-based access control.

use s3_api as api;
use s3_api::{
    GetBucketAbacInput, GetBucketAbacOutput, GetBucketAccelerateConfigurationInput,
    GetBucketAccelerateConfigurationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput,
    PutBucketAbacInput, PutBucketAbacOutput, PutBucketAccelerateConfigurationInput,
    PutBucketAccelerateConfigurationOutput, PutBucketRequestPaymentInput, PutBucketRequestPaymentOutput,
};
use service::Call;

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, INVALID_REQUEST, MALFORMED_XML};

pub async fn put_bucket_request_payment(
    s3: &S3,
    call: &Call,
    input: PutBucketRequestPaymentInput,
) -> Result<PutBucketRequestPaymentOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let requester_pays = match input.request_payment_configuration.payer.as_str() {
        "Requester" => true,
        "BucketOwner" => false,
        _ => return Err(Error::new(&MALFORMED_XML)),
    };
    s3.directory
        .change(&bucket, |record| {
            record.settings.requester_pays = requester_pays;
            Ok(())
        })
        .await?;
    Ok(PutBucketRequestPaymentOutput {})
}

pub async fn get_bucket_request_payment(
    s3: &S3,
    call: &Call,
    input: GetBucketRequestPaymentInput,
) -> Result<GetBucketRequestPaymentOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let payer = if bucket.record.settings.requester_pays { "Requester" } else { "BucketOwner" };
    Ok(GetBucketRequestPaymentOutput { payer: Some(payer.into()) })
}

/// Endpoints of acceleration lead to the same place as all others here.
pub async fn put_bucket_accelerate_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketAccelerateConfigurationInput,
) -> Result<PutBucketAccelerateConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    if bucket.name.contains('.') {
        let message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let status = input.accelerate_configuration.status.as_ref().map(api::BucketAccelerateStatus::as_str);
    let status = status.filter(|status| matches!(*status, "Enabled" | "Suspended"));
    let status = status.ok_or_else(|| Error::new(&MALFORMED_XML))?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.accelerate = Some(status.to_owned());
            Ok(())
        })
        .await?;
    Ok(PutBucketAccelerateConfigurationOutput {})
}

/// Nothing is said of a bucket where it was never set.
pub async fn get_bucket_accelerate_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketAccelerateConfigurationInput,
) -> Result<GetBucketAccelerateConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let status = bucket.record.settings.accelerate.as_deref().map(Into::into);
    Ok(GetBucketAccelerateConfigurationOutput { status, request_charged: None })
}

pub async fn put_bucket_abac(
    s3: &S3,
    call: &Call,
    input: PutBucketAbacInput,
) -> Result<PutBucketAbacOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let abac = match input.abac_status.status.as_ref().map(api::BucketAbacStatus::as_str) {
        Some("Enabled") => true,
        Some("Disabled") => false,
        _ => return Err(Error::new(&MALFORMED_XML)),
    };
    s3.directory
        .change(&bucket, |record| {
            record.settings.abac = abac;
            Ok(())
        })
        .await?;
    Ok(PutBucketAbacOutput {})
}

pub async fn get_bucket_abac(
    s3: &S3,
    call: &Call,
    input: GetBucketAbacInput,
) -> Result<GetBucketAbacOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let status = if bucket.record.settings.abac { "Enabled" } else { "Disabled" };
    Ok(GetBucketAbacOutput { abac_status: Some(api::AbacStatus { status: Some(status.into()) }) })
}
