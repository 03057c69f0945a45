//! Policies that are refused, and with which words.

use super::context::policy;
use fogbank_identity::policy::{Kind, Policy};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const NO_VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const NOT_OF_TYPE: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

/// `""` is no refusal.
fn check(kind: Kind, text: &str, expected: &str) {
    let message = Policy::parse(kind, text).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(message, expected, "{kind:?} {text}");
}

fn identity(clauses: &str, expected: &str) {
    check(Kind::Identity, &policy(&format!("{{{clauses}}}")), expected);
}

#[test]
fn what_is_no_policy_has_syntax_errors() {
    let good = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
    for text in [
        "",
        " ",
        "no JSON",
        "null",
        "[]",
        "\"text\"",
        "{}",
        "{",
        &format!(r#"{{"Statement": {good}}} {{}}"#),
        &format!(r#"{{"Statement": {good},}}"#),
        r#"{"Version": "2012-10-17"}"#,
        r#"{"Version": "2012-10-17", "Statement": []}"#,
        r#"{"Version": "2012-10-17", "Statement": "Allow"}"#,
        r#"{"Version": "2012-10-17", "Statement": [[]]}"#,
        &format!(r#"{{"Version": "2012-10-18", "Statement": {good}}}"#),
        &format!(r#"{{"Version": 2012, "Statement": {good}}}"#),
        &format!(r#"{{"Version": ["2012-10-17"], "Statement": {good}}}"#),
        &format!(r#"{{"version": "2012-10-17", "Statement": {good}}}"#),
        &format!(r#"{{"Id": 7, "Statement": {good}}}"#),
        &format!(r#"{{"Extra": "x", "Statement": {good}}}"#),
        &format!(r#"{{"Statement": {good}, "Statement": {good}}}"#),
        &format!(r#"{{"Statement": [{good}, null]}}"#),
        &format!(r#"{{"Statement": [[{good}]]}}"#),
    ] {
        check(Kind::Identity, text, SYNTAX);
        check(Kind::Resource, text, SYNTAX);
        check(Kind::Trust, text, SYNTAX);
        check(Kind::ServiceControl, text, NOT_OF_TYPE);
    }
    check(Kind::Identity, &format!(r#"{{"Statement": {good}}}"#), "");
    check(Kind::Identity, &format!(r#"{{"Statement": [{good}], "Id": "x", "Version": "2012-10-17"}}"#), "");
}

#[test]
fn what_is_no_statement_has_syntax_errors() {
    for clauses in [
        r#""Action": "*", "Resource": "*""#,
        r#""Effect": "Maybe", "Action": "*", "Resource": "*""#,
        r#""Effect": ["Allow"], "Action": "*", "Resource": "*""#,
        r#""Effect": true, "Action": "*", "Resource": "*""#,
        r#""Effect": "Allow", "Effect": "Deny", "Action": "*", "Resource": "*""#,
        r#""Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "NotResource": "*""#,
        r#""Effect": "Allow", "Action": 7, "Resource": "*""#,
        r#""Effect": "Allow", "Action": {"a": "b"}, "Resource": "*""#,
        r#""Effect": "Allow", "Action": ["*", 7], "Resource": "*""#,
        r#""Effect": "Allow", "Action": ["*", null], "Resource": "*""#,
        r#""Effect": "Allow", "Action": null, "Resource": "*""#,
        r#""Effect": "Allow", "Action": "*", "Resource": [["*"]]"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Sid": 7"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Sid": null"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "sid": "x""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Comment": "x""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": "x""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": []"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": "x"}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:x": {"a": "b"}}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:x": null}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:x": "1", "aws:x": "2"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringIs": {"aws:x": "1"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"NullIfExists": {"aws:x": "true"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"ForSomeValues:StringLike": {"aws:x": "1"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLikeIfExistsIfExists": {"aws:x": "1"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"BoolNot": {"aws:x": "1"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateBefore": {"aws:x": "1"}}"#,
    ] {
        identity(clauses, SYNTAX);
    }
    for conditions in [
        r#"{}"#,
        r#"{"StringEquals": {}}"#,
        r#"{"StringIs": {}}"#,
        r#"{"StringEquals": {"aws:x": ["1", 2, true]}}"#,
        r#"{"StringEquals": {"aws:x": []}}"#,
        r#"{"StringEquals": {"aws:ResourceTag/aws:cloudformation:stack-name": "x"}}"#,
        r#"{"StringEquals": {"aws:x": "1"}, "StringLike": {"aws:x": "2"}}"#,
        r#"{"NumericEquals": {"aws:x": "no number"}, "IpAddress": {"aws:x": "no address"}}"#,
    ] {
        identity(
            &format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {conditions}"#),
            "",
        );
    }
}

#[test]
fn the_older_parser_minds_case_dates_and_arns() {
    for clauses in [
        r#""Effect": "allow", "Action": "*", "Resource": "*""#,
        r#""Effect": "DENY", "Action": "*", "Resource": "*""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": ["2020-13-01"]}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateEqualsIfExists": {"aws:CurrentTime": "2020-01-01T25:00:00Z"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateEquals": {"aws:CurrentTime": "-1"}}"#,
        r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3::bucket""#,
        r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws::""#,
    ] {
        identity(clauses, LEGACY);
    }
    for date in ["2020-01-01", "2020-01-01T00:00:00Z", "1577836800", "2020-01", "2020-01-01T00:00:00+01:00"] {
        let condition = format!(r#"{{"DateLessThan": {{"aws:CurrentTime": "{date}"}}}}"#);
        identity(
            &format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}"#),
            "",
        );
    }
}

#[test]
fn statement_ids_are_unique_and_plain() {
    let with = |first: &str, second: &str| {
        let statement =
            |sid: &str| format!(r#"{{"Sid": "{sid}", "Effect": "Allow", "Action": "*", "Resource": "*"}}"#);
        policy(&format!("{}, {}", statement(first), statement(second)))
    };
    let unique = "Statement IDs (SID) in a single policy must be unique.";
    let plain = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*";
    for (first, second, expected) in [
        ("A", "B", ""),
        ("A", "a", ""),
        ("", "", ""),
        ("A", "A", unique),
        ("A-1", "B", plain),
        ("A", "B C", plain),
        ("A_B", "A_B", unique),
        ("Ä", "B", plain),
    ] {
        check(Kind::Identity, &with(first, second), expected);
    }
    let spaced = r#"{"Sid": "a queue's own", "Effect": "Allow", "Principal": "*", "Action": "sqs:*"}"#;
    check(Kind::Resource, &policy(spaced), "");
}

#[test]
fn actions_have_a_vendor_and_one_colon() {
    for (action, expected) in [
        (r#""*""#, ""),
        (r#""*:*""#, ""),
        (r#""sqs:*""#, ""),
        (r#""s3-object-lambda:Get*""#, ""),
        (r#"["sqs:*", "sns:Publish"]"#, ""),
        (r#""SendMessage""#, NO_VENDOR),
        (r#""""#, NO_VENDOR),
        (r#""**""#, NO_VENDOR),
        (r#"":SendMessage""#, NO_VENDOR),
        (r#"["sqs:*", "SendMessage"]"#, NO_VENDOR),
        (r#""sqs:Send:Message""#, "Actions/Condition can contain only one colon."),
        (r#""s*:Get""#, "Vendor s* is not valid"),
        (r#""a a:Get""#, "Vendor a a is not valid"),
        (r#""s?s:Get""#, "Vendor s?s is not valid"),
        (r#"[]"#, "Policy statement must contain actions."),
    ] {
        identity(&format!(r#""Effect": "Allow", "Action": {action}, "Resource": "*""#), expected);
        identity(&format!(r#""Effect": "Allow", "NotAction": {action}, "Resource": "*""#), expected);
    }
    identity(r#""Effect": "Allow", "Resource": "*""#, "Policy statement must contain actions.");
    for key in ["CurrentTime", "", ":x", "aws:"] {
        let condition = format!(r#"{{"StringEquals": {{"{key}": "x"}}}}"#);
        let clauses =
            format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}"#);
        identity(&clauses, NO_VENDOR);
    }
}

#[test]
fn resources_are_arns() {
    let iam_paths = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, \
                     instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, \
                     oidc-provider/, report/, access-report/.";
    let vendor = "Resource vendor must be fully qualified and cannot contain regexes.";
    for (resource, expected) in [
        (r#""*""#, ""),
        (r#""arn:aws:sqs:us-east-1:111111111111:orders""#, ""),
        (r#""arn:aws:s3:::bucket/*""#, ""),
        (r#""arn:aws:s3:*""#, ""),
        (r#""arn:*:sqs:*:*:*""#, ""),
        (r#""arn:aws-cn:sqs:*:*:*""#, ""),
        (r#""arn:aws-us-gov:sqs:*:*:*""#, ""),
        (r#""arn:aws:s3:us-east-1:111111111111:accesspoint/a""#, ""),
        (r#""arn:aws:iam::111111111111:user/alice""#, ""),
        (r#""arn:aws:iam::aws:policy/ReadOnlyAccess""#, ""),
        (r#""arn:aws:iam::*:*""#, ""),
        (r#""queue""#, r#"Resource queue must be in ARN format or "*"."#),
        (r#"["*", "a"]"#, r#"Resource a must be in ARN format or "*"."#),
        (r#"["c", "b"]"#, r#"Resource b must be in ARN format or "*"."#),
        (r#""**""#, r#"Resource ** must be in ARN format or "*"."#),
        (r#""""#, r#"Resource  must be in ARN format or "*"."#),
        (
            r#""arn:azure:sqs:us-east-1:111111111111:orders""#,
            r#"Partition "azure" is not valid for resource "arn:azure:sqs:us-east-1:111111111111:orders"."#,
        ),
        (r#""arn:""#, r#"Partition "" is not valid for resource "arn::*:*:*:*"."#),
        (r#""arn:x:s3""#, r#"Partition "x" is not valid for resource "arn:x:s3:*:*:*"."#),
        (r#""arn:x:s3:::a:b""#, r#"Partition "x" is not valid for resource "arn:x:s3:::a:b"."#),
        (r#""arn:aws""#, vendor),
        (r#""arn:aws:s*:us-east-1:111111111111:orders""#, vendor),
        (
            r#""arn:aws:iam:us-east-1:111111111111:user/a""#,
            "IAM resource arn:aws:iam:us-east-1:111111111111:user/a cannot contain region information.",
        ),
        (r#""arn:aws:iam::111111111111:alice""#, iam_paths),
        (r#""arn:aws:iam::111111111111:root""#, ""),
        (
            r#""arn:aws:s3:us-east-1::bucket""#,
            "Resource arn:aws:s3:us-east-1::bucket can not contain region information.",
        ),
        (r#"[]"#, "Policy statement must contain resources."),
    ] {
        identity(&format!(r#""Effect": "Allow", "Action": "*", "Resource": {resource}"#), expected);
        identity(&format!(r#""Effect": "Allow", "Action": "*", "NotResource": {resource}"#), expected);
    }
    identity(r#""Effect": "Allow", "Action": "*""#, "Policy statement must contain resources.");
}

#[test]
fn identity_policies_name_nobody() {
    for clause in [r#""Principal": "*""#, r#""NotPrincipal": {"AWS": "*"}"#, r#""Principal": {}"#] {
        let clauses = format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", {clause}"#);
        identity(&clauses, "Policy document should not specify a principal.");
    }
}

#[test]
fn trust_policies_name_who_may_assume_the_role_and_nothing_else() {
    let assume = r#""Effect": "Allow", "Action": "sts:AssumeRole""#;
    let only_sts = "AssumeRole policy may only specify STS AssumeRole actions.";
    let saml = "Federated principals must be valid domain names or SAML metadata ARNs";
    for (clauses, expected) in [
        (format!(r#"{assume}, "Principal": "*""#), ""),
        (format!(r#"{assume}, "Principal": {{"AWS": "111111111111"}}"#), ""),
        (assume.to_owned(), "Missing required field Principal"),
        (format!(r#"{assume}, "Principal": {{}}"#), "Missing required field Principal cannot be empty!"),
        (
            format!(r#"{assume}, "Principal": {{"AWS": []}}"#),
            "Missing required field Principal cannot be empty!",
        ),
        (format!(r#"{assume}, "Principal": "*", "Resource": "*""#), "Has prohibited field Resource"),
        (format!(r#"{assume}, "Principal": "*", "NotResource": "*""#), "Has prohibited field NotResource"),
        (format!(r#"{assume}, "NotPrincipal": "*""#), "Has prohibited field NotPrincipal"),
        (String::from(r#""Effect": "Allow", "Principal": "*""#), "Missing required field Action"),
        (String::from(r#""Effect": "Allow", "Principal": "*", "Action": "s3:GetObject""#), only_sts),
        (
            String::from(
                r#""Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "sts:GetCallerIdentity"]"#,
            ),
            only_sts,
        ),
        (
            String::from(
                r#""Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]"#,
            ),
            "",
        ),
        (String::from(r#""Effect": "Allow", "Principal": "*", "Action": "sts:*""#), ""),
        (String::from(r#""Effect": "Allow", "Principal": "*", "Action": "AssumeRole""#), NO_VENDOR),
        (format!(r#"{assume}, "Principal": {{"Federated": "accounts.google.com"}}"#), ""),
        (
            format!(
                r#"{assume}, "Principal": {{"Federated": "arn:aws:iam::111111111111:oidc-provider/host/path"}}"#
            ),
            "",
        ),
        (format!(r#"{assume}, "Principal": {{"Federated": "arn:aws:iam::111111111111:role/a"}}"#), saml),
        (format!(r#"{assume}, "Principal": {{"Federated": ""}}"#), saml),
        (format!(r#"{assume}, "Principal": {{"Federated": "*"}}"#), saml),
        (format!(r#"{assume}, "Principal": {{"Nobody": "x"}}"#), SYNTAX),
        (format!(r#"{assume}, "Principal": "111111111111""#), SYNTAX),
        (format!(r#"{assume}, "Principal": ["*"]"#), SYNTAX),
        (
            format!(r#"{assume}, "Principal": "*", "Sid": "a b""#),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
    ] {
        check(Kind::Trust, &policy(&format!("{{{clauses}}}")), expected);
    }
}

#[test]
fn principals_are_named_in_full() {
    for (kind, name) in [
        ("AWS", "arn:aws:iam::111111111111:user/*"),
        ("AWS", "arn:aws:iam::111111111111:role/a?"),
        ("AWS", "arn:aws:iam::*:root"),
        ("AWS", "arn:aws:iam::11111111111:root"),
        ("AWS", "arn:aws:iam::111111111111:group/a"),
        ("AWS", "arn:aws:iam::111111111111:user/"),
        ("AWS", "arn:aws:iam::111111111111:policy/a"),
        ("AWS", "arn:aws:iam:us-east-1:111111111111:user/a"),
        ("AWS", "arn:aws:sts::111111111111:assumed-role/a"),
        ("AWS", "arn:aws:sts::111111111111:assumed-role/a/b/c"),
        ("AWS", "arn:aws:s3:::bucket"),
        ("AWS", "alice"),
        ("AWS", ""),
        ("AWS", "1111"),
        ("AWS", "AIDASHORT"),
        ("SERVICE", "sns"),
        ("SERVICE", "ecs.amazon.com"),
        ("SERVICE", "s*.amazonaws.com"),
        ("SERVICE", ""),
        ("CANONICAL", "79a59df900b9"),
    ] {
        let element = match kind {
            "AWS" => "AWS",
            "SERVICE" => "Service",
            _ => "CanonicalUser",
        };
        let text = policy(&format!(
            r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {{"{element}": "{name}"}}}}"#
        ));
        let expected = format!(r#"Invalid principal in policy: "{kind}":"{name}""#);
        check(Kind::Trust, &text, &expected);
        check(Kind::Resource, &text, &expected);
    }
    for name in [
        "arn:aws:iam::111111111111:user/a b",
        "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1",
        "arn:aws-cn:iam::111111111111:root",
        "AIDAJQABLZS4A3QDU576Q",
    ] {
        let text =
            policy(&format!(r#"{{"Effect": "Allow", "Action": "*", "Principal": {{"AWS": "{name}"}}}}"#));
        check(Kind::Resource, &text, "");
    }
}

#[test]
fn resource_policies_say_who_and_may_leave_out_what() {
    for (clauses, expected) in [
        (r#""Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Principal": "*""#, ""),
        (r#""Effect": "Allow", "Action": "ecr:*", "Principal": "*""#, ""),
        (
            r#""Effect": "Deny", "Action": "sqs:*", "Resource": "*", "NotPrincipal": {"AWS": "111111111111"}"#,
            "",
        ),
        (r#""Effect": "Allow", "Action": "sqs:*", "Resource": "*""#, "Missing required field Principal"),
        (r#""Effect": "Allow", "Principal": "*", "Resource": "*""#, "Missing required field Action"),
        (r#""Effect": "Allow", "Action": "sqs:*", "Principal": "*", "NotPrincipal": "*""#, SYNTAX),
    ] {
        check(Kind::Resource, &policy(&format!("{{{clauses}}}")), expected);
    }
}

#[test]
fn organization_policies_limit_and_name_nobody_in_particular() {
    for (kind, clauses, holds) in [
        (Kind::ServiceControl, r#""Effect": "Allow", "Action": "*", "Resource": "*""#, true),
        (Kind::ServiceControl, r#""Effect": "Deny", "NotAction": "iam:*", "Resource": "*""#, true),
        (
            Kind::ServiceControl,
            r#""Effect": "Deny", "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:*:a""#,
            true,
        ),
        (Kind::ServiceControl, r#""Effect": "Deny", "Action": "sqs:*""#, false),
        (Kind::ServiceControl, r#""Effect": "Deny", "Resource": "*""#, false),
        (
            Kind::ServiceControl,
            r#""Effect": "Deny", "Action": "*", "Resource": "*", "Principal": "*""#,
            false,
        ),
        (
            Kind::ServiceControl,
            r#""Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": "*""#,
            false,
        ),
        (
            Kind::ResourceControl,
            r#""Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*""#,
            true,
        ),
        (
            Kind::ResourceControl,
            r#""Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*""#,
            true,
        ),
        (
            Kind::ResourceControl,
            r#""Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*""#,
            false,
        ),
        (
            Kind::ResourceControl,
            r#""Effect": "Deny", "NotAction": "s3:*", "Resource": "*", "Principal": "*""#,
            false,
        ),
        (
            Kind::ResourceControl,
            r#""Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": {"AWS": "*"}"#,
            false,
        ),
        (Kind::ResourceControl, r#""Effect": "Deny", "Action": "s3:*", "Resource": "*""#, false),
    ] {
        let text = policy(&format!("{{{clauses}}}"));
        check(kind, &text, if holds { "" } else { NOT_OF_TYPE });
        check(kind, &text.replace("2012-10-17", "2008-10-17"), NOT_OF_TYPE);
    }
}

#[test]
fn depth_and_length_and_number_are_limited() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    check(Kind::Identity, &deep, SYNTAX);
    let deep = format!(r#"{{"Statement": {}{}}}"#, "[".repeat(60), "]".repeat(60));
    check(Kind::Identity, &deep, SYNTAX);
    let statement = r#"{"Effect":"Allow","Action":"a:b","Resource":"*"}"#;
    let many = |count: usize| format!(r#"{{"Statement":[{}]}}"#, vec![statement; count].join(","));
    check(Kind::Identity, &many(2000), "");
    check(Kind::Identity, &many(5000), SYNTAX);
}
