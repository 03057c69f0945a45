//! Tags of parameters. The operations are for many kinds of things, of which parameters are the only ones here.

use std::collections::BTreeMap;

use service::{Call, TagChange, TagFault};
use ssm_api::{
    AddTagsToResourceInput, AddTagsToResourceOutput, ListTagsForResourceInput, ListTagsForResourceOutput,
    RemoveTagsFromResourceInput, RemoveTagsFromResourceOutput, ResourceTypeForTagging, Tag,
};

use super::update;
use crate::Ssm;
use crate::error::Error;
use crate::model::name::ParameterName;
use crate::records::PARAMETERS;

pub fn to_map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

pub fn tag_error(fault: TagFault) -> Error {
    match fault {
        TagFault::TooMany => Error::TooManyTags,
        TagFault::Reserved(_) => {
            let message = "aws: prefixed tag key names are not allowed for external use.";
            Error::Validation(message.to_owned())
        }
        other => Error::Validation(other.to_string()),
    }
}

/// The parameter that a request is about; everything else that has tags in Systems Manager is not here.
fn named(operation: &str, kind: &ResourceTypeForTagging, id: &str) -> Result<ParameterName, Error> {
    if *kind != ResourceTypeForTagging::Parameter {
        let message =
            format!("ssm:{operation} for resources of the type {kind} is not implemented by Fogbank");
        return Err(Error::NotImplemented(message));
    }
    ParameterName::parse(id).map_err(|_| Error::InvalidResourceId)
}

fn absent() -> Error {
    Error::InvalidResourceId
}

pub async fn add_tags_to_resource(
    ssm: &Ssm,
    call: &Call,
    input: AddTagsToResourceInput,
) -> Result<AddTagsToResourceOutput, Error> {
    let name = named("AddTagsToResource", &input.resource_type, &input.resource_id)?;
    let change = TagChange::Put(to_map(input.tags));
    update(ssm, &call.scope(), &name, absent, |record| change.apply(&mut record.tags).map_err(tag_error))
        .await?;
    Ok(AddTagsToResourceOutput {})
}

pub async fn remove_tags_from_resource(
    ssm: &Ssm,
    call: &Call,
    input: RemoveTagsFromResourceInput,
) -> Result<RemoveTagsFromResourceOutput, Error> {
    let name = named("RemoveTagsFromResource", &input.resource_type, &input.resource_id)?;
    let change = TagChange::Remove(input.tag_keys);
    update(ssm, &call.scope(), &name, absent, |record| change.apply(&mut record.tags).map_err(tag_error))
        .await?;
    Ok(RemoveTagsFromResourceOutput {})
}

pub async fn list_tags_for_resource(
    ssm: &Ssm,
    call: &Call,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let name = named("ListTagsForResource", &input.resource_type, &input.resource_id)?;
    let (scope, key) = (&call.scope(), name.key());
    let key = key.as_str();
    let found = ssm.store.read(|tx| async move { PARAMETERS.get(&tx, scope, key).await }).await?;
    let record = found.filter(|record| record.name == name.as_str()).ok_or_else(absent)?;
    let tags = record.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(ListTagsForResourceOutput { tag_list: Some(tags) })
}
