//! `Principal`: who is let in by a resource policy alone, and by a trust policy.

use super::context::{ACCOUNT, FEDERATED, OTHER, ROLE, ROLE_ID, SESSION, USER, USER_ID, lets_in};
use fogbank_identity::policy::Kind;

/// Every caller of the tables that is of the resource's account or of none.
const CALLERS: [&str; 8] = ["root", "user", "session", "federated", "sns", "google", "saml", "anonymous"];

/// Exactly these callers are let in by a resource policy with this principal.
fn check(principal: &str, expected: &[&str]) {
    for name in CALLERS {
        let is_in = lets_in(name, Kind::Resource, &format!(r#""Principal": {principal}, "Resource": "*""#));
        assert_eq!(is_in, expected.contains(&name), "{principal} for {name}");
        let is_in = lets_in(name, Kind::Trust, &format!(r#""Principal": {principal}"#));
        assert_eq!(is_in, expected.contains(&name), "{principal} of a trust policy for {name}");
    }
}

#[test]
fn everyone_is_everyone() {
    for principal in [r#""*""#, r#"{"AWS": "*"}"#, r#"{"AWS": ["*"]}"#, r#"{"AWS": ["123456789012", "*"]}"#] {
        check(principal, &CALLERS);
    }
}

/// An account lets its own policies decide, and here there are none; the root needs none.
#[test]
fn an_account_lets_in_its_root_only() {
    for principal in [
        format!(r#"{{"AWS": "{ACCOUNT}"}}"#),
        format!(r#"{{"AWS": {ACCOUNT}}}"#),
        format!(r#"{{"AWS": "arn:aws:iam::{ACCOUNT}:root"}}"#),
        format!(r#"{{"AWS": ["{OTHER}", "{ACCOUNT}"]}}"#),
    ] {
        check(&principal, &["root"]);
    }
    check(&format!(r#"{{"AWS": "{OTHER}"}}"#), &[]);
}

/// The boundary and the session policies of a role do not limit here: there are none.
#[test]
fn arns_let_in_whom_they_name() {
    check(&format!(r#"{{"AWS": "{USER}"}}"#), &["user", "federated"]);
    check(&format!(r#"{{"AWS": "{ROLE}"}}"#), &["session"]);
    check(&format!(r#"{{"AWS": "{SESSION}"}}"#), &["session"]);
    check(&format!(r#"{{"AWS": "{FEDERATED}"}}"#), &["federated"]);
    check(&format!(r#"{{"AWS": ["{USER}", "{ROLE}"]}}"#), &["user", "federated", "session"]);
    for nobody in [
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:iam::111111111111:user/team/Alice",
        "arn:aws:iam::222222222222:user/team/alice",
        "arn:aws-cn:iam::111111111111:user/team/alice",
        "arn:aws:iam::111111111111:role/worker",
        "arn:aws:sts::111111111111:assumed-role/worker/s2",
        "arn:aws:sts::111111111111:federated-user/alice",
    ] {
        check(&format!(r#"{{"AWS": "{nobody}"}}"#), &[]);
    }
}

#[test]
fn unique_ids_let_in_whom_they_stand_for() {
    check(&format!(r#"{{"AWS": "{USER_ID}"}}"#), &["user"]);
    check(&format!(r#"{{"AWS": "{ROLE_ID}"}}"#), &["session"]);
    check(&format!(r#"{{"AWS": "{ROLE_ID}:s1"}}"#), &["session"]);
    check(&format!(r#"{{"AWS": "{ROLE_ID}:s2"}}"#), &[]);
    check(r#"{"AWS": "AIDAOTHEROTHEROTHER12"}"#, &[]);
}

#[test]
fn services_and_providers_are_let_in_by_name() {
    check(r#"{"Service": "sns.amazonaws.com"}"#, &["sns"]);
    check(r#"{"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}"#, &["sns"]);
    check(r#"{"Service": "s3.amazonaws.com"}"#, &[]);
    check(r#"{"Service": "*"}"#, &["sns"]);
    check(r#"{"Federated": "accounts.google.com"}"#, &["google"]);
    check(r#"{"Federated": "www.amazon.com"}"#, &[]);
    check(r#"{"Federated": "arn:aws:iam::111111111111:saml-provider/Corp"}"#, &["saml"]);
    check(r#"{"Federated": "arn:aws:iam::111111111111:saml-provider/Other"}"#, &[]);
    let several =
        format!(r#"{{"AWS": "{USER}", "Service": "sns.amazonaws.com", "Federated": "accounts.google.com"}}"#);
    check(&several, &["user", "federated", "sns", "google"]);
}

#[test]
fn canonical_users_are_accounts() {
    let id = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    check_canonical(id, Some(id), &["root"]);
    check_canonical(id, None, &[]);
    check_canonical(id, Some("0000000000000000000000000000000000000000000000000000000000000000"), &[]);
}

fn check_canonical(id: &str, own: Option<&str>, expected: &[&str]) {
    use super::context::{QUEUE, decide, named, policy};
    use fogbank_identity::policy::{Layers, ResourcePolicy};

    let text = format!(
        r#"{{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {{"CanonicalUser": "{id}"}}}}"#
    );
    let named = named(Kind::Resource, &policy(&text));
    let resource = Some(ResourcePolicy { named: &named, required: true });
    let keys: Vec<_> = own.iter().map(|own| ("canonicaluser", *own)).collect();
    for name in CALLERS {
        let is_in =
            decide(name, "s3:GetObject", QUEUE, &keys, &Layers { resource, ..Layers::default() }).allowed;
        assert_eq!(is_in, expected.contains(&name), "{name}");
    }
}
