//! Statements by example: what they mean, and how what is none is refused.

use std::collections::BTreeMap;

use super::*;
use crate::expression::{KeyPart, KeySchema};
use crate::keys::RangeCondition;
use crate::number::Number;
use crate::value::{Item, Value, ValueType};

const MALFORMED: &str = "Statement wasn't well formed, can't be processed: ";

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).expect("a number"))
}

fn item(entries: &[(&str, Value)]) -> Item {
    entries.iter().map(|(name, value)| (String::from(*name), value.clone())).collect()
}

fn parsed(statement: &str) -> Statement {
    parse(statement, &[]).unwrap_or_else(|error| panic!("{statement}: {error}"))
}

fn select(statement: &str) -> Select {
    match parsed(statement) {
        Statement::Select(select) => select,
        other => panic!("{statement} is {other:?}"),
    }
}

fn holds(condition: &str, of: &Item) -> bool {
    let select = select(&format!("SELECT * FROM t WHERE {condition}"));
    select.condition.expect("WHERE is a condition").evaluate(of)
}

const HASH: [KeyPart<'static>; 1] = [KeyPart { name: "pk", value_type: ValueType::String }];
const RANGE: [KeyPart<'static>; 1] = [KeyPart { name: "sk", value_type: ValueType::Number }];
const SCHEMA: KeySchema<'static> = KeySchema { hash: &HASH, range: &RANGE };

fn sample() -> Item {
    let inner = BTreeMap::from([(String::from("b"), Value::List(vec![number("1"), "two".into()]))]);
    item(&[
        ("pk", "p".into()),
        ("sk", number("7")),
        ("text", "hello".into()),
        ("yes", true.into()),
        ("void", Value::Null),
        ("a", Value::Map(inner)),
        ("tags", Value::StringSet(["x".into(), "y".into()].into())),
    ])
}

#[test]
fn conditions_are_those_of_expressions() {
    let check = |condition: &str, expected: bool| {
        assert_eq!(holds(condition, &sample()), expected, "{condition}");
    };
    check("text = 'hello'", true);
    check("text != 'hello'", false);
    check("text <> 'x' and sk > 6", true);
    check("sk BETWEEN 1 AND 7 AND text = 'hello'", true);
    check("sk NOT BETWEEN 1 AND 7", false);
    check("sk IN [1, 7]", true);
    check("sk IN (1, 7)", true);
    check("sk NOT IN (8)", true);
    check("NOT sk = 7 OR yes = true", true);
    check("a.b[1] = 'two'", true);
    check("a.\"b\"[0] = 2 - 1", true);
    check("sk = -7", false);
    check("-7 < sk", true);
    check("contains(tags, 'x')", true);
    check("begins_with(text, 'he')", true);
    check("BEGINS_WITH(text, 'lo')", false);
    check("attribute_type(a, 'M')", true);
    check("size(text) = 5", true);
    check("missing1 IS MISSING", true);
    check("text IS NOT MISSING", true);
    check("void IS NULL", true);
    check("void = null", true);
    check("text IS STRING AND sk IS INTEGER AND yes IS BOOLEAN AND a IS STRUCT AND tags IS BAG", true);
    check("text = 'a''b'", false);
    check("tags = <<'y', 'x'>>", true);
    check("a = {'b': [1, 'two']}", true);
}

#[test]
fn precedence_is_that_of_sql() {
    assert!(holds("text = 'x' AND sk = 7 OR yes = true", &sample()));
    assert!(!holds("text = 'x' AND (sk = 7 OR yes = true)", &sample()));
    assert!(holds("NOT text = 'x' AND sk = 7", &sample()));
}

#[test]
fn columns_are_called_by_their_last_name() {
    let select = select("SELECT text, a.b[1], a.b, none FROM \"t\".\"i\"");
    assert_eq!((select.table.as_str(), select.index.as_deref()), ("t", Some("i")));
    let shown = select.columns.apply(sample());
    assert_eq!(shown.keys().map(String::as_str).collect::<Vec<_>>(), ["b", "b[1]", "text"]);
    assert_eq!(shown["b[1]"], "two".into());
}

#[test]
fn parameters_take_their_places_in_order() {
    let statement = "UPDATE t SET a = ?, b = [?] WHERE pk = ? AND sk = 1";
    let parameters = ["one".into(), "two".into(), "three".into()];
    let Ok(Statement::Update(update)) = parse(statement, &parameters) else { panic!("an update") };
    let after = update.update.apply(&Item::new()).expect("it fits");
    assert_eq!(after, item(&[("a", "one".into()), ("b", Value::List(vec!["two".into()]))]));
    let key = primary_key(Some(&update.condition), SCHEMA).expect("a key");
    assert_eq!(key, item(&[("pk", "three".into()), ("sk", number("1"))]));
    for wrong in [&parameters[..2], &[parameters.as_slice(), &parameters].concat()] {
        let refused = parse(statement, wrong).expect_err("the count is wrong").message;
        assert_eq!(refused, "Number of parameters in request and statement don't match.");
    }
}

#[test]
fn an_insert_holds_every_literal() {
    let Statement::Insert(insert) = parsed(
        "INSERT INTO \"t\" value {'s': 'x', 'n': -1.50e1, 'b': TRUE, 'z': null, 'l': [], 'm': {'': 1}, 'ss': <<'a'>>, \
         'ns': <<2, 1>>}",
    ) else {
        panic!("an insert")
    };
    let expected = item(&[
        ("s", "x".into()),
        ("n", number("-15")),
        ("b", true.into()),
        ("z", Value::Null),
        ("l", Value::List(Vec::new())),
        ("m", Value::Map(BTreeMap::from([(String::new(), number("1"))]))),
        ("ss", Value::StringSet(["a".into()].into())),
        ("ns", Value::NumberSet([1_u64.into(), 2_u64.into()].into())),
    ]);
    assert_eq!((insert.table.as_str(), insert.item), ("t", expected));
}

#[test]
fn updates_are_those_of_expressions() {
    let before = item(&[
        ("n", number("1")),
        ("l", Value::List(vec![number("1"), number("2")])),
        ("s", Value::StringSet(["a".into(), "b".into()].into())),
    ]);
    let check = |changes: &str, name: &str, expected: Option<Value>| {
        let statement = format!("UPDATE t {changes} WHERE pk = 'p'");
        let Statement::Update(update) = parsed(&statement) else { panic!("an update") };
        let after = update.update.apply(&before).unwrap_or_else(|error| panic!("{changes}: {error}"));
        assert_eq!(after.get(name).cloned(), expected, "{changes}");
    };
    check("SET n = n + 2 - 1", "n", Some(number("2")));
    check("SET n = 1 + 1", "n", Some(number("2")));
    check("SET m = n", "m", Some(number("1")));
    check("SET l = LIST_APPEND(l, [3])", "l", Some(Value::List(vec![number("1"), number("2"), number("3")])));
    check("REMOVE l[0] REMOVE n", "l", Some(Value::List(vec![number("2")])));
    check("REMOVE n SET m = 1", "n", None);
    check(
        "SET s = set_add(s, <<'c'>>)",
        "s",
        Some(Value::StringSet(["a".into(), "b".into(), "c".into()].into())),
    );
    check("SET s = set_delete(s, <<'a', 'b'>>)", "s", None);
}

#[test]
fn returning_is_of_updates_and_partly_of_deletes() {
    let returning =
        |clause: &str| match parsed(&format!("UPDATE t SET a = 1 WHERE pk = 'p' RETURNING {clause}")) {
            Statement::Update(update) => update.returning.expect("it returns"),
            other => panic!("{other:?}"),
        };
    assert_eq!(returning("ALL OLD *"), Returning::AllOld);
    assert_eq!(returning("modified new *"), Returning::ModifiedNew);
    let Statement::Delete(delete) = parsed("DELETE FROM t WHERE pk = 'p' RETURNING ALL OLD *") else {
        panic!("a delete")
    };
    assert!(delete.returning);
    parse("DELETE FROM t WHERE pk = 'p' RETURNING ALL NEW *", &[]).expect_err("there is nothing new");
}

#[test]
fn keys_decide_what_is_read() {
    let check = |condition: &str, expected: Option<(&[&str], Option<RangeCondition>)>| {
        let select = select(&format!("SELECT * FROM t WHERE {condition}"));
        let found = access(&select, SCHEMA).unwrap_or_else(|error| panic!("{condition}: {error}"));
        match (found, expected) {
            (Access::Scan, None) => {}
            (Access::Partitions { selections, forward: true }, Some((hashes, range))) => {
                let found: Vec<&Value> = selections.iter().map(|selection| &selection.hash[0]).collect();
                let hashes: Vec<Value> = hashes.iter().map(|hash| Value::from(*hash)).collect();
                assert_eq!(found, hashes.iter().collect::<Vec<_>>(), "{condition}");
                assert!(selections.iter().all(|selection| selection.range == range), "{condition}");
            }
            (found, _) => panic!("{condition}: {found:?}"),
        }
    };
    check("pk = 'a'", Some((&["a"], None)));
    check("'a' = pk AND sk = 1", Some((&["a"], Some(RangeCondition::Equal(number("1"))))));
    check("pk = 'a' AND other = 1 AND 5 > sk", Some((&["a"], Some(RangeCondition::Less(number("5"))))));
    check("pk IN ['a', 'b', 'a']", Some((&["a", "b"], None)));
    check("pk = 'a' OR pk = 'b'", Some((&["a", "b"], None)));
    check("(pk = 'a' OR pk = 'b') AND pk <> 'x' AND pk IN ('b')", Some((&["b"], None)));
    check("pk = 'a' AND sk = 'text'", Some((&["a"], None)));
    check("pk = 'a' OR other = 1", None);
    check("pk > 'a'", None);
    check("NOT pk = 'a'", None);
    check("pk.within = 'a'", None);
}

#[test]
fn order_is_of_keys() {
    let check = |clauses: &str| access(&select(&format!("SELECT * FROM t {clauses}")), SCHEMA);
    let Ok(Access::Partitions { forward, .. }) = check("WHERE pk = 'a' ORDER BY sk DESC") else { panic!() };
    assert!(!forward);
    let Ok(Access::Partitions { selections, forward: true }) =
        check("WHERE pk IN ['a','c','b'] ORDER BY pk DESC, sk")
    else {
        panic!()
    };
    let hashes: Vec<Value> = selections.into_iter().flat_map(|selection| selection.hash).collect();
    assert_eq!(hashes, ["c", "b", "a"].map(Value::from));
    let refused = |clauses: &str| check(clauses).expect_err("it is refused").message;
    assert!(refused("WHERE pk = 'a' ORDER BY other").starts_with("Variable reference other in ORDER BY"));
    assert!(refused("WHERE sk = 1 ORDER BY sk").starts_with("Must have at least one non-optional hash key"));
    assert!(refused("WHERE pk IN ['a', 'b'] ORDER BY sk").starts_with("Must have hash key in ORDER BY"));
}

#[test]
fn a_write_names_one_item() {
    let check = |condition: &str| {
        let Statement::Delete(delete) = parsed(&format!("DELETE FROM t WHERE {condition}")) else { panic!() };
        primary_key(Some(&delete.condition), SCHEMA).is_ok()
    };
    assert!(check("pk = 'a' AND sk = 1"));
    assert!(check("pk = 'a' AND (sk = 1 AND other > 2)"));
    assert!(check("pk IN ['a'] AND sk = 1"));
    assert!(!check("pk = 'a'"));
    assert!(!check("pk = 'a' AND sk > 1"));
    assert!(!check("pk IN ['a', 'b'] AND sk = 1"));
    assert!(!check("pk = 'a' OR sk = 1"));
}

#[test]
fn what_is_no_statement_is_refused_in_the_readers_words() {
    let check = |statement: &str, detail: &str| {
        let message = parse(statement, &[]).expect_err(statement).message;
        assert_eq!(message, format!("{MALFORMED}{detail}"), "{statement}");
    };
    check("UPDATE Payment-Table SET a = 1", "Expected data manipulation");
    check("HELLO", "Expected data manipulation");
    check("SELECTT * FROM t", "Expected data manipulation");
    check("INSERT INTO urls (key, secret) VALUES (1, 2)", "Unexpected keyword");
    check("INSERT urls VALUE {}", "Unexpected keyword");
    check("SELECT payload.size FROM t", "Invalid path dot component");
    check("SELECT * t", "Expected FROM after SELECT list");
    check("SELECT FROM t", "Expected data manipulation");
    check("DELETE t WHERE a = 1", "Expected FROM after DELETE");
    check("SELECT * FROM t WHERE a = 1 garbage", "Unexpected token after expression");
    check("SELECT * FROM t; SELECT 1", "Unexpected token after semicolon. (Only one query is allowed.)");
    check("SELECT * FROM t WHERE", "Unexpected term");
    check("SELECT * FROM t WHERE a =", "Missing right-hand side expression of infix operator");
    check("SELECT * FROM t WHERE a IN (1", "Expected RIGHT_PAREN");
    check("SELECT * FROM t WHERE a = [1", "Expected RIGHT_BRACKET");
    check("SELECT * FROM t WHERE a IS 5", "Expected type name");
    check("UPDATE t SET a 1", "Expected '='");
    check("UPDATE t SET 1 = a", "Expected identifier for simple path");
    check(
        "SELECT a, * FROM t",
        "Other expressions may not be present in the select list when '*' is used without dot notation.",
    );
}

#[test]
fn what_dynamodb_has_not_is_refused() {
    let check = |statement: &str, message: &str| {
        assert_eq!(parse(statement, &[]).expect_err(statement).message, message, "{statement}");
    };
    check("SELECT * FROM t LIMIT 1", "Unsupported clause: LIMIT at 1:17:5");
    check("SELECT * FROM t, u", "Unsupported clause: JOIN at 1:16:1");
    check("SELECT a FROM t GROUP BY a", "Unsupported clause: GROUP BY at 1:17:5");
    check("SELECT COUNT(*) FROM t", "Unsupported function in projection: count at 1:8:5");
    check("SELECT * FROM t WHERE a LIKE 'x'", "Unsupported operator: LIKE at 1:23:1");
    check(
        "SELECT * FROM t ORDER BY a",
        "Must have WHERE clause in the statement when using ORDER BY clause.",
    );
    check(
        "UPDATE t SET a = set_add(b, <<1>>) WHERE pk = 'x'",
        "The first argument to SET_ADD must equal the assignment value at 1:18:7",
    );
    check("UPDATE t SET a = 1", "Where clause does not contain a mandatory equality on all key attributes");
}

#[test]
fn nesting_and_length_do_not_exhaust_the_stack() {
    for (open, close) in [("(", ")"), ("[", "]"), ("NOT ", ""), ("-", ""), ("{'a':", "}")] {
        let statement = format!("SELECT * FROM t WHERE {}1{}", open.repeat(3000), close.repeat(3000));
        parse(&statement, &[]).expect_err("it is too deep");
    }
    let long = format!("SELECT * FROM t WHERE a = 1{}", " OR a = 1".repeat(900));
    assert!(parse(&long, &[]).is_ok());
    let sums = format!("SELECT * FROM t WHERE a = 1{}", " + 1".repeat(2000));
    parse(&sums, &[]).expect_err("it is too deep");
}
