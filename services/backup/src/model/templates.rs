//! Plans as JSON, and the plans that AWS offers to begin with.
//!
//! In JSON members have the names of the API; times in minutes, days as numbers ("BackupPlanTemplateJson").

use backup_api::{BackupPlan, BackupPlanInput, BackupRule, BackupRuleInput, CopyAction, Lifecycle};
use serde_json::{Map, Value, json};

use super::check;
use crate::error::Error;
use crate::limits::TEMPLATE_BYTES_MAX;

/// A template: its id, its name, and the schedule and days of each of its rules.
pub struct Template {
    pub id: &'static str,
    pub name: &'static str,
    rules: &'static [(&'static str, &'static str, i64)],
}

const DAILY: (&str, &str, i64) = ("DailyBackups", "cron(0 5 ? * * *)", 35);
const MONTHLY: (&str, &str, i64) = ("Monthly", "cron(0 5 1 * ? *)", 365);

/// Without the cold storage that AWS's have, which nothing here can go to.
pub const TEMPLATES: [Template; 2] = [
    Template { id: "87c0c1ef-254d-4180-8fef-2e76a2c38aaa", name: "Daily-35day-Retention", rules: &[DAILY] },
    Template {
        id: "87c0c1ef-254d-4180-8fef-2e76a2c38aab",
        name: "Daily-Monthly-1yr-Retention",
        rules: &[DAILY, MONTHLY],
    },
];

impl Template {
    pub fn plan(&self) -> Result<BackupPlan, Error> {
        let rule = |(name, schedule, days): &(&str, &str, i64)| BackupRuleInput {
            rule_name: (*name).to_owned(),
            target_backup_vault_name: "Default".to_owned(),
            schedule_expression: Some((*schedule).to_owned()),
            lifecycle: Some(Lifecycle { delete_after_days: Some(*days), ..Lifecycle::default() }),
            ..BackupRuleInput::default()
        };
        check::plan(BackupPlanInput {
            backup_plan_name: self.name.to_owned(),
            rules: self.rules.iter().map(rule).collect(),
            ..BackupPlanInput::default()
        })
    }
}

fn without_nulls(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let kept = pairs.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect())
}

pub fn write(plan: &BackupPlan) -> String {
    let rules: Vec<Value> = plan.rules.iter().map(write_rule).collect();
    json!({ "BackupPlanName": plan.backup_plan_name, "Rules": rules }).to_string()
}

fn write_lifecycle(lifecycle: Option<&Lifecycle>) -> Value {
    match lifecycle {
        Some(lifecycle) => without_nulls([("DeleteAfterDays", json!(lifecycle.delete_after_days))]),
        None => Value::Null,
    }
}

fn write_rule(rule: &BackupRule) -> Value {
    let copies = rule.copy_actions.as_ref().map(|copies| {
        let one = |copy: &CopyAction| {
            without_nulls([
                ("DestinationBackupVaultArn", json!(copy.destination_backup_vault_arn)),
                ("Lifecycle", write_lifecycle(copy.lifecycle.as_ref())),
            ])
        };
        copies.iter().map(one).collect::<Vec<_>>()
    });
    without_nulls([
        ("RuleName", json!(rule.rule_name)),
        ("TargetBackupVaultName", json!(rule.target_backup_vault_name)),
        ("ScheduleExpression", json!(rule.schedule_expression)),
        ("ScheduleExpressionTimezone", json!(rule.schedule_expression_timezone)),
        ("StartWindowMinutes", json!(rule.start_window_minutes)),
        ("CompletionWindowMinutes", json!(rule.completion_window_minutes)),
        ("Lifecycle", write_lifecycle(rule.lifecycle.as_ref())),
        ("RecoveryPointTags", json!(rule.recovery_point_tags)),
        ("CopyActions", json!(copies)),
    ])
}

/// Reads a plan and looks it over.
pub fn read(text: &str) -> Result<BackupPlan, Error> {
    let invalid = || Error::Invalid("The backup plan template is no valid JSON of a backup plan".to_owned());
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(invalid());
    }
    let value: Value = serde_json::from_str(text).map_err(|_| invalid())?;
    let plan = members(&value, &["BackupPlanName", "Rules"])?;
    let rules = plan.get("Rules").and_then(Value::as_array).ok_or_else(invalid)?;
    check::plan(BackupPlanInput {
        backup_plan_name: string(plan, "BackupPlanName").ok_or_else(invalid)?,
        rules: rules.iter().map(read_rule).collect::<Result<_, _>>()?,
        ..BackupPlanInput::default()
    })
}

/// The members of an object, all of which are known: what would be lost is refused.
fn members<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, Error> {
    let object = value.as_object().ok_or_else(|| Error::Invalid(format!("Not a JSON object: {value}")))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Error::Invalid(format!("Unknown member of a backup plan template: {key}"))),
        None => Ok(object),
    }
}

fn string(of: &Map<String, Value>, name: &str) -> Option<String> {
    of.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn read_lifecycle(of: &Map<String, Value>) -> Result<Option<Lifecycle>, Error> {
    let Some(value) = of.get("Lifecycle") else { return Ok(None) };
    let lifecycle = members(value, &["DeleteAfterDays", "MoveToColdStorageAfterDays"])?;
    let number = |name| lifecycle.get(name).and_then(Value::as_i64);
    Ok(Some(Lifecycle {
        delete_after_days: number("DeleteAfterDays"),
        move_to_cold_storage_after_days: number("MoveToColdStorageAfterDays"),
        ..Lifecycle::default()
    }))
}

fn read_rule(value: &Value) -> Result<BackupRuleInput, Error> {
    let rule = members(
        value,
        &[
            "RuleName",
            "RuleId",
            "TargetBackupVaultName",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartWindowMinutes",
            "CompletionWindowMinutes",
            "Lifecycle",
            "RecoveryPointTags",
            "CopyActions",
        ],
    )?;
    let needed = |name: &'static str| string(rule, name).ok_or(Error::Missing(name));
    let mut copies = Vec::new();
    for value in rule.get("CopyActions").and_then(Value::as_array).into_iter().flatten() {
        let copy = members(value, &["DestinationBackupVaultArn", "Lifecycle"])?;
        copies.push(CopyAction {
            destination_backup_vault_arn: string(copy, "DestinationBackupVaultArn").unwrap_or_default(),
            lifecycle: read_lifecycle(copy)?,
        });
    }
    let tags = rule.get("RecoveryPointTags").and_then(Value::as_object).map(|tags| {
        tags.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    });
    Ok(BackupRuleInput {
        rule_name: needed("RuleName")?,
        target_backup_vault_name: needed("TargetBackupVaultName")?,
        schedule_expression: string(rule, "ScheduleExpression"),
        schedule_expression_timezone: string(rule, "ScheduleExpressionTimezone"),
        start_window_minutes: rule.get("StartWindowMinutes").and_then(Value::as_i64),
        completion_window_minutes: rule.get("CompletionWindowMinutes").and_then(Value::as_i64),
        lifecycle: read_lifecycle(rule)?,
        recovery_point_tags: tags,
        copy_actions: (!copies.is_empty()).then_some(copies),
        ..BackupRuleInput::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        for template in &TEMPLATES {
            let plan = template.plan().unwrap();
            assert_eq!(read(&write(&plan)).unwrap(), plan, "{}", template.name);
        }
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        for text in ["", "[]", "{}", r#"{"BackupPlanName":"a","Rules":[{"RuleName":"x","Surprise":1}]}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
