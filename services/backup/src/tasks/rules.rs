//! Rules of plans: at their time, jobs for everything that the plan's selections name.

use std::collections::BTreeSet;

use backup_api::{BackupRule, RecoveryPointCreator};
use base::Timestamp;
use service::TagChange;

use super::targets;
use crate::Backup;
use crate::error::Error;
use crate::limits::{COMPLETION_WINDOW_MINUTES, START_WINDOW_MINUTES};
use crate::model::arns;
use crate::model::selection;
use crate::operations::jobs::{self, Wish};
use crate::operations::lists;
use crate::operations::plans::{self, next_run};
use crate::records::{
    PLANS, Place, PlanRecord, REGION_SETTINGS, SELECTIONS, SETTINGS, SelectionRecord, VersionRecord, of_plan,
};

/// A rule at its time.
struct Work<'a> {
    id: &'a str,
    plan: PlanRecord,
    version: VersionRecord,
    rule: BackupRule,
}

pub async fn run(
    backup: &Backup,
    place: &Place,
    at: Timestamp,
    (id, version, rule): (&str, &str, &str),
) -> Result<(), Error> {
    let found = backup.store.read(|tx| async move {
        let settings = REGION_SETTINGS.get(&tx, place, SETTINGS).await?.unwrap_or_default();
        let selections = lists::all(&tx, &SELECTIONS, place, &of_plan(id)).await?;
        Ok::<_, Error>((plans::current(&tx, place, id).await?, selections, settings))
    });
    let ((plan, current), selections, settings) = found.await?;
    let named = current.plan.rules.iter().find(|one| one.rule_id.as_deref() == Some(rule)).cloned();
    // A plan that was changed has planned anew.
    let Some(rule) = named.filter(|_| plan.deleted.is_none() && current.id == version) else { return Ok(()) };
    let work = &Work { id, plan, version: current, rule };
    let (mut chosen, mut seen) = (Vec::new(), BTreeSet::new());
    for (_, one) in &selections {
        for resource in targets::all(backup, place, &one.shown.iam_role_arn).await? {
            let opted = settings.opts_in(resource.kind);
            // Two selections that name a resource back it up once.
            if selection::chooses(&one.shown, &resource, opted) && seen.insert(resource.arn.clone()) {
                chosen.push((resource, one, backup.ids.uuid()));
            }
        }
    }
    let (now, chosen) = (backup.clock.now(), &chosen);
    let done = backup.store.transact(|tx| async move {
        let Some(mut plan) = PLANS.get(&tx, place, id).await? else { return Ok(()) };
        if plan.last_run.is_none_or(|last| last < at) {
            plan.last_run = Some(at);
        }
        PLANS.put(&tx, place, id, &plan).await?;
        for (resource, one, job) in chosen {
            let wish = wish(work, place, resource, one)?;
            jobs::put_new(&tx, place, job, &wish, now).await?;
        }
        // A clock that was turned over several times of a rule at once runs it once.
        next_run(&tx, place, id, &work.version, &work.rule, now).await
    });
    done.await
}

fn wish<'a>(
    work: &'a Work<'_>,
    place: &Place,
    resource: &'a selection::Candidate,
    chosen: &'a SelectionRecord,
) -> Result<Wish<'a>, Error> {
    let rule = &work.rule;
    let mut tags = Default::default();
    let given = TagChange::Put(rule.recovery_point_tags.clone().unwrap_or_default());
    given.apply(&mut tags).map_err(|fault| Error::Invalid(fault.to_string()))?;
    let created_by = RecoveryPointCreator {
        backup_plan_id: Some(work.id.to_owned()),
        backup_plan_arn: Some(arns::plan(place.0, place.1, work.id).to_string()),
        backup_plan_name: Some(work.plan.name.clone()),
        backup_plan_version: Some(work.version.id.clone()),
        backup_rule_id: rule.rule_id.clone(),
        backup_rule_name: Some(rule.rule_name.clone()),
        backup_rule_cron: rule.schedule_expression.clone(),
        backup_rule_timezone: rule.schedule_expression_timezone.clone(),
    };
    Ok(Wish {
        vault: &rule.target_backup_vault_name,
        resource: &resource.arn,
        kind: resource.kind.as_str(),
        role: &chosen.shown.iam_role_arn,
        lifecycle: rule.lifecycle.clone(),
        start_minutes: rule.start_window_minutes.unwrap_or(START_WINDOW_MINUTES),
        completion_minutes: rule.completion_window_minutes.unwrap_or(COMPLETION_WINDOW_MINUTES),
        tags,
        copies: rule.copy_actions.clone().unwrap_or_default(),
        created_by: Some(created_by),
    })
}
