//! Targets over what strangers send before they are known: signatures, signed chunks, and forms with their policies.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use fogbank_identity::post_policy::{Form, PostPolicy};
use fogbank_identity::sigv2;
use fogbank_identity::sigv4::{Body, ChunkVerifier, RequestParts, Rules, SigningKeyCache, authorization};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The first line is the query, the others are headers; whatever is found is verified against no key.
pub fn sigv4(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (query, headers) = head(&text);
    let parts =
        RequestParts { method: "POST", path: "/a%20b/../c", query, headers: &headers, authority: None };
    if let Ok(Some(presented)) = authorization::parse(parts) {
        let now = base::Timestamp::from_secs(1_800_000_000);
        for rules in [Rules::standard(&["sqs"]), Rules::S3] {
            let refused =
                presented.verify(None, &SigningKeyCache::default(), Body::Bytes(b"{}"), now, &rules);
            assert!(refused.is_err(), "nobody's key signs nothing");
        }
    }
}

/// The same for signatures of Version 2.
pub fn sigv2(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (query, headers) = head(&text);
    let parts = RequestParts { method: "GET", path: "/a%20b", query, headers: &headers, authority: None };
    if let Ok(Some(presented)) = sigv2::parse(parts) {
        let now = base::Timestamp::from_secs(1_400_000_000);
        for bucket in [None, Some("bucket")] {
            let refused = presented.verify(None, &SigningKeyCache::default(), bucket, now);
            assert!(refused.is_err(), "nobody's key signs nothing");
        }
    }
}

fn head(text: &str) -> (&str, HeaderMap) {
    let mut lines = text.lines();
    let query = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or(("authorization", line));
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    (query, headers)
}

/// The first line is a policy as it was before Base64, the others are the fields of its form.
pub fn post_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let document = lines.next().unwrap_or_default();
    let mut form = Form::default();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or(("key", line));
        if form.push(name, value.to_owned()).is_err() {
            break;
        }
    }
    let now = base::Timestamp::from_secs(1_800_000_000);
    if let Ok(Some(presented)) = form.presented() {
        let refused = presented.verify(None, &SigningKeyCache::default(), now, &Rules::S3);
        assert!(refused.is_err(), "nobody's key signs nothing");
    }
    if let Err(error) = form.policy() {
        drop(error.fault());
    }
    match PostPolicy::parse(&BASE64_STANDARD.encode(document)) {
        Ok(policy) => match policy.check(&form, "bucket", now) {
            Ok(range) => drop((range.check_so_far(7), range.check(7))),
            Err(error) => drop(error.fault()),
        },
        Err(error) => drop(error.fault()),
    }
}

/// The first byte cuts the rest into pieces, as a socket would.
pub fn chunks(data: &[u8]) {
    let Some((size, framed)) = data.split_first() else { return };
    let mut verifier = ChunkVerifier::unsigned(framed.len() as u64 / 2, "x-amz-checksum-crc32");
    let mut decoded = 0;
    for piece in framed.chunks(usize::from(*size).max(1)) {
        let mut sink = |bytes: Bytes| decoded += bytes.len();
        if verifier.push(Bytes::copy_from_slice(piece), &mut sink).is_err() {
            return;
        }
    }
    assert!(decoded <= framed.len(), "decoding makes nothing longer");
    drop(verifier.finish());
}
