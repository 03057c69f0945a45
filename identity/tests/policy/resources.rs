//! `Resource` and `NotResource`.

use super::context::{applies, policy};
use fogbank_identity::policy::{Kind, Policy};

fn check(pattern: &str, resource: &str, expected: bool) {
    for (element, expected) in [("Resource", expected), ("NotResource", !expected)] {
        let clauses = format!(r#""Action": "*", "{element}": "{pattern}""#);
        assert_eq!(
            applies(&clauses, "sqs:SendMessage", resource, &[]),
            expected,
            "{element} {pattern} of {resource}"
        );
    }
}

const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:orders";

#[test]
fn resources_match_whole_and_with_case() {
    for (pattern, expected) in [
        ("*", true),
        ("arn:aws:sqs:us-east-1:111111111111:orders", true),
        ("arn:aws:sqs:us-east-1:111111111111:Orders", false),
        ("arn:aws:sqs:us-east-1:111111111111:order", false),
        ("arn:aws:sqs:us-east-1:111111111111:orders2", false),
        ("arn:aws:sqs:us-east-1:222222222222:orders", false),
        ("arn:aws:sns:us-east-1:111111111111:orders", false),
        ("arn:aws:sqs:us-east-1:111111111111:*", true),
        ("arn:aws:sqs:us-east-1:111111111111:ord*", true),
        ("arn:aws:sqs:us-east-1:111111111111:*ers", true),
        ("arn:aws:sqs:us-east-1:111111111111:o?ders", true),
        ("arn:aws:sqs:us-east-1:111111111111:orders?", false),
        ("arn:aws:sqs:us-east-1:111111111111:orders*", true),
        ("arn:aws:sqs:*:111111111111:orders", true),
        ("arn:aws:sqs:us-east-1:*:orders", true),
        ("arn:aws:sqs:*:*:orders", true),
        ("arn:aws:sqs:*:*:*", true),
        ("arn:aws:sqs:us-*-1:111111111111:orders", true),
        ("arn:aws:sqs:us-*-2:111111111111:orders", false),
        ("arn:aws:sqs:us-????-1:111111111111:orders", true),
        ("arn:*:sqs:us-east-1:111111111111:orders", true),
        ("arn:aws:sqs:us-east-1:1111*1111:orders", true),
        ("arn:aws:sqs:*", true),
        ("arn:aws:sqs:us-*", true),
        ("arn:aws:sqs:eu-*", false),
    ] {
        check(pattern, QUEUE, expected);
    }
}

/// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon
/// boundaries."
#[test]
fn a_star_leaves_its_part_only_from_the_end_of_it() {
    let resource = "arn:aws:sqs:us-east-1:999999999999:store/abc:111111111111:finance/document.txt";
    for (pattern, expected) in [
        ("arn:aws:sqs:*:111111111111:finance/*", true),
        ("arn:aws:sqs:us-*:111111111111:finance/*", true),
        ("arn:aws:sqs:us*1:111111111111:finance/*", false),
        ("arn:aws:sqs:us*1:999999999999:*", true),
        ("arn:aws:sqs:us*1:9*9:*document.txt", true),
        ("arn:aws:sqs:us*1:9*1:finance/document.txt", false),
        ("arn:aws:sqs:us?east-1:9*:finance/document.txt", true),
        ("arn:aws:sqs:us-east-1?999999999999:*", false),
        ("arn:aws:sqs:us-east-1:999999999999:store*document.txt", true),
        ("arn:aws:sqs:us-east-1:999999999999:store*c:1*:finance/document.txt", true),
        ("arn:aws:sqs:us-east-1:999999999999:store/abc?111111111111:finance/*", true),
    ] {
        check(pattern, resource, expected);
    }
}

#[test]
fn names_with_slashes_and_colons_are_one_part() {
    for (pattern, resource, expected) in [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", true),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", false),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/", false),
        ("arn:aws:s3:::bucket/*/c", "arn:aws:s3:::bucket/a/b:x/c", true),
        ("arn:aws:s3:::bucket/*/c", "arn:aws:s3:::bucket/c", false),
        ("arn:aws:s3:::bucket/a?b", "arn:aws:s3:::bucket/a:b", true),
        ("arn:aws:s3:::buck*et/a", "arn:aws:s3:::buck-1/et/a", true),
        ("arn:aws:s3:::*", "arn:aws:s3:::bucket/key", true),
        ("arn:aws:s3:::bücket/ä?", "arn:aws:s3:::bücket/äö", true),
        ("arn:aws:s3:::bücket/ä?", "arn:aws:s3:::bücket/äöx", false),
        ("arn:aws:s3:::b*/?x", "arn:aws:s3:::bücket/öx", true),
        ("arn:aws:iam::111111111111:user/team/*", "arn:aws:iam::111111111111:user/team/alice", true),
        ("arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:user/team/alice", false),
        ("arn:aws:iam::*:user/team/*", "arn:aws:iam::111111111111:user/team/alice", true),
        ("arn:aws:logs:*:*:log-group:/a:*", "arn:aws:logs:us-east-1:111111111111:log-group:/a:b:c", true),
        ("arn:aws:dynamodb:us-east-1:*:table/a", "arn:aws:dynamodb:us-east-1:111111111111:table/a", true),
    ] {
        check(pattern, resource, expected);
    }
}

#[test]
fn actions_without_a_resource_need_the_star() {
    check("*", "*", true);
    check("arn:aws:sqs:*:*:*", "*", false);
    check("arn:aws:sqs:us-*-1:*:*", "*", false);
}

#[test]
fn one_of_several_resources_is_enough() {
    let listed = r#"["arn:aws:sqs:*:*:a", "arn:aws:sqs:*:*:orders"]"#;
    let is = format!(r#""Action": "*", "Resource": {listed}"#);
    let is_not = format!(r#""Action": "*", "NotResource": {listed}"#);
    assert!(applies(&is, "sqs:SendMessage", QUEUE, &[]));
    assert!(!applies(&is_not, "sqs:SendMessage", QUEUE, &[]));
    assert!(!applies(&is, "sqs:SendMessage", "arn:aws:sqs:us-east-1:111111111111:b", &[]));
    assert!(applies(&is_not, "sqs:SendMessage", "arn:aws:sqs:us-east-1:111111111111:b", &[]));
}

#[test]
fn stars_in_great_number_take_no_longer() {
    let name = "a".repeat(2000);
    let resource = format!("arn:aws:s3:::{name}");
    check(&format!("arn:aws:s3:::{}b", "a*".repeat(4000)), &resource, false);
    check(&format!("arn:aws:s3:::{}b", "*?".repeat(900)), &resource, false);
    check(&format!("arn:aws:s3:::*{}b", "?".repeat(1000)), &resource, false);
    let long =
        policy(&format!(r#"{{"Effect": "Allow", "Action": "*", "Resource": "{}"}}"#, "*".repeat(200_000)));
    assert!(Policy::parse(Kind::Identity, &long).is_err(), "longer than any policy");
}
