//! What the fronts and the gateway ask about buckets besides operations: websites and cross-origin rules. Nobody's
//! permission is asked here, since what they then do with a bucket needs its own.

use base::Region;
use s3_api::WebsiteConfiguration;
use schema::Fault;

use crate::S3;
use crate::model::access_log::LoggedRequest;
pub use crate::model::cors::Allowed;
use crate::model::cors::allowed;

/// What the cross-origin rules of a bucket say of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossOrigin {
    NoBucket,
    /// The bucket has no rules.
    NoRules,
    /// None of them lets the request through.
    NoMatch,
    Allowed(Allowed),
}

impl S3 {
    /// Whether any bucket has an access log: what every request is asked, so it is quick.
    pub fn has_access_logs(&self) -> bool {
        self.access_logs.is_on()
    }

    /// Whether the requests to a bucket, or through an access point, may be logged.
    pub fn logs_access(&self, bucket: &str) -> bool {
        self.directory.known(bucket).is_none_or(|bucket| bucket.record.settings.logging.is_some())
    }

    /// Takes a request that has been answered into the log of its bucket, if that has one.
    pub fn log_access(&self, request: LoggedRequest) {
        self.access_logs.add(request);
    }

    /// Where a bucket is, and what its website is like; nothing if there is no such bucket.
    pub async fn website(
        &self,
        bucket: &str,
    ) -> Result<Option<(Region, Option<WebsiteConfiguration>)>, Fault> {
        let found = self.directory.find(bucket).await?;
        Ok(found.map(|bucket| {
            let configuration = bucket.record.settings.website.as_ref();
            (bucket.region(), configuration.map(|configuration| configuration.0.clone()))
        }))
    }

    /// Whether a page of another origin may use a method and headers on a bucket.
    pub async fn cross_origin(
        &self,
        bucket: &str,
        origin: &str,
        method: &str,
        headers: &[&str],
    ) -> Result<CrossOrigin, Fault> {
        let Some(bucket) = self.directory.find(bucket).await? else { return Ok(CrossOrigin::NoBucket) };
        let Some(configuration) = &bucket.record.settings.cors else { return Ok(CrossOrigin::NoRules) };
        let allowed = allowed(configuration, origin, method, headers);
        Ok(allowed.map_or(CrossOrigin::NoMatch, CrossOrigin::Allowed))
    }
}
