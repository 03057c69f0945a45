//! Who calls, as far as permissions go: for what a service remembers on behalf of those who were allowed it.
//!
//! Surprising: two sessions of one role are one requester if only their names differ, and two if their session
//! policies do ("Configuring KMS permissions" of the SQS developer guide).

use crate::{AssumedRole, Call, Session};

/// Names the requester of a call: equal names have equal permissions, as far as who they are decides it.
pub fn requester(call: &Call) -> String {
    let principal = &call.principal;
    let who = match principal.role() {
        Some(role) => format!("{} {}", role.arn, role.id),
        None => format!("{} {}", principal.arn, principal.user_id),
    };
    let session = principal.session.as_deref().map(permissions);
    // A key policy may let a service in for one of its resources only.
    let resource = call.source.source_arn.as_ref().map(ToString::to_string);
    format!("{} {who} {} {}", principal.account, resource.unwrap_or_default(), session.unwrap_or_default())
}

/// What of a session decides what it may do.
fn permissions(session: &Session) -> String {
    let role = session.role.clone().map(|role| AssumedRole { session_name: String::new(), ..role });
    let nameless = Session { role, issued: Default::default(), ends: Default::default(), ..session.clone() };
    serde_json::to_string(&nameless).expect("a session is plain data")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Notes, Principal, PrincipalKind, Source};
    use base::{AccountId, Region, Timestamp};

    use super::*;

    fn call(principal: Principal) -> Call {
        Call {
            request_id: String::new(),
            account: principal.account,
            principal,
            region: Region::US_EAST_1,
            source: Source::default(),
            now: Timestamp::from_secs(0),
            depth: 0,
            notes: Notes::default(),
        }
    }

    fn role_session(name: &str, policies: &[&str]) -> Principal {
        let role = AssumedRole {
            arn: "arn:aws:iam::000000000000:role/reader".to_owned(),
            id: "AROAEXAMPLE".to_owned(),
            session_name: name.to_owned(),
        };
        let session = Session {
            issued: Timestamp::from_secs(name.len() as i64),
            role: Some(role),
            policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            ..Session::default()
        };
        Principal {
            kind: PrincipalKind::AssumedRole,
            account: AccountId::DEV,
            arn: format!("arn:aws:sts::000000000000:assumed-role/reader/{name}"),
            user_id: format!("AROAEXAMPLE:{name}"),
            access_key_id: None,
            session: Some(Arc::new(session)),
        }
    }

    #[test]
    fn sessions_of_a_role_differ_by_their_policies_and_not_by_their_names() {
        let name = |name, policies: &[&str]| requester(&call(role_session(name, policies)));
        assert_eq!(name("one", &[]), name("another", &[]));
        assert_ne!(name("one", &[]), name("one", &["{}"]));
    }

    #[test]
    fn services_differ_by_the_resource_they_call_for() {
        let service = || call(Principal::service("sns.amazonaws.com", AccountId::DEV));
        let mut for_topic = service();
        for_topic.source.source_arn = Some("arn:aws:sns:us-east-1:000000000000:t".parse().unwrap());
        assert_ne!(requester(&service()), requester(&for_topic));
        let root = call(Principal::root(AccountId::DEV, Region::US_EAST_1, None));
        assert_ne!(requester(&service()), requester(&root));
    }
}
