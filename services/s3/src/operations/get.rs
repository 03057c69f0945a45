//! GetObject, and GetObjectTorrent, which gives no torrents.

use s3_api::{GetObjectInput, GetObjectOutput, GetObjectTorrentInput, GetObjectTorrentOutput};
use service::{Call, PrincipalKind};

use super::reach::reach;
use super::show::{self, Overrides};
use super::{finding, guard};
use crate::S3;
use crate::content::{self, CustomerHeaders, CustomerKey, check_customer};
use crate::error::{Error, INVALID_OBJECT_STATE, INVALID_REQUEST, METHOD_NOT_ALLOWED};
use crate::model::conditions::ReadConditions;
use crate::model::range;
use crate::records::ObjectRecord;

/// A version that is named takes another permission.
pub fn action(input: &GetObjectInput) -> &'static str {
    if input.version_id.is_some() { "GetObjectVersion" } else { "GetObject" }
}

pub async fn get_object(s3: &S3, call: &Call, input: GetObjectInput) -> Result<GetObjectOutput, Error> {
    let reading = s3.readers.enter();
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let overrides = Overrides {
        cache_control: input.response_cache_control,
        content_disposition: input.response_content_disposition,
        content_encoding: input.response_content_encoding,
        content_language: input.response_content_language,
        content_type: input.response_content_type,
        expires: input.response_expires.map(|expires| expires.to_http_date()),
    };
    check_overrides(call, &overrides)?;
    let customer = CustomerKey::parse(CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    })?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    let object = &*found.object;
    check_customer(&object.content.encryption, customer.as_ref())?;
    let conditions = ReadConditions {
        if_match: input.if_match.as_deref(),
        if_none_match: input.if_none_match.as_deref(),
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let checked = conditions.check(&object.etag, object.modified, call.now);
    checked.map_err(|unmet| unmet.into_error(&object.etag, object.modified))?;
    check_state(call, object)?;
    let wanted = range::wanted(object, input.range.as_deref(), input.part_number)?;
    let body =
        content::open(s3, call, reading, &object.content, customer.as_ref(), wanted.range.clone()).await?;
    let mut output = show::describe(s3, call, (&bucket, &input.key), &found, overrides).await?;
    show::show_wanted(&mut output, object, &wanted, show::wants_checksum(input.checksum_mode.as_ref()));
    output.body = Some(body);
    output.request_charged = request_charged;
    Ok(output)
}

/// Whoever signs nothing takes the object as it describes itself.
pub fn check_overrides(call: &Call, overrides: &Overrides) -> Result<(), Error> {
    if overrides.is_empty() || call.principal.kind != PrincipalKind::Anonymous {
        return Ok(());
    }
    let message = "Request specific response headers cannot be used for anonymous GET requests.";
    Err(Error::worded(&INVALID_REQUEST, message))
}

/// An archived object is read after it was restored.
pub fn check_state(call: &Call, object: &ObjectRecord) -> Result<(), Error> {
    if show::availability(object, call.now).is_readable() {
        return Ok(());
    }
    let class = object.described.storage_class.as_str();
    Err(Error::new(&INVALID_OBJECT_STATE).with("StorageClass", class))
}

/// Torrents are no more: S3 ended them in April 2021 and took them out of its guide.
pub async fn get_object_torrent(
    s3: &S3,
    call: &Call,
    input: GetObjectTorrentInput,
) -> Result<GetObjectTorrentOutput, Error> {
    reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Err(Error::new(&METHOD_NOT_ALLOWED).with("Method", "GET").with("ResourceType", "TORRENT"))
}
