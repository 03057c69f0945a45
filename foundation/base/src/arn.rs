//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! Only the first five colons separate; the resource may hold colons and slashes of its own. Every call names what it
//! acts on, so an ARN is one text that knows where its parts are, rather than five.
//! Reference: "Identify AWS resources with Amazon Resource Names" in the IAM guide.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Region};

/// A parsed ARN. Region and account may be empty (S3 buckets, IAM).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// Where the four colons after the partition, service, region and account are.
    colons: [u16; 4],
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an ARN has the form arn:partition:service:region:account:resource")]
pub struct ArnError;

/// AWS's longest; what is longer names nothing.
const ARN_BYTES_MAX: usize = 2048;

impl Arn {
    /// The ARN of a resource that lives in a region and an account.
    pub fn regional(service: &str, region: Region, account: AccountId, resource: impl AsRef<str>) -> Arn {
        Arn::join(region.partition().as_str(), service, region.as_str(), account, resource.as_ref())
    }

    /// The ARN of a resource that has an account but no region (IAM, STS).
    pub fn global(service: &str, region: Region, account: AccountId, resource: impl AsRef<str>) -> Arn {
        Arn::join(region.partition().as_str(), service, "", account, resource.as_ref())
    }

    /// An ARN with neither region nor account (S3's buckets and objects), in the region's partition.
    pub fn bare(service: &str, region: Region, resource: impl AsRef<str>) -> Arn {
        let partition = region.partition().as_str();
        let partition_end = 4 + partition.len();
        let service_end = partition_end + 1 + service.len();
        let text = ["arn:", partition, ":", service, ":::", resource.as_ref()].concat();
        let colons = [partition_end, service_end, service_end + 1, service_end + 2];
        Arn { text, colons: colons.map(|at| u16::try_from(at).expect("our own services have short names")) }
    }

    fn join(partition: &str, service: &str, region: &str, account: AccountId, resource: &str) -> Arn {
        let partition_end = 4 + partition.len();
        let service_end = partition_end + 1 + service.len();
        let region_end = service_end + 1 + region.len();
        let account_end = region_end + 1 + 12;
        let mut text = String::with_capacity(account_end + 1 + resource.len());
        for part in ["arn:", partition, ":", service, ":", region, ":"] {
            text.push_str(part);
        }
        account.write_to(&mut text);
        text.push(':');
        text.push_str(resource);
        let colons = [partition_end, service_end, region_end, account_end];
        Arn { text, colons: colons.map(|at| u16::try_from(at).expect("our own services have short names")) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn partition(&self) -> &str {
        &self.text[4..self.colon(0)]
    }

    pub fn service(&self) -> &str {
        &self.text[self.colon(0) + 1..self.colon(1)]
    }

    /// The region field, where it names one that exists.
    pub fn region(&self) -> Option<Region> {
        Region::parse(&self.text[self.colon(1) + 1..self.colon(2)])
    }

    /// The account field, where it is one.
    pub fn account(&self) -> Option<AccountId> {
        self.text[self.colon(2) + 1..self.colon(3)].parse().ok()
    }

    pub fn resource(&self) -> &str {
        &self.text[self.colon(3) + 1..]
    }

    /// The same name in the partition of another region.
    #[must_use]
    pub fn in_partition_of(&self, region: Region) -> Arn {
        let partition = region.partition().as_str();
        let text = format!("arn:{partition}{}", &self.text[self.colon(0)..]);
        text.parse().expect("only a part was replaced")
    }

    fn colon(&self, index: usize) -> usize {
        usize::from(self.colons[index])
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > ARN_BYTES_MAX {
            return Err(ArnError);
        }
        let after_arn = text.strip_prefix("arn:").ok_or(ArnError)?;
        let mut found = after_arn.match_indices(':').map(|(at, _)| (at + 4) as u16);
        let mut next = || found.next().ok_or(ArnError);
        let arn = Arn { colons: [next()?, next()?, next()?, next()?], text: text.to_owned() };
        let whole = !arn.partition().is_empty() && !arn.service().is_empty() && !arn.resource().is_empty();
        whole.then_some(arn).ok_or(ArnError)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Arn {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
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
        for (text, parts) in [
            ("arn:aws:sqs:us-east-1:000000000000:orders.fifo", ("aws", "sqs", "orders.fifo")),
            ("arn:aws:iam::123456789012:role/path/name", ("aws", "iam", "role/path/name")),
            ("arn:aws-cn:logs:cn-north-1:123456789012:log-group:/a:b", ("aws-cn", "logs", "log-group:/a:b")),
            ("arn:aws:s3:::bucket/key:with:colons", ("aws", "s3", "bucket/key:with:colons")),
        ] {
            let arn: Arn = text.parse().unwrap();
            assert_eq!(arn.to_string(), text);
            assert_eq!((arn.partition(), arn.service(), arn.resource()), parts);
        }
        let long = format!("arn:aws:s3:::{}", "x".repeat(ARN_BYTES_MAX));
        for bad in ["", "arn", "arn:aws:sqs", "arn:aws:sqs:us-east-1:000000000000:", "urn:aws:sqs:::x", &long]
        {
            assert_eq!(bad.parse::<Arn>(), Err(ArnError), "{bad}");
        }
    }

    #[test]
    fn an_arn_that_is_put_together_is_the_one_that_is_read() {
        let region = Region::parse("eu-west-1").unwrap();
        let account = AccountId::new(42).unwrap();
        let queue = Arn::regional("sqs", region, account, "q");
        assert_eq!(Ok(&queue), queue.as_str().parse().as_ref());
        assert_eq!((queue.region(), queue.account()), (Some(region), Some(account)));
        let root = Arn::global("iam", region, account, "root");
        assert_eq!(Ok(&root), "arn:aws:iam::000000000042:root".parse().as_ref());
        let china = root.in_partition_of(Region::parse("cn-north-1").unwrap());
        assert_eq!(china.as_str(), "arn:aws-cn:iam::000000000042:root");
    }
}
