//! The first step of every operation on a bucket: finding it, and seeing that the caller came to the right place.

use std::sync::Arc;

use base::AccountId;
use service::{Ask, Call, PrincipalKind};

use crate::S3;
use crate::access;
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error, NO_SUCH_KEY, NO_SUCH_VERSION, PERMANENT_REDIRECT};

/// The bucket that an operation is about, also through an access point. `expected_owner` is
/// `x-amz-expected-bucket-owner`.
pub async fn reach(
    s3: &S3,
    call: &Call,
    name: &str,
    expected_owner: Option<&str>,
) -> Result<Arc<Bucket>, Error> {
    let bucket = s3.directory.place(name).await?.bucket;
    check_region(call, &bucket)?;
    check_owner(&bucket, expected_owner)?;
    Ok(bucket)
}

/// The same for the settings of a bucket, which no access point leads to.
pub async fn reach_bucket(
    s3: &S3,
    call: &Call,
    name: &str,
    expected_owner: Option<&str>,
) -> Result<Arc<Bucket>, Error> {
    let bucket = s3.directory.existing(name).await?;
    check_region(call, &bucket)?;
    check_owner(&bucket, expected_owner)?;
    Ok(bucket)
}

/// Whoever signs for another region is told where the bucket is. Who signs nothing says nothing of regions, and
/// services go where they are sent.
pub fn check_region(call: &Call, bucket: &Bucket) -> Result<(), Error> {
    let is_signed = !matches!(call.principal.kind, PrincipalKind::Anonymous | PrincipalKind::Service);
    if !is_signed || call.region == bucket.region() {
        return Ok(());
    }
    let endpoint = call.source.endpoint.split_once("://").map_or("", |(_, authority)| authority);
    Err(Error::new(&PERMANENT_REDIRECT)
        .with("Endpoint", endpoint)
        .with("Bucket", &bucket.name)
        .with_header("x-amz-bucket-region", bucket.region().as_str()))
}

/// An owner that is no account number is nobody's.
pub fn check_owner(bucket: &Bucket, expected: Option<&str>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected.parse::<AccountId>().ok() != Some(bucket.account()) => {
            Err(Error::new(&ACCESS_DENIED))
        }
        _ => Ok(()),
    }
}

/// What is said of a key that is not there: only who may list the bucket learns that.
pub async fn missing_key(s3: &S3, call: &Call, bucket: &Bucket, key: &str) -> Error {
    match may_list(s3, call, bucket).await {
        Ok(()) => Error::new(&NO_SUCH_KEY).with("Key", key),
        Err(refusal) => refusal,
    }
}

/// The same of one version of a key.
pub async fn missing_version(s3: &S3, call: &Call, bucket: &Bucket, key: &str, version: &str) -> Error {
    match may_list(s3, call, bucket).await {
        Ok(()) => Error::new(&NO_SUCH_VERSION).with("Key", key).with("VersionId", version),
        Err(refusal) => refusal,
    }
}

async fn may_list(s3: &S3, call: &Call, bucket: &Bucket) -> Result<(), Error> {
    if bucket.record.is_directory() {
        // Who got a session may list.
        return Ok(());
    }
    let arn = bucket.asked_arn(None);
    let ask = Ask { prefix: "s3", action: "ListBucket", resource: Some(&arn), keys: &[], input: None };
    access::require(s3, call, &ask, bucket.account()).await
}
