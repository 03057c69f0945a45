//! Bucket policies.
//!
//! Surprising: nobody is kept from locking themselves out, since the root of the account can always set and delete the
//! policy; `x-amz-confirm-remove-self-bucket-access` is taken and asks nothing, as at AWS.
//! Reference: PutBucketPolicy of the API reference.

use identity::policy::{Pins, Policy, PrincipalPattern};
use s3_api::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PolicyStatus, PutBucketPolicyInput,
    PutBucketPolicyOutput,
};
use service::Call;

use super::reach_bucket;
use crate::S3;
use crate::access::refusal;
use crate::directory::Bucket;
use crate::error::{Error, NO_SUCH_BUCKET_POLICY};
use crate::model::bucket_policy::{self, Accepted, Holder, INVALID_PRINCIPAL, malformed};
use crate::model::public::is_public_policy;

pub async fn put_bucket_policy(
    s3: &S3,
    call: &Call,
    input: PutBucketPolicyInput,
) -> Result<PutBucketPolicyOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let arn = bucket.arn();
    let accepted = bucket_policy::parse(&input.policy, Holder { arn: arn.as_str(), objects: "/" })?;
    let pins = &pins(s3, &accepted.policy).await?;
    if is_public_policy(&accepted.document) && s3.directory.block(&bucket).await?.public_policy {
        return Err(blocked(call, &bucket, "s3:PutBucketPolicy"));
    }
    let Accepted { document, .. } = &accepted;
    s3.directory
        .change(&bucket, |record| {
            record.settings.policy = Some(document.clone());
            record.settings.pins.clone_from(pins);
            Ok(())
        })
        .await?;
    Ok(PutBucketPolicyOutput {})
}

/// The ids of those a policy names, all of whom must exist.
pub async fn pins(s3: &S3, policy: &Policy) -> Result<Pins, Error> {
    let pins = s3.aws.pins(policy).await?;
    let is_known = |principal: &PrincipalPattern| match principal {
        // Identities of CloudFront have no account of ours to look into.
        PrincipalPattern::User(arn) | PrincipalPattern::Role(arn) => {
            pins.contains_key(&**arn) || arn.contains("::cloudfront:")
        }
        _ => true,
    };
    if policy.principals().all(is_known) { Ok(pins) } else { Err(malformed(INVALID_PRINCIPAL)) }
}

fn blocked(call: &Call, bucket: &Bucket, action: &str) -> Error {
    let is_foreign = bucket.account() != call.principal.account;
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: \"{}\" because public policies are blocked by \
         the BlockPublicPolicy block public access setting.",
        call.principal.arn,
        bucket.arn()
    );
    refusal::worded(call, is_foreign, message)
}

pub async fn get_bucket_policy(
    s3: &S3,
    call: &Call,
    input: GetBucketPolicyInput,
) -> Result<GetBucketPolicyOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let settings = &bucket.record.settings;
    let policy = settings.policy.as_deref().ok_or_else(|| no_policy(&bucket))?;
    Ok(GetBucketPolicyOutput { policy: Some(s3.aws.shown(policy, &settings.pins).await?) })
}

fn no_policy(bucket: &Bucket) -> Error {
    Error::new(&NO_SUCH_BUCKET_POLICY).with("BucketName", &bucket.name)
}

pub async fn get_bucket_policy_status(
    s3: &S3,
    call: &Call,
    input: GetBucketPolicyStatusInput,
) -> Result<GetBucketPolicyStatusOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let policy = bucket.record.settings.policy.as_deref().ok_or_else(|| no_policy(&bucket))?;
    let restricted = s3.directory.block(&bucket).await?.restricts_public_buckets;
    let is_public = is_public_policy(policy) && !restricted;
    Ok(GetBucketPolicyStatusOutput { policy_status: Some(PolicyStatus { is_public: Some(is_public) }) })
}

pub async fn delete_bucket_policy(
    s3: &S3,
    call: &Call,
    input: DeleteBucketPolicyInput,
) -> Result<DeleteBucketPolicyOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.policy = None;
            record.settings.pins = Pins::new();
            Ok(())
        })
        .await?;
    Ok(DeleteBucketPolicyOutput {})
}
