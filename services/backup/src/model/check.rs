//! What a plan may say. Fields that this cloud does nothing with are refused by name: a plan that is accepted is carried
//! out whole.

use backup_api::{BackupPlan, BackupPlanInput, BackupRule, BackupRuleInput, CopyAction};
use base::Arn;

use super::arns;
use super::lifecycle;
use super::schedule::Schedule;
use crate::error::Error;
use crate::limits::{
    COMPLETION_WINDOW_MINUTES, COPIES_OF_A_RULE_MAX, RULES_MAX, START_WINDOW_MINUTES,
    START_WINDOW_MINUTES_MIN, WINDOW_MINUTES_MAX,
};

/// The plan as it is kept, without the ids of its rules.
pub fn plan(input: BackupPlanInput) -> Result<BackupPlan, Error> {
    if !is_name(&input.backup_plan_name) {
        return Err(Error::Invalid(format!("Invalid backup plan name: {}", input.backup_plan_name)));
    }
    if input.advanced_backup_settings.as_ref().is_some_and(|settings| !settings.is_empty()) {
        return Err(Error::NotImplemented("AdvancedBackupSettings".to_owned()));
    }
    if input.scan_settings.as_ref().is_some_and(|settings| !settings.is_empty()) {
        return Err(Error::NotImplemented("ScanSettings".to_owned()));
    }
    if input.rules.is_empty() || input.rules.len() > RULES_MAX {
        return Err(Error::Invalid(format!("A backup plan has between 1 and {RULES_MAX} rules")));
    }
    let mut rules: Vec<BackupRule> = Vec::with_capacity(input.rules.len());
    for one in input.rules {
        if rules.iter().any(|earlier| earlier.rule_name == one.rule_name) {
            return Err(Error::Invalid(format!("Duplicate rule name: {}", one.rule_name)));
        }
        rules.push(rule(one)?);
    }
    Ok(BackupPlan { backup_plan_name: input.backup_plan_name, rules, ..BackupPlan::default() })
}

fn is_name(name: &str) -> bool {
    let good = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    (1..=50).contains(&name.len()) && name.chars().all(good)
}

fn rule(input: BackupRuleInput) -> Result<BackupRule, Error> {
    refuse_what_is_not_here(&input)?;
    windows(input.start_window_minutes, input.completion_window_minutes)?;
    let (expression, zone) =
        (input.schedule_expression.as_deref(), input.schedule_expression_timezone.as_deref());
    if Schedule::parse(expression, zone).is_none() {
        let (expression, zone) = (expression.unwrap_or_default(), zone.unwrap_or("Etc/UTC"));
        return Err(Error::Invalid(format!("Invalid schedule expression or time zone: {expression} {zone}")));
    }
    input.lifecycle.as_ref().map_or(Ok(()), lifecycle::check)?;
    let copies = input.copy_actions.as_deref().unwrap_or_default();
    if copies.len() > COPIES_OF_A_RULE_MAX {
        return Err(Error::Invalid(format!("A rule has at most {COPIES_OF_A_RULE_MAX} copy actions")));
    }
    copies.iter().try_for_each(copy)?;
    Ok(BackupRule {
        rule_name: input.rule_name,
        target_backup_vault_name: input.target_backup_vault_name,
        schedule_expression: input.schedule_expression,
        start_window_minutes: Some(input.start_window_minutes.unwrap_or(START_WINDOW_MINUTES)),
        completion_window_minutes: Some(input.completion_window_minutes.unwrap_or(COMPLETION_WINDOW_MINUTES)),
        lifecycle: input.lifecycle,
        recovery_point_tags: input.recovery_point_tags,
        copy_actions: input.copy_actions,
        enable_continuous_backup: Some(false),
        schedule_expression_timezone: Some(
            input.schedule_expression_timezone.unwrap_or_else(|| "Etc/UTC".to_owned()),
        ),
        ..BackupRule::default()
    })
}

fn refuse_what_is_not_here(input: &BackupRuleInput) -> Result<(), Error> {
    let given = [
        ("EnableContinuousBackup", input.enable_continuous_backup == Some(true)),
        (
            "TargetLogicallyAirGappedBackupVaultArn",
            input.target_logically_air_gapped_backup_vault_arn.is_some(),
        ),
        ("IndexActions", input.index_actions.as_ref().is_some_and(|actions| !actions.is_empty())),
        ("ScanActions", input.scan_actions.as_ref().is_some_and(|actions| !actions.is_empty())),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Error::NotImplemented((*name).to_owned())),
        None => Ok(()),
    }
}

/// In how much time a job has to begin, and from then to be done.
pub fn windows(start: Option<i64>, completion: Option<i64>) -> Result<(), Error> {
    let start = start.unwrap_or(START_WINDOW_MINUTES);
    if !(START_WINDOW_MINUTES_MIN..=WINDOW_MINUTES_MAX).contains(&start) {
        return Err(Error::Invalid(format!(
            "Start window must be at least {START_WINDOW_MINUTES_MIN} minutes"
        )));
    }
    match completion {
        Some(minutes) if minutes < start || minutes > WINDOW_MINUTES_MAX => {
            Err(Error::Invalid("Completion window must be at least as long as the start window".to_owned()))
        }
        _ => Ok(()),
    }
}

fn copy(action: &CopyAction) -> Result<(), Error> {
    action.lifecycle.as_ref().map_or(Ok(()), lifecycle::check)?;
    destination(&action.destination_backup_vault_arn).map(drop)
}

/// The ARN of a vault that is copied into.
pub fn destination(text: &str) -> Result<Arn, Error> {
    let arn: Option<Arn> = text.parse().ok();
    arn.filter(|arn| arns::vault_of(arn).is_some() && arn.account().is_some() && arn.region().is_some())
        .ok_or_else(|| Error::Invalid(format!("Invalid ARN of a destination backup vault: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup_api::Lifecycle;

    fn with(rule: BackupRuleInput) -> BackupPlanInput {
        let rule = BackupRuleInput {
            rule_name: "daily".to_owned(),
            target_backup_vault_name: "Default".to_owned(),
            ..rule
        };
        BackupPlanInput { backup_plan_name: "plan".to_owned(), rules: vec![rule], ..Default::default() }
    }

    #[test]
    fn what_is_left_out_is_shown_as_it_is_meant() {
        let kept = plan(with(BackupRuleInput::default())).unwrap();
        let rule = &kept.rules[0];
        assert_eq!(rule.start_window_minutes, Some(480));
        assert_eq!(rule.completion_window_minutes, Some(10_080));
        assert_eq!(rule.schedule_expression_timezone.as_deref(), Some("Etc/UTC"));
    }

    #[test]
    fn what_is_wrong_or_not_here_is_named() {
        let none = BackupRuleInput::default;
        let text = |text: &str| Some(text.to_owned());
        for (rule, words) in [
            (BackupRuleInput { start_window_minutes: Some(59), ..none() }, "Start window"),
            (BackupRuleInput { completion_window_minutes: Some(60), ..none() }, "Completion window"),
            (BackupRuleInput { schedule_expression: text("hourly"), ..none() }, "schedule expression"),
            (BackupRuleInput { schedule_expression_timezone: text("Mars/Olympus"), ..none() }, "time zone"),
            (BackupRuleInput { enable_continuous_backup: Some(true), ..none() }, "EnableContinuousBackup"),
            (
                BackupRuleInput {
                    lifecycle: Some(Lifecycle {
                        move_to_cold_storage_after_days: Some(7),
                        ..Default::default()
                    }),
                    ..none()
                },
                "MoveToColdStorageAfterDays",
            ),
            (
                BackupRuleInput {
                    copy_actions: Some(vec![CopyAction {
                        destination_backup_vault_arn: "arn:aws:s3:::bucket".to_owned(),
                        ..CopyAction::default()
                    }]),
                    ..none()
                },
                "destination backup vault",
            ),
        ] {
            let refused = schema::Fault::from(plan(with(rule)).unwrap_err());
            assert!(refused.message().contains(words), "{words}: {}", refused.message());
        }
        let twice = with(none());
        let twice = BackupPlanInput { rules: [twice.rules.clone(), twice.rules].concat(), ..with(none()) };
        assert!(plan(twice).is_err());
    }
}
