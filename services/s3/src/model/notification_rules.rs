//! Notification configurations: what is refused when one is set, and how it reads back.
//! Reference: PutBucketNotificationConfiguration of the API reference; "Configuring event notifications using object key
//! name filtering" of the S3 guide.

use std::collections::BTreeSet;

use base::{Arn, Ids};
use s3_api as api;

use crate::error::{Error, INVALID_ARGUMENT, MALFORMED_XML};
use crate::limits::{KEY_BYTES_MAX, NOTIFICATION_RULES_MAX, RULE_ID_CHARS_MAX};

/// One rule, whatever it is sent to.
struct Rule<'a> {
    id: &'a mut Option<String>,
    arn: &'a str,
    service: &'static str,
    events: &'a [api::Event],
    filter: Option<&'a mut api::NotificationConfigurationFilter>,
}

/// Refuses what S3 refuses, and completes the rest: rules without an id get one. Gives the destinations.
pub fn complete(configuration: &mut api::NotificationConfiguration, ids: &Ids) -> Result<Vec<Arn>, Error> {
    let mut rules = rules(configuration);
    if rules.len() > NOTIFICATION_RULES_MAX {
        return Err(Error::new(&MALFORMED_XML));
    }
    let mut seen = BTreeSet::new();
    let mut arns = Vec::new();
    for rule in &mut rules {
        let id = rule.id.get_or_insert_with(|| ids.uuid());
        if id.chars().count() > RULE_ID_CHARS_MAX || !seen.insert(id.clone()) {
            return Err(refused("Same ID used for multiple configurations. IDs must be unique"));
        }
        if rule.events.is_empty() {
            return Err(Error::new(&MALFORMED_XML));
        }
        for event in rule.events {
            if matches!(event, api::Event::Unknown(_)) {
                let message = "A specified event is not supported for notifications.";
                return Err(Error::argument(message, "Event", event.as_str()));
            }
        }
        check_filter(rule)?;
        let arn = rule.arn.parse::<Arn>().ok().filter(|arn| arn.service() == rule.service);
        let has_place = |arn: &Arn| arn.region().is_some() && arn.account().is_some();
        let arn = arn
            .filter(has_place)
            .ok_or_else(|| Error::argument("The ARN could not be parsed", kind_of(rule.service), rule.arn))?;
        arns.push(arn);
    }
    check_overlaps(&rules)?;
    Ok(arns)
}

fn kind_of(service: &str) -> &'static str {
    match service {
        "sqs" => "Queue",
        "sns" => "Topic",
        _ => "CloudFunction",
    }
}

fn refused(message: &'static str) -> Error {
    Error::worded(&INVALID_ARGUMENT, message)
}

fn rules(configuration: &mut api::NotificationConfiguration) -> Vec<Rule<'_>> {
    let queues = configuration.queue_configurations.iter_mut().flatten().map(|rule| Rule {
        id: &mut rule.id,
        arn: &rule.queue_arn,
        service: "sqs",
        events: &rule.events,
        filter: rule.filter.as_mut(),
    });
    let topics = configuration.topic_configurations.iter_mut().flatten().map(|rule| Rule {
        id: &mut rule.id,
        arn: &rule.topic_arn,
        service: "sns",
        events: &rule.events,
        filter: rule.filter.as_mut(),
    });
    let functions = configuration.lambda_function_configurations.iter_mut().flatten().map(|rule| Rule {
        id: &mut rule.id,
        arn: &rule.lambda_function_arn,
        service: "lambda",
        events: &rule.events,
        filter: rule.filter.as_mut(),
    });
    queues.chain(topics).chain(functions).collect()
}

/// A filter has at most one prefix and one suffix. They read back with a capital, however they were sent.
fn check_filter(rule: &mut Rule<'_>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for filter in filter_rules(rule) {
        let name = filter.name.as_ref().map(api::FilterRuleName::as_str).unwrap_or_default();
        let name = match name.to_ascii_lowercase().as_str() {
            "prefix" => "Prefix",
            "suffix" => "Suffix",
            _ => return Err(refused("filter rule name must be either prefix or suffix")),
        };
        if !seen.insert(name) {
            return Err(refused(match name {
                "Prefix" => "Cannot specify more than one prefix rule in a filter.",
                _ => "Cannot specify more than one suffix rule in a filter.",
            }));
        }
        if filter.value.as_ref().is_some_and(|value| value.len() > KEY_BYTES_MAX) {
            return Err(refused("Size of filter rule value cannot exceed 1024 bytes in UTF-8"));
        }
        filter.name = Some(api::FilterRuleName::Unknown(name.into()));
    }
    Ok(())
}

fn filter_rules<'r>(rule: &'r mut Rule<'_>) -> impl Iterator<Item = &'r mut api::FilterRule> {
    let key = rule.filter.as_mut().and_then(|filter| filter.key.as_mut());
    key.and_then(|key| key.filter_rules.as_mut()).into_iter().flatten()
}

/// No event of a key may be asked for by two rules.
fn check_overlaps(rules: &[Rule<'_>]) -> Result<(), Error> {
    let ends = |rule: &Rule<'_>| {
        let mut ends = (String::new(), String::new());
        let key = rule.filter.as_ref().and_then(|filter| filter.key.as_ref());
        for filter in key.and_then(|key| key.filter_rules.as_deref()).unwrap_or_default() {
            let value = filter.value.clone().unwrap_or_default();
            match filter.name.as_ref().map(api::FilterRuleName::as_str) {
                Some("Prefix") => ends.0 = value,
                _ => ends.1 = value,
            }
        }
        ends
    };
    let covers = |one: &str, other: &str| match one.strip_suffix('*') {
        Some(stem) => other.starts_with(stem),
        None => one == other,
    };
    for (index, one) in rules.iter().enumerate() {
        for other in &rules[index + 1..] {
            let share = one.events.iter().any(|a| {
                other.events.iter().any(|b| covers(a.as_str(), b.as_str()) || covers(b.as_str(), a.as_str()))
            });
            let ((prefix, suffix), (other_prefix, other_suffix)) = (ends(one), ends(other));
            let prefixes = prefix.starts_with(&other_prefix) || other_prefix.starts_with(&prefix);
            let suffixes = suffix.ends_with(&other_suffix) || other_suffix.ends_with(&suffix);
            if share && prefixes && suffixes {
                return Err(refused(
                    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the \
                     prefixes are overlapping for the same event type.",
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: Option<&str>, event: &str, filter: &[(&str, &str)]) -> api::QueueConfiguration {
        let rules = filter.iter().map(|(name, value)| api::FilterRule {
            name: Some((*name).into()),
            value: Some((*value).to_owned()),
        });
        api::QueueConfiguration {
            id: id.map(str::to_owned),
            queue_arn: "arn:aws:sqs:us-east-1:000000000000:q".to_owned(),
            events: vec![event.into()],
            filter: Some(api::NotificationConfigurationFilter {
                key: Some(api::S3KeyFilter { filter_rules: Some(rules.collect()) }),
            }),
        }
    }

    fn check(rules: Vec<api::QueueConfiguration>) -> Result<api::NotificationConfiguration, Error> {
        let mut configuration =
            api::NotificationConfiguration { queue_configurations: Some(rules), ..Default::default() };
        complete(&mut configuration, &Ids::seeded(1)).map(|_| configuration)
    }

    #[test]
    fn rules_get_ids_and_filters_a_capital() {
        let configuration = check(vec![rule(None, "s3:ObjectCreated:*", &[("prefix", "a")])]).unwrap();
        let rule = &configuration.queue_configurations.unwrap()[0];
        assert!(rule.id.is_some());
        let filters = rule.filter.clone().unwrap().key.unwrap().filter_rules.unwrap();
        assert_eq!(filters[0].name.as_ref().unwrap().as_str(), "Prefix");
    }

    #[test]
    fn two_rules_may_not_ask_for_the_same() {
        let put = "s3:ObjectCreated:Put";
        assert!(
            check(vec![rule(None, put, &[("prefix", "a/")]), rule(None, put, &[("prefix", "b/")])]).is_ok()
        );
        assert!(
            check(vec![rule(None, put, &[("suffix", ".a")]), rule(None, put, &[("suffix", ".b")])]).is_ok()
        );
        for rules in [
            vec![rule(Some("x"), put, &[("prefix", "a")]), rule(Some("x"), put, &[("prefix", "b")])],
            vec![rule(None, put, &[]), rule(None, "s3:ObjectCreated:*", &[("prefix", "b")])],
            vec![rule(None, put, &[("prefix", "a")]), rule(None, put, &[("prefix", "ab")])],
            vec![rule(None, "s3:Nothing", &[])],
            vec![rule(None, put, &[("infix", "a")])],
            vec![rule(None, put, &[("prefix", "a"), ("Prefix", "b")])],
            vec![api::QueueConfiguration { queue_arn: "q".to_owned(), ..rule(None, put, &[]) }],
        ] {
            assert!(check(rules.clone()).is_err(), "{rules:?}");
        }
    }
}
