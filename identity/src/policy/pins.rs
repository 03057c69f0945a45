//! Users and roles of a resource's policy, pinned to their unique ids.
//!
//! AWS turns the ARN of a user or role in such a policy into its unique id when the policy is saved, and back when it is
//! shown. So a policy lets in nobody who was made later under the same name, and what is shown after a deletion is the
//! id. Reference: "AWS JSON policy elements: Principal", the note on deleted principals.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

/// Unique ids (`AIDA…`, `AROA…`) by the ARNs that a policy has.
pub type Pins = BTreeMap<String, String>;

/// The document with ids in place of the ARNs that are pinned; as given if none is.
pub fn pinned<'d>(document: &'d str, pins: &Pins) -> Cow<'d, str> {
    if pins.is_empty() {
        return Cow::Borrowed(document);
    }
    let Ok(mut policy) = serde_json::from_str::<Value>(document) else { return Cow::Borrowed(document) };
    let statements = match policy.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    for statement in statements {
        for element in ["Principal", "NotPrincipal"] {
            if let Some(principals) = statement.get_mut(element).and_then(|element| element.get_mut("AWS")) {
                replace(principals, pins);
            }
        }
    }
    Cow::Owned(policy.to_string())
}

fn replace(principals: &mut Value, pins: &Pins) {
    match principals {
        Value::String(arn) => {
            if let Some(id) = pins.get(arn) {
                arn.clone_from(id);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|principal| replace(principal, pins)),
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
        let replaced: Value = serde_json::from_str(&pinned(&document, &ids)).unwrap();
        let statement = &replaced["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], serde_json::json!(["AIDAEXAMPLE", "000000000001"]));
        assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], arn);
        assert_eq!(pinned(&document, &BTreeMap::new()), document);
    }
}
