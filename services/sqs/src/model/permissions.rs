//! AddPermission and RemovePermission: the short way to write a queue policy.

use base::{AccountId, Arn};
use serde_json::{Value, json};

use crate::error::Error;
use crate::limits::{PERMISSION_ACTIONS_MAX, POLICY_STATEMENTS_MAX, QUEUE_NAME_CHARS_MAX};

/// What another account can be allowed. The batch forms have no action of their own, and the rest is the owner's.
const GRANTABLE: &[&str] = &[
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
];

const OWNERS_ONLY: &[&str] = &[
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueues",
    "ListQueueTags",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// The policy with one more statement.
pub fn add(
    policy: Option<&str>,
    queue: &Arn,
    label: &str,
    accounts: &[String],
    actions: &[String],
) -> Result<String, Error> {
    check(label, accounts, actions)?;
    let mut document = document(policy).unwrap_or_else(
        || json!({ "Version": "2008-10-17", "Id": format!("{queue}/SQSDefaultPolicy"), "Statement": [] }),
    );
    let statements = statements(&mut document);
    if statements.iter().any(|statement| has_label(statement, label)) {
        return Err(Error::invalid_value(label, "Label", "Already exists."));
    }
    if statements.len() >= POLICY_STATEMENTS_MAX {
        return Err(Error::OverLimit(format!(
            "{} Statements were found, maximum allowed is {POLICY_STATEMENTS_MAX}.",
            statements.len() + 1
        )));
    }
    let principals: Vec<String> =
        accounts.iter().map(|account| format!("arn:{}:iam::{account}:root", queue.partition())).collect();
    let actions: Vec<String> = actions.iter().map(|action| format!("SQS:{action}")).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_many(principals) },
        "Action": one_or_many(actions),
        "Resource": queue,
    }));
    Ok(document.to_string())
}

/// The policy without the statement of this label; nothing if it was the last.
pub fn remove(policy: Option<&str>, label: &str) -> Result<Option<String>, Error> {
    let unknown = || Error::invalid_value(label, "Label", "can't find label on existing policy.");
    let mut document = document(policy).ok_or_else(unknown)?;
    let statements = statements(&mut document);
    let before = statements.len();
    statements.retain(|statement| !has_label(statement, label));
    match statements.len() {
        0 if before > 0 => Ok(None),
        left if left < before => Ok(Some(document.to_string())),
        _ => Err(unknown()),
    }
}

fn check(label: &str, accounts: &[String], actions: &[String]) -> Result<(), Error> {
    let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if label.is_empty() {
        return Err(Error::missing("Label"));
    }
    if !plain || label.len() > QUEUE_NAME_CHARS_MAX {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
        return Err(Error::invalid_value(label, "Label", reason));
    }
    if accounts.is_empty() {
        return Err(Error::missing("AWSAccountId.1"));
    }
    if actions.is_empty() {
        return Err(Error::missing("ActionName.1"));
    }
    if accounts.iter().any(|account| account.parse::<AccountId>().is_err()) {
        let shown = format!("[{}]", accounts.join(", "));
        return Err(Error::invalid_value(shown, "PrincipalId", "Unable to verify."));
    }
    if actions.len() > PERMISSION_ACTIONS_MAX {
        return Err(Error::OverLimit(format!(
            "{} Actions were found, maximum allowed is {PERMISSION_ACTIONS_MAX}.",
            actions.len()
        )));
    }
    for action in actions {
        if OWNERS_ONLY.contains(&action.as_str()) {
            let reason = "Only the queue owner is allowed to invoke this action.";
            return Err(Error::invalid_value(format!("SQS:{action}"), "ActionName", reason));
        }
        if !GRANTABLE.contains(&action.as_str()) {
            let reason = "Please refer to the appropriate WSDL for a list of valid actions.";
            return Err(Error::invalid_value(format!("SQS:{action}"), "ActionName", reason));
        }
    }
    Ok(())
}

fn document(policy: Option<&str>) -> Option<Value> {
    serde_json::from_str::<Value>(policy?).ok().filter(Value::is_object)
}

/// The statements as a list, which is what a single one becomes.
fn statements(document: &mut Value) -> &mut Vec<Value> {
    let statement = &mut document["Statement"];
    if !statement.is_array() {
        let single = statement.take();
        *statement = Value::Array(if single.is_null() { Vec::new() } else { vec![single] });
    }
    statement.as_array_mut().expect("it was made one just now")
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

fn one_or_many(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { Value::from(texts.remove(0)) } else { Value::from(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_come_and_go_as_statements() {
        let queue: Arn = "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap();
        let account = || vec!["111111111111".to_owned()];
        let one = add(None, &queue, "alice", &account(), &["SendMessage".to_owned()]).unwrap();
        let parsed: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(parsed["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
        assert_eq!(parsed["Statement"][0]["Action"], "SQS:SendMessage");
        let repeated = add(Some(&one), &queue, "alice", &account(), &["*".to_owned()]);
        assert_eq!(repeated, Err(Error::invalid_value("alice", "Label", "Already exists.")));
        let two = add(Some(&one), &queue, "bob", &account(), &["*".to_owned()]).unwrap();
        let left = remove(Some(&two), "alice").unwrap().expect("bob's is left");
        assert_eq!(remove(Some(&left), "bob"), Ok(None));
        assert!(remove(Some(&left), "carol").is_err());
    }

    #[test]
    fn only_grantable_actions_and_real_accounts_are_taken() {
        let queue: Arn = "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap();
        let try_add = |account: &str, action: &str| {
            add(None, &queue, "l", &[account.to_owned()], &[action.to_owned()]).map(|_| ())
        };
        assert_eq!(
            try_add("*", "SendMessage"),
            Err(Error::invalid_value("[*]", "PrincipalId", "Unable to verify."))
        );
        for action in ["SendMessageBatch", "CreateQueue", "Nonsense"] {
            assert!(try_add("111111111111", action).is_err(), "{action}");
        }
    }
}
