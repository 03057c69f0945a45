//! Tags as IAM has them: keys are one whatever their case, and keep the case they were first given in.
//!
//! Reference: "Tags for AWS Identity and Access Management resources" of the user guide.

use std::collections::BTreeMap;

use iam_api::Tag;

use crate::error::Error;
use crate::limits::TAGS_MAX;

/// The tags of a new resource.
pub fn fresh(tags: Option<&[Tag]>) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    put(&mut all, tags.unwrap_or_default())?;
    Ok(all)
}

/// Adds tags, or replaces the values of those that are there; none if one of them is refused.
pub fn put(have: &mut BTreeMap<String, String>, added: &[Tag]) -> Result<(), Error> {
    for (index, tag) in added.iter().enumerate() {
        if tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            let message = "Tag keys that start with aws: are reserved for system use.";
            return Err(Error::InvalidInput(message.to_owned()));
        }
        if added[..index].iter().any(|other| same(&other.key, &tag.key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Error::InvalidInput(message.to_owned()));
        }
    }
    let stays = |key: &&String| !added.iter().any(|tag| same(&tag.key, key));
    if have.keys().filter(stays).count() + added.len() > TAGS_MAX {
        let message = format!("The number of tags has reached the maximum limit of {TAGS_MAX}.");
        return Err(Error::LimitExceeded(message));
    }
    have.retain(|key, _| stays(&key));
    have.extend(added.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
    Ok(())
}

/// Removes the tags of these keys; those that are not there are no error.
pub fn remove(have: &mut BTreeMap<String, String>, keys: &[String]) {
    have.retain(|key, _| !keys.iter().any(|gone| same(gone, key)));
}

/// Tags as answers have them, sorted by key.
pub fn list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Tags where answers leave them out if there are none.
pub fn some(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| list(tags))
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_key_is_the_same_in_any_case() {
        let mut tags = fresh(Some(&[tag("Department", "one"), tag("Cost", "")])).unwrap();
        put(&mut tags, &[tag("department", "two")]).unwrap();
        assert_eq!(list(&tags), [tag("Cost", ""), tag("department", "two")]);
        assert!(matches!(put(&mut tags, &[tag("a", "1"), tag("A", "2")]), Err(Error::InvalidInput(_))));
        assert!(matches!(fresh(Some(&[tag("AWS:x", "1")])), Err(Error::InvalidInput(_))));
        remove(&mut tags, &["COST".to_owned(), "absent".to_owned()]);
        assert_eq!(tags.len(), 1);
    }

    #[test]
    fn there_are_fifty_tags_at_most() {
        let mut tags = BTreeMap::new();
        let many: Vec<Tag> = (0..50).map(|number| tag(&format!("k{number}"), "")).collect();
        put(&mut tags, &many).unwrap();
        put(&mut tags, &many).unwrap();
        assert!(matches!(put(&mut tags, &[tag("more", "")]), Err(Error::LimitExceeded(_))));
    }
}
