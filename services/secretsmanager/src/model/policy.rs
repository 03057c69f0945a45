//! Resource policies: what may be attached, and in which words what may not is refused.
//!
//! The words are those of "Managing a resource-based policy for a secret" in the user guide.

use std::sync::Arc;

use identity::policy::{
    Caller, Keys, Kind, Layer, Layers, Named, Policy, PolicyError, Request, ResourcePolicy, Values, Why,
    evaluate,
};
use serde_json::Value;

use super::broad_access;
use crate::limits::POLICY_BYTES_MAX;

/// The name of the only policy that can be changed.
pub const DEFAULT: &str = "default";

pub const SYNTAX: &str = "This resource policy contains a syntax error.";
pub const PRINCIPAL: &str = "This resource policy contains an unsupported principal.";
pub const LOCKOUT: &str = "Your requested changes will not allow you to manage this secret in the future.";
pub const BROAD: &str = "This resource policy grants broad access to your secret. Secrets Manager does not allow \
                         creating and applying such policies in the console.";

/// Compiles a policy, or says what is wrong with it.
pub fn compile(text: &str) -> Result<Policy, &'static str> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(SYNTAX);
    }
    Policy::parse(Kind::Resource, text).map_err(|error| match error {
        PolicyError::InvalidPrincipal { .. } | PolicyError::InvalidFederated => PRINCIPAL,
        _ => SYNTAX,
    })
}

/// One thing ValidateResourcePolicy finds: the check's name, and what is wrong.
pub type Finding = (&'static str, &'static str);

/// Everything that is wrong with a policy, for somebody who is about to attach it.
pub fn findings(text: &str, caller: Caller<'_>, arn: &str) -> Vec<Finding> {
    if let Err(message) = compile(text) {
        return vec![("POLICY_SYNTAX", message)];
    }
    let mut findings = Vec::new();
    if broad_access::grants(text) {
        findings.push(("BLOCK_PUBLIC_POLICY", BROAD));
    }
    if locks_out(text, caller, arn) {
        findings.push(("LOCKOUT", LOCKOUT));
    }
    findings
}

/// Whether the policy forbids its author to change it again. Statements with conditions are taken not to apply.
pub fn locks_out(text: &str, caller: Caller<'_>, arn: &str) -> bool {
    let Some(policy) = unconditional(text) else { return false };
    let named = Named { id: "the new policy".to_owned(), policy };
    let request = Request {
        caller,
        action: "secretsmanager:PutResourcePolicy",
        resource: arn,
        resource_account: None,
        keys: &NoKeys,
    };
    let resource = Some(ResourcePolicy { named: &named, required: false });
    let everything = [Arc::new(Named { id: "everything".to_owned(), policy: everything() })];
    let layers = Layers { identity: &everything, resource, ..Layers::default() };
    evaluate(&request, &layers).why == Why::ExplicitDeny(Layer::Resource)
}

/// The policy without the statements that have conditions; nothing if none is left.
fn unconditional(text: &str) -> Option<Policy> {
    let mut policy: Value = serde_json::from_str(text).ok()?;
    let statements = match policy.get_mut("Statement")?.take() {
        Value::Array(statements) => statements,
        one => vec![one],
    };
    let kept = statements.into_iter().filter(|statement| statement.get("Condition").is_none());
    *policy.get_mut("Statement")? = kept.collect();
    Policy::parse(Kind::Resource, &policy.to_string()).ok()
}

fn everything() -> Policy {
    let text =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    Policy::parse(Kind::Identity, text).expect("it is well formed")
}

struct NoKeys;

impl Keys for NoKeys {
    fn get(&self, _: &str) -> Option<Values<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::AccountId;
    use identity::policy::CallerKind;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf";

    fn check(policy: &str) -> Vec<&'static str> {
        let caller = Caller {
            kind: CallerKind::User,
            account: AccountId::new(123_456_789_012).unwrap(),
            arn: "arn:aws:iam::123456789012:user/alice",
            role_arn: None,
            unique_id: "AIDAALICE",
        };
        findings(policy, caller, ARN).into_iter().map(|(_, message)| message).collect()
    }

    fn statement(effect: &str, principal: &str, rest: &str) -> String {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", "Principal": {principal},
                "Action": "secretsmanager:*", "Resource": "*"{rest}}}]}}"#
        )
    }

    #[test]
    fn the_guides_own_examples_are_found_out_in_its_words() {
        assert_eq!(check(&statement("Deny", "\"*\"", "")), [LOCKOUT]);
        assert_eq!(check(&statement("Allow", "\"*\"", "")), [BROAD]);
        assert_eq!(check(&statement("AllowSomething", "\"*\"", "")), [SYNTAX]);
        assert_eq!(check("{"), [SYNTAX]);
        assert_eq!(check(&statement("Allow", r#"{"AWS": "nobody"}"#, "")), [PRINCIPAL]);
    }

    #[test]
    fn a_policy_that_denies_others_or_only_sometimes_is_fine() {
        let other = r#"{"AWS": "arn:aws:iam::123456789012:user/bob"}"#;
        assert!(check(&statement("Deny", other, "")).is_empty());
        let sometimes =
            r#", "Condition": {"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:user/x"}}"#;
        assert!(check(&statement("Deny", "\"*\"", sometimes)).is_empty());
    }
}
