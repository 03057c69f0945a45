//! Key conditions: what they select, and what cannot be one.

use fogbank_item::ValueType;
use fogbank_item::expression::{KeyCondition, KeyPart, KeySchema, KeySelection};
use fogbank_item::keys::RangeCondition;

use crate::support::{b, message, n, placeholders, s, usual};

const HASH: KeyPart<'_> = KeyPart { name: "id", value_type: ValueType::String };
const RANGE: KeyPart<'_> = KeyPart { name: "ts", value_type: ValueType::Number };
const TEXT_RANGE: KeyPart<'_> = KeyPart { name: "ts", value_type: ValueType::String };

fn select(text: &str, hash: &[KeyPart<'_>], range: &[KeyPart<'_>]) -> Result<KeySelection, String> {
    let schema = KeySchema { hash, range };
    let parsed = KeyCondition::parse(text, &mut usual());
    parsed.and_then(|condition| condition.check(schema)).map_err(|error| error.message)
}

#[test]
fn the_key_is_selected() {
    let check = |text: &str, range: Option<RangeCondition>| {
        let expected = KeySelection { hash: vec![s("abc")], equal: Vec::new(), range };
        assert_eq!(select(text, &[HASH], &[RANGE]), Ok(expected), "{text}");
    };
    check("id = :s", None);
    check("(id = :s)", None);
    check(":s = id", None);
    check("id = :s AND ts = :n", Some(RangeCondition::Equal(n("5"))));
    check("ts > :n AND id = :s", Some(RangeCondition::Greater(n("5"))));
    check("(id = :s) and (ts < :n)", Some(RangeCondition::Less(n("5"))));
    check("(id = :s and :n <= ts)", Some(RangeCondition::GreaterOrEqual(n("5"))));
    check("id = :s and :n > ts", Some(RangeCondition::Less(n("5"))));
    check("id = :s and ts <= :n", Some(RangeCondition::LessOrEqual(n("5"))));
    check("id = :s and ts between :n and :m", Some(RangeCondition::Between(n("5"), n("7"))));
    assert_eq!(
        select("id = :s and begins_with(ts, :t)", &[HASH], &[TEXT_RANGE]).unwrap().range,
        Some(RangeCondition::BeginsWith(s("b")))
    );
    assert_eq!(select("id = :s", &[HASH], &[]).unwrap().range, None);
}

#[test]
fn keys_of_several_attributes_take_the_first_ones() {
    let part = |name| KeyPart { name, value_type: ValueType::String };
    let schema = (&[part("h1"), part("h2")][..], &[part("r1"), part("r2"), part("r3")][..]);
    let check = |text: &str| select(text, schema.0, schema.1);
    let found = check("h1 = :s AND h2 = :t AND r1 = :s AND begins_with(r2, :t)").unwrap();
    assert_eq!(found.hash, [s("abc"), s("b")]);
    assert_eq!(found.equal, [s("abc")]);
    assert_eq!(found.range, Some(RangeCondition::BeginsWith(s("b"))));
    assert!(check("h1 = :s AND h2 = :t").is_ok());
    assert_eq!(check("h1 = :s"), Err("Query condition missed key schema element: h2".to_owned()));
    assert_eq!(
        check("h1 = :s AND h2 = :t AND r2 = :s"),
        Err("Query condition missed key schema element: r1".to_owned())
    );
    assert_eq!(
        check("h1 = :s AND h2 = :t AND r1 > :s AND r2 = :s"),
        Err("Query key condition not supported".to_owned())
    );
}

#[test]
fn what_is_no_key_condition_is_refused() {
    for (text, expected) in [
        ("id = :s OR ts = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT id = :s", "Invalid operator used in KeyConditionExpression: NOT"),
        ("id IN (:s)", "Invalid operator used in KeyConditionExpression: IN"),
        ("id <> :s", "Invalid operator used in KeyConditionExpression: <>"),
        ("attribute_exists(id)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("attribute_not_exists(id)", "Invalid operator used in KeyConditionExpression: attribute_not_exists"),
        ("attribute_type(id, :S)", "Invalid operator used in KeyConditionExpression: attribute_type"),
        ("contains(id, :s)", "Invalid operator used in KeyConditionExpression: contains"),
        ("size(id) = :n", "KeyConditionExpressions cannot contain nested operations"),
        ("id = size(ts)", "KeyConditionExpressions cannot contain nested operations"),
        (":s = :t", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        (
            "id = ts",
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        (
            ":s between id and ts",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its \
             first operand",
        ),
        (
            "begins_with(:s, id)",
            "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its \
             first operand",
        ),
        (
            "id.x = :s",
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        (
            "id = :s AND ts > :n AND ts < :m",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ),
        ("((id = :s))", "Invalid KeyConditionExpression: The expression has redundant parentheses;"),
        ("id = ", "Invalid KeyConditionExpression: Syntax error; token: \"<EOF>\", near: \"= \""),
    ] {
        assert_eq!(message(KeyCondition::parse(text, &mut usual())), expected, "{text}");
    }
}

#[test]
fn conditions_that_are_not_the_keys_are_refused() {
    let check = |text: &str, expected: &str| {
        assert_eq!(select(text, &[HASH], &[RANGE]), Err(expected.to_owned()), "{text}");
    };
    const TYPE: &str =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    check("ts = :n", "Query condition missed key schema element: id");
    check("extra = :s", "Query condition missed key schema element: id");
    check("id = :s AND extra = :n", "Query condition missed key schema element: ts");
    check("id = :s AND ts = :n AND extra = :n", "Conditions can be of length 1 or 2 only");
    check("id > :s", "Query key condition not supported");
    check("id = :n", TYPE);
    check("id = :s AND ts = :s", TYPE);
    check(
        "id = :empty",
        "One or more parameter values are not valid. The AttributeValue for a key attribute \
           cannot contain an empty string value. Key: id",
    );
    assert_eq!(
        select("id = :s AND ts = :n", &[HASH], &[]),
        Err("Query key condition not supported".to_owned())
    );
}

#[test]
fn keys_that_are_too_long_are_refused() {
    let check = |hash: &str, range: &str| {
        let mut values = placeholders([], [(":h", s(hash)), (":r", s(range)), (":b", b(&[]))]);
        let schema = KeySchema { hash: &[HASH], range: &[TEXT_RANGE] };
        message(KeyCondition::parse("id = :h AND ts = :r", &mut values).unwrap().check(schema))
    };
    assert_eq!(check(&"x".repeat(2048), &"x".repeat(1024)), "accepted");
    assert_eq!(
        check(&"x".repeat(2049), "x"),
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    );
    assert_eq!(
        check("x", &"x".repeat(1025)),
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit \
         of 1024 bytes"
    );
}
