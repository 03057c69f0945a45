//! Labels of versions.
//!
//! Surprising: a label that breaks the rules is no error. It is left out and named in the answer.
//! Reference: "Working with parameter labels" in the user guide.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::limits::{LABEL_CHARS_MAX, VERSION_LABELS_MAX};

/// The labels of one parameter with the versions they are on.
pub type Labels = BTreeMap<String, u64>;

fn is_valid(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    (1..=LABEL_CHARS_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !label.starts_with(|first: char| first.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

/// Puts labels on a version, taking them from whichever had them. Returns those that no version can have.
pub fn attach(labels: &mut Labels, version: u64, asked: Vec<String>) -> Result<Vec<String>, Error> {
    let (valid, invalid): (Vec<String>, Vec<String>) = asked.into_iter().partition(|label| is_valid(label));
    let mut changed = labels.clone();
    changed.extend(valid.into_iter().map(|label| (label, version)));
    if of(&changed, version).len() > VERSION_LABELS_MAX {
        return Err(Error::ParameterVersionLabelLimitExceeded);
    }
    *labels = changed;
    Ok(invalid)
}

/// Takes labels off a version. Returns those that were on it, and those that were not.
pub fn detach(labels: &mut Labels, version: u64, asked: Vec<String>) -> (Vec<String>, Vec<String>) {
    asked.into_iter().partition(|label| match labels.get(label) {
        Some(on) if *on == version => labels.remove(label).is_some(),
        _ => false,
    })
}

/// The labels of one version.
pub fn of(labels: &Labels, version: u64) -> Vec<String> {
    labels.iter().filter(|(_, on)| **on == version).map(|(label, _)| label.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn labels_move_between_versions_and_bad_ones_are_named() {
        let mut labels = Labels::new();
        let long = "x".repeat(101);
        let asked = texts(&["prod", "1st", "AWSome", "ssm-x", "a b", "", &long, "_ok.1-"]);
        let invalid = attach(&mut labels, 1, asked).unwrap();
        assert_eq!(invalid, texts(&["1st", "AWSome", "ssm-x", "a b", "", &long]));
        attach(&mut labels, 2, texts(&["prod"])).unwrap();
        assert_eq!((of(&labels, 1), of(&labels, 2)), (texts(&["_ok.1-"]), texts(&["prod"])));
        let (removed, missing) = detach(&mut labels, 1, texts(&["prod", "_ok.1-", "none"]));
        assert_eq!((removed, missing), (texts(&["_ok.1-"]), texts(&["prod", "none"])));
    }

    #[test]
    fn a_version_has_ten_labels_at_most() {
        let mut labels = Labels::new();
        attach(&mut labels, 1, (0..10).map(|n| format!("l{n}")).collect()).unwrap();
        assert!(attach(&mut labels, 1, texts(&["l0"])).is_ok(), "it has that one already");
        assert!(matches!(
            attach(&mut labels, 1, texts(&["more"])),
            Err(Error::ParameterVersionLabelLimitExceeded)
        ));
        assert_eq!(labels.len(), 10);
    }
}
