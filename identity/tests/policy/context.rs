//! What the tables share: callers, keys, and one function that decides a request.

use std::borrow::Cow;
use std::sync::Arc;

use base::AccountId;
use fogbank_identity::policy::{
    Caller, CallerKind, Decision, Keys, Kind, Layers, Named, Policy, Request, ResourcePolicy, Values,
    evaluate,
};

pub const ACCOUNT: &str = "111111111111";
pub const OTHER: &str = "222222222222";
pub const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:orders";
pub const USER: &str = "arn:aws:iam::111111111111:user/team/alice";
pub const ROLE: &str = "arn:aws:iam::111111111111:role/path/worker";
pub const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/worker/s1";
pub const FEDERATED: &str = "arn:aws:sts::111111111111:federated-user/bob";
pub const USER_ID: &str = "AIDAJQABLZS4A3QDU576Q";
pub const ROLE_ID: &str = "AROAJQABLZS4A3QDU576Q";

/// Keys as pairs; a key that is there several times, or whose name ends in `[]`, has several values.
pub struct Table<'a>(pub &'a [(&'a str, &'a str)]);

impl Keys for Table<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        assert_eq!(key, key.to_ascii_lowercase(), "keys arrive in lower case");
        let named = |name: &str| name.strip_suffix("[]").unwrap_or(name).eq_ignore_ascii_case(key);
        let of_key = |wanted: &&(&str, &str)| named(wanted.0);
        let mut values: Vec<Cow<'_, str>> =
            self.0.iter().filter(of_key).map(|pair| Cow::Borrowed(pair.1)).collect();
        let is_list = self.0.iter().any(|(name, _)| named(name) && name.ends_with("[]"));
        match values.len() {
            0 => None,
            1 if !is_list => values.pop().map(Values::One),
            _ => Some(Values::Many(values.into_iter().filter(|value| value != "(none)").collect())),
        }
    }
}

pub fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

/// The callers of the tables, by name. All but `other-user` and `other-root` are of [`ACCOUNT`].
pub fn caller(name: &str) -> Caller<'static> {
    let own = account(ACCOUNT);
    let other = account(OTHER);
    let new = |kind, account, arn, role_arn, unique_id| Caller { kind, account, arn, role_arn, unique_id };
    let own_root = "arn:aws:iam::111111111111:root";
    match name {
        "root" => new(CallerKind::Root, own, own_root, None, ACCOUNT),
        "other-root" => new(CallerKind::Root, other, "arn:aws:iam::222222222222:root", None, OTHER),
        "user" => new(CallerKind::User, own, USER, None, USER_ID),
        "other-user" => new(
            CallerKind::User,
            other,
            "arn:aws:iam::222222222222:user/carol",
            None,
            "AIDAOTHEROTHEROTHER12",
        ),
        "session" => new(CallerKind::AssumedRole, own, SESSION, Some(ROLE), "AROAJQABLZS4A3QDU576Q:s1"),
        "other-session" => new(
            CallerKind::AssumedRole,
            other,
            "arn:aws:sts::222222222222:assumed-role/reader/s2",
            Some("arn:aws:iam::222222222222:role/reader"),
            "AROAOTHEROTHEROTHER12:s2",
        ),
        "federated" => new(CallerKind::FederatedUser, own, FEDERATED, Some(USER), "111111111111:bob"),
        "federated-root" => {
            new(CallerKind::FederatedUser, own, FEDERATED, Some(own_root), "111111111111:bob")
        }
        "sns" => new(CallerKind::Service, own, "sns.amazonaws.com", None, ""),
        "google" => new(CallerKind::WebIdentity, own, "accounts.google.com", None, ""),
        "saml" => new(CallerKind::Saml, own, "arn:aws:iam::111111111111:saml-provider/Corp", None, ""),
        "anonymous" => new(CallerKind::Anonymous, own, "anonymous", None, ""),
        _ => panic!("no caller {name}"),
    }
}

pub fn parse(kind: Kind, text: &str) -> Policy {
    Policy::parse(kind, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn named(kind: Kind, text: &str) -> Arc<Named> {
    Arc::new(Named { id: String::from("arn:aws:iam::111111111111:policy/tested"), policy: parse(kind, text) })
}

/// A policy around statements.
pub fn policy(statements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

/// Whether an identity policy of one statement, which allows, applies.
pub fn applies(clauses: &str, action: &str, resource: &str, keys: &[(&str, &str)]) -> bool {
    let identity = [named(Kind::Identity, &policy(&format!(r#"{{"Effect": "Allow", {clauses}}}"#)))];
    decide("user", action, resource, keys, &Layers { identity: &identity, ..Layers::default() }).allowed
}

/// Whether a resource policy of one statement lets the caller in, with nothing else attached. It is required, since
/// the root may do anything otherwise.
pub fn lets_in(name: &str, kind: Kind, clauses: &str) -> bool {
    let action = if kind == Kind::Trust { "sts:AssumeRole" } else { "sqs:SendMessage" };
    let text = policy(&format!(r#"{{"Effect": "Allow", "Action": "{action}", {clauses}}}"#));
    let named = named(kind, &text);
    let resource = Some(ResourcePolicy { named: &named, required: true });
    decide(name, action, QUEUE, &[], &Layers { resource, ..Layers::default() }).allowed
}

pub fn decide(
    name: &str,
    action: &str,
    resource: &str,
    keys: &[(&str, &str)],
    layers: &Layers<'_>,
) -> Decision {
    let table = Table(keys);
    let request = Request {
        caller: caller(name),
        action,
        resource,
        resource_account: Some(account(ACCOUNT)),
        keys: &table,
    };
    evaluate(&request, layers)
}
