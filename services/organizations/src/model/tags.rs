//! Tags, as lists of keys and values come in and go out.

use std::collections::BTreeMap;

use organizations_api::{InvalidInputExceptionReason as Reason, Tag};
use service::{TagChange, TagFault};

use crate::error::Error;

pub type Tags = BTreeMap<String, String>;

/// The tags of a new resource.
pub fn of_new(tags: Option<Vec<Tag>>) -> Result<Tags, Error> {
    let mut all = Tags::new();
    put(&mut all, tags.unwrap_or_default())?;
    Ok(all)
}

pub fn put(tags: &mut Tags, added: Vec<Tag>) -> Result<(), Error> {
    let mut distinct = Tags::new();
    for Tag { key, value } in added {
        if distinct.insert(key, value).is_some() {
            let message = "You have specified a duplicate tag key. Tag keys must be unique.";
            return Err(Error::invalid(Reason::DuplicateTagKey, message));
        }
    }
    TagChange::Put(distinct).apply(tags).map_err(refused)
}

pub fn remove(tags: &mut Tags, keys: Vec<String>) -> Result<(), Error> {
    TagChange::Remove(keys).apply(tags).map_err(refused)
}

fn refused(fault: TagFault) -> Error {
    match fault {
        TagFault::TooMany => Error::TooManyTags,
        TagFault::Reserved(_) => Error::invalid(
            Reason::InvalidSystemTagsParameter,
            "You specified a tag key that is a system tag. System tags are reserved for AWS use.",
        ),
        TagFault::KeyLength(_) | TagFault::ValueLength(_) => Error::invalid(
            Reason::MaxLengthExceeded,
            "You provided a string parameter that is longer than allowed.",
        ),
        TagFault::Characters(_) => Error::invalid(
            Reason::InvalidPattern,
            "You provided a value that does not match the required pattern.",
        ),
    }
}

pub fn to_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_key_may_come_once_and_not_be_awss_own() {
        assert_eq!(
            to_list(&of_new(Some(vec![tag("b", "2"), tag("a", "1")])).unwrap()),
            [tag("a", "1"), tag("b", "2")]
        );
        for refused in [vec![tag("a", "1"), tag("a", "2")], vec![tag("aws:x", "")]] {
            assert!(matches!(of_new(Some(refused)), Err(Error::InvalidInput(..))));
        }
        let many = (0..51).map(|number| tag(&number.to_string(), "")).collect();
        assert!(matches!(of_new(Some(many)), Err(Error::TooManyTags)));
    }
}
