//! What the gateway asks of others about buckets. The composition root fills these in.

use std::net::IpAddr;
use std::sync::Arc;

use base::Region;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use schema::Fault;

/// Whoever answers; without them, websites do not exist, and the gateway's own cross-origin rules hold everywhere.
#[derive(Clone, Default)]
pub struct BucketPorts {
    pub website: Option<Arc<dyn Website>>,
    pub cors: Option<Arc<dyn BucketCors>>,
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
