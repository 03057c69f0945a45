//! The headers of a request as the operation shall see them.
//!
//! Two things on the wire are not for the operation: `aws-chunked`, which is only how the body travels, and headers
//! that a presigned URL carries as parameters, as some clients put all `x-amz-` headers there ("hoisting").

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;

use crate::limits::HOISTED_HEADERS_MAX;

/// The encoding that the framing of a body stands for.
const AWS_CHUNKED: &str = "aws-chunked";

/// Parameters of signatures, which are no headers.
const SIGNATURE_PARAMETERS: &[&str] = &[
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-region-set",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The headers, with the length of the payload in the place of the body's where they differ, and with those of a
/// presigned URL.
pub(crate) fn input_headers<'h>(
    headers: &'h HeaderMap,
    presigned_query: Option<&str>,
    decoded_bytes: Option<u64>,
) -> Cow<'h, HeaderMap> {
    let mut changed = Cow::Borrowed(headers);
    if let Some(bytes) = decoded_bytes {
        changed.to_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    if headers.get_all(header::CONTENT_ENCODING).iter().any(is_chunked) {
        let left = encodings(headers);
        let into = changed.to_mut();
        into.remove(header::CONTENT_ENCODING);
        if let Some(left) = left {
            into.insert(header::CONTENT_ENCODING, left);
        }
    }
    if let Some(query) = presigned_query {
        for (name, value) in hoisted(query).take(HOISTED_HEADERS_MAX) {
            if !headers.contains_key(&name) {
                changed.to_mut().insert(name, value);
            }
        }
    }
    changed
}

fn is_chunked(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| text.split(',').any(|word| word.trim().eq_ignore_ascii_case(AWS_CHUNKED)))
}

/// The encodings of the object itself.
fn encodings(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let words = values.flat_map(|value| value.split(',')).map(str::trim);
    let kept: Vec<&str> =
        words.filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case(AWS_CHUNKED)).collect();
    if kept.is_empty() { None } else { HeaderValue::from_str(&kept.join(",")).ok() }
}

/// The parameters of a presigned URL that stand for headers.
fn hoisted(query: &str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        if !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        if SIGNATURE_PARAMETERS.contains(&name.as_str()) {
            return None;
        }
        let value: Vec<u8> = percent_decode_str(value).collect();
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&value).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn the_framing_is_no_encoding_of_the_object() {
        for (sent, kept) in [
            ("aws-chunked", None),
            ("aws-chunked,gzip", Some("gzip")),
            ("gzip, AWS-Chunked", Some("gzip")),
            ("gzip,aws-chunked,br", Some("gzip,br")),
            ("gzip", Some("gzip")),
        ] {
            let sent = headers(&[("content-encoding", sent), ("content-length", "99")]);
            let seen = input_headers(&sent, None, Some(7));
            assert_eq!(seen.get("content-encoding").map(|value| value.to_str().unwrap()), kept);
            assert_eq!(seen["content-length"], "7");
        }
        assert!(matches!(
            input_headers(&headers(&[("content-encoding", "gzip")]), None, None),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn a_presigned_url_may_carry_headers_but_not_change_those_that_are_there() {
        let sent = headers(&[("x-amz-acl", "private")]);
        let query = "X-Amz-Signature=s&X-Amz-Date=d&x-amz-acl=public-read&x-amz-meta-a=b%20c&x-id=PutObject";
        let seen = input_headers(&sent, Some(query), None);
        assert_eq!(seen["x-amz-acl"], "private");
        assert_eq!(seen["x-amz-meta-a"], "b c");
        assert_eq!(seen.len(), 2);
    }
}
