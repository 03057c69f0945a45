//! Ownership controls: whether access control lists count, and whose what others write is.
//! Reference: "Controlling ownership of objects and disabling ACLs for your bucket" of the S3 guide.

use s3_api as api;
use s3_api::{
    DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput, GetBucketOwnershipControlsInput,
    GetBucketOwnershipControlsOutput, PutBucketOwnershipControlsInput, PutBucketOwnershipControlsOutput,
};
use service::Call;

use super::reach_bucket;
use crate::S3;
use crate::error::{Error, INVALID_BUCKET_ACL, MALFORMED_XML, OWNERSHIP_NOT_FOUND};
use crate::records::Ownership;

pub async fn put_bucket_ownership_controls(
    s3: &S3,
    call: &Call,
    input: PutBucketOwnershipControlsInput,
) -> Result<PutBucketOwnershipControlsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let [rule] = input.ownership_controls.rules.as_slice() else { return Err(Error::new(&MALFORMED_XML)) };
    let ownership =
        Ownership::parse(rule.object_ownership.as_str()).ok_or_else(|| Error::new(&MALFORMED_XML))?;
    s3.directory
        .change(&bucket, |record| {
            let settings = &mut record.settings;
            let shares = settings.acl.as_ref().is_some_and(|acl| !acl.is_private(record.account));
            if ownership == Ownership::BucketOwnerEnforced && shares {
                return Err(Error::new(&INVALID_BUCKET_ACL));
            }
            settings.ownership = ownership;
            settings.ownership_deleted = false;
            Ok(())
        })
        .await?;
    Ok(PutBucketOwnershipControlsOutput {})
}

pub async fn get_bucket_ownership_controls(
    s3: &S3,
    call: &Call,
    input: GetBucketOwnershipControlsInput,
) -> Result<GetBucketOwnershipControlsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let settings = &bucket.record.settings;
    if settings.ownership_deleted {
        return Err(Error::new(&OWNERSHIP_NOT_FOUND).with("BucketName", &bucket.name));
    }
    let rule = api::OwnershipControlsRule { object_ownership: settings.ownership.as_str().into() };
    Ok(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(api::OwnershipControls { rules: vec![rule] }),
    })
}

pub async fn delete_bucket_ownership_controls(
    s3: &S3,
    call: &Call,
    input: DeleteBucketOwnershipControlsInput,
) -> Result<DeleteBucketOwnershipControlsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.ownership = Ownership::ObjectWriter;
            record.settings.ownership_deleted = true;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketOwnershipControlsOutput {})
}
