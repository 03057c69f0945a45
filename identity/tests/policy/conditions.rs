//! `Condition`: every operator, its variants, missing keys and several values.

use super::context::{QUEUE, applies};

/// Whether `{operator: {"aws:k": values}}` holds for a request with these keys.
fn check(operator: &str, values: &str, keys: &[(&str, &str)], expected: bool) {
    let clauses =
        format!(r#""Action": "*", "Resource": "*", "Condition": {{"{operator}": {{"aws:K": {values}}}}}"#);
    assert_eq!(
        applies(&clauses, "sqs:SendMessage", QUEUE, keys),
        expected,
        "{operator} {values} of {keys:?}"
    );
}

/// For one value, with what the operator, and its negation, make of it.
fn check_both(operator: &str, negation: &str, values: &str, value: &str, expected: bool) {
    check(operator, values, &[("aws:k", value)], expected);
    check(negation, values, &[("aws:k", value)], !expected);
}

#[test]
fn strings_are_compared_as_they_are() {
    for (values, value, expected) in [
        (r#""a""#, "a", true),
        (r#""a""#, "A", false),
        (r#""a""#, "ab", false),
        (r#"["a", "b"]"#, "b", true),
        (r#"["a", "b"]"#, "c", false),
        (r#""a*""#, "ab", false),
        (r#""a*""#, "a*", true),
        (r#""a?""#, "a?", true),
        (r#""""#, "", true),
        (r#""""#, "a", false),
        (r#"true"#, "true", true),
        (r#"12"#, "12", true),
        (r#"[]"#, "a", false),
    ] {
        check_both("StringEquals", "StringNotEquals", values, value, expected);
    }
}

#[test]
fn strings_are_compared_without_case_where_asked() {
    for (values, value, expected) in [
        (r#""aBc""#, "AbC", true),
        (r#""straße""#, "STRAßE", true),
        (r#""ÄÖ""#, "äö", true),
        (r#""a""#, "b", false),
        (r#""a*""#, "AB", false),
        (r#"["a", "b"]"#, "B", true),
    ] {
        check_both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", values, value, expected);
    }
}

#[test]
fn strings_are_compared_with_wildcards_where_asked() {
    for (values, value, expected) in [
        (r#""a*""#, "abc", true),
        (r#""a*""#, "ABC", false),
        (r#""a?c""#, "abc", true),
        (r#""a?c""#, "ac", false),
        (r#""*c*""#, "abcd", true),
        (r#""*""#, "", true),
        (r#""?*""#, "", false),
        (r#""arn:aws:*:111""#, "arn:aws:x:y:111", true),
        (r#"["x*", "ab*"]"#, "abc", true),
        (r#""home/*""#, "home/a/b", true),
        (r#""a*b*c""#, "a-b-c", true),
        (r#""a*b*c""#, "a-c-b", false),
    ] {
        check_both("StringLike", "StringNotLike", values, value, expected);
    }
}

#[test]
fn numbers_are_compared_as_numbers() {
    for (operator, values, value, expected) in [
        ("NumericEquals", r#""10""#, "10", true),
        ("NumericEquals", r#""10""#, "10.0", true),
        ("NumericEquals", r#"10"#, "10", true),
        ("NumericEquals", r#"["9", "10"]"#, "10", true),
        ("NumericEquals", r#""10""#, "11", false),
        ("NumericEquals", r#""0.5""#, ".5", true),
        ("NumericNotEquals", r#""10""#, "11", true),
        ("NumericNotEquals", r#""10""#, "10", false),
        ("NumericNotEquals", r#"["10", "11"]"#, "11", false),
        ("NumericLessThan", r#""10""#, "9", true),
        ("NumericLessThan", r#""10""#, "10", false),
        ("NumericLessThan", r#""10""#, "-9", true),
        ("NumericLessThanEquals", r#""10""#, "10", true),
        ("NumericLessThanEquals", r#""10""#, "11", false),
        ("NumericGreaterThan", r#""10""#, "11", true),
        ("NumericGreaterThan", r#""10""#, "10", false),
        ("NumericGreaterThanEquals", r#""10""#, "10", true),
        ("NumericGreaterThanEquals", r#""10""#, "9", false),
        ("NumericEquals", r#""ten""#, "10", false),
        ("NumericEquals", r#""10""#, "ten", false),
        ("NumericEquals", r#""10""#, "", false),
        ("NumericLessThan", r#""10""#, "nan", false),
        ("NumericLessThan", r#""10""#, "-inf", false),
        ("NumericNotEquals", r#""10""#, "ten", true),
    ] {
        check(operator, values, &[("aws:k", value)], expected);
    }
}

#[test]
fn booleans_and_bytes_are_compared_as_such() {
    for (operator, values, value, expected) in [
        ("Bool", r#""true""#, "true", true),
        ("Bool", r#"true"#, "true", true),
        ("Bool", r#"false"#, "true", false),
        ("Bool", r#""True""#, "true", true),
        ("Bool", r#""false""#, "false", true),
        ("Bool", r#"["true", "false"]"#, "false", true),
        ("Bool", r#""yes""#, "yes", false),
        ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ5", true),
        ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ6", false),
        ("BinaryEquals", r#""???""#, "???", false),
        ("bool", r#""true""#, "true", true),
        ("STRINGEQUALS", r#""a""#, "a", true),
    ] {
        check(operator, values, &[("aws:k", value)], expected);
    }
}

/// The key is missing: an operator fails, its negation holds, `IfExists` holds, `ForAllValues` holds,
/// `ForAnyValue` fails.
#[test]
fn a_missing_key_fails_what_is_not_negated() {
    let families = [
        ("StringEquals", "StringNotEquals", r#""1""#),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", r#""1""#),
        ("StringLike", "StringNotLike", r#""*""#),
        ("NumericEquals", "NumericNotEquals", r#""1""#),
        ("DateEquals", "DateNotEquals", r#""2020-01-01""#),
        ("IpAddress", "NotIpAddress", r#""0.0.0.0/0""#),
        ("ArnEquals", "ArnNotEquals", r#""arn:aws:*:*:*:*""#),
        ("ArnLike", "ArnNotLike", r#""arn:aws:*:*:*:*""#),
    ];
    for (operator, negation, values) in families {
        for missing in [&[][..], &[("aws:k[]", "(none)")]] {
            check(operator, values, missing, false);
            check(negation, values, missing, true);
            for name in [operator, negation] {
                check(&format!("{name}IfExists"), values, missing, true);
                check(&format!("ForAllValues:{name}"), values, missing, true);
                check(&format!("ForAnyValue:{name}"), values, missing, false);
                check(&format!("ForAnyValue:{name}IfExists"), values, missing, true);
                check(&format!("ForAllValues:{name}IfExists"), values, missing, true);
            }
        }
    }
    for operator in ["NumericLessThan", "NumericGreaterThanEquals", "DateLessThan", "DateGreaterThan", "Bool"]
    {
        let values = if operator.starts_with("Date") { r#""2020-01-01""# } else { r#""1""# };
        check(operator, values, &[], false);
        check(&format!("{operator}IfExists"), values, &[], true);
    }
    check("BinaryEquals", r#""QQ==""#, &[], false);
}

#[test]
fn if_exists_compares_a_key_that_is_there() {
    for (operator, value, expected) in [
        ("StringEqualsIfExists", "a", true),
        ("StringEqualsIfExists", "b", false),
        ("StringNotEqualsIfExists", "a", false),
        ("StringNotEqualsIfExists", "b", true),
        ("StringLikeIfExists", "a", true),
        ("ForAnyValue:StringLikeIfExists", "b", false),
    ] {
        check(operator, r#""a""#, &[("aws:k", value)], expected);
    }
}

#[test]
fn null_asks_whether_the_key_is_there() {
    for (values, keys, expected) in [
        (r#""true""#, &[][..], true),
        (r#""true""#, &[("aws:k", "x")], false),
        (r#""false""#, &[], false),
        (r#""false""#, &[("aws:k", "x")], true),
        (r#"false"#, &[("aws:k", "x")], true),
        (r#"["true", "false"]"#, &[], true),
        (r#"["true", "false"]"#, &[("aws:k", "x")], true),
        (r#""true""#, &[("aws:k[]", "(none)")], true),
        (r#""false""#, &[("aws:k[]", "x")], true),
        (r#""maybe""#, &[], false),
    ] {
        check("Null", values, keys, expected);
    }
}

#[test]
fn set_operators_ask_for_all_or_for_any() {
    let ab = &[("aws:k", "a"), ("aws:k", "b")][..];
    let ax = &[("aws:k", "a"), ("aws:k", "x")][..];
    let xy = &[("aws:k", "x"), ("aws:k", "y")][..];
    let values = r#"["a", "b", "c"]"#;
    for (operator, keys, expected) in [
        ("ForAllValues:StringEquals", ab, true),
        ("ForAllValues:StringEquals", ax, false),
        ("ForAllValues:StringEquals", xy, false),
        ("ForAnyValue:StringEquals", ab, true),
        ("ForAnyValue:StringEquals", ax, true),
        ("ForAnyValue:StringEquals", xy, false),
        ("ForAllValues:StringNotEquals", ab, false),
        ("ForAllValues:StringNotEquals", ax, false),
        ("ForAllValues:StringNotEquals", xy, true),
        ("ForAnyValue:StringNotEquals", ab, false),
        ("ForAnyValue:StringNotEquals", ax, true),
        ("ForAnyValue:StringNotEquals", xy, true),
        ("ForAllValues:StringLike", ab, true),
        ("ForAnyValue:StringNotLike", ax, true),
        ("forallvalues:stringequals", ab, true),
        ("StringEquals", ab, true),
        ("StringEquals", ax, true),
        ("StringEquals", xy, false),
        ("StringNotEquals", ab, false),
        ("StringNotEquals", ax, false),
        ("StringNotEquals", xy, true),
    ] {
        check(operator, values, keys, expected);
    }
}

/// "Resolve to a null dataset, such as an empty string".
#[test]
fn set_operators_take_empty_values_for_none() {
    for keys in [&[("aws:k", "")][..], &[("aws:k", ""), ("aws:k", "")]] {
        check("ForAllValues:StringEquals", r#""a""#, keys, true);
        check("ForAllValues:StringNotEquals", r#""a""#, keys, true);
        check("ForAnyValue:StringEquals", r#""""#, keys, false);
        check("ForAnyValue:StringNotEquals", r#""a""#, keys, false);
    }
    check("StringEquals", r#""""#, &[("aws:k", "")], true);
}

#[test]
fn all_operators_and_all_keys_must_hold() {
    let clauses = r#""Action": "*", "Resource": "*", "Condition": {
        "StringEquals": {"aws:a": "1", "aws:b": ["2", "3"]},
        "StringLike": {"aws:c": "4*"},
        "Null": {"aws:d": true},
        "NoSuchOperator": {}
    }"#;
    for (keys, expected) in [
        (&[("aws:a", "1"), ("aws:b", "3"), ("aws:c", "45")][..], true),
        (&[("AWS:A", "1"), ("Aws:B", "2"), ("aws:c", "4")], true),
        (&[("aws:a", "1"), ("aws:b", "4"), ("aws:c", "45")], false),
        (&[("aws:a", "1"), ("aws:b", "3"), ("aws:c", "5")], false),
        (&[("aws:a", "1"), ("aws:b", "3"), ("aws:c", "45"), ("aws:d", "")], false),
        (&[("aws:b", "3"), ("aws:c", "45")], false),
        (&[], false),
    ] {
        assert_eq!(applies(clauses, "sqs:SendMessage", QUEUE, keys), expected, "{keys:?}");
    }
}

#[test]
fn arns_are_compared_part_by_part() {
    for (values, value, expected) in [
        (r#""arn:aws:sns:us-east-1:1:t""#, "arn:aws:sns:us-east-1:1:t", true),
        (r#""arn:aws:sns:us-east-1:1:t""#, "arn:aws:sns:us-east-1:1:T", false),
        (r#""arn:aws:sns:*:1:t""#, "arn:aws:sns:us-east-1:1:t", true),
        (r#""arn:aws:sns:*:*:*""#, "arn:aws:sns:us-east-1:1:a:b", true),
        (r#""arn:aws:sns:us-*:1:?""#, "arn:aws:sns:us-east-1:1:t", true),
        (r#""arn:aws:sns:*:t""#, "arn:aws:sns:us-east-1:1:t", false),
        (
            r#""arn:aws:someservice:*:111122223333:finance/*""#,
            "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            false,
        ),
        (r#""arn:aws:sns:us-east-1:1:a*d""#, "arn:aws:sns:us-east-1:1:a:b:d", true),
        (r#""arn:aws:sns:*""#, "arn:aws:sns:us-east-1:1:t", true),
        (r#""*""#, "arn:aws:sns:us-east-1:1:t", true),
        (r#""*""#, "no arn", false),
        (r#""arn:aws:sns""#, "arn:aws:sns", false),
        (r#"["arn:aws:x:::y", "arn:*:s3:::b"]"#, "arn:aws-cn:s3:::b", true),
        (r#""arn:aws:iam::1:role/*""#, "arn:aws:iam::1:role/a/b", true),
        (r#""arn:aws:iam::1:role/a""#, "arn:aws:iam::1:role/a/b", false),
    ] {
        check_both("ArnEquals", "ArnNotEquals", values, value, expected);
        check_both("ArnLike", "ArnNotLike", values, value, expected);
    }
}
