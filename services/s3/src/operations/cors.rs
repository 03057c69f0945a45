//! Cross-origin rules of a bucket. Browsers are answered by the gateway, which asks [`crate::S3::cross_origin`].

use s3_api::{
    CORSConfiguration, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput,
    GetBucketCorsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, NO_SUCH_CORS};
use crate::model::cors;

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
