//! Who is let in, and what the others are told.

use std::time::Duration;

use base::{AccountId, Ids, Region};
use identity::sigv4::{ChunkSigner, PathRule, RequestParts, SigningScope, presign};
use service::{Principal, Session};

use crate::client::{Ask, credentials, exchange, temporary};
use crate::cloud::Cloud;

#[tokio::test]
async fn unsigned_requests_are_refused_and_the_connection_goes_on() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let unsigned = exchange(&mut stream, &Ask::json("Echo", "{}")).await;
    unsigned.is(403, "MissingAuthenticationTokenException");
    assert_eq!(unsigned.headers["x-amzn-query-error"], "MissingAuthenticationToken;Sender");
    let query = Ask::form("Action=Echo&Version=2012-11-05").header("host", "post.us-east-1.amazonaws.com");
    exchange(&mut stream, &query).await.is(403, "<Code>MissingAuthenticationToken</Code>");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn what_anyone_may_call_needs_no_signature_but_a_wrong_one_is_refused() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    exchange(&mut stream, &Ask::json("Greet", "{}")).await.is(200, "");
    let mut wrong = Ask::json("Greet", "{}").signed();
    wrong.body = b"{\"Text\":\"changed\"}".to_vec();
    exchange(&mut stream, &wrong).await.is(403, "InvalidSignatureException");
}

#[tokio::test]
async fn a_signature_covers_the_body_the_path_the_query_and_the_host() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let signed = Ask::json("Echo", r#"{"Text":"a"}"#).signed();
    let changes: [fn(Ask) -> Ask; 4] = [
        |ask| Ask { body: br#"{"Text":"b"}"#.to_vec(), ..ask },
        |ask| Ask { path: "/other".into(), ..ask },
        |ask| Ask { query: "x=y".into(), ..ask },
        |ask| ask.header("host", "elsewhere:4566"),
    ];
    for change in changes {
        let refused = exchange(&mut stream, &change(signed.clone())).await;
        refused.is(403, "The request signature we calculated does not match the signature you provided.");
    }
    exchange(&mut stream, &signed).await.is(200, "");
}

#[tokio::test]
async fn keys_times_and_scopes_that_are_wrong_are_named() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let stranger =
        Ask { credentials: temporary("AKIAAAAAAAAAAAAAAAAA", "x", "y"), ..Ask::json("Echo", "{}") };
    exchange(&mut stream, &stranger.signed()).await.is(403, "UnrecognizedClientException");
    let fresh = Ask::json("Echo", "{}");
    let old = Ask { at: fresh.at - Duration::from_secs(16 * 60), ..fresh.clone() };
    exchange(&mut stream, &old.signed()).await.is(403, "Signature expired: ");
    let slightly_old = Ask { at: fresh.at - Duration::from_secs(10 * 60), ..fresh.clone() };
    exchange(&mut stream, &slightly_old.signed()).await.is(200, "");
    let early = Ask { at: fresh.at + Duration::from_secs(16 * 60), ..fresh.clone() };
    exchange(&mut stream, &early.signed()).await.is(403, "Signature not yet current: ");
    // Signed for the desk, but the target is the post's.
    let elsewhere = Ask { service: "desk", ..fresh };
    exchange(&mut stream, &elsewhere.signed()).await.is(400, "UnknownOperationException");
}

#[tokio::test]
async fn turning_the_clock_ends_sessions_and_leaves_signatures_alone() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let now = cloud.clock.now();
    let root = Principal::root(AccountId::new(123_456_789_012).unwrap(), Region::US_EAST_1, None);
    let session = Session { issued: now, ends: now + Duration::from_secs(3600), ..Session::default() };
    let issued = cloud.keyring.issue(&Ids::seeded(5), root, session);
    let session = Ask {
        credentials: temporary(&issued.access_key_id, &issued.secret_access_key, &issued.session_token),
        ..Ask::json("Echo", "{}")
    };
    exchange(&mut stream, &session.clone().signed()).await.is(200, "123456789012 us-east-1");
    let forged = Ask {
        credentials: temporary(&issued.access_key_id, &issued.secret_access_key, "forged"),
        ..session.clone()
    };
    exchange(&mut stream, &forged.signed())
        .await
        .is(403, "The security token included in the request is invalid");
    cloud.clock.advance(Duration::from_secs(3601));
    exchange(&mut stream, &session.signed()).await.is(403, "ExpiredTokenException");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn a_presigned_request_works_until_it_expires() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let plain =
        Ask { query: "Action=Echo&Version=2012-11-05&Text=hi".into(), ..Ask::new("post", "GET", "/", "") };
    let presigned = |ask: &Ask, at, expires| {
        let headers = ask.header_map();
        let parts =
            RequestParts { method: "GET", path: "/", query: &ask.query, headers: &headers, authority: None };
        let scope = SigningScope::new("post", "us-east-1", PathRule::Normalised);
        let query = presign(&parts, &credentials(), &scope, &ask.payload_hash(), at, expires);
        Ask { query, ..ask.clone() }
    };
    let good = presigned(&plain, plain.at, Duration::from_secs(60));
    exchange(&mut stream, &good).await.is(200, "<Text>hi</Text>");
    let changed = Ask { query: good.query.replace("Text=hi", "Text=ho"), ..good };
    exchange(&mut stream, &changed).await.is(403, "<Code>SignatureDoesNotMatch</Code>");
    let over = presigned(&plain, plain.at - Duration::from_secs(120), Duration::from_secs(60));
    exchange(&mut stream, &over).await.is(403, "Signature expired: ");
}

/// A PUT of two signed chunks.
fn chunked() -> (Ask, Vec<u8>) {
    let first = vec![b'a'; 64 * 1024];
    let mut ask = Ask::new("shelf", "PUT", "/top/book", "")
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", &(first.len() + 5).to_string());
    ask = ask.signed_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    let authorization = &ask.headers.iter().find(|(name, _)| name == "authorization").unwrap().1;
    let seed = authorization.split("Signature=").nth(1).unwrap().to_owned();
    let owned = credentials();
    let scope = SigningScope::new("shelf", "us-east-1", PathRule::Raw);
    let mut signer = ChunkSigner::new(&owned, scope, ask.at, seed);
    let mut body = Vec::new();
    for part in [&first[..], b"tail!", b""] {
        signer.chunk(&mut body, part);
    }
    signer.end(&mut body, &[]);
    (ask, body)
}

#[tokio::test]
async fn chunks_are_verified_as_they_stream() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let (ask, body) = chunked();
    let answer = exchange(&mut stream, &Ask { body: body.clone(), ..ask.clone() }).await;
    assert_eq!((answer.status, answer.headers["x-amz-length"].as_str()), (200, "65541"), "{}", answer.text());
    let mut tampered = body;
    let at = tampered.len() / 2;
    tampered[at] ^= 1;
    let refused = exchange(&mut stream, &Ask { body: tampered, ..ask }).await;
    refused.is(403, "<Error><Code>SignatureDoesNotMatch</Code>");
    exchange(&mut stream, &Ask::new("shelf", "GET", "/top/book", "").signed()).await.is(200, "top book");
}

#[tokio::test]
async fn a_streamed_body_must_have_the_hash_it_was_signed_with() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let put = Ask::new("shelf", "PUT", "/top/book", "content").signed();
    assert_eq!(exchange(&mut stream, &put).await.headers["x-amz-length"], "7");
    let changed = Ask { body: b"CONTENT".to_vec(), ..put };
    exchange(&mut stream, &changed).await.is(400, "XAmzContentSHA256Mismatch");
    let unsigned = Ask::new("shelf", "PUT", "/top/book", "content").signed_with("UNSIGNED-PAYLOAD");
    assert_eq!(exchange(&mut stream, &unsigned).await.status, 200);
    exchange(&mut stream, &Ask::new("shelf", "PUT", "/top/book", "").header("host", "shelf.amazonaws.com"))
        .await
        .is(403, "<Code>AccessDenied</Code>");
}
