//! Blocks of public access of one bucket. New buckets have all four; the account's own come on top.
//! Reference: "Blocking public access to your Amazon S3 storage" of the S3 guide.

use s3_api::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, PublicAccessBlockConfiguration, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, METHOD_NOT_ALLOWED, NO_SUCH_PUBLIC_ACCESS_BLOCK};

pub async fn put_public_access_block(
    s3: &S3,
    call: &Call,
    input: PutPublicAccessBlockInput,
) -> Result<PutPublicAccessBlockOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    check_changeable(&bucket)?;
    let configuration = Kept(whole(&input.public_access_block_configuration));
    s3.directory
        .change(&bucket, |record| {
            record.settings.public_access_block = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutPublicAccessBlockOutput {})
}

/// Each of the four reads back, also where it was left out.
pub fn whole(given: &PublicAccessBlockConfiguration) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration {
        block_public_acls: Some(given.block_public_acls == Some(true)),
        ignore_public_acls: Some(given.ignore_public_acls == Some(true)),
        block_public_policy: Some(given.block_public_policy == Some(true)),
        restrict_public_buckets: Some(given.restrict_public_buckets == Some(true)),
    }
}

pub async fn get_public_access_block(
    s3: &S3,
    call: &Call,
    input: GetPublicAccessBlockInput,
) -> Result<GetPublicAccessBlockOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = bucket.record.settings.public_access_block.clone();
    let configuration = configuration
        .ok_or_else(|| Error::new(&NO_SUCH_PUBLIC_ACCESS_BLOCK).with("BucketName", &bucket.name))?;
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration.0) })
}

pub async fn delete_public_access_block(
    s3: &S3,
    call: &Call,
    input: DeletePublicAccessBlockInput,
) -> Result<DeletePublicAccessBlockOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    check_changeable(&bucket)?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.public_access_block = None;
            Ok(())
        })
        .await?;
    Ok(DeletePublicAccessBlockOutput {})
}

/// Directory buckets are never public.
fn check_changeable(bucket: &Bucket) -> Result<(), Error> {
    if bucket.record.is_directory() { Err(Error::new(&METHOD_NOT_ALLOWED)) } else { Ok(()) }
}
