//! From a request to its answer, in the order in which AWS refuses things: the service is off, the method, the token,
//! then what is not there.
//!
//! Surprising: a token that is sent has to be good even where none is required, and only the making of tokens refuses
//! requests that came through a proxy (`X-Forwarded-For`); hop limits bind its answers alone.
//! Reference: "Access instance metadata for an EC2 instance" of the EC2 guide.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, ALLOW, CONTENT_TYPE, LAST_MODIFIED, SERVER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use super::Inner;
use crate::limits::{TOKEN_TTL_SECONDS_MAX, TOKEN_TTL_SECONDS_MIN};
use crate::model::identity::identity_document;
use crate::model::path::{Target, VERSIONS, target};
use crate::model::tree::{Content, Found, SignatureForm, find, role_credentials};
use crate::model::{InstanceView, Tokens, page};

const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An answer, and how far it may travel if that is not left to the network.
pub(super) struct Answer {
    pub response: Response<Full<Bytes>>,
    pub hop_limit: Option<u8>,
}

/// Answers a request of this instance.
pub(super) async fn answer(inner: &Inner, view: &InstanceView, source: IpAddr, request: &Parts) -> Answer {
    let off = !view.options.enabled || (source.is_ipv6() && !view.options.ipv6);
    if off {
        return refusal(StatusCode::FORBIDDEN).into();
    }
    match target(request.uri.path()) {
        Target::Token => token(inner, view, request),
        target => content(inner, view, &target, request).await.into(),
    }
}

/// `PUT /latest/api/token`
fn token(inner: &Inner, view: &InstanceView, request: &Parts) -> Answer {
    if request.method != Method::PUT {
        return not_allowed("OPTIONS, PUT").into();
    }
    if request.headers.contains_key(FORWARDED_FOR) {
        return refusal(StatusCode::FORBIDDEN).into();
    }
    let Some(ttl_seconds) = ttl_seconds(&request.headers) else {
        return refusal(StatusCode::BAD_REQUEST).into();
    };
    let token = inner.tokens.issue(&view.instance_id, inner.clock.now(), ttl_seconds);
    let mut response = text(token);
    response.headers_mut().insert(TOKEN_TTL, ttl_seconds.into());
    Answer { response, hop_limit: Some(view.options.hop_limit) }
}

/// How long the token is to live; nothing if that is not said, or not within the limits.
fn ttl_seconds(headers: &HeaderMap) -> Option<u32> {
    let mut values = headers.get_all(TOKEN_TTL).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let seconds: u32 = value.to_str().ok()?.trim().parse().ok()?;
    (TOKEN_TTL_SECONDS_MIN..=TOKEN_TTL_SECONDS_MAX).contains(&seconds).then_some(seconds)
}

/// Everything that is read.
async fn content(
    inner: &Inner,
    view: &InstanceView,
    target: &Target,
    request: &Parts,
) -> Response<Full<Bytes>> {
    if request.method != Method::GET && request.method != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    let left_seconds = match session(inner, view, &request.headers) {
        Session::None => None,
        Session::Good { left_seconds } => Some(left_seconds),
        Session::Refused => return refusal(StatusCode::UNAUTHORIZED),
    };
    let Some(mut response) = read(inner, view, target).await else {
        return refusal(StatusCode::NOT_FOUND);
    };
    let headers = response.headers_mut();
    if let Some(left) = left_seconds {
        headers.insert(TOKEN_TTL, left.into());
    }
    let modified = base::Timestamp::from_secs(view.pending_time.as_secs()).to_http_date();
    headers.insert(LAST_MODIFIED, HeaderValue::try_from(modified).expect("a date is a header's value"));
    response
}

enum Session {
    /// IMDSv1, where it is allowed.
    None,
    Good {
        left_seconds: u32,
    },
    Refused,
}

fn session(inner: &Inner, view: &InstanceView, headers: &HeaderMap) -> Session {
    let Some(token) = headers.get(TOKEN) else {
        return match view.options.tokens {
            Tokens::Optional => Session::None,
            Tokens::Required => Session::Refused,
        };
    };
    match inner.tokens.verify(&view.instance_id, inner.clock.now(), token.as_bytes()) {
        Some(left_seconds) => Session::Good { left_seconds },
        None => Session::Refused,
    }
}

/// What there is at a place, if there is anything.
async fn read(inner: &Inner, view: &InstanceView, target: &Target) -> Option<Response<Full<Bytes>>> {
    let (version, path, list) = match target {
        Target::Versions => return Some(text(VERSIONS.join("\n"))),
        Target::UserData => {
            let data = view.user_data.clone()?;
            return Some(respond(StatusCode::OK, "application/octet-stream", data));
        }
        Target::Tree { version, path, list } => (version, path, *list),
        Target::Token | Target::Nowhere => return None,
    };
    Some(text(match find(view, version, path, list)? {
        Found::List(list) => list,
        Found::Content(Content::Text(text)) => text,
        Found::Content(Content::IdentityDocument) => identity_document(view),
        Found::Content(Content::Signature(form)) => {
            let document = identity_document(view);
            match form {
                SignatureForm::Bare => inner.identity.bare(&document),
                SignatureForm::Pkcs7 => inner.identity.pkcs7(&document),
            }
        }
        Found::Content(Content::RoleCredentials(role)) => {
            role_credentials(&inner.credentials.of_role(view, &role).await)
        }
    }))
}

fn text(body: String) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "text/plain", body.into())
}

/// A page that names the status and nothing else.
pub(super) fn refusal(status: StatusCode) -> Response<Full<Bytes>> {
    respond(status, "text/html", page::page(status).into())
}

/// AWS says this without a page.
fn not_allowed(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    headers.insert(SERVER, HeaderValue::from_static("EC2ws"));
    response
}

impl From<Response<Full<Bytes>>> for Answer {
    fn from(response: Response<Full<Bytes>>) -> Answer {
        Answer { response, hop_limit: None }
    }
}
