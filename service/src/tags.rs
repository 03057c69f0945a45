//! Tags: the rules that all services share. Each service words the error itself.
//!
//! Reference: "Tag naming limits and requirements" in the tagging guide.

use std::collections::BTreeMap;

use crate::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};

/// What is wrong with a set of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagFault {
    #[error("a resource has at most {TAGS_MAX} tags")]
    TooMany,
    #[error("the tag key {0:?} is empty or longer than {TAG_KEY_CHARS_MAX} characters")]
    KeyLength(String),
    #[error("the value of tag {0:?} is longer than {TAG_VALUE_CHARS_MAX} characters")]
    ValueLength(String),
    #[error("the tag key {0:?} begins with the reserved aws:")]
    Reserved(String),
    #[error("tag {0:?} has a character other than letters, digits, spaces and _ . : / = + - @")]
    Characters(String),
}

/// A change to a resource's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    Put(BTreeMap<String, String>),
    Remove(Vec<String>),
}

impl TagChange {
    /// Applies the change if the outcome keeps the rules, and leaves `tags` as they were if not.
    pub fn apply(&self, tags: &mut BTreeMap<String, String>) -> Result<(), TagFault> {
        match self {
            TagChange::Remove(keys) => keys.iter().for_each(|key| drop(tags.remove(key))),
            TagChange::Put(added) => {
                check_tags(added)?;
                let fresh = added.keys().filter(|key| !tags.contains_key(*key)).count();
                if tags.len() + fresh > TAGS_MAX {
                    return Err(TagFault::TooMany);
                }
                tags.extend(added.clone());
            }
        }
        Ok(())
    }
}

/// Checks the tags of a new resource, or those about to be added.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), TagFault> {
    if tags.len() > TAGS_MAX {
        return Err(TagFault::TooMany);
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > TAG_KEY_CHARS_MAX {
            return Err(TagFault::KeyLength(key.clone()));
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return Err(TagFault::ValueLength(key.clone()));
        }
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(TagFault::Reserved(key.clone()));
        }
        if !key.chars().chain(value.chars()).all(is_tag_character) {
            return Err(TagFault::Characters(key.clone()));
        }
    }
    Ok(())
}

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_keep_the_common_rules() {
        assert_eq!(check_tags(&tags(&[("Größe", "a b_c.:/=+-@"), ("x", "")])), Ok(()));
        assert_eq!(check_tags(&tags(&[("", "x")])), Err(TagFault::KeyLength(String::new())));
        assert_eq!(check_tags(&tags(&[("AWS:x", "")])), Err(TagFault::Reserved("AWS:x".into())));
        assert_eq!(check_tags(&tags(&[("a", "b!")])), Err(TagFault::Characters("a".into())));
        let long = "v".repeat(257);
        assert_eq!(check_tags(&tags(&[("a", &long)])), Err(TagFault::ValueLength("a".into())));
    }

    #[test]
    fn a_change_that_breaks_a_rule_changes_nothing() {
        let mut have: BTreeMap<_, _> = (0..50).map(|n| (format!("k{n}"), String::new())).collect();
        let before = have.clone();
        assert_eq!(TagChange::Put(tags(&[("new", "")])).apply(&mut have), Err(TagFault::TooMany));
        assert_eq!(have, before);
        assert_eq!(TagChange::Put(tags(&[("k1", "changed")])).apply(&mut have), Ok(()));
        assert_eq!(have["k1"], "changed");
        TagChange::Remove(vec!["k1".into(), "absent".into()]).apply(&mut have).unwrap();
        assert_eq!(have.len(), 49);
    }
}
