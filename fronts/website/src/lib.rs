//! Websites of buckets: index and error documents, redirects, routing rules, and pages that say what went wrong.
//!
//! A website asks S3 as nobody in particular, so that policies decide what is public; only the configuration it reads
//! as S3 itself would. It knows no sockets: the gateway hands it requests, and sends what it answers.
//! Reference: "Hosting a static website using Amazon S3" of the S3 guide.

mod answer;
mod page;
mod rules;

use std::net::IpAddr;
use std::sync::Arc;

use base::{Clock, Region};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use s3_api::WebsiteConfiguration;
use schema::Fault;
use service::Aws;

/// Knows which buckets are websites.
pub trait Sites: Send + Sync + 'static {
    /// Nothing if there is no such bucket.
    fn site<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Option<Site>, Fault>>;
}

/// A bucket, as far as its website goes.
#[derive(Clone, Debug)]
pub struct Site {
    pub region: Region,
    pub configuration: Option<WebsiteConfiguration>,
}

/// All websites of a cloud.
#[derive(Clone)]
pub struct Websites {
    sites: Arc<dyn Sites>,
    aws: Aws,
    clock: Clock,
}

/// One request to a website.
#[derive(Clone, Debug)]
pub struct SiteRequest<'a> {
    pub bucket: &'a str,
    /// The one that the host names.
    pub region: Option<Region>,
    pub method: &'a Method,
    /// As it was sent, percent-encoded.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    /// With the port, if it was named.
    pub host: &'a str,
    pub peer: IpAddr,
    pub secure_transport: bool,
    pub request_id: &'a str,
}

impl Websites {
    pub fn new(sites: Arc<dyn Sites>, aws: Aws, clock: Clock) -> Websites {
        Websites { sites, aws, clock }
    }

    /// Answers a request, whatever its method.
    pub async fn answer(&self, request: &SiteRequest<'_>) -> wire::Response {
        let mut response = answer::answer(self, request).await;
        if *request.method == Method::HEAD {
            response.body = wire::Body::empty();
        }
        response
    }
}
