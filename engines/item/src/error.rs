//! What goes wrong: bytes that are not ours, and expressions that are refused.

/// Bytes are not what was written. They are never handed out as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes of an item or key are damaged")]
pub struct Damaged;

/// An expression is refused, in DynamoDB's words. Every such error is a `ValidationException`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    pub message: String,
}

impl ExpressionError {
    pub fn new(message: impl Into<String>) -> ExpressionError {
        ExpressionError { message: message.into() }
    }
}
