//! Tags of keys.

use kms_api::{
    ListResourceTagsInput, ListResourceTagsOutput, TagResourceInput, TagResourceOutput, UntagResourceInput,
    UntagResourceOutput,
};
use service::{Call, TagChange};

use super::saving::update;
use super::{check_not_going, key, paging};
use crate::Kms;
use crate::error::Error;
use crate::limits::{LIST_TAGS_DEFAULT, LIST_TAGS_MAX};
use crate::model::tags;

pub async fn tag_resource(
    kms: &Kms,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let change = TagChange::Put(tags::read(input.tags)?);
    change_tags(kms, call, &input.key_id, &change).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    kms: &Kms,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    change_tags(kms, call, &input.key_id, &TagChange::Remove(input.tag_keys)).await?;
    Ok(UntagResourceOutput {})
}

async fn change_tags(kms: &Kms, call: &Call, key_id: &str, change: &TagChange) -> Result<(), Error> {
    let key = key(kms, call, key_id).await?;
    check_not_going(&key, call)?;
    update(kms, &key, |whole| tags::apply(change, &mut whole.record.tags)).await
}

pub async fn list_resource_tags(
    kms: &Kms,
    call: &Call,
    input: ListResourceTagsInput,
) -> Result<ListResourceTagsOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    let after = paging::position(kms, call, "ListResourceTags", input.marker.as_deref())?;
    let limit = paging::limit(input.limit, LIST_TAGS_DEFAULT, LIST_TAGS_MAX)?;
    let all = tags::write(&key.record.tags).into_iter().map(|tag| (tag.tag_key.clone(), tag));
    let (page, next) = paging::page_of(all, after.as_deref(), limit);
    Ok(ListResourceTagsOutput {
        tags: Some(page),
        next_marker: paging::marker(kms, call, "ListResourceTags", next.as_deref()),
        truncated: Some(next.is_some()),
    })
}
