//! Showing and deleting policies.

use dlm_api::{
    DefaultPoliciesTypeValues, DeleteLifecyclePolicyInput, DeleteLifecyclePolicyOutput,
    GetLifecyclePoliciesInput, GetLifecyclePoliciesOutput, GetLifecyclePolicyInput, GetLifecyclePolicyOutput,
    LifecyclePolicy, LifecyclePolicySummary, PolicyDetails, ResourceTypeValues, Tag,
};
use service::Call;
use store::Select;

use super::{find, plan};
use crate::Dlm;
use crate::error::Error;
use crate::limits::POLICIES_MAX;
use crate::records::{POLICIES, PolicyRecord, RETIRED};

/// Its backups stay, and are nobody's to delete but their owner's; those of a default policy that extends deletion go
/// on going.
pub async fn delete_lifecycle_policy(
    dlm: &Dlm,
    call: &Call,
    input: DeleteLifecyclePolicyInput,
) -> Result<DeleteLifecyclePolicyOutput, Error> {
    let (scope, id) = (&call.scope(), input.policy_id.as_str());
    let deleted = dlm.store.transact(|tx| async move {
        let found = POLICIES.get(&tx, scope, id).await?;
        let mut record = found.ok_or_else(|| Error::PolicyNotFound(id.to_owned()))?;
        if record.extends_deletion() {
            // What was planned for it as it was is not done; its runs only let go from now on.
            record.enabled = false;
            record.shown.0.date_modified = Some(call.now);
            record.revision += 1;
            RETIRED.put(&tx, scope, id, &record).await?;
            plan::all(&tx, scope, id, &record, call.now).await?;
        }
        Ok::<_, Error>(POLICIES.delete(&tx, scope, id).await?)
    });
    deleted.await?;
    dlm.due.nudge();
    Ok(DeleteLifecyclePolicyOutput {})
}

pub async fn get_lifecycle_policy(
    dlm: &Dlm,
    call: &Call,
    input: GetLifecyclePolicyInput,
) -> Result<GetLifecyclePolicyOutput, Error> {
    let record = find(dlm, call, &input.policy_id).await?;
    let policy = LifecyclePolicy { tags: Some(record.tags), ..record.shown.0 };
    Ok(GetLifecyclePolicyOutput { policy: Some(policy) })
}

pub async fn get_lifecycle_policies(
    dlm: &Dlm,
    call: &Call,
    input: GetLifecyclePoliciesInput,
) -> Result<GetLifecyclePoliciesOutput, Error> {
    let scope = &call.scope();
    let all = dlm.store.read(|tx| async move { POLICIES.scan(&tx, scope, Select::ALL, POLICIES_MAX).await });
    let records = all.await?.records;
    for id in input.policy_ids.iter().flatten() {
        if !records.iter().any(|(key, _)| key == id) {
            return Err(Error::PolicyNotFound(id.clone()));
        }
    }
    let shown = records.into_iter().filter(|(id, record)| is_asked_for(&input, id, record));
    Ok(GetLifecyclePoliciesOutput { policies: Some(shown.map(|(_, record)| summary(record)).collect()) })
}

fn is_asked_for(input: &GetLifecyclePoliciesInput, id: &str, record: &PolicyRecord) -> bool {
    let shown = &record.shown;
    let nothing = PolicyDetails::default();
    let details = shown.policy_details.as_ref().unwrap_or(&nothing);
    let of_kind = match &input.default_policy_type {
        None | Some(DefaultPoliciesTypeValues::Unknown(_)) => true,
        Some(DefaultPoliciesTypeValues::All) => record.is_default(),
        Some(DefaultPoliciesTypeValues::Volume) => details.resource_type == Some(ResourceTypeValues::Volume),
        Some(DefaultPoliciesTypeValues::Instance) => {
            details.resource_type == Some(ResourceTypeValues::Instance)
        }
    };
    of_kind
        && input.policy_ids.as_ref().is_none_or(|ids| ids.iter().any(|asked| asked == id))
        && (input.state.is_none() || input.state == shown.state)
        && input.resource_types.as_ref().is_none_or(|asked| {
            let kinds = details.resource_types.iter().flatten().chain(&details.resource_type);
            kinds.into_iter().any(|kind| asked.contains(kind))
        })
        && input.target_tags.as_ref().is_none_or(|asked| has(details.target_tags.as_deref(), asked))
        && input.tags_to_add.as_ref().is_none_or(|asked| {
            details.schedules.iter().flatten().any(|schedule| has(schedule.tags_to_add.as_deref(), asked))
        })
}

/// Tags are asked for as `key=value`.
fn has(tags: Option<&[Tag]>, asked: &[String]) -> bool {
    tags.unwrap_or_default().iter().any(|tag| {
        asked.iter().any(|text| text.split_once('=') == Some((tag.key.as_str(), tag.value.as_str())))
    })
}

fn summary(record: PolicyRecord) -> LifecyclePolicySummary {
    let shown = record.shown.0;
    LifecyclePolicySummary {
        policy_id: shown.policy_id,
        description: shown.description,
        state: shown.state,
        tags: Some(record.tags),
        policy_type: shown.policy_details.and_then(|details| details.policy_type),
        default_policy: shown.default_policy,
    }
}
