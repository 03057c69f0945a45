//! What is refused, one rule at a time.

use s3_api::{
    AbortIncompleteMultipartUpload, LifecycleRuleAndOperator, NoncurrentVersionExpiration,
    NoncurrentVersionTransition, Tag,
};

use super::*;

fn check_one(rule: LifecycleRule) -> Result<(), String> {
    let mut configuration = BucketLifecycleConfiguration { rules: vec![rule] };
    complete(&mut configuration, &Ids::seeded(1)).map_err(|error| error.to_string())
}

fn rule() -> LifecycleRule {
    LifecycleRule {
        status: "Enabled".into(),
        filter: Some(LifecycleRuleFilter { prefix: Some("logs/".to_owned()), ..Default::default() }),
        ..LifecycleRule::default()
    }
}

fn expires(days: i32) -> Option<LifecycleExpiration> {
    Some(LifecycleExpiration { days: Some(days), ..LifecycleExpiration::default() })
}

fn to(class: &str, days: i32) -> Transition {
    Transition { days: Some(days), storage_class: Some(class.into()), date: None }
}

fn tag(key: &str) -> Tag {
    Tag { key: key.to_owned(), value: "v".to_owned() }
}

#[test]
fn the_lectures_rule_is_taken() {
    let archive =
        LifecycleRule { transitions: Some(vec![to("GLACIER", 7)]), expiration: expires(2600), ..rule() };
    assert_eq!(check_one(archive), Ok(()));
    let whole = LifecycleRule { filter: None, prefix: Some(String::new()), expiration: expires(1), ..rule() };
    assert_eq!(check_one(whole), Ok(()));
    let steps = vec![to("STANDARD_IA", 30), to("GLACIER", 60), to("DEEP_ARCHIVE", 61)];
    assert_eq!(check_one(LifecycleRule { transitions: Some(steps), ..rule() }), Ok(()));
}

#[test]
fn rules_need_a_filter_and_an_action() {
    let both = LifecycleRule { prefix: Some(String::new()), expiration: expires(1), ..rule() };
    let none = LifecycleRule { filter: None, expiration: expires(1), ..rule() };
    for bad in [rule(), both, none] {
        assert!(check_one(bad.clone()).is_err(), "{bad:?}");
    }
    let mut configuration = BucketLifecycleConfiguration::default();
    assert!(complete(&mut configuration, &Ids::seeded(1)).is_err());
    let named = LifecycleRule { id: Some("a".to_owned()), expiration: expires(1), ..rule() };
    let mut configuration = BucketLifecycleConfiguration { rules: vec![named.clone(), named] };
    let error = complete(&mut configuration, &Ids::seeded(1)).unwrap_err().to_string();
    assert!(error.contains("Rule ID must be unique"), "{error}");
}

#[test]
fn filters_say_one_thing_or_several_with_and() {
    let with = |filter| check_one(LifecycleRule { filter: Some(filter), expiration: expires(1), ..rule() });
    let prefix_and_tag = LifecycleRuleFilter {
        prefix: Some("a".to_owned()),
        tag: Some(tag("k")),
        ..LifecycleRuleFilter::default()
    };
    assert!(with(prefix_and_tag).is_err());
    let and = |and| LifecycleRuleFilter { and: Some(and), ..LifecycleRuleFilter::default() };
    let two = LifecycleRuleAndOperator { tags: Some(vec![tag("a"), tag("b")]), ..Default::default() };
    assert_eq!(with(and(two)), Ok(()));
    let one = LifecycleRuleAndOperator { tags: Some(vec![tag("a")]), ..Default::default() };
    assert!(with(and(one)).is_err());
    let twice = LifecycleRuleAndOperator { tags: Some(vec![tag("a"), tag("a")]), ..Default::default() };
    assert!(with(and(twice)).unwrap_err().contains("Duplicate Tag Keys"));
    let sizes = LifecycleRuleAndOperator {
        object_size_greater_than: Some(10),
        object_size_less_than: Some(5),
        ..Default::default()
    };
    assert!(with(and(sizes)).is_err());
}

#[test]
fn times_are_positive_and_dates_at_midnight() {
    let dated =
        |millis| LifecycleExpiration { date: Some(Timestamp::from_millis(millis)), ..Default::default() };
    assert_eq!(check_one(LifecycleRule { expiration: Some(dated(86_400_000)), ..rule() }), Ok(()));
    let noncurrent =
        |days, newer| NoncurrentVersionExpiration { noncurrent_days: days, newer_noncurrent_versions: newer };
    for bad in [
        LifecycleRule { expiration: expires(0), ..rule() },
        LifecycleRule { expiration: Some(dated(1)), ..rule() },
        LifecycleRule { expiration: Some(LifecycleExpiration::default()), ..rule() },
        LifecycleRule { noncurrent_version_expiration: Some(noncurrent(Some(0), None)), ..rule() },
        LifecycleRule { noncurrent_version_expiration: Some(noncurrent(Some(1), Some(101))), ..rule() },
        LifecycleRule {
            abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
                days_after_initiation: Some(0),
            }),
            ..rule()
        },
    ] {
        assert!(check_one(bad.clone()).is_err(), "{bad:?}");
    }
}

#[test]
fn transitions_go_downwards_and_end_before_the_object_does() {
    let noncurrent = NoncurrentVersionTransition {
        noncurrent_days: Some(5),
        storage_class: Some("ONEZONE_IA".into()),
        newer_noncurrent_versions: None,
    };
    let dated =
        Transition { days: None, date: Some(Timestamp::EPOCH), storage_class: Some("DEEP_ARCHIVE".into()) };
    for (bad, word) in [
        (LifecycleRule { transitions: Some(vec![to("STANDARD_IA", 29)]), ..rule() }, "equal to 30"),
        (LifecycleRule { transitions: Some(vec![to("STANDARD", 1)]), ..rule() }, "MalformedXML"),
        (
            LifecycleRule { transitions: Some(vec![to("GLACIER", 1), to("GLACIER", 2)]), ..rule() },
            "different",
        ),
        (
            LifecycleRule { transitions: Some(vec![to("GLACIER", 40), to("STANDARD_IA", 30)]), ..rule() },
            "more than",
        ),
        (LifecycleRule { transitions: Some(vec![to("GLACIER", 1), dated]), ..rule() }, "mixed"),
        (
            LifecycleRule { transitions: Some(vec![to("GLACIER", 7)]), expiration: expires(7), ..rule() },
            "must be greater",
        ),
        (LifecycleRule { noncurrent_version_transitions: Some(vec![noncurrent]), ..rule() }, "equal to 30"),
    ] {
        let error = check_one(bad).unwrap_err();
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn some_actions_do_not_go_with_tags() {
    let filter = Some(LifecycleRuleFilter { tag: Some(tag("k")), ..LifecycleRuleFilter::default() });
    let abort = AbortIncompleteMultipartUpload { days_after_initiation: Some(1) };
    let aborts =
        LifecycleRule { filter: filter.clone(), abort_incomplete_multipart_upload: Some(abort), ..rule() };
    assert!(
        check_one(aborts)
            .unwrap_err()
            .contains("AbortIncompleteMultipartUpload cannot be specified with Tags.")
    );
    let markers = LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() };
    let markers = LifecycleRule { filter, expiration: Some(markers), ..rule() };
    assert!(
        check_one(markers).unwrap_err().contains("ExpiredObjectDeleteMarker cannot be specified with Tags.")
    );
}
