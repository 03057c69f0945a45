//! What an endpoint expects of a signature. The gateway knows the service, and with it these rules.

use std::time::Duration;

use base::Region;

use super::limits::{CLOCK_SKEW_LONG_MAX, CLOCK_SKEW_MAX};

/// The expectations of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The signing names that the endpoint accepts; the first is the one named in errors.
    pub services: &'a [&'a str],
    /// Further signing names that it accepts.
    pub aliases: &'a [&'a str],
    pub region: RegionRule,
    pub path: PathRule,
    pub payload: PayloadRule,
    pub headers: HeaderRule,
    /// How far the time of the request may be from ours.
    pub skew: Duration,
}

/// Which region a request may be signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionRule {
    /// Any region that exists: one endpoint serves them all, as on localhost.
    Any,
    /// The endpoint names its region.
    Exactly(Region),
}

/// How the path enters the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// Dot segments and repeated slashes are removed, and what is already percent-encoded is encoded again.
    Normalised,
    /// As it is on the wire, encoded once: S3 keys may be `a//b/../c`.
    Raw,
}

/// Where the payload hash of the canonical request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRule {
    /// From the body. What the caller declares is of no interest, unless the body has yet to stream.
    Body,
    /// From the `x-amz-content-sha256` header, which is then required and may say `UNSIGNED-PAYLOAD`: S3.
    Declared,
}

/// Which headers a caller must sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRule {
    Host,
    /// `host`, and each `x-amz-` header there is: S3.
    HostAndAmz,
}

impl<'a> Rules<'a> {
    /// The rules of most services.
    pub const fn standard(services: &'a [&'a str]) -> Rules<'a> {
        Rules {
            services,
            aliases: &[],
            region: RegionRule::Any,
            path: PathRule::Normalised,
            payload: PayloadRule::Body,
            headers: HeaderRule::Host,
            skew: CLOCK_SKEW_MAX,
        }
    }

    /// The rules of SQS, which allows fifteen minutes. Evidence: `Signature expired: … (20240114T081905Z -
    /// 15 min.)` from ReceiveMessage in github.com/terricain/aioboto3/issues/326, and the like since 2015.
    pub const SQS: Rules<'static> = Rules { skew: CLOCK_SKEW_LONG_MAX, ..Rules::standard(&["sqs"]) };

    /// The rules of S3.
    pub const S3: Rules<'static> = Rules {
        path: PathRule::Raw,
        payload: PayloadRule::Declared,
        headers: HeaderRule::HostAndAmz,
        skew: CLOCK_SKEW_LONG_MAX,
        ..Rules::standard(&["s3"])
    };
}
