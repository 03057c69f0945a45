//! Filters of listings: which records to look at, and which of them to show.
//!
//! Surprising: DescribeParameters and GetParametersByPath share the shape and not the keys, and the deprecated
//! `Filters` of DescribeParameters takes the beginning of a name.
//! Reference: ParameterStringFilter in the API reference.

use std::collections::BTreeMap;

use ssm_api::{ParameterStringFilter, ParametersFilter, ParametersFilterKey};

use super::labels::Labels;
use super::name::{ParameterName, ParameterPath, beginning_with};
use crate::error::Error;

/// A range of keys to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keys {
    Exactly(String),
    BeginningWith(String),
}

/// What filters look at.
pub struct Subject<'a> {
    pub key: &'a str,
    pub name: &'a str,
    pub kind: &'a str,
    pub key_id: Option<&'a str>,
    pub tier: &'a str,
    pub data_type: &'a str,
    pub tags: &'a BTreeMap<String, String>,
    pub labels: &'a Labels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equals,
    BeginsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Kind,
    KeyId,
    Tier,
    DataType,
}

#[derive(Debug)]
enum Rule {
    Field(Field, Compare, Vec<String>),
    /// A tag of that name, with one of these values; with any value if there are none.
    Tag(String, Compare, Vec<String>),
    /// The beginnings of the keys of a path.
    Path(Vec<String>),
    Label(Vec<String>),
}

/// All filters of a request.
#[derive(Debug, Default)]
pub struct Filters {
    rules: Vec<Rule>,
}

impl Filters {
    /// The filters of DescribeParameters.
    pub fn to_describe(
        filters: Option<Vec<ParameterStringFilter>>,
        old: Option<Vec<ParametersFilter>>,
    ) -> Result<Filters, Error> {
        let (filters, old) = (filters.unwrap_or_default(), old.unwrap_or_default());
        if !filters.is_empty() && !old.is_empty() {
            let message = "You can use either Filters or ParameterFilters in a single request.";
            return Err(Error::Validation(message.to_owned()));
        }
        check_keys(&filters, "[Path, Name, Type, KeyId, Tier, DataType]", |key| key != "Label")?;
        let mut rules = filters.into_iter().map(rule).collect::<Result<Vec<Rule>, Error>>()?;
        rules.extend(old.into_iter().map(old_rule));
        Ok(Filters { rules })
    }

    /// The filters of GetParametersByPath.
    pub fn by_path(filters: Option<Vec<ParameterStringFilter>>) -> Result<Filters, Error> {
        let filters = filters.unwrap_or_default();
        check_keys(&filters, "[Type, KeyId, Label]", |key| matches!(key, "Type" | "KeyId" | "Label"))?;
        Ok(Filters { rules: filters.into_iter().map(rule).collect::<Result<Vec<Rule>, Error>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn let_through(&self, subject: &Subject<'_>) -> bool {
        self.rules.iter().all(|rule| rule.lets_through(subject))
    }

    /// The label that is asked for; the version that has it is meant, not the current one.
    pub fn labels(&self) -> Option<&[String]> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Label(labels) => Some(labels.as_slice()),
            _ => None,
        })
    }

    /// The ranges of keys that hold all that may be let through, ascending and apart from each other.
    pub fn ranges(&self) -> Vec<Keys> {
        let by_name = self.rules.iter().find_map(|rule| match rule {
            Rule::Field(Field::Name, Compare::Equals, names) => {
                let keys = names.iter().filter_map(|name| ParameterName::parse(name).ok());
                Some(keys.map(|name| Keys::Exactly(name.key())).collect())
            }
            Rule::Field(Field::Name, Compare::BeginsWith, texts) => {
                Some(texts.iter().flat_map(|text| beginning_with(text)).map(Keys::BeginningWith).collect())
            }
            _ => None,
        });
        let by_path = || {
            self.rules.iter().find_map(|rule| match rule {
                Rule::Path(prefixes) => Some(prefixes.iter().cloned().map(Keys::BeginningWith).collect()),
                _ => None,
            })
        };
        apart(by_name.or_else(by_path).unwrap_or_else(|| vec![Keys::BeginningWith(String::new())]))
    }
}

/// Sorts ranges and drops those that lie within another.
fn apart(mut ranges: Vec<Keys>) -> Vec<Keys> {
    let text = |keys: &Keys| match keys {
        Keys::Exactly(key) | Keys::BeginningWith(key) => key.clone(),
    };
    ranges.sort_by_key(|keys| (text(keys), matches!(keys, Keys::Exactly(_))));
    let mut kept: Vec<Keys> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let is_covered = kept.last().is_some_and(|last| match last {
            Keys::Exactly(key) => range == Keys::Exactly(key.clone()),
            Keys::BeginningWith(prefix) => text(&range).starts_with(prefix),
        });
        if !is_covered {
            kept.push(range);
        }
    }
    kept
}

impl Rule {
    fn lets_through(&self, subject: &Subject<'_>) -> bool {
        match self {
            Rule::Field(field, compare, values) => {
                let found = match field {
                    Field::Name => Some(subject.name),
                    Field::Kind => Some(subject.kind),
                    Field::KeyId => subject.key_id,
                    Field::Tier => Some(subject.tier),
                    Field::DataType => Some(subject.data_type),
                };
                found.is_some_and(|found| compare.any(values, found))
            }
            Rule::Tag(tag, compare, values) => {
                let found = subject.tags.get(tag);
                found.is_some_and(|found| values.is_empty() || compare.any(values, found))
            }
            Rule::Path(prefixes) => prefixes.iter().any(|prefix| subject.key.starts_with(prefix)),
            Rule::Label(labels) => labels.iter().any(|label| subject.labels.contains_key(label)),
        }
    }
}

impl Compare {
    fn any(self, values: &[String], found: &str) -> bool {
        values.iter().any(|value| match self {
            Compare::Equals => found == value,
            Compare::BeginsWith => found.starts_with(value.as_str()),
            Compare::Contains => found.contains(value.as_str()),
        })
    }
}

fn check_keys(
    filters: &[ParameterStringFilter],
    valid: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    for (index, ParameterStringFilter { key, .. }) in filters.iter().enumerate() {
        if !is_valid(key) {
            let message =
                format!("The following filter key is not valid: {key}. Valid filter keys include: {valid}.");
            return Err(Error::InvalidFilterKey(message));
        }
        if filters[..index].iter().any(|before| before.key == *key) {
            let message = format!(
                "The following filter is duplicated in the request: {key}. A request can contain only one occurrence \
                 of a specific filter."
            );
            return Err(Error::InvalidFilterKey(message));
        }
    }
    Ok(())
}

fn rule(filter: ParameterStringFilter) -> Result<Rule, Error> {
    let ParameterStringFilter { key, option, values } = filter;
    let values = values.unwrap_or_default();
    let option = option.as_deref();
    if let Some(tag) = key.strip_prefix("tag:") {
        return Ok(Rule::Tag(tag.to_owned(), compare(option, false)?, values));
    }
    if values.is_empty() {
        let message = format!("The following filter values are missing : null for filter key {key}");
        return Err(Error::InvalidFilterValue(message));
    }
    let field = match key.as_str() {
        "Path" => return path_rule(option, &values),
        "Label" => {
            return match option {
                None | Some("Equals") => Ok(Rule::Label(values)),
                Some(other) => Err(invalid_option(other, "[Equals]")),
            };
        }
        "Name" => Field::Name,
        "Type" => Field::Kind,
        "KeyId" => Field::KeyId,
        "Tier" => Field::Tier,
        _ => Field::DataType,
    };
    let compare = compare(option, field == Field::Name)?;
    let known = match field {
        Field::Kind => Some(&["String", "StringList", "SecureString"]),
        Field::Tier => Some(&["Standard", "Advanced", "Intelligent-Tiering"]),
        _ => None,
    };
    let unknown = |known: &&[&str; 3]| values.iter().find(|value| !known.contains(&value.as_str()));
    if let Some((known, value)) =
        known.filter(|_| compare == Compare::Equals).and_then(|k| Some((k, unknown(&k)?)))
    {
        let message = format!(
            "The following filter value is not valid: {value}. Valid values include: [{}]",
            known.join(", ")
        );
        return Err(Error::InvalidFilterValue(message));
    }
    Ok(Rule::Field(field, compare, values))
}

fn path_rule(option: Option<&str>, values: &[String]) -> Result<Rule, Error> {
    let recursive = match option {
        None | Some("OneLevel") => false,
        Some("Recursive") => true,
        Some(other) => return Err(invalid_option(other, "[Recursive, OneLevel]")),
    };
    let mut prefixes = Vec::new();
    for value in values {
        let lower = value.to_ascii_lowercase();
        if lower.starts_with("/aws") || lower.starts_with("/ssm") {
            let message = "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). \
                When using global parameters, please specify within a global namespace.";
            return Err(Error::Validation(message.to_owned()));
        }
        prefixes.extend(ParameterPath::parse(value)?.prefixes(recursive));
    }
    Ok(Rule::Path(prefixes))
}

fn compare(option: Option<&str>, may_contain: bool) -> Result<Compare, Error> {
    match option {
        None | Some("Equals") => Ok(Compare::Equals),
        Some("BeginsWith") => Ok(Compare::BeginsWith),
        Some("Contains") if may_contain => Ok(Compare::Contains),
        Some(other) => Err(invalid_option(other, "[BeginsWith, Equals]")),
    }
}

fn invalid_option(option: &str, valid: &str) -> Error {
    Error::InvalidFilterOption(format!(
        "The following filter option is not valid: {option}. Valid options include: {valid}."
    ))
}

fn old_rule(filter: ParametersFilter) -> Rule {
    let (field, compare) = match filter.key {
        ParametersFilterKey::Name => (Field::Name, Compare::BeginsWith),
        ParametersFilterKey::Type => (Field::Kind, Compare::Equals),
        ParametersFilterKey::KeyId | ParametersFilterKey::Unknown(_) => (Field::KeyId, Compare::Equals),
    };
    Rule::Field(field, compare, filter.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(key: &str, option: &str, values: &[&str]) -> ParameterStringFilter {
        ParameterStringFilter {
            key: key.to_owned(),
            option: (!option.is_empty()).then(|| option.to_owned()),
            values: (!values.is_empty()).then(|| values.iter().map(|value| (*value).to_owned()).collect()),
        }
    }

    fn describing(filters: &[ParameterStringFilter]) -> Result<Filters, Error> {
        Filters::to_describe(Some(filters.to_vec()), None)
    }

    /// Whether `/a/b`, a SecureString of the standard tier, is shown.
    fn shows(key: &str, option: &str, values: &[&str]) -> bool {
        let tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        let labels = Labels::from([("live".to_owned(), 1)]);
        let name = ParameterName::parse("/a/b").unwrap();
        let subject = Subject {
            key: &name.key(),
            name: "/a/b",
            kind: "SecureString",
            key_id: Some("alias/aws/ssm"),
            tier: "Standard",
            data_type: "text",
            tags: &tags,
            labels: &labels,
        };
        let filters = match key {
            "Label" => Filters::by_path(Some(vec![filter(key, option, values)])),
            _ => describing(&[filter(key, option, values)]),
        };
        let filters = filters.unwrap();
        let is_within = filters.ranges().iter().any(|range| match range {
            Keys::Exactly(key) => key == subject.key,
            Keys::BeginningWith(prefix) => subject.key.starts_with(prefix),
        });
        let shown = filters.let_through(&subject);
        assert!(is_within || !shown, "{key} {option} {values:?} shows what it does not look at");
        shown
    }

    #[test]
    fn each_key_and_option_shows_what_it_says() {
        for (key, option, values, expected) in [
            ("Name", "", &["/a/b"][..], true),
            ("Name", "Equals", &["/a"], false),
            ("Name", "Equals", &["/x", "/a/b"], true),
            ("Name", "Equals", &["a/b"], false),
            ("Name", "BeginsWith", &["/a"], true),
            ("Name", "BeginsWith", &["/a/"], true),
            ("Name", "BeginsWith", &["/"], true),
            ("Name", "BeginsWith", &["a"], false),
            ("Name", "Contains", &["/b"], true),
            ("Type", "", &["SecureString"], true),
            ("Type", "BeginsWith", &["Str"], false),
            ("KeyId", "Equals", &["alias/aws/ssm"], true),
            ("KeyId", "BeginsWith", &["alias/aws"], true),
            ("Tier", "", &["Advanced"], false),
            ("DataType", "", &["text"], true),
            ("Path", "", &["/a"], true),
            ("Path", "OneLevel", &["/"], false),
            ("Path", "Recursive", &["/"], true),
            ("Path", "Recursive", &["/b", "/a"], true),
            ("tag:env", "", &[], true),
            ("tag:env", "Equals", &["prod"], true),
            ("tag:env", "BeginsWith", &["test"], false),
            ("tag:other", "", &[], false),
            ("Label", "", &["live"], true),
            ("Label", "Equals", &["none"], false),
        ] {
            assert_eq!(shows(key, option, values), expected, "{key} {option} {values:?}");
        }
    }

    #[test]
    fn wrong_filters_are_refused_by_what_is_wrong() {
        for (filters, error) in [
            (vec![filter("Label", "", &["x"])], "InvalidFilterKey"),
            (vec![filter("Type", "", &["String"]), filter("Type", "", &["String"])], "InvalidFilterKey"),
            (vec![filter("Type", "Contains", &["S"])], "InvalidFilterOption"),
            (vec![filter("Path", "Equals", &["/a"])], "InvalidFilterOption"),
            (vec![filter("Name", "option", &["/a"])], "InvalidFilterOption"),
            (vec![filter("Type", "", &["Text"])], "InvalidFilterValue"),
            (vec![filter("Tier", "", &["test"])], "InvalidFilterValue"),
            (vec![filter("Name", "", &[])], "InvalidFilterValue"),
            (vec![filter("Path", "", &["/aws", "/ssm"])], "Validation"),
            (vec![filter("Path", "", &["a"])], "Validation"),
        ] {
            let found = format!("{:?}", describing(&filters).unwrap_err());
            assert!(found.starts_with(error), "{filters:?}: {found}");
        }
        for key in ["Name", "tag:x", "Path", "Tier", "DataType"] {
            assert!(matches!(
                Filters::by_path(Some(vec![filter(key, "", &["/x"])])),
                Err(Error::InvalidFilterKey(_))
            ));
        }
        let old = ParametersFilter { key: ParametersFilterKey::Type, values: vec!["String".to_owned()] };
        assert!(
            Filters::to_describe(Some(vec![filter("Tier", "", &["Standard"])]), Some(vec![old])).is_err()
        );
    }

    #[test]
    fn ranges_do_not_overlap() {
        let prefix = |text: &str| Keys::BeginningWith(text.to_owned());
        let exact = |text: &str| Keys::Exactly(text.to_owned());
        let ranges = vec![exact("b"), prefix("a"), exact("ab"), prefix("ac"), exact("b"), exact("bc")];
        assert_eq!(apart(ranges), [prefix("a"), exact("b"), exact("bc")]);
    }
}
