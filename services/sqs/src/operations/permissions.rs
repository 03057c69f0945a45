//! AddPermission and RemovePermission, which edit the queue's policy.

use service::Call;
use sqs_api::{AddPermissionInput, AddPermissionOutput, RemovePermissionInput, RemovePermissionOutput};

use super::{open, update};
use crate::Sqs;
use crate::error::Error;
use crate::model::permissions;

pub async fn add_permission(
    sqs: &Sqs,
    call: &Call,
    input: AddPermissionInput,
) -> Result<AddPermissionOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let arn = queue.arn();
    update(sqs, &queue, |record| {
        let policy = record.attributes.policy.as_deref();
        let policy = permissions::add(policy, &arn, &input.label, &input.aws_account_ids, &input.actions)?;
        record.attributes.policy = Some(policy);
        record.modified = call.now;
        Ok(())
    })
    .await?;
    Ok(AddPermissionOutput {})
}

pub async fn remove_permission(
    sqs: &Sqs,
    call: &Call,
    input: RemovePermissionInput,
) -> Result<RemovePermissionOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    if input.label.is_empty() {
        return Err(Error::missing("Label"));
    }
    update(sqs, &queue, |record| {
        record.attributes.policy = permissions::remove(record.attributes.policy.as_deref(), &input.label)?;
        record.modified = call.now;
        Ok(())
    })
    .await?;
    Ok(RemovePermissionOutput {})
}
