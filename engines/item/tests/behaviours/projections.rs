//! Projections.

use fogbank_item::Item;
use fogbank_item::expression::{Path, Projection, Step};

use crate::support::{item, l, m, message, n, s, usual};

fn thing() -> Item {
    item([
        ("a", n("1")),
        ("a.b", s("odd")),
        ("seq", l([n("0"), m([("x", n("1")), ("y", n("2"))]), n("2"), l([s("p"), s("q")])])),
        ("tree", m([("k", s("v")), ("deep", m([("one", n("1")), ("two", n("2"))]))])),
    ])
}

fn project(text: &str) -> Item {
    let projection = Projection::parse(text, &mut usual()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(projection.apply(&thing()), projection.take(thing()), "{text}");
    projection.apply(&thing())
}

#[test]
fn what_is_asked_for_comes_back_nested() {
    for (text, expected) in [
        ("a", item([("a", n("1"))])),
        ("#a, absent", item([("a", n("1"))])),
        ("#odd", item([("a.b", s("odd"))])),
        ("tree.k", item([("tree", m([("k", s("v"))]))])),
        ("tree.deep.two, tree.k", item([("tree", m([("k", s("v")), ("deep", m([("two", n("2"))]))]))])),
        ("seq[2], seq[0]", item([("seq", l([n("0"), n("2")]))])),
        ("seq[1].y", item([("seq", l([m([("y", n("2"))])]))])),
        ("seq[3][1],seq[1].x", item([("seq", l([m([("x", n("1"))]), l([s("q")])]))])),
        ("seq[9]", item([])),
        ("tree.absent.x", item([])),
        ("tree[0]", item([])),
        ("seq.x", item([])),
        ("a.b", item([])),
    ] {
        assert_eq!(project(text), expected, "{text}");
    }
}

#[test]
fn paths_of_a_projection_do_not_meet() {
    let check = |text: &str, expected: &str| {
        assert_eq!(message(Projection::parse(text, &mut usual())), expected, "{text}");
    };
    check(
        "tree, a, tree.k",
        "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of \
         these paths; path one: [tree], path two: [tree, k]",
    );
    check(
        "a, #a",
        "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of \
         these paths; path one: [a], path two: [a]",
    );
    check(
        "seq[1].x, seq.y",
        "Invalid ProjectionExpression: Two document paths conflict with each other; must remove or rewrite one of \
         these paths; path one: [seq, [1], x], path two: [seq, y]",
    );
}

#[test]
fn hand_made_projections_may_overlap() {
    let path = |steps: &[&str]| Path {
        root: "tree".to_owned(),
        steps: steps.iter().map(|name| Step::Name((*name).to_owned())).collect(),
    };
    let both = Projection::of([path(&["deep", "one"]), path(&["deep"])]);
    let expected = m([("deep", m([("one", n("1")), ("two", n("2"))]))]);
    assert_eq!(both.apply(&thing()), item([("tree", expected)]));
    assert_eq!(Vec::from_iter(both.attributes()), ["tree"]);
    let all = Projection::of([path(&["k"]), path(&[])]);
    assert_eq!(all.apply(&thing())["tree"], thing()["tree"]);
    assert_eq!(Projection::of_attributes(["a"]).apply(&thing()), item([("a", n("1"))]));
    assert!(Projection::default().apply(&thing()).is_empty());
}
