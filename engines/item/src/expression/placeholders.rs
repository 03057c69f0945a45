//! `#names` and `:values`: what expressions of one request have in common.
//!
//! DynamoDB checks the two maps before any expression, and behind all of them whether each entry was used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::ExpressionError;
use crate::limits::{PLACEHOLDER_BYTES_MAX, PLACEHOLDERS_BYTES_MAX};
use crate::size;
use crate::value::Value;

/// What stands for the placeholders of a request, and which of them were used so far.
#[derive(Debug, Default)]
pub struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Arc<Value>>,
    used_names: BTreeSet<String>,
    used_values: BTreeSet<String>,
    /// Whether there is not too much of all this.
    small_enough: bool,
}

impl Placeholders {
    /// Of maps that were checked by [`check_names`](Placeholders::check_names) and
    /// [`check_value_keys`](Placeholders::check_value_keys).
    pub fn new(names: BTreeMap<String, String>, values: BTreeMap<String, Value>) -> Placeholders {
        let values = values.into_iter().map(|(key, value)| (key, Arc::new(value))).collect();
        Placeholders { names, values, ..Placeholders::default() }
    }

    /// `ExpressionAttributeNames`, where it is given at all.
    pub fn check_names(names: &BTreeMap<String, String>) -> Result<(), ExpressionError> {
        const PARAMETER: &str = "ExpressionAttributeNames";
        if names.is_empty() {
            return Err(ExpressionError::new(format!("{PARAMETER} must not be empty")));
        }
        for (key, name) in names {
            if key.len() > PLACEHOLDER_BYTES_MAX {
                let length = key.len();
                return Err(ExpressionError::new(format!(
                    "{PARAMETER} contains invalid key: The expression attribute map contains a key that is too \
                     long; size of key: {length}"
                )));
            }
            check_key(PARAMETER, '#', key)?;
            if name.is_empty() {
                return Err(ExpressionError::new(format!(
                    "{PARAMETER} contains invalid value: Empty attribute name for key {key}"
                )));
            }
        }
        Ok(())
    }

    /// The keys of `ExpressionAttributeValues`, where it is given at all. What is wrong with a value is told behind
    /// this, as [`invalid_value`](Placeholders::invalid_value) words it.
    pub fn check_value_keys<'k>(keys: impl IntoIterator<Item = &'k str>) -> Result<(), ExpressionError> {
        const PARAMETER: &str = "ExpressionAttributeValues";
        let mut empty = true;
        for key in keys {
            empty = false;
            if key.len() > PLACEHOLDER_BYTES_MAX {
                return Err(ExpressionError::new(format!(
                    "{PARAMETER} contains invalid key: The expression attribute map contains a key that is too long;"
                )));
            }
            check_key(PARAMETER, ':', key)?;
        }
        match empty {
            true => Err(ExpressionError::new(format!("{PARAMETER} must not be empty"))),
            false => Ok(()),
        }
    }

    /// What is wrong with the value of `key`.
    pub fn invalid_value(key: &str, why: &str) -> ExpressionError {
        ExpressionError::new(format!("ExpressionAttributeValues contains invalid value: {why} for key {key}"))
    }

    /// That nothing was given in vain: to be asked behind the last expression.
    pub fn check_used(&self) -> Result<(), ExpressionError> {
        check_used("ExpressionAttributeNames", self.names.keys(), &self.used_names)?;
        check_used("ExpressionAttributeValues", self.values.keys(), &self.used_values)
    }

    /// That all of it together is not too large; asked by the first expression.
    pub(super) fn check_size(&mut self) -> Result<(), ExpressionError> {
        if !self.small_enough {
            let names: usize = self.names.iter().map(|(key, name)| key.len() + name.len()).sum();
            let values: usize =
                self.values.iter().map(|(key, value)| key.len() + size::value_bytes(value)).sum();
            if names + values > PLACEHOLDERS_BYTES_MAX {
                return Err(ExpressionError::new(
                    "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size",
                ));
            }
            self.small_enough = true;
        }
        Ok(())
    }

    /// The name behind `#name`, which counts as used from now on.
    pub(super) fn name(&mut self, placeholder: &str) -> Option<&str> {
        let name = self.names.get(placeholder)?;
        if !self.used_names.contains(placeholder) {
            self.used_names.insert(placeholder.to_owned());
        }
        Some(name)
    }

    /// Whether there is such a name, without using it.
    pub(super) fn has_name(&self, placeholder: &str) -> bool {
        self.names.contains_key(placeholder)
    }

    /// The value behind `:value`, which counts as used from now on.
    pub(super) fn value(&mut self, placeholder: &str) -> Option<Arc<Value>> {
        let value = self.values.get(placeholder)?;
        if !self.used_values.contains(placeholder) {
            self.used_values.insert(placeholder.to_owned());
        }
        Some(Arc::clone(value))
    }
}

fn check_key(parameter: &str, first: char, key: &str) -> Result<(), ExpressionError> {
    let word = key.strip_prefix(first).unwrap_or_default();
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(());
    }
    Err(ExpressionError::new(format!("{parameter} contains invalid key: Syntax error; key: \"{key}\"")))
}

fn check_used<'k>(
    parameter: &str,
    given: impl Iterator<Item = &'k String>,
    used: &BTreeSet<String>,
) -> Result<(), ExpressionError> {
    let unused: Vec<&str> = given.filter(|key| !used.contains(*key)).map(String::as_str).collect();
    if unused.is_empty() {
        return Ok(());
    }
    let keys = unused.join(", ");
    Err(ExpressionError::new(format!(
        "Value provided in {parameter} unused in expressions: keys: {{{keys}}}"
    )))
}
