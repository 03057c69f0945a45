//! Session policies, and the space that they and the tags of a session take.
//!
//! AWS packs both in a form that it keeps to itself, and says how full that is. [`packed_percent`] follows what was
//! observed of it; see `BEHAVIOURS.md`.

use std::collections::BTreeMap;

use base::{AccountId, Arn};
use identity::policy::{Kind, Policy};
use sts_api::PolicyDescriptorType;

use crate::error::Error;
use crate::limits::{SESSION_POLICY_ARNS_MAX, SESSION_POLICY_CHARS_MAX};

/// The policies that limit a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicies {
    /// As JSON; at most one.
    pub inline: Vec<String>,
    pub arns: Vec<String>,
}

impl SessionPolicies {
    /// Reads what a request asks for. Managed policies are of the account or AWS's own.
    pub fn read(
        inline: Option<String>,
        arns: Option<Vec<PolicyDescriptorType>>,
        account: AccountId,
    ) -> Result<SessionPolicies, Error> {
        let arns: Vec<String> =
            arns.unwrap_or_default().into_iter().filter_map(|descriptor| descriptor.arn).collect();
        if arns.len() > SESSION_POLICY_ARNS_MAX {
            return Err(Error::Validation(format!(
                "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have \
                 length less than or equal to {SESSION_POLICY_ARNS_MAX}"
            )));
        }
        for arn in &arns {
            if !is_policy(arn, account) {
                return Err(Error::Validation(format!("ARN {arn} is not valid.")));
            }
        }
        let chars = |text: &String| text.chars().count();
        let total = inline.as_ref().map_or(0, chars) + arns.iter().map(chars).sum::<usize>();
        if total > SESSION_POLICY_CHARS_MAX {
            return Err(Error::Validation(format!(
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length \
                 less than or equal to {SESSION_POLICY_CHARS_MAX}"
            )));
        }
        if let Some(text) = &inline {
            Policy::parse(Kind::Identity, text).map_err(Error::MalformedPolicy)?;
        }
        Ok(SessionPolicies { inline: inline.into_iter().collect(), arns })
    }

    pub fn is_empty(&self) -> bool {
        self.inline.is_empty() && self.arns.is_empty()
    }
}

fn is_policy(text: &str, account: AccountId) -> bool {
    let Ok(arn) = text.parse::<Arn>() else { return false };
    let owner = text.split(':').nth(4).unwrap_or_default();
    let is_there = owner == "aws" || arn.account() == Some(account);
    arn.service() == "iam" && is_there && arn.resource().starts_with("policy/")
}

/// Bytes that make a hundred per cent: of tags, and of policies without their white space.
const TAGS_BYTES_MAX: u64 = 480;
const POLICIES_BYTES_MAX: u64 = 1_600;

/// What a tag takes besides its key and its value.
const TAG_BYTES: u64 = 12;

/// How full its policies and its tags, inherited ones included, make a session's space for them; nothing if it has
/// none.
pub fn packed_percent(
    policies: &SessionPolicies,
    tags: &BTreeMap<String, String>,
) -> Result<Option<i32>, Error> {
    if policies.is_empty() && tags.is_empty() {
        return Ok(None);
    }
    let bytes = |text: &String| text.len() as u64;
    let of_tags: u64 = tags.iter().map(|(key, value)| bytes(key) + bytes(value) + TAG_BYTES).sum();
    let of_policies: u64 =
        policies.inline.iter().map(|text| dense_bytes(text)).chain(policies.arns.iter().map(bytes)).sum();
    let percent = (of_tags * 100).div_ceil(TAGS_BYTES_MAX) + (of_policies * 100).div_ceil(POLICIES_BYTES_MAX);
    if percent > 100 {
        let what = match (tags.is_empty(), policies.is_empty()) {
            (false, true) => "session tags",
            (true, _) => "session policy",
            (false, false) => "session policy and session tags",
        };
        return Err(Error::PackedTooLarge { what, percent });
    }
    Ok(i32::try_from(percent).ok())
}

/// The length of JSON without the white space between its tokens.
fn dense_bytes(json: &str) -> u64 {
    let (mut bytes, mut in_string, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        bytes += u64::from(in_string || !byte.is_ascii_whitespace());
        match byte {
            b'"' if !escaped => in_string = !in_string,
            b'\\' if in_string && !escaped => {
                escaped = true;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

    fn account() -> AccountId {
        AccountId::new(123_456_789_012).unwrap()
    }

    fn descriptors(arns: &[&str]) -> Option<Vec<PolicyDescriptorType>> {
        Some(arns.iter().map(|arn| PolicyDescriptorType { arn: Some((*arn).to_owned()) }).collect())
    }

    #[test]
    fn policies_are_read_strictly() {
        let own = "arn:aws:iam::123456789012:policy/p";
        for (inline, arns, fits) in [
            (Some(POLICY), &[][..], true),
            (None, &["arn:aws:iam::aws:policy/ReadOnlyAccess", own][..], true),
            (Some("{}"), &[], false),
            (Some("no json"), &[], false),
            (None, &["arn:aws:iam::111111111111:policy/p"], false),
            (None, &["arn:aws:iam::123456789012:role/r"], false),
            (None, &[own; 11], false),
        ] {
            let read = SessionPolicies::read(inline.map(str::to_owned), descriptors(arns), account());
            assert_eq!(read.is_ok(), fits, "{inline:?} {arns:?}");
        }
        let long = format!("{POLICY}{}", " ".repeat(SESSION_POLICY_CHARS_MAX));
        assert!(SessionPolicies::read(Some(long), None, account()).is_err());
    }

    #[test]
    fn the_space_fills_as_observed() {
        let policy = SessionPolicies { inline: vec![POLICY.to_owned()], arns: Vec::new() };
        let none = BTreeMap::new();
        assert_eq!(packed_percent(&policy, &none).unwrap(), Some(6));
        assert_eq!(packed_percent(&SessionPolicies::default(), &none).unwrap(), None);
        // Reported by a user of AWS: nine tags of 250 characters take 498 per cent.
        let tags = (1..10).map(|n| (format!("T{n}"), "a".repeat(250))).collect();
        match packed_percent(&SessionPolicies::default(), &tags) {
            Err(Error::PackedTooLarge { what: "session tags", percent }) => {
                assert!((480..510).contains(&percent), "{percent}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn white_space_between_tokens_takes_no_space() {
        assert_eq!(dense_bytes(r#"{ "a b" : "\" c" }"#), dense_bytes(r#"{"a b":"\" c"}"#));
        assert_eq!(dense_bytes(r#"{"a b":"\" c"}"#), 14);
    }
}
