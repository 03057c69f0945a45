//! What can be asked of a policy without a request.

use super::context::{parse, policy};
use fogbank_identity::policy::{Kind, PrincipalPattern, Version};

#[test]
fn keys_are_those_of_conditions_and_of_variables_as_they_are_written() {
    let text = policy(
        r#"{"Effect": "Allow", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:PrincipalTag/Team, 'x'}"],
            "Condition": {"StringLike": {"s3:Prefix": ["home/${aws:userid}", "${*}"]}, "Bool": {"aws:SecureTransport": true}}},
           {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::${aws:PrincipalAccount}",
            "Condition": {"ArnLikeIfExists": {"AWS:SourceArn": "${aws:sourcearn}"}, "StringEquals": {"s3:prefix": ""}}}"#,
    );
    let keys: Vec<String> = parse(Kind::Identity, &text).condition_keys().into_iter().collect();
    assert_eq!(
        keys,
        [
            "AWS:SourceArn",
            "aws:PrincipalAccount",
            "aws:PrincipalTag/Team",
            "aws:SecureTransport",
            "aws:userid",
            "aws:username",
            "s3:Prefix",
        ]
    );
    let old = text.replace("2012-10-17", "2008-10-17");
    let keys = parse(Kind::Identity, &old).condition_keys();
    assert_eq!(keys.len(), 3, "no variables in the older version: {keys:?}");
}

#[test]
fn services_are_those_of_the_allowed_actions() {
    let services = |statements: &str| {
        let policy = parse(Kind::Identity, &policy(statements));
        policy.services().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let allow = |action: &str| format!(r#"{{"Effect": "Allow", {action}, "Resource": "*"}}"#);
    assert_eq!(services(&allow(r#""Action": ["SQS:*", "sns:Publish", "sqs:Send*"]"#)), ["sns", "sqs"]);
    assert_eq!(services(&allow(r#""Action": ["*", "sns:Publish"]"#)), ["*", "sns"]);
    assert_eq!(services(&allow(r#""NotAction": "sns:Publish""#)), ["*"]);
    assert!(services(r#"{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}"#).is_empty());
}

#[test]
fn principals_are_those_that_are_named_either_way() {
    let text = policy(
        r#"{"Effect": "Allow", "Action": "*", "Principal": {"AWS": ["111111111111", "arn:aws:iam::222222222222:root"],
            "Service": "sns.amazonaws.com"}},
           {"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": "arn:aws:iam::111111111111:role/a/b"}}"#,
    );
    let policy = parse(Kind::Resource, &text);
    let shown: Vec<String> = policy.principals().map(PrincipalPattern::to_string).collect();
    assert_eq!(
        shown,
        ["111111111111", "222222222222", "sns.amazonaws.com", "arn:aws:iam::111111111111:role/a/b"]
    );
    let accounts: Vec<_> = policy.principals().map(PrincipalPattern::account).collect();
    assert_eq!(accounts.iter().flatten().count(), 3);
    assert_eq!(policy.statements(), 2);
}

#[test]
fn a_policy_without_a_version_is_of_the_older_one() {
    for (version, expected) in [
        ("", Version::V2008),
        (r#""Version": "2008-10-17","#, Version::V2008),
        (r#""Version": "2012-10-17","#, Version::V2012),
    ] {
        let text =
            format!(r#"{{{version} "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*"}}}}"#);
        let policy = parse(Kind::Identity, &text);
        assert_eq!(policy.version(), expected);
        let required = policy.require_current_version().map_err(|error| error.to_string());
        match expected {
            Version::V2012 => assert_eq!(required, Ok(())),
            Version::V2008 => {
                assert_eq!(
                    required,
                    Err(String::from("Policy document must be version 2012-10-17 or greater."))
                );
            }
        }
    }
}
