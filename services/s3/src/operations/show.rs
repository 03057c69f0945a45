//! What GetObject and HeadObject tell of an object: the same headers, from one place.

use base::Timestamp;
use s3_api::{
    ChecksumMode, GetObjectOutput, HeadObjectOutput, ObjectLockLegalHoldStatus, ObjectLockMode,
    ReplicationStatus, StorageClass as ShownClass,
};
use service::Call;

use super::finding::Found;
use super::guard;
use super::put::expiration;
use crate::S3;
use crate::content::{EncryptionShown, show_checksum};
use crate::directory::Bucket;
use crate::error::Error;
use crate::model::headers::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE,
    DEFAULT_CONTENT_TYPE, EXPIRES, WEBSITE_REDIRECT, shown_metadata,
};
use crate::model::range::Wanted;
use crate::model::restoring::Availability;
use crate::model::storage_class::StorageClass;
use crate::records::{ObjectRecord, ReplicationState, RetentionMode};

const PARTIAL_CONTENT: i32 = 206;

/// The parameters `response-…`, which stand in for what the object says of itself.
#[derive(Debug, Default)]
pub struct Overrides {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<String>,
}

impl Overrides {
    pub fn is_empty(&self) -> bool {
        let Overrides { cache_control, content_disposition, content_encoding, .. } = self;
        let Overrides { content_language, content_type, expires, .. } = self;
        let all =
            [cache_control, content_disposition, content_encoding, content_language, content_type, expires];
        all.iter().all(|value| value.is_none())
    }
}

/// Whoever wants checksums says so.
pub fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| *mode == ChecksumMode::Enabled)
}

/// All headers but those of the content's bytes. What only some may know is left out for the others.
pub async fn describe(
    s3: &S3,
    call: &Call,
    (bucket, key): (&Bucket, &str),
    found: &Found,
    overrides: Overrides,
) -> Result<GetObjectOutput, Error> {
    let object = &*found.object;
    let shown = EncryptionShown::of(&object.content.encryption);
    let system =
        |name: &str, instead: Option<String>| instead.or_else(|| object.described.system.get(name).cloned());
    let content_type = system(CONTENT_TYPE, overrides.content_type);
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        expiration: found.is_current.then(|| expiration(bucket, key, object)).flatten(),
        restore: availability(object, call.now).header(),
        last_modified: Some(Timestamp::from_secs(object.modified.as_secs())),
        e_tag: Some(object.etag.quoted()),
        version_id: found.version_id(bucket),
        cache_control: system(CACHE_CONTROL, overrides.cache_control),
        content_disposition: system(CONTENT_DISPOSITION, overrides.content_disposition),
        content_encoding: system(CONTENT_ENCODING, overrides.content_encoding),
        content_language: system(CONTENT_LANGUAGE, overrides.content_language),
        content_type: Some(content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())),
        expires: system(EXPIRES, overrides.expires),
        website_redirect_location: system(WEBSITE_REDIRECT, None),
        server_side_encryption: shown.method,
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        bucket_key_enabled: shown.bucket_key,
        storage_class: shown_class(object.described.storage_class),
        replication_status: object.replication.map(shown_replication),
        ..GetObjectOutput::default()
    };
    if !object.described.user.is_empty() {
        output.metadata = Some(shown_metadata(&object.described.user));
    }
    disclose(s3, call, bucket, key, object, &mut output).await;
    Ok(output)
}

/// What takes permissions of its own: the number of tags, and the locks.
async fn disclose(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    object: &ObjectRecord,
    output: &mut GetObjectOutput,
) {
    let may = async |action| guard::permitted(s3, call, bucket, key, action).await.is_ok();
    let described = &object.described;
    if !described.tags.is_empty() && may("GetObjectTagging").await {
        output.tag_count = Some(described.tags.len() as i32);
    }
    if let Some(retention) = described.retention
        && may("GetObjectRetention").await
    {
        output.object_lock_mode = Some(match retention.mode {
            RetentionMode::Governance => ObjectLockMode::Governance,
            RetentionMode::Compliance => ObjectLockMode::Compliance,
        });
        output.object_lock_retain_until_date = Some(retention.until);
    }
    if let Some(is_on) = described.legal_hold
        && may("GetObjectLegalHold").await
    {
        let status = if is_on { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        output.object_lock_legal_hold_status = Some(status);
    }
}

/// Which bytes the answer is about. The checksum of the whole does not fit a part, so a part shows its own.
pub fn show_wanted(output: &mut GetObjectOutput, object: &ObjectRecord, wanted: &Wanted, checksum: bool) {
    output.content_length = i64::try_from(wanted.length()).ok();
    output.content_range = wanted.content_range(object.size);
    output.status_code = output.content_range.is_some().then_some(PARTIAL_CONTENT);
    output.parts_count =
        wanted.part.and_then(|_| i32::try_from(object.parts.len()).ok()).filter(|count| *count > 0);
    if !checksum {
        return;
    }
    let shown = match wanted.part {
        Some(number) if !object.parts.is_empty() => {
            let part = object.parts.iter().find(|part| part.number == number);
            part.and_then(|part| part.checksum.as_ref())
        }
        _ if wanted.length() == object.size => object.checksum.as_ref(),
        _ => None,
    };
    if let Some(shown) = shown {
        show_checksum(output, shown);
    }
}

pub fn availability(object: &ObjectRecord, now: Timestamp) -> Availability {
    Availability::of(object.described.storage_class, object.restored, now)
}

/// The usual class is not mentioned.
fn shown_class(class: StorageClass) -> Option<ShownClass> {
    (class != StorageClass::Standard).then(|| ShownClass::from(class.as_str()))
}

fn shown_replication(state: ReplicationState) -> ReplicationStatus {
    match state {
        ReplicationState::Pending => ReplicationStatus::Pending,
        ReplicationState::Completed => ReplicationStatus::Completed,
        ReplicationState::Failed => ReplicationStatus::Failed,
        ReplicationState::Replica => ReplicationStatus::Replica,
    }
}

/// The same, without the body.
pub fn without_body(output: GetObjectOutput) -> HeadObjectOutput {
    HeadObjectOutput {
        delete_marker: output.delete_marker,
        accept_ranges: output.accept_ranges,
        expiration: output.expiration,
        restore: output.restore,
        archive_status: None,
        last_modified: output.last_modified,
        content_length: output.content_length,
        checksum_crc32: output.checksum_crc32,
        checksum_crc32_c: output.checksum_crc32_c,
        checksum_crc64_nvme: output.checksum_crc64_nvme,
        checksum_sha1: output.checksum_sha1,
        checksum_sha256: output.checksum_sha256,
        checksum_sha512: output.checksum_sha512,
        checksum_md5: output.checksum_md5,
        checksum_xxhash64: output.checksum_xxhash64,
        checksum_xxhash3: output.checksum_xxhash3,
        checksum_xxhash128: output.checksum_xxhash128,
        checksum_type: output.checksum_type,
        e_tag: output.e_tag,
        missing_meta: output.missing_meta,
        version_id: output.version_id,
        cache_control: output.cache_control,
        content_disposition: output.content_disposition,
        content_encoding: output.content_encoding,
        content_language: output.content_language,
        content_type: output.content_type,
        content_range: output.content_range,
        expires: output.expires,
        website_redirect_location: output.website_redirect_location,
        server_side_encryption: output.server_side_encryption,
        metadata: output.metadata,
        sse_customer_algorithm: output.sse_customer_algorithm,
        sse_customer_key_md5: output.sse_customer_key_md5,
        ssekms_key_id: output.ssekms_key_id,
        bucket_key_enabled: output.bucket_key_enabled,
        storage_class: output.storage_class,
        request_charged: output.request_charged,
        replication_status: output.replication_status,
        parts_count: output.parts_count,
        tag_count: output.tag_count,
        object_lock_mode: output.object_lock_mode,
        object_lock_retain_until_date: output.object_lock_retain_until_date,
        object_lock_legal_hold_status: output.object_lock_legal_hold_status,
        object_lock_event_hold: output.object_lock_event_hold,
        object_lock_event_hold_duration_days: output.object_lock_event_hold_duration_days,
        object_lock_event_hold_duration_years: output.object_lock_event_hold_duration_years,
        status_code: output.status_code,
    }
}
