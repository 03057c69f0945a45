//! What is wrong with a statement, in DynamoDB's words.

use crate::error::ExpressionError;
use crate::partiql::lexer::Span;

/// What is no PartiQL: the reader's own message behind DynamoDB's.
pub(super) fn malformed(detail: impl std::fmt::Display) -> ExpressionError {
    ExpressionError::new(format!("Statement wasn't well formed, can't be processed: {detail}"))
}

/// What is PartiQL, and nothing that DynamoDB does: the place behind the words.
pub(super) fn unsupported(what: impl std::fmt::Display, span: Span) -> ExpressionError {
    ExpressionError::new(format!("{what} at {span}"))
}
