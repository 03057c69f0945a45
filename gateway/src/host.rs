//! What a host name says: the service, the region, and what stands before them.
//!
//! Understood are AWS's names (`sqs.us-east-1.amazonaws.com`, `us-east-1.queue.amazonaws.com`,
//! `sts.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`, `….api.aws`) and LocalStack's
//! (`sqs.us-east-1.localhost.localstack.cloud:4566`). Everything else, `localhost` above all, says nothing.
//! Reference: "AWS service endpoints" in the general reference.

use std::borrow::Cow;

use base::Region;

pub(crate) const SUFFIXES: &[&str] =
    &[".amazonaws.com", ".amazonaws.com.cn", ".localhost.localstack.cloud", ".api.aws", ".localhost"];

/// Those of this machine.
pub(crate) const LOCAL_SUFFIXES: &[&str] = &[".localhost", ".localhost.localstack.cloud"];

/// A host name taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HostName<'a> {
    /// What is left without suffix and region: `sqs`, `api.ecr`, `bucket.s3`. Empty where the name says nothing.
    pub service: Cow<'a, str>,
    pub region: Option<Region>,
}

impl<'a> HostName<'a> {
    /// Reads the value of a Host header or the authority of a URI.
    pub fn parse(authority: &'a str) -> HostName<'a> {
        let host = without_port(authority);
        let host = host.strip_suffix('.').unwrap_or(host);
        if !host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return HostName::of_lower_case(host);
        }
        let lower = host.to_ascii_lowercase();
        let HostName { service, region } = HostName::of_lower_case(&lower);
        HostName { service: Cow::Owned(service.into_owned()), region }
    }

    fn of_lower_case(host: &str) -> HostName<'_> {
        let Some(rest) = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix)) else {
            return HostName::default();
        };
        if let Some(plain) = without_endpoint(rest) {
            let (rest, region) = take_region(&plain);
            return HostName { service: Cow::Owned(rest.to_owned()), region };
        }
        let (rest, region) = take_region(rest);
        let rest = rest.strip_suffix(".dualstack").unwrap_or(rest);
        let rest = rest.strip_suffix("-fips").unwrap_or(rest);
        HostName { service: Cow::Borrowed(rest), region }
    }

    /// The service part and, label by label, its ends: `a.b.c`, `b.c`, `c`. The first that names a service wins,
    /// what stands before it is a bucket or an account.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        let whole = &*self.service;
        let after_dots = whole.match_indices('.').map(|(at, _)| &whole[at + 1..]);
        std::iter::once(whole).filter(|whole| !whole.is_empty()).chain(after_dots)
    }
}

/// The host without `:4566`. IPv6 addresses stand in brackets and name no service anyway.
pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// The service behind the name of an interface endpoint: `vpce-1-2.sqs.us-east-1.vpce` is `sqs.us-east-1`, and
/// `my.bucket.bucket.vpce-1-2.s3.us-east-1.vpce` is `my.bucket.s3.us-east-1`.
fn without_endpoint(rest: &str) -> Option<String> {
    let rest = rest.strip_suffix(".vpce")?;
    let mut labels: Vec<&str> = rest.split('.').collect();
    let at = labels.iter().position(|label| label.starts_with("vpce-"))?;
    labels.remove(at);
    if at > 0 && matches!(labels[at - 1], "bucket" | "accesspoint" | "control") {
        labels.remove(at - 1);
    }
    Some(labels.join("."))
}

/// The region is the last label, or in the oldest names the first.
fn take_region(rest: &str) -> (&str, Option<Region>) {
    let last = rest.rsplit_once('.').and_then(|(before, label)| Some((before, Region::parse(label)?)));
    let first = || rest.split_once('.').and_then(|(label, after)| Some((after, Region::parse(label)?)));
    match last.or_else(first) {
        Some((rest, region)) => (rest, Some(region)),
        None => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_of_aws_and_localstack_are_understood() {
        for (host, service, region) in [
            ("sqs.us-east-1.amazonaws.com", "sqs", Some("us-east-1")),
            ("SQS.EU-West-1.AmazonAWS.com", "sqs", Some("eu-west-1")),
            ("sqs.us-east-1.localhost.localstack.cloud:4566", "sqs", Some("us-east-1")),
            ("sqs.localhost.localstack.cloud:4566", "sqs", None),
            ("us-east-2.queue.amazonaws.com", "queue", Some("us-east-2")),
            ("queue.amazonaws.com", "queue", None),
            ("sts.amazonaws.com.", "sts", None),
            ("sqs.cn-north-1.amazonaws.com.cn", "sqs", Some("cn-north-1")),
            ("sqs-fips.us-gov-west-1.amazonaws.com", "sqs", Some("us-gov-west-1")),
            ("api.ecr.eu-central-1.amazonaws.com", "api.ecr", Some("eu-central-1")),
            ("my.bucket.s3.dualstack.us-west-2.amazonaws.com", "my.bucket.s3", Some("us-west-2")),
            ("sqs.us-east-1.api.aws", "sqs", Some("us-east-1")),
            ("vpce-0a1-b2.sqs.us-east-1.vpce.amazonaws.com", "sqs", Some("us-east-1")),
            ("vpce-0a1-b2-us-east-1a.sqs.us-east-1.vpce.amazonaws.com", "sqs", Some("us-east-1")),
            ("a.b.bucket.vpce-0a1-b2.s3.eu-west-1.vpce.amazonaws.com", "a.b.s3", Some("eu-west-1")),
            ("localhost:4566", "", None),
            ("127.0.0.1:4566", "", None),
            ("[::1]:4566", "", None),
            ("localhost.localstack.cloud:4566", "", None),
            ("amazonaws.com", "", None),
            ("", "", None),
            (":", "", None),
        ] {
            let parsed = HostName::parse(host);
            assert_eq!((&*parsed.service, parsed.region.map(Region::as_str)), (service, region), "{host}");
        }
    }

    #[test]
    fn the_ends_of_a_name_leave_out_its_front() {
        let host = HostName::parse("my.bucket.s3.us-east-1.amazonaws.com");
        assert_eq!(host.ends().collect::<Vec<_>>(), ["my.bucket.s3", "bucket.s3", "s3"]);
        assert_eq!(HostName::parse("localhost").ends().count(), 0);
    }
}
