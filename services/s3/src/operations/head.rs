//! HeadObject: what GetObject says, without the content. Its errors have no body either, so only their status tells.

use s3_api::{HeadObjectInput, HeadObjectOutput};
use service::Call;

use super::get::check_overrides;
use super::reach::reach;
use super::show::{self, Overrides};
use super::{finding, guard};
use crate::S3;
use crate::content::{CustomerHeaders, CustomerKey, check_customer, unlock};
use crate::error::Error;
use crate::model::conditions::ReadConditions;
use crate::model::range;

/// A version that is named takes another permission.
pub fn action(input: &HeadObjectInput) -> &'static str {
    if input.version_id.is_some() { "GetObjectVersion" } else { "GetObject" }
}

pub async fn head_object(s3: &S3, call: &Call, input: HeadObjectInput) -> Result<HeadObjectOutput, Error> {
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
    let found = finding::read(s3, call, &bucket, &input.key, version, "HEAD").await?;
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
    let wanted = range::wanted(object, input.range.as_deref(), input.part_number)?;
    let wants_checksum = show::wants_checksum(input.checksum_mode.as_ref());
    if wants_checksum {
        // A checksum tells about the content, so it takes what reading that takes.
        unlock(s3, call, &object.content.encryption, customer.as_ref()).await?;
    }
    let mut output = show::describe(s3, call, (&bucket, &input.key), &found, overrides).await?;
    show::show_wanted(&mut output, object, &wanted, wants_checksum);
    output.request_charged = request_charged;
    Ok(show::without_body(output))
}
