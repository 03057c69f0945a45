//! How secrets are named: by name, by ARN, by ARN without its last six characters.
//!
//! Surprising, and AWS's: a name that itself ends in a hyphen and six characters cannot be found by a partial ARN,
//! which is taken for a complete one ("An AWS CLI or AWS SDK operation can't find my secret from a partial ARN" in the
//! user guide's troubleshooting).

use base::{AccountId, Arn, Region};

use crate::error::Error;
use crate::limits::NAME_CHARS_MAX;

/// The characters of an ARN's end.
pub const SUFFIX_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub const SUFFIX_CHARS: usize = 6;

/// A secret as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Nothing for a name, which means the caller's own account and region.
    pub account: Option<AccountId>,
    pub region: Option<Region>,
    pub name: String,
    pub suffix: Option<String>,
}

impl Address {
    pub fn parse(id: &str) -> Result<Address, Error> {
        if !id.starts_with("arn:") {
            check_name(id)?;
            return Ok(Address { account: None, region: None, name: id.to_owned(), suffix: None });
        }
        let arn: Arn = id.parse().map_err(|_| Error::InvalidName)?;
        let named = arn.resource().strip_prefix("secret:").filter(|_| arn.service() == "secretsmanager");
        let named = named.ok_or(Error::InvalidName)?;
        let account = Some(arn.account().ok_or(Error::InvalidName)?);
        // A region that does not exist has no secrets either.
        let region = Some(arn.region().ok_or(Error::SecretNotFound)?);
        let (name, suffix) = match split_suffix(named) {
            Some((name, suffix)) => (name, Some(suffix.to_owned())),
            None => (named, None),
        };
        check_name(name)?;
        Ok(Address { account, region, name: name.to_owned(), suffix })
    }
}

/// Checks a name's characters and length.
pub fn check_name(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-!".contains(&byte);
    match name.len() {
        1..=NAME_CHARS_MAX if name.bytes().all(plain) => Ok(()),
        _ => Err(Error::InvalidName),
    }
}

/// `name-AbCdEf` as name and suffix.
fn split_suffix(named: &str) -> Option<(&str, &str)> {
    let (name, suffix) = named.rsplit_once('-')?;
    let is_suffix = suffix.len() == SUFFIX_CHARS && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_suffix && !name.is_empty()).then_some((name, suffix))
}

/// The ARN of a secret.
pub fn arn(account: AccountId, region: Region, name: &str, suffix: &str) -> Arn {
    Arn::regional("secretsmanager", region, account, format!("secret:{name}-{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(id: &str) -> (String, Option<String>) {
        let address = Address::parse(id).expect(id);
        (address.name, address.suffix)
    }

    #[test]
    fn a_secret_is_named_by_name_and_by_complete_and_partial_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
        assert_eq!(parse("prod/db"), ("prod/db".into(), None));
        assert_eq!(parse(&format!("{arn}prod/db-AbCd12")), ("prod/db".into(), Some("AbCd12".into())));
        assert_eq!(parse(&format!("{arn}prod/db")), ("prod/db".into(), None));
        assert_eq!(parse(&format!("{arn}prod-database")), ("prod-database".into(), None));
        // Six characters after a hyphen are taken for the end of a complete ARN.
        assert_eq!(parse(&format!("{arn}my-secret")), ("my".into(), Some("secret".into())));
        let address = Address::parse(&format!("{arn}x")).unwrap();
        assert_eq!(address.account.map(AccountId::number), Some(123_456_789_012));
    }

    #[test]
    fn what_names_no_secret_is_refused() {
        let long = "x".repeat(513);
        for bad in [
            "",
            "a b",
            "ü",
            "a:b",
            &long,
            "arn:aws:sqs:us-east-1:123456789012:q",
            "arn:aws:secretsmanager:us-east-1:123456789012:thing",
        ] {
            assert_eq!(Address::parse(bad), Err(Error::InvalidName), "{bad}");
        }
        let nowhere = "arn:aws:secretsmanager:nowhere-1:123456789012:secret:x";
        assert_eq!(Address::parse(nowhere), Err(Error::SecretNotFound));
    }
}
