//! Requests that are made and signed before the clock starts. A signature is good for fifteen minutes.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest;
use base::Timestamp;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::Full;
use identity::sigv4::{
    AccessKeyId, Credentials, PathRule, RequestParts, SecretAccessKey, SigningScope, sign,
};
use serde_json::Value;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A service that speaks one of the JSON protocols.
#[derive(Clone, Copy, Debug)]
pub struct JsonService {
    /// As signatures name it.
    pub signing_name: &'static str,
    /// What stands before the operation in X-Amz-Target.
    pub target_prefix: &'static str,
    pub content_type: &'static str,
}

pub const SQS: JsonService = JsonService {
    signing_name: "sqs",
    target_prefix: "AmazonSQS",
    content_type: "application/x-amz-json-1.0",
};

pub const DYNAMODB: JsonService = JsonService {
    signing_name: "dynamodb",
    target_prefix: "DynamoDB_20120810",
    content_type: "application/x-amz-json-1.0",
};

pub const KMS: JsonService = JsonService {
    signing_name: "kms",
    target_prefix: "TrentService",
    content_type: "application/x-amz-json-1.1",
};

pub const SSM: JsonService = JsonService {
    signing_name: "ssm",
    target_prefix: "AmazonSSM",
    content_type: "application/x-amz-json-1.1",
};

/// A request, signed and ready to be sent as often as is wished.
#[derive(Clone, Debug)]
pub struct Prepared {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    pub fn to_request(&self) -> Request<Full<Bytes>> {
        self.with_body(Full::new(self.body.clone()))
    }

    /// The same request with a body that comes from elsewhere.
    pub fn with_body<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Signs requests for S3 at one address with the well-known key of `fogbank up --dev`.
#[derive(Clone)]
pub struct S3Signer {
    host: HeaderValue,
    credentials: Credentials,
}

impl S3Signer {
    pub fn dev(address: SocketAddr) -> S3Signer {
        S3Signer { host: host(address), credentials: dev_credentials() }
    }

    /// `target` is path and query, percent-encoded.
    pub fn prepare(&self, method: Method, target: &str, body: Bytes) -> Prepared {
        let (payload, length) = (sha256(&body), body.len());
        let mut prepared = self.prepare_as(method, target, body, &payload);
        if prepared.method == Method::PUT {
            // An empty body would go out without a length, which S3 refuses.
            prepared.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        prepared
    }

    /// A request whose body is not here: announced with its length, and not signed.
    pub fn prepare_unsigned(&self, method: Method, target: &str, length: u64) -> Prepared {
        let mut prepared = self.prepare_as(method, target, Bytes::new(), "UNSIGNED-PAYLOAD");
        prepared.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        prepared
    }

    fn prepare_as(&self, method: Method, target: &str, body: Bytes, payload: &str) -> Prepared {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        let parts = RequestParts { method: method.as_str(), path, query, headers: &headers, authority: None };
        let scope = SigningScope::new("s3", "us-east-1", PathRule::Raw);
        let signed = sign(&parts, &self.credentials, &scope, payload, wall_time());
        headers.extend(signed.expect("everything signed here is plain text").headers);
        let target = Uri::try_from(target).expect("targets are encoded");
        Prepared { method, target, headers, body }
    }
}

/// Signs for one service at one address with one key.
#[derive(Clone)]
pub struct Signer {
    service: JsonService,
    host: HeaderValue,
    credentials: Credentials,
}

impl Signer {
    /// With the well-known key of `fogbank up --dev`, which peers accept as well.
    pub fn dev(service: JsonService, address: SocketAddr) -> Signer {
        Signer { service, host: host(address), credentials: dev_credentials() }
    }

    pub fn prepare(&self, operation: &str, input: &Value) -> Prepared {
        let body = Bytes::from(input.to_string());
        let JsonService { signing_name, target_prefix, content_type } = self.service;
        let target = format!("{target_prefix}.{operation}");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(TARGET, HeaderValue::try_from(target).expect("operations are plain words"));
        post(headers, body, &self.credentials, signing_name)
    }
}

/// Signs calls of EC2, which are forms, at one address with the well-known key of `fogbank up --dev`.
#[derive(Clone)]
pub struct FormSigner {
    host: HeaderValue,
    credentials: Credentials,
}

impl FormSigner {
    pub fn dev(address: SocketAddr) -> FormSigner {
        FormSigner { host: host(address), credentials: dev_credentials() }
    }

    /// The values are words, numbers and ids: nothing that would have to be encoded.
    pub fn prepare(&self, operation: &str, input: &[(&str, &str)]) -> Prepared {
        let mut body = format!("Action={operation}&Version=2016-11-15");
        for (name, value) in input {
            body.push_str(&format!("&{name}={value}"));
        }
        let body = Bytes::from(body);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        post(headers, body, &self.credentials, "ec2")
    }
}

/// A signed POST to `/`.
fn post(mut headers: HeaderMap, body: Bytes, credentials: &Credentials, signing_name: &str) -> Prepared {
    let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, authority: None };
    let scope = SigningScope::new(signing_name, "us-east-1", PathRule::Normalised);
    let signed = sign(&parts, credentials, &scope, &sha256(&body), wall_time());
    headers.extend(signed.expect("everything signed here is plain text").headers);
    Prepared { method: Method::POST, target: Uri::from_static("/"), headers, body }
}

fn host(address: SocketAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_string()).expect("an address is plain text")
}

fn dev_credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::parse("test").expect("four letters"),
        secret_access_key: SecretAccessKey::new("test"),
        session_token: None,
    }
}

fn sha256(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wall_time() -> Timestamp {
    let elapsed = UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    Timestamp::from_millis(elapsed.as_millis() as i64)
}
