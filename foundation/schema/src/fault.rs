//! The one error type that crosses layers: what a client is told, and what only the log is told.

use std::borrow::Cow;
use std::fmt;

use crate::Structure;

/// An error that a model (or AWS's common errors) names.
#[derive(Debug)]
pub struct ErrorCode {
    /// The shape's name, which JSON and CBOR send: `QueueDoesNotExist`.
    pub name: &'static str,
    /// The code that the XML protocols send: `AWS.SimpleQueueService.NonExistentQueue`.
    pub code: &'static str,
    pub status: u16,
    pub side: Side,
}

impl ErrorCode {
    /// An error by the caller, whose name and code are the same.
    pub const fn sender(name: &'static str, status: u16) -> ErrorCode {
        ErrorCode { name, code: name, status, side: Side::Sender }
    }
}

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Sender,
    Receiver,
}

/// An error on its way to a client. Services make it from their own error enum, in one exhaustive match.
#[derive(Debug)]
pub struct Fault(Box<Inner>);

struct Inner {
    name: Cow<'static, str>,
    code: Cow<'static, str>,
    status: u16,
    side: Side,
    message: String,
    /// Further members of a modelled error (`CancellationReasons`), written as the body's other members.
    detail: Option<Box<dyn Structure>>,
    /// Further elements in XML that no model names: `BucketName`, `Condition`.
    fields: Vec<(&'static str, String)>,
    /// Further headers: `Location`, `Retry-After`, `x-amz-delete-marker`.
    headers: Vec<(&'static str, String)>,
    /// What really happened. It is logged and never sent.
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    pub fn new(error: &'static ErrorCode, message: impl Into<String>) -> Fault {
        Fault(Box::new(Inner {
            name: Cow::Borrowed(error.name),
            code: Cow::Borrowed(error.code),
            status: error.status,
            side: error.side,
            message: message.into(),
            detail: None,
            fields: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// A fault with a code that no table has, for protocols that answer in another's words.
    pub fn custom(name: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Fault {
        let name = name.into();
        let side = if status < 500 { Side::Sender } else { Side::Receiver };
        Fault(Box::new(Inner {
            code: name.clone(),
            name,
            status,
            side,
            message: message.into(),
            detail: None,
            fields: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// Our own failure: the client learns that there was one, the log learns which.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
        const INTERNAL: ErrorCode =
            ErrorCode { name: "InternalFailure", code: "InternalFailure", status: 500, side: Side::Receiver };
        let message = "We encountered an internal error. Please try again.";
        Fault::new(&INTERNAL, message).because(cause)
    }

    /// Attaches what really happened, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
        self.0.cause = Some(cause.into());
        self
    }

    /// Gives the XML protocols another code than the name that JSON and CBOR send.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Fault {
        self.0.code = code.into();
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Structure) -> Fault {
        self.0.detail = Some(Box::new(detail));
        self
    }

    /// Adds elements that follow the message in the XML protocols, in this order. The other protocols have no use
    /// for them.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<(&'static str, String)>) -> Fault {
        self.0.fields.extend(fields);
        self
    }

    /// Adds a header to the answer, in any protocol. What a header cannot hold becomes a space.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Fault {
        self.0.headers.push((name, value.into()));
        self
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }

    pub fn side(&self) -> Side {
        self.0.side
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn detail(&self) -> Option<&dyn Structure> {
        self.0.detail.as_deref()
    }

    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.0.fields
    }

    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.0.headers
    }

    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.status, self.message)?;
        match &self.cause {
            Some(cause) => write!(f, " because {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.name, self.0.message)
    }
}

impl std::error::Error for Fault {}
