//! Key policies: the default one, what is refused, and what a key is decided by: its policy and its grants.
//!
//! Surprising: a key policy is the root of trust. Where it names the account, the account's own policies decide; where
//! it does not, not even the root may use the key. So KMS refuses a policy that would lock out who sets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Region};
use identity::policy::{Kind, Named, Pins, Policy, PolicyError, PrincipalPattern, pinned};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::limits::{GRANTS_OF_A_POLICY_BYTES_MAX, GRANTS_OF_A_POLICY_MAX, KEY_POLICY_BYTES_MAX};
use crate::model::grant;
use crate::records::GrantRecord;

/// The only policy a key has.
pub const NAME: &str = "default";

/// What a key gets that is made without a policy: the account's own policies decide.
pub fn default(account: AccountId, region: Region) -> String {
    to_text(&json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:{}:iam::{account}:root", region.partition().as_str()) },
            "Action": "kms:*",
            "Resource": "*",
        }],
    }))
}

/// As KMS writes its own policies: `"Version" : "2012-10-17"`, elements in the order of the documentation.
pub fn to_text(document: &Value) -> String {
    let mut text = String::new();
    write(document, 0, &mut text);
    text
}

/// A key policy as it was read.
#[derive(Debug)]
pub struct KeyPolicy {
    /// All of it: whom it names has to exist.
    pub written: Policy,
    /// What decides: without the statements that have no effect.
    pub effective: Policy,
}

/// Reads a policy that is to become a key's, and refuses what KMS refuses of the text alone.
pub fn parse(text: &str) -> Result<KeyPolicy, Error> {
    if text.len() > KEY_POLICY_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "The key policy is larger than the allowed size of {KEY_POLICY_BYTES_MAX} bytes."
        )));
    }
    read(text).map_err(|error| Error::MalformedPolicy(words(&error)))
}

/// Surprising: a statement without an Action or a Resource is taken and has no effect, whether it allows or denies
/// (`Policy` of PutKeyPolicy in the API reference). Elsewhere a policy without a Resource means what it is on.
fn read(text: &str) -> Result<KeyPolicy, PolicyError> {
    // This refuses as well what is there twice, of which `Value` would keep the last.
    match Policy::parse(Kind::Resource, text) {
        Ok(_) | Err(PolicyError::Missing("Action")) => {}
        Err(error) => return Err(error),
    }
    let mut document: Value = serde_json::from_str(text).map_err(|_| PolicyError::Syntax)?;
    let statements = match document["Statement"].take() {
        Value::Array(statements) => statements,
        statement => vec![statement],
    };
    let mut with = |statements: Vec<Value>| {
        document["Statement"] = Value::Array(statements);
        Policy::parse(Kind::Resource, &document.to_string())
    };
    let written = with(statements.iter().cloned().map(with_action).collect())?;
    let mut effective: Vec<Value> = statements.into_iter().filter(has_effect).collect();
    if effective.is_empty() {
        // A policy has at least one statement. This one denies what there is not.
        effective
            .push(json!({ "Effect": "Deny", "Principal": "*", "Action": "kms:Nothing", "Resource": "*" }));
    }
    Ok(KeyPolicy { written, effective: with(effective)? })
}

/// Whether one of two elements says something.
fn says(statement: &Value, names: [&str; 2]) -> bool {
    names
        .iter()
        .any(|name| statement[name].as_array().map_or(!statement[name].is_null(), |list| !list.is_empty()))
}

fn has_effect(statement: &Value) -> bool {
    says(statement, ["Action", "NotAction"]) && says(statement, ["Resource", "NotResource"])
}

/// The statement with an action if it has none, so that the parser looks at the rest of it.
fn with_action(mut statement: Value) -> Value {
    if !says(&statement, ["Action", "NotAction"])
        && let Some(elements) = statement.as_object_mut()
    {
        elements.remove("NotAction");
        elements.insert("Action".to_owned(), json!("kms:*"));
    }
    statement
}

fn words(error: &PolicyError) -> String {
    match error {
        PolicyError::Missing("Principal") | PolicyError::EmptyPrincipal => {
            "Policy contains a statement with no principal.".to_owned()
        }
        PolicyError::InvalidPrincipal { .. } | PolicyError::InvalidFederated => INVALID_PRINCIPALS.to_owned(),
        error => error.to_string(),
    }
}

/// Also said of users and roles that do not exist.
pub const INVALID_PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";

pub const LOCKS_OUT: &str = "The new key policy will not allow you to update the key policy in the future.";

/// The ARNs of users and roles that the policy names; they have to exist.
pub fn named_identities(policy: &Policy) -> Vec<String> {
    let named = policy.principals().filter_map(|principal| match principal {
        PrincipalPattern::User(arn) | PrincipalPattern::Role(arn) => Some(arn.to_string()),
        _ => None,
    });
    let mut named: Vec<String> = named.collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// The policy that decides about a key. One that cannot be read lets nobody do anything but replace it.
pub fn compile(text: &str, pins: &Pins, key: &str) -> Arc<Named> {
    const UNREADABLE: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "NotAction": ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], "Resource": "*"}}"#;
    let policy = read(&pinned(text, pins)).map(|policy| policy.effective).unwrap_or_else(|error| {
        tracing::error!(key, %error, "the policy of a key cannot be read");
        Policy::parse(Kind::Resource, UNREADABLE).expect("it is well formed")
    });
    Arc::new(Named { id: format!("policy of key {key}"), policy })
}

/// The grants of a key as policies, each of some of them, since a policy may not be of any length. Grants that differ
/// in their grantee alone share a statement.
pub fn compile_grants(grants: &[GrantRecord], key: &str) -> Vec<Arc<Named>> {
    let mut policies = Vec::new();
    let mut waiting: Vec<&[GrantRecord]> = grants.chunks(GRANTS_OF_A_POLICY_MAX).collect();
    while let Some(some) = waiting.pop() {
        let document = json!({ "Version": "2012-10-17", "Statement": statements(some) }).to_string();
        if document.len() > GRANTS_OF_A_POLICY_BYTES_MAX && some.len() > 1 {
            waiting.extend(<[_; 2]>::from(some.split_at(some.len() / 2)));
            continue;
        }
        match Policy::parse(Kind::Resource, &document) {
            Ok(policy) => policies.push(Arc::new(Named { id: format!("grants of key {key}"), policy })),
            Err(error) => {
                tracing::error!(key, %error, "grants of a key cannot be read and are without effect")
            }
        }
    }
    policies
}

fn statements(grants: &[GrantRecord]) -> Vec<Value> {
    let mut shared: BTreeMap<String, (Value, BTreeMap<String, Vec<Value>>)> = BTreeMap::new();
    for mut statement in grants.iter().flat_map(grant::statements) {
        let principal = statement.as_object_mut().and_then(|members| members.remove("Principal"));
        let (_, principals) =
            shared.entry(statement.to_string()).or_insert_with(|| (statement, BTreeMap::new()));
        for (kind, names) in principal.as_ref().and_then(Value::as_object).into_iter().flatten() {
            let known = principals.entry(kind.clone()).or_default();
            let names = names.as_array().cloned().unwrap_or_else(|| vec![names.clone()]);
            known.extend(names.into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>());
        }
    }
    let with_principals = |(mut statement, principals): (Value, BTreeMap<String, Vec<Value>>)| {
        statement["Principal"] = json!(principals);
        statement
    };
    shared.into_values().map(with_principals).collect()
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            text.push('{');
            for (index, (name, member)) in in_order(members).into_iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                text.push_str(&format!("{comma}\n{indent}  {} : ", Value::String(name.clone())));
                write(member, depth + 1, text);
            }
            text.push_str(&format!("\n{indent}}}"));
        }
        Value::Array(items) => {
            text.push_str("[ ");
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write(item, depth, text);
            }
            text.push_str(" ]");
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn in_order(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    const ORDER: [&str; 9] =
        ["Version", "Id", "Statement", "Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_written_as_kms_writes_it() {
        let text = default(AccountId::new(111_122_223_333).unwrap(), Region::US_EAST_1);
        let expected = r#"{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"#;
        assert_eq!(text, expected);
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn a_policy_that_is_too_long_or_no_policy_is_refused() {
        let long =
            format!("{}{}", default(AccountId::DEV, Region::US_EAST_1), " ".repeat(KEY_POLICY_BYTES_MAX));
        assert!(matches!(parse(&long), Err(Error::LimitExceeded(_))));
        for (text, message) in [
            ("{", "Syntax errors in policy."),
            (
                r#"{"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}"#,
                "Policy contains a statement with no principal.",
            ),
            (
                r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "nobody"}, "Action": "kms:*"}}"#,
                INVALID_PRINCIPALS,
            ),
        ] {
            assert_eq!(parse(text).err(), Some(Error::MalformedPolicy(message.to_owned())), "{text}");
        }
    }

    #[test]
    fn statements_without_an_action_or_a_resource_have_no_effect() {
        let whole = r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}"#;
        for partial in [
            r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*"}"#,
            r#"{"Effect": "Deny", "Principal": "*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Principal": "*", "Action": [], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Principal": "*", "NotAction": [], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "NotResource": []}"#,
            r#"{"Effect": "Allow", "Principal": "*"}"#,
        ] {
            let read = |statements: String| parse(&format!(r#"{{"Statement": {statements}}}"#)).unwrap();
            let alone = read(partial.to_owned());
            assert_eq!((alone.written.statements(), alone.effective.statements()), (1, 1), "{partial}");
            let both = read(format!("[{partial}, {whole}]"));
            assert_eq!((both.written.statements(), both.effective.statements()), (2, 1), "{partial}");
            assert_eq!(
                compile(&format!(r#"{{"Statement": [{whole}, {partial}]}}"#), &Pins::new(), "1234")
                    .policy
                    .statements(),
                1
            );
        }
    }

    #[test]
    fn a_statement_without_effect_has_to_be_well_formed_all_the_same() {
        for (statement, message) in [
            (r#"{"Effect": "Allow", "Resource": "*"}"#, "Policy contains a statement with no principal."),
            (r#"{"Effect": "Allow", "Principal": {"AWS": "nobody"}, "Resource": "*"}"#, INVALID_PRINCIPALS),
            (r#"{"Effect": "Deny", "Effect": "Allow", "Principal": "*"}"#, "Syntax errors in policy."),
        ] {
            let error = parse(&format!(r#"{{"Statement": {statement}}}"#)).err();
            assert_eq!(error, Some(Error::MalformedPolicy(message.to_owned())), "{statement}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_read_still_compiles_to_one() {
        assert_eq!(compile("{", &Pins::new(), "1234").policy.statements(), 1);
    }

    #[test]
    fn users_and_roles_in_a_policy_are_found() {
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {
            "AWS": ["arn:aws:iam::111122223333:user/b", "arn:aws:iam::111122223333:root",
                    "arn:aws:iam::111122223333:role/x/a"]}}}"#;
        let policy = parse(policy).unwrap();
        let expected = ["arn:aws:iam::111122223333:role/x/a", "arn:aws:iam::111122223333:user/b"];
        assert_eq!(named_identities(&policy.written), expected);
    }
}
