//! Whatever we sign, we verify; and whatever comes in, nothing panics.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod requests;

use bytes::Bytes;
use fogbank_identity::sigv4::{
    Algorithm, AuthError, Body, ChunkSigner, ChunkVerifier, ErrorFamily, PathRule, PayloadVerifier,
    RequestParts, Rules, SigningKeyCache, SigningScope, authorization, sign,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use requests::{NOW, Request, S3, SQS, credentials, sha256};

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")]
}

/// Paths with dots, doubled slashes, escapes, broken escapes and other scripts.
fn path() -> impl Strategy<Value = String> {
    vec(prop_oneof!["[a-z.]{0,3}", "(%[0-9a-fA-F]{2}){1,3}", "[ -~&&[^?#]]{0,6}", "\\PC{0,3}"], 0..6)
        .prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    vec(("[a-zA-Z0-9%+ሴ.-]{0,6}", prop::option::of("[ -~&&[^&#]]{0,8}")), 0..5).prop_map(|pairs| {
        let pair = |(name, value): (String, Option<String>)| match value {
            Some(value) => format!("{name}={value}"),
            None => name,
        };
        pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
    })
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    vec(("[a-w][a-z0-9-]{0,8}", vec(prop_oneof![32..127_u8, 128..255_u8, Just(b'\t')], 0..12)), 0..5)
}

fn request() -> impl Strategy<Value = Request> {
    (method(), path(), query(), headers(), vec(any::<u8>(), 0..64)).prop_map(
        |(method, path, query, headers, body)| {
            let mut request = Request::new(method, &path, &query, &body);
            for (name, value) in headers {
                let name = HeaderName::try_from(format!("m-{name}")).unwrap();
                request.headers.append(name, HeaderValue::from_bytes(&value).unwrap());
            }
            request
        },
    )
}

proptest! {
    #[test]
    fn what_is_signed_verifies(request in request()) {
        let (normalised, raw) = (request.clone(), request);
        let signed = normalised.signed(&SQS, &sha256(&raw.body), NOW);
        prop_assert!(signed.verify(&Rules::SQS).is_ok());
        let signed = raw.signed(&S3, "UNSIGNED-PAYLOAD", NOW);
        prop_assert!(signed.verify(&Rules::S3).is_ok());
    }

    #[test]
    fn what_is_presigned_verifies(request in request()) {
        let signed = request.presigned(&S3, "UNSIGNED-PAYLOAD", 60);
        prop_assert!(signed.verify(&Rules::S3).is_ok());
    }

    #[test]
    fn one_changed_byte_of_the_body_is_noticed(request in request(), at in any::<prop::sample::Index>()) {
        let mut signed = request.clone().signed(&SQS, &sha256(&request.body), NOW);
        if !signed.body.is_empty() {
            let at = at.index(signed.body.len());
            signed.body[at] ^= 1;
            prop_assert!(matches!(signed.verify(&Rules::SQS), Err(AuthError::SignatureMismatch(_))));
        }
    }

    #[test]
    fn no_header_or_query_panics(
        authorization in vec(any::<u8>(), 0..120),
        tail in "[ -~]{0,80}",
        date in prop_oneof!["[0-9]{8}T[0-9]{6}Z", "[ -~]{0,20}", "\\PC{16}"],
        declared in "[A-Z0-9-]{0,70}",
        query in prop_oneof!["[ -~]{0,80}", "\\PC{0,40}"],
        path in "\\PC{0,20}",
    ) {
        let values = [
            authorization,
            format!("AWS4-HMAC-SHA256 {tail}").into_bytes(),
            format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{tail}, SignedHeaders=host;{tail}, Signature={tail}")
                .into_bytes(),
            format!("AWS4-ECDSA-P256-SHA256 Credential=A/{tail},SignedHeaders=host,Signature=00").into_bytes(),
        ];
        for value in values {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert("authorization", value);
            }
            for (name, text) in [("x-amz-date", &date), ("x-amz-content-sha256", &declared)] {
                headers.extend(HeaderValue::try_from(text).ok().map(|text| (HeaderName::from_static(name), text)));
            }
            survive(&RequestParts { method: "GET", path: &path, query: &query, headers: &headers, authority: None });
        }
        let presigned = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F{query}&X-Amz-Date={date}&X-Amz-Signature=\
             {tail}&X-Amz-SignedHeaders={tail}&X-Amz-Expires={declared}"
        );
        let headers = HeaderMap::new();
        survive(&RequestParts { method: "", path: &path, query: &presigned, headers: &headers, authority: None });
    }

    #[test]
    fn chunks_verify_however_they_are_cut(
        data in vec(any::<u8>(), 0..20_000),
        algorithm in prop_oneof![4 => Just(Algorithm::HmacSha256), 1 => Just(Algorithm::EcdsaP256Sha256)],
        cuts in vec(1..5000_usize, 1..40),
        flip in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (request, mut body) = chunked(&data, algorithm);
        if let Some(flip) = flip {
            let at = flip.index(body.len());
            body[at] ^= 0x20;
        }
        let verified = request.verify_body(&Rules::S3, NOW, Body::Streamed).unwrap();
        let outcome = feed(verified.payload, &body, &cuts);
        match flip {
            None => prop_assert_eq!(outcome.unwrap(), data),
            // The case of a digit or of a header's name means nothing; all else does.
            Some(_) => prop_assert!(outcome.is_err() || outcome.unwrap() == data),
        }
    }

    #[test]
    fn garbage_in_place_of_chunks_never_panics(
        body in vec(prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789abcdef;\r\n:x"[..])], 0..300),
        length in prop_oneof![0..100_u64, Just(u64::MAX)],
        cuts in vec(1..50_usize, 1..10),
    ) {
        let unsigned = ChunkVerifier::unsigned(length, "x-amz-checksum-crc32");
        drop(feed(PayloadVerifier::Chunked(Box::new(unsigned)), &body, &cuts));
        let (request, _) = chunked(b"data", Algorithm::HmacSha256);
        let verified = request.verify_body(&Rules::S3, NOW, Body::Streamed).unwrap();
        drop(feed(verified.payload, &body, &cuts));
    }
}

fn survive(request: &RequestParts<'_>) {
    let secret = credentials().secret_access_key;
    let cache = SigningKeyCache::new();
    let refused = |error: AuthError| {
        for family in [ErrorFamily::Query, ErrorFamily::Json, ErrorFamily::Ec2, ErrorFamily::S3] {
            assert!(!error.fault(family).code.is_empty());
        }
    };
    match authorization::parse(*request) {
        Err(error) => refused(error),
        Ok(None) => {}
        Ok(Some(presented)) => {
            for rules in [Rules::S3, Rules { services: &["sqs", ""], ..Rules::SQS }] {
                for now in [NOW, presented.timestamp] {
                    let outcome = presented.verify(Some(&secret), &cache, Body::Bytes(b""), now, &rules);
                    outcome.map(drop).unwrap_or_else(refused);
                }
            }
        }
    }
}

/// A signed upload in chunks of 8 KiB, with a trailer.
fn chunked(data: &[u8], algorithm: Algorithm) -> (Request, Vec<u8>) {
    let scope = SigningScope { algorithm, region: "us-east-1", service: "s3", path: PathRule::Raw };
    let payload = format!("STREAMING-{}-PAYLOAD-TRAILER", algorithm.as_str());
    let mut request = Request::new("PUT", "/bucket/key", "", b"")
        .with("x-amz-decoded-content-length", &data.len().to_string())
        .with("x-amz-trailer", "x-amz-checksum-crc32");
    let credentials = credentials();
    let signed = sign(&request.parts(), &credentials, &scope, &payload, NOW).unwrap();
    request.headers.extend(signed.headers);
    let mut signer = ChunkSigner::new(&credentials, scope, NOW, signed.signature);
    let mut body = Vec::new();
    for chunk in data.chunks(8192) {
        signer.chunk(&mut body, chunk);
    }
    signer.chunk(&mut body, b"");
    signer.end(&mut body, &[("x-amz-checksum-crc32", "AAAAAA==")]);
    (request, body)
}

fn feed(mut verifier: PayloadVerifier, body: &[u8], cuts: &[usize]) -> Result<Vec<u8>, AuthError> {
    let (mut decoded, mut rest) = (Vec::new(), body);
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*cut).min(rest.len()));
        let piece = Bytes::copy_from_slice(piece);
        verifier.push(piece, &mut |payload| decoded.extend_from_slice(&payload))?;
        rest = after;
    }
    verifier.finish().map(|_| decoded)
}
