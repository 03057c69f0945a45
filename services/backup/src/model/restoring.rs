//! What a request to restore may say: the metadata of each type. Keys are not case sensitive.

use std::collections::BTreeMap;

use super::arns::Made;
use crate::error::Error;

const VOLUME_KEYS: [&str; 9] = [
    "availabilityzone",
    "encrypted",
    "iops",
    "kmskeyid",
    "throughput",
    "volumeid",
    "volumesize",
    "volumetype",
    "aws:backup:request-id",
];
const TABLE_KEYS: [&str; 4] = ["encryptiontype", "kmsmasterkeyarn", "originaltablename", "targettablename"];

/// The value of a key, in whatever case it was written.
pub fn value<'a>(metadata: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

pub fn check(point: &str, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    let (known, needed): (&[&str], _) = match Made::parse(point) {
        Some(Made::Snapshot(_)) => (&VOLUME_KEYS, "availabilityZone"),
        Some(Made::TableBackup(_)) => (&TABLE_KEYS, "targetTableName"),
        None => return Err(Error::Invalid(format!("{point} is no recovery point"))),
    };
    if let Some(key) = metadata.keys().find(|key| !known.contains(&key.to_ascii_lowercase().as_str())) {
        return Err(Error::Invalid(format!("Invalid restore metadata. Unrecognized key: {key}")));
    }
    if value(metadata, needed).is_none_or(str::is_empty) {
        return Err(Error::Invalid(format!("Invalid restore metadata. {needed} is required")));
    }
    for name in ["iops", "throughput", "volumeSize"] {
        number(metadata, name)?;
    }
    match value(metadata, "encryptionType").map(str::to_ascii_lowercase).as_deref() {
        None | Some("default" | "kms") => Ok(()),
        Some(other) => {
            Err(Error::Invalid(format!("Invalid restore metadata. encryptionType {other} is none")))
        }
    }
}

pub fn number(metadata: &BTreeMap<String, String>, name: &str) -> Result<Option<i32>, Error> {
    let Some(text) = value(metadata, name) else { return Ok(None) };
    let invalid = |_| Error::Invalid(format!("Invalid restore metadata. {name} is no number: {text}"));
    text.parse().map(Some).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_over_before_the_job() {
        let volume = "arn:aws:ec2:us-east-1::snapshot/snap-1";
        let table = "arn:aws:dynamodb:us-east-1:111122223333:table/Music/backup/01";
        for (point, pairs, is_good) in [
            (volume, vec![("AvailabilityZone", "us-east-1a")], true),
            (volume, vec![("availabilityZone", "us-east-1a"), ("iops", "many")], false),
            (volume, vec![("volumeType", "gp3")], false),
            (volume, vec![("availabilityZone", "us-east-1a"), ("colour", "red")], false),
            (table, vec![("targetTableName", "Copy")], true),
            (table, vec![("targetTableName", "Copy"), ("encryptionType", "rot13")], false),
            (table, vec![], false),
        ] {
            let metadata =
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(check(point, &metadata).is_ok(), is_good, "{point} {pairs:?}");
        }
    }
}
