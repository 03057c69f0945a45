//! Patterns of the `Action` element: `sqs:Send*`. Case does not matter.

use super::error::PolicyError;
use super::glob::Glob;
use super::template::{Dialect, tokens};

/// The longest action that is matched without taking memory.
const ACTION_BYTES: usize = 128;

const WILDCARDS: Dialect = Dialect { variables: false, wildcards: true };

#[derive(Debug)]
pub(super) struct ActionPattern {
    /// In lower case; `None` is every service.
    pub service: Option<Box<str>>,
    name: Glob,
}

impl ActionPattern {
    pub(super) fn parse(text: &str) -> Result<ActionPattern, PolicyError> {
        if text == "*" {
            return Ok(ActionPattern { service: None, name: Glob::Any });
        }
        let (vendor, name) = text.split_once(':').ok_or(PolicyError::NoVendor)?;
        if name.contains(':') {
            return Err(PolicyError::TooManyColons);
        }
        if vendor.is_empty() {
            return Err(PolicyError::NoVendor);
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if vendor != "*" && !vendor.chars().all(valid) {
            return Err(PolicyError::BadVendor(vendor.to_owned()));
        }
        let service = (vendor != "*").then(|| vendor.to_ascii_lowercase().into());
        Ok(ActionPattern { service, name: Glob::new(&tokens(&name.to_ascii_lowercase(), WILDCARDS)) })
    }

    /// What every name that matches starts with.
    pub(super) fn fixed_start(&self) -> &str {
        self.name.fixed_start()
    }

    pub(super) fn matches(&self, action: &Action<'_>) -> bool {
        self.service.as_deref().is_none_or(|service| service == action.service)
            && self.name.matches(action.name)
    }
}

/// The action of a request, in lower case and cut at the colon. What has no colon has a name and no service.
#[derive(Clone, Copy)]
pub(super) struct Action<'a> {
    pub service: &'a str,
    pub name: &'a str,
}

/// Where an action is turned to lower case: on the stack, save for actions longer than any of AWS.
pub(super) struct Room {
    short: [u8; ACTION_BYTES],
    long: String,
}

impl Room {
    pub(super) fn new() -> Room {
        Room { short: [0; ACTION_BYTES], long: String::new() }
    }
}

impl<'a> Action<'a> {
    pub(super) fn new(text: &'a str, room: &'a mut Room) -> Action<'a> {
        let bytes = text.as_bytes();
        let text = if !bytes.iter().any(u8::is_ascii_uppercase) {
            text
        } else if let Some(short) = room.short.get_mut(..bytes.len()) {
            short.copy_from_slice(bytes);
            short.make_ascii_lowercase();
            std::str::from_utf8(short).expect("lower case of ASCII changes no other character")
        } else {
            room.long = text.to_ascii_lowercase();
            &room.long
        };
        let (service, name) = text.split_once(':').unwrap_or(("", text));
        Action { service, name }
    }
}
