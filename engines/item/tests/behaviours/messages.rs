//! DynamoDB's words for what is wrong with an expression, and which mistake is told first.

use std::collections::BTreeMap;

use fogbank_item::expression::{Condition, Kind, Placeholders, Projection, Update};

use crate::support::{condition, message, n, placeholders, s, update, usual};

fn check_condition(text: &str, expected: &str) {
    assert_eq!(message(condition(text)), format!("Invalid ConditionExpression: {expected}"), "{text}");
}

fn check_update(text: &str, expected: &str) {
    assert_eq!(message(update(text)), format!("Invalid UpdateExpression: {expected}"), "{text}");
}

fn check_projection(text: &str, expected: &str) {
    let found = message(Projection::parse(text, &mut usual()));
    assert_eq!(found, format!("Invalid ProjectionExpression: {expected}"), "{text}");
}

#[test]
fn a_syntax_error_shows_its_token_and_what_stands_around_it() {
    for (text, token, near) in [
        ("foo", "<EOF>", "foo"),
        ("a = ", "<EOF>", "= "),
        ("a == :s", "=", "== :s"),
        ("a = :s :t", ":t", ":s :t"),
        ("a = :s and", "<EOF>", "and"),
        ("= :s", "=", "= :s"),
        ("a : s", ":", "a : s"),
        ("a = !!", "!", "= !!"),
        ("_id = :s", "_", "_id"),
        ("a = 5", "5", "= 5"),
        ("a[01] = :s", "1", "01]"),
        ("a[-1] = :s", "-", "[-1"),
        ("a.[0] = :s", "[", ".[0"),
        ("a = :s)", ")", ":s)"),
        ("(a = :s", "<EOF>", ":s"),
        ("a in :s", ":s", "in :s"),
        ("a in ()", ")", "()"),
        ("a between :s or :t", "or", ":s or :t"),
        ("set = :s", "set", "set ="),
        ("a = :s + :s", "+", ":s + :s"),
        ("contains(a)(b)", "(", ")(b"),
        ("contains()", ")", "()"),
        ("é = :s", "é", "é ="),
    ] {
        let expected = format!("Syntax error; token: \"{token}\", near: \"{near}\"");
        check_condition(text, &expected);
    }
    for (text, token, near) in [
        ("INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        ("SET path = VALUE 1", "1", "VALUE 1"),
        ("ADD hits : incr", ":", "hits : incr"),
        ("SET a = :s,", "<EOF>", ","),
        ("SET a = a + a + a", "+", "a + a"),
        ("SET a :s", ":s", "a :s"),
        ("REMOVE :s", ":s", "REMOVE :s"),
        ("ADD a b", "b", "a b"),
        ("SET", "<EOF>", "SET"),
    ] {
        check_update(text, &format!("Syntax error; token: \"{token}\", near: \"{near}\""));
    }
    check_projection("(a)", "Syntax error; token: \"(\", near: \"(a\"");
    check_projection("a,,b", "Syntax error; token: \",\", near: \",,b\"");
    check_projection("a b", "Syntax error; token: \"b\", near: \"a b\"");
    check_projection("l[]", "Syntax error; token: \"]\", near: \"[]\"");
}

#[test]
fn sizes_and_counts_are_limited() {
    let long = format!("a = {}:s", " ".repeat(4096));
    check_condition("", "The expression can not be empty;");
    check_update("", "The expression can not be empty;");
    check_projection("", "The expression can not be empty;");
    check_condition(&long, "Expression size has exceeded the maximum allowed size;");
    assert_eq!(
        message(Condition::parse(Kind::Filter, &long, &mut usual())),
        "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; expression size: 4102"
    );
    let many = |count: usize| vec!["a=:s"; count].join(" or ");
    assert_eq!(message(condition(&many(150))), "accepted");
    check_condition(&many(151), "The expression contains too many operators; operator count: 301");
    check_condition(
        &format!("{} a = :s", "not ".repeat(301)),
        "The expression contains too many operators; operator count: 301",
    );
    let options = |count: usize| format!("a in ({})", vec![":s"; count].join(","));
    assert_eq!(message(condition(&options(100))), "accepted");
    check_condition(
        &options(101),
        "The IN operator is provided with too many operands; number of operands: 101",
    );
    let deep = |count: usize| format!("a{}", ".b".repeat(count - 1));
    assert_eq!(message(Projection::parse(&deep(32), &mut usual())), "accepted");
    check_projection(&deep(33), "The document path has too many nesting levels; nesting levels: 33");
    assert_eq!(message(Projection::parse("l[2147483647]", &mut usual())), "accepted");
    check_projection("l[2147483648]", "List index is not within the allowable range; index: [2147483648]");
    check_projection(
        "l[99999999999999999999]",
        "List index is not within the allowable range; index: [99999999999999999999]",
    );
    check_condition(&"(".repeat(4096), "The expression has redundant parentheses;");
    check_condition(
        &format!("{}a{} = :s", "(".repeat(300), ")".repeat(300)),
        "The expression has redundant parentheses;",
    );
}

#[test]
fn parentheses_around_parentheses_are_refused_at_once() {
    for text in [
        "((a = :s))",
        "(((a = :s)))",
        "((a = :s)) and b = :t",
        "((a)) = :s",
        "a = ((:s))",
        "a = :s and ((b = :t or a = :n))",
        "((a = :s)) and",
        "((undefined = :nothing))",
    ] {
        check_condition(text, "The expression has redundant parentheses;");
    }
    for text in ["((a = :s) or (b = :t))", "((a) = :s)", "(a = (:s))", "((a) = (:s))"] {
        assert_eq!(message(condition(text)), "accepted", "{text}");
    }
    check_update("SET a = ((:s))", "The expression has redundant parentheses;");
}

#[test]
fn reserved_words_need_placeholders() {
    check_condition("name = :s", "Attribute name is a reserved keyword; reserved keyword: name");
    check_condition("a.Status = :s", "Attribute name is a reserved keyword; reserved keyword: Status");
    check_update("SET size = :s", "Attribute name is a reserved keyword; reserved keyword: size");
    check_projection("a, timestamp", "Attribute name is a reserved keyword; reserved keyword: timestamp");
    // Before placeholders, wherever they stand.
    check_condition(
        "#nope = :nope and ttl = :s",
        "Attribute name is a reserved keyword; reserved keyword: ttl",
    );
}

#[test]
fn placeholders_must_be_defined() {
    check_condition(
        "#nope = :s",
        "An expression attribute name used in the document path is not defined; attribute name: #nope",
    );
    check_condition(
        "a = :nope",
        "An expression attribute value used in expression is not defined; attribute value: :nope",
    );
    check_update(
        "SET a = :nope",
        "An expression attribute value used in expression is not defined; attribute value: :nope",
    );
    check_update(
        "SET a = #nope.b",
        "An expression attribute name used in the document path is not defined; attribute name: #nope",
    );
    check_projection(
        "a.#nope",
        "An expression attribute name used in the document path is not defined; attribute name: #nope",
    );
}

#[test]
fn placeholders_must_be_used() {
    let mut both = placeholders([("#a", "a"), ("#z", "z")], [(":v", n("1")), (":w", n("2")), (":x", n("3"))]);
    Condition::parse(Kind::Condition, "#a = :v", &mut both).unwrap();
    assert_eq!(
        message(both.check_used()),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#z}"
    );
    Update::parse("SET #z = :w", &mut both).unwrap();
    assert_eq!(
        message(both.check_used()),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}"
    );
    Update::parse("SET b = :x", &mut both).unwrap();
    assert_eq!(message(both.check_used()), "accepted");
}

#[test]
fn placeholders_have_two_megabytes_together() {
    let of = |length: usize| {
        let mut large = placeholders([("#a", "a")], [(":v", s(&"x".repeat(length)))]);
        message(Condition::parse(Kind::Condition, "#a = :v", &mut large))
    };
    assert_eq!(of((2 << 20) - 5), "accepted");
    assert_eq!(
        of((2 << 20) - 4),
        "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size"
    );
}

#[test]
fn the_maps_of_placeholders_are_checked() {
    let names = |pairs: &[(&str, &str)]| {
        let map: BTreeMap<_, _> =
            pairs.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        message(Placeholders::check_names(&map))
    };
    assert_eq!(names(&[]), "ExpressionAttributeNames must not be empty");
    assert_eq!(names(&[("#a", "x"), ("#B_9", "y")]), "accepted");
    for key in ["a", "#", "#a-b", ":a", "#é"] {
        let expected = format!("ExpressionAttributeNames contains invalid key: Syntax error; key: \"{key}\"");
        assert_eq!(names(&[(key, "x")]), expected);
    }
    assert_eq!(
        names(&[("#a", "")]),
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
    );
    let long = format!("#{}", "a".repeat(255));
    assert_eq!(
        names(&[(&long, "x")]),
        "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too \
         long; size of key: 256"
    );
    let keys = |keys: &[&str]| message(Placeholders::check_value_keys(keys.iter().copied()));
    assert_eq!(keys(&[]), "ExpressionAttributeValues must not be empty");
    assert_eq!(keys(&[":a", ":1"]), "accepted");
    assert_eq!(keys(&["a"]), "ExpressionAttributeValues contains invalid key: Syntax error; key: \"a\"");
}

#[test]
fn functions_have_their_places_and_operands() {
    for (text, expected) in [
        ("foo(a)", "Invalid function name; function: foo"),
        ("Contains(a, :s)", "Invalid function name; function: Contains"),
        ("size(a)", "The function is not allowed to be used this way in an expression; function: size"),
        ("not size(a)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "attribute_exists(a) = :s",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        (
            "size(contains(a, :s)) = :n",
            "The function is not allowed to be used this way in an expression; function: contains",
        ),
        (
            "if_not_exists(a, :s)",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
        (
            "a = list_append(a, :l)",
            "The function is not allowed in a condition expression; function: list_append",
        ),
        (
            "attribute_exists(a, b)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number \
             of operands: 2",
        ),
        (
            "begins_with(a)",
            "Incorrect number of operands for operator or function; operator or function: begins_with, number of \
             operands: 1",
        ),
        (
            "attribute_exists(:s)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_type(:s, :S)",
            "Operator or function requires a document path; operator or function: attribute_type",
        ),
    ] {
        check_condition(text, expected);
    }
    check_update("SET a = size(b)", "The function is not allowed in an update expression; function: size");
    check_update("SET a = foo(b)", "Invalid function name; function: foo");
    check_update(
        "SET a = list_append(list_append(a, :l), :l)",
        "The function is not allowed to be used this way in an expression; function: list_append",
    );
    check_update(
        "SET a = if_not_exists(:s, :s)",
        "Operator or function requires a document path; operator or function: if_not_exists",
    );
    check_update(
        "SET a = if_not_exists(b)",
        "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of \
         operands: 1",
    );
}

#[test]
fn operands_have_their_types() {
    let wrong = |operator: &str, found: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {found}"
        )
    };
    for (text, operator, found) in [
        ("a < :bool", "<", "BOOL"),
        (":ss >= a", ">=", "SS"),
        ("a between :null and :s", "BETWEEN", "NULL"),
        ("begins_with(a, :n)", "begins_with", "N"),
        ("begins_with(:l, a)", "begins_with", "L"),
        ("size(:n) = :n", "size", "N"),
        ("size(:bool) = :n", "size", "BOOL"),
        ("size(size(a)) = :n", "size", "N"),
        ("attribute_type(a, :n)", "attribute_type", "N"),
        ("attribute_type(a, size(b))", "attribute_type", "N"),
        ("attribute_type(a, b)", "attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"),
    ] {
        check_condition(text, &wrong(operator, found));
    }
    check_condition(
        "attribute_type(a, :X)",
        "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
    );
    check_update("SET a = b + :s", &wrong("+", "S"));
    check_update("SET a = :l - b", &wrong("-", "L"));
    check_update("SET a = list_append(a, :s)", &wrong("list_append", "S"));
    for (text, keyword, word) in [
        ("ADD a :s", "ADD", "STRING"),
        ("ADD a :l", "ADD", "LIST"),
        ("ADD a :bool", "ADD", "BOOLEAN"),
        ("DELETE a :n", "DELETE", "NUMBER"),
        ("DELETE a :map", "DELETE", "MAP"),
    ] {
        check_update(
            text,
            &format!(
                "Incorrect operand type for operator or function; operator: {keyword}, operand type: {word}, \
                 typeSet: ALLOWED_FOR_{keyword}_OPERAND"
            ),
        );
    }
}

#[test]
fn an_attribute_is_not_held_against_itself() {
    for (text, operator, shown) in [
        ("a = a", "=", "[a]"),
        ("a <> #a", "<>", "[a]"),
        ("a.b[1] < a.b[1]", "<", "[a, b, [1]]"),
        ("a between :s and a", "BETWEEN", "[a]"),
        ("a in (:s, a)", "IN", "[a]"),
        ("contains(a, a)", "contains", "[a]"),
        ("begins_with(a, a)", "begins_with", "[a]"),
    ] {
        check_condition(
            text,
            &format!(
                "The first operand must be distinct from the remaining operands for this operator or function; \
                 operator: {operator}, first operand: {shown}"
            ),
        );
    }
}

#[test]
fn bounds_are_of_one_type_and_in_order() {
    check_condition(
        "a between :n and :s",
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: \
         AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:abc}",
    );
    check_condition(
        "a between :m and :n",
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: \
         AttributeValue: {N:7}, upper bound operand: AttributeValue: {N:5}",
    );
    assert_eq!(message(condition("a between :n and :n")), "accepted");
}

#[test]
fn a_section_comes_once_and_paths_do_not_meet() {
    check_update(
        "SET a = :s REMOVE b SET c = :s",
        "The \"SET\" section can only be used once in an update expression;",
    );
    check_update(
        "remove a remove b",
        "The \"REMOVE\" section can only be used once in an update expression;",
    );
    let meet = |verb: &str, one: &str, two: &str| {
        format!(
            "Two document paths {verb} with each other; must remove or rewrite one of these paths; path one: {one}, \
             path two: {two}"
        )
    };
    check_update("SET a = :s, a = :s", &meet("overlap", "[a]", "[a]"));
    check_update("SET a.b = :s REMOVE a", &meet("overlap", "[a, b]", "[a]"));
    check_update("SET c[3].#odd = :s, c[3] = :s", &meet("overlap", "[c, [3], a.b]", "[c, [3]]"));
    check_update("REMOVE a.#b SET a[1] = :s", &meet("conflict", "[a, b]", "[a, [1]]"));
    // Before values are looked at.
    check_update("SET a = :nope, a = :nope", &meet("overlap", "[a]", "[a]"));
    assert_eq!(message(update("SET a[0] = :s, a[1] = :s REMOVE b.c, b.d")), "accepted");
}
