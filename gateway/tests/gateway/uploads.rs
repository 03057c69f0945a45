//! Forms of browsers, and pages of other origins.

use std::time::Duration;

use base::Timestamp;
use base64::prelude::{BASE64_STANDARD, Engine};
use identity::sigv2;
use tokio::io::AsyncWriteExt;

use crate::client::{Answer, Ask, credentials, exchange, read_answer};
use crate::cloud::{Cloud, KEY, SECRET};

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

async fn ask(cloud: &Cloud, ask: Ask) -> Answer {
    exchange(&mut cloud.connect().await, &ask).await
}

fn form(fields: &[(&str, &str)], file: Option<&str>) -> Ask {
    let mut body = String::new();
    for (name, value) in fields {
        body +=
            &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    if let Some(file) = file {
        let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\me\\a b.txt\"";
        body += &format!("--{BOUNDARY}\r\n{disposition}\r\nContent-Type: text/plain\r\n\r\n{file}\r\n");
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"acl\"\r\n\r\nlate\r\n");
    }
    body += &format!("--{BOUNDARY}--\r\n");
    Ask::new("shelf", "POST", "/top", body)
        .header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
}

fn policy(conditions: &str, expires: Timestamp) -> String {
    let expiration = expires.to_iso8601();
    BASE64_STANDARD.encode(format!(r#"{{"expiration": "{expiration}", "conditions": [{conditions}]}}"#))
}

const CONDITIONS: &str =
    r#"{"bucket": "top"}, ["starts-with", "$key", "user/"], ["content-length-range", 3, 10]"#;

/// A form that is signed with Version 2, besides further fields.
fn signed(conditions: &str, fields: &[(&str, &str)], file: &str, expires: i64) -> Ask {
    let now = form(&[], None).at;
    let policy = policy(conditions, Timestamp::from_secs(now.as_secs() + expires));
    let signature = sigv2::sign_text(&credentials().secret_access_key, policy.as_bytes());
    let own = [
        ("key", "user/${filename}"),
        ("AWSAccessKeyId", KEY),
        ("policy", &policy),
        ("signature", &signature),
    ];
    form(&[&own[..], fields].concat(), Some(file))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// The same with Version 4.
fn signed_4(file: &str) -> Ask {
    let at = form(&[], None).at;
    let date = at.to_basic_iso8601();
    let day = &date[..8];
    let credential = format!("{KEY}/{day}/eu-west-1/shelf/aws4_request");
    let conditions = format!(
        r#"{CONDITIONS}, {{"x-amz-algorithm": "AWS4-HMAC-SHA256"}}, {{"x-amz-credential": "{credential}"}},
           {{"x-amz-date": "{date}"}}, ["starts-with", "$x-amz-label", ""]"#
    );
    let policy = policy(&conditions, at + Duration::from_secs(60));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, "eu-west-1", "shelf", "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature: String = hmac(&key, &policy).iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = [
        ("key", "user/one"),
        ("x-amz-label", "red"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &date),
        ("Policy", &policy),
        ("X-Amz-Signature", &signature),
    ];
    form(&fields, Some(file))
}

#[tokio::test]
async fn a_form_uploads_its_file() {
    let cloud = Cloud::start().await;
    let answer = ask(&cloud, signed(CONDITIONS, &[], "content", 60)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
    assert_eq!((answer.headers["x-amz-length"].as_str(), answer.headers["etag"].as_str()), ("7", "\"tag\""));
    assert_eq!(answer.headers["location"], "http://localhost:4566/top/user/a%20b.txt");
    let answer = ask(&cloud, signed_4("content")).await;
    assert_eq!((answer.status, answer.headers["x-amz-label"].as_str()), (204, "red"), "{}", answer.text());
    let on_host = Ask { path: "/".into(), ..signed_4("content") }.header("host", "top.shelf.localhost:4566");
    let answer = ask(&cloud, on_host).await;
    assert_eq!(answer.headers["location"], "http://top.shelf.localhost:4566/user/one");
}

#[tokio::test]
async fn a_form_says_what_its_answer_shall_be() {
    let cloud = Cloud::start().await;
    let any = format!(r#"{CONDITIONS}, ["starts-with", "$success_action_status", ""]"#);
    let with_status = |status| signed(&any, &[("success_action_status", status)], "content", 60);
    let answer = ask(&cloud, with_status("201")).await;
    answer.is(
        201,
        "<PostResponse><Location>http://localhost:4566/top/user/a%20b.txt</Location><Bucket>top</Bucket>",
    );
    answer.is(201, "<Key>user/a b.txt</Key><ETag>&quot;tag&quot;</ETag></PostResponse>");
    assert_eq!(ask(&cloud, with_status("200")).await.status, 200);
    assert_eq!(ask(&cloud, with_status("999")).await.status, 204);
    let any =
        format!(r#"{CONDITIONS}, ["starts-with", "$success_action_redirect", "https://page.example/"]"#);
    let with_url = |url| signed(&any, &[("success_action_redirect", url)], "content", 60);
    let answer = ask(&cloud, with_url("https://page.example/done?x=1")).await;
    assert_eq!(answer.status, 303);
    let expected = "https://page.example/done?x=1&bucket=top&key=user%2Fa%20b%2Etxt&etag=%22tag%22";
    assert_eq!(answer.headers["location"], expected);
}

#[tokio::test]
async fn a_form_that_breaks_its_policy_is_refused() {
    let cloud = Cloud::start().await;
    ask(&cloud, signed(CONDITIONS, &[], "ab", 60)).await.is(400, "<Code>EntityTooSmall</Code>");
    let large = ask(&cloud, signed(CONDITIONS, &[], &"x".repeat(300_000), 60)).await;
    large.is(400, "<MaxSizeAllowed>10</MaxSizeAllowed>");
    ask(&cloud, signed(CONDITIONS, &[], "content", -60)).await.is(403, "Policy expired.");
    let extra = ask(&cloud, signed(CONDITIONS, &[("acl", "public-read")], "content", 60)).await;
    extra.is(403, "Invalid according to Policy: Extra input fields: acl");
    let other = CONDITIONS.replace("user/", "other/");
    let failed = ask(&cloud, signed(&other, &[], "content", 60)).await;
    failed
        .is(403, "Policy Condition failed: [&quot;starts-with&quot;, &quot;$key&quot;, &quot;other/&quot;]");
}

#[tokio::test]
async fn a_form_that_is_not_signed_as_it_says_is_refused() {
    let cloud = Cloud::start().await;
    let mut forged = signed(CONDITIONS, &[], "content", 60);
    let text = String::from_utf8(forged.body.clone()).unwrap();
    forged.body = text.replace("name=\"signature\"\r\n\r\n", "name=\"signature\"\r\n\r\nAAAA").into_bytes();
    ask(&cloud, forged).await.is(403, "<Code>SignatureDoesNotMatch</Code>");
    let unknown = [("key", "k"), ("AWSAccessKeyId", "AKIANOBODY"), ("policy", "e30="), ("signature", "x")];
    ask(&cloud, form(&unknown, Some("content"))).await.is(403, "<Code>InvalidAccessKeyId</Code>");
    let half = [("key", "k"), ("policy", "e30=")];
    let answer = ask(&cloud, form(&half, Some("content"))).await;
    answer.is(400, "must contain a field named 'AWSAccessKeyId'.");
    // Nobody's form is allowed what anyone is allowed, and that is nothing here.
    ask(&cloud, form(&[("key", "k")], Some("content"))).await.is(403, "<Code>AccessDenied</Code>");
}

#[tokio::test]
async fn what_is_no_form_is_told_so() {
    let cloud = Cloud::start().await;
    ask(&cloud, form(&[("key", "k")], None))
        .await
        .is(400, "POST requires exactly one file upload per request.");
    ask(&cloud, form(&[], Some("content"))).await.is(400, "must contain a field named 'key'");
    ask(&cloud, form(&[("key", "")], Some("content"))).await.is(400, "length greater than 0");
    let twice = [("key", "k"), ("Key", "j")];
    ask(&cloud, form(&twice, Some("content"))).await.is(400, "<Code>MalformedPOSTRequest</Code>");
    let many = "x".repeat(30_000);
    let large = form(&[("key", &many)], Some("content"));
    ask(&cloud, large).await.is(400, "<Code>MaxPostPreDataLengthExceeded</Code>");
    let endless = Ask::new("shelf", "POST", "/top", format!("--{BOUNDARY}\r\nX: {}", "x".repeat(3_000_000)))
        .header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"));
    ask(&cloud, endless).await.is(400, "<Code>MaxPostPreDataLengthExceeded</Code>");
    let no_boundary = form(&[("key", "k")], Some("content")).header("content-type", "multipart/form-data");
    ask(&cloud, no_boundary).await.is(400, "<Code>MalformedPOSTRequest</Code>");
    let mut cut = form(&[("key", "k")], Some("content"));
    cut.body.truncate(cut.body.len() - BOUNDARY.len() * 3);
    ask(&cloud, cut).await;
}

#[tokio::test]
async fn a_file_that_breaks_off_is_not_uploaded() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let whole = signed(CONDITIONS, &[], "content", 60);
    let length = whole.body.len();
    let at = String::from_utf8(whole.body.clone()).unwrap().find("content\r\n").unwrap();
    let cut =
        Ask { body: whole.body[..at + 4].to_vec(), ..whole }.header("content-length", &length.to_string());
    stream.write_all(&cut.bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    if let Some(answer) = read_answer(&mut stream, false).await {
        answer.is(400, "<Code>IncompleteBody</Code>");
    }
}

#[tokio::test]
async fn the_rules_of_a_bucket_say_which_pages_may_read_it() {
    let cloud = Cloud::start().await;
    let page = "https://page.example";
    let question = |path: &str, origin: &str, method: &str| {
        Ask::new("shelf", "OPTIONS", path, "")
            .header("origin", origin)
            .header("access-control-request-method", method)
    };
    let granted = ask(&cloud, question("/top/book", page, "GET")).await;
    assert_eq!((granted.status, granted.headers["access-control-allow-origin"].as_str()), (200, page));
    assert_eq!(granted.headers["access-control-allow-methods"], "GET, HEAD");
    assert_eq!(granted.headers["access-control-max-age"], "300");
    assert_eq!(granted.headers["access-control-allow-credentials"], "true");
    let with = |name| question("/top/book", page, "GET").header("access-control-request-headers", name);
    let answer = ask(&cloud, with("X-Amz-Date")).await;
    assert_eq!(answer.headers["access-control-allow-headers"], "x-amz-date");
    ask(&cloud, with("x-other")).await.is(403, "CORSResponse: This CORS request is not allowed.");
    let local = ask(&cloud, question("/top/book", "http://localhost:3000", "GET")).await;
    local.is(403, "<Method>GET</Method><ResourceType>OBJECT</ResourceType>");
    ask(&cloud, question("/plain", page, "GET")).await.is(403, "CORS is not enabled for this bucket.");
    let on_host = question("/", page, "GET").header("host", "none.shelf.localhost");
    ask(&cloud, on_host).await.is(403, "CORSResponse: Bucket not found");
    // Nothing says that this is about a bucket, so the gateway's own rules hold.
    let other = ask(&cloud, question("/2015-03-31/functions", "http://localhost:3000", "GET")).await;
    assert_eq!(
        (other.status, other.headers["access-control-allow-origin"].as_str()),
        (204, "http://localhost:3000")
    );

    let real = ask(&cloud, Ask::new("shelf", "GET", "/top/book", "").header("origin", page)).await;
    assert_eq!(real.headers["access-control-allow-origin"], page);
    assert_eq!(real.headers["access-control-expose-headers"], "ETag");
    assert!(real.headers["vary"].contains("Origin"));
    let local = Ask::new("shelf", "GET", "/top/book", "").header("origin", "http://localhost:3000");
    assert!(!ask(&cloud, local).await.headers.contains_key("access-control-allow-origin"));
    let post = Ask::json("Echo", "{}").signed().header("origin", "http://localhost:3000");
    assert_eq!(ask(&cloud, post).await.headers["access-control-allow-origin"], "http://localhost:3000");
}

#[tokio::test]
async fn websites_have_hosts_of_their_own() {
    let cloud = Cloud::start().await;
    for (host, region) in [
        ("www.example.com.shelf-website-us-west-2.amazonaws.com", "us-west-2"),
        ("www.example.com.shelf-website.localhost:4566", "?"),
    ] {
        let answer = ask(&cloud, Ask::new("shelf", "GET", "/a/b?c", "").header("host", host)).await;
        answer.is(200, &format!("GET www.example.com {region} /a/b"));
        assert!(answer.headers.contains_key("x-amz-request-id"));
    }
}

#[tokio::test]
async fn a_gathered_body_has_the_digest_that_was_sent_with_it() {
    let cloud = Cloud::start().await;
    let find =
        |digest: &str| Ask::new("shelf", "GET", "/top", "hello").header("content-md5", digest).signed();
    ask(&cloud, find("XUFAKrxLKna5cZ2REBfFkg==")).await.is(200, "top");
    ask(&cloud, find("AUFAKrxLKna5cZ2REBfFkg==")).await.is(400, "<Code>BadDigest</Code>");
    ask(&cloud, find("hello")).await.is(400, "<Code>InvalidDigest</Code>");
}
