//! What only the service with buckets has, from outside.

use crate::client::{Answer, Ask, credentials, exchange};
use crate::cloud::Cloud;
use base::Timestamp;
use identity::sigv2;
use identity::sigv4::{ChunkSigner, PathRule, RequestParts, SigningScope, presign};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

async fn ask(cloud: &Cloud, ask: Ask) -> Answer {
    exchange(&mut cloud.connect().await, &ask).await
}

fn shelf(method: &'static str, path: &str, body: &str) -> Ask {
    Ask::new("shelf", method, path, body)
}

#[tokio::test]
async fn a_stream_has_the_length_of_its_payload_and_its_trailers() {
    let cloud = Cloud::start().await;
    let plain = ask(&cloud, shelf("PUT", "/top/book", "content").signed()).await;
    assert_eq!(
        (plain.headers["x-amz-length"].as_str(), plain.headers["x-amz-announced"].as_str()),
        ("7", "7 7")
    );

    let body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    let chunked = shelf("PUT", "/top/book", body)
        .header("content-encoding", "aws-chunked,gzip")
        .header("x-amz-decoded-content-length", "5")
        .header("x-amz-trailer", "x-amz-checksum-crc32");
    let answer = ask(&cloud, chunked.clone().signed_with("STREAMING-UNSIGNED-PAYLOAD-TRAILER")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["x-amz-announced"], "5 5");
    assert_eq!(answer.headers["x-amz-trailers"], "x-amz-checksum-crc32=AAAAAA==");
    assert_eq!(answer.headers["x-amz-encoding"], "gzip");
    let longer = chunked.header("x-amz-decoded-content-length", "6");
    ask(&cloud, longer.signed_with("STREAMING-UNSIGNED-PAYLOAD-TRAILER")).await.is(400, "IncompleteBody");
}

#[tokio::test]
async fn signed_trailers_are_handed_on() {
    let cloud = Cloud::start().await;
    let mut ask_it = shelf("PUT", "/top/book", "")
        .header("x-amz-decoded-content-length", "5")
        .header("x-amz-trailer", "x-amz-checksum-sha1");
    ask_it = ask_it.signed_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
    let authorization = &ask_it.headers.iter().find(|(name, _)| name == "authorization").unwrap().1;
    let seed = authorization.split("Signature=").nth(1).unwrap().to_owned();
    let owned = credentials();
    let scope = SigningScope::new("shelf", "us-east-1", PathRule::Raw);
    let mut signer = ChunkSigner::new(&owned, scope, ask_it.at, seed);
    let mut body = Vec::new();
    for part in [&b"hello"[..], b""] {
        signer.chunk(&mut body, part);
    }
    signer.end(&mut body, &[("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")]);
    let answer = ask(&cloud, Ask { body, ..ask_it }).await;
    assert_eq!(answer.headers["x-amz-trailers"], "x-amz-checksum-sha1=qvTGHdzF6KLavt4PO0gs2a6pQ00=");
}

#[tokio::test]
async fn a_body_to_keep_says_how_long_it_is() {
    let cloud = Cloud::start().await;
    let chunked = shelf("PUT", "/top/book", "7\r\ncontent\r\n0\r\n\r\n")
        .signed_with("UNSIGNED-PAYLOAD")
        .header("transfer-encoding", "chunked");
    let answer = ask(&cloud, chunked).await;
    answer.is(501, "<Code>NotImplemented</Code>");
    answer.is(501, "<Header>Transfer-Encoding</Header>");
    let mut stream = cloud.connect().await;
    let mut silent = shelf("PUT", "/top/book", "").signed().bytes();
    let text = String::from_utf8(silent.clone()).unwrap().replace("content-length: 0\r\n", "");
    silent = text.into_bytes();
    stream.write_all(&silent).await.unwrap();
    let answer = crate::client::read_answer(&mut stream, false).await.unwrap();
    answer.is(411, "<Code>MissingContentLength</Code>");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_for_the_operation() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let short =
        shelf("PUT", "/top/book", "content").signed_with("UNSIGNED-PAYLOAD").header("content-length", "8");
    stream.write_all(&short.bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    if let Some(answer) = crate::client::read_answer(&mut stream, false).await {
        answer.is(400, "IncompleteBody");
    }
}

#[tokio::test]
async fn anyone_may_ask_and_policies_decide() {
    let cloud = Cloud::start().await;
    for host in ["localhost:4566", "shelf.localhost", "127.0.0.1:4566"] {
        let answer = ask(&cloud, shelf("GET", "/top/a/b", "").header("host", host)).await;
        answer.is(200, "top a/b");
        assert_eq!(answer.headers["x-amz-caller"], "*", "{host}");
    }
    ask(&cloud, shelf("PUT", "/top/book", "content")).await.is(403, "<Code>AccessDenied</Code>");
    let wrong = shelf("GET", "/top/book", "").signed().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    ask(&cloud, wrong).await.is(403, "<Code>SignatureDoesNotMatch</Code>");
    let bearer = shelf("GET", "/top/book", "").header("authorization", "Bearer token");
    ask(&cloud, bearer).await.is(400, "Unsupported Authorization Type");
}

#[tokio::test]
async fn what_names_nobody_but_is_for_others_stays_theirs() {
    let cloud = Cloud::start().await;
    ask(&cloud, shelf("GET", "/", "")).await.is(404, "UnknownOperationException");
    let elsewhere = shelf("GET", "/top/book", "").header("host", "unknown.amazonaws.com");
    ask(&cloud, elsewhere).await.is(404, "UnknownOperationException");
    let json = shelf("POST", "/top/book", "{}").header("content-type", "application/json");
    ask(&cloud, json).await.is(404, "");
    let form = Ask::form("Action=Greet&Version=2012-11-05");
    ask(&cloud, form).await.is(200, "GreetResponse");
}

#[tokio::test]
async fn a_path_that_names_nothing_is_told_so() {
    let cloud = Cloud::start().await;
    ask(&cloud, shelf("GET", "/top/%ff", "").signed()).await.is(400, "<Code>InvalidURI</Code>");
    ask(&cloud, shelf("OPTIONS", "/top/book", "")).await.is(400, "Origin request header needed.");
    let own = Ask::new("post", "GET", "/_fogbank/health", "").header("host", "cloud.localhost:4566");
    ask(&cloud, own).await.is(200, "available");
}

#[tokio::test]
async fn a_bucket_in_the_host_is_the_first_step_of_the_path() {
    let cloud = Cloud::start().await;
    for host in [
        "top.shelf.us-west-2.amazonaws.com",
        "top.shelf.localhost.localstack.cloud:4566",
        "top.shelf.localhost:4566",
        "top.shelf-eu-west-1.amazonaws.com",
        "top.localhost:4566",
    ] {
        let on_host = |method, path| shelf(method, path, "").header("host", host);
        ask(&cloud, on_host("GET", "/a//b%20c").signed()).await.is(200, "top a//b c");
        ask(&cloud, on_host("GET", "/").signed()).await.is(200, "<Text>top</Text>");
        if host != "top.localhost:4566" {
            ask(&cloud, on_host("GET", "/metrics")).await.is(200, "top metrics");
        }
        let refused = ask(&cloud, on_host("DELETE", "/book").signed()).await;
        refused.is(405, "<Method>DELETE</Method><ResourceType>OBJECT</ResourceType>");
    }
    let point =
        shelf("GET", "/", "").header("host", "p-123456789012.shelf-accesspoint.eu-west-1.amazonaws.com");
    let answer = ask(&cloud, point.signed()).await;
    answer.is(200, "<Text>arn:aws:shelf:eu-west-1:123456789012:accesspoint/p</Text>");
    let express = Ask { service: "shelfexpress", path_rule: PathRule::Raw, ..shelf("GET", "/top/book", "") };
    ask(&cloud, express.signed()).await.is(200, "top book");
}

#[tokio::test]
async fn an_answer_may_have_another_status_and_a_fault_fields_and_headers() {
    let cloud = Cloud::start().await;
    let part = ask(&cloud, shelf("GET", "/top/part", "").signed()).await;
    assert_eq!((part.status, part.headers["content-length"].as_str()), (206, "8"));
    assert!(!part.headers.contains_key("transfer-encoding"));
    assert_eq!((part.headers["server"].as_str(), part.headers["x-amz-request-id"].len()), ("AmazonS3", 36));
    assert!(part.headers.contains_key("x-amz-id-2"));

    let mut stream = cloud.connect().await;
    stream.write_all(&shelf("GET", "/top/unchanged", "").signed().bytes()).await.unwrap();
    let unchanged = crate::client::read_answer(&mut stream, true).await.unwrap();
    assert_eq!((unchanged.status, unchanged.headers["etag"].as_str()), (304, "\"tag\""));
    assert!(!unchanged.headers.contains_key("content-type"));
    // The connection goes on, so there was no body.
    exchange(&mut stream, &shelf("GET", "/top/book", "").signed()).await.is(200, "top book");

    let moved = ask(&cloud, shelf("GET", "/top/elsewhere", "").signed()).await;
    moved.is(301, "</Message><Endpoint>there</Endpoint><Bucket>top</Bucket><RequestId>");
    moved.is(301, &format!("<HostId>{}</HostId></Error>", moved.headers["x-amz-id-2"]));
    assert_eq!(moved.headers["location"], "http://there/");
}

#[tokio::test]
async fn a_look_has_the_length_of_the_object_and_no_body() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    for (title, status) in [("book", 200), ("missing", 404), ("book", 200)] {
        let answer = exchange(&mut stream, &shelf("HEAD", &format!("/top/{title}"), "").signed()).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
        if status == 200 {
            assert_eq!(answer.headers["content-length"], "1000");
        }
    }
}

fn presigned(ask: &Ask, at: Timestamp, expires: u64) -> Ask {
    let headers = ask.header_map();
    let parts = RequestParts {
        method: ask.method,
        path: &ask.path,
        query: &ask.query,
        headers: &headers,
        authority: None,
    };
    let scope = SigningScope::new("shelf", "us-east-1", PathRule::Raw);
    let query = presign(&parts, &credentials(), &scope, "UNSIGNED-PAYLOAD", at, Duration::from_secs(expires));
    Ask { query, ..ask.clone() }
}

#[tokio::test]
async fn a_presigned_url_is_good_for_what_it_was_made_for_until_it_expires() {
    let cloud = Cloud::start().await;
    let get = shelf("GET", "/top/a%20b", "");
    let good = presigned(&get, get.at, 60);
    ask(&cloud, good.clone()).await.is(200, "top a b");
    ask(&cloud, Ask { method: "PUT", ..good.clone() }).await.is(403, "SignatureDoesNotMatch");
    ask(&cloud, Ask { path: "/top/c".into(), ..good.clone() }).await.is(403, "SignatureDoesNotMatch");
    ask(&cloud, good.clone().header("host", "other:4566")).await.is(403, "SignatureDoesNotMatch");
    let unsigned = ask(&cloud, good.header("x-amz-acl", "public-read")).await;
    unsigned.is(403, "<HeadersNotSigned>x-amz-acl</HeadersNotSigned>");
    let late = ask(&cloud, presigned(&get, get.at - Duration::from_secs(120), 60)).await;
    late.is(403, "<Message>Request has expired</Message><X-Amz-Expires>60</X-Amz-Expires><Expires>");
    ask(&cloud, presigned(&get, get.at, 604_801)).await.is(400, "AuthorizationQueryParametersError");
    let early = presigned(&get, get.at + Duration::from_secs(1000), 60);
    ask(&cloud, early).await.is(403, "Request is not yet valid");
}

#[tokio::test]
async fn a_presigned_url_may_carry_headers() {
    let cloud = Cloud::start().await;
    let put = Ask { query: "x-amz-label=red%20one".into(), ..shelf("PUT", "/top/book", "content") };
    let answer = ask(&cloud, presigned(&put, put.at, 60)).await;
    assert_eq!((answer.status, answer.headers["x-amz-label"].as_str()), (200, "red one"));
}

#[tokio::test]
async fn signatures_of_version_2_are_taken() {
    let cloud = Cloud::start().await;
    for (host, bucket, path) in
        [("localhost:4566", None, "/top/a%20b"), ("top.shelf.localhost:4566", Some("top"), "/a%20b")]
    {
        let now = Timestamp::from_secs(shelf("GET", "/", "").at.as_secs());
        let get = shelf("GET", path, "").header("host", host).header("date", &now.to_http_date());
        let headers = get.header_map();
        let parts = RequestParts { method: "GET", path, query: "", headers: &headers, authority: None };
        let authorization = sigv2::sign(&parts, &credentials(), bucket);
        let signed = get.clone().header("authorization", &authorization);
        ask(&cloud, signed.clone()).await.is(200, "top a b");
        let refused = ask(&cloud, signed.header("x-amz-acl", "private")).await;
        refused.is(403, "<Code>SignatureDoesNotMatch</Code>");
        refused.is(403, "<StringToSign>GET&#xA;&#xA;&#xA;");

        let url = |expires: i64| Ask {
            query: sigv2::presign(&parts, &credentials(), bucket, now.as_secs() + expires),
            ..shelf("GET", path, "").header("host", host)
        };
        ask(&cloud, url(60)).await.is(200, "top a b");
        ask(&cloud, Ask { method: "HEAD", ..url(60) }).await;
        ask(&cloud, url(-60)).await.is(403, "<Message>Request has expired</Message><Expires>");
    }
    for (authorization, message) in [
        ("AWS x", "Expected AwsAccessKeyId:signature"),
        ("AWS a b", "one and only one ' ' (space) required"),
        ("AWS AKIAIOSFODNN7EXAMPLE:x", "AWS authentication requires a valid Date or x-amz-date header"),
    ] {
        let ask_it = shelf("GET", "/top/book", "").header("authorization", authorization);
        ask(&cloud, ask_it).await.is(if message.starts_with("AWS") { 403 } else { 400 }, message);
    }
    let query = |query: &str| Ask { query: query.into(), ..shelf("GET", "/top/book", "") };
    ask(&cloud, query("AWSAccessKeyId=x&Signature=y")).await.is(403, "requires the Signature, Expires");
    ask(&cloud, query("AWSAccessKeyId=x&Signature=y&Expires=soon"))
        .await
        .is(403, "seconds since epoch): soon");
    ask(&cloud, query("AWSAccessKeyId=x&Signature=y&Expires=99999999999"))
        .await
        .is(403, "InvalidAccessKeyId");
    let post = Ask::json("Echo", "{}").header("authorization", "AWS x:y");
    ask(&cloud, post).await.is(400, "IncompleteSignatureException");
}
