//! Policy documents: what may be one, how large it is, and how answers carry it.
//!
//! Documents are kept and shown exactly as they were given. Reference: "IAM and AWS STS quotas" for the sizes: white
//! space does not count.

use std::fmt::Write;

use identity::policy::{Kind, Policy};

use crate::error::Error;
use crate::limits::{MANAGED_POLICY_CHARS_MAX, TRUST_POLICY_CHARS_MAX};

/// Checks a managed policy.
pub fn check_managed(document: &str) -> Result<(), Error> {
    Policy::parse(Kind::Identity, document)?.require_current_version()?;
    within_quota(document, "PolicySize", MANAGED_POLICY_CHARS_MAX)
}

/// Checks an inline policy; all of an identity are counted together, by its own quota.
pub fn check_inline(document: &str) -> Result<(), Error> {
    Policy::parse(Kind::Identity, document)?;
    Ok(())
}

/// Checks a trust policy, but not whether those it names are there.
pub fn check_trust(document: &str) -> Result<Policy, Error> {
    let policy = Policy::parse(Kind::Trust, document)?;
    within_quota(document, "ACLSizePerRole", TRUST_POLICY_CHARS_MAX)?;
    Ok(policy)
}

fn within_quota(document: &str, quota: &str, chars_max: usize) -> Result<(), Error> {
    match characters(document) <= chars_max {
        true => Ok(()),
        false => Err(Error::LimitExceeded(format!("Cannot exceed quota for {quota}: {chars_max}"))),
    }
}

/// What counts against the quotas of sizes.
pub fn characters(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// As answers have documents: all but the unreserved characters of RFC 3986 are escaped.
pub fn encoded(document: &str) -> String {
    let mut text = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes all that is written");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(actions: usize) -> String {
        let actions = vec![r#""sqs:SendMessage""#; actions].join(",  \n");
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}}}"#
        )
    }

    #[test]
    fn only_characters_that_are_no_white_space_count() {
        assert_eq!(characters("{ \"a\":\n\t1 }"), 7);
        assert!(check_managed(&padded(300)).is_ok());
        let Err(Error::LimitExceeded(message)) = check_managed(&padded(400)) else {
            panic!("the policy is too large");
        };
        assert_eq!(message, "Cannot exceed quota for PolicySize: 6144");
    }

    #[test]
    fn managed_policies_are_of_the_current_version() {
        let old = padded(1).replace("2012-10-17", "2008-10-17");
        assert!(matches!(check_managed(&old), Err(Error::MalformedPolicy(_))));
        assert!(check_inline(&old).is_ok());
    }

    #[test]
    fn documents_are_escaped_in_answers() {
        assert_eq!(encoded("{\"a\": \"ü~*\"}"), "%7B%22a%22%3A%20%22%C3%BC~%2A%22%7D");
    }
}
