//! Tags of policies.

use dlm_api::{
    ListTagsForResourceInput, ListTagsForResourceOutput, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use service::{Call, TagChange, TagFault};

use super::find;
use crate::Dlm;
use crate::error::Error;
use crate::model::ids;
use crate::records::POLICIES;

pub fn refused(fault: &TagFault) -> Error {
    Error::Invalid(fault.to_string())
}

fn named(call: &Call, arn: &str) -> Result<String, Error> {
    ids::of_arn(call, arn).ok_or_else(|| Error::PolicyNotFound(arn.to_owned()))
}

async fn change(dlm: &Dlm, call: &Call, arn: &str, change: &TagChange) -> Result<(), Error> {
    let (scope, id) = (&call.scope(), &named(call, arn)?);
    let changed = dlm.store.transact(|tx| async move {
        let found = POLICIES.get(&tx, scope, id).await?;
        let mut record = found.ok_or_else(|| Error::PolicyNotFound(id.clone()))?;
        change.apply(&mut record.tags).map_err(|fault| refused(&fault))?;
        Ok::<_, Error>(POLICIES.put(&tx, scope, id, &record).await?)
    });
    changed.await
}

pub async fn tag_resource(
    dlm: &Dlm,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    change(dlm, call, &input.resource_arn, &TagChange::Put(input.tags)).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    dlm: &Dlm,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    change(dlm, call, &input.resource_arn, &TagChange::Remove(input.tag_keys)).await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    dlm: &Dlm,
    call: &Call,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let record = find(dlm, call, &named(call, &input.resource_arn)?).await?;
    Ok(ListTagsForResourceOutput { tags: Some(record.tags) })
}
