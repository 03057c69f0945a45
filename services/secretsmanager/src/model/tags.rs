//! Tags as requests list them, and as records keep them.

use std::collections::BTreeMap;

use secretsmanager_api::Tag;
use service::TagFault;

use crate::error::Error;

/// Reads the tags of a request; a key may be there once.
pub fn read(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut map = BTreeMap::new();
    for tag in tags {
        let key = tag.key.ok_or_else(|| Error::parameter("A tag must have a key."))?;
        if map.insert(key.clone(), tag.value.unwrap_or_default()).is_some() {
            return Err(Error::parameter(format!("The tag key {key} is there more than once.")));
        }
    }
    service::check_tags(&map)?;
    Ok(map)
}

pub fn write(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let each = tags.iter();
    each.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

impl From<TagFault> for Error {
    fn from(fault: TagFault) -> Error {
        Error::parameter(match fault {
            TagFault::TooMany => "You can't have more than 50 tags on a secret.".to_owned(),
            TagFault::Reserved(_) => {
                "Tag keys and values that begin with aws: are reserved for system use.".to_owned()
            }
            other => format!("Invalid tag: {other}."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> Tag {
        Tag { key: Some(key.to_owned()), value: None }
    }

    #[test]
    fn a_key_is_there_once_and_is_not_reserved() {
        assert!(read(vec![tag("a"), tag("A")]).is_ok());
        for bad in [vec![tag("a"), tag("a")], vec![tag("aws:x")], vec![Tag::default()]] {
            assert!(matches!(read(bad), Err(Error::InvalidParameter(_))));
        }
    }
}
