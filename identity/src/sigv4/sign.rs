//! Making signatures: for tests, for the benchmark, and for requests of our own.

use std::time::Duration;

use aws_lc_rs::hmac;
use base::Timestamp;
use http::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use percent_encoding::utf8_percent_encode;

use super::authorization::{Algorithm, RequestParts};
use super::canonical::{RESERVED, Shape, canonical_request};
use super::credentials::Credentials;
use super::rules::PathRule;
use super::signing_key::hmac_key;
use super::verify::string_to_sign;
use super::{ecdsa, hex};

/// Headers that travel between client and server change on the way, so that clients do not sign them.
const UNSIGNED: &[&str] = &[
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// What a signature is for.
#[derive(Clone, Copy, Debug)]
pub struct SigningScope<'a> {
    pub algorithm: Algorithm,
    /// A region; with Signature Version 4a a set of them, such as `*`.
    pub region: &'a str,
    pub service: &'a str,
    /// [`PathRule::Raw`] for S3, which also makes the payload hash a header.
    pub path: PathRule,
}

impl<'a> SigningScope<'a> {
    pub const fn new(service: &'a str, region: &'a str, path: PathRule) -> SigningScope<'a> {
        SigningScope { algorithm: Algorithm::HmacSha256, region, service, path }
    }

    /// The scope as a credential names it.
    pub(crate) fn text(&self, at: Timestamp) -> String {
        let (timestamp, service) = (at.to_basic_iso8601(), self.service);
        let day = &timestamp[..8];
        match self.algorithm {
            Algorithm::HmacSha256 => format!("{day}/{}/{service}/aws4_request", self.region),
            Algorithm::EcdsaP256Sha256 => format!("{day}/{service}/aws4_request"),
        }
    }

    /// The hexadecimal signature of a string to sign.
    pub(crate) fn signature(&self, credentials: &Credentials, at: Timestamp, message: &[u8]) -> String {
        let secret = &credentials.secret_access_key;
        match self.algorithm {
            Algorithm::HmacSha256 => {
                let key = hmac_key(secret, &at.to_basic_iso8601()[..8], self.region, self.service);
                hex::encode(hmac::sign(&key, message).as_ref())
            }
            Algorithm::EcdsaP256Sha256 => {
                let signature = ecdsa::sign(credentials.access_key_id.as_str(), secret, message);
                hex::encode(&signature.expect("one of 254 candidates lies within the order of the curve"))
            }
        }
    }
}

/// The headers that a signature adds to its request.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: HeaderMap,
    /// The first link of the chain, if the body is chunked.
    pub signature: String,
}

/// Signs a request at a moment, in its headers. `payload` is the last line of the canonical request: a hash, or
/// a word such as `UNSIGNED-PAYLOAD`. All headers that survive the journey are signed.
pub fn sign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    payload: &str,
    at: Timestamp,
) -> Result<Signed, InvalidHeaderValue> {
    let timestamp = at.to_basic_iso8601();
    let mut added = HeaderMap::new();
    added.insert("x-amz-date", HeaderValue::try_from(&timestamp)?);
    if let Some(token) = &credentials.session_token {
        added.insert("x-amz-security-token", HeaderValue::try_from(token.expose())?);
    }
    if scope.path == PathRule::Raw {
        added.insert("x-amz-content-sha256", HeaderValue::try_from(payload)?);
    }
    if scope.algorithm == Algorithm::EcdsaP256Sha256 {
        added.insert("x-amz-region-set", HeaderValue::try_from(scope.region)?);
    }
    let mut all = request.headers.clone();
    for (name, value) in &added {
        all.insert(name, value.clone());
    }
    let signed_headers = signable(&all, request);
    let canonical = canonical_request(
        &RequestParts { headers: &all, ..*request },
        &Shape { signed_headers: &signed_headers, path: scope.path, presigned: false, payload },
    );
    let place = scope.text(at);
    let message = string_to_sign(scope.algorithm, &timestamp, &place, &canonical);
    let signature = scope.signature(credentials, at, &message);
    let authorization = format!(
        "{} Credential={}/{place}, SignedHeaders={signed_headers}, Signature={signature}",
        scope.algorithm.as_str(),
        credentials.access_key_id,
    );
    added.insert(http::header::AUTHORIZATION, HeaderValue::try_from(authorization)?);
    Ok(Signed { headers: added, signature })
}

/// Signs a request in its query, and returns the whole new query. Only `host` and `x-amz-` headers are signed.
pub fn presign(
    request: &RequestParts<'_>,
    credentials: &Credentials,
    scope: &SigningScope<'_>,
    payload: &str,
    at: Timestamp,
    expires: Duration,
) -> String {
    let timestamp = at.to_basic_iso8601();
    let place = scope.text(at);
    let names = request.headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    let mut names: Vec<&str> = names.chain(["host"]).collect();
    names.sort_unstable();
    let signed_headers = names.join(";");
    let mut query = request.query.to_owned();
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend([name, "="]);
        query.extend(utf8_percent_encode(value, RESERVED));
    };
    add("X-Amz-Algorithm", scope.algorithm.as_str());
    add("X-Amz-Credential", &format!("{}/{place}", credentials.access_key_id));
    add("X-Amz-Date", &timestamp);
    add("X-Amz-Expires", &expires.as_secs().to_string());
    add("X-Amz-SignedHeaders", &signed_headers);
    if scope.algorithm == Algorithm::EcdsaP256Sha256 {
        add("X-Amz-Region-Set", scope.region);
    }
    if let Some(token) = &credentials.session_token {
        add("X-Amz-Security-Token", token.expose());
    }
    let canonical = canonical_request(
        &RequestParts { query: &query, ..*request },
        &Shape { signed_headers: &signed_headers, path: scope.path, presigned: true, payload },
    );
    let message = string_to_sign(scope.algorithm, &timestamp, &place, &canonical);
    query.push_str("&X-Amz-Signature=");
    query.push_str(&scope.signature(credentials, at, &message));
    query
}

fn signable(headers: &HeaderMap, request: &RequestParts<'_>) -> String {
    let mut names: Vec<&str> =
        headers.keys().map(HeaderName::as_str).filter(|name| !UNSIGNED.contains(name)).collect();
    if request.authority.is_some() && !headers.contains_key("host") {
        names.push("host");
    }
    names.sort_unstable();
    names.join(";")
}
