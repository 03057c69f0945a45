//! Grants: what may be granted, and a grant as statements of a policy.
//!
//! Permissions are decided by the policy evaluator alone, so a grant becomes statements that stand beside those of the
//! key policy; a denial there still wins. Reference: "Grants in AWS KMS" in the KMS guide.
//!
//! Surprising: a constraint on the encryption context binds the operations that have one and no others; a grant that
//! allows CreateGrant allows only grants that allow no more than itself; and who may retire a grant is the grant's own
//! affair, in which key policies have no say.

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, Arn, Region};
use identity::policy::{Kind, Policy};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::limits::{GRANT_CONTEXT_PAIRS_MAX, GRANT_CONTEXT_VALUE_CHARS_MAX};
use crate::model::condition_keys::Keys;
use crate::model::context::condition_keys;
use crate::records::{Constraints, GrantRecord, KeyUsage};

/// Operations that carry an encryption context, which constraints can speak of.
const WITH_CONTEXT: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// What can be granted on a key of that kind besides DescribeKey, CreateGrant and RetireGrant ("Grant operations").
fn of_usage(usage: KeyUsage, symmetric: bool) -> &'static [&'static str] {
    match usage {
        KeyUsage::EncryptDecrypt if symmetric => WITH_CONTEXT,
        KeyUsage::EncryptDecrypt => &["Decrypt", "Encrypt", "GetPublicKey", "ReEncryptFrom", "ReEncryptTo"],
        KeyUsage::SignVerify => &["GetPublicKey", "Sign", "Verify"],
        KeyUsage::GenerateVerifyMac => &["GenerateMac", "VerifyMac"],
        KeyUsage::KeyAgreement => &["DeriveSharedSecret", "GetPublicKey"],
        KeyUsage::EncapsulateDecapsulate => &["Decapsulate", "Encapsulate", "GetPublicKey"],
    }
}

/// Refuses operations that the key does not have.
pub fn check_operations(
    operations: &BTreeSet<String>,
    usage: KeyUsage,
    symmetric: bool,
) -> Result<(), Error> {
    let own = of_usage(usage, symmetric);
    let fits = |operation: &str| {
        own.contains(&operation) || matches!(operation, "CreateGrant" | "DescribeKey" | "RetireGrant")
    };
    if let Some(operation) = operations.iter().find(|operation| !fits(operation)) {
        let key = if symmetric { "a symmetric encryption key" } else { usage.as_str() };
        return Err(Error::Validation(format!(
            "The operation {operation} cannot be granted on a key of this kind: {key}."
        )));
    }
    if operations.len() == 1 && operations.contains("CreateGrant") {
        return Err(Error::validation("Grants must not contain only the CreateGrant operation."));
    }
    Ok(())
}

/// Refuses constraints that are too long, or that the key's operations cannot meet.
pub fn check_constraints(constraints: &Constraints, symmetric: bool) -> Result<(), Error> {
    let contexts = [&constraints.context_subset, &constraints.context_equals];
    for context in contexts.into_iter().flatten() {
        if !symmetric {
            return Err(Error::validation(
                "Encryption context constraints are for grants on symmetric encryption keys only.",
            ));
        }
        if context.len() > GRANT_CONTEXT_PAIRS_MAX {
            return Err(Error::Validation(format!(
                "A grant constraint has at most {GRANT_CONTEXT_PAIRS_MAX} encryption context pairs."
            )));
        }
        if context.values().any(|value| value.chars().count() > GRANT_CONTEXT_VALUE_CHARS_MAX) {
            return Err(Error::Validation(format!(
                "An encryption context value in a grant constraint has at most {GRANT_CONTEXT_VALUE_CHARS_MAX} characters."
            )));
        }
    }
    Ok(())
}

/// Refuses what no policy could name as a principal.
pub fn check_principal(text: &str) -> Result<(), Error> {
    let statement = json!({ "Effect": "Allow", "Principal": principal(text), "Action": "kms:Decrypt" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    match Policy::parse(Kind::Resource, &policy) {
        Ok(_) if text != "*" => Ok(()),
        _ => Err(no_such_principal(text)),
    }
}

/// Said also of users and roles that do not exist.
pub fn no_such_principal(text: &str) -> Error {
    Error::InvalidArn(format!("ARN does not refer to a valid principal: {text}"))
}

/// What a grant allows, as statements of a policy of version 2012-10-17. Retiring is left out, see [`retirement`].
pub fn statements(grant: &GrantRecord) -> Vec<Value> {
    let (with_context, other): (Vec<&str>, Vec<&str>) = grant
        .operations
        .iter()
        .map(String::as_str)
        .filter(|operation| !matches!(*operation, "CreateGrant" | "RetireGrant"))
        .partition(|operation| WITH_CONTEXT.contains(operation));
    let grantee = grant.pinned(&grant.grantee);
    let mut source = Conditions::default();
    if let Some(arn) = &grant.constraints.source_arn {
        source.put("StringEquals", "aws:SourceArn", vec![literal(arn.as_str())]);
    }
    let mut constrained = source.clone();
    constrained.require_context(&grant.constraints);
    let mut statements = Vec::new();
    match constrained == source {
        true => {
            let all: Vec<&str> = with_context.iter().chain(&other).copied().collect();
            statements.extend(allow(grantee, &all, source.clone()));
        }
        false => {
            statements.extend(allow(grantee, &with_context, constrained.clone()));
            statements.extend(allow(grantee, &other, source.clone()));
        }
    }
    if grant.operations.contains("CreateGrant") {
        constrained.require_stricter(grant);
        statements.extend(allow(grantee, &["CreateGrant"], constrained));
    }
    statements
}

/// Who may retire a grant, as a whole policy: its retiring principal, its grantee if it may, the account that asked for
/// it and the account of the key. Accounts delegate that by policies of their own.
pub fn retirement(grant: &GrantRecord, place: (AccountId, Region)) -> String {
    let (owner, region) = place;
    let root = |account: AccountId| Arn::global("iam", region, account, "root").to_string();
    let grantee = grant.operations.contains("RetireGrant").then_some(&grant.grantee);
    let roots = [root(grant.issuing_account), root(owner)];
    let principals: BTreeSet<String> = grant
        .retiring
        .iter()
        .chain(grantee)
        .map(|principal| grant.pinned(principal).to_owned())
        .chain(roots)
        .collect();
    let statements: Vec<Value> = principals
        .iter()
        .flat_map(|principal| allow(principal, &["RetireGrant"], Conditions::default()))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The condition keys of a call that creates a grant.
pub fn creation_keys(
    grantee: Option<&str>,
    retiring: Option<&str>,
    operations: impl Iterator<Item = String>,
    constraints: &Constraints,
) -> Keys {
    let mut keys = vec![("kms:GrantOperations".to_owned(), operations.collect())];
    for (key, value) in [("kms:GranteePrincipal", grantee), ("kms:RetiringPrincipal", retiring)] {
        keys.extend(value.map(|value| (key.to_owned(), vec![value.to_owned()])));
    }
    let kinds = constraint_kinds(constraints);
    if !kinds.is_empty() {
        keys.push(("kms:GrantConstraintType".to_owned(), kinds));
    }
    if let Some(arn) = &constraints.source_arn {
        keys.push(("kms:GrantSourceArn".to_owned(), vec![arn.to_string()]));
    }
    let mut context = constraints.context_subset.clone().unwrap_or_default();
    context.extend(constraints.context_equals.clone().unwrap_or_default());
    keys.extend(condition_keys(Some(&context)));
    keys
}

fn constraint_kinds(constraints: &Constraints) -> Vec<String> {
    let equals = constraints.context_equals.as_ref().map(|_| EQUALS.to_owned());
    let subset = constraints.context_subset.as_ref().map(|_| "EncryptionContextSubset".to_owned());
    equals.into_iter().chain(subset).collect()
}

const EQUALS: &str = "EncryptionContextEquals";

/// `Condition`, operator by operator.
#[derive(Clone, Debug, Default, PartialEq)]
struct Conditions(BTreeMap<&'static str, BTreeMap<String, Vec<String>>>);

impl Conditions {
    fn put(&mut self, operator: &'static str, key: impl Into<String>, values: Vec<String>) {
        self.0.entry(operator).or_default().insert(key.into(), values);
    }

    /// All pairs of the constraints; and where these are the whole context, no other pair. The names are compared
    /// without regard to case, as AWS does in grants.
    fn require_context(&mut self, constraints: &Constraints) {
        let contexts = [&constraints.context_subset, &constraints.context_equals];
        for (name, value) in contexts.into_iter().flatten().flatten() {
            self.put("StringEquals", format!("kms:EncryptionContext:{name}"), vec![literal(value)]);
        }
        match &constraints.context_equals {
            None => {}
            Some(context) if context.is_empty() => {
                self.put("Null", "kms:EncryptionContextKeys", vec!["true".to_owned()]);
            }
            Some(context) => {
                let names = context.keys().map(|name| literal(name)).collect();
                self.put("ForAllValues:StringEqualsIgnoreCase", "kms:EncryptionContextKeys", names);
            }
        }
    }

    /// A grant made by the leave of `parent` allows no other operations, and is bound at least as tightly.
    fn require_stricter(&mut self, parent: &GrantRecord) {
        let operations = parent.operations.iter().cloned().collect();
        self.put("ForAllValues:StringEquals", "kms:GrantOperations", operations);
        let Constraints { context_subset, context_equals, source_arn } = &parent.constraints;
        if context_equals.is_some() {
            self.put("StringEquals", "kms:GrantConstraintType", vec![EQUALS.to_owned()]);
        } else if context_subset.is_some() {
            self.put("Null", "kms:GrantConstraintType", vec!["false".to_owned()]);
        }
        if let Some(arn) = source_arn {
            self.put("StringEquals", "kms:GrantSourceArn", vec![literal(arn.as_str())]);
        }
    }
}

fn allow(grantee: &str, operations: &[&str], conditions: Conditions) -> Option<Value> {
    if operations.is_empty() {
        return None;
    }
    let actions: Vec<String> = operations.iter().map(|operation| format!("kms:{operation}")).collect();
    let mut statement = Map::new();
    statement.insert("Effect".to_owned(), json!("Allow"));
    statement.insert("Principal".to_owned(), principal(grantee));
    statement.insert("Action".to_owned(), json!(actions));
    statement.insert("Resource".to_owned(), json!("*"));
    if conditions != Conditions::default() {
        statement.insert("Condition".to_owned(), json!(conditions.0));
    }
    Some(Value::Object(statement))
}

/// Whether a principal is a service's name rather than an ARN or an account.
pub fn is_service(principal: &str) -> bool {
    principal.contains('.') && !principal.starts_with("arn:")
}

/// A service may be named with its region (`dynamodb.eu-west-1.amazonaws.com`), though it goes without.
fn principal(text: &str) -> Value {
    if !is_service(text) {
        return json!({ "AWS": text });
    }
    let labels: Vec<&str> = text.split('.').collect();
    match labels.as_slice() {
        [service, region, rest @ ..] if !rest.is_empty() && Region::parse(region).is_some() => {
            json!({ "Service": [text, format!("{service}.{}", rest.join("."))] })
        }
        _ => json!({ "Service": text }),
    }
}

/// The text as a policy has to write it for it to mean itself.
fn literal(text: &str) -> String {
    text.replace("${", "${$}{")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "arn:aws:iam::111122223333:user/bob";

    fn granted(operations: &[&str], constraints: Constraints) -> GrantRecord {
        GrantRecord {
            created: base::Timestamp::from_secs(0),
            name: None,
            grantee: BOB.to_owned(),
            retiring: None,
            pins: Default::default(),
            issuing_account: AccountId::DEV,
            operations: operations.iter().map(|name| (*name).to_owned()).collect(),
            constraints,
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_grant_without_constraints_is_one_statement() {
        let grant = granted(&["Encrypt", "DescribeKey", "RetireGrant"], Constraints::default());
        let expected = json!([{
            "Effect": "Allow",
            "Principal": { "AWS": BOB },
            "Action": ["kms:Encrypt", "kms:DescribeKey"],
            "Resource": "*",
        }]);
        assert_eq!(json!(statements(&grant)), expected);
    }

    #[test]
    fn constraints_are_for_the_operations_with_a_context() {
        let constraints = Constraints { context_equals: pairs(&[("a", "${x}")]), ..Constraints::default() };
        let grant = granted(&["Encrypt", "DescribeKey"], constraints);
        let made = json!(statements(&grant));
        assert_eq!(made[0]["Action"], json!(["kms:Encrypt"]));
        let condition = json!({
            "StringEquals": { "kms:EncryptionContext:a": ["${$}{x}"] },
            "ForAllValues:StringEqualsIgnoreCase": { "kms:EncryptionContextKeys": ["a"] },
        });
        assert_eq!(made[0]["Condition"], condition);
        assert_eq!((&made[1]["Action"], &made[1]["Condition"]), (&json!(["kms:DescribeKey"]), &Value::Null));
    }

    #[test]
    fn a_source_binds_every_operation() {
        let source_arn = Some("arn:aws:sqs:us-east-1:111122223333:orders".parse().unwrap());
        let constraints = Constraints { source_arn, ..Constraints::default() };
        let made = json!(statements(&granted(&["Sign", "DescribeKey"], constraints)));
        assert_eq!(made.as_array().unwrap().len(), 1);
        assert!(made[0]["Condition"]["StringEquals"]["aws:SourceArn"].is_array());
    }

    #[test]
    fn a_service_goes_with_and_without_its_region() {
        let with_region = principal("dynamodb.eu-west-1.amazonaws.com");
        let both = ["dynamodb.eu-west-1.amazonaws.com", "dynamodb.amazonaws.com"];
        assert_eq!(with_region, json!({ "Service": both }));
        assert_eq!(principal("sqs.amazonaws.com"), json!({ "Service": "sqs.amazonaws.com" }));
        for good in ["sqs.amazonaws.com", BOB, "arn:aws:iam::111122223333:root"] {
            assert_eq!(check_principal(good), Ok(()), "{good}");
        }
        for bad in ["*", "bob", "sqs.example.com", "arn:aws:iam::111122223333:user/*", "arn:aws:s3:::bucket"]
        {
            assert!(check_principal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_kind_of_key_has_its_own_operations() {
        for (usage, symmetric, good, bad) in [
            (KeyUsage::EncryptDecrypt, true, "GenerateDataKeyPair", "GetPublicKey"),
            (KeyUsage::EncryptDecrypt, false, "ReEncryptTo", "GenerateDataKey"),
            (KeyUsage::SignVerify, false, "Verify", "Encrypt"),
            (KeyUsage::GenerateVerifyMac, false, "VerifyMac", "GetPublicKey"),
            (KeyUsage::KeyAgreement, false, "DeriveSharedSecret", "Sign"),
            (KeyUsage::EncapsulateDecapsulate, false, "Decapsulate", "Decrypt"),
        ] {
            let check = |name: &str| check_operations(&[name.to_owned()].into(), usage, symmetric);
            assert_eq!(check(good), Ok(()));
            assert_eq!(check("DescribeKey"), Ok(()));
            assert!(check(bad).is_err() && check("CreateGrant").is_err(), "{usage:?}");
        }
    }
}
