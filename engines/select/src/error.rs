//! What S3 Select refuses: the codes and the wording of "List of SELECT Object Content Error Codes" in the S3 API
//! Reference ("Error responses").
//!
//! Where clients have reported what S3 really says, that is what is said here: the texts of the parser, which name
//! the token and where it stands, and those of `MissingHeaders`, `InvalidColumnIndex`, `InvalidTextEncoding`,
//! `OverMaxRecordSize` and `JSONParsingError`.

use std::fmt;

pub use crate::code::Code;

/// A query, a request or an object that S3 Select refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct SelectError {
    code: Code,
    message: String,
    /// For the log only.
    cause: Option<String>,
}

impl SelectError {
    /// In the words of the documentation.
    pub fn new(code: Code) -> SelectError {
        SelectError { code, message: String::from(code.description()), cause: None }
    }

    /// In other words than those of the documentation.
    pub fn saying(code: Code, message: impl Into<String>) -> SelectError {
        SelectError { code, message: message.into(), cause: None }
    }

    pub fn because(mut self, cause: impl fmt::Display) -> SelectError {
        self.cause = Some(cause.to_string());
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// What lies behind it, which is not for the client.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// A record that does not fit.
    pub(crate) fn record_too_long() -> SelectError {
        let message = "The character number in one record is more than our max threshold, \
                       maxCharsPerRecord: 1,048,576";
        SelectError::saying(Code::OverMaxRecordSize, message)
    }

    /// Bytes that are no UTF-8, and where in the object as it is unpacked.
    pub(crate) fn encoding(at: u64) -> SelectError {
        let message = format!(
            "UTF-8 encoding is required. The text encoding error was found near byte {}.",
            with_commas(at)
        );
        SelectError::saying(Code::InvalidTextEncoding, message)
    }

    pub(crate) fn json(cause: impl fmt::Display) -> SelectError {
        let message = "Error parsing JSON file. Please check the file and try again.";
        SelectError::saying(Code::JSONParsingError, message).because(cause)
    }

    /// Values that an operator cannot be applied to.
    pub(crate) fn cannot_evaluate(cause: impl fmt::Display) -> SelectError {
        SelectError::new(Code::ExternalEvalException).because(cause)
    }
}

impl From<Code> for SelectError {
    fn from(code: Code) -> SelectError {
        SelectError::new(code)
    }
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}
