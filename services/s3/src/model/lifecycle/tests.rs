//! Tables of rules and dates: what is due, and when.

use super::*;

/// `2026-01-15T10:30`, in UTC.
fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(&format!("{text}:00Z")).unwrap()
}

fn tags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn rule(id: &str) -> api::LifecycleRule {
    api::LifecycleRule {
        id: Some(id.to_owned()),
        status: api::ExpirationStatus::Enabled,
        ..api::LifecycleRule::default()
    }
}

fn expiring(id: &str, days: i32) -> api::LifecycleRule {
    let expiration = api::LifecycleExpiration { days: Some(days), ..api::LifecycleExpiration::default() };
    api::LifecycleRule { expiration: Some(expiration), ..rule(id) }
}

fn moving(id: &str, days: i32, class: &str) -> api::LifecycleRule {
    let transition = api::Transition {
        days: Some(days),
        storage_class: Some(api::TransitionStorageClass::from(class)),
        ..api::Transition::default()
    };
    api::LifecycleRule { transitions: Some(vec![transition]), ..rule(id) }
}

fn filtered(rule: api::LifecycleRule, filter: api::LifecycleRuleFilter) -> api::LifecycleRule {
    api::LifecycleRule { filter: Some(filter), ..rule }
}

fn of(rules: &[api::LifecycleRule]) -> Rules<'_> {
    Rules { rules, small: SmallObjects::StayEverywhere }
}

const BIG: Option<u64> = Some(1 << 20);

fn subject<'a>(key: &'a str, tags: &'a BTreeMap<String, String>) -> Subject<'a> {
    Subject { key, size: BIG, tags, class: StorageClass::Standard }
}

#[test]
fn days_are_rounded_up_to_the_next_midnight() {
    let (rules, none) = ([expiring("r", 3)], tags(&[]));
    for (created, expires) in [
        ("2014-01-15T10:30", "2014-01-19T00:00"),
        ("2014-01-15T00:00", "2014-01-18T00:00"),
        ("2014-01-15T23:59", "2014-01-19T00:00"),
        ("2024-02-27T12:00", "2024-03-02T00:00"),
    ] {
        let planned = of(&rules).expiration(&subject("k", &none), at(created)).unwrap();
        assert_eq!(planned.at, at(expires), "{created}");
    }
}

#[test]
fn the_header_names_the_earliest_expiration_and_its_rule() {
    let (rules, none) = ([expiring("later", 9), expiring("the first", 1)], tags(&[]));
    let planned = of(&rules).expiration(&subject("k", &none), at("2012-12-21T10:00")).unwrap();
    assert_eq!(
        expiration_header(&planned),
        "expiry-date=\"Sun, 23 Dec 2012 00:00:00 GMT\", rule-id=\"the%20first\""
    );
}

#[test]
fn a_rule_is_for_what_its_filter_says() {
    let filter = api::LifecycleRuleFilter::default;
    let tag = |key: &str, value: &str| api::Tag { key: key.to_owned(), value: value.to_owned() };
    let and = api::LifecycleRuleAndOperator {
        prefix: Some("logs/".to_owned()),
        tags: Some(vec![tag("a", "1"), tag("b", "2")]),
        object_size_greater_than: Some(500),
        object_size_less_than: Some(2000),
    };
    let prefix = api::LifecycleRuleFilter { prefix: Some("logs/".to_owned()), ..filter() };
    let tagged = api::LifecycleRuleFilter { tag: Some(tag("a", "1")), ..filter() };
    let both = api::LifecycleRuleFilter { and: Some(and), ..filter() };
    let large = api::LifecycleRuleFilter { object_size_greater_than: Some(1000), ..filter() };
    for (filter, key, size, with, expected) in [
        (&prefix, "logs/1", 0, &[][..], true),
        (&prefix, "log", 0, &[], false),
        (&tagged, "x", 0, &[("a", "1"), ("c", "3")], true),
        (&tagged, "x", 0, &[("a", "2")], false),
        (&large, "x", 1001, &[], true),
        (&large, "x", 1000, &[], false),
        (&both, "logs/1", 1000, &[("a", "1"), ("b", "2")], true),
        (&both, "logs/1", 2000, &[("a", "1"), ("b", "2")], false),
        (&both, "logs/1", 1000, &[("a", "1")], false),
        (&both, "x", 1000, &[("a", "1"), ("b", "2")], false),
    ] {
        let rules = [filtered(expiring("r", 1), filter.clone())];
        let tags = tags(with);
        let subject = Subject { key, size: Some(size), tags: &tags, class: StorageClass::Standard };
        let planned = of(&rules).expiration(&subject, at("2026-01-01T00:00"));
        assert_eq!(planned.is_some(), expected, "{filter:?} {key} {size} {with:?}");
    }
}

#[test]
fn deletion_comes_before_transition_and_the_lowest_class_before_others() {
    let none = tags(&[]);
    let rules = [moving("ia", 30, "STANDARD_IA"), moving("ice", 60, "GLACIER"), expiring("gone", 90)];
    let created = at("2026-01-01T00:00");
    let mut seen = Vec::new();
    for day in ["2026-01-30T00:00", "2026-01-31T00:00", "2026-03-02T00:00", "2026-04-01T00:00"] {
        let due = of(&rules).due(&subject("k", &none), created, at(day));
        seen.push(due.map(|planned| planned.rule_id));
    }
    assert_eq!(seen, [None, Some("ia"), Some("ice"), Some("gone")]);
    let archived = Subject { class: StorageClass::Glacier, ..subject("k", &none) };
    let due = of(&rules).due(&archived, created, at("2026-03-02T00:00"));
    assert_eq!(due, None, "there is no way back up");
}

#[test]
fn small_objects_stay_unless_a_rule_names_sizes_or_the_bucket_says_otherwise() {
    let none = tags(&[]);
    let small = Subject { size: Some(TRANSITION_BYTES_MIN - 1), ..subject("k", &none) };
    let (created, now) = (at("2026-01-01T00:00"), at("2027-01-01T00:00"));
    let sized =
        api::LifecycleRuleFilter { object_size_greater_than: Some(1), ..api::LifecycleRuleFilter::default() };
    for (rule, small_objects, moves) in [
        (moving("r", 1, "GLACIER"), SmallObjects::StayEverywhere, false),
        (moving("r", 1, "GLACIER"), SmallObjects::MayBeArchived, true),
        (moving("r", 1, "STANDARD_IA"), SmallObjects::MayBeArchived, false),
        (filtered(moving("r", 1, "STANDARD_IA"), sized), SmallObjects::StayEverywhere, true),
    ] {
        let rules = [rule];
        let rules = Rules { rules: &rules, small: small_objects };
        assert_eq!(rules.due(&small, created, now).is_some(), moves, "{rules:?}");
    }
}

#[test]
fn older_versions_wait_for_their_days_and_for_newer_ones() {
    let none = tags(&[]);
    let expiration =
        api::NoncurrentVersionExpiration { noncurrent_days: Some(10), newer_noncurrent_versions: Some(2) };
    let rules = [api::LifecycleRule { noncurrent_version_expiration: Some(expiration), ..rule("r") }];
    let since = at("2026-01-01T06:00");
    for (newer, now, due) in [
        (1, "2026-06-01T00:00", false),
        (2, "2026-01-11T00:00", false),
        (2, "2026-01-12T00:00", true),
        (9, "2026-01-12T00:00", true),
    ] {
        let planned = of(&rules).due_noncurrent(&subject("k", &none), since, newer, at(now));
        assert_eq!(planned.is_some(), due, "{newer} {now}");
    }
}

#[test]
fn markers_without_versions_go_at_once_or_when_they_are_as_old_as_objects_get() {
    let none = tags(&[]);
    let marker = Subject { size: None, ..subject("k", &none) };
    let at_once = api::LifecycleExpiration {
        expired_object_delete_marker: Some(true),
        ..api::LifecycleExpiration::default()
    };
    let at_once = api::LifecycleRule { expiration: Some(at_once), ..rule("r") };
    let created = at("2026-01-01T00:00");
    for (rule, now, goes) in [
        (at_once, "2026-01-01T00:01", true),
        (expiring("r", 5), "2026-01-05T00:00", false),
        (expiring("r", 5), "2026-01-06T00:00", true),
    ] {
        assert_eq!(of(&[rule]).removes_marker(&marker, created, at(now)), goes, "{now}");
    }
}

#[test]
fn uploads_are_given_up_by_rules_that_are_on_and_for_their_key() {
    let abort = api::AbortIncompleteMultipartUpload { days_after_initiation: Some(7) };
    let on = api::LifecycleRule {
        abort_incomplete_multipart_upload: Some(abort),
        prefix: Some("up/".to_owned()),
        ..rule("abort")
    };
    let off = api::LifecycleRule { status: api::ExpirationStatus::Disabled, ..on.clone() };
    let began = at("2026-01-01T12:00");
    let rules = [on];
    let planned = of(&rules).abort("up/x", began).unwrap();
    assert_eq!((planned.at, planned.rule_id), (at("2026-01-09T00:00"), "abort"));
    assert!(of(&rules).abort("x", began).is_none() && of(&[off]).abort("up/x", began).is_none());
}
