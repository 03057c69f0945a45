//! Staging labels: which version is the current one, and which may go.
//!
//! A label is on one version at a time. When `AWSCURRENT` moves, `AWSPREVIOUS` moves to the version it left. A version
//! without labels is deprecated: it can still be read by its id until it is pruned.

use std::collections::BTreeMap;

use base::Timestamp;

use crate::error::Error;
use crate::limits::{LABELS_MAX, VERSION_AGE_MIN, VERSIONS_KEPT_MAX, VERSIONS_MAX};
use crate::records::Version;

pub const CURRENT: &str = "AWSCURRENT";
pub const PREVIOUS: &str = "AWSPREVIOUS";
pub const PENDING: &str = "AWSPENDING";

type Versions = BTreeMap<String, Version>;

/// Puts labels on a version that exists, taking them from those that have them.
pub fn attach(versions: &mut Versions, to: &str, labels: &[String]) -> Result<(), Error> {
    for label in labels {
        let from = holder(versions, label).map(str::to_owned);
        if from.as_deref() == Some(to) {
            continue;
        }
        if let Some(from) = &from {
            detach(versions, from, label);
            if label == CURRENT {
                move_previous(versions, from);
            }
        }
        put(versions, to, label);
    }
    let count: usize = versions.values().map(|version| version.labels.len()).sum();
    if count > LABELS_MAX {
        let message = format!("A secret can have at most {LABELS_MAX} staging labels over all its versions.");
        return Err(Error::LimitExceeded(message));
    }
    Ok(())
}

/// Takes a label off a version, if it is there.
pub fn detach(versions: &mut Versions, from: &str, label: &str) {
    if let Some(version) = versions.get_mut(from) {
        version.labels.retain(|own| own != label);
    }
}

fn move_previous(versions: &mut Versions, to: &str) {
    if let Some(before) = holder(versions, PREVIOUS).map(str::to_owned) {
        detach(versions, &before, PREVIOUS);
    }
    put(versions, to, PREVIOUS);
}

fn put(versions: &mut Versions, to: &str, label: &str) {
    let version = versions.get_mut(to).expect("labels are put on versions that exist");
    version.labels.push(label.to_owned());
}

fn holder<'v>(versions: &'v Versions, label: &str) -> Option<&'v str> {
    let mut versions = versions.iter();
    versions.find(|(_, version)| version.labels.iter().any(|own| own == label)).map(|(id, _)| &**id)
}

/// The labels a new version gets: those asked for, or `AWSCURRENT`; the first version is always the current one.
pub fn of_new_version(versions: &Versions, asked: Option<Vec<String>>) -> Vec<String> {
    let mut labels = asked.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    let mut seen = std::collections::BTreeSet::new();
    labels.retain(|label| seen.insert(label.clone()));
    if versions.is_empty() && !labels.iter().any(|label| label == CURRENT) {
        labels.push(CURRENT.to_owned());
    }
    labels
}

/// What UpdateSecretVersionStage asks for.
pub struct Change<'a> {
    pub label: &'a str,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
}

pub fn change(versions: &mut Versions, asked: &Change<'_>) -> Result<(), Error> {
    let Change { label, from, to } = *asked;
    for id in [from, to].into_iter().flatten() {
        if !versions.contains_key(id) {
            return Err(Error::parameter(format!("Not a valid version: {id}")));
        }
    }
    let holder = holder(versions, label).map(str::to_owned);
    match (from, to) {
        (None, None) => {
            return Err(Error::parameter("You must specify RemoveFromVersionId or MoveToVersionId."));
        }
        (Some(from), _) if holder.as_deref() != Some(from) => {
            return Err(Error::parameter(format!(
                "Staging label {label} is not currently attached to version {from} that you specified in \
                 RemoveFromVersionId."
            )));
        }
        (None, Some(to)) => {
            if let Some(holder) = holder.filter(|holder| holder != to) {
                return Err(Error::parameter(format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to \
                     version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
                )));
            }
        }
        (Some(_), None) if label == CURRENT => {
            return Err(Error::parameter(format!(
                "You can only move staging label {CURRENT} to a different secret version. It can't be completely \
                 removed."
            )));
        }
        _ => {}
    }
    match (from, to) {
        (_, Some(to)) => attach(versions, to, &[label.to_owned()]),
        (Some(from), None) => {
            detach(versions, from, label);
            Ok(())
        }
        (None, None) => unreachable!("refused above"),
    }
}

/// Takes out the deprecated versions that are too many, oldest first, and returns their ids.
pub fn prune(versions: &mut Versions, now: Timestamp) -> Result<Vec<String>, Error> {
    let too_many = versions.len().saturating_sub(VERSIONS_KEPT_MAX);
    let mut old: Vec<(Timestamp, String)> = versions
        .iter()
        .filter(|(_, version)| version.labels.is_empty() && now.since(version.created) > VERSION_AGE_MIN)
        .map(|(id, version)| (version.created, id.clone()))
        .collect();
    old.sort();
    old.truncate(too_many);
    let pruned: Vec<String> = old.into_iter().map(|(_, id)| id).collect();
    for id in &pruned {
        versions.remove(id);
    }
    if versions.len() > VERSIONS_MAX {
        return Err(Error::LimitExceeded(format!(
            "You've reached the maximum number of versions of a secret, {VERSIONS_MAX}, of which none is older than a \
             day."
        )));
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn version(labels: &[&str]) -> Version {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Version { created: Timestamp::EPOCH, labels, accessed: None, kms_key: None }
    }

    fn versions(all: &[(&str, &[&str])]) -> Versions {
        all.iter().map(|(id, labels)| ((*id).to_owned(), version(labels))).collect()
    }

    fn attached(versions: &Versions, label: &str) -> Option<String> {
        holder(versions, label).map(str::to_owned)
    }

    #[test]
    fn the_version_that_was_current_becomes_the_previous_one() {
        let mut all = versions(&[("a", &[CURRENT]), ("b", &[]), ("c", &[])]);
        attach(&mut all, "b", &[CURRENT.to_owned()]).unwrap();
        assert_eq!((attached(&all, CURRENT), attached(&all, PREVIOUS)), (Some("b".into()), Some("a".into())));
        attach(&mut all, "c", &[CURRENT.to_owned()]).unwrap();
        assert_eq!((attached(&all, CURRENT), attached(&all, PREVIOUS)), (Some("c".into()), Some("b".into())));
        assert!(all["a"].labels.is_empty());
    }

    #[test]
    fn pending_becomes_current_as_a_rotation_does_it() {
        let mut all = versions(&[("a", &[CURRENT]), ("b", &[PENDING])]);
        change(&mut all, &Change { label: CURRENT, from: Some("a"), to: Some("b") }).unwrap();
        assert_eq!(all["b"].labels, [PENDING, CURRENT]);
        assert_eq!(all["a"].labels, [PREVIOUS]);
    }

    #[test]
    fn a_label_is_moved_only_from_where_it_is_named_to_be() {
        let all = versions(&[("a", &[CURRENT]), ("b", &["x"])]);
        for (label, from, to, message) in [
            (CURRENT, None, Some("b"), "The parameter RemoveFromVersionId can't be empty."),
            (CURRENT, Some("b"), Some("b"), "is not currently attached to version b"),
            (CURRENT, Some("a"), None, "It can't be completely removed."),
            (CURRENT, None, None, "You must specify"),
            ("x", Some("z"), None, "Not a valid version: z"),
        ] {
            let error = change(&mut all.clone(), &Change { label, from, to }).expect_err(message);
            assert!(matches!(&error, Error::InvalidParameter(text) if text.contains(message)), "{error:?}");
        }
        let mut all = all;
        change(&mut all, &Change { label: "x", from: Some("b"), to: None }).unwrap();
        assert!(all["b"].labels.is_empty());
        change(&mut all, &Change { label: "new", from: None, to: Some("a") }).unwrap();
        assert_eq!(all["a"].labels, [CURRENT, "new"]);
    }

    #[test]
    fn a_secret_has_twenty_labels_at_most() {
        let mut all = versions(&[("a", &[CURRENT])]);
        let labels: Vec<String> = (0..19).map(|n| format!("l{n}")).collect();
        attach(&mut all, "a", &labels).unwrap();
        assert!(matches!(attach(&mut all, "a", &["more".to_owned()]), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn the_first_version_is_current_whatever_labels_it_is_given() {
        assert_eq!(of_new_version(&Versions::new(), None), [CURRENT]);
        assert_eq!(of_new_version(&Versions::new(), Some(vec!["x".into(), "x".into()])), ["x", CURRENT]);
        let some = versions(&[("a", &[CURRENT])]);
        assert_eq!(of_new_version(&some, Some(vec![PENDING.into()])), [PENDING]);
    }

    #[test]
    fn old_versions_without_labels_go_when_there_are_too_many() {
        let mut all = versions(&[("current", &[CURRENT])]);
        for n in 0..150_i64 {
            let created = Timestamp::from_secs(n);
            all.insert(format!("v{n:03}"), Version { created, ..version(&[]) });
        }
        let now = Timestamp::from_secs(200);
        assert_eq!(prune(&mut all, now), Ok(vec![]), "none is a day old");
        let pruned = prune(&mut all, now + Duration::from_secs(2 * 86_400)).unwrap();
        assert_eq!((pruned.len(), all.len()), (51, 100));
        assert_eq!(pruned[0], "v000");
        assert!(all.contains_key("current"));
    }
}
