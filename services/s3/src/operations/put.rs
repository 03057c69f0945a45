//! PutObject.

use base::AccountId;
use s3_api::{PutObjectInput, PutObjectOutput};
use schema::ByteStream;
use service::{Call, Carried};

use super::acls;
use super::guard::{self, LockHeaders};
use super::reach::reach;
use super::storing::store;
use crate::S3;
use crate::content::{
    self, CustomerHeaders, Declared, EncryptionHeaders, EncryptionShown, EncryptionWish, Received, Wish,
    show_checksum,
};
use crate::directory::Bucket;
use crate::error::{Error, INVALID_REQUEST, NOT_IMPLEMENTED};
use crate::events::EventName;
use crate::model::acl_wish::AclWish;
use crate::model::conditions::WriteCondition;
use crate::model::headers::{ObjectHeaders, check_key, storage_class};
use crate::model::lifecycle::{Rules, SmallObjects, Subject, expiration_header};
use crate::model::object_tags;
use crate::records::{Described, ObjectRecord};

pub async fn put_object(s3: &S3, call: &Call, mut input: PutObjectInput) -> Result<PutObjectOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    check_key(&input.key)?;
    refuse_unknown(&input)?;
    let condition = WriteCondition::parse(input.if_match.as_deref(), input.if_none_match.as_deref())?;
    let body = input.body.take().unwrap_or_default();
    let wish = wish(&input, &body)?;
    content::admit(call, &bucket, &input.key, &wish.encryption, "s3:PutObject")?;
    let (described, owner) = describe(s3, call, &bucket, &mut input, wish.declared.is_checked()).await?;
    let received = content::receive(s3, call, &bucket, &input.key, wish, &body).await?;
    let object = object(call, described, owner, &received);
    let mut output = output(&bucket, &input.key, &object);
    output.request_charged = request_charged;
    let place = (&*bucket, input.key.as_str());
    let saved = store(s3, call, place, object, received, &condition, event(call)).await?;
    output.version_id = saved.version_id;
    Ok(output)
}

/// Browsers post forms, everybody else puts.
fn event(call: &Call) -> EventName {
    match &call.source.signature {
        Some(signature) if signature.carried == Carried::Form => EventName::ObjectCreatedPost,
        _ => EventName::ObjectCreatedPut,
    }
}

fn wish(input: &PutObjectInput, body: &ByteStream) -> Result<Wish, Error> {
    let encryption = EncryptionWish::parse(EncryptionHeaders {
        method: input.server_side_encryption.as_ref(),
        kms_key_id: input.ssekms_key_id.as_deref(),
        kms_context: input.ssekms_encryption_context.as_deref(),
        bucket_key: input.bucket_key_enabled,
        customer: CustomerHeaders {
            algorithm: input.sse_customer_algorithm.as_deref(),
            key: input.sse_customer_key.as_deref(),
            key_md5: input.sse_customer_key_md5.as_deref(),
        },
    })?;
    let algorithm = input.checksum_algorithm.as_ref().map(s3_api::ChecksumAlgorithm::as_str);
    let declared = Declared::parse(input, input.content_md5.as_deref(), algorithm, body)?;
    Ok(Wish { encryption, declared })
}

/// What this cloud has no functions for. It says so, rather than storing something else than what was asked for.
fn refuse_unknown(input: &PutObjectInput) -> Result<(), Error> {
    let has_event_hold = input.object_lock_event_hold.is_some()
        || input.object_lock_event_hold_duration_days.is_some()
        || input.object_lock_event_hold_duration_years.is_some();
    let header = match (input.write_offset_bytes, has_event_hold) {
        (Some(_), _) => "x-amz-write-offset-bytes",
        (None, true) => "x-amz-object-lock-event-hold",
        (None, false) => return Ok(()),
    };
    Err(Error::new(&NOT_IMPLEMENTED).with("Header", header))
}

/// What the object will be described by, and whose it will be, with the permissions that takes.
pub async fn describe(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    input: &mut PutObjectInput,
    is_checked: bool,
) -> Result<(Described, Option<AccountId>), Error> {
    let headers = ObjectHeaders {
        cache_control: input.cache_control.take(),
        content_disposition: input.content_disposition.take(),
        content_encoding: input.content_encoding.take(),
        content_language: input.content_language.take(),
        content_type: input.content_type.take(),
        expires: input.expires.take(),
        website_redirect: input.website_redirect_location.take(),
        user: input.metadata.take(),
    };
    let mut described = headers.into_described()?;
    described.storage_class = storage_class(input.storage_class.as_ref(), bucket.record.is_directory())?;
    if let Some(tagging) = input.tagging.as_deref().filter(|tagging| !tagging.is_empty()) {
        described.tags = object_tags::from_header(tagging)?;
        guard::permitted(s3, call, bucket, &input.key, "PutObjectTagging").await?;
        s3.directory.expect_tags(bucket).await?;
    }
    let lock = LockHeaders {
        mode: input.object_lock_mode.as_ref(),
        until: input.object_lock_retain_until_date,
        legal_hold: input.object_lock_legal_hold_status.as_ref(),
    };
    guard::lock_new(s3, call, bucket, &input.key, lock, &mut described).await?;
    if described.retention.is_some() && !is_checked {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object \
                       Lock parameters";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let acl = AclWish {
        canned: input.acl.as_ref().map(s3_api::ObjectCannedACL::as_str),
        headers: [
            input.grant_full_control.as_deref(),
            input.grant_read.as_deref(),
            None,
            input.grant_read_acp.as_deref(),
            input.grant_write_acp.as_deref(),
        ],
        body: None,
    };
    if !acl.is_empty() {
        guard::permitted(s3, call, bucket, &input.key, "PutObjectAcl").await?;
    }
    let (acl, owner) = acls::of_new_object(s3, call, bucket, &acl).await?;
    described.acl = acl;
    Ok((described, owner))
}

/// The record of an object that was received in one piece. Its content and version follow when it is stored.
pub fn object(
    call: &Call,
    described: Described,
    owner: Option<AccountId>,
    received: &Received,
) -> ObjectRecord {
    ObjectRecord {
        version: None,
        order: 0,
        modified: call.now,
        size: received.size,
        etag: received.etag,
        content: received.content.clone(),
        checksum: received.checksum.clone(),
        parts: Vec::new(),
        upload: None,
        described,
        owner,
        restored: None,
        replication: None,
    }
}

fn output(bucket: &Bucket, key: &str, object: &ObjectRecord) -> PutObjectOutput {
    let shown = EncryptionShown::of(&object.content.encryption);
    let mut output = PutObjectOutput {
        expiration: expiration(bucket, key, object),
        e_tag: Some(object.etag.quoted()),
        server_side_encryption: shown.method,
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        ssekms_encryption_context: shown.kms_context,
        bucket_key_enabled: shown.bucket_key,
        ..PutObjectOutput::default()
    };
    if let Some(checksum) = &object.checksum {
        show_checksum(&mut output, checksum);
    }
    output
}

/// `x-amz-expiration`: when the bucket's rules will delete the object.
pub fn expiration(bucket: &Bucket, key: &str, object: &ObjectRecord) -> Option<String> {
    let configuration = bucket.record.settings.lifecycle.as_ref()?;
    let described = &object.described;
    let subject =
        Subject { key, size: Some(object.size), tags: &described.tags, class: described.storage_class };
    let planned = Rules::of(configuration, SmallObjects::default()).expiration(&subject, object.modified)?;
    Some(expiration_header(&planned))
}
