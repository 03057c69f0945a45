//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! Only the first five colons separate; the resource may hold colons and slashes of its own.
//! Reference: "Identify AWS resources with Amazon Resource Names" in the IAM guide.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Region};

/// A parsed ARN. Region and account may be empty (S3 buckets, IAM), so they are kept as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an ARN has the form arn:partition:service:region:account:resource")]
pub struct ArnError;

impl Arn {
    /// The ARN of a resource that lives in a region and an account.
    pub fn regional(service: &str, region: Region, account: AccountId, resource: impl Into<String>) -> Arn {
        Arn {
            partition: region.partition().as_str().to_owned(),
            service: service.to_owned(),
            region: region.as_str().to_owned(),
            account: account.to_string(),
            resource: resource.into(),
        }
    }

    /// The ARN of a resource that has an account but no region (IAM, STS).
    pub fn global(service: &str, region: Region, account: AccountId, resource: impl Into<String>) -> Arn {
        Arn { region: String::new(), ..Arn::regional(service, region, account, resource) }
    }

    /// The region field, where it names one that exists.
    pub fn region(&self) -> Option<Region> {
        Region::parse(&self.region)
    }

    /// The account field, where it is one.
    pub fn account(&self) -> Option<AccountId> {
        self.account.parse().ok()
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(ArnError);
        if next()? != "arn" {
            return Err(ArnError);
        }
        let arn = Arn {
            partition: next()?.to_owned(),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        let whole = !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty();
        whole.then_some(arn).ok_or(ArnError)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Arn {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Arn {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_reads_back_as_it_was_written() {
        for text in [
            "arn:aws:sqs:us-east-1:000000000000:orders.fifo",
            "arn:aws:iam::123456789012:role/path/name",
            "arn:aws:logs:eu-west-1:123456789012:log-group:/a:log-stream:b",
            "arn:aws:s3:::bucket/key:with:colons",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
        for bad in ["", "arn", "arn:aws:sqs", "arn:aws:sqs:us-east-1:000000000000:", "urn:aws:sqs:::x"] {
            assert_eq!(bad.parse::<Arn>(), Err(ArnError), "{bad}");
        }
    }
}
