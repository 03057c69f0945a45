//! Buckets in host names, of the service that has buckets.
//!
//! Understood are, for an endpoint `s3`: `bucket.s3.eu-west-1.amazonaws.com` with all that may stand in the place of
//! the endpoint (`s3-eu-west-1`, `s3-fips`, `s3-accelerate`, `s3express-use1-az4`), with `dualstack`, and the same
//! names under `localhost` and LocalStack's name; access points (`name-123456789012.s3-accesspoint.…`), which stand
//! for their ARN; websites (`bucket.s3-website-us-east-1.…`, `bucket.s3-website.eu-central-1.…`).
//! Clients that are given `http://localhost:4566` as their endpoint and put the bucket in front of it are understood
//! too: `bucket.localhost:4566`.
//! Reference: "Virtual hosting of general purpose buckets" and "Website endpoints" in the S3 user guide.

use std::borrow::Cow;

use base::{AccountId, Arn, Region};

use crate::host::{LOCAL_SUFFIXES, SUFFIXES, without_port};

/// What a host says of buckets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BucketHost {
    /// The endpoint itself: the bucket is in the path.
    Endpoint,
    Bucket(HostBucket),
    Website {
        bucket: String,
        region: Option<Region>,
    },
}

impl BucketHost {
    /// Whether this may well be no bucket at all.
    pub fn is_guessed(&self) -> bool {
        matches!(self, BucketHost::Bucket(bucket) if bucket.guessed)
    }
}

/// A bucket that stands in front of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostBucket {
    /// As the host has it, in lower case.
    pub front: String,
    /// As the operation shall have it: the same, or an access point's ARN.
    pub label: String,
    /// The name in front of a local host, which may be something else than a bucket.
    pub guessed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    AccessPoint,
    Website(Option<Region>),
}

/// Reads a Host header, for a service whose endpoints begin with `endpoint`.
pub(crate) fn read(authority: &str, endpoint: &str) -> Option<BucketHost> {
    let host = without_port(authority);
    let host = host.strip_suffix('.').unwrap_or(host);
    // Most requests of local clients, and of those that have all buckets in the path, end here.
    if !host.contains('.') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    let rest = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    let Some((front, kind, own_region)) = take_endpoint(rest, endpoint) else {
        let local = LOCAL_SUFFIXES.iter().any(|suffix| host.ends_with(suffix));
        return (local && may_be_bucket(rest)).then(|| {
            BucketHost::Bucket(HostBucket { front: rest.to_owned(), label: rest.to_owned(), guessed: true })
        });
    };
    match (front, kind) {
        ("", _) => Some(BucketHost::Endpoint),
        (front, Kind::Website(region)) => {
            Some(BucketHost::Website { bucket: front.to_owned(), region: region.or(own_region) })
        }
        (front, Kind::Plain) => {
            let front = front.to_owned();
            Some(BucketHost::Bucket(HostBucket { label: front.clone(), front, guessed: false }))
        }
        (front, Kind::AccessPoint) => {
            let region = own_region.unwrap_or(Region::US_EAST_1);
            let label = access_point(endpoint, front, region).unwrap_or_else(|| front.to_owned());
            Some(BucketHost::Bucket(HostBucket { front: front.to_owned(), label, guessed: false }))
        }
    }
}

/// Finds the endpoint from the right, since a bucket's name may hold anything, and gives back what is left of it.
fn take_endpoint<'h>(rest: &'h str, endpoint: &str) -> Option<(&'h str, Kind, Option<Region>)> {
    let (mut before, mut region) = (rest, None);
    loop {
        let (front, label) = before.rsplit_once('.').unwrap_or(("", before));
        if let Some(kind) = kind_of(label, endpoint) {
            return Some((front, kind, region));
        }
        if label != "dualstack" {
            let found = Region::parse(label).filter(|_| region.is_none())?;
            region = Some(found);
        }
        if front.is_empty() {
            return None;
        }
        before = front;
    }
}

fn kind_of(label: &str, endpoint: &str) -> Option<Kind> {
    let rest = label.strip_prefix(endpoint)?;
    let rest = rest.strip_suffix("-fips").unwrap_or(rest);
    match rest {
        "" | "-accelerate" | "-external-1" => Some(Kind::Plain),
        "-accesspoint" => Some(Kind::AccessPoint),
        "-website" => Some(Kind::Website(None)),
        _ => {
            if let Some(region) = rest.strip_prefix("-website-") {
                return Region::parse(region).map(|region| Kind::Website(Some(region)));
            }
            let is_region = rest.strip_prefix('-').is_some_and(|region| Region::parse(region).is_some());
            (is_region || rest.starts_with("express-")).then_some(Kind::Plain)
        }
    }
}

/// `name-123456789012` is an access point of that account.
fn access_point(service: &str, front: &str, region: Region) -> Option<String> {
    let (name, account) = front.rsplit_once('-')?;
    let account: AccountId = account.parse().ok()?;
    Some(Arn::regional(service, region, account, format!("accesspoint/{name}")).to_string())
}

/// Accounts stand in front of host names too.
fn may_be_bucket(front: &str) -> bool {
    let is_account = front.len() == 12 && front.bytes().all(|byte| byte.is_ascii_digit());
    !front.contains('.') && front.len() >= 3 && !is_account
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(front: &str, label: &str, guessed: bool) -> Option<BucketHost> {
        Some(BucketHost::Bucket(HostBucket { front: front.to_owned(), label: label.to_owned(), guessed }))
    }

    #[test]
    fn a_bucket_stands_in_front_of_any_endpoint() {
        for host in [
            "my.bucket.s3.eu-west-1.amazonaws.com",
            "My.Bucket.S3.amazonaws.com:443",
            "my.bucket.s3-us-west-2.amazonaws.com",
            "my.bucket.s3.dualstack.us-west-2.amazonaws.com",
            "my.bucket.s3-fips.dualstack.us-gov-west-1.amazonaws.com",
            "my.bucket.s3-accelerate.amazonaws.com",
            "my.bucket.s3-accelerate.dualstack.amazonaws.com",
            "my.bucket.s3.cn-north-1.amazonaws.com.cn",
            "my.bucket.s3.localhost.localstack.cloud:4566",
            "my.bucket.s3.us-east-1.localhost.localstack.cloud:4566",
            "my.bucket.s3.localhost",
            "my.bucket.s3express-use1-az4.us-east-1.amazonaws.com",
        ] {
            assert_eq!(read(host, "s3"), bucket("my.bucket", "my.bucket", false), "{host}");
        }
        for (host, name) in [("s3.s3.amazonaws.com", "s3"), ("us-east-1.s3.amazonaws.com", "us-east-1")] {
            assert_eq!(read(host, "s3"), bucket(name, name, false), "{host}");
        }
        assert_eq!(read("bucket.localhost:4566", "s3"), bucket("bucket", "bucket", true));
        assert_eq!(read("bucket.localhost.localstack.cloud", "s3"), bucket("bucket", "bucket", true));
    }

    #[test]
    fn an_endpoint_alone_leaves_the_bucket_to_the_path() {
        for host in [
            "s3.amazonaws.com",
            "s3-eu-west-1.amazonaws.com",
            "s3.dualstack.eu-west-1.amazonaws.com",
            "s3.localhost.localstack.cloud:4566",
            "s3express-control.us-east-1.amazonaws.com",
        ] {
            assert_eq!(read(host, "s3"), Some(BucketHost::Endpoint), "{host}");
        }
        for host in [
            "localhost:4566",
            "127.0.0.1:4566",
            "10.0.0.1",
            "[::1]:4566",
            "sqs.us-east-1.amazonaws.com",
            "123456789012.s3-control.us-east-1.amazonaws.com",
            "123456789012.localhost:4566",
            "localhost.localstack.cloud",
            "s3.example.com",
            "a.b.localhost",
            "",
            ".",
            ".localhost",
        ] {
            assert_eq!(read(host, "s3"), None, "{host}");
        }
    }

    #[test]
    fn an_access_point_is_named_by_its_arn() {
        let host = "my-point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com";
        let arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/my-point";
        assert_eq!(read(host, "s3"), bucket("my-point-123456789012", arn, false));
        let host = "p-123456789012.s3-accesspoint.localhost.localstack.cloud:4566";
        let arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/p";
        assert_eq!(read(host, "s3"), bucket("p-123456789012", arn, false));
    }

    #[test]
    fn websites_are_told_from_buckets() {
        for (host, region) in [
            ("www.example.com.s3-website-us-east-1.amazonaws.com", Some("us-east-1")),
            ("www.example.com.s3-website.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("www.example.com.s3-website.localhost.localstack.cloud:4566", None),
            ("www.example.com.s3-website.localhost:4566", None),
        ] {
            let bucket = "www.example.com".to_owned();
            let region = region.and_then(Region::parse);
            assert_eq!(read(host, "s3"), Some(BucketHost::Website { bucket, region }), "{host}");
        }
    }
}
