//! Tags of keys, in KMS's words.

use std::collections::BTreeMap;

use kms_api::Tag;
use service::{TagChange, TagFault};

use crate::error::Error;

/// A list as a map; no key may be there twice.
pub fn read(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut read = BTreeMap::new();
    for Tag { tag_key, tag_value } in tags {
        if read.insert(tag_key, tag_value).is_some() {
            return Err(Error::Tag("Duplicate tag keys".to_owned()));
        }
    }
    Ok(read)
}

pub fn write(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tags = tags.iter();
    tags.map(|(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() }).collect()
}

pub fn apply(change: &TagChange, tags: &mut BTreeMap<String, String>) -> Result<(), Error> {
    change.apply(tags).map_err(|fault| match fault {
        TagFault::TooMany => Error::Tag("Too many tags".to_owned()),
        other => Error::Tag(other.to_string()),
    })
}
