//! What a call acts on: the ARNs that its row's `on` yields.
//!
//! A bucket may be named in four ways: by its name, by an access point's ARN or alias, and by an access point's name and
//! account in one (what clients put into the host). All but the first are resolved by [`crate::access::facts`], since
//! that takes a look into the store. In directory buckets (`base--use1-az4--x-s3`) whoever may create a session may do
//! everything with objects, so there it is always the bucket that is asked about.

use std::net::IpAddr;

use base::{AccountId, Arn, Region};
use s3_api as api;
use schema::Structure;
use service::Call;

use crate::S3;
use crate::directory::{bucket_arn, object_arn, object_through};
use crate::error::{Error, INVALID_REQUEST};
use crate::model::bucket_name::is_directory_name;

/// Inputs that name a bucket.
pub trait InBucket {
    fn bucket(&self) -> &str;
}

/// Inputs that name an object.
pub trait AtKey: InBucket + Structure {
    fn key(&self) -> &str;
}

macro_rules! in_bucket {
    ($($input:ident)*) => { $(impl InBucket for api::$input {
        fn bucket(&self) -> &str {
            &self.bucket
        }
    })* };
}

macro_rules! at_key {
    ($($input:ident)*) => { $(
        in_bucket! { $input }
        impl AtKey for api::$input {
            fn key(&self) -> &str {
                &self.key
            }
        }
    )* };
}

in_bucket! {
    CreateBucketInput CreateSessionInput DeleteBucketAnalyticsConfigurationInput DeleteBucketCorsInput
    DeleteBucketEncryptionInput DeleteBucketInput DeleteBucketIntelligentTieringConfigurationInput
    DeleteBucketInventoryConfigurationInput DeleteBucketLifecycleInput DeleteBucketMetricsConfigurationInput
    DeleteBucketOwnershipControlsInput DeleteBucketPolicyInput DeleteBucketReplicationInput
    DeleteBucketTaggingInput DeleteBucketWebsiteInput DeleteObjectsInput DeletePublicAccessBlockInput
    GetBucketAbacInput GetBucketAccelerateConfigurationInput GetBucketAclInput
    GetBucketAnalyticsConfigurationInput GetBucketCorsInput GetBucketEncryptionInput
    GetBucketIntelligentTieringConfigurationInput GetBucketInventoryConfigurationInput
    GetBucketLifecycleConfigurationInput GetBucketLifecycleInput GetBucketLocationInput GetBucketLoggingInput
    GetBucketMetricsConfigurationInput GetBucketNotificationConfigurationInput GetBucketNotificationInput
    GetBucketOwnershipControlsInput GetBucketPolicyInput GetBucketPolicyStatusInput GetBucketReplicationInput
    GetBucketRequestPaymentInput GetBucketTaggingInput GetBucketVersioningInput GetBucketWebsiteInput
    GetObjectLockConfigurationInput GetPublicAccessBlockInput HeadBucketInput
    ListBucketAnalyticsConfigurationsInput ListBucketIntelligentTieringConfigurationsInput
    ListBucketInventoryConfigurationsInput ListBucketMetricsConfigurationsInput ListMultipartUploadsInput
    ListObjectVersionsInput ListObjectsInput ListObjectsV2Input PutBucketAbacInput
    PutBucketAccelerateConfigurationInput PutBucketAclInput PutBucketAnalyticsConfigurationInput
    PutBucketCorsInput PutBucketEncryptionInput PutBucketIntelligentTieringConfigurationInput
    PutBucketInventoryConfigurationInput PutBucketLifecycleConfigurationInput PutBucketLifecycleInput
    PutBucketLoggingInput PutBucketMetricsConfigurationInput PutBucketNotificationConfigurationInput
    PutBucketNotificationInput PutBucketOwnershipControlsInput PutBucketPolicyInput
    PutBucketReplicationInput PutBucketRequestPaymentInput PutBucketTaggingInput PutBucketVersioningInput
    PutBucketWebsiteInput PutObjectLockConfigurationInput PutPublicAccessBlockInput
}

at_key! {
    AbortMultipartUploadInput CompleteMultipartUploadInput CopyObjectInput CreateMultipartUploadInput
    DeleteObjectAnnotationInput DeleteObjectInput DeleteObjectTaggingInput GetObjectAclInput
    GetObjectAnnotationInput GetObjectAttributesInput GetObjectInput GetObjectLegalHoldInput
    GetObjectRetentionInput GetObjectTaggingInput GetObjectTorrentInput HeadObjectInput
    ListObjectAnnotationsInput ListPartsInput PutObjectAclInput PutObjectAnnotationInput PutObjectInput
    PutObjectLegalHoldInput PutObjectRetentionInput PutObjectTaggingInput RenameObjectInput
    RestoreObjectInput SelectObjectContentInput UpdateObjectEncryptionInput UploadPartCopyInput
    UploadPartInput
}

/// Operations on a bucket and on what it holds as a whole.
pub fn by_bucket(_: &S3, call: &Call, input: &impl InBucket) -> Result<Vec<Arn>, Error> {
    Ok(vec![of_bucket(call.region, call.account, input.bucket())])
}

/// Operations on one object, whether it exists or not.
pub fn by_key(_: &S3, call: &Call, input: &impl AtKey) -> Result<Vec<Arn>, Error> {
    if is_overheard(call) && brings_key(input) {
        return Err(Error::worded(
            &INVALID_REQUEST,
            "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure \
             connection.",
        ));
    }
    Ok(vec![of_object(call.region, call.account, input.bucket(), input.key())])
}

/// Whether the request came in the clear from another machine. What stays on this one crosses no wire.
fn is_overheard(call: &Call) -> bool {
    let is_elsewhere = |ip: IpAddr| !ip.to_canonical().is_loopback();
    !call.source.secure_transport && call.source.ip.is_some_and(is_elsewhere)
}

/// Whether the request has a key of SSE-C, for its object or for the source of a copy.
fn brings_key(input: &dyn Structure) -> bool {
    let mut found = false;
    input.visit(&mut |member, _| found |= member.name.ends_with("SSECustomerKey"));
    found
}

/// Operations on all buckets of the caller.
pub fn all_buckets<I>(_: &S3, _: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

/// The ARN that stands for a bucket, however it was named.
pub fn of_bucket(region: Region, account: AccountId, name: &str) -> Arn {
    match name.parse::<Arn>() {
        Ok(arn) => arn,
        Err(_) if is_directory_name(name) => {
            Arn::regional("s3express", region, account, format!("bucket/{name}"))
        }
        Err(_) => bucket_arn(region, name),
    }
}

/// The ARN that stands for an object: in an access point named by its ARN it is `…:accesspoint/name/object/key`.
pub fn of_object(region: Region, account: AccountId, bucket: &str, key: &str) -> Arn {
    match bucket.parse::<Arn>() {
        Ok(arn) => object_through(&arn, key),
        Err(_) if is_directory_name(bucket) => of_bucket(region, account, bucket),
        Err(_) => object_arn(region, bucket, key),
    }
}
