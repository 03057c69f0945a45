//! What the gateway asks about buckets, answered by S3 and by the websites.

use std::sync::Arc;

use base::Clock;
use futures_util::future::BoxFuture;
use gateway::{
    AccessEntry, AccessLog, BucketCors, BucketPorts, CorsAsked, CorsGrant, CorsRule, Website, WebsiteRequest,
};
use s3::{CrossOrigin, LoggedRequest, S3};
use schema::Fault;
use service::Aws;
use website::{Site, SiteRequest, Sites, Websites};

/// The ports of the gateway, filled in.
pub fn ports(s3: &Arc<S3>, aws: &Aws, clock: &Clock) -> BucketPorts {
    let sites = Arc::new(Buckets(s3.clone()));
    let websites = Websites::new(sites.clone(), aws.clone(), clock.clone());
    BucketPorts { website: Some(Arc::new(Front(websites))), cors: Some(sites.clone()), log: Some(sites) }
}

struct Buckets(Arc<S3>);

struct Front(Websites);

impl Sites for Buckets {
    fn site<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<Option<Site>, Fault>> {
        Box::pin(async move {
            let found = self.0.website(bucket).await?;
            Ok(found.map(|(region, configuration)| Site { region, configuration }))
        })
    }
}

impl Website for Front {
    fn answer<'a>(&'a self, request: WebsiteRequest<'a>) -> BoxFuture<'a, wire::Response> {
        Box::pin(async move {
            let WebsiteRequest {
                bucket,
                region,
                method,
                path,
                query: _,
                headers,
                host,
                peer,
                secure_transport,
                request_id,
            } = request;
            let request = SiteRequest {
                bucket,
                region,
                method,
                path,
                headers,
                host,
                peer,
                secure_transport,
                request_id,
            };
            self.0.answer(&request).await
        })
    }
}

impl BucketCors for Buckets {
    fn rule<'a>(&'a self, asked: CorsAsked<'a>) -> BoxFuture<'a, Result<CorsRule, Fault>> {
        Box::pin(async move {
            let headers: Vec<&str> = asked.headers.iter().map(String::as_str).collect();
            let found = self.0.cross_origin(asked.bucket, asked.origin, asked.method, &headers).await?;
            Ok(match found {
                CrossOrigin::NoBucket => CorsRule::NoBucket,
                CrossOrigin::NoRules => CorsRule::NoRules,
                CrossOrigin::NoMatch => CorsRule::NoMatch,
                CrossOrigin::Allowed(allowed) => CorsRule::Match(CorsGrant {
                    any_origin: !allowed.credentials,
                    methods: allowed.methods,
                    exposed_headers: allowed.expose_headers,
                    max_age_secs: allowed.max_age_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
                }),
            })
        })
    }
}

impl AccessLog for Buckets {
    fn is_on(&self) -> bool {
        self.0.has_access_logs()
    }

    fn wants(&self, bucket: &str) -> bool {
        self.0.logs_access(bucket)
    }

    fn record(&self, entry: AccessEntry) {
        self.0.log_access(LoggedRequest {
            bucket: entry.bucket,
            at: entry.at,
            ip: entry.ip,
            caller: entry.caller,
            request_id: entry.request_id,
            host_id: entry.host_id,
            operation: entry.operation,
            key: entry.key,
            request_line: entry.request_line,
            status: entry.status,
            error: entry.error,
            bytes_sent: entry.bytes_sent,
            object_size: entry.object_size,
            total: entry.total,
            turn_around: entry.turn_around,
            referer: entry.referer,
            user_agent: entry.user_agent,
            version_id: entry.version_id,
            host: entry.host,
            tls_version: entry.tls_version,
        });
    }
}
