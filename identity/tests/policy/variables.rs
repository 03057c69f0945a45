//! `${…}` in resources and in conditions.

use super::context::{QUEUE, applies, decide, named};
use fogbank_identity::policy::{Kind, Layers};

const KEYS: &[(&str, &str)] = &[
    ("aws:username", "alice"),
    ("aws:PrincipalTag/team", "red*"),
    ("aws:PrincipalTag/Cost Center", "7"),
    ("aws:arn", "arn:aws:iam::1:user/a"),
    ("aws:TagKeys[]", "one"),
    ("aws:k", "alice"),
    ("aws:empty", ""),
];

fn resource(pattern: &str, name: &str, expected: bool) {
    let clauses = format!(r#""Action": "*", "Resource": "arn:aws:s3:::{pattern}""#);
    let name = format!("arn:aws:s3:::{name}");
    assert_eq!(applies(&clauses, "s3:GetObject", &name, KEYS), expected, "{pattern} of {name}");
}

fn condition(operator: &str, value: &str, request: &str, expected: bool) {
    let clauses = format!(
        r#""Action": "*", "Resource": "*", "Condition": {{"{operator}": {{"aws:tested": "{value}"}}}}"#
    );
    let keys: Vec<_> = KEYS.iter().copied().chain([("aws:tested", request)]).collect();
    assert_eq!(applies(&clauses, "s3:GetObject", QUEUE, &keys), expected, "{operator} {value} of {request}");
}

#[test]
fn variables_in_resources_stand_for_the_values_of_keys() {
    for (pattern, name, expected) in [
        ("home/${aws:username}", "home/alice", true),
        ("home/${aws:username}", "home/bob", false),
        ("home/${AWS:UserName}", "home/alice", true),
        ("home/${aws:username}/*", "home/alice/x/y", true),
        ("home/${aws:username}/*", "home/alice2/x", false),
        ("${aws:username}-${aws:username}", "alice-alice", true),
        ("*/${aws:username}", "x/alice", true),
        ("${aws:PrincipalTag/Cost Center}", "7", true),
        ("a${aws:empty}b", "ab", true),
    ] {
        resource(pattern, name, expected);
    }
}

#[test]
fn the_value_of_a_variable_is_no_pattern() {
    resource("${aws:PrincipalTag/team}", "red*", true);
    resource("${aws:PrincipalTag/team}", "redder", false);
    condition("StringLike", "${aws:PrincipalTag/team}", "redder", false);
    condition("StringLike", "${aws:PrincipalTag/team}", "red*", true);
    condition("StringLike", "${aws:PrincipalTag/team}*", "red*der", true);
}

#[test]
fn a_variable_without_one_value_matches_nothing() {
    resource("${aws:PrincipalTag/none}", "", false);
    resource("${aws:PrincipalTag/none}", "${aws:PrincipalTag/none}", false);
    resource("x*${aws:PrincipalTag/none}", "xy", false);
    resource("${aws:TagKeys}", "one", false);
    condition("StringEquals", "${aws:PrincipalTag/none}", "", false);
    condition("StringLike", "*${aws:PrincipalTag/none}", "x", false);
    condition("StringNotEquals", "${aws:PrincipalTag/none}", "x", true);
    condition("ArnLike", "${aws:PrincipalTag/none}", "arn:aws:s3:::x", false);
    condition("Bool", "${aws:PrincipalTag/none}", "true", false);
}

#[test]
fn a_default_stands_in_for_a_missing_key() {
    for (pattern, name, expected) in [
        ("${aws:PrincipalTag/none, 'open'}", "open", true),
        ("${aws:PrincipalTag/none,'open'}", "open", true),
        ("${aws:PrincipalTag/none, 'open'}", "closed", false),
        ("${aws:username, 'open'}", "alice", true),
        ("${aws:username, 'open'}", "open", false),
        ("${aws:PrincipalTag/none, ''}x", "x", true),
        ("${aws:PrincipalTag/none, 'a}b'}", "a}b", true),
        ("${aws:PrincipalTag/none, 'a*'}", "ab", false),
        ("${aws:PrincipalTag/none, 'a*'}", "a*", true),
        ("${aws:TagKeys, 'x'}", "x", false),
    ] {
        resource(pattern, name, expected);
    }
}

#[test]
fn characters_with_a_meaning_can_be_written_as_variables() {
    for (pattern, name, expected) in [
        ("a${*}b", "a*b", true),
        ("a${*}b", "axb", false),
        ("a${?}b", "a?b", true),
        ("a${?}b", "axb", false),
        ("a${$}{aws:username}", "a${aws:username}", true),
        ("${*}*", "*x", true),
        ("${*}*", "x", false),
    ] {
        resource(pattern, name, expected);
    }
    condition("StringEquals", "a${*}b", "a*b", true);
    condition("StringLike", "a${*}*", "a*b", true);
}

#[test]
fn what_only_looks_like_a_variable_is_text() {
    for text in ["$", "$$", "${", "${}", "${ }", "$aws:username", "{aws:username}", "${aws:username", "a$b"] {
        resource(text, text, true);
        condition("StringEquals", text, text, true);
    }
    resource("$${aws:username}", "$alice", true);
}

#[test]
fn strings_arns_and_booleans_take_variables() {
    for (operator, value, request, expected) in [
        ("StringEquals", "${aws:username}", "alice", true),
        ("StringEquals", "${aws:username}", "Alice", false),
        ("StringEqualsIgnoreCase", "${aws:username}", "ALICE", true),
        ("StringLike", "${aws:username}/*", "alice/x", true),
        ("StringNotLike", "${aws:username}/*", "alice/x", false),
        ("ArnEquals", "${aws:arn}", "arn:aws:iam::1:user/a", true),
        ("ArnLike", "arn:aws:s3:::${aws:username}*", "arn:aws:s3:::alice/x", true),
        ("ArnLike", "arn:aws:s3:::${aws:username}", "arn:aws:s3:::bob", false),
        ("Bool", "${aws:PrincipalTag/none, 'true'}", "true", true),
        ("NumericEquals", "${aws:PrincipalTag/Cost Center}", "7", false),
        ("DateEquals", "7", "7", true),
    ] {
        condition(operator, value, request, expected);
    }
}

#[test]
fn variables_came_with_the_version_of_2012() {
    for (version, is_variable) in
        [(r#""Version": "2012-10-17","#, true), (r#""Version": "2008-10-17","#, false), ("", false)]
    {
        let text = format!(
            r#"{{{version} "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${{aws:username}}"}}}}"#
        );
        let identity = [named(Kind::Identity, &text)];
        let layers = Layers { identity: &identity, ..Layers::default() };
        let allows = |name: &str| decide("user", "s3:GetObject", name, KEYS, &layers).allowed;
        assert_eq!(allows("arn:aws:s3:::alice"), is_variable, "{version}");
        assert_eq!(allows("arn:aws:s3:::${aws:username}"), !is_variable, "{version}");
    }
}
