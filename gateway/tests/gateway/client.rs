//! A client that signs, and that can also send what no proper client would.

use std::collections::HashMap;

use base::{Clock, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{
    AccessKeyId, Credentials, PathRule, RequestParts, SecretAccessKey, SessionToken, SigningScope, sign,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::cloud::{KEY, SECRET};

/// A request before it is signed.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub service: &'static str,
    pub region: &'static str,
    pub credentials: Credentials,
    pub at: Timestamp,
    pub path_rule: PathRule,
}

pub fn credentials() -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::parse(KEY).unwrap(),
        secret_access_key: SecretAccessKey::new(SECRET),
        session_token: None,
    }
}

pub fn temporary(id: &str, secret: &str, token: &str) -> Credentials {
    Credentials {
        access_key_id: AccessKeyId::parse(id).unwrap(),
        secret_access_key: SecretAccessKey::new(secret),
        session_token: Some(SessionToken::new(token)),
    }
}

impl Ask {
    pub fn new(service: &'static str, method: &'static str, path: &str, body: impl Into<Vec<u8>>) -> Ask {
        Ask {
            method,
            path: path.to_owned(),
            query: String::new(),
            headers: vec![("host".into(), "localhost:4566".into())],
            body: body.into(),
            service,
            region: "us-east-1",
            credentials: credentials(),
            at: Clock::system(std::time::Duration::ZERO).wall(),
            path_rule: if service == "shelf" { PathRule::Raw } else { PathRule::Normalised },
        }
    }

    /// A JSON call of the post.
    pub fn json(operation: &str, body: &str) -> Ask {
        Ask::new("post", "POST", "/", body)
            .header("x-amz-target", &format!("AmazonPost.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
    }

    /// A Query call of the post.
    pub fn form(body: &str) -> Ask {
        Ask::new("post", "POST", "/", body)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    }

    pub fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn header_map(&self) -> HeaderMap {
        let pairs = self.headers.iter();
        pairs
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect()
    }

    pub fn payload_hash(&self) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.body);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Signs with the body's hash.
    pub fn signed(self) -> Ask {
        let hash = self.payload_hash();
        self.signed_with(&hash)
    }

    pub fn signed_with(mut self, payload: &str) -> Ask {
        let headers = self.header_map();
        let parts = RequestParts {
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            authority: None,
        };
        let scope = SigningScope::new(self.service, self.region, self.path_rule);
        let signed = sign(&parts, &self.credentials, &scope, payload, self.at).unwrap();
        for (name, value) in &signed.headers {
            self = self.header(name.as_str(), value.to_str().unwrap());
        }
        self
    }

    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The head as HTTP/1.1 has it, with a length unless one is given.
    pub fn head(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = |name: &str| self.headers.iter().any(|(known, _)| known == name);
        if !framed("content-length") && !framed("transfer-encoding") {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        (text + "\r\n").into_bytes()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }
}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub fn is(&self, status: u16, part: &str) {
        assert!(
            self.status == status && self.text().contains(part),
            "expected {status} {part}: {self:?} {}",
            self.text()
        );
    }
}

/// Sends a request and reads its answer.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, ask: &Ask) -> Answer {
    stream.write_all(&ask.bytes()).await.unwrap();
    read_answer(stream, ask.method == "HEAD").await.expect("an answer, not a closed connection")
}

/// Reads one answer; nothing if the connection ends first. Interim answers are skipped.
pub async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S, no_body: bool) -> Option<Answer> {
    loop {
        let answer = read_one(stream, no_body).await?;
        if answer.status != 100 {
            return Some(answer);
        }
    }
}

pub async fn read_one<S: AsyncRead + Unpin>(stream: &mut S, no_body: bool) -> Option<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).unwrap();
    let mut lines = text.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: HashMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = Vec::new();
    if no_body || status == 100 || status == 204 {
        return Some(Answer { status, headers, body });
    }
    if let Some(length) = headers.get("content-length") {
        body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
    } else if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(stream.read_u8().await.ok()?);
            }
            let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            let mut chunk = vec![0; length + 2];
            stream.read_exact(&mut chunk).await.ok()?;
            if length == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..length]);
        }
    } else {
        stream.read_to_end(&mut body).await.ok()?;
    }
    Some(Answer { status, headers, body })
}
