//! What a policy's text must look like to be taken, by its type.
//!
//! Authorization policies have IAM's grammar, which `identity` knows. Management policies are trees of names whose
//! leaves are inheritance operators; see "Inheritance operators" in the user guide.

use identity::policy::{Kind, Policy};
use organizations_api::ConstraintViolationExceptionReason as Reason;
use serde_json::{Map, Value};

use super::policy_type::{Family, PolicyType};
use crate::error::Error;

pub const CONTROL: &str = "@@operators_allowed_for_child_policies";
pub const ASSIGN: &str = "@@assign";
pub const APPEND: &str = "@@append";
pub const REMOVE: &str = "@@remove";

/// Deeper trees are nobody's policy.
const DEPTH_MAX: usize = 32;

/// Checks a text that is to become a policy of type `kind`.
pub fn check(kind: PolicyType, content: &str) -> Result<(), Error> {
    let facts = kind.facts();
    if content.chars().count() > facts.chars_max {
        let message = "You have exceeded the maximum policy size.";
        return Err(Error::constraint(Reason::PolicyContentLimitExceeded, message));
    }
    match facts.family {
        Family::Authorization => {
            compile(kind, content)?;
        }
        Family::Management => {
            let document: Value = serde_json::from_str(content).map_err(|_| Error::MalformedPolicy)?;
            let top = document.as_object().filter(|top| !top.is_empty()).ok_or(Error::MalformedPolicy)?;
            let known = |name: &String| facts.top.is_none_or(|top| top == name);
            if !top.keys().all(known) || !is_branch(top, DEPTH_MAX) {
                return Err(Error::MalformedPolicy);
            }
        }
    }
    Ok(())
}

/// Compiles an authorization policy.
pub fn compile(kind: PolicyType, content: &str) -> Result<Policy, Error> {
    let grammar = match kind {
        PolicyType::RESOURCE_CONTROL => Kind::ResourceControl,
        _ => Kind::ServiceControl,
    };
    Policy::parse(grammar, content).map_err(|_| Error::MalformedPolicy)
}

/// A branch holds names, and perhaps what children may do to it; a leaf holds operators alone.
fn is_branch(members: &Map<String, Value>, depth_left: usize) -> bool {
    depth_left > 0
        && members.iter().all(|(name, value)| match (name.as_str(), value) {
            (CONTROL, control) => is_control(control),
            (name, Value::Object(inner)) if !name.starts_with("@@") => is_node(inner, depth_left - 1),
            _ => false,
        })
}

fn is_node(members: &Map<String, Value>, depth_left: usize) -> bool {
    let sets_value = members.keys().any(|name| [ASSIGN, APPEND, REMOVE].contains(&name.as_str()));
    if !sets_value {
        return is_branch(members, depth_left);
    }
    members.iter().all(|(name, value)| match name.as_str() {
        ASSIGN => is_scalar(value) || is_list(value),
        APPEND | REMOVE => is_list(value),
        CONTROL => is_control(value),
        // The user guide's own examples set values beside a value; the name is a node of its own.
        name => {
            !name.starts_with("@@")
                && depth_left > 0
                && value.as_object().is_some_and(|inner| is_node(inner, depth_left - 1))
        }
    })
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|values| values.iter().all(is_scalar))
}

fn is_control(value: &Value) -> bool {
    let operators = ["@@all", "@@none", ASSIGN, APPEND, REMOVE];
    value.as_array().is_some_and(|values| {
        let known = |value: &Value| value.as_str().is_some_and(|name| operators.contains(&name));
        let alone = |name: &str| values.len() == 1 || !values.iter().any(|value| value == name);
        !values.is_empty() && values.iter().all(known) && alone("@@all") && alone("@@none")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn management(content: &str) -> bool {
        check(PolicyType::parse("TAG_POLICY").unwrap(), content).is_ok()
    }

    #[test]
    fn a_management_policy_is_a_tree_of_names_with_operators_at_its_ends() {
        for good in [
            r#"{"tags":{}}"#,
            r#"{"tags":{"a":{"tag_key":{"@@assign":"A"},"tag_value":{"@@append":["x","y"]}}}}"#,
            r#"{"tags":{"@@operators_allowed_for_child_policies":["@@none"],"a":{"tag_key":{"@@assign":"A"}}}}"#,
            r#"{"tags":{"a":{"tag_value":{"@@remove":["x"],"@@operators_allowed_for_child_policies":["@@assign","@@append"]}}}}"#,
        ] {
            assert!(management(good), "{good}");
        }
    }

    #[test]
    fn a_management_policy_with_anything_else_is_malformed() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"plans":{}}"#,
            r#"{"tags":"x"}"#,
            r#"{"tags":{"a":"x"}}"#,
            r#"{"tags":{"a":{"tag_key":"A"}}}"#,
            r#"{"tags":{"a":{"tag_key":{"@@assign":{"b":"c"}}}}}"#,
            r#"{"tags":{"a":{"tag_key":{"@@append":"A"}}}}"#,
            r#"{"tags":{"a":{"tag_key":{"@@other":"A"}}}}"#,
            r#"{"tags":{"@@operators_allowed_for_child_policies":["@@none","@@assign"]}}"#,
            r#"{"tags":{"@@operators_allowed_for_child_policies":"@@none"}}"#,
        ] {
            assert!(!management(bad), "{bad}");
        }
        let deep = format!("{{\"tags\":{}{}}}", "{\"a\":".repeat(40), "{}".to_owned() + &"}".repeat(40));
        assert!(!management(&deep));
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_before_it_is_read() {
        let long = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[]}}{}", " ".repeat(5_120));
        let refused = check(PolicyType::SERVICE_CONTROL, &long);
        assert!(matches!(refused, Err(Error::Constraint(Reason::PolicyContentLimitExceeded, _))));
    }

    #[test]
    fn awss_own_policies_are_good_ones() {
        for kind in PolicyType::all() {
            if let Some(managed) = kind.facts().managed.filter(|_| kind == PolicyType::SERVICE_CONTROL) {
                assert!(check(kind, managed.content).is_ok(), "{}", managed.name);
            }
        }
    }
}
