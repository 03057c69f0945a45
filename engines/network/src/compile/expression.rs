//! The words of nftables' JSON language that the rules are written in. See libnftables-json(5).

use serde_json::{Value, json};

/// A rule: its statements, in order.
pub type Rule = Vec<Value>;

pub fn meta(key: &str) -> Value {
    json!({ "meta": { "key": key } })
}

pub fn ct(key: &str) -> Value {
    json!({ "ct": { "key": key } })
}

pub fn field(protocol: &str, field: &str) -> Value {
    json!({ "payload": { "protocol": protocol, "field": field } })
}

pub fn both(left: Value, right: Value) -> Value {
    json!({ "concat": [left, right] })
}

pub fn is(left: Value, right: impl Into<Value>) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right.into() } })
}

pub fn is_not(left: Value, right: impl Into<Value>) -> Value {
    json!({ "match": { "op": "!=", "left": left, "right": right.into() } })
}

pub fn is_in(left: Value, set: &str) -> Value {
    is(left, format!("@{set}"))
}

pub fn is_not_in(left: Value, set: &str) -> Value {
    is_not(left, format!("@{set}"))
}

pub fn any_of<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
    json!({ "set": values.into_iter().map(Into::into).collect::<Vec<Value>>() })
}

/// The verdict that a map holds for the key; the next rule when it holds none.
pub fn verdict_of(key: Value, map: &str) -> Value {
    json!({ "vmap": { "key": key, "data": format!("@{map}") } })
}

/// Sets `key` to what a map holds for `by`; ends the rule when it holds nothing.
pub fn set_from_map(key: Value, by: Value, map: &str) -> Value {
    json!({ "mangle": { "key": key, "value": { "map": { "key": by, "data": format!("@{map}") } } } })
}

/// By whose routing table a packet travels.
pub fn set_mark(mark: u32) -> Value {
    json!({ "mangle": { "key": meta("mark"), "value": mark } })
}

/// Adds a bit to the connection's mark.
pub fn mark_connection(bit: u32) -> Value {
    json!({ "mangle": { "key": ct("mark"), "value": { "|": [ct("mark"), bit] } } })
}

/// Whether a bit of the connection's mark is off.
pub fn unmarked_connection(bit: u32) -> Value {
    is(json!({ "&": [ct("mark"), bit] }), 0)
}

pub fn jump(chain: &str) -> Value {
    json!({ "jump": { "target": chain } })
}

pub fn goto(chain: &str) -> Value {
    json!({ "goto": { "target": chain } })
}

pub fn accept() -> Value {
    json!({ "accept": null })
}

pub fn drop() -> Value {
    json!({ "drop": null })
}

/// Back to the rule after the jump.
pub fn back() -> Value {
    json!({ "return": null })
}
