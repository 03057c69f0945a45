//! A website as its visitors see it, over S3 in process.

use std::net::IpAddr;
use std::sync::Arc;

use base::Region;
use bytes::Bytes;
use fogbank_website::{Site, SiteRequest, Sites, Websites};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use s3_api::*;
use schema::{ByteStream, Fault};
use testkit::Cloud;

/// One bucket with one configuration.
struct One(WebsiteConfiguration);

impl Sites for One {
    fn site<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Option<Site>, Fault>> {
        let site = Site { region: Region::US_EAST_1, configuration: Some(self.0.clone()) };
        Box::pin(async move { Ok((bucket == "the-site").then_some(site)) })
    }
}

struct Visitor {
    cloud: Cloud,
    websites: Websites,
}

/// A site with an index, an error document and a page, which everybody may read.
async fn site() -> Visitor {
    let cloud = Cloud::new(1).await;
    let bucket = "the-site".to_owned();
    let made = CreateBucketInput { bucket: bucket.clone(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, made).await.expect("the bucket is possible");
    for (key, html) in
        [("index.html", "home"), ("error.html", "sorry"), ("a/index.html", "a"), ("a/b c", "b")]
    {
        let put = PutObjectInput {
            bucket: bucket.clone(),
            key: key.to_owned(),
            body: Some(ByteStream::from(Bytes::from_static(html.as_bytes()))),
            ..PutObjectInput::default()
        };
        cloud.call(PutObject, put).await.expect("the page is put");
    }
    let open = DeletePublicAccessBlockInput { bucket: bucket.clone(), ..Default::default() };
    cloud.call(DeletePublicAccessBlock, open).await.expect("the block goes");
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::the-site/*"}}"#;
    let policy =
        PutBucketPolicyInput { bucket, policy: policy.to_owned(), ..PutBucketPolicyInput::default() };
    cloud.call(PutBucketPolicy, policy).await.expect("the policy is well formed");
    let configuration = WebsiteConfiguration {
        index_document: Some(IndexDocument { suffix: "index.html".to_owned() }),
        error_document: Some(ErrorDocument { key: "error.html".to_owned() }),
        ..WebsiteConfiguration::default()
    };
    let websites = Websites::new(Arc::new(One(configuration)), cloud.aws(), cloud.clock.clone());
    Visitor { cloud, websites }
}

impl Visitor {
    async fn visit(&self, bucket: &str, method: &Method, path: &str, headers: &HeaderMap) -> wire::Response {
        let request = SiteRequest {
            bucket,
            region: Some(Region::US_EAST_1),
            method,
            path,
            headers,
            host: "the-site.s3-website-us-east-1.amazonaws.com",
            peer: IpAddr::from([192, 0, 2, 1]),
            secure_transport: false,
            request_id: "the-request",
        };
        self.websites.answer(&request).await
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.visit("the-site", &Method::GET, path, &HeaderMap::new()).await;
        let body = response.body.whole().expect("short pages are at hand");
        (response.status.as_u16(), String::from_utf8(body.to_vec()).expect("pages are text"))
    }
}

#[tokio::test]
async fn pages_folders_and_what_is_not_there() {
    let visitor = site().await;
    for (path, status, body) in [
        ("/", 200, "home"),
        ("/index.html", 200, "home"),
        ("/a/", 200, "a"),
        ("/a/b%20c", 200, "b"),
        ("/a", 302, ""),
        // Nobody may list the bucket, so nobody learns that it is not there.
        ("/none", 403, "sorry"),
    ] {
        assert_eq!(visitor.get(path).await, (status, body.to_owned()), "{path}");
    }
    let head = visitor.visit("the-site", &Method::HEAD, "/", &HeaderMap::new()).await;
    assert_eq!((head.status.as_u16(), head.headers["content-length"].to_str().unwrap()), (200, "4"));
    assert!(head.body.whole().unwrap().is_empty());
    let put = visitor.visit("the-site", &Method::PUT, "/x", &HeaderMap::new()).await;
    assert_eq!(
        (put.status.as_u16(), &put.headers["x-amz-error-code"]),
        (405, &"MethodNotAllowed".parse().unwrap())
    );
    let none = visitor.visit("no-site", &Method::GET, "/", &HeaderMap::new()).await;
    assert_eq!(none.status.as_u16(), 404);
}

#[tokio::test]
async fn visitors_who_know_a_page_are_told_that_it_is_the_same() {
    let visitor = site().await;
    let first = visitor.visit("the-site", &Method::GET, "/", &HeaderMap::new()).await;
    let mut headers = HeaderMap::new();
    headers.insert("if-none-match", first.headers["etag"].clone());
    let again = visitor.visit("the-site", &Method::GET, "/", &headers).await;
    assert_eq!(again.status.as_u16(), 304);
    let mut headers = HeaderMap::new();
    headers.insert("range", "bytes=1-2".parse().unwrap());
    let part = visitor.visit("the-site", &Method::GET, "/", &headers).await;
    assert_eq!((part.status.as_u16(), part.body.whole().unwrap().as_ref()), (206, &b"om"[..]));
}

#[tokio::test]
async fn a_private_site_says_so_in_a_page_of_its_own() {
    let visitor = site().await;
    let gone =
        DeleteBucketPolicyInput { bucket: "the-site".to_owned(), ..DeleteBucketPolicyInput::default() };
    visitor.cloud.call(DeleteBucketPolicy, gone).await.unwrap();
    let (status, page) = visitor.get("/").await;
    assert_eq!(status, 403);
    assert!(
        page.contains("<h1>403 Forbidden</h1>") && page.contains("<li>Code: AccessDenied</li>"),
        "{page}"
    );
    assert!(
        page.contains("An Error Occurred While Attempting to Retrieve a Custom Error Document"),
        "{page}"
    );
}
