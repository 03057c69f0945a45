//! One condition of a policy.

use serde_json::Value;

use super::form::Form;
use super::policy::LengthRange;

/// What a form must keep to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// `["eq", "$acl", "public-read"]`, or `{"acl": "public-read"}`.
    Equals(Match),
    /// `["starts-with", "$key", "user/"]`.
    StartsWith(Match),
    /// `["content-length-range", 1, 1048576]`.
    Length(LengthRange),
    /// What S3 cannot read fails rather than being skipped.
    Unreadable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// As the policy spells it.
    shown: String,
    /// In lower case.
    pub field: String,
    value: String,
}

impl Match {
    fn new(field: &str, value: &str) -> Match {
        Match { shown: field.to_owned(), field: field.to_ascii_lowercase(), value: value.to_owned() }
    }
}

/// Reads one element of the list; an object may hold several.
pub(super) fn read(element: &Value) -> Vec<Condition> {
    match element {
        Value::Object(entries) => {
            let each = entries.iter().map(|(field, value)| match value {
                Value::String(value) => Condition::Equals(Match::new(field, value)),
                other => Condition::Unreadable(shown(&["eq", &format!("${field}")], other)),
            });
            each.collect()
        }
        Value::Array(parts) => {
            vec![read_list(parts).unwrap_or_else(|| Condition::Unreadable(element.to_string()))]
        }
        other => vec![Condition::Unreadable(other.to_string())],
    }
}

fn read_list(parts: &[Value]) -> Option<Condition> {
    let [operator, first, second] = parts else { return None };
    let operator = operator.as_str()?.to_ascii_lowercase();
    if operator == "content-length-range" {
        let (min, max) = (number(first)?, number(second)?);
        return Some(Condition::Length(LengthRange { min, max }));
    }
    let matched = Match::new(first.as_str()?.strip_prefix('$')?, second.as_str()?);
    match operator.as_str() {
        "eq" => Some(Condition::Equals(matched)),
        "starts-with" => Some(Condition::StartsWith(matched)),
        _ => None,
    }
}

/// Some libraries write numbers as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl Condition {
    /// The field that the condition is about.
    pub fn field(&self) -> Option<&str> {
        match self {
            Condition::Equals(matched) | Condition::StartsWith(matched) => Some(&matched.field),
            Condition::Length(_) | Condition::Unreadable(_) => None,
        }
    }

    /// Whether a form keeps it. The length of the file is not known yet.
    pub fn holds(&self, form: &Form, bucket: &str) -> bool {
        let value = |field: &str| if field == "bucket" { Some(bucket) } else { form.get(field) };
        match self {
            Condition::Equals(matched) => value(&matched.field) == Some(matched.value.as_str()),
            Condition::StartsWith(matched) => match value(&matched.field) {
                // A list of types is one where each is as it shall be.
                Some(value) if matched.field == "content-type" && value.contains(',') => {
                    value.split(',').all(|each| each.trim_start().starts_with(&matched.value))
                }
                Some(value) => value.starts_with(&matched.value),
                // Any value will do, and none.
                None => matched.value.is_empty(),
            },
            Condition::Length(_) => true,
            Condition::Unreadable(_) => false,
        }
    }

    /// As S3 writes it into its answer.
    pub fn shown(&self) -> String {
        let list = |operator: &str, matched: &Match| {
            let value = Value::from(matched.value.as_str());
            shown(&[operator, &format!("${}", matched.shown)], &value)
        };
        match self {
            Condition::Equals(matched) => list("eq", matched),
            Condition::StartsWith(matched) => list("starts-with", matched),
            Condition::Length(LengthRange { min, max }) => {
                format!("[\"content-length-range\", {min}, {max}]")
            }
            Condition::Unreadable(text) => text.chars().take(SHOWN_CHARS_MAX).collect(),
        }
    }
}

/// More of what cannot be read is not repeated.
const SHOWN_CHARS_MAX: usize = 256;

fn shown(words: &[&str], value: &Value) -> String {
    let words = words.iter().map(|word| Value::from(*word).to_string());
    let all: Vec<String> = words.chain([value.to_string()]).collect();
    format!("[{}]", all.join(", "))
}
