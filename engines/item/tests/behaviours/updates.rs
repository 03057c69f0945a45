//! What updates make of an item.

use fogbank_item::expression::Update;
use fogbank_item::{Item, Value};

use crate::support::{bs, item, l, m, message, n, ns, placeholders, s, ss, update};

fn thing() -> Item {
    item([
        ("a", n("1")),
        ("b", s("text")),
        ("seq", l([n("0"), n("1"), n("2"), n("3")])),
        ("tree", m([("k", n("1")), ("seq", l([s("x"), s("y")]))])),
        ("tags", ss(["a", "z"])),
        ("nums", ns(["1"])),
        ("bins", bs([&[1], &[9]])),
        ("nothing", Value::Null),
    ])
}

/// The item with some attributes changed, and some gone.
fn but<const N: usize>(changes: [(&str, Value); N], gone: &[&str]) -> Item {
    let mut thing = thing();
    thing.extend(item(changes));
    thing.retain(|name, _| !gone.contains(&name.as_str()));
    thing
}

#[test]
fn updates_change_what_they_name() {
    for (text, expected) in [
        ("SET a = :n", but([("a", n("5"))], &[])),
        ("SET c = a, a = b", but([("c", n("1")), ("a", s("text"))], &[])),
        ("SET a = b, b = a", but([("a", s("text")), ("b", n("1"))], &[])),
        ("SET a = a + :n", but([("a", n("6"))], &[])),
        ("SET a = :n - a", but([("a", n("4"))], &[])),
        ("SET a = (a + :n)", but([("a", n("6"))], &[])),
        ("SET c = if_not_exists(c, :n), a = if_not_exists(a, :n)", but([("c", n("5"))], &[])),
        ("SET c = if_not_exists(c, :n) + :m", but([("c", n("12"))], &[])),
        (
            "SET c = list_append(if_not_exists(c, :l), :l)",
            but([("c", l([n("1"), s("x"), n("1"), s("x")]))], &[]),
        ),
        ("SET nothing = if_not_exists(nothing, :n)", thing()),
        ("SET seq = list_append(:l, seq)", {
            but([("seq", l([n("1"), s("x"), n("0"), n("1"), n("2"), n("3")]))], &[])
        }),
        ("SET seq[1] = :s", but([("seq", l([n("0"), s("abc"), n("2"), n("3")]))], &[])),
        ("SET seq[90] = :t, seq[80] = :s", {
            but([("seq", l([n("0"), n("1"), n("2"), n("3"), s("abc"), s("b")]))], &[])
        }),
        ("REMOVE seq[0], seq[2] SET seq[3] = :s, seq[7] = :t", {
            but([("seq", l([n("1"), s("abc"), s("b")]))], &[])
        }),
        ("REMOVE seq[9], absent, tree.absent", thing()),
        ("REMOVE a, tree.k", but([("tree", m([("seq", l([s("x"), s("y")]))]))], &["a"])),
        ("SET tree.fresh = :n REMOVE tree.seq[0]", {
            but([("tree", m([("k", n("1")), ("fresh", n("5")), ("seq", l([s("y")]))]))], &[])
        }),
        ("ADD a :n, c :n", but([("a", n("6")), ("c", n("5"))], &[])),
        ("ADD tags :ss, nums :ns, bins :bs", {
            but(
                [("tags", ss(["a", "b", "z"])), ("nums", ns(["1", "2"])), ("bins", bs([&[1], &[2], &[9]]))],
                &[],
            )
        }),
        ("ADD tree.k :n", but([("tree", m([("k", n("6")), ("seq", l([s("x"), s("y")]))]))], &[])),
        ("DELETE tags :ss, nums :ns, bins :bs, absent :ss", {
            but([("tags", ss(["z"])), ("bins", bs([&[9]]))], &["nums"])
        }),
        ("set #a = :n remove #b add c :n delete tags :ss", {
            but([("a", n("5")), ("c", n("5")), ("tags", ss(["z"]))], &["b"])
        }),
        ("SET tree = :map", but([("tree", m([("k", n("1"))]))], &[])),
    ] {
        let parsed = update(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed.apply(&thing()), Ok(expected), "{text}");
    }
}

#[test]
fn an_update_that_does_not_fit_the_item_is_refused() {
    const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
    const WRONG_PATH: &str = "The document path provided in the update expression is invalid for update";
    const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";
    for (text, expected) in [
        ("SET a = absent", MISSING),
        ("SET a = absent + :n", MISSING),
        ("SET a = tree.absent", MISSING),
        ("SET a = list_append(absent, :l)", MISSING),
        ("SET a = b + :n", WRONG_TYPE),
        ("SET a = list_append(b, :l)", WRONG_TYPE),
        ("ADD b :n", WRONG_TYPE),
        ("ADD a :ss", WRONG_TYPE),
        ("ADD tags :ns", WRONG_TYPE),
        ("DELETE a :ss", WRONG_TYPE),
        ("DELETE tags :ns", WRONG_TYPE),
        ("SET absent.x = :n", WRONG_PATH),
        ("SET a.x = :n", WRONG_PATH),
        ("SET a[0] = :n", WRONG_PATH),
        ("SET seq.x = :n", WRONG_PATH),
        ("SET tree[0] = :n", WRONG_PATH),
        ("REMOVE absent.x", WRONG_PATH),
        ("REMOVE seq[9].x", WRONG_PATH),
        ("ADD absent.x :n", WRONG_PATH),
        // A wrong type comes before a path that leads nowhere, and that before what is missing.
        ("SET absent.x = :n ADD b :n", WRONG_TYPE),
        ("SET a = gone REMOVE absent.x", WRONG_PATH),
        ("SET a = :n REMOVE b.x", WRONG_PATH),
    ] {
        assert_eq!(message(update(text).unwrap().apply(&thing())), expected, "{text}");
    }
}

#[test]
fn numbers_stay_exact_or_the_update_is_refused() {
    let values = [(":one", n("1")), (":huge", n("9E125")), (":wide", n("1E38"))];
    let apply = |text: &str| {
        let parsed = Update::parse(text, &mut placeholders([], values.clone())).unwrap();
        message(parsed.apply(&item([("a", n("9E125")), ("b", n("0.1"))])))
    };
    assert_eq!(
        apply("SET a = a + :huge"),
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
    );
    assert_eq!(apply("ADD b :wide"), "Attempting to store more than 38 significant digits in a Number");
    assert_eq!(apply("SET b = b + :one"), "accepted");
}

#[test]
fn an_update_tells_what_it_writes_and_reads() {
    let parsed = update("SET tree.k = a + :n, c = if_not_exists(d.e, :n) REMOVE seq[1]").unwrap();
    assert_eq!(Vec::from_iter(parsed.attributes()), ["tree", "c", "seq"]);
    let sources: Vec<_> = parsed.sources().iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["[a]", "[d, e]"]);
    let after = parsed.apply(&thing()).unwrap();
    let targets = parsed.targets();
    assert_eq!(targets.apply(&thing()), item([("tree", m([("k", n("1"))])), ("seq", l([n("1")]))]));
    assert_eq!(
        targets.apply(&after),
        item([("tree", m([("k", n("6"))])), ("c", n("5")), ("seq", l([n("2")]))])
    );
    assert_eq!(
        message(parsed.check_keys(&["id", "c"])),
        "One or more parameter values were invalid: Cannot update attribute c. This attribute is part of the key"
    );
    assert!(parsed.check_keys(&["id", "a"]).is_ok());
}
