//! Beginning and giving up multipart uploads, and finding them for everything in between.
//!
//! What the object will be is settled when its upload begins: its metadata, tags, lock, access list, encryption and
//! checksum. An upload that is given up is gone at once, and the room of its parts follows.
//! Reference: "Uploading and copying objects using multipart upload" of the S3 guide.

use base::Timestamp;
use s3_api as api;
use service::{Call, PrincipalKind};
use store::{Select, Tx};

use super::acls;
use super::guard::{LockHeaders, lock_new, permitted, requester_pays};
use super::reach::reach;
use super::saving::{self, Newest, discard};
use crate::S3;
use crate::content::{CustomerHeaders, EncryptionHeaders, EncryptionShown, EncryptionWish, admit, settle};
use crate::directory::Bucket;
use crate::error::{Error, NO_SUCH_UPLOAD, NOT_IMPLEMENTED, PRECONDITION_FAILED};
use crate::limits::LIST_ENTRIES_MAX;
use crate::model::acl_wish::AclWish;
use crate::model::assembly::upload_checksum;
use crate::model::headers::{ObjectHeaders, check_key, storage_class};
use crate::model::lifecycle::{Rules, SmallObjects};
use crate::model::object_tags;
use crate::model::upload_id::UploadId;
use crate::records::{BucketId, Described, PARTS, PartRecord, UPLOADS, UploadRecord, VersionTail};

pub async fn create_multipart_upload(
    s3: &S3,
    call: &Call,
    input: api::CreateMultipartUploadInput,
) -> Result<api::CreateMultipartUploadOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    check_key(&input.key)?;
    let checksum = upload_checksum(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let wish = encryption_wish(&input)?;
    admit(call, &bucket, &input.key, &wish, "s3:PutObject")?;
    let mut described = described(s3, call, &bucket, &input).await?;
    let acl_wish = acl_wish(&input);
    if !acl_wish.is_empty() {
        permitted(s3, call, &bucket, &input.key, "PutObjectAcl").await?;
    }
    let (acl, owner) = acls::of_new_object(s3, call, &bucket, &acl_wish).await?;
    described.acl = acl;
    let settled = settle(s3, call, &bucket, &input.key, &wish).await?;
    let shown = EncryptionShown::of(&settled.encryption);
    let id =
        UploadId { began: u64::try_from(call.now.as_millis()).unwrap_or(0) * 1000, tail: s3.ids.bytes() };
    let record = UploadRecord {
        key: input.key.clone(),
        initiated: call.now,
        initiator: call.principal.arn.clone(),
        account: initiator_account(call, &bucket),
        owner,
        described,
        encryption: settled.encryption,
        checksum,
        replaces: false,
    };
    let (scope, key, record) = (&bucket, input.key.as_str(), &record);
    s3.store
        .transact(|tx| async move {
            let versioning = saving::versioning(&tx, scope).await?;
            let newest = saving::newest(&tx, scope.id(), key, versioning).await?;
            let record = UploadRecord { replaces: matches!(newest, Newest::Object(_)), ..record.clone() };
            Ok::<_, Error>(UPLOADS.put(&tx, &scope.id(), &id.place(key), &record).await?)
        })
        .await?;
    let (abort_date, abort_rule_id) = abort_headers(&bucket, &input.key, call.now);
    Ok(api::CreateMultipartUploadOutput {
        abort_date,
        abort_rule_id,
        bucket: Some(bucket.name.clone()),
        upload_id: Some(id.to_string()),
        server_side_encryption: shown.method,
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        ssekms_encryption_context: shown.kms_context,
        bucket_key_enabled: shown.bucket_key,
        request_charged,
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: super::list_uploads::checksum_type(checksum.as_ref()),
        version_id: None,
        key: Some(input.key),
    })
}

fn encryption_wish(input: &api::CreateMultipartUploadInput) -> Result<EncryptionWish, Error> {
    EncryptionWish::parse(EncryptionHeaders {
        method: input.server_side_encryption.as_ref(),
        kms_key_id: input.ssekms_key_id.as_deref(),
        kms_context: input.ssekms_encryption_context.as_deref(),
        bucket_key: input.bucket_key_enabled,
        customer: CustomerHeaders {
            algorithm: input.sse_customer_algorithm.as_deref(),
            key: input.sse_customer_key.as_deref(),
            key_md5: input.sse_customer_key_md5.as_deref(),
        },
    })
}

fn acl_wish(input: &api::CreateMultipartUploadInput) -> AclWish<'_> {
    AclWish {
        canned: input.acl.as_ref().map(api::ObjectCannedACL::as_str),
        headers: [
            input.grant_full_control.as_deref(),
            input.grant_read.as_deref(),
            None,
            input.grant_read_acp.as_deref(),
            input.grant_write_acp.as_deref(),
        ],
        body: None,
    }
}

/// Whose upload it is: whoever signs nothing leaves it to the bucket's owner.
fn initiator_account(call: &Call, bucket: &Bucket) -> base::AccountId {
    match call.principal.kind {
        PrincipalKind::Anonymous => bucket.account(),
        _ => call.principal.account,
    }
}

/// What the object will be described by, with the permissions that takes.
async fn described(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    input: &api::CreateMultipartUploadInput,
) -> Result<Described, Error> {
    let event_hold = input.object_lock_event_hold.is_some()
        || input.object_lock_event_hold_duration_days.is_some()
        || input.object_lock_event_hold_duration_years.is_some();
    if event_hold {
        return Err(Error::worded(&NOT_IMPLEMENTED, "Event holds are not implemented."));
    }
    let headers = ObjectHeaders {
        cache_control: input.cache_control.clone(),
        content_disposition: input.content_disposition.clone(),
        content_encoding: input.content_encoding.clone(),
        content_language: input.content_language.clone(),
        content_type: input.content_type.clone(),
        expires: input.expires.clone(),
        website_redirect: input.website_redirect_location.clone(),
        user: input.metadata.clone(),
    };
    let mut described = headers.into_described()?;
    described.storage_class = storage_class(input.storage_class.as_ref(), bucket.record.is_directory())?;
    if let Some(tagging) = input.tagging.as_deref().filter(|tagging| !tagging.is_empty()) {
        described.tags = object_tags::from_header(tagging)?;
        permitted(s3, call, bucket, &input.key, "PutObjectTagging").await?;
        s3.directory.expect_tags(bucket).await?;
    }
    let lock = LockHeaders {
        mode: input.object_lock_mode.as_ref(),
        until: input.object_lock_retain_until_date,
        legal_hold: input.object_lock_legal_hold_status.as_ref(),
    };
    lock_new(s3, call, bucket, &input.key, lock, &mut described).await?;
    Ok(described)
}

pub async fn abort_multipart_upload(
    s3: &S3,
    call: &Call,
    input: api::AbortMultipartUploadInput,
) -> Result<api::AbortMultipartUploadOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let tail = VersionTail(s3.ids.bytes());
    let (scope, input) = (&bucket, &input);
    let aborted = s3
        .store
        .transact(|tx| async move {
            let (id, upload) = find(&tx, scope, &input.key, &input.upload_id).await?;
            let initiated = upload.initiated.as_secs();
            if input.if_match_initiated_time.is_some_and(|expected| expected.as_secs() != initiated) {
                let error = Error::new(&PRECONDITION_FAILED);
                return Err(error.with("Condition", "x-amz-if-match-initiated-time"));
            }
            abort(&tx, scope.id(), &input.key, &id, tail).await
        })
        .await;
    match aborted {
        Ok(true) => s3.garbage.nudge(),
        Ok(false) => {}
        // With that condition what is gone is as good as given up.
        Err(error) if error.is(&NO_SUCH_UPLOAD) && input.if_match_initiated_time.is_some() => {}
        Err(error) => return Err(error),
    }
    Ok(api::AbortMultipartUploadOutput { request_charged, version_id: None })
}

/// Gives an upload up, inside a transaction. Tells whether there is garbage.
pub async fn abort(
    tx: &Tx,
    bucket: BucketId,
    key: &str,
    id: &UploadId,
    garbage: VersionTail,
) -> Result<bool, Error> {
    let mut extents = Vec::new();
    for (place, part) in parts(tx, bucket, id).await? {
        PARTS.delete(tx, &bucket, &place).await?;
        extents.extend(part.extents);
    }
    UPLOADS.delete(tx, &bucket, &id.place(key)).await?;
    discard(tx, extents, garbage).await
}

/// All parts of an upload, by their places.
pub async fn parts(tx: &Tx, bucket: BucketId, id: &UploadId) -> Result<Vec<(String, PartRecord)>, Error> {
    let prefix = id.parts();
    let mut parts: Vec<(String, PartRecord)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let listing = PARTS.scan(tx, &bucket, select, LIST_ENTRIES_MAX).await?;
        parts.extend(listing.records);
        after = listing.next;
        if after.is_none() {
            return Ok(parts);
        }
    }
}

/// The upload that a request names.
pub async fn find(tx: &Tx, bucket: &Bucket, key: &str, id: &str) -> Result<(UploadId, UploadRecord), Error> {
    let found = match UploadId::parse(id) {
        Some(parsed) => {
            UPLOADS.get(tx, &bucket.id(), &parsed.place(key)).await?.map(|record| (parsed, record))
        }
        None => None,
    };
    found.ok_or_else(|| no_such_upload(id))
}

pub fn no_such_upload(id: &str) -> Error {
    Error::new(&NO_SUCH_UPLOAD).with("UploadId", id)
}

/// `x-amz-abort-date` and `x-amz-abort-rule-id`: when the bucket's rules give an upload up that began then.
pub fn abort_headers(
    bucket: &Bucket,
    key: &str,
    initiated: Timestamp,
) -> (Option<Timestamp>, Option<String>) {
    let configuration = bucket.record.settings.lifecycle.as_ref();
    let rules = configuration.map(|configuration| Rules::of(configuration, SmallObjects::default()));
    match rules.and_then(|rules| rules.abort(key, initiated)) {
        Some(planned) => (Some(planned.at), Some(planned.rule_id.to_owned())),
        None => (None, None),
    }
}
