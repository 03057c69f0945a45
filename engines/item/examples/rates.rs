//! How long the steps of a request take that are about items, one after the other on one core.
//!
//! `cargo run --release -p fogbank-item --example rates`

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use fogbank_item::encoding;
use fogbank_item::expression::{Condition, Kind, Placeholders, Projection, Update};
use fogbank_item::keys::{self, KeyValue};
use fogbank_item::{Item, Number, Value};

const ROUNDS: u32 = 200_000;

fn main() {
    let text = "1234567.891";
    let number = Number::parse(text).expect("it is a number");
    measure("read a number", || Number::parse(black_box(text)).is_ok());
    measure("print a number", || {
        let mut out = String::with_capacity(16);
        black_box(&number).write_to(&mut out);
        out
    });
    let item = item();
    let bytes = encoding::encode(&item);
    println!(
        "an item of {} bytes is kept in {}",
        encoding::item_bytes(&bytes).unwrap_or_default(),
        bytes.len()
    );
    measure("encode an item", || encoding::encode(black_box(&item)));
    measure("decode an item", || encoding::decode(black_box(&bytes)));
    measure("decode one attribute", || encoding::decode_only(black_box(&bytes), &["count"]));
    measure("step over an item", || encoding::attributes(black_box(&bytes)).map(Iterator::count));
    measure("make a key", || {
        keys::item_key(KeyValue::String(black_box("customer#1234")), Some(KeyValue::Number(number)))
    });
    measure("read a condition", || condition("#c < :n AND attribute_exists(id)"));
    let holds = condition("#c < :n AND attribute_exists(id)");
    measure("evaluate a condition", || holds.evaluate(black_box(&item)));
    measure("read an update", || update("SET #c = #c + :n REMOVE tags"));
    let change = update("SET #c = #c + :n REMOVE tags");
    measure("apply an update", || change.apply(black_box(&item)));
    let projection = Projection::of_attributes(["id", "count"]);
    measure("project", || projection.apply(black_box(&item)));
}

/// About 1 KiB.
fn item() -> Item {
    Item::from([
        ("id".to_owned(), Value::from("customer#1234")),
        ("count".to_owned(), Value::Number(Number::from(41i64))),
        ("price".to_owned(), Value::Number(Number::parse("1234567.891").expect("it is a number"))),
        ("tags".to_owned(), Value::StringSet(["new", "red", "large"].map(str::to_owned).into())),
        ("address".to_owned(), Value::Map(BTreeMap::from([("city".to_owned(), Value::from("Köln"))]))),
        ("text".to_owned(), Value::String("x".repeat(900))),
    ])
}

fn placeholders() -> Placeholders {
    Placeholders::new(
        BTreeMap::from([("#c".to_owned(), "count".to_owned())]),
        Item::from([(":n".to_owned(), Value::Number(Number::from(100i64)))]),
    )
}

fn condition(text: &str) -> Condition {
    Condition::parse(Kind::Condition, text, &mut placeholders()).expect("it is a condition")
}

fn update(text: &str) -> Update {
    Update::parse(text, &mut placeholders()).expect("it is an update")
}

fn measure<T>(what: &str, mut step: impl FnMut() -> T) {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(step());
    }
    println!("{what:22} {:>8.1?}", begun.elapsed() / ROUNDS);
}
