//! Cross-origin resource sharing: which web pages may call from a browser.
//!
//! A call still needs a signature; this only decides whether a browser hands a page the answer. The lists of
//! methods and headers are those that the AWS clients for browsers need.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::config::Cors;
use crate::limits::PREFLIGHT_AGE_MAX;

const METHODS: HeaderValue = HeaderValue::from_static("HEAD,GET,PUT,POST,DELETE,OPTIONS,PATCH");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization,cache-control,content-length,content-md5,content-type,etag,location,x-amz-acl,\
     x-amz-content-sha256,x-amz-date,x-amz-request-id,x-amz-security-token,x-amz-tagging,x-amz-target,\
     x-amz-user-agent,x-amz-version-id,x-amzn-requestid,amz-sdk-invocation-id,amz-sdk-request,smithy-protocol",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag,x-amz-version-id,x-amz-request-id,x-amzn-requestid,x-amzn-errortype,x-amzn-query-error,x-amz-crc32",
);
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The origin that a request comes from, if it may.
pub(crate) fn allowed_origin<'a>(cors: &Cors, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let allowed = match cors {
        Cors::Any => true,
        Cors::Origins(origins) => is_local(text) || origins.iter().any(|allowed| allowed == text),
    };
    allowed.then_some(origin)
}

/// Whether a request is a browser's question before the real one.
pub(crate) fn is_preflight(method: &http::Method, headers: &HeaderMap) -> bool {
    *method == http::Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight. A page that may not call gets one without permissions.
pub(crate) fn preflight(cors: &Cors, asked: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = allowed_origin(cors, asked) else { return headers };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    // Clients send headers of their own making, so what is asked for is granted.
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_AGE_MAX.as_secs()));
    if asked.contains_key(REQUEST_PRIVATE_NETWORK) {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    headers
}

/// Adds to an answer what lets the page at `origin` read it.
pub(crate) fn expose(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

/// Whether an origin is a page that this machine serves.
pub(crate) fn is_local(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "localhost.localstack.cloud")
        || host.ends_with(".localhost")
        || host.ends_with(".localhost.localstack.cloud");
    local && matches!(scheme, "http" | "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-amz-target"));
        headers
    }

    #[test]
    fn only_local_and_configured_pages_may_call_unless_any_may() {
        let cors = Cors::Origins(vec!["https://app.example.com".into()]);
        for (origin, allowed) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:8080", true),
            ("http://console.localhost", true),
            ("https://app.example.com", true),
            ("https://evil.example.com", false),
            ("http://localhost.evil.com", false),
            ("http://notlocalhost", false),
            ("ftp://localhost", false),
            ("null", false),
        ] {
            assert_eq!(allowed_origin(&cors, &asked(origin)).is_some(), allowed, "{origin}");
            assert!(allowed_origin(&Cors::Any, &asked(origin)).is_some());
            let answer = preflight(&cors, &asked(origin));
            assert_eq!(answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{origin}");
        }
    }

    #[test]
    fn a_preflight_grants_the_headers_asked_for() {
        let mut headers = asked("http://localhost:3000");
        headers.insert(REQUEST_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        assert!(is_preflight(&http::Method::OPTIONS, &headers));
        let answer = preflight(&Cors::Any, &headers);
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_HEADERS], "x-amz-target");
        assert_eq!(answer[ALLOW_PRIVATE_NETWORK], "true");
    }
}
