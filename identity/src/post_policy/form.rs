//! The fields of a form, besides the file.

use super::error::FormError;
use super::limits::{FIELDS_BYTES_MAX, FIELDS_MAX};

/// The fields that precede the file, in their order. Names are compared without regard to case.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Names in lower case.
    fields: Vec<(String, String)>,
    bytes: usize,
}

impl Form {
    /// Adds a field.
    ///
    /// # Errors
    /// If there are too many of them, or one is there twice: which of the two was meant, nobody could tell.
    pub fn push(&mut self, name: &str, value: String) -> Result<(), FormError> {
        self.bytes += name.len() + value.len();
        if self.bytes > FIELDS_BYTES_MAX || self.fields.len() >= FIELDS_MAX {
            return Err(FormError::TooManyFields);
        }
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_some() {
            return Err(FormError::Malformed);
        }
        self.fields.push((name, value));
        Ok(())
    }

    /// The value of a field, whose name is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Replaces the value of a field that is there.
    pub fn replace(&mut self, name: &str, value: String) {
        if let Some((_, held)) = self.fields.iter_mut().find(|(known, _)| known == name) {
            *held = value;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a field that must be there.
    pub(super) fn require(&self, name: &str, shown: &'static str) -> Result<&str, FormError> {
        self.get(name).ok_or(FormError::FieldMissing(shown))
    }
}
