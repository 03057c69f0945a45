//! How the layers of policies combine, within an account and across accounts.

use std::sync::Arc;

use super::context::{
    ACCOUNT, FEDERATED, OTHER, QUEUE, ROLE, ROLE_ID, SESSION, Table, USER, account, caller, named, policy,
};
use fogbank_identity::policy::{
    Decision, Kind, Layer, Layers, Named, Request, ResourcePolicy, Why, evaluate, explain,
};

const ALLOW: &str = r#"{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}"#;
const DENY: &str = r#"{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}"#;
const OTHERWISE: &str = r#"{"Effect": "Allow", "Action": "sns:*", "Resource": "*"}"#;

/// One row: what each layer says. `""` is no policy, `"allow"`, `"deny"` and `"silent"` are policies; the
/// resource's is `"deny"` or a principal that it allows.
#[derive(Clone, Copy, Default)]
struct Row<'a> {
    caller: &'a str,
    identity: &'a str,
    boundary: &'a str,
    session: &'a str,
    resource: &'a str,
    required: bool,
    service_control: &'a [&'a str],
    resource_control: &'a [&'a str],
}

fn statements(says: &str) -> &'static str {
    match says {
        "allow" => ALLOW,
        "deny" => DENY,
        "silent" => OTHERWISE,
        _ => panic!("{says}"),
    }
}

fn attached(kind: Kind, says: &str) -> Vec<Arc<Named>> {
    if says.is_empty() { Vec::new() } else { vec![named(kind, &policy(statements(says)))] }
}

fn resource_policy(says: &str) -> Option<Arc<Named>> {
    let principal = |effect: &str, principal: &str| {
        policy(&format!(
            r#"{{"Effect": "{effect}", "Principal": {principal}, "Action": "sqs:*", "Resource": "*"}}"#
        ))
    };
    match says {
        "" => None,
        "deny" => Some(named(Kind::Resource, &principal("Deny", r#""*""#))),
        "*" => Some(named(Kind::Resource, &principal("Allow", r#""*""#))),
        name if name.contains(".amazonaws.com") => {
            Some(named(Kind::Resource, &principal("Allow", &format!(r#"{{"Service": "{name}"}}"#))))
        }
        name => Some(named(Kind::Resource, &principal("Allow", &format!(r#"{{"AWS": "{name}"}}"#)))),
    }
}

fn levels(kind: Kind, levels: &[&str]) -> Vec<Vec<Arc<Named>>> {
    let policy_of = |says: &&str| match (kind, *says) {
        (_, "") => Vec::new(),
        (Kind::ResourceControl, "allow") => {
            let all = r#"{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}"#;
            vec![named(kind, &policy(all))]
        }
        (Kind::ResourceControl, _) => {
            let deny = r#"{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}"#;
            vec![named(kind, &policy(deny))]
        }
        (_, says) => attached(kind, says),
    };
    levels.iter().map(policy_of).collect()
}

fn decide(row: Row<'_>) -> Decision {
    let identity = attached(Kind::Identity, row.identity);
    let boundary = attached(Kind::Identity, row.boundary);
    let session = attached(Kind::Identity, row.session.trim_start_matches("none"));
    let resource = resource_policy(row.resource);
    let layers = Layers {
        identity: &identity,
        boundary: boundary.first().map(|named| &**named),
        session: (!row.session.is_empty()).then_some(&session),
        resource: resource.as_ref().map(|named| ResourcePolicy { named, required: row.required }),
        service_control: &levels(Kind::ServiceControl, row.service_control),
        resource_control: &levels(Kind::ResourceControl, row.resource_control),
        ..Layers::default()
    };
    let request = Request {
        caller: caller(row.caller),
        action: "sqs:SendMessage",
        resource: QUEUE,
        resource_account: Some(account(ACCOUNT)),
        keys: &Table(&[]),
    };
    let decision = evaluate(&request, &layers);
    let explained = explain(&request, &layers);
    assert_eq!((decision.allowed, decision.why), (explained.allowed, explained.why));
    for matched in &decision.statements {
        assert!(explained.statements.contains(matched), "{matched:?}");
    }
    decision
}

fn check(row: Row<'_>, expected: Why) {
    let Row { caller, identity, boundary, session, resource, required, service_control, resource_control } =
        row;
    let decision = decide(row);
    assert_eq!(
        decision.why, expected,
        "{caller}: identity {identity:?}, boundary {boundary:?}, session {session:?}, resource {resource:?} \
         {required}, service control {service_control:?}, resource control {resource_control:?}"
    );
    assert_eq!(decision.allowed, expected == Why::Allowed);
}

const ALLOWED: Why = Why::Allowed;
const NO_IDENTITY: Why = Why::NoAllow(Layer::Identity);
const NO_BOUNDARY: Why = Why::NoAllow(Layer::Boundary);
const NO_SESSION: Why = Why::NoAllow(Layer::Session);
const NO_RESOURCE: Why = Why::NoAllow(Layer::Resource);

#[test]
fn within_an_account_either_side_is_enough() {
    for (caller, identity, resource, expected) in [
        ("user", "", "", NO_IDENTITY),
        ("user", "silent", "", NO_IDENTITY),
        ("user", "allow", "", ALLOWED),
        ("user", "deny", "", Why::ExplicitDeny(Layer::Identity)),
        ("user", "", USER, ALLOWED),
        ("user", "", "*", ALLOWED),
        ("user", "silent", "*", ALLOWED),
        ("user", "", ACCOUNT, NO_IDENTITY),
        ("user", "allow", ACCOUNT, ALLOWED),
        ("user", "", OTHER, NO_IDENTITY),
        ("user", "allow", OTHER, ALLOWED),
        ("user", "allow", "deny", Why::ExplicitDeny(Layer::Resource)),
        ("user", "deny", USER, Why::ExplicitDeny(Layer::Identity)),
        ("user", "", ROLE, NO_IDENTITY),
        ("session", "", "", NO_IDENTITY),
        ("session", "allow", "", ALLOWED),
        ("session", "", ROLE, ALLOWED),
        ("session", "", ROLE_ID, ALLOWED),
        ("session", "", SESSION, ALLOWED),
        ("session", "", ACCOUNT, NO_IDENTITY),
        ("session", "", USER, NO_IDENTITY),
    ] {
        check(Row { caller, identity, resource, ..Row::default() }, expected);
    }
}

#[test]
fn a_boundary_limits_what_identity_policies_grant() {
    for (identity, boundary, expected) in [
        ("allow", "allow", ALLOWED),
        ("allow", "silent", NO_BOUNDARY),
        ("allow", "deny", Why::ExplicitDeny(Layer::Boundary)),
        ("", "allow", NO_IDENTITY),
        ("silent", "silent", NO_IDENTITY),
        ("deny", "allow", Why::ExplicitDeny(Layer::Identity)),
        ("deny", "deny", Why::ExplicitDeny(Layer::Identity)),
    ] {
        for caller in ["user", "session"] {
            check(Row { caller, identity, boundary, ..Row::default() }, expected);
        }
    }
}

#[test]
fn session_policies_limit_what_identity_policies_grant() {
    for (identity, boundary, session, expected) in [
        ("allow", "", "allow", ALLOWED),
        ("allow", "", "silent", NO_SESSION),
        ("allow", "", "none", NO_SESSION),
        ("allow", "", "deny", Why::ExplicitDeny(Layer::Session)),
        ("allow", "allow", "allow", ALLOWED),
        ("allow", "silent", "allow", NO_BOUNDARY),
        ("allow", "silent", "silent", NO_BOUNDARY),
        ("", "", "allow", NO_IDENTITY),
        ("", "", "none", NO_IDENTITY),
    ] {
        for caller in ["session", "federated"] {
            check(Row { caller, identity, boundary, session, ..Row::default() }, expected);
        }
    }
}

/// The table "Resource-based policies and implicit denies in other policy types (same account)".
#[test]
fn how_a_resource_policy_names_the_caller_decides_what_limits_it() {
    for (caller, resource, expected) in [
        ("session", ROLE, NO_BOUNDARY),
        ("session", SESSION, ALLOWED),
        ("user", USER, ALLOWED),
        ("federated", USER, NO_BOUNDARY),
        ("federated", FEDERATED, ALLOWED),
        ("root", ACCOUNT, ALLOWED),
        // A star is as direct as a name.
        ("session", "*", ALLOWED),
        ("user", "*", ALLOWED),
        ("federated", "*", ALLOWED),
        ("user", ACCOUNT, NO_IDENTITY),
        ("session", ACCOUNT, NO_IDENTITY),
    ] {
        let session = if matches!(caller, "session" | "federated") { "silent" } else { "" };
        let row = Row { caller, boundary: "silent", session, resource, ..Row::default() };
        check(row, expected);
    }
    for (caller, named) in [("session", ROLE), ("federated", USER)] {
        for (boundary, session, expected) in [
            ("allow", "allow", ALLOWED),
            ("", "", ALLOWED),
            ("allow", "silent", NO_SESSION),
            ("", "none", NO_SESSION),
            ("silent", "allow", NO_BOUNDARY),
        ] {
            check(Row { caller, boundary, session, resource: named, ..Row::default() }, expected);
        }
    }
}

#[test]
fn an_explicit_deny_in_any_layer_wins_over_a_direct_grant() {
    for (caller, resource) in
        [("session", SESSION), ("federated", FEDERATED), ("user", USER), ("session", "*")]
    {
        for (identity, boundary, session, layer) in [
            ("deny", "", "", Layer::Identity),
            ("allow", "deny", "", Layer::Boundary),
            ("allow", "allow", "deny", Layer::Session),
        ] {
            let row = Row { caller, identity, boundary, session, resource, ..Row::default() };
            check(row, Why::ExplicitDeny(layer));
        }
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let role = "arn:aws:iam::222222222222:role/reader";
    let session_arn = "arn:aws:sts::222222222222:assumed-role/reader/s2";
    let user = "arn:aws:iam::222222222222:user/carol";
    for (caller, resource) in [
        ("other-user", user),
        ("other-user", OTHER),
        ("other-user", "*"),
        ("other-session", role),
        ("other-session", session_arn),
        ("other-session", OTHER),
        ("other-session", "*"),
    ] {
        for (identity, boundary, session, expected) in [
            ("allow", "", "", ALLOWED),
            ("", "", "", NO_IDENTITY),
            ("silent", "", "", NO_IDENTITY),
            ("allow", "silent", "", NO_BOUNDARY),
            ("allow", "allow", "silent", NO_SESSION),
            ("allow", "allow", "allow", ALLOWED),
            ("deny", "", "", Why::ExplicitDeny(Layer::Identity)),
        ] {
            check(Row { caller, identity, boundary, session, resource, ..Row::default() }, expected);
        }
    }
    for (caller, resource, expected) in [
        ("other-user", "", NO_RESOURCE),
        ("other-user", ACCOUNT, NO_RESOURCE),
        ("other-user", role, NO_RESOURCE),
        ("other-user", "deny", Why::ExplicitDeny(Layer::Resource)),
        ("other-session", "", NO_RESOURCE),
        ("other-session", user, NO_RESOURCE),
        ("other-root", "", NO_RESOURCE),
        ("other-root", ACCOUNT, NO_RESOURCE),
        ("other-root", OTHER, ALLOWED),
        ("other-root", "*", ALLOWED),
    ] {
        check(Row { caller, identity: "allow", resource, ..Row::default() }, expected);
    }
    check(Row { caller: "other-root", resource: OTHER, ..Row::default() }, ALLOWED);
}

#[test]
fn the_root_may_do_anything_that_is_not_denied() {
    for (resource, service_control, resource_control, expected) in [
        ("", &[][..], &[][..], ALLOWED),
        (USER, &[], &[], ALLOWED),
        ("deny", &[], &[], Why::ExplicitDeny(Layer::Resource)),
        ("", &["deny"], &[], Why::ExplicitDeny(Layer::ServiceControl)),
        ("", &["silent"], &[], Why::NoAllow(Layer::ServiceControl)),
        ("", &["allow"], &["deny"], Why::ExplicitDeny(Layer::ResourceControl)),
        ("", &["allow"], &["allow"], ALLOWED),
    ] {
        check(
            Row { caller: "root", resource, service_control, resource_control, ..Row::default() },
            expected,
        );
    }
    for (session, expected) in [("none", NO_SESSION), ("allow", ALLOWED), ("silent", NO_SESSION)] {
        check(Row { caller: "federated-root", session, ..Row::default() }, expected);
        check(Row { caller: "root", session, ..Row::default() }, expected);
    }
}

/// Role trust policies and key policies: the account's policies alone do nothing.
#[test]
fn a_required_resource_policy_must_allow() {
    for (caller, identity, resource, expected) in [
        ("user", "allow", "deny", Why::ExplicitDeny(Layer::Resource)),
        ("user", "allow", ROLE, NO_RESOURCE),
        ("user", "allow", OTHER, NO_RESOURCE),
        ("user", "allow", ACCOUNT, ALLOWED),
        ("user", "", ACCOUNT, NO_IDENTITY),
        ("user", "", USER, ALLOWED),
        ("user", "", "*", ALLOWED),
        ("session", "", ROLE, ALLOWED),
        ("session", "allow", USER, NO_RESOURCE),
        ("root", "", ACCOUNT, ALLOWED),
        ("root", "", USER, NO_RESOURCE),
        ("other-user", "allow", OTHER, ALLOWED),
        ("other-user", "", OTHER, NO_IDENTITY),
    ] {
        check(Row { caller, identity, resource, required: true, ..Row::default() }, expected);
    }
}

#[test]
fn every_level_of_an_organization_must_allow() {
    for (levels, expected) in [
        (&[][..], ALLOWED),
        (&["allow"], ALLOWED),
        (&["allow", "allow", "allow"], ALLOWED),
        (&["allow", "silent", "allow"], Why::NoAllow(Layer::ServiceControl)),
        (&["allow", "allow", "silent"], Why::NoAllow(Layer::ServiceControl)),
        (&["allow", ""], Why::NoAllow(Layer::ServiceControl)),
        (&["allow", "deny"], Why::ExplicitDeny(Layer::ServiceControl)),
        (&["deny", "silent"], Why::ExplicitDeny(Layer::ServiceControl)),
    ] {
        for caller in ["user", "session", "federated", "root"] {
            let row = Row { caller, identity: "allow", service_control: levels, ..Row::default() };
            check(row, expected);
            let granted = Row { identity: "", resource: "*", ..row };
            check(granted, expected);
        }
    }
    for (levels, expected) in [
        (&["allow", "allow"][..], ALLOWED),
        (&["allow", "deny"], Why::ExplicitDeny(Layer::ResourceControl)),
        (&["allow", ""], Why::NoAllow(Layer::ResourceControl)),
    ] {
        for caller in ["user", "session", "root", "sns", "anonymous"] {
            let row = Row { caller, resource: "*", resource_control: levels, ..Row::default() };
            check(row, expected);
        }
    }
}

#[test]
fn strangers_and_services_have_only_the_resource_policy() {
    for caller in ["sns", "anonymous", "google", "saml"] {
        for (identity, resource, expected) in [
            ("", "", NO_RESOURCE),
            ("allow", "", NO_RESOURCE),
            ("deny", "*", ALLOWED),
            ("", "*", ALLOWED),
            ("", ACCOUNT, NO_RESOURCE),
            ("", USER, NO_RESOURCE),
            ("", "deny", Why::ExplicitDeny(Layer::Resource)),
        ] {
            let row = Row { caller, identity, boundary: identity, resource, ..Row::default() };
            check(row, expected);
            check(Row { service_control: &["deny"], ..row }, expected);
        }
    }
    check(Row { caller: "sns", resource: "sns.amazonaws.com", ..Row::default() }, ALLOWED);
    check(Row { caller: "anonymous", resource: "sns.amazonaws.com", ..Row::default() }, NO_RESOURCE);
    check(Row { caller: "user", resource: "sns.amazonaws.com", ..Row::default() }, NO_IDENTITY);
}

#[test]
fn a_resource_without_an_owner_is_the_callers_own() {
    let identity = attached(Kind::Identity, "allow");
    let layers = Layers { identity: &identity, ..Layers::default() };
    for owner in [None, Some(account(OTHER))] {
        let request = Request {
            caller: caller("other-user"),
            action: "sqs:ListQueues",
            resource: "*",
            resource_account: owner,
            keys: &Table(&[]),
        };
        assert!(evaluate(&request, &layers).allowed, "{owner:?}");
    }
}

#[test]
fn the_firmest_of_several_grants_counts() {
    let text = policy(&format!(
        r#"{{"Sid": "Account", "Effect": "Allow", "Principal": {{"AWS": "{ACCOUNT}"}}, "Action": "*", "Resource": "*"}},
           {{"Sid": "Role", "Effect": "Allow", "Principal": {{"AWS": "{ROLE}"}}, "Action": "*", "Resource": "*"}},
           {{"Sid": "Session", "Effect": "Allow", "Principal": {{"AWS": "{SESSION}"}}, "Action": "*", "Resource": "*"}}"#
    ));
    let resource = named(Kind::Resource, &text);
    let boundary = named(Kind::Identity, &policy(OTHERWISE));
    let layers = Layers {
        boundary: Some(&boundary),
        resource: Some(ResourcePolicy { named: &resource, required: false }),
        ..Layers::default()
    };
    let request = Request {
        caller: caller("session"),
        action: "sqs:SendMessage",
        resource: QUEUE,
        resource_account: Some(account(ACCOUNT)),
        keys: &Table(&[]),
    };
    let decision = evaluate(&request, &layers);
    assert!(decision.allowed);
    assert_eq!(decision.statements[0].sid.as_deref(), Some("Session"));
    assert_eq!(explain(&request, &layers).statements.len(), 3);
}

/// `other-user`.
const CAROL: &str = "arn:aws:iam::222222222222:user/carol";

#[test]
fn a_grant_needs_no_other_leave_and_gives_way_to_denials() {
    // Who is granted, who calls, what its own account says, what the resource's policy says, and the answer.
    for (grantee, by, own, on_it, expected) in [
        (USER, "user", "", "", ALLOWED),
        (USER, "user", "deny", "", Why::ExplicitDeny(Layer::Identity)),
        (USER, "user", "", "deny", Why::ExplicitDeny(Layer::Resource)),
        (USER, "other-user", "allow", "", NO_RESOURCE),
        (CAROL, "other-user", "", "", ALLOWED),
        (CAROL, "other-user", "deny", "", Why::ExplicitDeny(Layer::Identity)),
        (CAROL, "user", "allow", "", NO_RESOURCE),
        (ROLE, "session", "", "", ALLOWED),
        // Granted to an account, it is the account that gives leave.
        (ACCOUNT, "user", "", "", NO_IDENTITY),
        (ACCOUNT, "user", "allow", "", ALLOWED),
    ] {
        let statement = format!(
            r#"{{"Effect": "Allow", "Principal": {{"AWS": "{grantee}"}}, "Action": "*", "Resource": "*"}}"#
        );
        let grants = vec![named(Kind::Resource, &policy(&statement))];
        let identity = attached(Kind::Identity, own);
        let resource = resource_policy(if on_it.is_empty() { "sns.amazonaws.com" } else { on_it });
        let layers = Layers {
            identity: &identity,
            resource: resource.as_ref().map(|named| ResourcePolicy { named, required: true }),
            grants: &grants,
            ..Layers::default()
        };
        let request = Request {
            caller: caller(by),
            action: "sqs:SendMessage",
            resource: QUEUE,
            resource_account: Some(account(ACCOUNT)),
            keys: &Table(&[]),
        };
        assert_eq!(
            evaluate(&request, &layers).why,
            expected,
            "{grantee} granted, {by} calls, {own}, {on_it}"
        );
    }
}
