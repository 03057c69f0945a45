//! Plans and their versions, shown and listed.

use backup_api::*;
use base::Timestamp;
use service::Call;

use super::{current, missing, next_time};
use crate::Backup;
use crate::error::Error;
use crate::model::arns;
use crate::operations::lists::{self, Asked};
use crate::records::{PLANS, PlanRecord, VERSIONS, VersionRecord, of_plan};

pub async fn get_backup_plan(
    backup: &Backup,
    call: &Call,
    input: GetBackupPlanInput,
) -> Result<GetBackupPlanOutput, Error> {
    let (scope, id, wanted) = (&call.scope(), input.backup_plan_id.as_str(), &input.version_id);
    let found = backup.store.read(|tx| async move {
        let (plan, version) = current(&tx, scope, id).await?;
        let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != version.id) else {
            return Ok((plan, version));
        };
        let all = lists::all(&tx, &VERSIONS, scope, &of_plan(id)).await?;
        let version = all.into_iter().map(|(_, version)| version).find(|version| version.id == *wanted);
        Ok::<_, Error>((plan, version.ok_or_else(|| missing(id))?))
    });
    let (plan, version) = found.await?;
    let count = input.max_scheduled_runs_preview.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let preview = (count > 0).then(|| preview(&version, call.now, count));
    Ok(GetBackupPlanOutput {
        backup_plan_id: Some(id.to_owned()),
        backup_plan_arn: Some(arns::plan(call.account, call.region, id).to_string()),
        version_id: Some(version.id),
        creator_request_id: plan.creator_request_id,
        creation_date: Some(version.created),
        deletion_date: plan.deleted,
        last_execution_date: plan.last_run,
        advanced_backup_settings: None,
        scheduled_runs_preview: preview,
        backup_plan: Some(version.plan.0),
    })
}

/// The next runs of all rules.
fn preview(version: &VersionRecord, now: Timestamp, count: usize) -> Vec<ScheduledPlanExecutionMember> {
    let mut runs = Vec::new();
    for rule in &version.plan.rules {
        let mut after = now;
        for _ in 0..count {
            let Some(at) = next_time(rule, version.created, after) else { break };
            runs.push(ScheduledPlanExecutionMember {
                execution_time: Some(at),
                rule_id: rule.rule_id.clone(),
                rule_execution_type: Some(RuleExecutionType::Snapshots),
            });
            after = at;
        }
    }
    runs.sort_by_key(|run| run.execution_time);
    runs.truncate(count);
    runs
}

fn member(call: &Call, id: &str, plan: &PlanRecord) -> BackupPlansListMember {
    BackupPlansListMember {
        backup_plan_arn: Some(arns::plan(call.account, call.region, id).to_string()),
        backup_plan_id: Some(id.to_owned()),
        creation_date: Some(plan.created),
        deletion_date: plan.deleted,
        version_id: Some(plan.version.clone()),
        backup_plan_name: Some(plan.name.clone()),
        creator_request_id: plan.creator_request_id.clone(),
        last_execution_date: plan.last_run,
        advanced_backup_settings: None,
    }
}

pub async fn list_backup_plans(
    backup: &Backup,
    call: &Call,
    input: ListBackupPlansInput,
) -> Result<ListBackupPlansOutput, Error> {
    let scope = &call.scope();
    let mut found = backup.store.read(|tx| async move { lists::all(&tx, &PLANS, scope, "").await }).await?;
    found.retain(|(_, plan)| plan.deleted.is_none() || input.include_deleted == Some(true));
    let shown = found.iter().map(|(id, plan)| member(call, id, plan)).collect();
    let asked = Asked { operation: "ListBackupPlans", most: input.max_results, token: input.next_token };
    let position = |one: &BackupPlansListMember| one.backup_plan_id.clone().unwrap_or_default();
    let (page, next_token) = lists::page(backup, call, asked, shown, position)?;
    Ok(ListBackupPlansOutput { next_token, backup_plans_list: Some(page) })
}

pub async fn list_backup_plan_versions(
    backup: &Backup,
    call: &Call,
    input: ListBackupPlanVersionsInput,
) -> Result<ListBackupPlanVersionsOutput, Error> {
    let (scope, id) = (&call.scope(), input.backup_plan_id.as_str());
    let found = backup.store.read(|tx| async move {
        let plan = PLANS.get(&tx, scope, id).await?.ok_or_else(|| missing(id))?;
        Ok::<_, Error>((plan, lists::all(&tx, &VERSIONS, scope, &of_plan(id)).await?))
    });
    let (plan, versions) = found.await?;
    let asked =
        Asked { operation: "ListBackupPlanVersions", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, versions, |(key, _)| key.clone())?;
    let shown = page.into_iter().map(|(_, version)| BackupPlansListMember {
        creation_date: Some(version.created),
        version_id: Some(version.id),
        backup_plan_name: Some(version.plan.0.backup_plan_name),
        ..member(call, id, &plan)
    });
    Ok(ListBackupPlanVersionsOutput { next_token, backup_plan_versions_list: Some(shown.collect()) })
}
