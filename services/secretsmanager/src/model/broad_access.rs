//! Whether a resource policy lets in anyone at all: what BlockPublicPolicy forbids.
//!
//! AWS asks an automated reasoning engine. We hold to the rule it is documented with (and S3's, which it names): a
//! statement that allows everybody grants broad access unless a condition holds it to fixed values of where the call
//! comes from.

use serde_json::{Map, Value};

/// Condition keys that narrow a statement down when they have a fixed value.
const NARROWING: [&str; 14] = [
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:userid",
    "aws:vpcsourceip",
    "kms:calleraccount",
    "kms:viaservice",
];

/// Operators that demand a value, rather than rule one out.
const DEMANDING: [&str; 7] =
    ["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress", "null"];

/// `policy` is one that could be parsed.
pub fn grants(policy: &str) -> bool {
    let Ok(Value::Object(policy)) = serde_json::from_str(policy) else { return false };
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().any(is_broad),
        Some(one) => is_broad(one),
        None => false,
    }
}

fn is_broad(statement: &Value) -> bool {
    let Some(statement) = statement.as_object() else { return false };
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return false;
    }
    let everybody = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => names_everybody(principal),
        // All but a few is as good as all.
        (None, Some(_)) => true,
        (None, None) => false,
    };
    everybody && !statement.get("Condition").and_then(Value::as_object).is_some_and(narrows)
}

fn names_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Array(all) => all.iter().any(names_everybody),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(names_everybody),
        _ => false,
    }
}

fn narrows(condition: &Map<String, Value>) -> bool {
    condition.iter().any(|(operator, tests)| {
        let operator = operator.to_ascii_lowercase();
        let operator = operator.rsplit(':').next().unwrap_or(&operator);
        let fixed = |(key, values): (&String, &Value)| {
            NARROWING.contains(&key.to_ascii_lowercase().as_str()) && all_fixed(values)
        };
        DEMANDING.contains(&operator)
            && operator != "null"
            && tests.as_object().is_some_and(|t| t.iter().any(fixed))
    })
}

/// A star at the end of a prefix is fixed enough; a bare one, or any address, is not.
fn all_fixed(values: &Value) -> bool {
    match values {
        Value::String(text) => !text.starts_with(['*', '?']) && text != "0.0.0.0/0" && text != "::/0",
        Value::Array(all) => !all.is_empty() && all.iter().all(all_fixed),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(rest: &str) -> String {
        format!(r#"{{"Statement": [{{"Effect": "Allow", "Action": "*", "Resource": "*", {rest}}}]}}"#)
    }

    #[test]
    fn everybody_is_too_many_unless_a_condition_names_where_from() {
        for (rest, expected) in [
            (r#""Principal": "*""#, true),
            (r#""Principal": {"AWS": ["*"]}"#, true),
            (r#""Principal": {"AWS": "arn:aws:iam::123456789012:root"}"#, false),
            (r#""Principal": {"Service": "rds.amazonaws.com"}"#, false),
            (r#""NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}"#, true),
            (r#""Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a"}}"#, false),
            (r#""Principal": "*", "Condition": {"StringLike": {"aws:SourceArn": "*"}}"#, true),
            (r#""Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, true),
            (
                r#""Principal": "*", "Condition": {"ForAnyValue:StringEquals": {"aws:SourceVpc": ["vpc-1"]}}"#,
                false,
            ),
            (r#""Principal": "*", "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}"#, true),
            (r#""Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}"#, true),
        ] {
            assert_eq!(grants(&allow(rest)), expected, "{rest}");
        }
        assert!(!grants(
            r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}"#
        ));
    }
}
