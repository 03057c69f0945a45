//! A bucket's replication configuration; a task copies.
//! Reference: PutBucketReplication of the API reference.

use base::Arn;
use s3_api::{
    DeleteBucketReplicationInput, DeleteBucketReplicationOutput, GetBucketReplicationInput,
    GetBucketReplicationOutput, PutBucketReplicationInput, PutBucketReplicationOutput,
};
use service::{Ask, Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, INVALID_ARGUMENT, INVALID_REQUEST, REPLICATION_NOT_FOUND};
use crate::model::replication_rules::complete;
use crate::records::Versioning;

pub async fn put_bucket_replication(
    s3: &S3,
    call: &Call,
    input: PutBucketReplicationInput,
) -> Result<PutBucketReplicationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let mut configuration = input.replication_configuration;
    complete(&mut configuration, &s3.ids)?;
    check_role(s3, call, &configuration.role).await?;
    for rule in &configuration.rules {
        check_destination(s3, &bucket, &rule.destination.bucket).await?;
    }
    let configuration = Kept(configuration);
    s3.directory
        .change(&bucket, |record| {
            if record.versioning != Versioning::Enabled {
                let message =
                    "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
                return Err(Error::worded(&INVALID_REQUEST, message));
            }
            record.settings.replication = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutBucketReplicationOutput {})
}

/// Whoever lets S3 act as a role has to be allowed to pass it.
async fn check_role(s3: &S3, call: &Call, role: &str) -> Result<(), Error> {
    let arn = role.parse::<Arn>().ok();
    let arn = arn.filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    let Some(arn) = arn else {
        return Err(Error::worded(&INVALID_ARGUMENT, "Invalid role ARN").with("ArgumentName", "Role"));
    };
    let keys = [("iam:PassedToService".to_owned(), vec!["s3.amazonaws.com".to_owned()])];
    let ask = Ask { prefix: "iam", action: "PassRole", resource: Some(&arn), keys: &keys, input: None };
    let owner = arn.account().unwrap_or(call.account);
    crate::access::require(s3, call, &ask, owner).await
}

async fn check_destination(s3: &S3, bucket: &Bucket, destination: &str) -> Result<(), Error> {
    let refused = |message: &'static str| Err(Error::worded(&INVALID_REQUEST, message));
    let arn = destination.parse::<Arn>().ok().filter(|arn| arn.service() == "s3");
    let Some(arn) = arn else {
        return Err(
            Error::worded(&INVALID_ARGUMENT, "Invalid bucket ARN.").with("ArgumentValue", destination)
        );
    };
    match s3.directory.find(arn.resource()).await? {
        None => refused("Destination bucket must exist."),
        Some(found) if found.id() == bucket.id() => {
            refused("The destination bucket must be different from the source bucket.")
        }
        Some(found) if found.record.versioning != Versioning::Enabled => {
            refused("Destination bucket must have versioning enabled.")
        }
        Some(_) => Ok(()),
    }
}

pub async fn get_bucket_replication(
    s3: &S3,
    call: &Call,
    input: GetBucketReplicationInput,
) -> Result<GetBucketReplicationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let kept = bucket.record.settings.replication.clone();
    let kept = kept.ok_or_else(|| Error::new(&REPLICATION_NOT_FOUND).with("BucketName", &bucket.name))?;
    Ok(GetBucketReplicationOutput { replication_configuration: Some(kept.0) })
}

pub async fn delete_bucket_replication(
    s3: &S3,
    call: &Call,
    input: DeleteBucketReplicationInput,
) -> Result<DeleteBucketReplicationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.replication = None;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketReplicationOutput {})
}
