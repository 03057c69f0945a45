//! Names of tables, and what clients give instead of one: the table's ARN.

use base::{AccountId, Arn, Region};

use crate::error::Error;
use crate::limits::{NAME_CHARS_MAX, NAME_CHARS_MIN};

/// A table that may or may not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableAddress {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

impl TableAddress {
    /// Reads a name, which is the caller's own table, or an ARN, which may be another account's.
    pub fn parse(scope: (AccountId, Region), name_or_arn: &str) -> Result<TableAddress, Error> {
        let (account, region) = scope;
        if !name_or_arn.starts_with("arn:") {
            check_name("tableName", name_or_arn)?;
            return Ok(TableAddress { account, region, name: name_or_arn.to_owned() });
        }
        let arn = name_or_arn.parse::<Arn>().ok().filter(|arn| arn.service() == "dynamodb");
        let place = arn.as_ref().and_then(|arn| arn.account().zip(arn.region()));
        let name = arn.as_ref().and_then(|arn| arn.resource().strip_prefix("table/"));
        match (place, name) {
            (Some((account, found)), Some(name)) if found == region && is_name(name) => {
                Ok(TableAddress { account, region, name: name.to_owned() })
            }
            (Some((_, found)), Some(name)) if found != region && is_name(name) => Err(Error::Validation(
                format!("1 validation error detected: Invalid AWS region in '{name_or_arn}'"),
            )),
            _ => Err(Error::Validation(format!(
                "1 validation error detected: Invalid resource type in '{name_or_arn}'"
            ))),
        }
    }

    pub fn arn(&self) -> Arn {
        table_arn((self.account, self.region), &self.name)
    }
}

/// `arn:aws:dynamodb:us-east-1:123456789012:table/Music`
pub fn table_arn((account, region): (AccountId, Region), name: &str) -> Arn {
    Arn::regional("dynamodb", region, account, format!("table/{name}"))
}

/// Letters, digits, and `_.-`, of which names of tables, indexes and backups are made.
pub const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

pub fn is_name(text: &str) -> bool {
    (NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_name_byte)
}

/// Where the model lets a name be an ARN, its constraints are not those of names; DynamoDB words them as if they were.
pub fn check_name(member: &str, name: &str) -> Result<(), Error> {
    let characters = name.chars().count();
    let mut broken = Vec::new();
    if !name.bytes().all(is_name_byte) {
        broken.push("satisfy regular expression pattern: [a-zA-Z0-9_.-]+".to_owned());
    }
    if characters < NAME_CHARS_MIN {
        broken.push(format!("have length greater than or equal to {NAME_CHARS_MIN}"));
    }
    if characters > NAME_CHARS_MAX {
        broken.push(format!("have length less than or equal to {NAME_CHARS_MAX}"));
    }
    if broken.is_empty() {
        return Ok(());
    }
    let (count, plural) = (broken.len(), if broken.len() == 1 { "error" } else { "errors" });
    let each = broken
        .iter()
        .map(|what| format!("Value '{name}' at '{member}' failed to satisfy constraint: Member must {what}"));
    let each: Vec<String> = each.collect();
    Err(Error::Validation(format!("{count} validation {plural} detected: {}", each.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: (AccountId, Region) = (AccountId::DEV, Region::US_EAST_1);

    #[test]
    fn a_table_goes_by_its_name_or_its_arn() {
        let own = TableAddress::parse(SCOPE, "Music").expect("it is a name");
        assert_eq!(own.arn().as_str(), "arn:aws:dynamodb:us-east-1:000000000000:table/Music");
        let foreign = "arn:aws:dynamodb:us-east-1:123456789012:table/Music";
        let address = TableAddress::parse(SCOPE, foreign).expect("it is an ARN");
        assert_eq!((address.arn().as_str(), address.name.as_str()), (foreign, "Music"));
        for refused in [
            "ab",
            "a b c",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/Music",
            "arn:aws:s3:us-east-1:123456789012:table/Music",
            "arn:aws:dynamodb:us-east-1:123456789012:table/Music/index/ByYear",
        ] {
            assert!(TableAddress::parse(SCOPE, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_name_is_refused_in_the_words_of_constraints() {
        let said = |name: &str| match check_name("tableName", name) {
            Err(Error::Validation(message)) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            said("ab"),
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have \
             length greater than or equal to 3"
        );
        assert!(said("a!").starts_with("2 validation errors detected: Value 'a!' at 'tableName' failed"));
    }
}
