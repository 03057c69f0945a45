//! Rows of what is refused, by what is said of it.

use dlm_api::{
    Action, ArchiveRetainRule, ArchiveRule, CreateRule, CrossRegionCopyAction, CrossRegionCopyTarget,
    DeprecateRule, EncryptionConfiguration, EventParameters, EventSource, EventSourceValues, EventTypeValues,
    Exclusions, FastRestoreRule, IntervalUnitValues, PolicyDetails, PolicyLanguageValues, PolicyTypeValues,
    ResourceTypeValues, RetainRule, RetentionArchiveTier, RetentionIntervalUnitValues as Unit, Schedule,
    Script, ShareRule, Tag,
};

use super::*;

fn daily() -> PolicyDetails {
    PolicyDetails {
        resource_types: Some(vec![ResourceTypeValues::Volume]),
        target_tags: Some(vec![Tag { key: "backup".into(), value: "yes".into() }]),
        schedules: Some(vec![Schedule {
            name: Some("daily".into()),
            create_rule: Some(CreateRule {
                interval: Some(24),
                interval_unit: Some(IntervalUnitValues::Hours),
                times: Some(vec!["09:00".into()]),
                ..CreateRule::default()
            }),
            retain_rule: Some(RetainRule { count: Some(3), ..RetainRule::default() }),
            ..Schedule::default()
        }]),
        ..PolicyDetails::default()
    }
}

fn images() -> PolicyDetails {
    PolicyDetails {
        policy_type: Some(PolicyTypeValues::ImageManagement),
        resource_types: Some(vec![ResourceTypeValues::Instance]),
        ..daily()
    }
}

/// Archived a month after it was made, for three more.
fn monthly() -> PolicyDetails {
    let mut details = daily();
    let schedule = first(&mut details);
    let cron = "cron(0 9 1 * ? *)".to_owned();
    schedule.create_rule = Some(CreateRule { cron_expression: Some(cron), ..CreateRule::default() });
    schedule.retain_rule = Some(RetainRule { count: Some(1), ..RetainRule::default() });
    schedule.archive_rule = Some(in_archive(Some(3), None));
    details
}

fn in_archive(count: Option<i32>, days: Option<i32>) -> ArchiveRule {
    let tier = RetentionArchiveTier { count, interval: days, interval_unit: days.map(|_| Unit::Days) };
    ArchiveRule { retain_rule: ArchiveRetainRule { retention_archive_tier: tier } }
}

fn default_of(kind: ResourceTypeValues) -> PolicyDetails {
    PolicyDetails {
        policy_language: Some(PolicyLanguageValues::Simplified),
        resource_type: Some(kind),
        ..PolicyDetails::default()
    }
}

fn shared() -> PolicyDetails {
    PolicyDetails {
        policy_type: Some(PolicyTypeValues::EventBasedPolicy),
        event_source: Some(EventSource {
            r#type: EventSourceValues::ManagedCwe,
            parameters: Some(EventParameters {
                event_type: EventTypeValues::ShareSnapshot,
                snapshot_owner: vec!["111111111111".into()],
                description_regex: ".*".into(),
            }),
        }),
        actions: Some(vec![Action {
            name: "copy".into(),
            cross_region_copy: vec![CrossRegionCopyAction {
                target: "eu-west-1".into(),
                encryption_configuration: EncryptionConfiguration { encrypted: false, cmk_arn: None },
                retain_rule: None,
            }],
        }]),
        ..PolicyDetails::default()
    }
}

fn first(details: &mut PolicyDetails) -> &mut Schedule {
    &mut details.schedules.as_mut().unwrap()[0]
}

fn now() -> Timestamp {
    Timestamp::parse_iso8601("2026-11-23T09:00:00Z").unwrap()
}

fn refusal(of: PolicyDetails, change: impl Fn(&mut PolicyDetails)) -> String {
    let mut changed = of;
    change(&mut changed);
    let fault: schema::Fault = details(&changed, now()).expect_err("it is wrong").into();
    fault.message().to_owned()
}

#[test]
fn policies_of_every_kind_are_good() {
    for good in [
        daily(),
        images(),
        monthly(),
        default_of(ResourceTypeValues::Volume),
        default_of(ResourceTypeValues::Instance),
        shared(),
    ] {
        details(&good, now()).unwrap();
    }
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = refusal(daily(), |it| {
        it.resource_types = Some(vec![ResourceTypeValues::Unknown("VOLUMES".into())]);
    });
    assert_eq!(wrong, r#"The following parameter(s) are invalid: ResourceTypes {["VOLUMES"]}"#);
    let wrong = refusal(daily(), |it| first(it).create_rule.as_mut().unwrap().interval = Some(5));
    assert_eq!(wrong, "The following parameter(s) are invalid: Interval {5}");
    let wrong = refusal(daily(), |it| first(it).retain_rule = None);
    assert_eq!(wrong, "The following parameter(s) are missing: RetainRule");
    let wrong = refusal(daily(), |it| it.target_tags = None);
    assert_eq!(wrong, "The following parameter(s) are missing: TargetTags");
    let cron = "cron(0 10 * * * *)";
    let wrong = refusal(daily(), |it| {
        first(it).create_rule =
            Some(CreateRule { cron_expression: Some(cron.into()), ..CreateRule::default() });
    });
    assert_eq!(wrong, format!("The following parameter(s) are invalid: CronExpression {{{cron:?}}}"));
    let wrong = refusal(daily(), |it| it.create_interval = Some(1));
    assert_eq!(wrong, "CreateInterval is for default policies only");
    let wrong = refusal(daily(), |it| {
        let mut other = first(it).clone();
        other.name = Some("other".into());
        let week = RetainRule { interval: Some(1), interval_unit: Some(Unit::Weeks), count: None };
        other.retain_rule = Some(week);
        it.schedules.as_mut().unwrap().push(other);
    });
    assert_eq!(wrong, "All schedules must have the same retention type");
}

#[test]
fn scripts_are_refused_by_name() {
    let wrong = refusal(daily(), |it| {
        first(it).create_rule.as_mut().unwrap().scripts = Some(vec![Script::default()]);
    });
    assert_eq!(wrong, "dlm: Scripts before and after snapshots is not implemented by Fogbank");
}

#[test]
fn images_are_of_instances_and_deprecated_no_later_than_they_go() {
    let wrong = refusal(images(), |it| it.resource_types = Some(vec![ResourceTypeValues::Volume]));
    assert_eq!(wrong, r#"The following parameter(s) are invalid: ResourceTypes {["VOLUME"]}"#);
    let deprecated = |count, days: Option<i32>| {
        let rule = DeprecateRule { count, interval: days, interval_unit: days.map(|_| Unit::Days) };
        move |it: &mut PolicyDetails| first(it).deprecate_rule = Some(rule.clone())
    };
    let wrong = refusal(images(), deprecated(Some(4), None));
    assert_eq!(wrong, "The following parameter(s) are invalid: DeprecateRule {4}");
    let wrong = refusal(images(), deprecated(None, Some(1)));
    assert_eq!(wrong, "DeprecateRule must have the retention type of its schedule");
    let wrong = refusal(daily(), deprecated(Some(1), None));
    assert_eq!(wrong, "DeprecateRule is for AMI policies only");
    let mut by_age = images();
    first(&mut by_age).retain_rule =
        Some(RetainRule { interval: Some(1), interval_unit: Some(Unit::Weeks), count: None });
    let wrong = refusal(by_age.clone(), deprecated(None, Some(8)));
    assert_eq!(wrong, "The following parameter(s) are invalid: DeprecateRule {8}");
    deprecated(None, Some(7))(&mut by_age);
    details(&by_age, now()).unwrap();
    let wrong = refusal(images(), |it| first(it).archive_rule = Some(in_archive(Some(3), None)));
    assert_eq!(wrong, "ArchiveRule is for snapshot policies only");
}

#[test]
fn what_is_archived_is_made_monthly_and_stays_for_ninety_days() {
    let wrong = refusal(daily(), |it| first(it).archive_rule = Some(in_archive(Some(3), None)));
    assert_eq!(wrong, "ArchiveRule needs a schedule with a creation frequency of at least 28 days");
    let too_short = "Snapshots must be retained in the archive tier for at least 90 days";
    assert_eq!(refusal(monthly(), |it| first(it).archive_rule = Some(in_archive(Some(2), None))), too_short);
    let by_age = |days| {
        move |it: &mut PolicyDetails| {
            let rule = RetainRule { interval: Some(0), interval_unit: Some(Unit::Days), count: None };
            first(it).retain_rule = Some(rule);
            first(it).archive_rule = Some(in_archive(None, Some(days)));
        }
    };
    assert_eq!(refusal(monthly(), by_age(89)), too_short);
    let mut at_once = monthly();
    by_age(90)(&mut at_once);
    details(&at_once, now()).unwrap();
    let wrong = refusal(at_once, |it| {
        let rule = ShareRule { target_accounts: vec!["111111111111".into()], ..ShareRule::default() };
        first(it).share_rules = Some(vec![rule]);
    });
    assert!(wrong.contains("must retain snapshots in the standard tier"), "{wrong}");
    let wrong = refusal(daily(), |it| {
        first(it).retain_rule = Some(RetainRule { count: Some(0), ..RetainRule::default() });
    });
    assert_eq!(wrong, "The following parameter(s) are missing: Count");
}

#[test]
fn fast_restores_have_zones_and_are_no_more_than_snapshots() {
    let fast = |count, zones: &[&str]| {
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        let rule = FastRestoreRule { count, availability_zones: Some(zones), ..FastRestoreRule::default() };
        move |it: &mut PolicyDetails| first(it).fast_restore_rule = Some(rule.clone())
    };
    let mut good = daily();
    fast(Some(3), &["us-east-1a"])(&mut good);
    details(&good, now()).unwrap();
    let wrong = refusal(daily(), fast(Some(4), &["us-east-1a"]));
    assert_eq!(wrong, "The following parameter(s) are invalid: FastRestoreRule {4}");
    let wrong = refusal(daily(), fast(Some(1), &[]));
    assert_eq!(wrong, "The following parameter(s) are missing: AvailabilityZones");
    let wrong = refusal(daily(), fast(None, &["us-east-1a"]));
    assert_eq!(wrong, "The following parameter(s) are missing: Count");
}

#[test]
fn default_policies_have_limits_of_their_own() {
    let volumes = || default_of(ResourceTypeValues::Volume);
    for (create, retain, expected) in [
        (8, 14, "The following parameter(s) are invalid: CreateInterval {8}"),
        (1, 15, "The following parameter(s) are invalid: RetainInterval {15}"),
        (1, 1, "The following parameter(s) are invalid: RetainInterval {1}"),
        (7, 7, "RetainInterval must be greater than CreateInterval"),
    ] {
        let wrong = refusal(volumes(), |it| {
            it.create_interval = Some(create);
            it.retain_interval = Some(retain);
        });
        assert_eq!(wrong, expected);
    }
    let wrong = refusal(volumes(), |it| it.schedules = daily().schedules);
    assert_eq!(wrong, "Schedules is for custom policies only");
    let wrong = refusal(volumes(), |it| {
        let types = Some(vec!["gp9".to_owned()]);
        it.exclusions = Some(Exclusions { exclude_volume_types: types, ..Exclusions::default() });
    });
    assert_eq!(wrong, r#"The following parameter(s) are invalid: ExcludeVolumeTypes {"gp9"}"#);
    let wrong = refusal(default_of(ResourceTypeValues::Instance), |it| {
        it.exclusions = Some(Exclusions { exclude_boot_volumes: Some(true), ..Exclusions::default() });
    });
    assert!(wrong.ends_with("are for default policies for EBS snapshots only"), "{wrong}");
    let wrong = refusal(volumes(), |it| {
        let target = CrossRegionCopyTarget { target_region: Some("eu-west-1".into()) };
        it.cross_region_copy_targets = Some(vec![target.clone(), target]);
    });
    assert_eq!(wrong, r#"The following parameter(s) are invalid: CrossRegionCopyTargets {"eu-west-1"}"#);
}

#[test]
fn event_based_policies_name_who_shares_and_how_it_is_described() {
    fn parameters(it: &mut PolicyDetails) -> &mut EventParameters {
        it.event_source.as_mut().unwrap().parameters.as_mut().unwrap()
    }
    let wrong = refusal(shared(), |it| parameters(it).snapshot_owner.clear());
    assert_eq!(wrong, "The following parameter(s) are missing: SnapshotOwner");
    let wrong = refusal(shared(), |it| parameters(it).description_regex = "(".into());
    assert_eq!(wrong, r#"The following parameter(s) are invalid: DescriptionRegex {"("}"#);
    let wrong = refusal(shared(), |it| it.actions = None);
    assert_eq!(wrong, "The following parameter(s) are missing: Actions");
    let wrong = refusal(shared(), |it| it.target_tags = daily().target_tags);
    assert_eq!(wrong, "TargetTags is not for event-based policies");
    assert!(pattern("Created for policy: policy-1.*").unwrap().is_match("Created for policy: policy-12"));
    assert!(!pattern("production").unwrap().is_match("of production"));
}
