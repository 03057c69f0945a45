//! Which resources a selection names ("Select AWS services to backup").
//!
//! What matches one of the ARNs, or has one of the tags of `ListOfTags`; of these, what meets all conditions, and is none
//! of `NotResources`. Where neither ARNs nor tags are given, the conditions choose from everything.

use std::collections::BTreeMap;

use backup_api::{BackupSelection, ConditionParameter};

use super::arns::Kind;
use crate::error::Error;
use crate::limits::{SELECTED_ARNS_MAX, SELECTED_PATTERNS_MAX, SELECTED_TAGS_MAX};

/// Conditions name a tag so; `ListOfTags` by its key alone.
const TAG_PREFIX: &str = "aws:ResourceTag/";

/// A resource that might be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub arn: String,
    pub kind: Kind,
    pub tags: BTreeMap<String, String>,
}

pub fn check(selection: &BackupSelection) -> Result<(), Error> {
    let empty = Vec::new();
    let (resources, others) =
        (selection.resources.as_ref().unwrap_or(&empty), selection.not_resources.as_ref().unwrap_or(&empty));
    for arn in resources.iter().chain(others) {
        if arn != "*" && !arn.starts_with("arn:") {
            return Err(Error::Invalid(format!("Invalid ARN: {arn}. Specify a valid ARN.")));
        }
    }
    let patterns = resources.iter().filter(|arn| arn.contains('*')).count();
    if resources.len() > SELECTED_ARNS_MAX || patterns > SELECTED_PATTERNS_MAX {
        return Err(Error::Invalid(format!(
            "A selection has at most {SELECTED_ARNS_MAX} ARNs, and {SELECTED_PATTERNS_MAX} with wildcards"
        )));
    }
    let tags = selection.list_of_tags.as_deref().unwrap_or_default();
    let conditions = all_conditions(selection);
    if tags.len() + conditions.len() > SELECTED_TAGS_MAX {
        return Err(Error::Invalid(format!("A selection has at most {SELECTED_TAGS_MAX} conditions")));
    }
    for one in &conditions {
        let key = one.condition_key.as_deref().unwrap_or_default();
        if !key.starts_with(TAG_PREFIX) || one.condition_value.is_none() {
            return Err(Error::Invalid(format!("Invalid condition key: {key}. It begins with {TAG_PREFIX}")));
        }
    }
    if resources.is_empty() && tags.is_empty() && conditions.is_empty() {
        return Err(Error::Invalid("A selection needs Resources, ListOfTags or Conditions".to_owned()));
    }
    Ok(())
}

fn all_conditions(selection: &BackupSelection) -> Vec<&ConditionParameter> {
    let Some(conditions) = &selection.conditions else { return Vec::new() };
    let kinds = [
        &conditions.string_equals,
        &conditions.string_not_equals,
        &conditions.string_like,
        &conditions.string_not_like,
    ];
    kinds.into_iter().flatten().flatten().collect()
}

/// Whether a resource is chosen. `opted` tells whether resources of its kind are backed up where their ARN is not named.
pub fn chooses(selection: &BackupSelection, resource: &Candidate, opted: bool) -> bool {
    let matches = |patterns: Option<&Vec<String>>| {
        patterns.into_iter().flatten().any(|pattern| like(pattern, &resource.arn))
    };
    let tags = selection.list_of_tags.as_deref().unwrap_or_default();
    let has_resources = selection.resources.as_ref().is_some_and(|resources| !resources.is_empty());
    let is_named = selection.resources.iter().flatten().any(|arn| *arn == resource.arn);
    let is_tagged =
        tags.iter().any(|tag| resource.tags.get(&tag.condition_key) == Some(&tag.condition_value));
    let is_open = !has_resources && tags.is_empty();
    (is_named || (opted && (is_open || is_tagged || matches(selection.resources.as_ref()))))
        && meets(selection, resource)
        && !matches(selection.not_resources.as_ref())
}

/// All conditions; one that denies something is met by a resource without the tag.
fn meets(selection: &BackupSelection, resource: &Candidate) -> bool {
    let Some(conditions) = &selection.conditions else { return true };
    let all = |list: &Option<Vec<ConditionParameter>>, is_met: &dyn Fn(Option<&String>, &str) -> bool| {
        list.iter().flatten().all(|one| {
            let key = one.condition_key.as_deref().unwrap_or_default();
            let value = resource.tags.get(key.strip_prefix(TAG_PREFIX).unwrap_or(key));
            is_met(value, one.condition_value.as_deref().unwrap_or_default())
        })
    };
    all(&conditions.string_equals, &|have, wanted| have.is_some_and(|have| have == wanted))
        && all(&conditions.string_not_equals, &|have, wanted| have.is_none_or(|have| have != wanted))
        && all(&conditions.string_like, &|have, wanted| have.is_some_and(|have| like(wanted, have)))
        && all(&conditions.string_not_like, &|have, wanted| have.is_none_or(|have| !like(wanted, have)))
}

/// Whether a text is like a pattern, in which `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup_api::{Condition, ConditionType, Conditions};

    fn volume(tags: &[(&str, &str)]) -> Candidate {
        Candidate {
            arn: "arn:aws:ec2:us-east-1:111122223333:volume/vol-1".to_owned(),
            kind: Kind::Ebs,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn parameter(key: &str, value: &str) -> Option<Vec<ConditionParameter>> {
        let key = Some(format!("{TAG_PREFIX}{key}"));
        Some(vec![ConditionParameter { condition_key: key, condition_value: Some(value.to_owned()) }])
    }

    fn arns(arns: &[&str]) -> Option<Vec<String>> {
        Some(arns.iter().map(|arn| (*arn).to_owned()).collect())
    }

    #[test]
    fn patterns_match_anywhere() {
        for (pattern, text, expected) in [
            ("*", "anything", true),
            ("a*", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("abc", "abcd", false),
            ("a*bc*c", "abc", false),
            ("*/vol-*", "volume/vol-1", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn resources_are_chosen_by_arn_tag_and_condition() {
        let none = BackupSelection::default;
        let tagged = Some(vec![Condition {
            condition_type: ConditionType::Stringequals,
            condition_key: "backup".to_owned(),
            condition_value: "yes".to_owned(),
        }]);
        let everything = arns(&["*"]);
        let equals = Some(Conditions { string_equals: parameter("stage", "prod"), ..Conditions::default() });
        let unlike = Some(Conditions { string_not_like: parameter("stage", "te*"), ..Conditions::default() });
        let (plain, prod) = (volume(&[]), volume(&[("backup", "yes"), ("stage", "prod")]));
        let test = volume(&[("backup", "yes"), ("stage", "test")]);
        for (selection, expected) in [
            (BackupSelection { resources: everything.clone(), ..none() }, [true, true, true]),
            (
                BackupSelection { resources: arns(&["arn:aws:ec2:*:*:volume/*"]), ..none() },
                [true, true, true],
            ),
            (BackupSelection { resources: arns(&["arn:aws:dynamodb:*"]), ..none() }, [false, false, false]),
            (BackupSelection { list_of_tags: tagged.clone(), ..none() }, [false, true, true]),
            (
                BackupSelection { resources: everything.clone(), conditions: equals.clone(), ..none() },
                [false, true, false],
            ),
            (BackupSelection { conditions: unlike, ..none() }, [true, true, false]),
            (
                BackupSelection { list_of_tags: tagged, not_resources: arns(&["*/vol-1"]), ..none() },
                [false, false, false],
            ),
        ] {
            let chosen = [&plain, &prod, &test].map(|resource| chooses(&selection, resource, true));
            assert_eq!(chosen, expected, "{selection:?}");
        }
    }

    #[test]
    fn a_type_that_is_switched_off_is_backed_up_by_its_arn_only() {
        let all = BackupSelection { resources: arns(&["*"]), ..BackupSelection::default() };
        let one = BackupSelection { resources: Some(vec![volume(&[]).arn]), ..BackupSelection::default() };
        assert!(!chooses(&all, &volume(&[]), false));
        assert!(chooses(&one, &volume(&[]), false));
    }
}
