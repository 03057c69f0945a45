//! Cross-origin rules of a bucket, and what they say of a browser's request.

use s3_api::{
    CORSConfiguration, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput, GetBucketCorsOutput,
    PutBucketCorsInput, PutBucketCorsOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, NO_SUCH_CORS};
use crate::model::cors::{self, Allowed};

/// What a bucket's rules say of a request from an origin, for whoever answers browsers. `headers` are those that the
/// request asks for. Nothing if the bucket is not there, has no rules, or none lets the request through.
pub async fn allowed(
    s3: &S3,
    bucket: &str,
    origin: &str,
    method: &str,
    headers: &[&str],
) -> Result<Option<Allowed>, Error> {
    let Some(bucket) = s3.directory.find(bucket).await? else { return Ok(None) };
    let configuration = bucket.record.settings.cors.as_deref();
    Ok(configuration.and_then(|configuration| cors::allowed(configuration, origin, method, headers)))
}

pub async fn put_bucket_cors(
    s3: &S3,
    call: &Call,
    input: PutBucketCorsInput,
) -> Result<PutBucketCorsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration: CORSConfiguration = input.cors_configuration;
    cors::check(&configuration)?;
    let configuration = Kept(configuration);
    s3.directory
        .change(&bucket, |record| {
            record.settings.cors = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutBucketCorsOutput {})
}

pub async fn get_bucket_cors(
    s3: &S3,
    call: &Call,
    input: GetBucketCorsInput,
) -> Result<GetBucketCorsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = bucket.record.settings.cors.clone();
    let configuration =
        configuration.ok_or_else(|| Error::new(&NO_SUCH_CORS).with("BucketName", &bucket.name))?;
    Ok(GetBucketCorsOutput { cors_rules: Some(configuration.0.cors_rules) })
}

pub async fn delete_bucket_cors(
    s3: &S3,
    call: &Call,
    input: DeleteBucketCorsInput,
) -> Result<DeleteBucketCorsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.cors = None;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketCorsOutput {})
}
