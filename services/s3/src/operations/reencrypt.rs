//! UpdateObjectEncryption: the same object under another KMS key, or at last under one.
//!
//! Nothing else of the object changes, neither its entity tag nor its time. AWS wraps the object's data key anew; here
//! objects share S3's own data keys, so the content is written again and put in the old one's place.
//! Reference: UpdateObjectEncryption of the API reference, whose wordings these are.

use base::Arn;
use s3_api::{
    ObjectEncryption, SSEKMSEncryption, ServerSideEncryption, UpdateObjectEncryptionInput,
    UpdateObjectEncryptionOutput,
};
use schema::Violation;
use service::Call;
use store::Tx;

use super::finding::{self, Found};
use super::saving::{self, Stamp};
use super::{guard, reach};
use crate::S3;
use crate::content::{self, Declared, EncryptionHeaders, EncryptionWish, Received, Wish};
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, CONDITIONAL_REQUEST_CONFLICT, Error, INVALID_REQUEST};
use crate::model::lock;
use crate::model::version::VersionId;
use crate::records::{Content, Encryption, ObjectRecord};

pub async fn update_object_encryption(
    s3: &S3,
    call: &Call,
    input: UpdateObjectEncryptionInput,
) -> Result<UpdateObjectEncryptionOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let encryption = wish(&bucket, &input.object_encryption)?;
    let (bucket, key) = (&*bucket, input.key.as_str());
    let reading = s3.readers.enter();
    let Found { object, .. } = finding::read(s3, call, bucket, key, version, "PUT").await?;
    check(call, &object)?;
    let algorithm = object.checksum.as_ref().map(|checksum| checksum.algorithm);
    let declared = algorithm.map_or_else(Declared::default, |name| Declared::default().or_compute(name));
    let body = content::open(s3, call, reading, &object.content, None, 0..object.size).await?;
    let wish = Wish { encryption, declared };
    let mut received = content::receive(s3, call, bucket, key, wish, &body).await?;
    received.keep();
    replace(s3, call, bucket, key, &object, received).await?;
    Ok(UpdateObjectEncryptionOutput { request_charged })
}

fn wish(bucket: &Bucket, asked: &ObjectEncryption) -> Result<EncryptionWish, Error> {
    let ObjectEncryption::SSEKMS(SSEKMSEncryption { kms_key_arn, bucket_key_enabled }) = asked else {
        let message = "Requests that modify an object encryption configuration require a valid new encryption \
                       type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated \
                       encryption type, and then try again.";
        return Err(Error::worded(&INVALID_REQUEST, message));
    };
    let arn = kms_key_arn.parse::<Arn>().ok();
    let arn = arn.filter(|arn| arn.service() == "kms" && arn.resource().starts_with("key/"));
    let arn = arn.ok_or_else(no_arn)?;
    if arn.account() != Some(bucket.account()) {
        let message = "The Amazon Web Services KMS key in the request must be owned by the same account as the \
                       bucket. Modify the request to specify a KMS key from the same account, and then try again.";
        return Err(Error::worded(&ACCESS_DENIED, message));
    }
    EncryptionWish::parse(EncryptionHeaders {
        method: Some(&ServerSideEncryption::AwsKms),
        kms_key_id: Some(kms_key_arn),
        bucket_key: *bucket_key_enabled,
        ..EncryptionHeaders::default()
    })
}

fn no_arn() -> Error {
    let message = "Requests that modify an object's encryption type to SSE-KMS require a valid Amazon Web Services \
                   KMS key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in \
                   your request, and then try again.";
    Error::worded(&INVALID_REQUEST, message)
}

/// A key's ARN that is none is not an error of the document here.
pub fn invalid(violations: &[Violation]) -> Option<Error> {
    violations.iter().any(|violation| violation.member == "KMSKeyArn").then(no_arn)
}

fn check(call: &Call, object: &ObjectRecord) -> Result<(), Error> {
    if matches!(object.content.encryption, Encryption::Dual { .. } | Encryption::Customer { .. }) {
        let message = "The UpdateObjectEncryption operation doesn't support source objects with the encryption \
                       type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    if !lock::is_deletable(&object.described, false, call.now) {
        let message = "The encryption type for the specified object can't be updated because that object is \
                       protected by S3 Object Lock. If the object has a governance-mode retention period or a \
                       legal hold, you must first remove the Object Lock status on the object before you issue \
                       your UpdateObjectEncryption request. You can't use the UpdateObjectEncryption operation \
                       with objects that have an Object Lock compliance mode retention period applied to them.";
        return Err(Error::worded(&ACCESS_DENIED, message));
    }
    Ok(())
}

/// Puts the new content in the place of the old, if that is still what the version has.
async fn replace(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    old: &ObjectRecord,
    received: Received,
) -> Result<(), Error> {
    let (stamp, content) = (Stamp::draw(&s3.ids, call.now), &received.content);
    let replaced = s3
        .store
        .transact(|tx| async move { replace_in(&tx, call, bucket, key, old, content, stamp).await })
        .await;
    match replaced {
        Err(error @ Error::Refused { .. }) => {
            received.free(s3).await;
            Err(error)
        }
        replaced => {
            s3.garbage.nudge();
            replaced
        }
    }
}

async fn replace_in(
    tx: &Tx,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    old: &ObjectRecord,
    content: &Content,
    stamp: Stamp,
) -> Result<(), Error> {
    let version = VersionId::of(old.version, old.order);
    let Found { mut object, is_current } = finding::find(tx, bucket, key, Some(version), "PUT").await?;
    if object.content == *content {
        // An earlier run of this transaction did it.
        return Ok(());
    }
    if object.content != old.content {
        return Err(Error::new(&CONDITIONAL_REQUEST_CONFLICT));
    }
    check(call, &object)?;
    object.content.clone_from(content);
    saving::rewrite(tx, bucket.id(), key, &object, is_current).await?;
    saving::discard(tx, old.content.extents.clone(), stamp.tail).await?;
    Ok(())
}
