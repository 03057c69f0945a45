//! Cross-origin requests to buckets: each bucket's own rules hold there, and not the gateway's.
//!
//! Reference: "How does Amazon S3 evaluate the CORS configuration on a bucket?" in the S3 user guide. The sentences of
//! the refusals are S3's, its spelling of "evaluation" included.

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use schema::{ErrorCode, Fault};

use super::answer;
use super::host::BucketHost;
use super::ports::{BucketCors, CorsAsked, CorsGrant, CorsRule};
use crate::limits::PREFLIGHT_HEADERS_MAX;

const FORBIDDEN: ErrorCode = ErrorCode::sender("AccessForbidden", 403);
const BAD_REQUEST: ErrorCode = ErrorCode::sender("BadRequest", 400);
const NOT_FOUND: &str = "CORSResponse: Bucket not found";
const NOT_ENABLED: &str = "CORSResponse: CORS is not enabled for this bucket.";
const NOT_ALLOWED: &str = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of \
                           Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers \
                           are not whitelisted by the resource's CORS spec.";
const VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
const METHODS: &[&str] = &["GET", "PUT", "HEAD", "POST", "DELETE"];

/// Answers a question before the real request, unless it is not about a bucket.
pub(crate) async fn preflight(
    port: &dyn BucketCors,
    parts: &Parts,
    host: Option<&BucketHost>,
    request_id: &str,
) -> Option<wire::Response> {
    let (bucket, rest) = bucket_of(parts, host)?;
    let resource_type = if rest.is_empty() { "BUCKET" } else { "OBJECT" };
    let text = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (origin, method) = (text(&header::ORIGIN)?, text(&header::ACCESS_CONTROL_REQUEST_METHOD)?);
    let refuse = |error: &'static ErrorCode, message: String| {
        let fields = vec![("Method", method.to_owned()), ("ResourceType", resource_type.to_owned())];
        Some(answer::write_fault(&Fault::new(error, message).with_fields(fields), request_id))
    };
    if !METHODS.contains(&method) {
        // A page of ours may ask about another service by the same path.
        host?;
        return refuse(&BAD_REQUEST, format!("Invalid Access-Control-Request-Method: {method}"));
    }
    let wanted = parts.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let wanted = wanted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let wanted = wanted.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
    let headers: Vec<String> = wanted.take(PREFLIGHT_HEADERS_MAX).collect();
    let asked = CorsAsked { bucket: &bucket, origin, method, headers: headers.clone() };
    match port.rule(asked).await {
        // Without a bucket of that name, the path may be another service's.
        Ok(CorsRule::NoBucket) if host.is_none() => None,
        Ok(CorsRule::NoBucket) => refuse(&FORBIDDEN, NOT_FOUND.to_owned()),
        Ok(CorsRule::NoRules) => refuse(&FORBIDDEN, NOT_ENABLED.to_owned()),
        Ok(CorsRule::NoMatch) => refuse(&FORBIDDEN, NOT_ALLOWED.to_owned()),
        Ok(CorsRule::Match(grant)) => {
            let mut granted = HeaderMap::with_capacity(10);
            put(&mut granted, &grant, origin);
            put_list(&mut granted, header::ACCESS_CONTROL_ALLOW_HEADERS, &headers);
            let body = wire::Body::empty();
            let response = wire::Response { status: StatusCode::OK, headers: granted, body };
            Some(answer::finish(response, request_id))
        }
        Err(fault) => Some(answer::write_fault(&fault, request_id)),
    }
}

/// Adds to the answer about a bucket what lets a page read it, if a rule of the bucket does. False if it is about no
/// bucket.
pub(crate) async fn expose(
    port: &dyn BucketCors,
    parts: &Parts,
    host: Option<&BucketHost>,
    headers: &mut HeaderMap,
) -> bool {
    let Some((bucket, _)) = bucket_of(parts, host) else { return false };
    let Some(origin) = parts.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let asked = CorsAsked { bucket: &bucket, origin, method: parts.method.as_str(), headers: Vec::new() };
    if let Ok(CorsRule::Match(grant)) = port.rule(asked).await {
        put(headers, &grant, origin);
    }
    true
}

/// The bucket that a request is about before it is routed, and the path in it as it was sent.
pub(super) fn bucket_of<'p>(parts: &'p Parts, host: Option<&BucketHost>) -> Option<(String, &'p str)> {
    let path = parts.uri.path().strip_prefix('/')?;
    let (bucket, rest) = match host {
        Some(BucketHost::Bucket(bucket)) => (bucket.label.clone(), path),
        Some(BucketHost::Website { bucket, .. }) => (bucket.clone(), path),
        Some(BucketHost::Endpoint) | None => {
            let (first, rest) = path.split_once('/').unwrap_or((path, ""));
            (percent_decode_str(first).decode_utf8().ok()?.into_owned(), rest)
        }
    };
    (!bucket.is_empty()).then_some((bucket, rest))
}

fn put(headers: &mut HeaderMap, grant: &CorsGrant, origin: &str) {
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if grant.any_origin {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if let Some(secs) = grant.max_age_secs {
        set(header::ACCESS_CONTROL_MAX_AGE, &secs.to_string());
    }
    put_list(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &grant.methods);
    put_list(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &grant.exposed_headers);
    headers.insert(header::VARY, VARY);
}

fn put_list(headers: &mut HeaderMap, name: HeaderName, items: &[String]) {
    if let Ok(value) = HeaderValue::from_str(&items.join(", "))
        && !items.is_empty()
    {
        headers.insert(name, value);
    }
}
