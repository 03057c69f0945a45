//! Which rules of the recycle bin a resource matches ("How does it work?" of the Recycle Bin).

use std::time::Duration;

use rbin_api::{GetRuleOutput, ResourceTag, RuleStatus};

use super::tags::Tags;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long the rules retain a resource with these tags; the longest period counts.
pub fn retained(rules: &[GetRuleOutput], tags: &Tags) -> Option<Duration> {
    let matching = rules.iter().filter(|rule| matches(rule, tags));
    let days = matching.filter_map(|rule| rule.retention_period.as_ref()).map(|it| it.retention_period_value);
    days.max().and_then(|days| u32::try_from(days).ok()).map(|days| DAY * days)
}

fn matches(rule: &GetRuleOutput, tags: &Tags) -> bool {
    // A tag without a value stands for all values of its key.
    let has = |tag: &ResourceTag| {
        let value = tags.get(&tag.resource_tag_key);
        value.is_some_and(|value| tag.resource_tag_value.as_ref().is_none_or(|asked| asked == value))
    };
    let of = rule.resource_tags.as_deref().unwrap_or_default();
    let without = rule.exclude_resource_tags.as_deref().unwrap_or_default();
    rule.status == Some(RuleStatus::Available)
        && (of.is_empty() || of.iter().any(has))
        && !without.iter().any(has)
}

#[cfg(test)]
mod tests {
    use rbin_api::{RetentionPeriod, RetentionPeriodUnit};

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<ResourceTag> {
        let tag = |(key, value): &(&str, &str)| ResourceTag {
            resource_tag_key: (*key).to_owned(),
            resource_tag_value: (*value != "*").then(|| (*value).to_owned()),
        };
        pairs.iter().map(tag).collect()
    }

    fn rule(days: i32, of: &[(&str, &str)], without: &[(&str, &str)]) -> GetRuleOutput {
        GetRuleOutput {
            retention_period: Some(RetentionPeriod {
                retention_period_value: days,
                retention_period_unit: RetentionPeriodUnit::Days,
            }),
            resource_tags: Some(tags(of)),
            exclude_resource_tags: Some(tags(without)),
            status: Some(RuleStatus::Available),
            ..GetRuleOutput::default()
        }
    }

    #[test]
    fn the_longest_period_of_all_rules_that_match_counts() {
        let own: Tags =
            [("team", "ops"), ("tier", "gold")].map(|(key, value)| (key.into(), value.into())).into();
        for (rules, days) in [
            (vec![], None),
            (vec![rule(3, &[], &[])], Some(3)),
            (vec![rule(3, &[], &[]), rule(9, &[("team", "ops")], &[])], Some(9)),
            (vec![rule(3, &[], &[]), rule(9, &[("team", "dev")], &[])], Some(3)),
            (vec![rule(5, &[("a", "b"), ("tier", "gold")], &[])], Some(5)),
            (vec![rule(5, &[("tier", "*")], &[])], Some(5)),
            (vec![rule(5, &[], &[("tier", "gold")])], None),
            (vec![rule(5, &[], &[("tier", "tin")])], Some(5)),
        ] {
            assert_eq!(retained(&rules, &own), days.map(|days| DAY * days), "{rules:?}");
        }
    }
}
