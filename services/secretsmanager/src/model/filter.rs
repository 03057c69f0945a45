//! Filters: which secrets a list is about.
//!
//! "Find secrets in AWS Secrets Manager" of the user guide: `name`, `tag-key`, `tag-value`, `primary-region` and
//! `owning-service` match beginnings and mind the case; `description` and `all` look for words and do not. A value that
//! begins with `!` excludes. Values of one filter are alternatives, filters add up.

use secretsmanager_api::{Filter, FilterNameStringType};

use crate::error::Error;

/// What filters look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub tags: &'a [(&'a str, &'a str)],
    pub primary_region: Option<&'a str>,
    pub owning_service: Option<&'a str>,
}

#[derive(Clone, Debug)]
pub struct Filters(Vec<OneFilter>);

#[derive(Clone, Debug)]
struct OneFilter {
    key: FilterNameStringType,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Filters {
    pub fn parse(filters: Option<Vec<Filter>>) -> Result<Filters, Error> {
        let mut parsed = Vec::new();
        for filter in filters.unwrap_or_default() {
            let key = filter.key.ok_or_else(|| Error::parameter("Invalid filter key"))?;
            let values = filter.values.filter(|values| !values.is_empty());
            let values = values.ok_or_else(|| Error::parameter("Invalid filter values"))?;
            let mut one = OneFilter { key, wanted: Vec::new(), unwanted: Vec::new() };
            for value in values {
                match value.strip_prefix('!') {
                    Some(rest) => one.unwanted.push(rest.to_owned()),
                    None => one.wanted.push(value),
                }
            }
            parsed.push(one);
        }
        Ok(Filters(parsed))
    }

    pub fn select(&self, subject: &Subject<'_>) -> bool {
        self.0.iter().all(|filter| {
            let matches = |value: &String| filter.matches(subject, value);
            (filter.wanted.is_empty() || filter.wanted.iter().any(matches))
                && !filter.unwanted.iter().any(matches)
        })
    }
}

impl OneFilter {
    fn matches(&self, subject: &Subject<'_>, value: &str) -> bool {
        let begins = |text: Option<&str>| text.is_some_and(|text| text.starts_with(value));
        match &self.key {
            FilterNameStringType::Name => begins(Some(subject.name)),
            FilterNameStringType::TagKey => subject.tags.iter().any(|(key, _)| begins(Some(key))),
            FilterNameStringType::TagValue => subject.tags.iter().any(|(_, value)| begins(Some(value))),
            FilterNameStringType::PrimaryRegion => begins(subject.primary_region),
            FilterNameStringType::OwningService => begins(subject.owning_service),
            FilterNameStringType::Description => {
                let own: Vec<String> = subject.description.split_whitespace().map(lower).collect();
                let mut wanted = value.split_whitespace().map(lower);
                wanted.all(|word| own.iter().any(|own| own.starts_with(&word)))
            }
            FilterNameStringType::All => {
                let wanted = words(value);
                attributes(subject).any(|text| has_word(text, &wanted))
            }
            FilterNameStringType::Unknown(_) => false,
        }
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

fn attributes<'s>(subject: &Subject<'s>) -> impl Iterator<Item = &'s str> {
    let tags = subject.tags.iter().flat_map(|(key, value)| [*key, *value]);
    [subject.name, subject.description].into_iter().chain(tags)
}

/// Whether any of the words begins a word of the text, however one divides that.
fn has_word(text: &str, wanted: &[String]) -> bool {
    let coarse = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(lower);
    let own: Vec<String> = words(text).into_iter().chain(coarse).collect();
    wanted.iter().any(|word| own.iter().any(|own| own.starts_with(word)))
}

/// Divides text as the search does: `credsDatabase#892` is `creds`, `database` and `892`.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    for c in text.chars() {
        let divides = before.is_some_and(|before| {
            (before.is_lowercase() && c.is_uppercase()) || (before.is_numeric() != c.is_numeric())
        });
        if !c.is_alphanumeric() || divides {
            words.push(std::mem::take(&mut word));
        }
        before = c.is_alphanumeric().then_some(c);
        if before.is_some() {
            word.extend(c.to_lowercase());
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'static> = Subject {
        name: "DatabaseSecret/prod",
        description: "My basic description",
        tags: &[("Team", "payments"), ("stage", "Prod1")],
        primary_region: Some("eu-west-1"),
        owning_service: Some("rds"),
    };

    fn check(key: &str, values: &[&str]) -> bool {
        let filter = Filter {
            key: Some(FilterNameStringType::from(key)),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        Filters::parse(Some(vec![filter])).unwrap().select(&SUBJECT)
    }

    #[test]
    fn each_key_matches_in_its_way() {
        for (key, value, expected) in [
            ("name", "Data", true),
            ("name", "data", false),
            ("name", "Secret", false),
            ("description", "my DESCRIPTION", true),
            ("description", "desc", true),
            ("description", "other", false),
            ("description", "my other", false),
            ("tag-key", "Te", true),
            ("tag-key", "te", false),
            ("tag-value", "pay", true),
            ("tag-value", "Pay", false),
            ("primary-region", "eu-", true),
            ("primary-region", "us-", false),
            ("owning-service", "r", true),
            ("all", "My_Secret", true),
            ("all", "PAYMENTS", true),
            ("all", "databasesecret", true),
            ("all", "prod1", true),
            ("all", "nothing", false),
        ] {
            assert_eq!(check(key, &[value]), expected, "{key} {value}");
        }
    }

    #[test]
    fn values_are_alternatives_and_exclamation_marks_exclude() {
        assert!(check("name", &["x", "Data"]));
        assert!(check("name", &["!x"]));
        assert!(!check("name", &["!Data"]));
        assert!(!check("name", &["Data", "!Database"]));
        assert!(check("tag-key", &["!nothing", "stage"]));
    }

    #[test]
    fn filters_add_up_and_need_values() {
        let filter = |key: &str, value: &str| Filter {
            key: Some(FilterNameStringType::from(key)),
            values: Some(vec![value.to_owned()]),
        };
        let both = |value: &str| {
            Filters::parse(Some(vec![filter("name", "Data"), filter("tag-value", value)]))
                .unwrap()
                .select(&SUBJECT)
        };
        assert!(both("pay"));
        assert!(!both("other"));
        for bad in [Filter::default(), Filter { values: None, ..filter("name", "x") }] {
            assert!(matches!(Filters::parse(Some(vec![bad])), Err(Error::InvalidParameter(_))));
        }
        assert!(Filters::parse(None).unwrap().select(&SUBJECT));
    }

    #[test]
    fn a_search_is_divided_at_changes_of_case_and_kind() {
        assert_eq!(words("credsDatabase#892"), ["creds", "database", "892"]);
        assert_eq!(words("My_Secret"), ["my", "secret"]);
        assert_eq!(words("ABC12-d"), ["abc", "12", "d"]);
        assert!(words("  ").is_empty());
    }
}
