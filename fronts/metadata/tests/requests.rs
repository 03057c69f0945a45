//! Requests as instances send them: raw HTTP over loopback, each instance at an address of its own.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fixture;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Ids};
use fixture::{Roles, Vpc, full, plain};
use fogbank_metadata::{
    CONNECTIONS_PER_SOURCE_MAX, IdentityKey, InstanceView, Metadata, MetadataKeys, Tokens,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const FULL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const PLAIN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
const STRICT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 13);
const OFF: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 14);
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

struct Service {
    address: SocketAddr,
    clock: Clock,
    metadata: Metadata,
    serving: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn instances() -> Vpc {
    let mut strict = plain("i-strict", STRICT);
    strict.options.tokens = Tokens::Required;
    let mut off = plain("i-off", OFF);
    off.options.enabled = false;
    let all: [(Ipv4Addr, InstanceView); 4] =
        [(FULL, full()), (PLAIN, plain("i-plain", PLAIN)), (STRICT, strict), (OFF, off)];
    Vpc(all
        .map(|(address, view)| (IpAddr::from(address), Arc::new(view)))
        .into_iter()
        .collect::<HashMap<_, _>>())
}

#[expect(clippy::disallowed_methods, reason = "the test ends it")]
fn serve(metadata: &Metadata, vpc: &'static str) -> (SocketAddr, JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let metadata = metadata.clone();
    (address, tokio::spawn(async move { metadata.serve(listener, vpc).await.unwrap() }))
}

/// Made once, since that takes a while without optimisation.
fn identity() -> IdentityKey {
    static KEY: std::sync::OnceLock<(Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    let (pkcs8, certificate) = KEY.get_or_init(|| IdentityKey::make().unwrap());
    IdentityKey::load(pkcs8, certificate).unwrap()
}

fn start_with(token_key: u8, vpc: &'static str) -> Service {
    let clock = Clock::manual(fixture::LAUNCHED);
    let keys = MetadataKeys { token: [token_key; 32], identity: identity() };
    let metadata = Metadata::new(Arc::new(instances()), Arc::new(Roles), keys, clock.clone(), Ids::seeded(1));
    let (address, serving) = serve(&metadata, vpc);
    Service { address, clock, metadata, serving }
}

fn start() -> Service {
    start_with(1, "vpc-0123")
}

struct Answer {
    status: u16,
    head: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Service {
    async fn connect(&self, source: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Sends these bytes and reads to the end of the connection; nothing if it ends without an answer.
    async fn raw(&self, source: Ipv4Addr, request: &[u8]) -> Option<Answer> {
        let mut stream = self.connect(source).await;
        drop(stream.write_all(request).await);
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
        if read.is_err() || answer.is_empty() {
            return None;
        }
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head ends");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Some(Answer { status, headers, body: answer[end + 4..].to_vec(), head })
    }

    async fn ask(&self, source: Ipv4Addr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: 169.254.169.254\r\n{lines}\r\n");
        self.raw(source, request.as_bytes()).await.expect("an answer")
    }

    async fn get(&self, source: Ipv4Addr, path: &str) -> Answer {
        self.ask(source, "GET", path, &[]).await
    }

    async fn token(&self, source: Ipv4Addr, ttl: &str) -> String {
        let answer = self.ask(source, "PUT", "/latest/api/token", &[(TTL, ttl)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-aws-ec2-metadata-token-ttl-seconds"), Some(ttl));
        answer.text().to_owned()
    }
}

const TTL: &str = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "X-aws-ec2-metadata-token";

#[tokio::test]
async fn an_instance_reads_about_itself_and_no_other() {
    let service = start();
    assert_eq!(service.get(FULL, "/latest/meta-data/instance-id").await.text(), "i-0123456789abcdef0");
    assert_eq!(service.get(PLAIN, "/latest/meta-data/instance-id").await.text(), "i-plain");
    let answer = service.get(FULL, "/").await;
    assert!(
        answer.text().starts_with("1.0\n2007-01-19\n") && answer.text().ends_with("\n2024-04-11\nlatest")
    );
    let nobody = b"GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(service.raw(NOBODY, nobody).await.is_none(), "an address without an instance gets no answer");
}

#[tokio::test]
async fn the_same_address_in_another_vpc_is_somebody_else() {
    let service = start_with(1, "vpc-other");
    let request = b"GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(service.raw(FULL, request).await.is_none());
}

#[tokio::test]
async fn answers_look_like_those_of_aws() {
    let service = start();
    let answer = service.get(FULL, "/latest/meta-data/ami-id").await;
    assert_eq!((answer.status, answer.text()), (200, "ami-0abcdef1234567890"));
    assert_eq!(answer.header("server"), Some("EC2ws"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("content-length"), Some("21"));
    assert_eq!(answer.header("accept-ranges"), Some("none"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("last-modified"), Some("Sun, 22 Nov 2026 10:00:00 GMT"));
    assert!(answer.header("date").is_some());
    assert_eq!(answer.header("x-aws-ec2-metadata-token-ttl-seconds"), None);
    let spelled = service.ask(FULL, "PUT", "/latest/api/token", &[(TTL, "60")]).await;
    assert!(spelled.head.contains("\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\n"), "{}", spelled.head);

    let answer = service.get(FULL, "/latest/meta-data/nothing").await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/html")));
    assert!(answer.text().contains("<title>404 - Not Found</title>"));

    let answer = service.ask(FULL, "HEAD", "/latest/meta-data/ami-id", &[]).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("21")));
    assert!(answer.body.is_empty());

    let answer = service.get(FULL, "/latest/user-data").await;
    assert_eq!(answer.body, b"#!/bin/sh\necho \xff\n");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(service.get(PLAIN, "/latest/user-data").await.status, 404);
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let service = start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = service.ask(FULL, method, "/latest/meta-data/", &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        let answer = service.ask(FULL, method, "/latest/api/token", &[(TTL, "60")]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("OPTIONS, PUT")), "{method}");
        assert_eq!(answer.header("content-length").unwrap_or("0"), "0");
    }
}

#[tokio::test]
async fn a_token_opens_what_requires_one_until_its_end() {
    let service = start();
    for path in
        ["/", "/latest/meta-data/", "/latest/user-data", "/latest/dynamic/instance-identity/document", "/x"]
    {
        let answer = service.get(STRICT, path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.text().contains("<title>401 - Unauthorized</title>"));
    }
    let token = service.token(STRICT, "60").await;
    let path = "/latest/meta-data/instance-id";
    let answer = service.ask(STRICT, "GET", path, &[(TOKEN, &token)]).await;
    assert_eq!((answer.status, answer.text()), (200, "i-strict"));
    assert_eq!(answer.header("x-aws-ec2-metadata-token-ttl-seconds"), Some("60"));
    service.clock.advance(Duration::from_secs(45));
    let answer = service.ask(STRICT, "GET", path, &[(TOKEN, &token)]).await;
    assert_eq!(answer.header("x-aws-ec2-metadata-token-ttl-seconds"), Some("15"));
    service.clock.advance(Duration::from_secs(15));
    assert_eq!(service.ask(STRICT, "GET", path, &[(TOKEN, &token)]).await.status, 401);
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_required() {
    let service = start();
    let of_another = service.token(PLAIN, "60").await;
    let path = "/latest/meta-data/instance-id";
    for token in ["", "nonsense", &of_another] {
        assert_eq!(service.ask(FULL, "GET", path, &[(TOKEN, token)]).await.status, 401, "{token}");
    }
    assert_eq!(service.get(FULL, path).await.status, 200);
}

#[tokio::test]
async fn tokens_survive_a_restart_with_the_same_key_and_no_other() {
    let before = start();
    let token = before.token(STRICT, "21600").await;
    drop(before);
    let path = "/latest/meta-data/instance-id";
    assert_eq!(start().ask(STRICT, "GET", path, &[(TOKEN, &token)]).await.status, 200);
    let other = start_with(2, "vpc-0123");
    assert_eq!(other.ask(STRICT, "GET", path, &[(TOKEN, &token)]).await.status, 401);
}

#[tokio::test]
async fn a_token_needs_a_time_to_live_within_six_hours() {
    let service = start();
    let put = |headers: Vec<(&'static str, &'static str)>| {
        let service = &service;
        async move { service.ask(FULL, "PUT", "/latest/api/token", &headers).await }
    };
    for ttl in ["0", "21601", "-1", "", "ten", "1.5", "99999999999"] {
        let answer = put(vec![(TTL, ttl)]).await;
        assert_eq!(answer.status, 400, "{ttl}");
        assert!(answer.text().contains("<title>400 - Bad Request</title>"));
    }
    assert_eq!(put(vec![]).await.status, 400);
    assert_eq!(put(vec![(TTL, "1"), (TTL, "2")]).await.status, 400);
    for ttl in ["1", "21600"] {
        assert_eq!(put(vec![(TTL, ttl)]).await.status, 200, "{ttl}");
    }
    let answer = put(vec![(TTL, "60"), ("X-Forwarded-For", "10.0.0.1")]).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<title>403 - Forbidden</title>"));
    let answer = service.ask(FULL, "PUT", "/2021-03-23/api/token", &[(TTL, "60")]).await;
    assert_eq!(answer.status, 405, "tokens are made at `latest` alone");
}

#[tokio::test]
async fn a_service_that_is_off_answers_with_403() {
    let service = start();
    assert_eq!(service.get(OFF, "/latest/meta-data/").await.status, 403);
    assert_eq!(service.ask(OFF, "PUT", "/latest/api/token", &[(TTL, "60")]).await.status, 403);
}

#[tokio::test]
async fn credentials_are_those_of_the_profile_s_role() {
    let service = start();
    let answer = service.get(FULL, "/latest/meta-data/iam/security-credentials/web-role").await;
    let expected = "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-11-22T10:00:00Z\",\n  \
                    \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"ASIAEXAMPLE\",\n  \
                    \"SecretAccessKey\" : \"secret/of+\",\n  \
                    \"Token\" : \"token-of-i-0123456789abcdef0\",\n  \
                    \"Expiration\" : \"2026-11-22T16:00:00Z\"\n}";
    assert_eq!(answer.text(), expected);
    assert_eq!(service.get(FULL, "/latest/meta-data/iam/security-credentials/admin").await.status, 404);
    assert_eq!(service.get(PLAIN, "/latest/meta-data/iam/info").await.status, 404);
}

#[tokio::test]
async fn an_identity_can_be_proved() {
    let service = start();
    let identity = |name: &str| format!("/latest/dynamic/instance-identity/{name}");
    let document = service.get(FULL, &identity("document")).await;
    assert!(document.text().contains("\"instanceId\" : \"i-0123456789abcdef0\""));
    let signature = service.get(FULL, &identity("signature")).await;
    assert_eq!(signature.text().replace('\n', "").len(), 344, "256 bytes in base64");
    for name in ["pkcs7", "rsa2048"] {
        assert!(service.get(FULL, &identity(name)).await.text().starts_with("MII"), "{name}");
    }
}

#[tokio::test]
async fn heads_have_limits() {
    let service = start();
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    assert!(service.raw(FULL, long.as_bytes()).await.is_none_or(|answer| matches!(answer.status, 414 | 431)));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    assert!(service.raw(FULL, many.as_bytes()).await.is_none_or(|answer| answer.status == 431));
    assert!(
        service
            .raw(FULL, b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            .await
            .is_none_or(|answer| answer.status == 400)
    );
    assert_eq!(service.get(FULL, "/latest/meta-data/ami-id").await.status, 200, "and it goes on");
}

#[tokio::test]
async fn one_instance_cannot_take_the_connections_of_others() {
    let service = start();
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_PER_SOURCE_MAX + 5 {
        idle.push(service.connect(FULL).await);
    }
    let request = b"GET /latest/meta-data/ami-id HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(service.raw(FULL, request).await.is_none(), "it has more than its share");
    assert_eq!(service.get(PLAIN, "/latest/meta-data/ami-id").await.status, 200);
    drop(idle);
    // The places come back when the connections are seen to have ended.
    for _ in 0..200 {
        if service.raw(FULL, request).await.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the places did not come back");
}

#[tokio::test]
async fn what_is_asked_too_often_waits_or_is_told_to_come_again() {
    let service = start();
    let mut statuses = HashMap::<u16, usize>::new();
    let ask = async {
        for _ in 0..40 {
            let asked = (0..20).map(|_| service.get(FULL, "/latest/meta-data/ami-id"));
            for answer in futures_util::future::join_all(asked).await {
                *statuses.entry(answer.status).or_default() += 1;
            }
        }
    };
    let began = tokio::time::Instant::now();
    timeout(Duration::from_secs(30), ask).await.unwrap();
    assert_eq!(statuses.values().sum::<usize>(), 800);
    assert!(statuses.keys().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    // A second's worth passes at once, and 204 a second after that.
    assert!(began.elapsed() > Duration::from_millis(2500) || statuses.contains_key(&503), "{statuses:?}");
}

#[tokio::test]
async fn over_ipv6_it_answers_only_where_that_is_switched_on() {
    for (on, expected) in [(false, 403), (true, 200)] {
        // A machine without IPv6 has nothing to check.
        let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else { return };
        let service = start();
        let mut view = plain("i-six", PLAIN);
        view.options.ipv6 = on;
        let instances = Vpc(HashMap::from([("::1".parse().unwrap(), Arc::new(view))]));
        let address = listener.local_addr().unwrap();
        let keys = MetadataKeys { token: [1; 32], identity: identity() };
        let six =
            Metadata::new(Arc::new(instances), Arc::new(Roles), keys, service.clock.clone(), Ids::seeded(1));
        let asked = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::select! {
            answer = asked => answer,
            served = six.serve(listener, "vpc-0123") => panic!("{served:?}"),
        };
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
    }
}

#[tokio::test]
async fn serving_ends_with_its_future() {
    let service = start();
    let (address, serving) = serve(&service.metadata, "vpc-0123");
    let mut idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    serving.abort();
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), idle.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "open connections end too");
    assert!(TcpStream::connect(address).await.is_err());
}
