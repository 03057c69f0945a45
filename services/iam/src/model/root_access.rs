//! Central root access: who may act as the root of a member account, and for which tasks.
//!
//! The root of a member account is like a role that the organisation's managers may assume, so it has a trust policy of
//! our own making. Surprising: the policies that scope such sessions do nothing but deny; what they leave is the root's.
//! Reference: "Centralize root access for member accounts" and "Perform a privileged task on an AWS Organizations
//! member account".

use base::AccountId;
use serde_json::{Value, json};
use service::{Principal, PrincipalKind, Session};

use crate::records::RootAccessRecord;

/// How IAM goes by in an organisation.
pub const SERVICE: &str = "iam.amazonaws.com";

/// What managing root credentials is about, and what the other privileged tasks are.
const CREDENTIAL_TASKS: &[&str] =
    &["IAMAuditRootUserCredentials", "IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials"];
const UNLOCKING_TASKS: &[&str] = &["S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"];

/// The trust policy of a member account's root.
pub fn trust(enabled: &RootAccessRecord, managers: &[AccountId]) -> String {
    let features = [(enabled.credentials_management, CREDENTIAL_TASKS), (enabled.sessions, UNLOCKING_TASKS)];
    let enabled = features.iter().filter(|(is_enabled, _)| *is_enabled);
    let tasks: Vec<String> = enabled
        .flat_map(|(_, tasks)| tasks.iter())
        .map(|task| format!("arn:aws:iam::aws:policy/root-task/{task}"))
        .collect();
    if tasks.is_empty() || managers.is_empty() {
        return nobody();
    }
    let managers: Vec<String> = managers.iter().map(AccountId::to_string).collect();
    statement(json!({
        "Effect": "Allow",
        "Principal": {"AWS": managers},
        "Action": "sts:AssumeRoot",
        "Resource": "*",
        "Condition": {"StringEquals": {"sts:TaskPolicyArn": tasks}},
    }))
}

/// The trust policy of a root that nobody acts as from outside.
pub fn nobody() -> String {
    statement(json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoot", "Resource": "*"}))
}

fn statement(statement: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// The session, if that is what `sts:AssumeRoot` gave: where others have their role, it has the root of the account.
pub fn session(principal: &Principal) -> Option<&Session> {
    let session = principal.session.as_deref().filter(|_| principal.kind == PrincipalKind::AssumedRole)?;
    session.role.as_ref().filter(|role| role.arn.ends_with(":root")).map(|_| session)
}

/// Whether it is the root of an account, or a session that acts as one.
pub fn is_root(principal: &Principal) -> bool {
    principal.kind == PrincipalKind::Root || session(principal).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::policy::{Kind, Policy};

    #[test]
    fn each_feature_brings_its_tasks() {
        let managers = [AccountId::new(111_111_111_111).unwrap()];
        for (credentials_management, sessions, tasks) in [
            (false, false, vec![]),
            (true, false, CREDENTIAL_TASKS.to_vec()),
            (false, true, UNLOCKING_TASKS.to_vec()),
            (true, true, [CREDENTIAL_TASKS, UNLOCKING_TASKS].concat()),
        ] {
            let document = trust(&RootAccessRecord { credentials_management, sessions }, &managers);
            assert!(Policy::parse(Kind::Resource, &document).is_ok(), "{document}");
            assert_eq!(document.contains("111111111111"), !tasks.is_empty());
            for task in [CREDENTIAL_TASKS, UNLOCKING_TASKS].concat() {
                assert_eq!(document.contains(task), tasks.contains(&task), "{document}");
            }
        }
        assert_eq!(trust(&RootAccessRecord { credentials_management: true, sessions: true }, &[]), nobody());
        assert!(Policy::parse(Kind::Resource, &nobody()).is_ok());
    }
}
