//! Values of any shape, as far as the protocol at hand can tell them apart.

use base::Timestamp;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::subsequence;
use schema::{Kind, Member, Place, Protocol, Shape, TimestampFormat};

use crate::dynamic::value::{Record, Value};

/// What a protocol cannot carry.
#[derive(Clone, Copy)]
pub struct Rules {
    /// The XML family has no sign for a collection or a structure that is there and empty.
    no_empty: bool,
}

impl Rules {
    pub fn of(protocol: Protocol) -> Rules {
        let no_empty = matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query | Protocol::RestXml);
        Rules { no_empty }
    }
}

const DEPTH_MAX: usize = 3;
const ITEMS_MAX: usize = 4;

/// A structure with some of its members, or a union with one.
pub fn record(shape: &'static Shape, rules: Rules, depth: usize) -> BoxedStrategy<Record> {
    let members = shape.members();
    let here: Vec<usize> = (0..members.len())
        .filter(|index| depth < DEPTH_MAX || !members[*index].shape.is_structured())
        .collect();
    let count =
        if shape.is_union() { 1..=1 } else { usize::from(rules.no_empty).min(here.len())..=here.len() };
    let chosen = subsequence(here, count).prop_map(move |mut chosen| {
        for (index, member) in members.iter().enumerate() {
            // Labels and the status are always there, and a body is always a stream or a payload of some
            // length.
            let is_stream = matches!(member.shape.kind, Kind::Events { .. });
            let is_place = matches!(member.place, Place::Label | Place::Status);
            let must = is_place || is_stream || member.payload || member.event_payload;
            if must && !chosen.contains(&index) {
                chosen.push(index);
            }
        }
        chosen
    });
    chosen
        .prop_flat_map(move |chosen| {
            let values: Vec<_> = chosen
                .iter()
                .map(|index| value(&members[*index], members[*index].place, rules, depth + 1))
                .collect();
            (Just(chosen), values)
        })
        .prop_map(move |(chosen, values)| {
            let mut record = Record::new(shape);
            for (index, value) in chosen.into_iter().zip(values) {
                record.values[index] = Some(value);
            }
            record
        })
        .boxed()
}

/// A value at a place, which the items of a list share with it.
fn value(at: &'static Member, place: Place, rules: Rules, depth: usize) -> BoxedStrategy<Value> {
    match &at.shape.kind {
        Kind::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Kind::Integer if place == Place::Status => (200..=299i64).prop_map(Value::Integer).boxed(),
        Kind::Integer => any::<i32>().prop_map(|value| Value::Integer(i64::from(value))).boxed(),
        Kind::Long => any::<i64>().prop_map(Value::Integer).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::Float).boxed(),
        Kind::Double => any::<f64>().prop_map(Value::Double).boxed(),
        Kind::String | Kind::Enum(_) => text(at, place).prop_map(Value::String).boxed(),
        Kind::Blob => {
            let lengths = if at.payload { 1..40 } else { 0..40 };
            let bytes = prop::collection::vec(any::<u8>(), lengths);
            bytes.prop_map(|bytes| Value::Blob(Bytes::from(bytes))).boxed()
        }
        Kind::Timestamp(_) => moment(at, place),
        Kind::Document => document().prop_map(Value::Document).boxed(),
        Kind::List { element, sparse, .. } => {
            let least = usize::from(rules.no_empty || place != Place::Body);
            let items = prop::collection::vec(item(element, place, *sparse, rules, depth), least..=ITEMS_MAX);
            items.prop_map(Value::List).boxed()
        }
        Kind::Map { value, sparse, .. } => {
            let least = usize::from(rules.no_empty || place != Place::Body);
            let keys = if place == Place::HeaderPrefix { "[a-z][a-z0-9-]{0,8}" } else { "[ -~]{1,8}" };
            let value: BoxedStrategy<Value> = if place == Place::HeaderPrefix {
                HEADER.prop_map(Value::String).boxed()
            } else {
                item(value, place, *sparse, rules, depth)
            };
            let entries = prop::collection::btree_map(keys, value, least..=ITEMS_MAX);
            entries.prop_map(|entries| Value::Map(entries.into_iter().collect())).boxed()
        }
        Kind::Structure { .. } | Kind::Union { .. } => {
            record(at.shape, rules, depth).prop_map(Value::Structure).boxed()
        }
        Kind::Events { .. } => {
            prop::collection::vec(record(at.shape, rules, 0), 0..5).prop_map(Value::Events).boxed()
        }
    }
}

fn item(at: &'static Member, place: Place, sparse: bool, rules: Rules, depth: usize) -> BoxedStrategy<Value> {
    let value = value(at, place, rules, depth + 1);
    if sparse { prop_oneof![4 => value, 1 => Just(Value::Null)].boxed() } else { value }
}

/// What a header can hold: neither control characters nor spaces at its ends.
const HEADER: &str = "[!-~]([ -~]{0,10}[!-~])?";

fn text(at: &'static Member, place: Place) -> BoxedStrategy<String> {
    match place {
        Place::Header if at.json_value => Just("{\"a\": [1, \"é\"]}".to_owned()).boxed(),
        Place::Header => HEADER.boxed(),
        // A slash at the end of a path makes no difference, and dots are steps.
        Place::Label => "[a-zA-Z0-9 %?#&=+é]{1,10}".boxed(),
        _ if at.payload => "\\PC{1,20}".boxed(),
        // XML cannot hold the character zero, nor a few that are none.
        _ => prop_oneof!["\\PC{0,20}", "[\\x01-\\x7f]{0,20}", "[ \\r\\n\\t<>&\"'%+=;.,]{0,10}"].boxed(),
    }
}

fn moment(at: &'static Member, place: Place) -> BoxedStrategy<Value> {
    // From the year 1 to the year 9999.
    let millis = -62_000_000_000_000..253_000_000_000_000i64;
    let whole_seconds = place == Place::Header
        || at.timestamp_format_or(TimestampFormat::Iso8601) == TimestampFormat::HttpDate;
    millis
        .prop_map(move |millis| {
            let millis = if whole_seconds { millis / 1000 * 1000 } else { millis };
            Value::Timestamp(Timestamp::from_millis(millis))
        })
        .boxed()
}

fn document() -> BoxedStrategy<serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "\\PC{0,10}".prop_map(serde_json::Value::from),
    ];
    // A document that is null is a member that is not there.
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
    .prop_filter("null is absence", |value| !value.is_null())
    .boxed()
}
