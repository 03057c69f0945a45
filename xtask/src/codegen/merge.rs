//! Lays our reviewed corrections (`models/corrections/<service>.json`) over the imported facts.
//!
//! A correction has the format of a model and holds only what differs: objects merge key by key, `null` removes,
//! anything else replaces. A file-level `"why"` says where the corrections come from.

use serde_json::Value;

use super::facts::expand;

/// Merges `correction` into `facts`. A member written as a bare shape name becomes an object when it must.
pub fn merge(facts: &mut Value, correction: Value) {
    match correction {
        Value::Object(entries) => {
            expand(facts);
            if !facts.is_object() {
                *facts = Value::Object(serde_json::Map::new());
            }
            let Value::Object(into) = facts else { unreachable!("it was just made an object") };
            for (key, value) in entries {
                if value.is_null() {
                    into.shift_remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        other => *facts = other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn corrections_add_replace_and_remove() {
        let mut facts = json!({"a": {"x": 1, "y": 2}, "members": {"M": "String", "N": "String"}});
        merge(&mut facts, json!({"a": {"x": 3, "y": null, "z": [1]}, "members": {"M": {"query": "Em"}}}));
        let expected = json!({
            "a": {"x": 3, "z": [1]},
            "members": {"M": {"shape": "String", "query": "Em"}, "N": "String"},
        });
        assert_eq!(facts, expected);
    }
}
