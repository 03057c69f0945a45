//! Making and changing policies.

use base::Arn;
use dlm_api::{
    CreateLifecyclePolicyInput, CreateLifecyclePolicyOutput, GettablePolicyStateValues, LifecyclePolicy,
    ResourceTypeValues, SettablePolicyStateValues as State, UpdateLifecyclePolicyInput,
    UpdateLifecyclePolicyOutput,
};
use service::{Ask, Call, Kept, TagChange};
use store::Select;

use super::{details, plan, tags};
use crate::Dlm;
use crate::error::Error;
use crate::limits::POLICIES_MAX;
use crate::model::{check, ids, kinds};
use crate::records::{POLICIES, PolicyRecord};

pub async fn create_lifecycle_policy(
    dlm: &Dlm,
    call: &Call,
    input: CreateLifecyclePolicyInput,
) -> Result<CreateLifecyclePolicyOutput, Error> {
    check::description(&input.description)?;
    let enabled = is_enabled(&input.state)?;
    let mut details = details::of_new(&input)?;
    check::details(&details, call.now)?;
    details::complete(&mut details)?;
    let mut own = Default::default();
    TagChange::Put(input.tags.unwrap_or_default()).apply(&mut own).map_err(|fault| tags::refused(&fault))?;
    may_pass(dlm, call, &input.execution_role_arn).await?;
    let id = ids::new_id(&dlm.ids);
    let record = &PolicyRecord {
        shown: Kept(LifecyclePolicy {
            policy_id: Some(id.clone()),
            description: Some(input.description),
            state: Some(shown_state(enabled)),
            status_message: Some(shown_state(enabled).to_string()),
            execution_role_arn: Some(input.execution_role_arn),
            date_created: Some(call.now),
            date_modified: Some(call.now),
            policy_arn: Some(ids::arn(call, &id).to_string()),
            default_policy: Some(kinds::is_default(&details)),
            policy_details: Some(details),
            tags: None,
        }),
        tags: own,
        revision: 0,
        enabled,
        watching: false,
    };
    let (scope, key) = (&call.scope(), id.as_str());
    let made = dlm.store.transact(|tx| async move {
        let others = POLICIES.scan(&tx, scope, Select::ALL, POLICIES_MAX).await?;
        if others.records.len() >= POLICIES_MAX {
            return Err(Error::TooManyPolicies);
        }
        others.records.iter().try_for_each(|(_, other)| is_the_only_default(record, other))?;
        POLICIES.put(&tx, scope, key, record).await?;
        Ok(plan::all(&tx, scope, key, record, call.now).await?)
    });
    made.await?;
    dlm.due.nudge();
    Ok(CreateLifecyclePolicyOutput { policy_id: Some(id) })
}

pub async fn update_lifecycle_policy(
    dlm: &Dlm,
    call: &Call,
    input: UpdateLifecyclePolicyInput,
) -> Result<UpdateLifecyclePolicyOutput, Error> {
    input.description.as_deref().map_or(Ok(()), check::description)?;
    let enabled = input.state.as_ref().map(is_enabled).transpose()?;
    if let Some(role) = &input.execution_role_arn {
        may_pass(dlm, call, role).await?;
    }
    let (scope, id) = (&call.scope(), input.policy_id.as_str());
    let (input, description, role) = (&input, &input.description, &input.execution_role_arn);
    let changed = dlm.store.transact(|tx| async move {
        let found = POLICIES.get(&tx, scope, id).await?;
        let mut record = found.ok_or_else(|| Error::PolicyNotFound(id.to_owned()))?;
        let shown = &mut record.shown.0;
        let before = shown.policy_details.clone().unwrap_or_default();
        if let Some(mut details) = details::of_changed(input, &before)? {
            details::stays_as_it_is(&before, &details)?;
            check::details(&details, call.now)?;
            details::complete(&mut details)?;
            shown.policy_details = Some(details);
        }
        shown.description = description.clone().or(shown.description.take());
        shown.execution_role_arn = role.clone().or(shown.execution_role_arn.take());
        shown.date_modified = Some(call.now);
        record.enabled = enabled.unwrap_or(record.enabled);
        shown.state = Some(shown_state(record.enabled));
        shown.status_message = Some(shown_state(record.enabled).to_string());
        // What is shared while a policy is off is not copied later.
        record.watching &= record.enabled;
        record.revision += 1;
        POLICIES.put(&tx, scope, id, &record).await?;
        Ok::<_, Error>(plan::all(&tx, scope, id, &record, call.now).await?)
    });
    changed.await?;
    dlm.due.nudge();
    Ok(UpdateLifecyclePolicyOutput {})
}

fn is_enabled(state: &State) -> Result<bool, Error> {
    match state {
        State::Enabled => Ok(true),
        State::Disabled => Ok(false),
        State::Unknown(other) => Err(Error::InvalidValue("State", format!("{other:?}"))),
    }
}

pub fn shown_state(enabled: bool) -> GettablePolicyStateValues {
    if enabled { GettablePolicyStateValues::Enabled } else { GettablePolicyStateValues::Disabled }
}

/// There is one default policy of each kind in an account and region.
fn is_the_only_default(new: &PolicyRecord, other: &PolicyRecord) -> Result<(), Error> {
    let kind = new.details().and_then(|details| details.resource_type.as_ref());
    if !new.is_default() || other.details().and_then(|details| details.resource_type.as_ref()) != kind {
        return Ok(());
    }
    Err(Error::AnotherDefault(match kind {
        Some(ResourceTypeValues::Volume) => "EBS snapshots",
        _ => "EBS-backed AMIs",
    }))
}

/// Whoever gives DLM a role has to be allowed to pass it on.
async fn may_pass(dlm: &Dlm, call: &Call, role: &str) -> Result<(), Error> {
    let arn: Option<Arn> = role.parse().ok();
    let arn = arn.filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    let arn = arn.ok_or_else(|| Error::InvalidValue("ExecutionRoleArn", role.to_owned()))?;
    let keys = [("iam:PassedToService".to_owned(), vec![crate::tasks::PRINCIPAL.to_owned()])];
    let ask = Ask { prefix: "iam", action: "PassRole", resource: Some(&arn), keys: &keys, input: None };
    Ok(dlm.aws.require(call, &ask).await?)
}
