//! A bucket's default encryption. There is always one: SSE-S3 where nothing was set, with uploads under keys of the
//! customer's own (SSE-C) blocked, as in all buckets since April 2026.
//! Reference: PutBucketEncryption of the API reference; "Blocking or unblocking SSE-C" of the S3 guide.

use s3_api as api;
use s3_api::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, PutBucketEncryptionInput, PutBucketEncryptionOutput,
    ServerSideEncryptionConfiguration,
};
use service::{Call, Kept};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, INVALID_ARGUMENT, MALFORMED_XML};

pub async fn put_bucket_encryption(
    s3: &S3,
    call: &Call,
    input: PutBucketEncryptionInput,
) -> Result<PutBucketEncryptionOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = Kept(checked(&bucket, input.server_side_encryption_configuration)?);
    s3.directory
        .change(&bucket, |record| {
            record.settings.encryption = Some(configuration.clone());
            Ok(())
        })
        .await?;
    Ok(PutBucketEncryptionOutput {})
}

fn checked(
    bucket: &Bucket,
    mut configuration: ServerSideEncryptionConfiguration,
) -> Result<ServerSideEncryptionConfiguration, Error> {
    let malformed = || Error::new(&MALFORMED_XML);
    let [rule] = configuration.rules.as_mut_slice() else { return Err(malformed()) };
    let default = rule.apply_server_side_encryption_by_default.get_or_insert_with(default_method);
    let is_kms = match default.sse_algorithm.as_str() {
        "AES256" => false,
        "aws:kms" => true,
        "aws:kms:dsse" if !bucket.record.is_directory() => true,
        _ => return Err(malformed()),
    };
    if default.kms_master_key_id.is_some() && !is_kms {
        let message =
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(Error::worded(&INVALID_ARGUMENT, message)
            .with("ArgumentName", "ApplyServerSideEncryptionByDefault"));
    }
    rule.bucket_key_enabled.get_or_insert(bucket.record.is_directory() && is_kms);
    if let Some(blocked) =
        rule.blocked_encryption_types.as_ref().and_then(|blocked| blocked.encryption_type.as_ref())
    {
        let is_known = |kind: &api::EncryptionType| matches!(kind.as_str(), "NONE" | "SSE-C");
        if blocked.len() != 1 || !blocked.iter().all(is_known) {
            return Err(malformed());
        }
    }
    Ok(configuration)
}

fn default_method() -> api::ServerSideEncryptionByDefault {
    api::ServerSideEncryptionByDefault { sse_algorithm: "AES256".into(), kms_master_key_id: None }
}

pub async fn get_bucket_encryption(
    s3: &S3,
    call: &Call,
    input: GetBucketEncryptionInput,
) -> Result<GetBucketEncryptionOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let set = bucket.record.settings.encryption.clone().map(|kept| kept.0);
    let mut configuration = set.unwrap_or_else(|| {
        let rule = api::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(default_method()),
            bucket_key_enabled: Some(false),
            blocked_encryption_types: None,
        };
        ServerSideEncryptionConfiguration { rules: vec![rule] }
    });
    if !bucket.record.is_directory() {
        let blocked = || api::BlockedEncryptionTypes { encryption_type: Some(vec!["SSE-C".into()]) };
        for rule in &mut configuration.rules {
            rule.blocked_encryption_types.get_or_insert_with(blocked);
        }
    }
    Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

pub async fn delete_bucket_encryption(
    s3: &S3,
    call: &Call,
    input: DeleteBucketEncryptionInput,
) -> Result<DeleteBucketEncryptionOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.encryption = None;
            Ok(())
        })
        .await?;
    Ok(DeleteBucketEncryptionOutput {})
}
