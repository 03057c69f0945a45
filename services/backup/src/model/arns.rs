//! Names of vaults and plans, and what the ARNs of resources and of recovery points name.
//!
//! Recovery points have the ARNs of what they are: `arn:aws:ec2:us-east-1::snapshot/snap-…`, and
//! `arn:aws:dynamodb:…:table/NAME/backup/ID`.

use base::{AccountId, Arn, Region};

use crate::error::Error;

/// A type of resource that can be backed up here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Ebs,
    DynamoDb,
}

/// Types that AWS Backup knows and this cloud backs up no resources of, and how their ARNs begin after the service.
const OTHERS: [(&str, &str, &str); 14] = [
    ("ec2", "instance/", "EC2"),
    ("s3", "", "S3"),
    ("rds", "cluster:", "Aurora"),
    ("rds", "db:", "RDS"),
    ("elasticfilesystem", "", "EFS"),
    ("fsx", "", "FSx"),
    ("storagegateway", "", "Storage Gateway"),
    ("redshift", "", "Redshift"),
    ("redshift-serverless", "", "Redshift Serverless"),
    ("timestream", "", "Timestream"),
    ("cloudformation", "", "CloudFormation"),
    ("backup-gateway", "", "VirtualMachine"),
    ("ssm-sap", "", "SAP HANA on Amazon EC2"),
    ("eks", "", "EKS"),
];

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::DynamoDb, Kind::Ebs];

    /// `ResourceType`
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Ebs => "EBS",
            Kind::DynamoDb => "DynamoDB",
        }
    }

    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A resource that can be backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub kind: Kind,
    /// The volume's id, or the table's name.
    pub name: String,
}

impl Resource {
    /// Reads the ARN of a volume or a table.
    ///
    /// # Errors
    /// `NotImplemented` for the other types that AWS Backup knows, by name; `InvalidParameterValueException` for what is
    /// no resource.
    pub fn parse(text: &str) -> Result<Resource, Error> {
        let invalid = || Error::Invalid(format!("Invalid ARN: {text}"));
        let arn: Arn = text.parse().map_err(|_| invalid())?;
        let named = |kind, name: &str| Resource { kind, name: name.to_owned() };
        match (arn.service(), arn.resource().split_once('/')) {
            ("ec2", Some(("volume", id))) if !id.is_empty() => Ok(named(Kind::Ebs, id)),
            ("dynamodb", Some(("table", name))) if !name.is_empty() && !name.contains('/') => {
                Ok(named(Kind::DynamoDb, name))
            }
            (service, _) => {
                let mut others = OTHERS.iter();
                let other =
                    others.find(|(of, begins, _)| *of == service && arn.resource().starts_with(begins));
                Err(other.map_or_else(invalid, |(_, _, kind)| {
                    Error::NotImplemented(format!("the backup of resources of type {kind}"))
                }))
            }
        }
    }
}

/// What a recovery point is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    Snapshot(String),
    /// By its ARN.
    TableBackup(String),
}

impl Made {
    pub fn parse(text: &str) -> Option<Made> {
        let arn: Arn = text.parse().ok()?;
        match arn.service() {
            "ec2" => arn.resource().strip_prefix("snapshot/").map(|id| Made::Snapshot(id.to_owned())),
            "dynamodb" => arn.resource().contains("/backup/").then(|| Made::TableBackup(text.to_owned())),
            _ => None,
        }
    }
}

pub fn vault(account: AccountId, region: Region, name: &str) -> Arn {
    Arn::regional("backup", region, account, format!("backup-vault:{name}"))
}

pub fn plan(account: AccountId, region: Region, id: &str) -> Arn {
    Arn::regional("backup", region, account, format!("backup-plan:{id}"))
}

/// Snapshots' ARNs name no account.
pub fn snapshot(region: Region, id: &str) -> Arn {
    let text = format!("arn:{}:ec2:{region}::snapshot/{id}", region.partition().as_str());
    text.parse().expect("an id has no colon, and the rest is well-formed")
}

pub fn vault_of(arn: &Arn) -> Option<&str> {
    arn.resource().strip_prefix("backup-vault:").filter(|_| arn.service() == "backup")
}

pub fn plan_of(arn: &Arn) -> Option<&str> {
    arn.resource().strip_prefix("backup-plan:").filter(|_| arn.service() == "backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_tables_are_backed_up_and_others_refused_by_name() {
        let volume = Resource::parse("arn:aws:ec2:us-east-1:111122223333:volume/vol-1").unwrap();
        assert_eq!((volume.kind, volume.name.as_str()), (Kind::Ebs, "vol-1"));
        let table = Resource::parse("arn:aws:dynamodb:us-east-1:111122223333:table/Music").unwrap();
        assert_eq!((table.kind, table.name.as_str()), (Kind::DynamoDb, "Music"));
        for (text, words) in [
            ("arn:aws:s3:::bucket", "S3"),
            ("arn:aws:ec2:us-east-1:111122223333:instance/i-1", "EC2"),
            ("arn:aws:rds:us-east-1:111122223333:db:shop", "RDS"),
            ("arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1", "Invalid ARN"),
            ("arn:aws:dynamodb:us-east-1:111122223333:table/Music/stream/1", "Invalid ARN"),
            ("vol-1", "Invalid ARN"),
        ] {
            let refused = schema::Fault::from(Resource::parse(text).unwrap_err());
            assert!(refused.message().contains(words), "{text}: {}", refused.message());
        }
    }

    #[test]
    fn snapshots_name_their_region_and_no_account() {
        assert_eq!(snapshot(Region::US_EAST_1, "snap-1").as_str(), "arn:aws:ec2:us-east-1::snapshot/snap-1");
    }

    #[test]
    fn recovery_points_are_snapshots_and_backups_of_tables() {
        let snapshot = "arn:aws:ec2:us-east-1::snapshot/snap-1";
        assert_eq!(Made::parse(snapshot), Some(Made::Snapshot("snap-1".to_owned())));
        let backup = "arn:aws:dynamodb:us-east-1:111122223333:table/Music/backup/01";
        assert_eq!(Made::parse(backup), Some(Made::TableBackup(backup.to_owned())));
        assert_eq!(Made::parse("arn:aws:ec2:us-east-1::image/ami-1"), None);
    }
}
