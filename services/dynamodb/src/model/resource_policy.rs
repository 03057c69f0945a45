//! Policies of tables and streams: what is refused, in DynamoDB's words.
//!
//! Surprising: a policy that anyone could use is refused, and a table's policy may speak of its indexes but not of its
//! stream, which has one of its own.

use base::Arn;
use identity::policy::{Kind, Policy};
use serde_json::Value;

use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;

/// What a policy is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Table { arn: Arn },
    Stream { arn: Arn },
}

impl Holder {
    pub fn arn(&self) -> &Arn {
        match self {
            Holder::Table { arn } | Holder::Stream { arn } => arn,
        }
    }

    fn covers(&self, resource: &str) -> bool {
        let own = self.arn().as_str();
        match (resource.strip_prefix(own), self) {
            (Some(""), _) => true,
            (Some(rest), Holder::Table { .. }) => rest.starts_with("/index/"),
            _ => false,
        }
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid_values(format_args!("Invalid policy document: {what}"))
}

/// Reads a policy, and refuses what DynamoDB refuses of the text alone.
pub fn parse(holder: &Holder, text: &str) -> Result<Policy, Error> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Error::invalid_values(format_args!(
            "Maximum policy size of {POLICY_BYTES_MAX} bytes exceeded"
        )));
    }
    let document: Value =
        serde_json::from_str(text).map_err(|_| invalid("This policy contains invalid Json"))?;
    let statements: Vec<&Value> = match document.get("Statement") {
        None => return Err(invalid("Missing required field Statement")),
        Some(Value::Array(list)) if list.is_empty() => {
            return Err(invalid("Could not parse the policy: Statement is empty!"));
        }
        Some(Value::Array(list)) => list.iter().collect(),
        Some(statement) => vec![statement],
    };
    for statement in &statements {
        for field in ["Effect", "Principal", "Action", "Resource"] {
            if statement.get(field).is_none() && statement.get(format!("Not{field}")).is_none() {
                return Err(invalid(format_args!("Missing required field {field}")));
            }
        }
    }
    let policy = Policy::parse(Kind::Resource, text).map_err(invalid)?;
    for statement in statements {
        check_statement(holder, statement)?;
    }
    Ok(policy)
}

fn check_statement(holder: &Holder, statement: &Value) -> Result<(), Error> {
    let foreign: Vec<&str> = texts(&statement["Action"])
        .into_iter()
        .filter(|action| *action != "*" && !action.to_ascii_lowercase().starts_with("dynamodb:"))
        .collect();
    if !foreign.is_empty() {
        return Err(invalid(format_args!("The following action names are invalid: {}", foreign.join(", "))));
    }
    for resource in texts(&statement["Resource"]) {
        if !holder.covers(resource) {
            return Err(invalid(format_args!(
                "The relative-id \"{resource}\" is invalid for ARN \"{}\"",
                holder.arn()
            )));
        }
    }
    let is_for_all = texts(&statement["Principal"]).contains(&"*")
        || statement["Principal"].get("AWS").is_some_and(|aws| texts(aws).contains(&"*"));
    if is_for_all && statement["Effect"] == "Allow" && statement.get("Condition").is_none() {
        return Err(Error::Validation(
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure \
             least-privilege form of access"
                .to_owned(),
        ));
    }
    Ok(())
}

/// One text or a list of them.
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

    #[test]
    fn a_policy_is_about_its_own_table_and_not_for_everyone() {
        let table = "arn:aws:dynamodb:us-east-1:123456789012:table/Music";
        let holder = Holder::Table { arn: table.parse().expect("it is an ARN") };
        let policy = |principal: &str, action: &str, resource: &str| {
            format!(
                r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {principal},
                    "Action": "{action}", "Resource": "{resource}"}}}}"#
            )
        };
        let someone = r#"{"AWS": "arn:aws:iam::123456789012:root"}"#;
        for (text, is_good) in [
            (policy(someone, "dynamodb:GetItem", table), true),
            (policy(someone, "dynamodb:Query", &format!("{table}/index/*")), true),
            (policy(someone, "dynamodb:GetRecords", &format!("{table}/stream/1")), false),
            (policy(someone, "dynamodb:GetItem", &format!("{table}2")), false),
            (policy(someone, "s3:GetObject", table), false),
            (policy("\"*\"", "dynamodb:GetItem", table), false),
            ("{".to_owned(), false),
            (r#"{"Version": "2012-10-17", "Statement": []}"#.to_owned(), false),
        ] {
            assert_eq!(parse(&holder, &text).is_ok(), is_good, "{text}");
        }
    }
}
