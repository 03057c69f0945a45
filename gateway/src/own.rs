//! What the gateway answers for itself: health, metrics, sign-in, and the controls of `--dev`.
//!
//! Health is open to all, as load balancers need it, and so is sign-in, which asks for a password. Everything else is
//! for this machine only: the peer must be a loopback address, and the host name and the page (if a browser asks)
//! must be local ones, so that no web page can reach it by a name that resolves to 127.0.0.1.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::Inner;
use crate::body::{BodyLimits, Unread};
use crate::config::Controls;
use crate::connection::Peer;
use crate::cors;

/// A call to one of the controls under `/_fogbank/`. Its body may hold a password, so it cannot be printed.
#[derive(Clone)]
pub struct AdminRequest {
    pub method: Method,
    /// What stands behind `/_fogbank/`: `clock`, `status`.
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub peer: IpAddr,
    pub secure_transport: bool,
}

/// Its answer, a JSON document.
#[derive(Clone, Debug)]
pub struct AdminReply {
    pub status: StatusCode,
    pub body: String,
}

/// Answers the controls. GET must only look; anything else but [`SIGN_IN`] and what is [`PROVEN`] is let through in
/// `--dev` alone.
pub type AdminHandler = Arc<dyn Fn(AdminRequest) -> BoxFuture<'static, AdminReply> + Send + Sync>;

const CONTROL_BODY_BYTES_MAX: usize = 64 * 1024;

/// The one control that strangers may call, in any mode.
const SIGN_IN: &str = "sign-in";

/// Controls that change something and ask the caller themselves to prove that the cloud is his: open in any mode.
const PROVEN: &str = "zones/";

/// Whether a request is for the gateway rather than for AWS. A bucket may be called `metrics`, but requests to it
/// are signed.
pub(crate) fn is_own(parts: &Parts) -> bool {
    let path = parts.uri.path();
    path.starts_with("/_fogbank/")
        || path.starts_with("/_localstack/")
        || (path == "/metrics"
            && parts.uri.query().is_none()
            && !parts.headers.contains_key(header::AUTHORIZATION)
            && parts.method == Method::GET)
}

pub(crate) async fn answer(inner: &Inner, peer: Peer, parts: &Parts, body: &mut Unread) -> wire::Response {
    let looks = matches!(parts.method, Method::GET | Method::HEAD);
    match parts.uri.path() {
        "/_fogbank/health" | "/_localstack/health" if looks => reply(StatusCode::OK, health(inner)),
        "/_fogbank/sign-in" => sign_in(inner, peer, parts, body).await,
        _ if !is_local(peer, parts) => refusal(StatusCode::FORBIDDEN, "this is for the machine itself only"),
        "/metrics" | "/_fogbank/metrics" if looks => {
            let mut response = reply(StatusCode::OK, inner.metrics.render(&inner.dispatcher.usage));
            let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers.insert(header::CONTENT_TYPE, text);
            response
        }
        path => match (path.strip_prefix("/_fogbank/"), &inner.admin) {
            (Some(path), Some(_))
                if !looks && !path.starts_with(PROVEN) && inner.config.controls == Controls::Closed =>
            {
                refusal(StatusCode::FORBIDDEN, "controls are open in --dev only")
            }
            (Some(path), Some(admin)) => control(inner, admin, path, peer, parts, body).await,
            _ => refusal(StatusCode::NOT_FOUND, "there is nothing here"),
        },
    }
}

/// Lets a sign-in through to whoever checks it. A page that may not call is kept out by its origin and, since a form
/// cannot send JSON, by the browser itself; so no page can guess passwords through somebody's browser.
async fn sign_in(inner: &Inner, peer: Peer, parts: &Parts, body: &mut Unread) -> wire::Response {
    let Some(admin) = &inner.admin else {
        return refusal(StatusCode::NOT_FOUND, "there is nothing here");
    };
    if parts.method != Method::POST {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "this takes another method");
    }
    let is_page = parts.headers.contains_key(header::ORIGIN);
    if is_page && cors::allowed_origin(&inner.config.cors, &parts.headers).is_none() {
        return refusal(
            StatusCode::FORBIDDEN,
            "this page may not sign in; gateway.origins names those that may",
        );
    }
    let media_type =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is application/json");
    }
    if peer.busy {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "there are too many connections now; try again");
    }
    control(inner, admin, SIGN_IN, peer, parts, body).await
}

async fn control(
    inner: &Inner,
    admin: &AdminHandler,
    path: &str,
    peer: Peer,
    parts: &Parts,
    body: &mut Unread,
) -> wire::Response {
    let limits =
        BodyLimits { bytes_max: CONTROL_BODY_BYTES_MAX, pause_max: inner.config.times.body_pause_max };
    let Ok(body) = body.gather(limits).await else {
        return refusal(StatusCode::BAD_REQUEST, "the body is too large, or did not come");
    };
    let query = parts.uri.query().unwrap_or("").to_owned();
    let request = AdminRequest {
        method: parts.method.clone(),
        path: path.to_owned(),
        query,
        headers: parts.headers.clone(),
        body,
        peer: peer.address.ip().to_canonical(),
        secure_transport: peer.tls,
    };
    let AdminReply { status, body } = admin(request).await;
    reply(status, body)
}

/// In the shape that LocalStack gives it: tools wait for a service to be `available`. Only what works is listed.
fn health(inner: &Inner) -> String {
    let implemented = inner.dispatcher.services().iter();
    let services: serde_json::Map<String, serde_json::Value> =
        implemented.map(|service| (service.spec().name.to_owned(), json!("available"))).collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({ "services": services, "edition": "fogbank", "version": version }).to_string()
}

fn is_local(peer: Peer, parts: &Parts) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(|authority| authority.as_str()).or(host).unwrap_or("");
    let page = parts.headers.get(header::ORIGIN);
    peer.is_loopback()
        && cors::is_local(&format!("http://{host}"))
        && page.is_none_or(|page| page.to_str().is_ok_and(cors::is_local))
}

fn refusal(status: StatusCode, message: &str) -> wire::Response {
    reply(status, json!({ "message": message }).to_string())
}

fn reply(status: StatusCode, body: String) -> wire::Response {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    wire::Response { status, headers, body: Bytes::from(body).into() }
}
