//! Locking rules, and unlocking them again.

use rbin_api::{LockRuleInput, LockRuleOutput, LockState, UnlockRuleInput, UnlockRuleOutput};
use service::Call;

use super::find;
use crate::Rbin;
use crate::error::Error;
use crate::model::check;
use crate::model::lock::Lock;
use crate::records::RULES;

/// Also one whose unlocking is under way; its delay stays what it was ("You can't change the unlock delay period after
/// the initial lock").
pub async fn lock_rule(rbin: &Rbin, call: &Call, input: LockRuleInput) -> Result<LockRuleOutput, Error> {
    check::unlock_delay(&input.lock_configuration.unlock_delay)?;
    let (place, id, lock) = (&call.scope(), input.identifier.as_str(), &Lock::new(&input.lock_configuration));
    let locked = rbin.store.transact(|tx| async move {
        let mut record = find(&tx, place, id).await?;
        check::lockable(record.resource_tags(), record.excluded())?;
        if record.lock_state(call.now) == Some(LockState::Locked) {
            return Err(Error::State(format!("Rule {id} is already locked.")));
        }
        if record.lock.as_ref().is_some_and(|known| known.delay_days != lock.delay_days) {
            let message = "The unlock delay cannot be changed after the initial lock.";
            return Err(Error::Invalid(message.into()));
        }
        record.lock = Some(lock.clone());
        RULES.put(&tx, place, id, &record).await?;
        Ok(record)
    });
    let shown = locked.await?.at(call.now);
    Ok(LockRuleOutput {
        identifier: shown.identifier,
        description: shown.description,
        resource_type: shown.resource_type,
        retention_period: shown.retention_period,
        resource_tags: shown.resource_tags,
        status: shown.status,
        lock_configuration: shown.lock_configuration,
        lock_state: shown.lock_state,
        rule_arn: shown.rule_arn,
        exclude_resource_tags: shown.exclude_resource_tags,
    })
}

pub async fn unlock_rule(
    rbin: &Rbin,
    call: &Call,
    input: UnlockRuleInput,
) -> Result<UnlockRuleOutput, Error> {
    let (place, id) = (&call.scope(), input.identifier.as_str());
    let unlocked = rbin.store.transact(|tx| async move {
        let mut record = find(&tx, place, id).await?;
        match &mut record.lock {
            Some(lock) if lock.state(call.now) == LockState::Locked => lock.unlock(call.now),
            _ => return Err(Error::State(format!("Rule {id} is not locked."))),
        }
        RULES.put(&tx, place, id, &record).await?;
        Ok(record)
    });
    let shown = unlocked.await?.at(call.now);
    Ok(UnlockRuleOutput {
        identifier: shown.identifier,
        description: shown.description,
        resource_type: shown.resource_type,
        retention_period: shown.retention_period,
        resource_tags: shown.resource_tags,
        status: shown.status,
        lock_configuration: shown.lock_configuration,
        lock_state: shown.lock_state,
        lock_end_time: shown.lock_end_time,
        rule_arn: shown.rule_arn,
        exclude_resource_tags: shown.exclude_resource_tags,
    })
}
