//! What the gateway asks of others about buckets. The composition root fills these in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Region, Timestamp};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use schema::Fault;
use service::{Principal, Signature};

/// Whoever answers; without them, websites do not exist, and the gateway's own cross-origin rules hold everywhere.
#[derive(Clone, Default)]
pub struct BucketPorts {
    pub website: Option<Arc<dyn Website>>,
    pub cors: Option<Arc<dyn BucketCors>>,
    pub log: Option<Arc<dyn AccessLog>>,
}

/// Serves the websites of buckets (`bucket.s3-website-region.amazonaws.com`).
pub trait Website: Send + Sync {
    /// Answers one request, whatever its method; it is signed by nobody.
    fn answer<'a>(&'a self, request: WebsiteRequest<'a>) -> BoxFuture<'a, wire::Response>;
}

/// A request to a website.
#[derive(Clone, Debug)]
pub struct WebsiteRequest<'a> {
    pub bucket: &'a str,
    /// The one that the host names.
    pub region: Option<Region>,
    pub method: &'a Method,
    /// As it was sent, percent-encoded.
    pub path: &'a str,
    /// What stood behind the question mark, as it was sent.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    /// With the port, if it was named.
    pub host: &'a str,
    pub peer: IpAddr,
    pub secure_transport: bool,
    pub request_id: &'a str,
}

/// Knows the cross-origin rules of buckets.
pub trait BucketCors: Send + Sync {
    /// Looks for the first rule that fits.
    ///
    /// # Errors
    /// If the rules cannot be read.
    fn rule<'a>(&'a self, asked: CorsAsked<'a>) -> BoxFuture<'a, Result<CorsRule, Fault>>;
}

/// What a page wants to do.
#[derive(Clone, Debug)]
pub struct CorsAsked<'a> {
    /// As an operation would have it.
    pub bucket: &'a str,
    /// `https://www.example.com`, or `null`.
    pub origin: &'a str,
    /// The method of the request itself, also when it is asked for beforehand.
    pub method: &'a str,
    /// The headers asked for beforehand, in lower case; of a request itself none.
    pub headers: Vec<String>,
}

/// What the rules of a bucket say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsRule {
    NoBucket,
    /// The bucket has none.
    NoRules,
    /// None of them fits.
    NoMatch,
    Match(CorsGrant),
}

/// The rule that fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsGrant {
    /// The rule allows any origin with a lone `*`, so that the answer says `*` instead of the origin.
    pub any_origin: bool,
    pub methods: Vec<String>,
    pub exposed_headers: Vec<String>,
    pub max_age_secs: Option<u32>,
}

/// Takes what the access logs of buckets are made of.
pub trait AccessLog: Send + Sync {
    /// Whether any bucket has a log. Asked for every request, so it is quick.
    fn is_on(&self) -> bool;
    /// Whether this bucket has one; `bucket` may also stand for an access point.
    fn wants(&self, bucket: &str) -> bool;
    /// Takes what is known of a request that has been answered.
    fn record(&self, entry: AccessEntry);
}

/// A request that has been answered, for the log of its bucket.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    /// As the request named it.
    pub bucket: String,
    /// When it came, by the cloud's clock.
    pub at: Timestamp,
    pub ip: IpAddr,
    /// Nothing for requests that were refused before it was known who sent them.
    pub caller: Option<(Principal, Option<Signature>)>,
    pub request_id: String,
    pub host_id: String,
    /// `REST.GET.OBJECT`
    pub operation: String,
    pub key: Option<String>,
    /// `GET /bucket/key?versionId=… HTTP/1.1`
    pub request_line: String,
    pub status: u16,
    /// The error's code.
    pub error: Option<String>,
    /// Of the body.
    pub bytes_sent: u64,
    pub object_size: Option<u64>,
    /// Until the last byte was sent.
    pub total: Duration,
    /// Until the first byte was sent.
    pub turn_around: Duration,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
    pub version_id: Option<String>,
    /// As the client named it.
    pub host: String,
    /// `1.2` or `1.3`
    pub tls_version: Option<&'static str>,
}
