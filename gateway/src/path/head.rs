//! What the steps ask of a request's head.

use std::borrow::Cow;

use base::Region;
use http::{HeaderMap, HeaderName, Version, header};
use identity::sigv4::RequestParts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::Protocol;
use service::{Call, Notes, Source};

use super::{Asked, Seen, host_of};
use crate::buckets;
use crate::route::{self, Head, Route};
use crate::verify::{Caller, Presented};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

impl Asked<'_> {
    /// In HTTP/1.1, a request without any word on its length has no body, which need not be meant.
    pub(super) fn is_without_length(&self) -> bool {
        let headers = &self.parts.headers;
        self.parts.version < Version::HTTP_2
            && !headers.contains_key(header::CONTENT_LENGTH)
            && !headers.contains_key(header::TRANSFER_ENCODING)
    }

    pub(super) fn bucket_headers(&self, seen: &Seen<'_>, body: &wire::Body) -> Cow<'_, HeaderMap> {
        let is_presigned = seen.presented.as_ref().is_some_and(Presented::is_presigned);
        let length = match body {
            wire::Body::Stream(stream) => stream.length(),
            wire::Body::Bytes(bytes) => Some(bytes.len() as u64),
        };
        let decoded = self.parts.headers.contains_key("x-amz-decoded-content-length");
        let query = is_presigned.then(|| self.query());
        buckets::input_headers(&self.parts.headers, query, length.filter(|_| decoded))
    }

    pub(super) fn head<'h>(&'h self, signing_name: Option<&'h str>) -> Head<'h> {
        let text = |name: &HeaderName| self.parts.headers.get(name).and_then(|value| value.to_str().ok());
        Head {
            method: &self.parts.method,
            path: self.parts.uri.path(),
            query: self.query(),
            host: self.host(),
            target: text(&TARGET),
            content_type: text(&header::CONTENT_TYPE).unwrap_or(""),
            smithy_protocol: text(&SMITHY_PROTOCOL),
            signing_name,
            headers: Some(&self.parts.headers),
            buckets: self.host,
        }
    }

    pub(super) fn request_parts(&self) -> RequestParts<'_> {
        let is_http2 = self.parts.version == Version::HTTP_2;
        RequestParts {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.query(),
            headers: &self.parts.headers,
            authority: self.parts.uri.authority().filter(|_| is_http2).map(|authority| authority.as_str()),
        }
    }

    pub(super) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or("")
    }

    pub(super) fn host(&self) -> &str {
        host_of(self.parts)
    }

    /// Scheme and authority as the client used them.
    pub(super) fn endpoint(&self) -> String {
        let scheme = if self.peer.tls { "https://" } else { "http://" };
        [scheme, self.host()].concat()
    }

    /// The query, with the parameter that the path stands for in services which have such.
    pub(super) fn query_with_path(&self, route: &Route<'_>, body: &wire::Body) -> Cow<'_, str> {
        let (query, path) = (self.query(), self.parts.uri.path());
        let name = match (route.entry.spec.path_parameter, route.protocol) {
            (Some(name), Protocol::AwsQuery) if path.len() > 1 => name,
            _ => return Cow::Borrowed(query),
        };
        let form = body.whole().unwrap_or_default();
        let given = route::parameter(&form, name).or_else(|| route::parameter(query.as_bytes(), name));
        if given.is_some() {
            return Cow::Borrowed(query);
        }
        let separator = if query.is_empty() { "" } else { "&" };
        let url = [&self.endpoint(), path].concat();
        Cow::Owned(format!("{query}{separator}{name}={}", utf8_percent_encode(&url, NON_ALPHANUMERIC)))
    }

    pub(super) fn call_of(&self, caller: Caller, endpoint: String) -> Call {
        let agent = self.parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Call {
            request_id: self.request_id.clone(),
            account: caller.principal.account,
            principal: caller.principal,
            region: caller.region.unwrap_or_else(|| self.region()),
            source: Source {
                ip: Some(self.peer.address.ip()),
                user_agent: agent.map(str::to_owned),
                endpoint,
                secure_transport: self.peer.tls,
                signature: caller.signature,
                tls_version: self.peer.tls_version.map(str::to_owned),
                ..Source::default()
            },
            now: self.inner.dispatcher.clock.now(),
            depth: 0,
            notes: Notes::default(),
        }
    }

    pub(super) fn region(&self) -> Region {
        route::region_of(self.host())
    }

    /// The protocol of an answer to a request that was not understood.
    pub(super) fn likely_protocol(&self) -> Protocol {
        route::likely_protocol(&self.head(None))
    }
}
