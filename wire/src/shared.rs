//! What all readers of one document share: the notes on constraints, how deep they are, what went wrong.

use schema::{Malformed, Notes};

use crate::limits::NESTING_DEPTH_MAX;

#[derive(Default)]
pub(crate) struct Shared {
    pub notes: Notes,
    depth: usize,
    /// The first failure was one of syntax rather than of a value.
    syntax: bool,
    /// A failure on its way out through a parser whose error type is not ours.
    pub passing: Option<Malformed>,
}

impl Shared {
    /// Goes one level deeper, which is refused where a decoder's recursion would become dangerous.
    pub fn enter(&mut self) -> Result<(), Malformed> {
        if self.depth >= NESTING_DEPTH_MAX {
            return Err(Malformed(format!("values are nested more than {NESTING_DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A failure of syntax, as an error that readers can return.
    pub fn syntax(&mut self, text: impl ToString) -> Malformed {
        self.syntax = true;
        Malformed(text.to_string())
    }

    /// The outcome for the caller of this crate.
    pub fn finish(
        self,
        result: Result<(), Malformed>,
    ) -> Result<Vec<schema::Violation>, crate::malformed::Malformed> {
        match result {
            Ok(()) => Ok(self.notes.into_violations()),
            Err(Malformed(text)) if self.syntax => Err(crate::malformed::Malformed::Syntax(text)),
            Err(Malformed(text)) => Err(crate::malformed::Malformed::Value(text)),
        }
    }
}

/// What a reader hands a value to.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&mut dyn schema::Reader) -> Result<(), Malformed>;
