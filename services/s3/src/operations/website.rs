//! A bucket's website configuration. The website itself is a front of its own.

use s3_api::{
    DeleteBucketWebsiteInput, DeleteBucketWebsiteOutput, GetBucketWebsiteInput, GetBucketWebsiteOutput,
    PutBucketWebsiteInput, PutBucketWebsiteOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, NO_SUCH_WEBSITE};
use crate::model::website;

pub async fn put_bucket_website(
    s3: &S3,
    call: &Call,
    input: PutBucketWebsiteInput,
) -> Result<PutBucketWebsiteOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    website::check(&input.website_configuration)?;
    let configuration = Kept(input.website_configuration);
    s3.directory
        .change(&bucket, |record| {
            record.settings.website = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutBucketWebsiteOutput {})
}

pub async fn get_bucket_website(
    s3: &S3,
    call: &Call,
    input: GetBucketWebsiteInput,
) -> Result<GetBucketWebsiteOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = bucket.record.settings.website.clone();
    let configuration =
        configuration.ok_or_else(|| Error::new(&NO_SUCH_WEBSITE).with("BucketName", &bucket.name))?.0;
    Ok(GetBucketWebsiteOutput {
        redirect_all_requests_to: configuration.redirect_all_requests_to,
        index_document: configuration.index_document,
        error_document: configuration.error_document,
        routing_rules: configuration.routing_rules,
    })
}

pub async fn delete_bucket_website(
    s3: &S3,
    call: &Call,
    input: DeleteBucketWebsiteInput,
) -> Result<DeleteBucketWebsiteOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.website = None;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketWebsiteOutput {})
}
