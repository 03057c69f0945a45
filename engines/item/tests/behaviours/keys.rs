//! Keys as bytes.

use fogbank_item::keys::{self, KeyRange, KeyValue, RangeCondition};
use fogbank_item::{Damaged, Value};

use crate::support::{b, n, number, s};

fn key(hash: &Value, range: &Value) -> Vec<u8> {
    keys::item_key(KeyValue::of(hash).expect("it can be a key"), KeyValue::of(range))
}

fn within(range: &KeyRange, key: &[u8]) -> bool {
    *range.start <= *key && range.end.as_ref().is_none_or(|end| *key < **end)
}

#[test]
fn sort_keys_are_ordered_as_their_values() {
    let orders: [Vec<Value>; 3] = [
        [
            "-1E125", "-100", "-99.5", "-99", "-10", "-1.01", "-1", "-0.1", "-1E-130", "0", "1E-130", "0.01",
            "0.1", "0.11", "1", "1.000001", "1.1", "2", "9", "10", "11", "100", "101", "1E125",
        ]
        .map(n)
        .to_vec(),
        ["", "\0", "\0\0", "\0a", "\u{1}", "A", "a", "a\0", "a\0b", "aa", "b", "é", "日本", "😀"]
            .map(s)
            .to_vec(),
        [&[][..], &[0], &[0, 0], &[0, 1], &[0, 255], &[1], &[1, 0], &[127], &[255], &[255, 0], &[255, 255]]
            .map(b)
            .to_vec(),
    ];
    for values in orders {
        let keys: Vec<_> = values.iter().map(|value| key(&s("p"), value)).collect();
        assert!(keys.is_sorted_by(|one, other| one < other), "{values:?}");
    }
}

#[test]
fn a_partition_is_one_range_and_nothing_else() {
    let hashes = [s(""), s("a"), s("a\0"), s("ab"), n("1"), n("10"), b(b"a"), b(b"")];
    for hash in &hashes {
        let range = keys::range(&[KeyValue::of(hash).unwrap()], &[], None);
        for other in &hashes {
            for sort in [s(""), s("z"), n("-5"), b(&[255, 255])] {
                assert_eq!(within(&range, &key(other, &sort)), other == hash, "{hash:?} {other:?}");
            }
        }
    }
}

#[test]
fn a_range_condition_is_a_range_of_keys() {
    let values = ["a", "ab", "ab\0", "abc", "b", "b\u{7f}", "c"].map(s);
    let check = |condition: RangeCondition, expected: &[usize]| {
        let range = keys::range(&[KeyValue::String("p")], &[], Some(&condition));
        let found: Vec<_> =
            (0..values.len()).filter(|index| within(&range, &key(&s("p"), &values[*index]))).collect();
        assert_eq!(found, expected, "{condition:?}");
        // An entry of an index has more behind the key.
        let entries: Vec<_> = (0..values.len())
            .filter(|index| {
                let item = key(&s("other"), &s("x"));
                let range_value = [KeyValue::of(&values[*index]).unwrap()];
                within(&range, &keys::index_key(&[KeyValue::String("p")], &range_value, &item))
            })
            .collect();
        assert_eq!(entries, expected, "{condition:?} of an index");
    };
    check(RangeCondition::Equal(s("ab")), &[1]);
    check(RangeCondition::Less(s("ab")), &[0]);
    check(RangeCondition::LessOrEqual(s("ab")), &[0, 1]);
    check(RangeCondition::Greater(s("ab")), &[2, 3, 4, 5, 6]);
    check(RangeCondition::GreaterOrEqual(s("ab")), &[1, 2, 3, 4, 5, 6]);
    check(RangeCondition::Between(s("ab"), s("b")), &[1, 2, 3, 4]);
    check(RangeCondition::Between(s("c"), s("a")), &[]);
    check(RangeCondition::BeginsWith(s("ab")), &[1, 2, 3]);
    check(RangeCondition::BeginsWith(s("")), &[0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn keys_of_several_attributes_are_ranges_as_well() {
    let entry = |one: &str, two: &str| {
        let range = [KeyValue::String(one), KeyValue::Number(number(two))];
        keys::index_key(
            &[KeyValue::String("h"), KeyValue::Number(number("1"))],
            &range,
            &key(&s("i"), &s("j")),
        )
    };
    let hash = [KeyValue::String("h"), KeyValue::Number(number("1"))];
    let range = keys::range(&hash, &[KeyValue::String("x")], Some(&RangeCondition::Greater(n("5"))));
    assert!(within(&range, &entry("x", "6")));
    assert!(!within(&range, &entry("x", "5")));
    assert!(!within(&range, &entry("y", "6")));
}

#[test]
fn keys_are_read_back() {
    let hash = s("a\0b");
    for range in [s("x\0"), n("-12.5"), b(&[0, 255, 0])] {
        let bytes = key(&hash, &range);
        assert_eq!(keys::decode(&bytes, 2), Ok((vec![hash.clone(), range.clone()], &[][..])));
        let entry = keys::index_key(&[KeyValue::of(&range).unwrap()], &[], &bytes);
        assert_eq!(keys::decode(&entry, 1), Ok((vec![range], &bytes[..])));
    }
    assert_eq!(keys::decode(b"short", 1), Err(Damaged));
    assert_eq!(keys::decode(&[0; 9], 1), Err(Damaged));
}

#[test]
fn segments_share_everything_out() {
    let keys: Vec<_> = (0..2000).map(|index| key(&n(&index.to_string()), &s("x"))).collect();
    for total in [1, 2, 3, 7, 1000, 1_000_000] {
        let mut found = 0;
        for segment in 0..total.min(1000) {
            let range = keys::segment(segment, total);
            let here = keys.iter().filter(|key| within(&range, key)).count();
            if total == 2 {
                assert!((800..1200).contains(&here), "{here}");
            }
            found += here;
        }
        if total <= 1000 {
            assert_eq!(found, keys.len(), "{total}");
        }
    }
}
