//! What a list of keys shows, and in which pages: prefix, delimiter, marker, limit.
//!
//! A delimiter groups all keys that have it somewhere behind the prefix: each group is shown once, as the common prefix
//! that ends with the first delimiter, and counts as one. A group is shown only if it comes after the marker *as a
//! whole*: a marker inside of a group hides all of it, although some of its keys come after the marker (the
//! documentation of `delimiter` in ListObjectsV2). So the common prefix is itself the marker to go on after.
//! Reference: "Organizing objects using prefixes" and "Listing object keys programmatically" of the S3 guide.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::error::Error;
use crate::limits::{KEY_BYTES_MAX, LIST_ENTRIES_MAX};

/// What a list asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub prefix: String,
    /// Not empty.
    pub delimiter: Option<String>,
    /// Keys and groups together.
    pub limit: usize,
}

/// Where a list begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    First,
    /// With what comes after this key.
    After(String),
    /// With what comes after all keys that begin so.
    Over(String),
}

/// One page of a list while it is filled.
#[derive(Debug)]
pub struct Page<'q, T> {
    query: &'q Query,
    pub items: Vec<T>,
    /// The common prefixes, in order.
    pub groups: Vec<String>,
    /// The last of the page, if that is a group.
    last_group: bool,
    /// There is more.
    pub is_truncated: bool,
}

/// What to look at next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Next,
    /// Nothing that begins like this needs to be looked at.
    Over(String),
    /// The page is full, and this key was too much.
    Full,
}

impl Query {
    /// An empty delimiter is as good as none.
    pub fn new(prefix: Option<String>, delimiter: Option<String>, limit: usize) -> Query {
        Query {
            prefix: prefix.unwrap_or_default(),
            delimiter: delimiter.filter(|text| !text.is_empty()),
            limit,
        }
    }

    /// The common prefix that a key is shown under, if it is in a group.
    pub fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_deref()?;
        let behind = key.strip_prefix(self.prefix.as_str())?;
        let at = behind.find(delimiter)?;
        Some(&key[..self.prefix.len() + at + delimiter.len()])
    }

    /// Where the page after `marker` begins.
    pub fn start(&self, marker: Option<&str>) -> Start {
        match marker.filter(|marker| !marker.is_empty()) {
            None => Start::First,
            Some(marker) => match self.group(marker) {
                Some(group) => Start::Over(group.to_owned()),
                None => Start::After(marker.to_owned()),
            },
        }
    }
}

impl<'q, T> Page<'q, T> {
    pub fn new(query: &'q Query) -> Page<'q, T> {
        Page { query, items: Vec::new(), groups: Vec::new(), last_group: false, is_truncated: false }
    }

    /// Whether anything is to be shown, and so to be looked at.
    pub fn takes_any(&self) -> bool {
        self.query.limit > 0
    }

    /// How many keys and groups it has.
    pub fn len(&self) -> usize {
        self.items.len() + self.groups.len()
    }

    /// How many more it takes.
    pub fn room(&self) -> usize {
        self.query.limit - self.len()
    }

    /// Takes in what is next, in ascending order; its key has the query's prefix.
    pub fn take(&mut self, key: String, item: impl FnOnce(String) -> T) -> Step {
        debug_assert!(key.starts_with(&self.query.prefix), "other keys are not looked at");
        if self.room() == 0 {
            self.is_truncated = true;
            return Step::Full;
        }
        let Some(group) = self.query.group(&key) else {
            self.items.push(item(key));
            self.last_group = false;
            return Step::Next;
        };
        debug_assert!(self.groups.last().is_none_or(|last| last.as_str() < group), "groups are passed over");
        self.groups.push(group.to_owned());
        self.last_group = true;
        Step::Over(group.to_owned())
    }

    /// The common prefix that the page ends with, if it ends with one.
    pub fn last_group(&self) -> Option<&str> {
        self.groups.last().filter(|_| self.last_group).map(String::as_str)
    }

    /// The last item, if the page ends with one.
    pub fn last_item(&self) -> Option<&T> {
        self.items.last().filter(|_| !self.last_group)
    }
}

/// Comes after everything that begins with `prefix` and before everything else that comes after that, as long as keys
/// are no longer than S3 allows: no character is greater, and no key has so many.
pub fn beyond(prefix: &str) -> String {
    let characters = KEY_BYTES_MAX / char::MAX.len_utf8() + 1;
    let mut place = String::with_capacity(prefix.len() + characters * char::MAX.len_utf8());
    place.push_str(prefix);
    place.extend(std::iter::repeat_n(char::MAX, characters));
    place
}

/// How many entries a list shows at most; `name` is as S3 calls the argument in its errors (`maxKeys`, `max-uploads`).
pub fn limit(value: Option<i32>, name: &str) -> Result<usize, Error> {
    let Some(value) = value else { return Ok(LIST_ENTRIES_MAX) };
    let limit = usize::try_from(value).map_err(|_| negative(name, value))?;
    Ok(limit.min(LIST_ENTRIES_MAX))
}

pub fn negative(name: &str, value: i32) -> Error {
    let message = format!("Argument {name} must be an integer between 0 and 2147483647");
    Error::argument(message, name, &value.to_string())
}

/// Whether names are to be shown in the encoding of URLs.
pub fn is_encoded(encoding: Option<&s3_api::EncodingType>) -> Result<bool, Error> {
    match encoding {
        None => Ok(false),
        Some(s3_api::EncodingType::Url) => Ok(true),
        Some(other) => {
            let message = "Invalid Encoding Method specified in Request";
            Err(Error::argument(message, "encoding-type", other.as_str()))
        }
    }
}

/// What stays as it is in the encoding of names: as in forms, and slashes.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// A name as an answer shows it.
pub fn shown(name: &str, is_encoded: bool) -> String {
    if !is_encoded {
        return name.to_owned();
    }
    let encoded: Cow<'_, str> = percent_encode(name.as_bytes(), PLAIN).into();
    encoded.replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Bound;

    use proptest::prelude::*;

    use super::*;

    fn query(prefix: &str, delimiter: Option<&str>, limit: usize) -> Query {
        Query::new(Some(prefix.to_owned()), delimiter.map(str::to_owned), limit)
    }

    /// A page as the operations fill it: seeks where they seek, on a sorted set.
    fn page(
        keys: &BTreeSet<String>,
        query: &Query,
        marker: Option<&str>,
    ) -> (Vec<String>, Vec<String>, bool) {
        let mut page = Page::new(query);
        if !page.takes_any() {
            return (Vec::new(), Vec::new(), false);
        }
        let mut from = match query.start(marker) {
            Start::First => Bound::Included(query.prefix.clone()),
            Start::After(key) => Bound::Excluded(key),
            Start::Over(group) => Bound::Excluded(beyond(&group)),
        };
        loop {
            let next =
                keys.range((from.clone(), Bound::Unbounded)).find(|key| key.starts_with(&query.prefix));
            let Some(key) = next else { break };
            from = match page.take(key.clone(), |key| key) {
                Step::Next => Bound::Excluded(key.clone()),
                Step::Over(group) => Bound::Excluded(beyond(&group)),
                Step::Full => break,
            };
        }
        let truncated = page.is_truncated;
        (page.items, page.groups, truncated)
    }

    /// All that a list shows, computed the plain way.
    fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>, marker: &str) -> Vec<String> {
        let mut shown = BTreeSet::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let behind = &key[prefix.len()..];
            let group = delimiter.and_then(|delimiter| {
                behind.find(delimiter).map(|at| key[..prefix.len() + at + delimiter.len()].to_owned())
            });
            shown.insert(group.unwrap_or_else(|| key.clone()));
        }
        shown.into_iter().filter(|name| name.as_str() > marker).collect()
    }

    fn text(length: usize) -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            "b",
            "/",
            "//",
            "\0",
            "\u{1}",
            "é",
            "日本",
            "\u{10ffff}",
            "\u{ffff}",
            " ",
            "+",
            "%",
            "&",
            "-",
        ]);
        prop::collection::vec(piece, 0..=length).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_pages_of_a_list_are_its_model(
            keys in prop::collection::btree_set(text(6).prop_filter("keys have characters", |key| !key.is_empty()), 0..40),
            prefix in text(2),
            delimiter in prop::option::of(text(1).prop_filter("not empty", |text| !text.is_empty())),
            marker in text(4),
            limit in 1_usize..8,
        ) {
            let query = query(&prefix, delimiter.as_deref(), limit);
            let expected = model(&keys, &prefix, delimiter.as_deref(), &marker);
            let (mut seen, mut marker) = (Vec::new(), marker);
            loop {
                let (items, groups, truncated) = page(&keys, &query, Some(&marker));
                prop_assert!(items.len() + groups.len() <= limit);
                prop_assert!(!truncated || items.len() + groups.len() == limit);
                let mut names: Vec<String> = items.into_iter().chain(groups).collect();
                names.sort();
                if let Some(last) = names.last() {
                    marker.clone_from(last);
                }
                seen.extend(names);
                if !truncated {
                    break;
                }
            }
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn what_is_beyond_a_prefix_comes_right_after_all_that_has_it(prefix in text(4), other in text(8)) {
            let place = beyond(&prefix);
            prop_assert_eq!(other > place, other > prefix && !other.starts_with(&prefix));
        }
    }

    #[test]
    fn groups_end_with_the_first_delimiter_behind_the_prefix() {
        for (prefix, delimiter, key, group) in [
            ("", Some("/"), "a/b/c", Some("a/")),
            ("a/", Some("/"), "a/b/c", Some("a/b/")),
            ("a/", Some("/"), "a/b", None),
            ("a/", Some("/"), "a/", None),
            ("a", Some("/"), "a/", Some("a/")),
            ("", Some("b/"), "a/b/c", Some("a/b/")),
            ("", None, "a/b", None),
            ("", Some(""), "a/b", None),
            ("x", Some("/"), "a/b", None),
        ] {
            assert_eq!(query(prefix, delimiter, 9).group(key), group, "{prefix} {delimiter:?} {key}");
        }
    }

    #[test]
    fn a_marker_inside_of_a_group_hides_the_whole_group() {
        let keys: BTreeSet<String> = ["a", "b/1", "b/2", "c"].map(str::to_owned).into();
        let query = query("", Some("/"), 10);
        assert_eq!(page(&keys, &query, Some("b/1")).0, ["c"]);
        assert!(page(&keys, &query, Some("b/1")).1.is_empty());
        assert_eq!(page(&keys, &query, Some("b")).1, ["b/"]);
        assert_eq!(page(&keys, &query, Some("b/")).1, [""; 0]);
    }

    #[test]
    fn a_page_of_nothing_is_not_truncated() {
        let keys: BTreeSet<String> = ["a".to_owned()].into();
        assert_eq!(page(&keys, &query("", None, 0), None), (Vec::new(), Vec::new(), false));
        assert_eq!(page(&keys, &query("", None, 1), None), (vec!["a".to_owned()], Vec::new(), false));
    }

    #[test]
    fn names_are_encoded_as_in_forms_but_for_slashes() {
        for (name, encoded) in [
            ("a b.txt", "a+b.txt"),
            ("a+b.txt", "a%2Bb.txt"),
            ("100%.csv", "100%25.csv"),
            ("한글/x.txt", "%ED%95%9C%EA%B8%80/x.txt"),
            ("test_file(3).png", "test_file%283%29.png"),
            ("\u{1}&=?\"", "%01%26%3D%3F%22"),
            ("a-b_c.d*e", "a-b_c.d*e"),
        ] {
            assert_eq!(shown(name, true), encoded);
            assert_eq!(shown(name, false), name);
        }
    }

    #[test]
    fn limits_are_capped_and_not_negative() {
        assert_eq!(limit(None, "maxKeys").unwrap(), 1000);
        assert_eq!(limit(Some(5000), "maxKeys").unwrap(), 1000);
        assert_eq!(limit(Some(0), "maxKeys").unwrap(), 0);
        let error = limit(Some(-1), "maxKeys").unwrap_err();
        assert!(error.to_string().contains("Argument maxKeys must be an integer between 0 and 2147483647"));
    }
}
