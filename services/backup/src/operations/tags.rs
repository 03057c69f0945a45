//! Tags of vaults, plans and recovery points.
//!
//! A recovery point's are kept here; those of the snapshot that it is are EC2's.

use backup_api::*;
use base::Arn;
use service::{Call, TagChange, TagFault};
use store::Tx;

use super::authorise::arn_of;
use super::lists::{self, Asked};
use super::vault;
use crate::Backup;
use crate::error::Error;
use crate::model::arns;
use crate::operations::plans;
use crate::records::{PLANS, POINTS, Place, Tags, VAULTS};

pub fn refused(fault: &TagFault) -> Error {
    match fault {
        TagFault::TooMany => Error::Limit(fault.to_string()),
        _ => Error::Invalid(fault.to_string()),
    }
}

fn missing(arn: &Arn) -> Error {
    Error::NotFound(format!("Cannot find resource with ARN {arn}"))
}

/// Of whatever the ARN names, in the caller's account and region.
async fn read(tx: &Tx, place: &Place, arn: &Arn) -> Result<Tags, Error> {
    if arn.service() == "backup" && (arn.account() != Some(place.0) || arn.region() != Some(place.1)) {
        return Err(missing(arn));
    }
    if let Some(name) = arns::vault_of(arn) {
        return Ok(vault(tx, place, name).await?.tags);
    }
    if let Some(id) = arns::plan_of(arn) {
        return Ok(plans::find(tx, place, id).await?.tags);
    }
    Ok(POINTS.get(tx, place, arn.as_str()).await?.ok_or_else(|| missing(arn))?.tags)
}

async fn write(tx: &Tx, place: &Place, arn: &Arn, tags: Tags) -> Result<(), Error> {
    if let Some(name) = arns::vault_of(arn) {
        let mut found = vault(tx, place, name).await?;
        found.tags = tags;
        return Ok(VAULTS.put(tx, place, name, &found).await?);
    }
    if let Some(id) = arns::plan_of(arn) {
        let mut found = plans::find(tx, place, id).await?;
        found.tags = tags;
        return Ok(PLANS.put(tx, place, id, &found).await?);
    }
    let mut found = POINTS.get(tx, place, arn.as_str()).await?.ok_or_else(|| missing(arn))?;
    found.tags = tags;
    Ok(POINTS.put(tx, place, arn.as_str(), &found).await?)
}

async fn change(backup: &Backup, call: &Call, arn: &str, change: &TagChange) -> Result<(), Error> {
    let (scope, arn) = (&call.scope(), &arn_of(arn)?);
    let changed = backup.store.transact(|tx| async move {
        let mut tags = read(&tx, scope, arn).await?;
        change.apply(&mut tags).map_err(|fault| refused(&fault))?;
        write(&tx, scope, arn, tags).await
    });
    changed.await
}

pub async fn tag_resource(
    backup: &Backup,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    change(backup, call, &input.resource_arn, &TagChange::Put(input.tags)).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    backup: &Backup,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    change(backup, call, &input.resource_arn, &TagChange::Remove(input.tag_key_list)).await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags(backup: &Backup, call: &Call, input: ListTagsInput) -> Result<ListTagsOutput, Error> {
    let (scope, arn) = (&call.scope(), &arn_of(&input.resource_arn)?);
    let tags = backup.store.read(|tx| async move { read(&tx, scope, arn).await }).await?;
    let asked = Asked { operation: "ListTags", most: input.max_results, token: input.next_token };
    let (page, next_token) =
        lists::page(backup, call, asked, tags.into_iter().collect(), |(key, _)| key.clone())?;
    Ok(ListTagsOutput { next_token, tags: Some(page.into_iter().collect()) })
}
