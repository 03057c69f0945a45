//! The expression languages: conditions and filters, key conditions, projections, updates.
//!
//! A text goes through `token` and `parser` to a tree of what was written (`syntax`), is checked word by word
//! (`words`, `check`), and is bound: placeholders are put in, operands are checked, and what comes out are the public
//! trees, which know neither placeholders nor parentheses: [`Condition`], [`KeyCondition`], [`Projection`],
//! [`Update`]. These may as well be built by hand, as the older parameters and PartiQL do, and are evaluated.
//!
//! All messages are DynamoDB's, with `Invalid ConditionExpression: ` and its like in front where DynamoDB has it. What
//! an operation puts in front of that (`1 validation error detected: ` of single writes) is the caller's.
//!
//! The order in which mistakes are told: size, syntax and redundant parentheses, reserved words and functions, then
//! placeholders and types of operands. [`Placeholders::check_used`] comes behind all expressions of a request.

mod bind;
mod check;
mod condition;
mod evaluate;
mod key_condition;
mod overlap;
mod parser;
mod path;
mod placeholders;
mod projection;
mod syntax;
mod token;
mod update;
mod words;

pub use condition::{Comparator, Condition, Operand};
pub use key_condition::{KeyCondition, KeyPart, KeySchema, KeySelection, KeyTerm};
pub use path::{Path, Step};
pub use placeholders::Placeholders;
pub use projection::Projection;
pub use update::{Action, Arithmetic, SetValue, Update};
pub use words::is_reserved;

use crate::error::ExpressionError;
use crate::limits::EXPRESSION_BYTES_MAX;

/// Which parameter an expression is: messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Condition,
    Filter,
    KeyCondition,
    Projection,
    Update,
}

impl Kind {
    pub fn parameter(self) -> &'static str {
        match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Projection => "ProjectionExpression",
            Kind::Update => "UpdateExpression",
        }
    }

    /// `Invalid ConditionExpression: `, and why.
    pub(crate) fn invalid(self, why: impl std::fmt::Display) -> ExpressionError {
        ExpressionError::new(format!("Invalid {}: {why}", self.parameter()))
    }

    /// What is refused before anything is read.
    fn check_size(self, text: &str) -> Result<(), ExpressionError> {
        if text.is_empty() {
            return Err(self.invalid("The expression can not be empty;"));
        }
        if text.len() <= EXPRESSION_BYTES_MAX {
            return Ok(());
        }
        let why = "Expression size has exceeded the maximum allowed size;";
        // Only filters are told their size.
        match self {
            Kind::Filter => Err(self.invalid(format!("{why} expression size: {}", text.len()))),
            _ => Err(self.invalid(why)),
        }
    }
}
