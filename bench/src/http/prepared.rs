//! Requests that are made and signed before the clock starts. A signature is good for fifteen minutes.

use std::net::SocketAddr;
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest;
use base::Timestamp;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
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
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    pub fn to_request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        request
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
        Signer {
            service,
            host: HeaderValue::try_from(address.to_string()).expect("an address is plain text"),
            credentials: Credentials {
                access_key_id: AccessKeyId::parse("test").expect("four letters"),
                secret_access_key: SecretAccessKey::new("test"),
                session_token: None,
            },
        }
    }

    pub fn prepare(&self, operation: &str, input: &Value) -> Prepared {
        let body = Bytes::from(input.to_string());
        let JsonService { signing_name, target_prefix, content_type } = self.service;
        let target = format!("{target_prefix}.{operation}");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(TARGET, HeaderValue::try_from(target).expect("operations are plain words"));
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, authority: None };
        let scope = SigningScope::new(signing_name, "us-east-1", PathRule::Normalised);
        let signed = sign(&parts, &self.credentials, &scope, &sha256(&body), wall_time());
        headers.extend(signed.expect("everything signed here is plain text").headers);
        Prepared { headers, body }
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
