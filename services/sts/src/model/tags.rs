//! Session tags: which may be passed, and which go on to the next role in a chain.
//!
//! Reference: "Pass session tags in AWS STS" of the IAM guide. Keys differ only if they differ without regard to case.

use std::collections::{BTreeMap, BTreeSet};

use service::Session;

use crate::error::Error;
use crate::limits::SESSION_TAGS_MAX;

const DUPLICATE: &str = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
const INHERITED: &str = "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                         tag key from the calling session.";
const NOT_REQUESTED: &str = "The specified transitive tag key must be included in the requested tags.";
const RESERVED: &str = "Tag keys beginning with \"aws:\" are reserved for system use.";
const TOO_MANY: &str = "The number of session tags exceeds the limit of 50.";

/// The tags of a session, with the keys of those that are transitive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionTags {
    pub tags: BTreeMap<String, String>,
    pub transitive: BTreeSet<String>,
}

/// What a request or a token asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedTags {
    pub tags: Vec<(String, String)>,
    pub transitive_keys: Vec<String>,
}

impl RequestedTags {
    /// The condition keys of a request that is not the frame's own: `aws:RequestTag/…`, `aws:TagKeys` and
    /// `sts:TransitiveTagKeys`.
    pub fn keys(&self) -> Vec<(String, Vec<String>)> {
        let mut keys = Vec::new();
        for (key, value) in &self.tags {
            keys.push((format!("aws:RequestTag/{key}"), vec![value.clone()]));
        }
        if !self.tags.is_empty() {
            let names = self.tags.iter().map(|(key, _)| key.clone()).collect();
            keys.push(("aws:TagKeys".to_owned(), names));
        }
        if !self.transitive_keys.is_empty() {
            keys.push(("sts:TransitiveTagKeys".to_owned(), self.transitive_keys.clone()));
        }
        keys
    }
}

impl SessionTags {
    /// What the session that calls hands on.
    pub fn inherited(session: Option<&Session>) -> SessionTags {
        let Some(session) = session else { return SessionTags::default() };
        let transitive = session.transitive_tags.clone();
        let handed_on = session.tags.iter().filter(|(key, _)| transitive.contains(*key));
        SessionTags { tags: handed_on.map(|(key, value)| (key.clone(), value.clone())).collect(), transitive }
    }

    /// Adds what is asked for.
    pub fn with(mut self, requested: &RequestedTags) -> Result<SessionTags, Error> {
        let mut seen = BTreeSet::new();
        for (key, value) in &requested.tags {
            if key.to_ascii_lowercase().starts_with("aws:") {
                return Err(Error::Parameter(RESERVED));
            }
            if !seen.insert(key.to_lowercase()) {
                return Err(Error::Parameter(DUPLICATE));
            }
            if self.transitive.iter().any(|held| same(held, key)) {
                return Err(Error::Parameter(INHERITED));
            }
            self.tags.insert(key.clone(), value.clone());
        }
        for key in &requested.transitive_keys {
            if self.transitive.iter().any(|held| same(held, key)) && !seen.contains(&key.to_lowercase()) {
                return Err(Error::Parameter(INHERITED));
            }
            let spelled = requested.tags.iter().find(|(asked, _)| same(asked, key));
            let (spelled, _) = spelled.ok_or(Error::Parameter(NOT_REQUESTED))?;
            self.transitive.insert(spelled.clone());
        }
        if self.tags.len() > SESSION_TAGS_MAX {
            return Err(Error::Parameter(TOO_MANY));
        }
        Ok(self)
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(tags: &[(&str, &str)], transitive: &[&str]) -> RequestedTags {
        RequestedTags {
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            transitive_keys: transitive.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn first() -> SessionTags {
        SessionTags::default().with(&requested(&[("Team", "a"), ("cost", "1")], &["team"])).unwrap()
    }

    #[test]
    fn transitive_tags_go_on_and_others_end_with_their_session() {
        assert_eq!(first().transitive, BTreeSet::from(["Team".to_owned()]), "in the spelling of the tag");
        let session =
            Session { tags: first().tags, transitive_tags: first().transitive, ..Session::default() };
        let next = SessionTags::inherited(Some(&session)).with(&requested(&[("x", "y")], &[])).unwrap();
        assert_eq!(next.tags.keys().collect::<Vec<_>>(), ["Team", "x"]);
        assert_eq!(next.transitive, first().transitive, "and further on");
    }

    #[test]
    fn contradictions_are_refused() {
        let of_chain = SessionTags { tags: first().tags, transitive: first().transitive };
        for (held, tags, transitive, message) in [
            (SessionTags::default(), &[("a", ""), ("A", "")][..], &[][..], DUPLICATE),
            (SessionTags::default(), &[("a", "")], &["b"], NOT_REQUESTED),
            (SessionTags::default(), &[("AWS:a", "")], &[], RESERVED),
            (of_chain.clone(), &[("TEAM", "b")], &[], INHERITED),
            (of_chain, &[], &["Team"], INHERITED),
        ] {
            match held.with(&requested(tags, transitive)) {
                Err(Error::Parameter(words)) => assert_eq!(words, message),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn inherited_tags_count_towards_the_limit() {
        let many: Vec<(String, String)> = (0..50).map(|n| (format!("k{n}"), String::new())).collect();
        let fits = RequestedTags { tags: many, transitive_keys: Vec::new() };
        assert!(SessionTags::default().with(&fits).is_ok());
        assert!(first().with(&fits).is_err());
    }
}
