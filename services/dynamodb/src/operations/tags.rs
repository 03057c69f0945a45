//! Tags of tables and streams.
//!
//! Surprising: `Atleast one Tag needs to be provided as Input.`, and CreateTable takes the same number of tags as the
//! other operations but refuses a key that is there twice.

use std::collections::BTreeMap;

use dynamodb_api::{
    ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use service::{Call, TagChange, check_tags};

use super::tables::tag_error;
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::LIST_TAGS_MAX;
use crate::model::resource_arn::{self, Resource};
use std::sync::Arc;

const OPERATION: &str = "ListTagsOfResource";

fn to_map(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut map = BTreeMap::new();
    for Tag { key, value } in tags {
        if map.contains_key(&key) {
            return Err(Error::Validation(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}"
            )));
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// The tags of a table that is to be made.
pub fn of_new(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let tags = to_map(tags)?;
    check_tags(&tags).map_err(tag_error)?;
    Ok(tags)
}

/// The table that an ARN names, or whose stream it names: a stream has its table's tags.
async fn tagged(dynamodb: &DynamoDB, call: &Call, text: &str) -> Result<Arc<TableView>, Error> {
    let arn = resource_arn::parse(call.region, text)?;
    let absent =
        || Error::ResourceNotFound(format!("Requested resource not found: ResourceArn: {text} not found"));
    let place = arn.account().zip(arn.region()).ok_or_else(absent)?;
    let name = match resource_arn::kind(&arn) {
        Some(Resource::Table { name }) => name,
        Some(Resource::Stream { table, .. }) => table,
        None => return Err(absent()),
    };
    dynamodb.directory.find(place, &name).await?.ok_or_else(absent)
}

pub async fn tag_resource(
    dynamodb: &DynamoDB,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    if input.tags.is_empty() {
        return Err(Error::Validation("Atleast one Tag needs to be provided as Input.".to_owned()));
    }
    let change = TagChange::Put(to_map(input.tags)?);
    let view = tagged(dynamodb, call, &input.resource_arn).await?;
    dynamodb.directory.change(&view, |record| change.apply(&mut record.tags).map_err(tag_error)).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    if input.tag_keys.is_empty() {
        return Err(Error::Validation("Atleast one Tag Key needs to be provided as Input.".to_owned()));
    }
    let change = TagChange::Remove(input.tag_keys);
    let view = tagged(dynamodb, call, &input.resource_arn).await?;
    dynamodb.directory.change(&view, |record| change.apply(&mut record.tags).map_err(tag_error)).await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags_of_resource(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListTagsOfResourceInput,
) -> Result<ListTagsOfResourceOutput, Error> {
    let view = tagged(dynamodb, call, &input.resource_arn).await?;
    let after = match input.next_token.as_deref() {
        None => None,
        Some(token) => Some(
            dynamodb
                .pages
                .read(OPERATION, call.account, token)
                .map_err(|_| Error::Validation("The NextToken provided is invalid".to_owned()))?,
        ),
    };
    let tags: Vec<Tag> = view
        .record
        .tags
        .iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
        .take(LIST_TAGS_MAX + 1)
        .map(|(key, value)| Tag { key: key.clone(), value: value.clone() })
        .collect();
    let is_more = tags.len() > LIST_TAGS_MAX;
    let tags: Vec<Tag> = tags.into_iter().take(LIST_TAGS_MAX).collect();
    let next = tags.last().filter(|_| is_more);
    let next_token = next.map(|last| dynamodb.pages.make(OPERATION, call.account, &last.key));
    Ok(ListTagsOfResourceOutput { tags: Some(tags), next_token })
}
