//! What is public: the meaning that blocks of public access and PolicyStatus give the word.
//!
//! A policy is public if any statement of it allows anything to principals that are not fixed: a wildcard, with no
//! condition that pins the request to fixed accounts, networks, organisations or the like. Fixed means without
//! wildcards and variables. Reference: "The meaning of 'public'" in "Blocking public access to your Amazon S3 storage"
//! of the S3 guide.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::acl::{Acl, Grantee};

/// Condition keys whose fixed values make a statement non-public, in lower case.
const PINNING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Shorter prefixes than these are as good as the whole internet.
const IPV4_PREFIX_MIN: u8 = 8;
const IPV6_PREFIX_MIN: u8 = 32;

pub fn is_public_grantee(grantee: &Grantee) -> bool {
    matches!(grantee, Grantee::AllUsers | Grantee::AuthenticatedUsers)
}

pub fn is_public_acl(acl: &Acl) -> bool {
    acl.grants.iter().any(|grant| is_public_grantee(&grant.grantee))
}

/// Whether a policy document that was accepted is public.
pub fn is_public_policy(document: &str) -> bool {
    let statements = crate::access::effective::statements_of(document);
    statements.unwrap_or_default().iter().any(is_public_statement)
}

pub fn is_public_statement(statement: &Value) -> bool {
    if statement["Effect"] != "Allow" {
        return false;
    }
    let is_open = statement.get("NotPrincipal").is_some() || is_open_principal(&statement["Principal"]);
    is_open && !is_pinned(&statement["Condition"])
}

fn is_open_principal(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Object(kinds) => kinds.values().any(|names| texts(names).contains(&"*")),
        _ => false,
    }
}

/// Whether some condition pins the request to something fixed. Negated operators pin nothing.
fn is_pinned(condition: &Value) -> bool {
    let Some(operators) = condition.as_object() else { return false };
    operators.iter().any(|(operator, keys)| {
        let operator = operator.to_ascii_lowercase();
        let (set, name) = operator.split_once(':').map_or(("", operator.as_str()), |(set, name)| (set, name));
        let pins = matches!(
            name,
            "stringequals" | "stringequalsignorecase" | "stringlike" | "arnequals" | "arnlike" | "ipaddress"
        );
        // "For all values" and "if exists" hold where the key is missing.
        let is_strict = set != "forallvalues" && pins;
        is_strict
            && keys.as_object().is_some_and(|keys| keys.iter().any(|(key, values)| pins_by(key, values)))
    })
}

fn pins_by(key: &str, values: &Value) -> bool {
    let key = key.to_ascii_lowercase();
    let values = texts(values);
    PINNING.contains(&key.as_str()) && !values.is_empty() && values.iter().all(|value| is_fixed(&key, value))
}

fn is_fixed(key: &str, value: &str) -> bool {
    let is_plain = |text: &str| !text.contains(['*', '?']) && !text.contains("${");
    match key {
        "aws:sourceip" | "aws:vpcsourceip" => is_narrow(value),
        // Any session of one role, any access point of one account, any resource of one account.
        "aws:userid" => is_plain(value) || value.strip_suffix(":*").is_some_and(is_plain),
        "s3:dataaccesspointarn" | "aws:sourcearn" | "aws:principalarn" => {
            let account = value.split(':').nth(4).unwrap_or_default();
            is_plain(value) || (!account.is_empty() && is_plain(account))
        }
        _ => is_plain(value),
    }
}

fn is_narrow(range: &str) -> bool {
    let (address, prefix) =
        range.split_once('/').map_or((range, None), |(address, prefix)| (address, Some(prefix)));
    let prefix = prefix.map(str::parse::<u8>);
    match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(address), _) => match prefix {
            None => true,
            Some(Ok(prefix)) => prefix >= IPV4_PREFIX_MIN || address.is_private(),
            Some(Err(_)) => false,
        },
        (_, Ok(_)) => prefix.is_none_or(|prefix| prefix.is_ok_and(|prefix| prefix >= IPV6_PREFIX_MIN)),
        _ => false,
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_public(principal: &str, condition: &str) -> bool {
        is_public_policy(&format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"*",
            "Condition":{condition}}}}}"#
        ))
    }

    #[test]
    fn fixed_principals_are_not_public() {
        assert!(is_public("\"*\"", "{}"));
        assert!(is_public(r#"{"AWS":"*"}"#, "{}"));
        assert!(is_public(r#"{"AWS":["111122223333","*"]}"#, "{}"));
        assert!(!is_public(r#"{"AWS":"111122223333"}"#, "{}"));
        assert!(!is_public(r#"{"Service":"cloudtrail.amazonaws.com"}"#, "{}"));
        let denies = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
        assert!(!is_public_policy(denies));
    }

    #[test]
    fn conditions_with_fixed_values_make_a_statement_private() {
        for (condition, expected) in [
            (r#"{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}"#, false),
            (r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#, true),
            (r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}}"#, true),
            (r#"{"IpAddress":{"aws:SourceIp":"54.240.143.0/24"}}"#, false),
            (r#"{"IpAddress":{"aws:SourceIp":["54.240.143.0/24","0.0.0.0/1"]}}"#, true),
            (r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/24"}}"#, true),
            (r#"{"StringLike":{"aws:userid":"AROAEXAMPLEID:*"}}"#, false),
            (r#"{"StringLike":{"aws:userid":"*"}}"#, true),
            (
                r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}"#,
                false,
            ),
            (r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#, false),
            (r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#, true),
            (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, true),
            (r#"{"StringEquals":{"aws:PrincipalAccount":"${aws:SourceAccount}"}}"#, true),
        ] {
            assert_eq!(is_public("\"*\"", condition), expected, "{condition}");
        }
    }
}
