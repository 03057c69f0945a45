//! TagResource and UntagResource.

use secretsmanager_api::{TagResourceInput, TagResourceOutput, UntagResourceInput, UntagResourceOutput};
use service::{Call, TagChange};

use crate::SecretsManager;
use crate::error::Error;
use crate::model::tags;

use super::change;

pub async fn tag_resource(
    service: &SecretsManager,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let tags = TagChange::Put(tags::read(input.tags)?);
    apply(service, call, &input.secret_id, &tags).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    service: &SecretsManager,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    apply(service, call, &input.secret_id, &TagChange::Remove(input.tag_keys)).await?;
    Ok(UntagResourceOutput {})
}

async fn apply(service: &SecretsManager, call: &Call, id: &str, tags: &TagChange) -> Result<(), Error> {
    let changed = change(service, call, id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        tags.apply(&mut secret.record.tags)?;
        secret.record.changed = call.now;
        Ok(())
    });
    changed.await.map(|_| ())
}
