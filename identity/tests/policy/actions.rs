//! `Action` and `NotAction`.

use super::context::{QUEUE, applies};

fn check(pattern: &str, action: &str, expected: bool) {
    for (element, expected) in [("Action", expected), ("NotAction", !expected)] {
        let clauses = format!(r#""{element}": "{pattern}", "Resource": "*""#);
        assert_eq!(applies(&clauses, action, QUEUE, &[]), expected, "{element} {pattern} of {action}");
    }
}

#[test]
fn actions_match_whole_and_without_case() {
    for (pattern, action, expected) in [
        ("sqs:SendMessage", "sqs:SendMessage", true),
        ("SQS:sendmessage", "sqs:SendMessage", true),
        ("sqs:SENDMESSAGE", "SQS:sendMessage", true),
        ("sqs:SendMessage", "sqs:SendMessageBatch", false),
        ("sqs:SendMessageBatch", "sqs:SendMessage", false),
        ("sqs:SendMessage", "sns:SendMessage", false),
        ("sqs:SendMessage", "xsqs:SendMessage", false),
        ("sqs:SendMessage", "sqs:XSendMessage", false),
        ("s3-object-lambda:GetObject", "s3-object-lambda:GetObject", true),
        ("s3:GetObject", "s3-object-lambda:GetObject", false),
    ] {
        check(pattern, action, expected);
    }
}

#[test]
fn stars_and_question_marks_stand_for_any_text_and_one_character() {
    for (pattern, action, expected) in [
        ("*", "sqs:SendMessage", true),
        ("*", "iam:CreateUser", true),
        ("*:*", "sqs:SendMessage", true),
        ("*:Send*", "sqs:SendMessage", true),
        ("*:Send*", "sqs:ReceiveMessage", false),
        ("sqs:*", "sqs:SendMessage", true),
        ("sqs:*", "sns:Publish", false),
        ("sqs:Send*", "sqs:SendMessageBatch", true),
        ("sqs:Send*", "sqs:Send", true),
        ("sqs:Send*", "sqs:sen", false),
        ("sqs:*Message", "sqs:SendMessage", true),
        ("sqs:*Message", "sqs:SendMessageBatch", false),
        ("sqs:*Message*", "sqs:SendMessageBatch", true),
        ("sqs:*message*", "sqs:DeleteMESSAGEBatch", true),
        ("sqs:S*M*B*", "sqs:SendMessageBatch", true),
        ("sqs:S*B*M*", "sqs:SendMessageBatch", false),
        ("sqs:Sen?Message", "sqs:SendMessage", true),
        ("sqs:?endMessage", "sqs:SendMessage", true),
        ("sqs:SendMessag?", "sqs:SendMessage", true),
        ("sqs:SendMessage?", "sqs:SendMessage", false),
        ("sqs:???????????", "sqs:SendMessage", true),
        ("sqs:????????????", "sqs:SendMessage", false),
        ("sqs:?*", "sqs:A", true),
        ("sqs:*?", "sqs:A", true),
        ("sqs:*?*?*", "sqs:A", false),
        ("sqs:*?*?*", "sqs:AB", true),
        ("sqs:**", "sqs:SendMessage", true),
        ("sqs:S**e", "sqs:SendMessage", true),
        ("sqs:*Sen*end*", "sqs:SendMessage", false),
        ("sqs:*e*e*e*", "sqs:SendMessage", true),
        ("sqs:*e*e*e*e*", "sqs:SendMessage", false),
        ("sqs:aa*aa", "sqs:aaa", false),
        ("sqs:aa*aa", "sqs:aaaa", true),
    ] {
        check(pattern, action, expected);
    }
}

#[test]
fn one_of_several_actions_is_enough() {
    let clauses = r#""Action": ["sns:*", "sqs:SendMessage"], "Resource": "*""#;
    assert!(applies(clauses, "sqs:SendMessage", QUEUE, &[]));
    assert!(!applies(clauses, "sqs:ReceiveMessage", QUEUE, &[]));
    let clauses = r#""NotAction": ["sns:*", "sqs:SendMessage"], "Resource": "*""#;
    assert!(!applies(clauses, "sqs:SendMessage", QUEUE, &[]));
    assert!(!applies(clauses, "sns:Publish", QUEUE, &[]));
    assert!(applies(clauses, "iam:CreateUser", QUEUE, &[]));
}

#[test]
fn an_action_longer_than_any_of_aws_is_compared_all_the_same() {
    let long = format!("sqs:{}", "Abc".repeat(100));
    check(&long.to_ascii_uppercase(), &long, true);
    check("sqs:abc*ABC", &long, true);
    check("sqs:abc*ABD", &long, false);
    check("sqs:*", "sqs", false);
    check("*", "", true);
}

#[test]
fn stars_in_great_number_take_no_longer() {
    let pattern = format!("sqs:{}b", "a*".repeat(2000));
    let action = format!("sqs:{}", "a".repeat(10_000));
    check(&pattern, &action, false);
    let pattern = format!("sqs:{}b", "*?".repeat(1000));
    check(&pattern, &action, false);
    check(&format!("sqs:{}", "*".repeat(60_000)), &action, true);
}
