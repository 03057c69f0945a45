//! Items as bytes.

use fogbank_item::encoding::{self, ValueRef};
use fogbank_item::{Damaged, Item, Value, size};

use crate::support::{b, bs, item, l, m, n, ns, s, ss};

fn every_type() -> Item {
    item([
        ("binary", b(&[0, 1, 255])),
        ("binaries", bs([&[1], &[], &[2, 3]])),
        ("bool", Value::Bool(true)),
        ("empty", s("")),
        ("list", l([n("1"), s("x"), l([]), m([])])),
        ("long", s(&"long ".repeat(1000))),
        ("map", m([("deep", m([("deeper", l([Value::Bool(false)]))])), ("x", Value::Null)])),
        ("null", Value::Null),
        ("number", n("-12345.678")),
        ("numbers", ns(["1", "-1", "1E125", "0"])),
        ("strings", ss(["", "a", "é"])),
    ])
}

#[test]
fn an_item_is_read_back() {
    let bytes = encoding::encode(&every_type());
    assert_eq!(encoding::decode(&bytes), Ok(every_type()));
    assert_eq!(encoding::item_bytes(&bytes), Ok(size::item_bytes(&every_type())));
    assert_eq!(encoding::decode(&encoding::encode(&Item::new())), Ok(Item::new()));
}

#[test]
fn only_what_is_asked_for_is_read() {
    let bytes = encoding::encode(&every_type());
    let expected = item([("null", Value::Null), ("number", n("-12345.678"))]);
    assert_eq!(encoding::decode_only(&bytes, &["number", "null", "absent"]), Ok(expected));
}

#[test]
fn an_item_is_read_in_place() {
    let bytes = encoding::encode(&every_type());
    let attributes: Vec<_> = encoding::attributes(&bytes).unwrap().map(Result::unwrap).collect();
    assert_eq!(attributes.len(), every_type().len());
    for ((name, value), (expected_name, expected)) in attributes.iter().zip(&every_type()) {
        assert_eq!(name, expected_name);
        assert_eq!(value.value_type(), expected.value_type());
        assert_eq!(value.to_value().as_ref(), Ok(expected));
        if let ValueRef::StringSet(set) = value {
            assert_eq!(set.len(), 3);
        }
    }
}

#[test]
fn bytes_that_are_not_ours_are_damage() {
    let bytes = encoding::encode(&every_type());
    for end in 0..bytes.len() {
        assert_eq!(encoding::decode(&bytes[..end]), Err(Damaged), "cut at {end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(encoding::decode(&longer), Err(Damaged));
    assert_eq!(encoding::decode(&[2, 0, 0]), Err(Damaged));
    // A list in a list in a list ….
    let mut deep = vec![1, 0, 1, 1, b'a'];
    for left in (0..200u32).rev() {
        deep.push(6);
        deep.extend_from_slice(&(left * 6 + 1).to_le_bytes());
        deep.push(if left == 0 { 0 } else { 1 });
    }
    assert_eq!(encoding::decode(&deep), Err(Damaged));
}
