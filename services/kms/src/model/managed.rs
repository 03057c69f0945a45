//! The keys that AWS's services make for an account when it first needs one: `alias/aws/s3` and its like.
//!
//! Their policy lets everyone in the account use the key, but only through its service, and lets nobody change it.
//! Reference: "AWS managed keys" and "View AWS managed key policies" in the KMS developer guide.

use base::{AccountId, Region};
use serde_json::json;

/// A service that has a key of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// `s3` of `aws/s3`
    pub name: &'static str,
    /// `ec2` of `ec2.us-east-1.amazonaws.com`: through which service the key is used.
    pub via: &'static str,
    /// What people call it.
    title: &'static str,
    /// What the key protects, for its description.
    protects: &'static str,
}

const fn service(
    name: &'static str,
    via: &'static str,
    title: &'static str,
    protects: &'static str,
) -> Service {
    Service { name, via, title, protects }
}

/// Sorted by name.
const SERVICES: &[Service] = &[
    service("acm", "acm", "ACM", "ACM private keys"),
    service("backup", "backup", "Backup", "Backup data"),
    service("codecommit", "codecommit", "CodeCommit", "CodeCommit repositories"),
    service("connect", "connect", "Connect", "Connect data"),
    service("dms", "dms", "DMS", "DMS replication data"),
    service("dynamodb", "dynamodb", "DynamoDB", "DynamoDB data"),
    service("ebs", "ec2", "EBS", "EBS volumes"),
    service("elasticache", "elasticache", "ElastiCache", "ElastiCache data"),
    service("elasticfilesystem", "elasticfilesystem", "EFS", "EFS filesystems"),
    service("es", "es", "Elasticsearch", "Elasticsearch data"),
    service("fsx", "fsx", "FSx", "FSx resources"),
    service("glue", "glue", "Glue", "Glue data"),
    service("kafka", "kafka", "MSK", "MSK data"),
    service("kinesis", "kinesis", "Kinesis", "Kinesis data"),
    service("kinesisvideo", "kinesisvideo", "Kinesis Video", "Kinesis Video data"),
    service("lambda", "lambda", "Lambda", "Lambda functions"),
    service("rds", "rds", "RDS", "RDS database volumes"),
    service("redshift", "redshift", "Redshift", "Redshift clusters"),
    service("s3", "s3", "S3", "S3 objects"),
    service("secretsmanager", "secretsmanager", "Secrets Manager", "Secrets Manager data"),
    service("ses", "ses", "SES", "SES messages"),
    service("sns", "sns", "SNS", "SNS data"),
    service("sqs", "sqs", "SQS", "SQS messages"),
    service("ssm", "ssm", "SSM", "SSM parameters"),
    service("workspaces", "workspaces", "WorkSpaces", "WorkSpaces volumes"),
    service("xray", "xray", "X-Ray", "X-Ray data"),
];

/// The aliases of all of them, without `alias/`, sorted.
pub fn aliases() -> impl Iterator<Item = String> {
    SERVICES.iter().map(Service::alias)
}

/// The service whose key an alias without its `alias/` names: `aws/s3`.
pub fn service_of(alias: &str) -> Option<&'static Service> {
    let name = alias.strip_prefix("aws/")?;
    SERVICES.binary_search_by(|service| service.name.cmp(name)).ok().map(|at| &SERVICES[at])
}

impl Service {
    /// Without `alias/`.
    pub fn alias(&self) -> String {
        format!("aws/{}", self.name)
    }

    pub fn description(&self) -> String {
        format!("Default key that protects my {} when no other key is defined", self.protects)
    }

    /// The policy of the key in one account and region.
    pub fn policy(&self, account: AccountId, region: Region) -> String {
        let title = self.title;
        let document = json!({
            "Version": "2012-10-17",
            "Id": format!("auto-{}-2", self.name),
            "Statement": [{
                "Sid": format!(
                    "Allow access through {title} for all principals in the account that are authorized to use {title}"
                ),
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant",
                    "kms:DescribeKey",
                ],
                "Resource": "*",
                "Condition": { "StringEquals": {
                    "kms:CallerAccount": account.to_string(),
                    "kms:ViaService": format!("{}.{region}.{}", self.via, region.dns_suffix()),
                }},
            }, {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:{}:iam::{account}:root", region.partition().as_str()) },
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            }],
        });
        super::key_policy::to_text(&document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::policy::{Kind, Policy};

    #[test]
    fn every_service_is_found_by_its_alias_and_has_a_good_policy() {
        assert!(SERVICES.is_sorted_by_key(|service| service.name));
        for service in SERVICES {
            assert_eq!(service_of(&service.alias()), Some(service));
            let policy = service.policy(AccountId::DEV, Region::US_EAST_1);
            assert!(Policy::parse(Kind::Resource, &policy).is_ok(), "{}", service.name);
        }
        assert_eq!(service_of("aws/nothing"), None);
        assert_eq!(service_of("s3"), None);
    }
}
