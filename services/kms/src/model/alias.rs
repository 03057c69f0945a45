//! Names of aliases.

use crate::error::Error;
use crate::records::KeyRecord;

/// The longest, with `alias/`.
const CHARS_MAX: usize = 256;

const NO_PREFIX: &str = "Alias must start with the prefix \"alias/\". Please see \
                         https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";

/// Reads the name of an alias to be made or changed, and returns it without `alias/`. The model allows colons, and KMS
/// does not.
pub fn parse(text: &str) -> Result<&str, Error> {
    let name = text.strip_prefix("alias/").ok_or_else(|| Error::validation(NO_PREFIX))?;
    if name.is_empty() || text.chars().count() > CHARS_MAX {
        return Err(Error::validation("Invalid identifier"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
    if !name.chars().all(is_plain) {
        return Err(Error::Validation(format!("{text} contains invalid characters for an alias")));
    }
    Ok(name)
}

/// Names that begin with `aws/` are AWS's own.
pub fn parse_own(text: &str) -> Result<&str, Error> {
    let name = parse(text)?;
    match name == "aws" || name.starts_with("aws/") {
        true => Err(Error::NotAuthorized(String::new())),
        false => Ok(name),
    }
}

/// An alias goes on only to a key that its users can use in the same way.
pub fn check_successor(current: &KeyRecord, next: &KeyRecord) -> Result<(), Error> {
    let kind = |record: &KeyRecord| (record.usage, record.spec.is_asymmetric(), record.spec.is_hmac());
    match kind(current) == kind(next) {
        true => Ok(()),
        false => Err(Error::Validation(
            "The current and the new KMS key of an alias must be of the same type and have the same key usage."
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_has_a_prefix_and_plain_characters() {
        assert_eq!(parse_own("alias/a/b_c-1").ok(), Some("a/b_c-1"));
        assert_eq!(parse_own("alias/awsome").ok(), Some("awsome"));
        for (text, expected) in [
            ("orders", Error::validation(NO_PREFIX)),
            ("alias/", Error::validation("Invalid identifier")),
            ("alias/a:b", Error::validation("alias/a:b contains invalid characters for an alias")),
            ("alias/aws/s3", Error::NotAuthorized(String::new())),
        ] {
            assert_eq!(parse_own(text), Err(expected), "{text}");
        }
        assert!(parse(&format!("alias/{}", "x".repeat(251))).is_err());
    }
}
