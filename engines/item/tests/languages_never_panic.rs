//! The bodies of the fuzz targets, over texts of the languages' own words in any order, and over any bytes.

#[path = "../../../fuzz/src/item.rs"]
mod targets;

use proptest::prelude::*;

const WORDS: &[&str] = &[
    "SELECT",
    "*",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "IS",
    "MISSING",
    "NULL",
    "ORDER",
    "BY",
    "DESC",
    "INSERT",
    "INTO",
    "VALUE",
    "UPDATE",
    "SET",
    "REMOVE",
    "DELETE",
    "ADD",
    "RETURNING",
    "ALL",
    "OLD",
    "EXISTS",
    "pk",
    "sk",
    "a",
    "b",
    "l",
    "s",
    "ss",
    "a.b[1]",
    "\"t\".\"i\"",
    "'p'",
    "7",
    "-1.5e2",
    "?",
    "#a",
    ":s",
    ":n",
    ":ss",
    ":l",
    "=",
    "<>",
    "<",
    ">=",
    "+",
    "-",
    ",",
    "(",
    ")",
    "[",
    "]",
    "<<",
    ">>",
    "{",
    "}",
    ":",
    ";",
    "begins_with(",
    "contains(",
    "size(",
    "attribute_type(",
    "attribute_exists(",
    "if_not_exists(",
    "list_append(",
    "set_add(",
    "set_delete(",
];

const STATEMENTS: &[&str] = &[
    "SELECT a.b[1], s FROM \"t\".\"i\" WHERE pk = 'p' AND sk BETWEEN 1 AND 9 ORDER BY sk DESC",
    "INSERT INTO t VALUE {'pk': 'p', 'l': [1, {'x': <<'a', 'b'>>}], 'n': -1e3}",
    "UPDATE t SET ss = set_add(ss, <<'z'>>) SET n = n + 1 REMOVE a.b[0] WHERE pk = ? AND sk = 7 RETURNING ALL NEW *",
    "DELETE FROM t WHERE pk = 'p' AND sk IN [7] AND s IS NOT MISSING RETURNING ALL OLD *",
    "EXISTS(SELECT * FROM t WHERE pk = 'p' AND contains(s, 'x') OR NOT size(l) > 2)",
    "SET #a.b[0] = :n, l = list_append(if_not_exists(l, :l), :l) REMOVE s ADD n :n DELETE ss :ss",
    "#pk = :pk AND begins_with(#s, :s) OR NOT (size(#l) >= :n) AND #n IN (:n, :sk)",
];

fn any_text() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..40).prop_map(|words| words.join(" "));
    let cut = (prop::sample::select(STATEMENTS), any::<prop::sample::Index>(), any::<prop::sample::Index>())
        .prop_map(|(statement, from, length)| {
            let from = from.index(statement.len());
            let length = length.index(statement.len() - from + 1);
            format!("{}{}", &statement[..from], &statement[from + length..])
        });
    let changed =
        (prop::sample::select(STATEMENTS), any::<prop::sample::Index>(), prop::sample::select(WORDS))
            .prop_map(|(statement, place, word)| {
                let place = place.index(statement.len());
                format!("{} {word} {}", &statement[..place], &statement[place..])
            });
    prop_oneof![words, cut, changed, ".{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_text_is_read_or_refused(first in any::<u8>(), text in any_text()) {
        let data = [&[first], text.as_bytes()].concat();
        targets::expressions(&data);
        targets::statements(&data);
    }

    #[test]
    fn any_bytes_are_an_item_or_damaged(data in prop::collection::vec(any::<u8>(), 0..80)) {
        targets::values(&data);
    }

    #[test]
    fn any_number_is_read_or_refused(text in "[-+]?[0-9]{0,45}\\.?[0-9]{0,45}([eE][-+]?[0-9]{1,4})?") {
        targets::values(text.as_bytes());
    }
}
