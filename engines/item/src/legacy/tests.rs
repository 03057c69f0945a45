//! The older parameters by example.

use std::collections::BTreeMap;

use super::*;
use crate::expression::{KeyPart, KeySchema};
use crate::keys::RangeCondition;
use crate::value::{Item, Value, ValueType};

fn number(value: u64) -> Value {
    Value::Number(value.into())
}

fn set(members: &[&str]) -> Value {
    Value::StringSet(members.iter().map(|member| String::from(*member)).collect())
}

fn by_name<T>(entries: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, T> {
    entries.into_iter().map(|(name, entry)| (String::from(name), entry)).collect()
}

fn sample() -> Item {
    by_name([("a", number(1)), ("s", "hello".into()), ("set", set(&["x", "y"]))])
}

fn compared(code: &str, values: &[Value]) -> Filter {
    Filter { comparison: Comparison::from_code(code).expect("a code"), values: values.to_vec() }
}

#[test]
fn every_operator_is_true_or_false() {
    let check = |name: &'static str, code: &str, values: &[Value], expected: bool| {
        let condition = filter(&by_name([(name, compared(code, values))]), ConditionalOperator::And);
        let condition = condition.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(condition.evaluate(&sample()), expected, "{name} {code} {values:?}");
    };
    check("a", "EQ", &[number(1)], true);
    check("a", "EQ", &["1".into()], false);
    check("a", "NE", &[number(2)], true);
    check("b", "NE", &[number(2)], true);
    check("a", "LT", &[number(2)], true);
    check("a", "LE", &[number(1)], true);
    check("a", "GT", &[number(1)], false);
    check("a", "GE", &["0".into()], false);
    check("a", "BETWEEN", &[number(0), number(1)], true);
    check("a", "IN", &[number(5), number(1)], true);
    check("s", "BEGINS_WITH", &["he".into()], true);
    check("s", "CONTAINS", &["ell".into()], true);
    check("set", "CONTAINS", &["x".into()], true);
    check("s", "NOT_CONTAINS", &["ell".into()], false);
    check("b", "NOT_CONTAINS", &["ell".into()], false);
    check("a", "NOT_CONTAINS", &["ell".into()], true);
    check("a", "NULL", &[], false);
    check("b", "NULL", &[], true);
    check("a", "NOT_NULL", &[], true);
    check("set", "EQ", &[set(&["y", "x"])], true);
}

#[test]
fn conditions_are_joined() {
    let filters = by_name([("a", compared("EQ", &[number(1)])), ("s", compared("EQ", &["no".into()]))]);
    let check = |operator| filter(&filters, operator).expect("a filter").evaluate(&sample());
    assert!(!check(ConditionalOperator::And));
    assert!(check(ConditionalOperator::Or));
}

#[test]
fn expected_values_and_their_mistakes() {
    let check = |one: Expected| expected(&by_name([("a", one)]), ConditionalOperator::And);
    let value = Some(number(1));
    let holds = |one: Expected| check(one).expect("a condition").evaluate(&sample());
    assert!(holds(Expected { value: value.clone(), ..Expected::default() }));
    assert!(holds(Expected { value: value.clone(), exists: Some(true), ..Expected::default() }));
    assert!(!holds(Expected { exists: Some(false), ..Expected::default() }));
    let equal = Some(Comparison::Equal);
    assert!(holds(Expected { comparison: equal, value: value.clone(), ..Expected::default() }));
    assert!(holds(Expected { comparison: equal, values: Some(vec![number(1)]), ..Expected::default() }));

    let refused = |one: Expected, message: &str| {
        let found = check(one).expect_err(message).message;
        assert_eq!(found, format!("One or more parameter values were invalid: {message}"));
    };
    refused(Expected::default(), "Value must be provided when Exists is null for Attribute: a");
    refused(
        Expected { exists: Some(true), ..Expected::default() },
        "Value must be provided when Exists is true for Attribute: a",
    );
    refused(
        Expected { exists: Some(false), value: value.clone(), ..Expected::default() },
        "Value cannot be used when Exists is false for Attribute: a",
    );
    refused(
        Expected { comparison: equal, exists: Some(true), values: Some(vec![]), ..Expected::default() },
        "Exists and ComparisonOperator cannot be used together for Attribute: a",
    );
    refused(
        Expected { comparison: equal, value: value.clone(), values: Some(vec![]), ..Expected::default() },
        "Value and AttributeValueList cannot be used together for Attribute: a",
    );
    refused(
        Expected { values: Some(vec![number(1)]), ..Expected::default() },
        "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
    );
    refused(
        Expected { comparison: equal, ..Expected::default() },
        "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
    );
}

#[test]
fn operators_take_so_many_values_of_such_types() {
    let check = |code: &str, values: &[Value], message: &str| {
        let found = filter(&by_name([("a", compared(code, values))]), ConditionalOperator::And);
        assert_eq!(found.expect_err(message).message, message, "{code}");
    };
    let invalid = "One or more parameter values were invalid: ";
    let count =
        |code: &str| format!("{invalid}Invalid number of argument(s) for the {code} ComparisonOperator");
    check("EQ", &[], &count("EQ"));
    check("NULL", &[number(1)], &count("NULL"));
    check("BETWEEN", &[number(1)], &count("BETWEEN"));
    check("IN", &[], &count("IN"));
    let mixed = format!("{invalid}AttributeValues inside AttributeValueList must be of same type");
    check("IN", &[number(1), "x".into()], &mixed);
    let wrong = format!("{invalid}ComparisonOperator LT is not valid for SS AttributeValue type");
    check("LT", &[set(&["x"])], &wrong);
    let wrong = format!("{invalid}ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type");
    check("BEGINS_WITH", &[number(1)], &wrong);
    check(
        "BETWEEN",
        &[number(2), number(1)],
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
    );
}

#[test]
fn key_conditions_are_of_the_key() {
    let hash = [KeyPart { name: "pk", value_type: ValueType::String }];
    let range = [KeyPart { name: "sk", value_type: ValueType::Number }];
    let schema = KeySchema { hash: &hash, range: &range };
    let check = |entries: &[(&'static str, Filter)]| {
        KeyConditions::new(by_name(entries.iter().cloned())).and_then(|conditions| conditions.check(schema))
    };
    let pk = ("pk", compared("EQ", &["p".into()]));
    let found = check(&[pk.clone(), ("sk", compared("GE", &[number(3)]))]).expect("a selection");
    assert_eq!(found.hash, ["p".into()]);
    assert_eq!(found.range, Some(RangeCondition::GreaterOrEqual(number(3))));

    let refused = |entries: &[(&'static str, Filter)], message: &str| {
        assert_eq!(check(entries).expect_err(message).message, message);
    };
    let one = [number(1)];
    refused(&[("sk", compared("EQ", &one))], "Query condition missed key schema element: pk");
    refused(&[pk.clone(), ("x", compared("EQ", &one))], "Query condition missed key schema element: sk");
    let not_indexable = "Attempted conditional constraint is not an indexable operation";
    refused(&[("pk", compared("NE", &["p".into()]))], not_indexable);
    refused(&[pk.clone(), ("sk", compared("IN", &one))], not_indexable);
    refused(&[("pk", compared("LT", &["p".into()]))], "Query key condition not supported");
    refused(
        &[("pk", compared("EQ", &one))],
        "One or more parameter values were invalid: Condition parameter type does not match schema type",
    );
    refused(
        &[pk, ("sk", compared("EQ", &one)), ("x", compared("EQ", &one))],
        "Conditions can be of length 1 or 2 only",
    );
}

#[test]
fn attribute_updates_change_the_item() {
    let check = |action: &str, value: Option<Value>, before: Option<Value>, after: Option<Value>| {
        let action = AttributeAction::from_code(action).expect("an action");
        let update =
            attribute_updates(&by_name([("v", AttributeUpdate { action, value })])).expect("an update");
        let item: Item = before.into_iter().map(|value| (String::from("v"), value)).collect();
        let found = update.apply(&item).expect("it fits");
        assert_eq!(found.get("v").cloned(), after);
    };
    let list = |values: &[u64]| Value::List(values.iter().map(|value| number(*value)).collect());
    check("PUT", Some(number(1)), Some("x".into()), Some(number(1)));
    check("DELETE", None, Some(number(1)), None);
    check("ADD", Some(number(2)), Some(number(1)), Some(number(3)));
    check("ADD", Some(number(2)), None, Some(number(2)));
    check("ADD", Some(list(&[2])), Some(list(&[1])), Some(list(&[1, 2])));
    check("ADD", Some(list(&[2])), None, Some(list(&[2])));
    check("ADD", Some(set(&["b"])), Some(set(&["a"])), Some(set(&["a", "b"])));
    check("DELETE", Some(set(&["a"])), Some(set(&["a"])), None);
}

#[test]
fn attribute_updates_that_are_none() {
    let check = |action, value: Option<Value>, message: &str| {
        let found = attribute_updates(&by_name([("v", AttributeUpdate { action, value })]));
        let expected = format!("One or more parameter values were invalid: {message}");
        assert_eq!(found.expect_err(message).message, expected);
    };
    check(AttributeAction::Put, None, "Only DELETE action is allowed when no attribute value is specified");
    check(AttributeAction::Add, Some("x".into()), "ADD action is not supported for the type S");
    let deleted = "DELETE action with value is not supported for the type N";
    check(AttributeAction::Delete, Some(number(1)), deleted);

    let update = AttributeUpdate { action: AttributeAction::Add, value: Some(number(1)) };
    let update = attribute_updates(&by_name([("s", update)])).expect("an update");
    let error = update.apply(&sample()).expect_err("a text is no number");
    assert_eq!(in_legacy_words(error).message, "Type mismatch for attribute to update");
}

#[test]
fn old_and_new_parameters_do_not_mix() {
    assert!(check_mixture(&[("Expected", true)], &[("ConditionExpression", false)]).is_ok());
    let error = check_mixture(
        &[("AttributeUpdates", true), ("Expected", true)],
        &[("UpdateExpression", true), ("ConditionExpression", false)],
    );
    assert_eq!(
        error.expect_err("both kinds").message,
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
         {AttributeUpdates, Expected} Expression parameters: {UpdateExpression}"
    );
    assert!(check_conditional_operator(None, Some(1)).is_ok());
    let and = Some(ConditionalOperator::And);
    assert!(check_conditional_operator(and, Some(2)).is_ok());
    assert!(check_conditional_operator(and, Some(1)).is_err());
    assert!(check_conditional_operator(and, None).is_err());
}

#[test]
fn attributes_to_get_are_each_named_once() {
    let names = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
    let found = attributes_to_get(&names(&["a", "none"])).expect("a projection").apply(&sample());
    assert_eq!(found, by_name([("a", number(1))]));
    let error = attributes_to_get(&names(&["a", "b", "a"])).expect_err("one is named twice");
    assert_eq!(
        error.message,
        "One or more parameter values were invalid: Duplicate value in attribute name: a"
    );
}
