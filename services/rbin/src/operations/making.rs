//! Making and changing rules.
//!
//! Surprising: on AWS the first rule of an account is `pending` for up to half an hour; here every rule is available
//! at once ("Considerations for Recycle Bin").

use rbin_api::{
    CreateRuleInput, CreateRuleOutput, GetRuleOutput, LockState, ResourceTag, ResourceType, RuleStatus,
    UpdateRuleInput, UpdateRuleOutput,
};
use service::{Call, Kept};
use store::Tx;

use super::{all, find, tags};
use crate::Rbin;
use crate::error::Error;
use crate::limits::{RULES_MAX, RULES_OF_A_TAG_MAX};
use crate::model::lock::Lock;
use crate::model::{check, ids};
use crate::records::{Place, RULES, RuleRecord};

pub async fn create_rule(
    rbin: &Rbin,
    call: &Call,
    input: CreateRuleInput,
) -> Result<CreateRuleOutput, Error> {
    check::resource_type(&input.resource_type)?;
    check::retention(&input.resource_type, &input.retention_period)?;
    let of = input.resource_tags.unwrap_or_default();
    let without = input.exclude_resource_tags.unwrap_or_default();
    check::tags(&of, &without)?;
    if let Some(lock) = &input.lock_configuration {
        check::unlock_delay(&lock.unlock_delay)?;
        check::lockable(&of, &without)?;
    }
    let own = tags::of_new(input.tags.unwrap_or_default())?;
    let id = &ids::new_id(&rbin.ids);
    let record = &RuleRecord {
        shown: Kept(GetRuleOutput {
            identifier: Some(id.clone()),
            description: input.description,
            resource_type: Some(input.resource_type.clone()),
            retention_period: Some(input.retention_period),
            resource_tags: Some(of.clone()),
            status: Some(RuleStatus::Available),
            rule_arn: Some(ids::arn(call, id).to_string()),
            exclude_resource_tags: Some(without),
            ..GetRuleOutput::default()
        }),
        tags: own,
        lock: input.lock_configuration.as_ref().map(Lock::new),
    };
    let (place, kind, of) = (&call.scope(), &input.resource_type, &of);
    let made = rbin.store.transact(|tx| async move {
        if all(&tx, place).await?.len() >= RULES_MAX {
            let message = format!("An account has at most {RULES_MAX} retention rules in a Region.");
            return Err(Error::Quota(message));
        }
        check_tags_free(&tx, place, id, kind, of).await?;
        Ok(RULES.put(&tx, place, id, record).await?)
    });
    made.await?;
    let shown = record.at(call.now);
    Ok(CreateRuleOutput {
        identifier: shown.identifier,
        retention_period: shown.retention_period,
        description: shown.description,
        tags: Some(tags::shown(&record.tags)),
        resource_type: shown.resource_type,
        resource_tags: shown.resource_tags,
        status: shown.status,
        lock_configuration: shown.lock_configuration,
        lock_state: shown.lock_state,
        rule_arn: shown.rule_arn,
        exclude_resource_tags: shown.exclude_resource_tags,
    })
}

/// Refuses a tag that enough other rules of the same kind name.
async fn check_tags_free(
    tx: &Tx,
    place: &Place,
    id: &str,
    kind: &ResourceType,
    of: &[ResourceTag],
) -> Result<(), Error> {
    let others = all(tx, place).await?;
    let others =
        others.iter().filter(|(other, rule)| other != id && rule.shown.resource_type.as_ref() == Some(kind));
    let others: Vec<&RuleRecord> = others.map(|(_, rule)| rule).collect();
    for tag in of {
        if others.iter().filter(|rule| rule.resource_tags().contains(tag)).count() >= RULES_OF_A_TAG_MAX {
            let message = format!(
                "The resource tag {} is in {RULES_OF_A_TAG_MAX} retention rules already.",
                tag.resource_tag_key
            );
            return Err(Error::Quota(message));
        }
    }
    Ok(())
}

pub async fn update_rule(
    rbin: &Rbin,
    call: &Call,
    input: UpdateRuleInput,
) -> Result<UpdateRuleOutput, Error> {
    let (place, id, input) = (&call.scope(), input.identifier.as_str(), &input);
    let changed = rbin.store.transact(|tx| async move {
        let mut record = find(&tx, place, id).await?;
        let kind = record.shown.resource_type.clone().unwrap_or_default();
        if input.resource_type.as_ref().is_some_and(|asked| *asked != kind) {
            return Err(Error::Invalid("The resource type of a retention rule cannot be changed.".into()));
        }
        check_unlocked(&record, call)?;
        let shown = &mut record.shown.0;
        if let Some(period) = &input.retention_period {
            check::retention(&kind, period)?;
            shown.retention_period = Some(period.clone());
        }
        if input.description.is_some() {
            shown.description.clone_from(&input.description);
        }
        if let Some(of) = &input.resource_tags {
            check_tags_free(&tx, place, id, &kind, of).await?;
            shown.resource_tags = Some(of.clone());
        }
        if let Some(without) = &input.exclude_resource_tags {
            shown.exclude_resource_tags = Some(without.clone());
        }
        check::tags(record.resource_tags(), record.excluded())?;
        RULES.put(&tx, place, id, &record).await?;
        Ok(record)
    });
    let shown = changed.await?.at(call.now);
    Ok(UpdateRuleOutput {
        identifier: shown.identifier,
        retention_period: shown.retention_period,
        description: shown.description,
        resource_type: shown.resource_type,
        resource_tags: shown.resource_tags,
        status: shown.status,
        lock_state: shown.lock_state,
        lock_end_time: shown.lock_end_time,
        rule_arn: shown.rule_arn,
        exclude_resource_tags: shown.exclude_resource_tags,
    })
}

/// Refuses to change a rule that is locked, or not long enough unlocked.
///
/// # Errors
/// `ConflictException`
pub fn check_unlocked(record: &RuleRecord, call: &Call) -> Result<(), Error> {
    match record.lock_state(call.now) {
        None | Some(LockState::Unlocked) => Ok(()),
        Some(state) => {
            let id = record.shown.identifier.as_deref().unwrap_or_default();
            Err(Error::State(format!("Rule {id} cannot be modified or deleted: its lock state is {state}.")))
        }
    }
}
