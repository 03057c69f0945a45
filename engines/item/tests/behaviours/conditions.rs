//! What conditions and filters are true of.

use fogbank_item::expression::{Condition, Kind};
use fogbank_item::{Item, Value};

use crate::support::{b, condition, item, l, m, n, ns, s, ss, usual};

fn thing() -> Item {
    item([
        ("a", n("5")),
        ("b", s("abc")),
        ("bin", b(&[1, 2, 3])),
        ("flag", Value::Bool(true)),
        ("nothing", Value::Null),
        ("seq", l([n("1"), s("x"), m([("k", s("v"))])])),
        ("box", m([("inside", m([("n", n("7"))])), ("l", l([n("1"), n("2")]))])),
        ("tags", ss(["a", "b"])),
        ("nums", ns(["1", "2"])),
        ("a.b", s("odd")),
        ("status", s("open")),
        ("smile", s("é😀")),
    ])
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        // Comparisons, within a type.
        ("a = :n", true),
        ("a = :m", false),
        ("a <> :m", true),
        ("a < :m AND a <= :m AND NOT a > :m AND NOT a >= :m", true),
        ("a = :s", false),
        ("a <> :s", true),
        ("a < :s OR a >= :s", false),
        ("b >= :s", true),
        ("b > :t", false),
        (":n < :m", true),
        ("bin > :b", true),
        ("flag = :bool", true),
        ("nothing = :null", true),
        ("tags = :ss", true),
        ("nums = :ns", true),
        ("seq = :l", false),
        ("box = box.inside", false),
        // What is not there.
        ("absent = :n", false),
        ("absent <> :n", true),
        ("NOT absent = :n", true),
        ("absent < :n", false),
        ("absent = gone", false),
        // Ranges and lists.
        ("a BETWEEN :n AND :m", true),
        ("a between b and :m", false),
        ("b IN (:n, :s)", true),
        ("b in (:n)", false),
        ("absent IN (:n)", false),
        // Functions.
        ("attribute_exists(box.inside.n)", true),
        ("attribute_exists(box.l[1])", true),
        ("attribute_exists(box.l[2])", false),
        ("attribute_exists(box[0])", false),
        ("attribute_not_exists(box.extra)", true),
        ("attribute_not_exists(a)", false),
        ("attribute_exists(nothing)", true),
        ("attribute_type(b, :S)", true),
        ("attribute_type(a, :S)", false),
        ("begins_with(b, :s)", true),
        ("begins_with(b, :t)", false),
        ("begins_with(a, :s)", false),
        ("begins_with(bin, :b)", true),
        ("begins_with(:s, b)", true),
        ("contains(b, :t)", true),
        ("contains(tags, :t)", true),
        ("contains(tags, :s)", false),
        ("contains(nums, :n)", false),
        ("contains(seq, :null)", false),
        ("contains(bin, :b)", true),
        ("contains(a, :n)", false),
        // Sizes.
        ("size(b) < :n", true),
        ("size(seq) = size(b)", true),
        ("size(box) < size(seq)", true),
        ("size(a) = :n", false),
        ("size(absent) <> :n", true),
        ("size(smile) = size(b)", true),
        // Words and parentheses.
        ("NOT (a = :m OR b = :t)", true),
        ("a = :m AND b = :t OR flag = :bool", true),
        ("a = :m AND (b = :t OR flag = :bool)", false),
        ("NOT NOT a = :n", true),
        ("not a = :m And Not b = :t", true),
        ("(a) = (:n)", true),
        ("(a = :n) and (b = :s)", true),
        ("#a = :n AND #odd <> :t AND #status <> :t", true),
        ("seq[2].k = :t or seq [ 2 ] . k <> :t", true),
    ] {
        let parsed = condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.evaluate(&thing()), expected, "{text}");
    }
}

#[test]
fn hand_made_conditions_of_nothing() {
    assert!(Condition::And(Vec::new()).evaluate(&thing()));
    assert!(!Condition::Or(Vec::new()).evaluate(&thing()));
}

#[test]
fn a_condition_tells_what_it_looks_at() {
    let parsed = condition("box.inside.n = :n AND (contains(tags, :t) OR size(#odd) > a)").unwrap();
    assert_eq!(Vec::from_iter(parsed.attributes()), ["a", "a.b", "box", "tags"]);
    let paths: Vec<_> = parsed.paths().iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["[box, inside, n]", "[tags]", "[a.b]", "[a]"]);
}

#[test]
fn a_filter_of_a_query_leaves_the_key_alone() {
    let filter = Condition::parse(Kind::Filter, "flag = :bool AND a.x = :n", &mut usual()).unwrap();
    assert_eq!(
        filter.check_filter_of_query(&["id", "a"]).unwrap_err().message,
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: a"
    );
    assert!(filter.check_filter_of_query(&["id", "sort"]).is_ok());
}

#[test]
fn three_hundred_parentheses_fit_on_a_small_stack() {
    let mut text = "a = :n".to_owned();
    for _ in 0..290 {
        text = format!("NOT ({text})");
    }
    let parsed = condition(&text).unwrap();
    assert!(parsed.evaluate(&thing()));
}
