//! Tags of resources, as requests bring them.

use std::collections::BTreeMap;

use ec2_api::{Tag, TagSpecification};
use service::check_tags;

use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, TAG_LIMIT_EXCEEDED};
use crate::kind::Kind;

pub type Tags = BTreeMap<String, String>;

/// The tags that a request gives a new resource of this kind, among those for others.
///
/// # Errors
/// `InvalidParameterValue` where the type is none that the operation makes, or a tag is not well-formed.
pub fn specified(
    specifications: Option<&[TagSpecification]>,
    kind: &Kind,
    also: &[&Kind],
) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for specification in specifications.unwrap_or_default() {
        let Some(of) = specification.resource_type.as_deref() else {
            return Err(Error::new(
                &INVALID_PARAMETER_VALUE,
                "Tag specification resource type must have a value",
            ));
        };
        if of == kind.name {
            tags.extend(given(specification.tags.as_deref())?);
        } else if !also.iter().any(|kind| kind.name == of) {
            let message = format!("'{of}' is not a valid taggable resource type for this operation.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    Ok(tags)
}

/// A list of tags, looked over.
pub fn given(tags: Option<&[Tag]>) -> Result<Tags, Error> {
    let mut found = Tags::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        let key = key.clone().ok_or_else(|| Error::missing("Tag.Key"))?;
        let value = value.clone().unwrap_or_default();
        if found.insert(key.clone(), value).is_some() {
            let message = format!("Duplicate tag key '{key}' specified.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    check(&found)?;
    Ok(found)
}

/// Refuses tags that no resource may have, and more than one may have.
pub fn check(tags: &Tags) -> Result<(), Error> {
    check_tags(tags).map_err(|fault| match fault {
        service::TagFault::TooMany => Error::new(&TAG_LIMIT_EXCEEDED, "Too many tags: the limit is 50"),
        other => Error::new(&INVALID_PARAMETER_VALUE, other.to_string()),
    })
}

/// As the API shows them.
pub fn shown(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}
