//! JSON with one fact a line, so that a diff shows which fact changed.

use std::fmt::Write as _;

use serde_json::Value;

/// A quoted string.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `"name":{` entries, one a line, `}`; the entries are JSON already.
pub fn object(name: &str, entries: impl IntoIterator<Item = (String, String)>) -> String {
    let mut text = format!("{}:{{", quoted(name));
    for (index, (key, value)) in entries.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}\n{}:{value}", quoted(&key)).expect("a string takes everything");
    }
    text.push_str("\n}");
    text
}

/// A list of strings on one line.
pub fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| quoted(item)).collect();
    format!("[{}]", quoted.join(","))
}
