//! UploadPartCopy: a part that is a range of an object. The bytes are decrypted and encrypted again, since source and
//! upload have keys of their own.

use std::ops::Range;

use s3_api as api;
use service::Call;

use super::guard::requester_pays;
use super::parts::Destination;
use super::reach::reach;
use super::sources::{self, SourceWish};
use crate::S3;
use crate::content::{
    CustomerHeaders, Declared, EncryptionHeaders, EncryptionShown, EncryptionWish, admit, receive_under,
    show_checksum,
};
use crate::error::{Error, INVALID_REQUEST};
use crate::limits::PUT_BYTES_MAX;
use crate::model::assembly::{DEFAULT_ALGORITHM, part_number};

const RANGE: &str = "x-amz-copy-source-range";

pub async fn upload_part_copy(
    s3: &S3,
    call: &Call,
    input: api::UploadPartCopyInput,
) -> Result<api::UploadPartCopyOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let number = part_number(input.part_number)?;
    let asked = input.copy_source_range.as_deref().map(parse_range).transpose()?;
    let customer = CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    };
    let wish = EncryptionWish::parse(EncryptionHeaders { customer, ..EncryptionHeaders::default() })?;
    let place = Destination::find(s3, &bucket, &input.key, &input.upload_id, number).await?;
    admit(call, &bucket, &input.key, &wish, "s3:PutObject")?;
    let source = sources::find(s3, call, source_wish(&input)).await?;
    let range = within(asked, source.object.size, input.copy_source_range.as_deref())?;
    let settled = place.settle(s3, call, wish.customer()).await?;
    let body = source.open(s3, call, range).await?;
    let algorithm = place.upload.checksum.map(|checksum| checksum.algorithm);
    let declared = Declared::default().or_compute(algorithm.unwrap_or(DEFAULT_ALGORITHM));
    let received = receive_under(s3, &settled, &declared, &body).await?;
    let mut result = api::CopyPartResult {
        e_tag: Some(received.etag.quoted()),
        last_modified: Some(call.now),
        ..api::CopyPartResult::default()
    };
    if let Some(checksum) = received.checksum.as_ref().filter(|_| algorithm.is_some()) {
        show_checksum(&mut result, checksum);
    }
    place.save(s3, call, received).await?;
    let shown = EncryptionShown::of(&settled.encryption);
    Ok(api::UploadPartCopyOutput {
        copy_source_version_id: source.version_id,
        copy_part_result: Some(result),
        server_side_encryption: shown.method,
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        bucket_key_enabled: shown.bucket_key,
        request_charged,
        version_id: None,
    })
}

fn source_wish(input: &api::UploadPartCopyInput) -> SourceWish<'_> {
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
        explains_version_id: true,
    }
}

/// `bytes=first-last`, both of them there.
fn parse_range(text: &str) -> Result<Range<u64>, Error> {
    let bounds = text.strip_prefix("bytes=").and_then(|bounds| bounds.split_once('-'));
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    let range = bounds.and_then(|(first, last)| {
        let (first, last) = (digits(first)??, digits(last)??);
        Some(first..last.checked_add(1)?)
    });
    range.filter(|range| !range.is_empty()).ok_or_else(|| {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                       are the zero-based offsets of the first and last bytes to copy";
        Error::argument(message, RANGE, text)
    })
}

/// The part of the source that is copied; without a range all of it.
fn within(asked: Option<Range<u64>>, size: u64, text: Option<&str>) -> Result<Range<u64>, Error> {
    let range = match asked {
        None => 0..size,
        Some(range) if range.end <= size => range,
        Some(_) => {
            let message = format!("Range specified is not valid for source object of size: {size}");
            return Err(Error::argument(message, RANGE, text.unwrap_or_default()));
        }
    };
    if range.end - range.start > PUT_BYTES_MAX {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source: \
                       5368709120";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_first_and_a_last_byte_within_the_source() {
        let of = |text: &str| {
            let range = parse_range(text).and_then(|range| within(Some(range), 10, Some(text)));
            range.map_err(|error| error.to_string())
        };
        assert_eq!(of("bytes=0-9"), Ok(0..10));
        assert_eq!(of("bytes=3-3"), Ok(3..4));
        for text in [
            "0-9",
            "bytes=0",
            "bytes=-5",
            "bytes=5-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "bytes=+1-2",
        ] {
            assert!(of(text).unwrap_err().contains("of the form bytes=first-last"), "{text}");
        }
        for text in ["bytes=0-10", "bytes=10-10", "bytes=99-100"] {
            assert!(of(text).unwrap_err().contains("not valid for source object of size: 10"), "{text}");
        }
        assert_eq!(within(None, 10, None).unwrap(), 0..10);
        assert!(within(None, PUT_BYTES_MAX + 1, None).is_err());
    }
}
