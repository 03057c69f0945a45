//! Resource policies of tables and streams, each with a revision that a change may insist on.
//!
//! Surprising: deleting a policy that is not there succeeds, and `NO_POLICY` as the expected revision insists that there
//! be none. Reference: PutResourcePolicy and DeleteResourcePolicy of the API reference.

use std::sync::Arc;

use dynamodb_api::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput, PutResourcePolicyOutput,
};
use identity::policy::PrincipalPattern;
use service::Call;

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::resource_arn::{self, Resource};
use crate::model::resource_policy::{self, Holder};
use crate::records::{PolicyRecord, TableRecord};

/// What stands for the absence of a policy.
const NO_POLICY: &str = "NO_POLICY";

/// A policy that is about to be kept: checked, with the ids of those it names, who must exist.
pub async fn accept(
    dynamodb: &DynamoDB,
    call: &Call,
    holder: &Holder,
    document: &str,
) -> Result<PolicyRecord, Error> {
    let policy = resource_policy::parse(holder, document)?;
    let pins = dynamodb.aws.pins(&policy).await?;
    let is_known = |principal: &PrincipalPattern| match principal {
        PrincipalPattern::User(arn) | PrincipalPattern::Role(arn) => pins.contains_key(&**arn),
        _ => true,
    };
    if !policy.principals().all(is_known) {
        return Err(Error::Validation("Invalid principal in policy document.".to_owned()));
    }
    let revision = call.now.as_millis().to_string();
    Ok(PolicyRecord { document: document.to_owned(), revision, pins })
}

/// The table or stream that has the policy, and which of both is meant.
async fn find(dynamodb: &DynamoDB, call: &Call, text: &str) -> Result<(Arc<TableView>, Holder), Error> {
    let arn = resource_arn::parse(call.region, text)?;
    if arn.account() != Some(call.account) {
        let message = "This action is only supported by accounts that match the resource owner’s account.";
        return Err(Error::Validation(message.to_owned()));
    }
    let place = call.scope();
    match resource_arn::kind(&arn) {
        Some(Resource::Table { name }) => {
            let view = dynamodb.directory.find(place, &name).await?;
            Ok((view.ok_or_else(|| Error::no_such_table(&name))?, Holder::Table { arn }))
        }
        Some(Resource::Stream { table, label }) => {
            let view = dynamodb.directory.find(place, &table).await?;
            let view = view.ok_or_else(|| no_policy(text))?;
            if view.stream.as_ref().is_none_or(|stream| stream.label != label) {
                return Err(Error::ResourceNotFound(format!(
                    "Requested resource not found: Stream: {label} not found for Table: {table}"
                )));
            }
            Ok((view, Holder::Stream { arn }))
        }
        None => Err(Error::internal("an ARN was read that names nothing")),
    }
}

fn no_policy(arn: &str) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {arn}"))
}

fn slot<'r>(record: &'r mut TableRecord, holder: &Holder) -> &'r mut Option<PolicyRecord> {
    match holder {
        Holder::Table { .. } => &mut record.policy,
        Holder::Stream { .. } => &mut record.stream_policy,
    }
}

/// Whether the policy there is the one that the request expects.
fn check_revision(present: Option<&PolicyRecord>, expected: Option<&str>, table: &str) -> Result<(), Error> {
    const REFUSED: &str = "Resource-based policy not found for the provided ResourceArn: ";
    let Some(expected) = expected else { return Ok(()) };
    let why = match (present, expected) {
        (None, NO_POLICY) => return Ok(()),
        (Some(present), NO_POLICY) => format!(
            "Requested policy update expecting none to be present for table {table}, but a policy exists with revision \
             id {}.",
            present.revision
        ),
        (Some(present), expected) if present.revision == expected => return Ok(()),
        (Some(present), expected) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target table {table} \
             has revision id {}.",
            present.revision
        ),
        (None, expected) => format!(
            "Requested update for policy with revision id {expected}, but no policy is associated to target table \
             {table}."
        ),
    };
    Err(Error::PolicyNotFound(format!("{REFUSED}{why}")))
}

pub async fn put_resource_policy(
    dynamodb: &DynamoDB,
    call: &Call,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Error> {
    let (view, holder) = find(dynamodb, call, &input.resource_arn).await?;
    let accepted = &accept(dynamodb, call, &holder, &input.policy).await?;
    let expected = input.expected_revision_id.as_deref();
    let revision = dynamodb
        .directory
        .change(&view, |record| {
            let present = slot(record, &holder);
            check_revision(present.as_ref(), expected, &view.name)?;
            // The same policy again is no new revision.
            if let Some(present) = present.as_ref().filter(|present| present.document == accepted.document) {
                return Ok(present.revision.clone());
            }
            let revision = next_revision(present.as_ref(), &accepted.revision);
            *present = Some(PolicyRecord { revision: revision.clone(), ..accepted.clone() });
            Ok(revision)
        })
        .await?;
    Ok(PutResourcePolicyOutput { revision_id: Some(revision) })
}

/// Revisions are moments; two of one moment differ all the same.
fn next_revision(present: Option<&PolicyRecord>, wanted: &str) -> String {
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let after = present.map_or(0, |present| number(&present.revision) + 1);
    number(wanted).max(after).to_string()
}

pub async fn get_resource_policy(
    dynamodb: &DynamoDB,
    call: &Call,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, Error> {
    let (view, holder) = find(dynamodb, call, &input.resource_arn).await?;
    let policy = match holder {
        Holder::Table { .. } => view.record.policy.as_ref(),
        Holder::Stream { .. } => view.record.stream_policy.as_ref(),
    };
    let policy = policy.ok_or_else(|| no_policy(&input.resource_arn))?;
    let shown = dynamodb.aws.shown(&policy.document, &policy.pins).await?;
    Ok(GetResourcePolicyOutput { policy: Some(shown), revision_id: Some(policy.revision.clone()) })
}

pub async fn delete_resource_policy(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Error> {
    let (view, holder) = find(dynamodb, call, &input.resource_arn).await?;
    let expected = input.expected_revision_id.as_deref();
    let removed = dynamodb
        .directory
        .change(&view, |record| {
            let present = slot(record, &holder);
            check_revision(present.as_ref(), expected, &view.name)?;
            Ok(present.take())
        })
        .await?;
    Ok(DeleteResourcePolicyOutput { revision_id: removed.map(|policy| policy.revision) })
}
