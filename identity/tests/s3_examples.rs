//! The worked examples of the S3 API reference: header, presigned URL, chunked upload, chunked with trailer.
//!
//! "Authenticating Requests: Using the Authorization Header", "… Using Query Parameters", "Signature calculations
//! for the authorization header: transferring payload in multiple chunks" and "… including trailing headers".

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod requests;

use base::Timestamp;
use bytes::Bytes;
use fogbank_identity::sigv4::{
    AccessKeyId, AuthError, Body, ChunkSigner, Credentials, PayloadVerifier, Rules, SecretAccessKey,
    SigningKeyCache, Trailers, authorization, sign,
};
use http::{HeaderMap, HeaderValue};
use requests::{EMPTY_SHA256, Request, S3, sha256};

/// 2013-05-24T00:00:00Z.
const EXAMPLE_TIME: Timestamp = Timestamp::from_secs(1_369_353_600);

fn example_credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap(),
        secret_access_key: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    }
}

fn request(method: &str, path: &str, query: &str, body: &[u8], headers: &[(&str, &str)]) -> Request {
    let mut request = Request::new(method, path, query, body);
    request.headers = HeaderMap::new();
    headers.iter().fold(request, |request, (name, value)| request.with(name, value))
}

fn verify(request: &Request, body: Body<'_>) -> Result<PayloadVerifier, AuthError> {
    let presented = authorization::parse(request.parts())?.ok_or(AuthError::MissingToken)?;
    let secret = example_credentials().secret_access_key;
    let cache = SigningKeyCache::new();
    presented.verify(Some(&secret), &cache, body, EXAMPLE_TIME, &Rules::S3).map(|verified| verified.payload)
}

#[test]
fn the_examples_with_an_authorization_header_come_out_as_documented() {
    let host = ("host", "examplebucket.s3.amazonaws.com");
    for (request, expected) in [
        (
            request("GET", "/test.txt", "", b"", &[host, ("range", "bytes=0-9")]),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            request(
                "PUT",
                "/test$file.text",
                "",
                b"Welcome to Amazon S3.",
                &[
                    host,
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            request("GET", "/", "lifecycle", b"", &[host]),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            request("GET", "/", "max-keys=2&prefix=J", b"", &[host]),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let payload = sha256(&request.body);
        let signed = sign(&request.parts(), &example_credentials(), &S3, &payload, EXAMPLE_TIME).unwrap();
        assert_eq!(signed.signature, expected, "{}", request.path);
        let mut request = request;
        request.headers.extend(signed.headers);
        verify(&request, Body::Bytes(&request.body)).unwrap();
    }
}

#[test]
fn the_example_of_a_presigned_url_verifies() {
    let request = request(
        "GET",
        "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
         aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
         aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        b"",
        &[("host", "examplebucket.s3.amazonaws.com")],
    );
    verify(&request, Body::Streamed).unwrap();
    let other = Request { path: "/test.tx".into(), ..request };
    assert!(matches!(verify(&other, Body::Streamed), Err(AuthError::SignatureMismatch(_))));
}

/// The upload of the chunked examples: 64 KiB and then 1 KiB of the letter a.
fn upload(payload: &str, more: &[(&str, &str)]) -> Request {
    let headers = [
        ("host", "s3.amazonaws.com"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
    ];
    let all = headers.iter().chain(more).copied().collect::<Vec<_>>();
    let mut request = request("PUT", "/examplebucket/chunkObject.txt", "", b"", &all);
    let signed = sign(&request.parts(), &example_credentials(), &S3, payload, EXAMPLE_TIME).unwrap();
    request.headers.extend(signed.headers);
    request
}

fn seed(request: &Request) -> String {
    request.authorization().rsplit_once('=').unwrap().1.to_owned()
}

/// Feeds a body in pieces of some size, and gives back the payload's length.
fn feed(mut verifier: PayloadVerifier, body: &[u8], piece: usize) -> Result<(usize, Trailers), AuthError> {
    let mut decoded = 0;
    for bytes in body.chunks(piece) {
        verifier.push(Bytes::copy_from_slice(bytes), &mut |payload| decoded += payload.len())?;
    }
    Ok((decoded, verifier.finish()?))
}

#[test]
fn the_example_of_a_chunked_upload_comes_out_as_documented() {
    let request = upload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &[("content-length", "66824")]);
    assert_eq!(seed(&request), "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");

    let credentials = example_credentials();
    let mut signer = ChunkSigner::new(&credentials, S3, EXAMPLE_TIME, seed(&request));
    let mut body = Vec::new();
    signer.chunk(&mut body, &[b'a'; 65_536]);
    signer.chunk(&mut body, &[b'a'; 1024]);
    signer.chunk(&mut body, &[]);
    signer.end(&mut body, &[]);
    assert_eq!(body.len(), 66_824);
    for signature in [
        "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ] {
        assert!(body.windows(signature.len()).any(|window| window == signature.as_bytes()), "{signature}");
    }
    for piece in [1, 7, 8192, body.len()] {
        let verifier = verify(&request, Body::Streamed).unwrap();
        assert_eq!(feed(verifier, &body, piece), Ok((66_560, Trailers::default())), "{piece}");
    }
    body[100] = b'b';
    let tampered = feed(verify(&request, Body::Streamed).unwrap(), &body, 1000);
    assert!(matches!(tampered, Err(AuthError::SignatureMismatch(_))), "{tampered:?}");
}

#[test]
fn the_example_with_a_trailer_comes_out_as_documented() {
    let request =
        upload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", &[("x-amz-trailer", "x-amz-checksum-crc32c")]);
    assert_eq!(seed(&request), "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");

    let credentials = example_credentials();
    let mut signer = ChunkSigner::new(&credentials, S3, EXAMPLE_TIME, seed(&request));
    let mut body = Vec::new();
    signer.chunk(&mut body, &[b'a'; 65_536]);
    signer.chunk(&mut body, &[b'a'; 1024]);
    signer.chunk(&mut body, &[]);
    signer.end(&mut body, &[("x-amz-checksum-crc32c", "sOO8/Q==")]);
    let end = "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n\
               x-amz-checksum-crc32c:sOO8/Q==\r\n\
               x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
    assert!(body.ends_with(end.as_bytes()), "{}", String::from_utf8_lossy(&body[66_700..]));
    let (decoded, trailers) = feed(verify(&request, Body::Streamed).unwrap(), &body, 777).unwrap();
    assert_eq!((decoded, trailers.get("x-amz-checksum-crc32c")), (66_560, Some("sOO8/Q==")));

    let altered = String::from_utf8(body).unwrap().replace("sOO8/Q==", "sOO8/A==");
    let outcome = feed(verify(&request, Body::Streamed).unwrap(), altered.as_bytes(), 777);
    assert!(matches!(outcome, Err(AuthError::SignatureMismatch(_))), "{outcome:?}");
}

#[test]
fn a_declared_hash_must_be_that_of_the_body() {
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let mut request = request("PUT", "/key", "", b"body", &[host]);
    let signed = sign(&request.parts(), &example_credentials(), &S3, EMPTY_SHA256, EXAMPLE_TIME).unwrap();
    request.headers.extend(signed.headers);
    let at_hand = verify(&request, Body::Bytes(b"body")).map(|_| ());
    assert!(matches!(at_hand, Err(AuthError::ContentSha256Mismatch { .. })), "{at_hand:?}");
    let streamed = feed(verify(&request, Body::Streamed).unwrap(), b"body", 2);
    assert!(matches!(streamed, Err(AuthError::ContentSha256Mismatch { .. })), "{streamed:?}");
    request.headers.insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
    assert!(matches!(verify(&request, Body::Streamed), Err(AuthError::SignatureMismatch(_))));
}
