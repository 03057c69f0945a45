//! What the access log of a bucket is told of a request, once its answer has been sent or was given up.
//!
//! Reference: "Amazon S3 server access log format" in the S3 user guide. Names of operations are method and kind of
//! resource, as S3 names these in refusals of methods too. All that requests to buckets without a log pay for is the
//! question whether there is one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::Timestamp;
use bytes::Bytes;
use futures_util::Stream;
use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode_str;
use schema::ByteStream;
use service::{Principal, Signature};
use tokio::time::Instant;

use super::answer;
use super::cors::bucket_of;
use super::host::BucketHost;
use super::ports::{AccessEntry, AccessLog};
use crate::connection::Peer;

/// Parameters that make a request to a bucket one to something of it.
const OF_BUCKETS: &[(&str, &str)] = &[
    ("abac", "BUCKET_ABAC"),
    ("accelerate", "ACCELERATE"),
    ("acl", "ACL"),
    ("analytics", "ANALYTICS"),
    ("cors", "CORS"),
    ("delete", "MULTI_OBJECT_DELETE"),
    ("encryption", "ENCRYPTION"),
    ("intelligent-tiering", "INTELLIGENT_TIERING"),
    ("inventory", "INVENTORY"),
    ("lifecycle", "LIFECYCLE"),
    ("location", "LOCATION"),
    ("logging", "LOGGING_STATUS"),
    ("metrics", "METRICS"),
    ("notification", "NOTIFICATION"),
    ("object-lock", "OBJECT_LOCK_CONFIGURATION"),
    ("ownershipControls", "OWNERSHIP_CONTROLS"),
    ("policy", "BUCKETPOLICY"),
    ("policyStatus", "POLICY_STATUS"),
    ("publicAccessBlock", "PUBLIC_ACCESS_BLOCK"),
    ("replication", "REPLICATION"),
    ("requestPayment", "REQUEST_PAYMENT"),
    ("tagging", "TAGGING"),
    ("uploads", "UPLOADS"),
    ("versioning", "VERSIONING"),
    ("versions", "BUCKETVERSIONS"),
    ("website", "WEBSITE"),
];

/// The same for objects. Of these, `partNumber` is looked at only beside `uploadId`.
const OF_OBJECTS: &[(&str, &str)] = &[
    ("acl", "ACL"),
    ("attributes", "OBJECT_ATTRIBUTES"),
    ("legal-hold", "OBJECT_LOCK_LEGALHOLD"),
    ("restore", "RESTORE"),
    ("retention", "OBJECT_LOCK_RETENTION"),
    ("select", "SELECT"),
    ("tagging", "OBJECT_TAGGING"),
    ("torrent", "TORRENT"),
    ("uploadId", "UPLOAD"),
    ("uploads", "UPLOADS"),
];

/// A request on its way to the log of its bucket.
pub(crate) struct Logging<'a> {
    pub log: &'a Arc<dyn AccessLog>,
    pub begun: Instant,
    pub at: Timestamp,
    pub peer: Peer,
    pub parts: &'a Parts,
    pub host: Option<&'a BucketHost>,
    pub host_header: &'a str,
    pub request_id: &'a str,
}

impl Logging<'_> {
    /// Has the answer logged when its last byte is sent, if it is about a bucket with a log. `caller` is nothing where
    /// nobody was found to be calling.
    pub fn watch(
        self,
        mut response: wire::Response,
        caller: Option<&(Principal, Option<Signature>)>,
    ) -> wire::Response {
        let Some((bucket, path)) = bucket_of(self.parts, self.host).filter(|_| answer::is_ours(&response))
        else {
            return response;
        };
        if !self.log.wants(&bucket) {
            return response;
        }
        let entry = self.entry(bucket, path, &response, caller);
        let mut logged = Logged { log: self.log.clone(), begun: self.begun, entry: Some(entry) };
        response.body = match response.body {
            wire::Body::Stream(stream) => {
                let length = stream.length();
                let counted = ByteStream::new(Counted { stream: stream.take(), logged });
                length.into_iter().fold(counted, ByteStream::with_length).into()
            }
            body => {
                let bytes = body.whole().map_or(0, |bytes| bytes.len() as u64);
                logged.count(if self.parts.method == Method::HEAD { 0 } else { bytes });
                body
            }
        };
        response
    }

    fn entry(
        &self,
        bucket: String,
        path: &str,
        response: &wire::Response,
        caller: Option<&(Principal, Option<Signature>)>,
    ) -> AccessEntry {
        let parts = self.parts;
        let text = |headers: &HeaderMap, name: HeaderName| {
            headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let query = parts.uri.query().unwrap_or("");
        let key = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let operation = operation(&parts.method, !key.is_empty(), query, &parts.headers);
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let version = if parts.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" };
        let turn_around = self.begun.elapsed();
        AccessEntry {
            bucket,
            at: self.at,
            ip: self.peer.address.ip().to_canonical(),
            caller: caller.cloned(),
            request_id: self.request_id.to_owned(),
            host_id: answer::host_id(self.request_id),
            request_line: format!("{} {target} {version}", parts.method),
            status: response.status.as_u16(),
            error: error_code(response),
            bytes_sent: 0,
            object_size: object_size(&operation, parts, response),
            operation,
            key: Some(key).filter(|key| !key.is_empty()),
            total: turn_around,
            turn_around,
            referer: text(&parts.headers, header::REFERER),
            user_agent: text(&parts.headers, header::USER_AGENT),
            version_id: parameter(query, "versionId").map(str::to_owned),
            host: self.host_header.to_owned(),
            tls_version: self.peer.tls_version,
        }
    }
}

/// Logs a request when it is dropped.
struct Logged {
    log: Arc<dyn AccessLog>,
    begun: Instant,
    entry: Option<AccessEntry>,
}

impl Logged {
    fn count(&mut self, bytes: u64) {
        if let Some(entry) = &mut self.entry {
            entry.bytes_sent += bytes;
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.log.record(AccessEntry { total: self.begun.elapsed(), ..entry });
        }
    }
}

/// A body that is counted on its way.
struct Counted {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>,
    logged: Logged,
}

impl Stream for Counted {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.logged.count(piece.len() as u64);
        }
        polled
    }
}

/// `REST.GET.OBJECT`
fn operation(method: &Method, is_object: bool, query: &str, headers: &HeaderMap) -> String {
    let selectors = if is_object { OF_OBJECTS } else { OF_BUCKETS };
    let selected = selectors.iter().find(|(name, _)| parameter(query, name).is_some());
    let resource = match selected {
        Some(("uploadId", _)) if parameter(query, "partNumber").is_some() => "PART",
        Some((_, resource)) => resource,
        None if is_object => "OBJECT",
        // A browser's form.
        None if method == Method::POST => "OBJECT",
        None => "BUCKET",
    };
    let copies = matches!(resource, "OBJECT" | "PART") && headers.contains_key("x-amz-copy-source");
    let verb = if copies && method == Method::PUT { "COPY" } else { method.as_str() };
    format!("REST.{verb}.{resource}")
}

/// The value of a parameter, as it was sent.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The code in the document of an error.
fn error_code(response: &wire::Response) -> Option<String> {
    if !response.status.is_client_error() && !response.status.is_server_error() {
        return None;
    }
    let body = response.body.whole()?;
    let text = std::str::from_utf8(&body).ok()?;
    let (_, code) = text.split_once("<Code>")?;
    Some(code.split_once("</Code>")?.0.to_owned())
}

/// The size of the object that was read or written.
fn object_size(operation: &str, parts: &Parts, response: &wire::Response) -> Option<u64> {
    let number = |headers: &HeaderMap, name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if !response.status.is_success() {
        return None;
    }
    match operation {
        "REST.GET.OBJECT" | "REST.HEAD.OBJECT" => {
            let range = response.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let of_range = range.and_then(|range| range.rsplit_once('/')?.1.parse().ok());
            of_range.or_else(|| number(&response.headers, "content-length"))
        }
        "REST.PUT.OBJECT" | "REST.PUT.PART" => number(&parts.headers, "x-amz-decoded-content-length")
            .or_else(|| number(&parts.headers, "content-length")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn operations_are_a_method_and_a_kind_of_resource() {
        let none = HeaderMap::new();
        let copying = HeaderMap::from_iter([(
            HeaderName::from_static("x-amz-copy-source"),
            HeaderValue::from_static("b/k"),
        )]);
        for (method, is_object, query, headers, expected) in [
            (Method::GET, true, "", &none, "REST.GET.OBJECT"),
            (Method::GET, true, "partNumber=1&versionId=x", &none, "REST.GET.OBJECT"),
            (Method::PUT, true, "x-id=PutObject", &none, "REST.PUT.OBJECT"),
            (Method::PUT, true, "", &copying, "REST.COPY.OBJECT"),
            (Method::PUT, true, "partNumber=1&uploadId=u", &none, "REST.PUT.PART"),
            (Method::PUT, true, "partNumber=1&uploadId=u", &copying, "REST.COPY.PART"),
            (Method::POST, true, "uploadId=u", &none, "REST.POST.UPLOAD"),
            (Method::POST, true, "uploads", &none, "REST.POST.UPLOADS"),
            (Method::GET, true, "tagging", &none, "REST.GET.OBJECT_TAGGING"),
            (Method::GET, false, "list-type=2&prefix=acl", &none, "REST.GET.BUCKET"),
            (Method::GET, false, "versions", &none, "REST.GET.BUCKETVERSIONS"),
            (Method::POST, false, "delete=", &none, "REST.POST.MULTI_OBJECT_DELETE"),
            (Method::POST, false, "", &none, "REST.POST.OBJECT"),
            (Method::DELETE, false, "policy", &none, "REST.DELETE.BUCKETPOLICY"),
        ] {
            assert_eq!(operation(&method, is_object, query, headers), expected);
        }
    }

    #[test]
    fn the_code_of_an_error_is_in_its_document() {
        let answer = |status: u16, body: &'static str| wire::Response {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()).into(),
        };
        let document = "<Error><Code>NoSuchKey</Code><Message>…</Message></Error>";
        assert_eq!(error_code(&answer(404, document)).as_deref(), Some("NoSuchKey"));
        assert_eq!(error_code(&answer(404, "")), None);
        assert_eq!(error_code(&answer(200, document)), None);
    }
}
