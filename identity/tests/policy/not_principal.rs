//! `NotPrincipal`: a denial spares only whom it names in full.

use super::context::{ACCOUNT, QUEUE, ROLE, SESSION, USER, decide, lets_in, named, policy};
use fogbank_identity::policy::{Kind, Layers, Named, ResourcePolicy};

/// Whether a policy that allows everyone and denies everyone but these lets the caller in.
fn spares(name: &str, not_principal: &str, boundary: Option<&Named>) -> bool {
    let text = policy(&format!(
        r#"{{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}},
           {{"Effect": "Deny", "NotPrincipal": {not_principal}, "Action": "*", "Resource": "*"}}"#
    ));
    let named = named(Kind::Resource, &text);
    let resource = Some(ResourcePolicy { named: &named, required: false });
    decide(name, "sqs:SendMessage", QUEUE, &[], &Layers { resource, boundary, ..Layers::default() }).allowed
}

#[test]
fn a_denial_spares_whom_it_names_with_account_and_role() {
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    for (names, spared) in [
        (vec![USER, &root], &["root", "user"][..]),
        (vec![USER, ACCOUNT], &["root", "user"]),
        (vec![USER], &[]),
        (vec![&root], &["root"]),
        (vec![SESSION, ROLE, &root], &["root", "session"]),
        (vec![SESSION, &root], &["root"]),
        (vec![ROLE, &root], &["root"]),
        (vec![SESSION, ROLE], &[]),
    ] {
        for name in ["root", "user", "session", "federated", "sns", "anonymous", "google"] {
            let principal = format!(r#"{{"AWS": {names:?}}}"#);
            assert_eq!(spares(name, &principal, None), spared.contains(&name), "{names:?} for {name}");
        }
    }
    for name in ["root", "user", "session", "sns", "anonymous"] {
        assert!(spares(name, r#""*""#, None), "{name}");
        assert_eq!(spares(name, r#"{"Service": "sns.amazonaws.com"}"#, None), name == "sns", "{name}");
    }
}

/// "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary
/// policy attached, regardless of the values specified."
#[test]
fn a_denial_never_spares_a_caller_with_a_boundary() {
    let boundary = named(Kind::Identity, &policy(r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#));
    let everyone = format!(r#"{{"AWS": ["{USER}", "{ROLE}", "{SESSION}", "{ACCOUNT}"]}}"#);
    for name in ["user", "session"] {
        assert!(spares(name, &everyone, None), "{name}");
        assert!(!spares(name, &everyone, Some(&boundary)), "{name}");
    }
}

#[test]
fn an_allowance_is_for_all_that_are_not_named() {
    for (principal, left_out) in [
        (format!(r#"{{"AWS": "{USER}"}}"#), &["user", "federated"][..]),
        (format!(r#"{{"AWS": "{ROLE}"}}"#), &["session"]),
        (format!(r#"{{"AWS": "{ACCOUNT}"}}"#), &["root", "user", "session", "federated"]),
        (String::from(r#"{"Service": "sns.amazonaws.com"}"#), &["sns"]),
        (String::from(r#""*""#), &["root", "user", "session", "federated", "sns", "anonymous"]),
    ] {
        for name in ["root", "user", "session", "federated", "sns", "anonymous"] {
            let clauses = format!(r#""NotPrincipal": {principal}, "Resource": "*""#);
            assert_eq!(
                lets_in(name, Kind::Resource, &clauses),
                !left_out.contains(&name),
                "{principal} for {name}"
            );
        }
    }
}
