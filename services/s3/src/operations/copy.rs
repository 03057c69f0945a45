//! CopyObject: the content streams from its source to the new object, decrypted and encrypted again.
//!
//! What travels with a copy follows from three directives. Storage class, encryption, list and lock never do: they are
//! the request's, or the destination's defaults. A copy of an object uploaded in parts is one piece.
//! Reference: CopyObject of the API reference.

use base::AccountId;
use s3_api::{
    ChecksumAlgorithm, CopyObjectInput, CopyObjectOutput, CopyObjectResult, MetadataDirective,
    PutObjectInput, TaggingDirective,
};
use service::Call;

use super::sources::{self, Source, SourceWish};
use super::storing::store;
use super::{guard, put, reach};
use crate::S3;
use crate::content::{
    self, CustomerHeaders, Declared, EncryptionHeaders, EncryptionShown, EncryptionWish, Wish, show_checksum,
};
use crate::directory::Bucket;
use crate::error::{Error, INVALID_REQUEST, NOT_IMPLEMENTED};
use crate::events::EventName;
use crate::limits::COPY_BYTES_MAX;
use crate::model::checksum::Algorithm;
use crate::model::conditions::WriteCondition;
use crate::model::headers::check_key;
use crate::records::{Described, ObjectRecord};

const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

pub async fn copy_object(
    s3: &S3,
    call: &Call,
    mut input: CopyObjectInput,
) -> Result<CopyObjectOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    check_key(&input.key)?;
    refuse_unknown(&input)?;
    let directives = Directives::parse(&input)?;
    let condition = WriteCondition::parse(input.if_match.as_deref(), input.if_none_match.as_deref())?;
    let algorithm = input.checksum_algorithm.as_ref().map(algorithm).transpose()?;
    let encryption = encryption(&input)?;
    content::admit(call, &bucket, &input.key, &encryption, "s3:PutObject")?;
    let source = sources::find(s3, call, source_wish(&input)).await?;
    check_size(&source.object)?;
    check_changes(&input, &bucket, &source, directives)?;
    let (described, owner) = describe(s3, call, &bucket, &mut input, &source, directives).await?;
    let of_source = source.object.checksum.as_ref().map(|checksum| checksum.algorithm);
    let declared = match algorithm.or(of_source) {
        Some(algorithm) => Declared::default().or_compute(algorithm),
        None => Declared::default(),
    };
    let body = source.open(s3, call, 0..source.object.size).await?;
    let wish = Wish { encryption, declared };
    let received = content::receive(s3, call, &bucket, &input.key, wish, &body).await?;
    let object = put::object(call, described, owner, &received);
    let mut output = output(&bucket, &input.key, &object, &source);
    output.request_charged = request_charged;
    let place = (&*bucket, input.key.as_str());
    let event = EventName::ObjectCreatedCopy;
    let saved = store(s3, call, place, object, received, &condition, event).await?;
    output.version_id = saved.version_id;
    Ok(output)
}

fn refuse_unknown(input: &CopyObjectInput) -> Result<(), Error> {
    let has_event_hold = input.object_lock_event_hold.is_some()
        || input.object_lock_event_hold_duration_days.is_some()
        || input.object_lock_event_hold_duration_years.is_some();
    match has_event_hold {
        true => Err(Error::new(&NOT_IMPLEMENTED).with("Header", "x-amz-object-lock-event-hold")),
        false => Ok(()),
    }
}

/// What is the request's instead of the source's.
#[derive(Clone, Copy)]
struct Directives {
    replaces_metadata: bool,
    replaces_tags: bool,
}

impl Directives {
    fn parse(input: &CopyObjectInput) -> Result<Directives, Error> {
        let replaces_metadata = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
            None | Some("COPY") => false,
            Some("REPLACE") => true,
            Some(other) => {
                let message = "Unknown metadata directive.";
                return Err(Error::argument(message, "x-amz-metadata-directive", other));
            }
        };
        let replaces_tags = match input.tagging_directive.as_ref().map(TaggingDirective::as_str) {
            None | Some("COPY") => false,
            Some("REPLACE") => true,
            Some(other) => {
                return Err(Error::argument("Unknown tagging directive.", "x-amz-tagging-directive", other));
            }
        };
        Ok(Directives { replaces_metadata, replaces_tags })
    }
}

fn algorithm(named: &ChecksumAlgorithm) -> Result<Algorithm, Error> {
    let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                   [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
    Algorithm::parse(named.as_str()).ok_or_else(|| Error::worded(&INVALID_REQUEST, message))
}

fn encryption(input: &CopyObjectInput) -> Result<EncryptionWish, Error> {
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

fn source_wish(input: &CopyObjectInput) -> SourceWish<'_> {
    SourceWish {
        source: &input.copy_source,
        if_match: input.copy_source_if_match.as_deref(),
        if_none_match: input.copy_source_if_none_match.as_deref(),
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
        customer: CustomerHeaders {
            algorithm: input.copy_source_sse_customer_algorithm.as_deref(),
            key: input.copy_source_sse_customer_key.as_deref(),
            key_md5: input.copy_source_sse_customer_key_md5.as_deref(),
        },
        expected_owner: input.expected_source_bucket_owner.as_deref(),
        payer: input.request_payer.as_ref(),
        explains_version_id: false,
    }
}

fn check_size(source: &ObjectRecord) -> Result<(), Error> {
    if source.size > COPY_BYTES_MAX {
        let message = format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {COPY_BYTES_MAX}"
        );
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    Ok(())
}

/// A copy onto itself has to change something. One of an older version that was named always does, and where the bucket
/// has an encryption of its own, that may be it.
fn check_changes(
    input: &CopyObjectInput,
    bucket: &Bucket,
    source: &Source,
    directives: Directives,
) -> Result<(), Error> {
    let is_itself = source.bucket.id() == bucket.id() && source.key == input.key && !source.is_named;
    let changes = directives.replaces_metadata
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some()
        || input.sse_customer_algorithm.is_some()
        || input.copy_source_sse_customer_algorithm.is_some()
        || bucket.record.settings.encryption.is_some();
    if is_itself && !changes {
        let message = "This copy request is illegal because it is trying to copy an object to itself without \
                       changing the object's metadata, storage class, website redirect location or encryption \
                       attributes.";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    Ok(())
}

/// What the copy is described by, and whose it will be.
async fn describe(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    input: &mut CopyObjectInput,
    source: &Source,
    directives: Directives,
) -> Result<(Described, Option<AccountId>), Error> {
    let Directives { replaces_metadata, replaces_tags } = directives;
    let redirect = input.website_redirect_location.clone();
    let mut as_put = as_put(input, directives);
    let (mut described, owner) = put::describe(s3, call, bucket, &mut as_put, true).await?;
    let from = &source.object.described;
    if !replaces_metadata {
        described.user.clone_from(&from.user);
        described.system.clone_from(&from.system);
        described.system.remove(WEBSITE_REDIRECT);
        described.system.extend(redirect.map(|redirect| (WEBSITE_REDIRECT.to_owned(), redirect)));
    }
    if !replaces_tags && !from.tags.is_empty() {
        let action = if source.is_named { "GetObjectVersionTagging" } else { "GetObjectTagging" };
        guard::permitted(s3, call, &source.bucket, &source.key, action).await?;
        guard::general_purpose(bucket)?;
        guard::permitted(s3, call, bucket, &input.key, "PutObjectTagging").await?;
        s3.directory.expect_tags(bucket).await?;
        described.tags.clone_from(&from.tags);
    }
    Ok((described, owner))
}

/// What of the request describes the new object, as an upload would have it.
fn as_put(input: &mut CopyObjectInput, directives: Directives) -> PutObjectInput {
    let mut put = PutObjectInput {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        acl: input.acl.take(),
        grant_full_control: input.grant_full_control.take(),
        grant_read: input.grant_read.take(),
        grant_read_acp: input.grant_read_acp.take(),
        grant_write_acp: input.grant_write_acp.take(),
        storage_class: input.storage_class.take(),
        website_redirect_location: input.website_redirect_location.take(),
        object_lock_mode: input.object_lock_mode.take(),
        object_lock_retain_until_date: input.object_lock_retain_until_date.take(),
        object_lock_legal_hold_status: input.object_lock_legal_hold_status.take(),
        tagging: input.tagging.take().filter(|_| directives.replaces_tags),
        ..PutObjectInput::default()
    };
    if directives.replaces_metadata {
        put.cache_control = input.cache_control.take();
        put.content_disposition = input.content_disposition.take();
        put.content_encoding = input.content_encoding.take();
        put.content_language = input.content_language.take();
        put.content_type = input.content_type.take();
        put.expires = input.expires.take();
        put.metadata = input.metadata.take();
    }
    put
}

fn output(bucket: &Bucket, key: &str, object: &ObjectRecord, source: &Source) -> CopyObjectOutput {
    let shown = EncryptionShown::of(&object.content.encryption);
    let mut result = CopyObjectResult {
        e_tag: Some(object.etag.quoted()),
        last_modified: Some(object.modified),
        ..CopyObjectResult::default()
    };
    if let Some(checksum) = &object.checksum {
        show_checksum(&mut result, checksum);
    }
    CopyObjectOutput {
        copy_object_result: Some(result),
        expiration: put::expiration(bucket, key, object),
        copy_source_version_id: source.version_id.clone(),
        server_side_encryption: shown.method,
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        ssekms_encryption_context: shown.kms_context,
        bucket_key_enabled: shown.bucket_key,
        ..CopyObjectOutput::default()
    }
}
