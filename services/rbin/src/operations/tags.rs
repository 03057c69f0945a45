//! Tags of rules.

use std::collections::BTreeMap;

use rbin_api::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use service::{Call, TagChange, TagFault};

use super::find;
use crate::Rbin;
use crate::error::Error;
use crate::model::ids;
use crate::records::RULES;

fn refused(fault: &TagFault) -> Error {
    match fault {
        TagFault::TooMany => Error::Quota(fault.to_string()),
        _ => Error::Invalid(fault.to_string()),
    }
}

fn read(tags: Vec<Tag>) -> Result<TagChange, Error> {
    let (count, mut read) = (tags.len(), BTreeMap::new());
    read.extend(tags.into_iter().map(|tag| (tag.key, tag.value)));
    if read.len() < count {
        return Err(Error::Invalid("A tag key is there twice.".into()));
    }
    Ok(TagChange::Put(read))
}

pub fn of_new(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut own = BTreeMap::new();
    read(tags)?.apply(&mut own).map_err(|fault| refused(&fault))?;
    Ok(own)
}

pub fn shown(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

fn named(call: &Call, arn: &str) -> Result<String, Error> {
    ids::of_arn(call, arn).ok_or_else(|| Error::RuleNotFound(arn.to_owned()))
}

async fn change(rbin: &Rbin, call: &Call, arn: &str, change: &TagChange) -> Result<(), Error> {
    let (place, id) = (&call.scope(), &named(call, arn)?);
    let changed = rbin.store.transact(|tx| async move {
        let mut record = find(&tx, place, id).await?;
        change.apply(&mut record.tags).map_err(|fault| refused(&fault))?;
        Ok::<_, Error>(RULES.put(&tx, place, id, &record).await?)
    });
    changed.await
}

pub async fn tag_resource(
    rbin: &Rbin,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    change(rbin, call, &input.resource_arn, &read(input.tags)?).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    rbin: &Rbin,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    change(rbin, call, &input.resource_arn, &TagChange::Remove(input.tag_keys)).await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    rbin: &Rbin,
    call: &Call,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let (place, id) = (&call.scope(), &named(call, &input.resource_arn)?);
    let record = rbin.store.read(|tx| async move { find(&tx, place, id).await }).await?;
    Ok(ListTagsForResourceOutput { tags: Some(shown(&record.tags)) })
}
