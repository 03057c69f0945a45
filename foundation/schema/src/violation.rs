//! Constraints of the model that an input does not keep.
//!
//! Most services answer `N validation errors detected: Value 'x' at 'y' failed to satisfy constraint: …`;
//! others (SQS, EC2) have words of their own, which is why a violation is data until a service words it.

use std::fmt;

/// Where the reader stands in the input, and what it found wrong there.
#[derive(Debug, Default)]
pub struct Notes {
    path: Vec<Step>,
    violations: Vec<Violation>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Member(&'static str),
    Index(usize),
    Key,
}

/// One constraint that one value does not keep.
#[derive(Debug, PartialEq)]
pub struct Violation {
    /// The member's name in the model, the last step that has one.
    pub member: &'static str,
    /// Steps from the input's top in AWS's notation: `entries.2.member.id`.
    pub path: String,
    /// The value as text, unless it is missing or its shape is sensitive.
    pub value: Option<String>,
    pub why: Why,
}

#[derive(Debug, PartialEq)]
pub enum Why {
    Missing,
    LengthBelow(u64),
    LengthAbove(u64),
    Below(f64),
    Above(f64),
    NotInEnum(&'static [&'static str]),
    Pattern(&'static str),
}

/// An input may be wrong in thousands of places; a message names the first few.
const VIOLATIONS_MAX: usize = 32;

impl Notes {
    pub fn enter_member(&mut self, name: &'static str) {
        self.path.push(Step::Member(name));
    }

    pub fn enter_index(&mut self, index: usize) {
        self.path.push(Step::Index(index));
    }

    pub fn enter_value(&mut self) {
        self.path.push(Step::Key);
    }

    pub fn leave(&mut self) {
        self.path.pop();
    }

    pub fn add(&mut self, value: Option<String>, why: Why) {
        if self.violations.len() < VIOLATIONS_MAX {
            let member = self.path.iter().rev().find_map(|step| match step {
                Step::Member(name) => Some(*name),
                _ => None,
            });
            let violation = Violation { member: member.unwrap_or(""), path: self.path_text(), value, why };
            self.violations.push(violation);
        }
    }

    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            if !text.is_empty() {
                text.push('.');
            }
            match step {
                Step::Member(name) => lower_first(name, &mut text),
                Step::Index(index) => text.push_str(&format!("{}.member", index + 1)),
                Step::Key => text.push_str("value"),
            }
        }
        text
    }
}

/// AWS's messages write members in lower camel case, whatever the model does.
fn lower_first(name: &str, into: &mut String) {
    let mut chars = name.chars();
    into.extend(chars.next().map(|first| first.to_ascii_lowercase()));
    into.push_str(chars.as_str());
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.value, &self.why) {
            (_, Why::Missing) => write!(f, "Value null at '{}'", self.path)?,
            (Some(value), _) => write!(f, "Value '{value}' at '{}'", self.path)?,
            (None, _) => write!(f, "Value at '{}'", self.path)?,
        }
        write!(f, " failed to satisfy constraint: Member must ")?;
        match &self.why {
            Why::Missing => write!(f, "not be null"),
            Why::LengthBelow(min) => write!(f, "have length greater than or equal to {min}"),
            Why::LengthAbove(max) => write!(f, "have length less than or equal to {max}"),
            Why::Below(min) => write!(f, "have value greater than or equal to {min}"),
            Why::Above(max) => write!(f, "have value less than or equal to {max}"),
            Why::NotInEnum(values) => write!(f, "satisfy enum value set: [{}]", values.join(", ")),
            Why::Pattern(pattern) => write!(f, "satisfy regular expression pattern: {pattern}"),
        }
    }
}

impl Violation {
    /// The message of a `ValidationException` for these violations.
    pub fn to_message(violations: &[Violation]) -> String {
        let plural = if violations.len() == 1 { "error" } else { "errors" };
        let each: Vec<String> = violations.iter().map(Violation::to_string).collect();
        format!("{} validation {plural} detected: {}", violations.len(), each.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_worded_as_aws_does() {
        let mut notes = Notes::default();
        notes.enter_member("KeySchema");
        notes.enter_index(0);
        notes.enter_member("KeyType");
        notes.add(Some("x".into()), Why::NotInEnum(&["HASH", "RANGE"]));
        notes.leave();
        notes.enter_member("AttributeName");
        notes.add(None, Why::Missing);
        assert_eq!(
            Violation::to_message(&notes.into_violations()),
            "2 validation errors detected: Value 'x' at 'keySchema.1.member.keyType' failed to satisfy \
             constraint: Member must satisfy enum value set: [HASH, RANGE]; Value null at \
             'keySchema.1.member.attributeName' failed to satisfy constraint: Member must not be null"
        );
    }
}
