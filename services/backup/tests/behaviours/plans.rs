//! Plans: made, versioned, and what they do by the clock.

use crate::support::*;
use backup_api::*;
use base::Region;
use testkit::Cloud;

fn daily(rule: BackupRuleInput) -> BackupPlanInput {
    let rule = BackupRuleInput {
        rule_name: "daily".to_owned(),
        target_backup_vault_name: VAULT.to_owned(),
        schedule_expression: Some("cron(0 5 ? * * *)".to_owned()),
        ..rule
    };
    BackupPlanInput { backup_plan_name: "plan".to_owned(), rules: vec![rule], ..BackupPlanInput::default() }
}

async fn create(cloud: &Cloud, rule: BackupRuleInput) -> String {
    let input = CreateBackupPlanInput { backup_plan: daily(rule), ..Default::default() };
    cloud.call(CreateBackupPlan, input).await.expect("the plan is good").backup_plan_id.unwrap()
}

async fn select(cloud: &Cloud, plan: &str, selection: BackupSelection) -> String {
    let input = CreateBackupSelectionInput {
        backup_plan_id: plan.to_owned(),
        backup_selection: selection,
        ..Default::default()
    };
    cloud.call(CreateBackupSelection, input).await.expect("the selection is good").selection_id.unwrap()
}

fn tagged(role: &str) -> BackupSelection {
    BackupSelection {
        selection_name: "tagged".to_owned(),
        iam_role_arn: role.to_owned(),
        list_of_tags: Some(vec![Condition {
            condition_type: ConditionType::Stringequals,
            condition_key: "backup".to_owned(),
            condition_value: "yes".to_owned(),
        }]),
        ..BackupSelection::default()
    }
}

fn get(plan: &str) -> GetBackupPlanInput {
    GetBackupPlanInput { backup_plan_id: plan.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn tagged_resources_are_backed_up_every_day_and_given_up_in_time() {
    let (cloud, role) = prepared(1).await;
    let ours = volume(&cloud, &[("backup", "yes")]).await;
    volume(&cloud, &[("backup", "no")]).await;
    table(&cloud, "Music").await;
    let kept = Lifecycle { delete_after_days: Some(2), ..Lifecycle::default() };
    let plan = create(&cloud, BackupRuleInput { lifecycle: Some(kept), ..Default::default() }).await;
    select(&cloud, &plan, tagged(&role)).await;
    for day in 1..=4_usize {
        pass(&cloud, DAY).await;
        finish(&cloud).await;
        let found = points(&cloud).await;
        assert_eq!(found.len(), day.min(2), "on day {day}");
        assert!(found.iter().all(|point| point.resource_arn.as_ref() == Some(&ours)));
    }
    let creator = points(&cloud).await.remove(0).created_by.unwrap();
    assert_eq!(creator.backup_plan_id.as_deref(), Some(plan.as_str()));
    assert_eq!(creator.backup_rule_name.as_deref(), Some("daily"));
    let shown = cloud.call(GetBackupPlan, get(&plan)).await.unwrap();
    assert!(shown.last_execution_date.is_some());
}

#[tokio::test]
async fn everything_by_wildcard_but_what_is_left_out() {
    let (cloud, role) = prepared(2).await;
    let (first, second) = (volume(&cloud, &[]).await, volume(&cloud, &[]).await);
    let music = table(&cloud, "Music").await;
    let plan = create(&cloud, BackupRuleInput::default()).await;
    let all = BackupSelection {
        selection_name: "all".to_owned(),
        iam_role_arn: role,
        resources: Some(vec!["*".to_owned()]),
        not_resources: Some(vec![second]),
        ..BackupSelection::default()
    };
    select(&cloud, &plan, all).await;
    pass(&cloud, DAY).await;
    finish(&cloud).await;
    let mut found: Vec<_> = points(&cloud).await.into_iter().filter_map(|point| point.resource_arn).collect();
    found.sort();
    assert_eq!(found, [music, first]);
}

#[tokio::test]
async fn a_type_that_is_switched_off_is_left_out() {
    let (cloud, role) = prepared(3).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let plan = create(&cloud, BackupRuleInput::default()).await;
    select(&cloud, &plan, tagged(&role)).await;
    let input = UpdateRegionSettingsInput {
        resource_type_opt_in_preference: Some([("EBS".to_owned(), false)].into()),
        ..Default::default()
    };
    cloud.call(UpdateRegionSettings, input).await.unwrap();
    pass(&cloud, DAY).await;
    finish(&cloud).await;
    assert!(points(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_rule_copies_what_it_made() {
    let (cloud, role) = prepared(4).await;
    let there: Region = "eu-west-1".parse().unwrap();
    let far = vault(&cloud, there, "far").await;
    volume(&cloud, &[("backup", "yes")]).await;
    let copy = CopyAction { destination_backup_vault_arn: far, ..CopyAction::default() };
    let plan = create(&cloud, BackupRuleInput { copy_actions: Some(vec![copy]), ..Default::default() }).await;
    select(&cloud, &plan, tagged(&role)).await;
    pass(&cloud, DAY).await;
    finish(&cloud).await;
    finish(&cloud).await;
    assert_eq!(points_in(&cloud, there, "far").await.len(), 1);
    let jobs = cloud.call(ListCopyJobs, ListCopyJobsInput::default()).await.unwrap().copy_jobs.unwrap();
    assert!(jobs[0].created_by_backup_job_id.is_some());
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one() {
    let (cloud, role) = prepared(5).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let plan = create(&cloud, BackupRuleInput::default()).await;
    select(&cloud, &plan, tagged(&role)).await;
    let before = cloud.call(GetBackupPlan, get(&plan)).await.unwrap();
    let mut changed = daily(BackupRuleInput::default());
    changed.rules[0].schedule_expression = Some("rate(2 days)".to_owned());
    let input = UpdateBackupPlanInput { backup_plan_id: plan.clone(), backup_plan: changed };
    let after = cloud.call(UpdateBackupPlan, input).await.unwrap();
    assert_ne!(after.version_id, before.version_id);
    let input = ListBackupPlanVersionsInput { backup_plan_id: plan.clone(), ..Default::default() };
    let versions =
        cloud.call(ListBackupPlanVersions, input).await.unwrap().backup_plan_versions_list.unwrap();
    assert_eq!(versions.len(), 2);
    let old = GetBackupPlanInput { version_id: before.version_id, ..get(&plan) };
    let old = cloud.call(GetBackupPlan, old).await.unwrap().backup_plan.unwrap();
    assert_eq!(old.rules[0].schedule_expression.as_deref(), Some("cron(0 5 ? * * *)"));
    pass(&cloud, DAY).await;
    finish(&cloud).await;
    assert!(points(&cloud).await.is_empty(), "the old version is not carried out");
    pass(&cloud, DAY).await;
    finish(&cloud).await;
    assert_eq!(points(&cloud).await.len(), 1);
}

#[tokio::test]
async fn a_plan_goes_after_its_selections_and_can_still_be_read() {
    let (cloud, role) = prepared(6).await;
    let plan = create(&cloud, BackupRuleInput::default()).await;
    let selection = select(&cloud, &plan, tagged(&role)).await;
    let input = DeleteBackupPlanInput { backup_plan_id: plan.clone() };
    let refused = cloud.call(DeleteBackupPlan, input.clone()).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequestException");
    let named = DeleteBackupSelectionInput { backup_plan_id: plan.clone(), selection_id: selection };
    cloud.call(DeleteBackupSelection, named).await.unwrap();
    cloud.call(DeleteBackupPlan, input).await.unwrap();
    assert!(cloud.call(GetBackupPlan, get(&plan)).await.unwrap().deletion_date.is_some());
    let listed = cloud.call(ListBackupPlans, ListBackupPlansInput::default()).await.unwrap();
    assert!(listed.backup_plans_list.unwrap().is_empty());
    let all = ListBackupPlansInput { include_deleted: Some(true), ..Default::default() };
    assert_eq!(cloud.call(ListBackupPlans, all).await.unwrap().backup_plans_list.unwrap().len(), 1);
}

#[tokio::test]
async fn a_plan_comes_back_from_its_template() {
    let (cloud, _) = prepared(7).await;
    let plan = create(&cloud, BackupRuleInput::default()).await;
    let input = ExportBackupPlanTemplateInput { backup_plan_id: plan };
    let text = cloud.call(ExportBackupPlanTemplate, input).await.unwrap().backup_plan_template_json.unwrap();
    let input = GetBackupPlanFromJSONInput { backup_plan_template_json: text };
    let read = cloud.call(GetBackupPlanFromJSON, input).await.unwrap().backup_plan.unwrap();
    assert_eq!(read.rules[0].target_backup_vault_name, VAULT);
    let listed = cloud.call(ListBackupPlanTemplates, ListBackupPlanTemplatesInput::default()).await.unwrap();
    for template in listed.backup_plan_templates_list.unwrap() {
        let id = template.backup_plan_template_id.unwrap();
        let input = GetBackupPlanFromTemplateInput { backup_plan_template_id: id };
        let plan = cloud.call(GetBackupPlanFromTemplate, input).await.unwrap().backup_plan_document.unwrap();
        assert_eq!(Some(plan.backup_plan_name), template.backup_plan_template_name);
    }
}

#[tokio::test]
async fn a_plan_needs_its_vault() {
    let cloud = Cloud::new(8).await;
    let input =
        CreateBackupPlanInput { backup_plan: daily(BackupRuleInput::default()), ..Default::default() };
    assert_eq!(cloud.call(CreateBackupPlan, input).await.unwrap_err().code(), "ResourceNotFoundException");
}
