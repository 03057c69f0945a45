//! No pattern of a model is skipped in silence: those that no engine of ours understands are listed here.

use std::collections::BTreeSet;
use std::path::Path;

use fogbank_schema::Pattern;
use serde_json::Value;

/// What accepts everything. The list may only shrink.
const NOT_ENFORCED: &[(&str, &str)] = &[
    // Any characters, in Java's words.
    ("dlm", r"[\p{all}]*"),
    // A repeated look-ahead.
    ("efs", r"^(\/|(\/(?!\.)+[^$#<>;`|&?{}^*/\n]+){1,4})$"),
    // Too large to compile, and a length limit says the same.
    ("ssm", "^.{1,100000}$"),
];

fn collect(value: &Value, model: &str, into: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(pattern) if name == "pattern" => {
                        into.insert((model.to_owned(), pattern.clone()));
                    }
                    other => collect(other, model, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, model, into)),
        _ => {}
    }
}

/// Every pattern of every model that APIs are generated from, now or later.
fn patterns() -> BTreeSet<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the models are beside the crates") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let model = path.file_stem().and_then(|name| name.to_str()).expect("models have plain names");
            let text = std::fs::read(&path).expect("a model can be read");
            collect(&serde_json::from_slice(&text).expect("a model is JSON"), model, &mut found);
        }
    }
    found
}

#[test]
fn every_pattern_is_enforced_but_those_that_are_listed() {
    let all = patterns();
    assert!(all.len() > 500, "only {} patterns were found", all.len());
    let skipped: BTreeSet<(&str, &str)> = all
        .iter()
        .filter(|(_, source)| !Pattern::new(source.clone().leak()).is_enforced())
        .map(|(model, source)| (model.as_str(), source.as_str()))
        .collect();
    assert_eq!(skipped, NOT_ENFORCED.iter().copied().collect());
}
