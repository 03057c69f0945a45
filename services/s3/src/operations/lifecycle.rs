//! A bucket's lifecycle configuration; a task does what it says.
//!
//! Surprising: the older operations of the same name have the same path and the same XML, so that one cannot tell them
//! apart; a rule of theirs has a prefix in place of a filter.

use s3_api::{
    BucketLifecycleConfiguration, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
    TransitionDefaultMinimumObjectSize,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, INVALID_BUCKET_STATE, MALFORMED_XML, NO_SUCH_LIFECYCLE};
use crate::model::lifecycle_rules::complete;

/// What holds where nothing was said.
const SMALL_OBJECTS: &str = "all_storage_classes_128K";

pub async fn put_bucket_lifecycle_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketLifecycleConfigurationInput,
) -> Result<PutBucketLifecycleConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let mut configuration = input.lifecycle_configuration.ok_or_else(|| Error::new(&MALFORMED_XML))?;
    complete(&mut configuration, &s3.ids)?;
    let small = input.transition_default_minimum_object_size;
    let small = small.as_ref().map_or(SMALL_OBJECTS, TransitionDefaultMinimumObjectSize::as_str).to_owned();
    let (configuration, kept) = (Kept(configuration), small.clone());
    s3.directory
        .change(&bucket, |record| {
            if record.mfa_delete {
                let message = "Lifecycle configuration is not supported on a bucket with MFA Delete enabled";
                return Err(Error::worded(&INVALID_BUCKET_STATE, message));
            }
            record.settings.lifecycle = Some(configuration.clone());
            record.settings.lifecycle_small_objects = Some(kept.clone());
            Ok(())
        })
        .await?;
    let shown = Some(small.as_str().into());
    Ok(PutBucketLifecycleConfigurationOutput { transition_default_minimum_object_size: shown })
}

pub async fn get_bucket_lifecycle_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketLifecycleConfigurationInput,
) -> Result<GetBucketLifecycleConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let settings = &bucket.record.settings;
    let kept = settings.lifecycle.clone();
    let Kept(BucketLifecycleConfiguration { rules }) =
        kept.ok_or_else(|| Error::new(&NO_SUCH_LIFECYCLE).with("BucketName", &bucket.name))?;
    let small = settings.lifecycle_small_objects.as_deref().unwrap_or(SMALL_OBJECTS);
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(rules),
        transition_default_minimum_object_size: Some(small.into()),
    })
}

pub async fn delete_bucket_lifecycle(
    s3: &S3,
    call: &Call,
    input: DeleteBucketLifecycleInput,
) -> Result<DeleteBucketLifecycleOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.lifecycle = None;
            record.settings.lifecycle_small_objects = None;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketLifecycleOutput {})
}
