//! What one authorisation costs with 50 and with 1,000 statements attached, and what compiling them costs.
#![allow(missing_docs, reason = "a benchmark")]

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use base::AccountId;
use criterion::{Criterion, criterion_group, criterion_main};
use fogbank_identity::policy::{
    Caller, CallerKind, Keys, Kind, Layers, Named, Policy, Request, ResourcePolicy, Values, evaluate,
};

/// A request as the frame makes it: a dozen global keys, looked up by a match.
struct Global;

impl Keys for Global {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let value = match key {
            "aws:username" => "alice",
            "aws:userid" => "AIDAJQABLZS4A3QDU576Q",
            "aws:principalarn" => "arn:aws:iam::111111111111:user/alice",
            "aws:principalaccount" => "111111111111",
            "aws:principaltag/team" => "red",
            "aws:sourceip" => "203.0.113.7",
            "aws:securetransport" => "true",
            "aws:requestedregion" => "us-east-1",
            "aws:currenttime" => "2026-11-22T12:00:00Z",
            _ => return None,
        };
        Some(Values::One(Cow::Borrowed(value)))
    }
}

fn named(kind: Kind, statements: &[String]) -> Arc<Named> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","));
    let policy = Policy::parse(kind, &text).expect("a policy of our own");
    Arc::new(Named { id: String::from("arn:aws:iam::111111111111:policy/benchmark"), policy })
}

/// Statements as teams write them: a few actions on one resource, every fourth with conditions, and one in ten
/// about another service. None of them covers the request.
fn statements(count: usize) -> Vec<String> {
    let statement = |index: usize| {
        let service = if index % 10 == 9 { "sns" } else { "sqs" };
        let condition = match index % 4 {
            3 => {
                r#", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}, "Bool": {"aws:SecureTransport": "true"}}"#
            }
            _ => "",
        };
        let effect = if index % 20 == 7 { "Deny" } else { "Allow" };
        format!(
            r#"{{"Sid": "S{index}", "Effect": "{effect}", "Action": ["{service}:SendMessage", "{service}:Receive*",
                "{service}:GetQueue*"], "Resource": "arn:aws:{service}:us-east-1:111111111111:team-{index}-*"{condition}}}"#
        )
    };
    (0..count).map(statement).collect()
}

fn granting() -> String {
    String::from(
        r#"{"Effect": "Allow", "Action": "sqs:Send*", "Resource": "arn:aws:sqs:*:111111111111:orders",
            "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}"#,
    )
}

/// Decides once for the check, then as often as criterion likes.
fn measure(
    bench: &mut Criterion,
    name: &str,
    layers: &Layers<'_>,
    action: &str,
    resource: &str,
    expected: bool,
) {
    let account = AccountId::new(111_111_111_111).expect("twelve digits");
    let caller = Caller {
        kind: CallerKind::User,
        account,
        arn: "arn:aws:iam::111111111111:user/alice",
        role_arn: None,
        unique_id: "AIDAJQABLZS4A3QDU576Q",
    };
    let request = Request { caller, action, resource, resource_account: Some(account), keys: &Global };
    assert_eq!(evaluate(&request, layers).allowed, expected, "{name}");
    bench.bench_function(name, |bencher| {
        bencher.iter(|| evaluate(black_box(&request), black_box(layers)).allowed)
    });
}

fn evaluation(bench: &mut Criterion) {
    let queue = "arn:aws:sqs:us-east-1:111111111111:orders";
    for count in [50, 1000] {
        let mut all = statements(count - 1);
        all.push(granting());
        // As managed policies are: a dozen statements each, the one that grants last.
        let identity: Vec<_> = all.chunks(12).map(|chunk| named(Kind::Identity, chunk)).collect();
        let layers = Layers { identity: &identity, ..Layers::default() };
        measure(
            bench,
            &format!("{count} statements, the last allows"),
            &layers,
            "sqs:SendMessage",
            queue,
            true,
        );
        measure(bench, &format!("{count} statements, none allows"), &layers, "sqs:PurgeQueue", queue, false);
        let other = "arn:aws:s3:::bucket/key";
        measure(
            bench,
            &format!("{count} statements of other services"),
            &layers,
            "s3:GetObject",
            other,
            false,
        );

        let variables: Vec<String> = (0..count)
            .map(|index| {
                let name = if index + 1 == count { "${aws:username}" } else { "${aws:username}-x" };
                format!(
                    r#"{{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:us-east-1:111111111111:{name}"}}"#
                )
            })
            .collect();
        let identity: Vec<_> = variables.chunks(50).map(|chunk| named(Kind::Identity, chunk)).collect();
        let layers = Layers { identity: &identity, ..Layers::default() };
        let own = "arn:aws:sqs:us-east-1:111111111111:alice";
        measure(bench, &format!("{count} statements with variables"), &layers, "sqs:SendMessage", own, true);
    }
    layered(bench, queue);
}

/// Fifty statements over all six layers, three levels of organization policies among them.
fn layered(bench: &mut Criterion, queue: &str) {
    let full = |kind, principal: &str| {
        vec![named(kind, &[format!(r#"{{"Effect": "Allow", {principal} "Action": "*", "Resource": "*"}}"#)])]
    };
    let mut all = statements(39);
    all.push(granting());
    let identity: Vec<_> = all.chunks(12).map(|chunk| named(Kind::Identity, chunk)).collect();
    let boundary = &full(Kind::Identity, "")[0];
    let service_control = vec![full(Kind::ServiceControl, ""); 3];
    let resource_control = vec![full(Kind::ResourceControl, r#""Principal": "*","#); 3];
    let resource = named(
        Kind::Resource,
        &[String::from(
            r#"{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
        )],
    );
    let layers = Layers {
        identity: &identity,
        boundary: Some(boundary),
        session: None,
        resource: Some(ResourcePolicy { named: &resource, required: false }),
        service_control: &service_control,
        resource_control: &resource_control,
        ..Layers::default()
    };
    measure(bench, "50 statements in all layers", &layers, "sqs:SendMessage", queue, true);
}

fn compiling(bench: &mut Criterion) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements(12).join(","));
    bench.bench_function("parse and compile 12 statements", |bencher| {
        bencher.iter(|| {
            Policy::parse(Kind::Identity, black_box(&text)).expect("a policy of our own").statements()
        });
    });
}

criterion_group!(benches, evaluation, compiling);
criterion_main!(benches);
