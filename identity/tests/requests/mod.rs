//! Requests to sign and verify, as owned values that tests can edit.

#![allow(dead_code, reason = "each test file uses a part")]

use std::time::Duration;

use base::Timestamp;
use fogbank_identity::sigv4::{
    AccessKeyId, AuthError, Body, Credentials, PathRule, RequestParts, Rules, SecretAccessKey, SessionToken,
    SigningKeyCache, SigningScope, Verified, authorization, presign, sign,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// 2026-11-21T22:50:53Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_301_453);

pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str, query: &str, body: &[u8]) -> Request {
        let headers =
            HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("localhost:4566"))]);
        Request { method: method.into(), path: path.into(), query: query.into(), headers, body: body.into() }
    }

    pub fn parts(&self) -> RequestParts<'_> {
        RequestParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            authority: None,
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Request {
        self.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        self
    }

    pub fn without(mut self, name: &str) -> Request {
        self.headers.remove(name);
        self
    }

    pub fn authorization(&self) -> String {
        self.headers["authorization"].to_str().unwrap().to_owned()
    }

    /// Replaces text in the `Authorization` header and in the query.
    pub fn replace(mut self, from: &str, to: &str) -> Request {
        if self.headers.contains_key("authorization") {
            let changed = self.authorization().replace(from, to);
            self = self.with("authorization", &changed);
        }
        self.query = self.query.replace(from, to);
        self
    }

    pub fn signed(mut self, scope: &SigningScope<'_>, payload: &str, at: Timestamp) -> Request {
        let signed = sign(&self.parts(), &credentials(), scope, payload, at).unwrap();
        for (name, value) in &signed.headers {
            self.headers.insert(name, value.clone());
        }
        self
    }

    pub fn presigned(mut self, scope: &SigningScope<'_>, payload: &str, expires_secs: u64) -> Request {
        let expires = Duration::from_secs(expires_secs);
        self.query = presign(&self.parts(), &credentials(), scope, payload, NOW, expires);
        self
    }

    pub fn verify(&self, rules: &Rules<'_>) -> Result<Verified, AuthError> {
        self.verify_at(rules, NOW)
    }

    pub fn verify_at(&self, rules: &Rules<'_>, now: Timestamp) -> Result<Verified, AuthError> {
        self.verify_body(rules, now, Body::Bytes(&self.body))
    }

    pub fn verify_body(
        &self,
        rules: &Rules<'_>,
        now: Timestamp,
        body: Body<'_>,
    ) -> Result<Verified, AuthError> {
        let presented = authorization::parse(self.parts())?.ok_or(AuthError::MissingToken)?;
        let credentials = credentials();
        let known = presented.access_key_id() == credentials.access_key_id.as_str();
        let secret = known.then_some(&credentials.secret_access_key);
        presented.verify(secret, &SigningKeyCache::new(), body, now, rules)
    }
}

pub fn credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::parse("AKIDEXAMPLE").unwrap(),
        secret_access_key: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    }
}

pub fn with_token(token: &str) -> Credentials {
    Credentials { session_token: Some(SessionToken::new(token)), ..credentials() }
}

pub const SQS: SigningScope<'static> = SigningScope::new("sqs", "us-east-1", PathRule::Normalised);
pub const S3: SigningScope<'static> = SigningScope::new("s3", "us-east-1", PathRule::Raw);

/// The lower-case hexadecimal SHA-256 of a body.
pub fn sha256(body: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
