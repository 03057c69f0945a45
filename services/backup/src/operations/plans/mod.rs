//! Plans: made, changed by new versions, deleted.
//!
//! Surprising: a plan with selections cannot be deleted, one that was deleted can still be read by its id, and a new
//! version gives its rules new ids.

pub mod showing;

use backup_api::*;
use base::{Ids, Timestamp};
use service::{Call, Kept, TagChange};
use store::Tx;

use super::{lists, tags, vault};
use crate::Backup;
use crate::error::Error;
use crate::limits::{PLANS_MAX, VERSIONS_MAX};
use crate::model::schedule::Schedule;
use crate::model::{arns, check};
use crate::records::{
    Due, PLANS, Place, PlanRecord, SELECTIONS, Tags, VERSIONS, VersionRecord, later, of_plan, version_key,
};

const VERSION_CHARS: usize = 48;

pub fn missing(id: &str) -> Error {
    Error::NotFound(format!("Cannot find Backup plan with ID {id}"))
}

/// A plan that was not deleted.
///
/// # Errors
/// `ResourceNotFoundException`
pub async fn find(tx: &Tx, place: &Place, id: &str) -> Result<PlanRecord, Error> {
    PLANS.get(tx, place, id).await?.filter(|plan| plan.deleted.is_none()).ok_or_else(|| missing(id))
}

/// A plan and the version that is carried out.
pub async fn current(tx: &Tx, place: &Place, id: &str) -> Result<(PlanRecord, VersionRecord), Error> {
    let plan = PLANS.get(tx, place, id).await?.ok_or_else(|| missing(id))?;
    let version = VERSIONS.get(tx, place, &version_key(id, plan.number)).await?;
    let version = version.ok_or_else(|| Error::Internal("a plan has no version".into()))?;
    Ok((plan, version))
}

fn new_version(ids: &Ids, mut plan: BackupPlan, now: Timestamp) -> VersionRecord {
    for rule in &mut plan.rules {
        rule.rule_id = Some(ids.uuid());
    }
    let id = ids.text(VERSION_CHARS, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    VersionRecord { id, created: now, plan: Kept(plan) }
}

/// Writes a version down, and when its rules are due.
async fn put_version(
    tx: &Tx,
    place: &Place,
    id: &str,
    number: u64,
    version: &VersionRecord,
) -> Result<(), Error> {
    for rule in &version.plan.rules {
        vault(tx, place, &rule.target_backup_vault_name).await?;
    }
    VERSIONS.put(tx, place, &version_key(id, number), version).await?;
    for rule in &version.plan.rules {
        next_run(tx, place, id, version, rule, version.created).await?;
    }
    Ok(())
}

/// Writes down when a rule is due after `now`.
pub async fn next_run(
    tx: &Tx,
    place: &Place,
    plan: &str,
    version: &VersionRecord,
    rule: &BackupRule,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(at) = next_time(rule, version.created, now) else { return Ok(()) };
    let rule = rule.rule_id.clone().unwrap_or_default();
    let what = Due::Rule { plan: plan.to_owned(), version: version.id.clone(), rule };
    Ok(later(tx, at, place, what).await?)
}

pub fn next_time(rule: &BackupRule, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let (expression, zone) =
        (rule.schedule_expression.as_deref(), rule.schedule_expression_timezone.as_deref());
    Schedule::parse(expression, zone)?.next_after(since, now)
}

pub async fn create_backup_plan(
    backup: &Backup,
    call: &Call,
    input: CreateBackupPlanInput,
) -> Result<CreateBackupPlanOutput, Error> {
    let plan = check::plan(input.backup_plan)?;
    let mut own = Tags::new();
    let given = TagChange::Put(input.backup_plan_tags.unwrap_or_default());
    given.apply(&mut own).map_err(|fault| tags::refused(&fault))?;
    let version = &new_version(&backup.ids, plan, call.now);
    let fresh = &PlanRecord {
        name: version.plan.backup_plan_name.clone(),
        tags: own,
        created: call.now,
        creator_request_id: input.creator_request_id,
        version: version.id.clone(),
        number: 1,
        deleted: None,
        last_run: None,
    };
    let (scope, id) = (&call.scope(), &backup.ids.uuid());
    let made = backup.store.transact(|tx| async move {
        let mut others = lists::all(&tx, &PLANS, scope, "").await?;
        others.retain(|(_, plan)| plan.deleted.is_none());
        let again = others.iter().find(|(_, plan)| {
            plan.creator_request_id.is_some() && plan.creator_request_id == fresh.creator_request_id
        });
        if let Some((id, plan)) = again {
            if plan.name == fresh.name {
                return Ok((id.clone(), plan.clone()));
            }
            return Err(Error::AlreadyExists {
                message: "Backup plan with the same plan document already exists".to_owned(),
                arn: arns::plan(scope.0, scope.1, id).to_string(),
                creator_request_id: plan.creator_request_id.clone(),
            });
        }
        if others.len() >= PLANS_MAX {
            return Err(Error::Limit(format!("An account has at most {PLANS_MAX} backup plans in a Region")));
        }
        PLANS.put(&tx, scope, id, fresh).await?;
        put_version(&tx, scope, id, 1, version).await?;
        Ok((id.clone(), fresh.clone()))
    });
    let (id, made) = made.await?;
    backup.due.nudge();
    Ok(CreateBackupPlanOutput {
        backup_plan_arn: Some(arns::plan(call.account, call.region, &id).to_string()),
        backup_plan_id: Some(id),
        creation_date: Some(made.created),
        version_id: Some(made.version),
        advanced_backup_settings: None,
    })
}

pub async fn update_backup_plan(
    backup: &Backup,
    call: &Call,
    input: UpdateBackupPlanInput,
) -> Result<UpdateBackupPlanOutput, Error> {
    let plan = check::plan(input.backup_plan)?;
    let version = &new_version(&backup.ids, plan, call.now);
    let (scope, id) = (&call.scope(), input.backup_plan_id.as_str());
    let changed = backup.store.transact(|tx| async move {
        let mut plan = find(&tx, scope, id).await?;
        if lists::all(&tx, &VERSIONS, scope, &of_plan(id)).await?.len() >= VERSIONS_MAX {
            return Err(Error::Invalid(format!("A backup plan has at most {VERSIONS_MAX} versions")));
        }
        plan.number += 1;
        plan.version.clone_from(&version.id);
        plan.name.clone_from(&version.plan.backup_plan_name);
        PLANS.put(&tx, scope, id, &plan).await?;
        put_version(&tx, scope, id, plan.number, version).await
    });
    changed.await?;
    backup.due.nudge();
    Ok(UpdateBackupPlanOutput {
        backup_plan_id: Some(id.to_owned()),
        backup_plan_arn: Some(arns::plan(call.account, call.region, id).to_string()),
        creation_date: Some(call.now),
        version_id: Some(version.id.clone()),
        advanced_backup_settings: None,
        scan_settings: None,
    })
}

/// What it has made stays, to its time.
pub async fn delete_backup_plan(
    backup: &Backup,
    call: &Call,
    input: DeleteBackupPlanInput,
) -> Result<DeleteBackupPlanOutput, Error> {
    let (scope, id) = (&call.scope(), input.backup_plan_id.as_str());
    let deleted = backup.store.transact(|tx| async move {
        let mut plan = find(&tx, scope, id).await?;
        if !lists::all(&tx, &SELECTIONS, scope, &of_plan(id)).await?.is_empty() {
            let message = "Related backup plan selections must be deleted prior to backup plan deletion";
            return Err(Error::Request(message.to_owned()));
        }
        plan.deleted = Some(call.now);
        PLANS.put(&tx, scope, id, &plan).await?;
        Ok(plan)
    });
    let plan = deleted.await?;
    Ok(DeleteBackupPlanOutput {
        backup_plan_id: Some(id.to_owned()),
        backup_plan_arn: Some(arns::plan(call.account, call.region, id).to_string()),
        deletion_date: plan.deleted,
        version_id: Some(plan.version),
    })
}
