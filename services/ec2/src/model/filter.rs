//! Filters of the Describe operations: a resource must match each filter, and matches one by any of its values.
//! Values are case-sensitive and know `*`, `?` and `\` ("List and filter your resources").

use std::collections::BTreeMap;

use ec2_api::Filter;

use crate::error::Error;
use crate::error::codes::{FILTER_LIMIT_EXCEEDED, INVALID_PARAMETER_VALUE};
use crate::limits::{FILTER_VALUES_MAX, FILTERS_MAX};

/// What a resource answers a filter's name with: its values, or nothing where no such filter is known.
/// A filter that is known and has no value here is an empty list.
pub type Values = Option<Vec<String>>;

/// The filters of one request, looked over.
#[derive(Debug, Default)]
pub struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    pub fn parse(given: Option<Vec<Filter>>) -> Result<Filters, Error> {
        let given = given.unwrap_or_default();
        if given.len() > FILTERS_MAX {
            let message = format!("The maximum number of filters is {FILTERS_MAX}");
            return Err(Error::new(&FILTER_LIMIT_EXCEEDED, message));
        }
        let mut filters = Vec::with_capacity(given.len());
        for Filter { name, values } in given {
            let name = name.ok_or_else(|| Error::missing("Filter.Name"))?;
            let values = values.unwrap_or_default();
            if values.is_empty() {
                return Err(Error::new(&INVALID_PARAMETER_VALUE, "The filter 'null' is invalid"));
            }
            if values.len() > FILTER_VALUES_MAX {
                let message = format!(
                    "The maximum number of filter values specified on a single call is {FILTER_VALUES_MAX}"
                );
                return Err(Error::new(&FILTER_LIMIT_EXCEEDED, message));
            }
            filters.push((name, values));
        }
        Ok(Filters(filters))
    }

    /// Whether one of these is among them, so that what it asks for has to be looked up.
    pub fn name_any(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a resource with these tags passes. `of` tells its values by a filter's name; tags are looked at here.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a filter that the operation does not know.
    pub fn admit(&self, tags: &BTreeMap<String, String>, of: &dyn Fn(&str) -> Values) -> Result<bool, Error> {
        let mut admitted = true;
        for (name, wanted) in &self.0 {
            let found = match (name.strip_prefix("tag:"), name.as_str()) {
                (Some(key), _) => tags.get(key).cloned().into_iter().collect(),
                (None, "tag-key") => tags.keys().cloned().collect(),
                (None, "tag-value") => tags.values().cloned().collect(),
                (None, name) => of(name).ok_or_else(|| unknown(name))?,
            };
            admitted &= found.iter().any(|value| wanted.iter().any(|pattern| matches(pattern, value)));
        }
        Ok(admitted)
    }

    /// Refuses filters that the operation does not know, also where there is no resource to look at.
    pub fn check(&self, of: &dyn Fn(&str) -> Values) -> Result<(), Error> {
        self.admit(&BTreeMap::new(), of).map(|_| ())
    }
}

fn unknown(name: &str) -> Error {
    Error::new(&INVALID_PARAMETER_VALUE, format!("The filter '{name}' is invalid"))
}

/// One value, for `of`.
pub fn one(value: impl ToString) -> Values {
    Some(vec![value.to_string()])
}

/// A value that may not be there.
pub fn maybe(value: Option<impl ToString>) -> Values {
    Some(value.into_iter().map(|value| value.to_string()).collect())
}

/// Times are compared as texts with milliseconds: `2021-09-29T11:04:43.305Z`.
pub fn with_millis(at: base::Timestamp) -> String {
    let text = at.to_iso8601();
    if text.contains('.') { text } else { text.replace('Z', ".000Z") }
}

/// `*` is any text, `?` one character; a backslash takes the meaning from either. Linear in the text for each star.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<Glyph> = glyphs(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut text_at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while text_at < text.len() {
        match pattern.get(at) {
            Some(Glyph::Any) => {
                back = Some((at + 1, text_at));
                at += 1;
            }
            Some(Glyph::One) => (at, text_at) = (at + 1, text_at + 1),
            Some(Glyph::Exactly(wanted)) if *wanted == text[text_at] => (at, text_at) = (at + 1, text_at + 1),
            _ => match back {
                Some((star, from)) => {
                    (at, text_at) = (star, from + 1);
                    back = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|glyph| matches!(glyph, Glyph::Any))
}

enum Glyph {
    Any,
    One,
    Exactly(char),
}

fn glyphs(pattern: &str) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        glyphs.push(match character {
            '*' => Glyph::Any,
            '?' => Glyph::One,
            '\\' => Glyph::Exactly(rest.next().unwrap_or('\\')),
            other => Glyph::Exactly(other),
        });
    }
    glyphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("running", "running", true),
            ("running", "Running", false),
            ("r*g", "running", true),
            ("r*n*g", "running", true),
            ("r*x", "running", false),
            ("?unning", "running", true),
            ("?running", "running", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("*aaa*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn each_filter_must_match_and_any_of_its_values_does() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: Some(name.to_owned()),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        let tags = BTreeMap::from([("Name".to_owned(), "web".to_owned())]);
        let of = |name: &str| match name {
            "state" => one("available"),
            "owner" => maybe(None::<String>),
            _ => None,
        };
        let check = |given: Vec<Filter>| Filters::parse(Some(given)).unwrap().admit(&tags, &of);
        assert!(check(vec![filter("state", &["pending", "avail*"]), filter("tag:Name", &["web"])]).unwrap());
        assert!(!check(vec![filter("state", &["available"]), filter("tag:Name", &["db"])]).unwrap());
        assert!(!check(vec![filter("owner", &["*"])]).unwrap());
        assert!(check(vec![filter("tag-key", &["N*"])]).unwrap());
        assert!(check(vec![filter("colour", &["red"])]).is_err());
    }
}
