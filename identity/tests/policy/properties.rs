//! The evaluator and the naive one agree; matchers agree with trying everything; nothing panics.

use std::borrow::Cow;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::context::{
    ACCOUNT, FEDERATED, OTHER, ROLE, ROLE_ID, SESSION, USER, USER_ID, account, applies, caller,
};
use super::naive::{self, Answer, Context, Documents, Question};
use fogbank_identity::policy::{
    Effect, Keys, Kind, Layers, Named, Policy, Request, ResourcePolicy, Values, Why, evaluate, explain,
};

struct Lookup<'a>(&'a Context);

impl Keys for Lookup<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let (is_list, values) = self.0.get(key)?;
        let mut values: Vec<_> = values.iter().map(|value| Cow::Borrowed(value.as_str())).collect();
        if *is_list { Some(Values::Many(values)) } else { values.pop().map(Values::One) }
    }
}

fn one_or_more(choices: &'static [&'static str]) -> impl Strategy<Value = Value> {
    vec(select(choices), 1..3)
        .prop_map(|mut chosen| if chosen.len() == 1 { json!(chosen.remove(0)) } else { json!(chosen) })
}

const ACTIONS: &[&str] = &[
    "*",
    "sqs:*",
    "sqs:Send*",
    "sqs:SendMessage",
    "SQS:sendmessage",
    "sqs:?endMessage",
    "*:Send*",
    "sns:Publish",
    "sqs:Receive*",
    "sqs:*Message*Batch",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:sqs:us-east-1:111111111111:orders",
    "arn:aws:sqs:us-east-1:111111111111:alice",
    "arn:aws:sqs:*:111111111111:o*",
    "arn:aws:sqs:us*1:*:*",
    "arn:aws:sqs:us?east-1:111111111111:orders",
    "arn:aws:sqs:*:orders",
    "arn:aws:sqs:us-east-1:111111111111:${aws:username}",
    "arn:aws:sqs:us-east-1:111111111111:${aws:none, 'orders'}",
    "arn:aws:sqs:us-east-1:111111111111:${aws:TagKeys}",
    "arn:aws:sqs:us-east-1:111111111111:${*}",
    "arn:aws:sqs:us-east-1:222222222222:*",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateGreaterThanEquals",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
];
const KEYS: &[&str] = &["aws:username", "aws:TagKeys", "aws:SourceArn", "AWS:Any", "aws:SourceIp"];
const VALUES: &[&str] = &[
    "alice",
    "ALICE",
    "bob",
    "a*",
    "*",
    "${aws:username}",
    "${aws:none}",
    "${aws:none, 'bob'}",
    "${*}",
    "",
    "7",
    "10",
    "true",
    "false",
    "10.0.0.0/8",
    "10.1.2.3",
    "arn:aws:sns:us-east-1:111111111111:t",
    "arn:aws:sns:*:*:?",
    "arn:aws:sns:*",
];
const DATES: &[&str] = &["2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2026-01-01T01:00:00+01:00"];
const PRESENT: &[&str] = &[
    "alice",
    "Alice",
    "bob",
    "a*",
    "",
    "7",
    "10.0",
    "true",
    "10.1.2.3",
    "11.0.0.1",
    "arn:aws:sns:us-east-1:111111111111:t",
    "2026-01-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
];
const PRINCIPALS: &[&str] = &[
    "*",
    ACCOUNT,
    OTHER,
    "arn:aws:iam::111111111111:root",
    USER,
    ROLE,
    SESSION,
    FEDERATED,
    USER_ID,
    ROLE_ID,
    "AROAJQABLZS4A3QDU576Q:s1",
    "arn:aws:iam::222222222222:user/carol",
    "arn:aws:iam::222222222222:role/reader",
];
const CALLERS: &[&str] = &[
    "root",
    "user",
    "session",
    "federated",
    "federated-root",
    "other-user",
    "other-root",
    "other-session",
    "sns",
    "google",
    "anonymous",
];

fn condition() -> impl Strategy<Value = (String, Value)> {
    let operator = (select(&["", "", "ForAllValues:", "ForAnyValue:"][..]), select(OPERATORS), any::<bool>());
    let operator = operator
        .prop_map(|(set, name, if_exists)| format!("{set}{name}{}", if if_exists { "IfExists" } else { "" }));
    let comparison = (operator, select(KEYS), one_or_more(VALUES), one_or_more(DATES)).prop_map(
        |(operator, key, values, dates)| {
            let values = if operator.contains("Date") { dates } else { values };
            (operator, json!({key: values}))
        },
    );
    let null = (select(KEYS), any::<bool>()).prop_map(|(key, is)| (String::from("Null"), json!({key: is})));
    prop_oneof![6 => comparison, 1 => null]
}

fn principal() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(json!("*")),
        6 => one_or_more(PRINCIPALS).prop_map(|names| json!({"AWS": names})),
        1 => Just(json!({"Service": "sns.amazonaws.com", "Federated": "accounts.google.com"})),
        1 => one_or_more(PRINCIPALS).prop_map(|names| json!({"AWS": names, "Service": "*"})),
    ]
}

fn statement(kind: Kind) -> impl Strategy<Value = Value> {
    let effect = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    let conditions = prop_oneof![3 => vec(condition(), 0..1), 2 => vec(condition(), 1..3)];
    let parts = (effect, one_or_more(ACTIONS), one_or_more(RESOURCES), conditions, principal());
    (parts, any::<[u8; 3]>()).prop_map(move |((effect, actions, resources, conditions, principal), nots)| {
        let name =
            |which: usize, name: &str| if nots[which] < 40 { format!("Not{name}") } else { name.to_owned() };
        let mut statement = Map::new();
        statement.insert(String::from("Effect"), json!(effect));
        statement.insert(name(0, "Action"), actions);
        statement.insert(name(1, "Resource"), resources);
        if kind == Kind::Resource {
            statement.insert(name(2, "Principal"), principal);
        }
        if !conditions.is_empty() {
            statement.insert(String::from("Condition"), Value::Object(conditions.into_iter().collect()));
        }
        Value::Object(statement)
    })
}

fn document(kind: Kind) -> impl Strategy<Value = Value> {
    let version =
        if kind == Kind::ServiceControl { &["2012-10-17"][..] } else { &["2012-10-17", "2008-10-17"] };
    (select(version), vec(statement(kind), 1..4))
        .prop_map(|(version, statements)| json!({"Version": version, "Statement": statements}))
}

fn resource_control() -> impl Strategy<Value = Value> {
    let all = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
    (one_or_more(&["sns:*", "sqs:Delete*", "sqs:Send*"]), any::<u8>()).prop_map(move |(actions, chance)| {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": "*"});
        let statements = if chance < 60 { json!([all, deny]) } else { json!([all]) };
        json!({"Version": "2012-10-17", "Statement": statements})
    })
}

fn documents() -> impl Strategy<Value = Documents> {
    let full =
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let control = prop_oneof![3 => Just(full), 1 => document(Kind::ServiceControl)];
    (
        vec(document(Kind::Identity), 0..3),
        prop::option::of(document(Kind::Identity)),
        prop::option::of(vec(document(Kind::Identity), 0..2)),
        prop::option::of(document(Kind::Resource)),
        any::<bool>(),
        vec(vec(control, 0..3), 0..2),
        vec(vec(resource_control(), 1..2), 0..2),
    )
        .prop_map(
            |(identity, boundary, session, resource, required, service_control, resource_control)| {
                let required = required && resource.is_some();
                Documents {
                    identity,
                    boundary,
                    session,
                    resource,
                    required,
                    service_control,
                    resource_control,
                }
            },
        )
}

fn context() -> impl Strategy<Value = Context> {
    let one = |name: &'static str| {
        prop::option::of(select(PRESENT))
            .prop_map(move |value| value.map(|value| (name, (false, vec![value.to_owned()]))))
    };
    let many = prop::option::of(vec(select(PRESENT), 0..3)).prop_map(|values| {
        values.map(|values| ("aws:tagkeys", (true, values.into_iter().map(str::to_owned).collect())))
    });
    (one("aws:username"), one("aws:sourcearn"), one("aws:any"), one("aws:sourceip"), many).prop_map(
        |(a, b, c, d, e)| {
            [a, b, c, d, e].into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
        },
    )
}

fn named(kind: Kind, document: &Value) -> Arc<Named> {
    let text = document.to_string();
    let policy = Policy::parse(kind, &text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Arc::new(Named { id: String::from("tested"), policy })
}

fn all(kind: Kind, documents: &[Value]) -> Vec<Arc<Named>> {
    documents.iter().map(|document| named(kind, document)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_evaluator_and_the_naive_one_agree(
        documents in documents(),
        context in context(),
        name in select(CALLERS),
        action in select(&["sqs:SendMessage", "sqs:SendMessageBatch", "sns:Publish", "SQS:SENDMESSAGE"][..]),
        resource in select(&["arn:aws:sqs:us-east-1:111111111111:orders", "arn:aws:sqs:us-east-1:111111111111:alice", "*"][..]),
    ) {
        let identity = all(Kind::Identity, &documents.identity);
        let boundary = documents.boundary.as_ref().map(|document| named(Kind::Identity, document));
        let session = documents.session.as_ref().map(|session| all(Kind::Identity, session));
        let resource_policy = documents.resource.as_ref().map(|document| named(Kind::Resource, document));
        let levels = |kind, levels: &[Vec<Value>]| levels.iter().map(|level| all(kind, level)).collect::<Vec<_>>();
        let layers = Layers {
            identity: &identity,
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            resource: resource_policy.as_ref().map(|named| ResourcePolicy { named, required: documents.required }),
            service_control: &levels(Kind::ServiceControl, &documents.service_control),
            resource_control: &levels(Kind::ResourceControl, &documents.resource_control),
            ..Layers::default()
        };
        let owner = account(ACCOUNT);
        let keys = Lookup(&context);
        let request = Request { caller: caller(name), action, resource, resource_account: Some(owner), keys: &keys };
        let decision = evaluate(&request, &layers);
        let question = Question { caller: caller(name), action, resource, owner, context: &context };
        let expected = naive::decide(&question, &documents);
        let answer = match decision.why {
            Why::Allowed => Answer::Allowed,
            Why::ExplicitDeny(_) => Answer::ExplicitDeny,
            Why::NoAllow(_) => Answer::ImplicitDeny,
        };
        prop_assert_eq!(answer, expected, "{} {:?} {:?}", name, documents, context);

        let explained = explain(&request, &layers);
        prop_assert_eq!((explained.allowed, explained.why), (decision.allowed, decision.why));
        for matched in &decision.statements {
            prop_assert!(explained.statements.contains(matched));
        }
        if let Why::ExplicitDeny(layer) = decision.why {
            let last = decision.statements.last().unwrap();
            prop_assert_eq!((last.layer, last.effect), (layer, Effect::Deny));
        }
    }

    #[test]
    fn wildcards_agree_with_trying_everything(pattern in "[ab:ä*?]{0,12}", text in "[ab:ä]{0,12}") {
        let clauses = format!(
            r#""Action": "*", "Resource": "*", "Condition": {{"StringLike": {{"aws:k": "{pattern}"}}}}"#
        );
        let is = applies(&clauses, "a:b", "*", &[("aws:k", &text)]);
        prop_assert_eq!(is, naive::string_glob(&naive::plain(&pattern), &text));
    }

    #[test]
    fn resources_agree_with_trying_everything(pattern in "[ab*?]{0,3}(:[ab*?]{0,3}){2,7}", text in "[ab]{0,3}(:[ab]{0,3}){5,7}") {
        let pattern = format!("arn:aws:x:{pattern}");
        let text = format!("arn:aws:x:{text}");
        let clauses = format!(r#""Action": "*", "Resource": "{pattern}""#);
        let document = format!(r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {clauses}}}}}"#);
        prop_assume!(Policy::parse(Kind::Identity, &document).is_ok());
        let is = applies(&clauses, "a:b", &text, &[]);
        prop_assert_eq!(is, naive::resource_glob(&naive::plain(&pattern), &text), "{} {}", pattern, text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}", kind in kinds()) {
        drop(Policy::parse(kind, &text));
    }

    #[test]
    fn no_broken_policy_makes_the_parser_panic(
        document in document(Kind::Resource),
        kind in kinds(),
        cut in any::<prop::sample::Index>(),
        patch in "[\\]\\[{}\",:*?$a0 ä]{0,4}",
    ) {
        let text: Vec<char> = document.to_string().chars().collect();
        let at = cut.index(text.len());
        let end = (at + patch.len() / 2).min(text.len());
        let broken: String = text[..at].iter().copied().chain(patch.chars()).chain(text[end..].iter().copied()).collect();
        if let Ok(policy) = Policy::parse(kind, &broken) {
            drop((policy.condition_keys(), policy.principals().count(), policy.services().len()));
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Identity, Kind::Resource, Kind::Trust, Kind::ServiceControl, Kind::ResourceControl])
}
