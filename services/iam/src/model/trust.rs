//! Trust policies: users and roles in them are pinned to their unique ids.
//!
//! IAM turns the ARN of a user or role in a trust policy into its unique id when the policy is saved, and back when it
//! is shown. So a role trusts nobody who was made later under the same name, and what is shown after a deletion is the
//! id. Reference: "AWS JSON policy elements: Principal", the note on deleted principals.

use std::collections::BTreeMap;

use serde_json::Value;

/// What stands in for a trust policy that cannot be read.
pub const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}"#;

/// The document with ids in place of the ARNs that have one; as given if none has.
pub fn with_ids(document: &str, ids: &BTreeMap<String, String>) -> String {
    if ids.is_empty() {
        return document.to_owned();
    }
    let Ok(mut policy) = serde_json::from_str::<Value>(document) else { return document.to_owned() };
    let statements = match policy.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    for statement in statements {
        for element in ["Principal", "NotPrincipal"] {
            if let Some(principals) = statement.get_mut(element).and_then(|element| element.get_mut("AWS")) {
                replace(principals, ids);
            }
        }
    }
    policy.to_string()
}

fn replace(principals: &mut Value, ids: &BTreeMap<String, String>) {
    match principals {
        Value::String(arn) => {
            if let Some(id) = ids.get(arn) {
                arn.clone_from(id);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|principal| replace(principal, ids)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_principals_are_replaced() {
        let arn = "arn:aws:iam::000000000000:user/bob";
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{arn}","000000000001"]}},
            "Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{arn}"}}}}}}]}}"#
        );
        let ids = BTreeMap::from([(arn.to_owned(), "AIDAEXAMPLE".to_owned())]);
        let pinned: Value = serde_json::from_str(&with_ids(&document, &ids)).unwrap();
        let statement = &pinned["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], serde_json::json!(["AIDAEXAMPLE", "000000000001"]));
        assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], arn);
        assert_eq!(with_ids(&document, &BTreeMap::new()), document);
    }
}
