//! Calls of functions, several of which have a syntax of their own.

use super::expression::{Term, over};
use super::lexer::TokenKind;
use super::parser::{Parser, Scope};
use super::{Aggregate, AggregateKind, Expr, Function, TrimSide};
use crate::error::{Code, SelectError};
use crate::value::{Part, Value};

/// Functions whose names are reserved words.
pub(super) fn is_function(word: &str) -> bool {
    const FUNCTIONS: [&str; 9] = [
        "char_length",
        "character_length",
        "coalesce",
        "extract",
        "lower",
        "nullif",
        "substring",
        "trim",
        "upper",
    ];
    FUNCTIONS.contains(&word) || aggregate_kind(word).is_some()
}

fn aggregate_kind(word: &str) -> Option<AggregateKind> {
    Some(match word {
        "avg" => AggregateKind::Avg,
        "count" => AggregateKind::Count,
        "max" => AggregateKind::Max,
        "min" => AggregateKind::Min,
        "sum" => AggregateKind::Sum,
        _ => return None,
    })
}

impl Parser {
    /// The name is next; a parenthesis may be missing only behind a reserved word.
    pub(super) fn call(&mut self) -> Result<Term, SelectError> {
        let name = match self.peek() {
            TokenKind::Identifier(name) | TokenKind::Keyword(name) => name.to_ascii_lowercase(),
            _ => unreachable!("a call starts with a word"),
        };
        self.advance();
        self.left_paren(Code::ParseExpectedLeftParenBuiltinFunctionCall)?;
        if let Some(kind) = aggregate_kind(&name) {
            return self.aggregate(kind);
        }
        if matches!(self.peek(), TokenKind::Star) {
            return Err(Code::ParseUnsupportedCallWithStar.into());
        }
        match name.as_str() {
            "extract" => self.extract(),
            "substring" => self.substring(),
            "trim" => self.trim(),
            "date_add" | "date_diff" => self.date_function(&name),
            _ => {
                let (function, least, most) = plain_function(&name).ok_or(Code::UnsupportedFunction)?;
                let (arguments, depth) = self.arguments()?;
                if !(least..=most).contains(&arguments.len()) {
                    return Err(Code::EvaluatorInvalidArguments.into());
                }
                Ok(Term { expr: Expr::Call(function, arguments), depth: over([depth])? })
            }
        }
    }

    fn left_paren(&mut self, otherwise: Code) -> Result<(), SelectError> {
        if !matches!(self.peek(), TokenKind::LeftParen) {
            return Err(otherwise.into());
        }
        self.advance();
        Ok(())
    }

    fn right_paren(&mut self) -> Result<(), SelectError> {
        if !matches!(self.peek(), TokenKind::RightParen) {
            return Err(Code::ParseExpectedRightParenBuiltinFunctionCall.into());
        }
        self.advance();
        Ok(())
    }

    fn aggregate(&mut self, kind: AggregateKind) -> Result<Term, SelectError> {
        if self.scope != Scope::SelectList {
            return Err(Code::UnsupportedSqlStructure.into());
        }
        let operand = match self.peek() {
            TokenKind::Star if kind == AggregateKind::Count => {
                self.advance();
                None
            }
            TokenKind::Star => return Err(Code::ParseUnsupportedCallWithStar.into()),
            TokenKind::RightParen => return Err(Code::ParseNonUnaryAgregateFunctionCall.into()),
            TokenKind::Keyword(word) if word == "distinct" || word == "all" => {
                return Err(Code::ParseUnsupportedSyntax.into());
            }
            _ => Some(self.expression_in(Scope::WithinAggregate)?),
        };
        if matches!(self.peek(), TokenKind::Comma) {
            return Err(Code::ParseNonUnaryAgregateFunctionCall.into());
        }
        self.right_paren()?;
        self.aggregates.push(Aggregate { kind, operand });
        Ok(Term::leaf(Expr::Aggregate(self.aggregates.len() - 1)))
    }

    /// `CAST(value AS type)`, whose type may have parameters, which say nothing.
    pub(super) fn cast(&mut self) -> Result<Term, SelectError> {
        self.advance();
        self.left_paren(Code::ParseExpectedLeftParenAfterCast)?;
        let inner = self.expression()?;
        if !self.skip_keyword("as") {
            return Err(Code::ParseExpectedKeyword.into());
        }
        let to = self.type_name()?;
        if matches!(self.peek(), TokenKind::LeftParen) {
            self.advance();
            let (parameters, _) = self.arguments()?;
            let numbers = parameters.iter().all(|expr| matches!(expr, Expr::Literal(Value::Int(_))));
            if !numbers || parameters.is_empty() || parameters.len() > 2 {
                return Err(Code::ParseInvalidTypeParam.into());
            }
        }
        self.right_paren()?;
        Ok(Term { expr: Expr::Cast(Box::new(inner.expr), to), depth: over([inner.depth])? })
    }

    fn date_part(&mut self) -> Result<Part, SelectError> {
        let part = match self.peek() {
            TokenKind::Identifier(word) | TokenKind::Keyword(word) => word.parse().ok(),
            _ => None,
        };
        let part = part.ok_or(Code::ParseExpectedDatePart)?;
        self.advance();
        Ok(part)
    }

    /// `EXTRACT(part FROM timestamp)`
    fn extract(&mut self) -> Result<Term, SelectError> {
        let part = self.date_part()?;
        if !self.skip_keyword("from") {
            return Err(Code::ParseExpectedKeyword.into());
        }
        let from = self.expression()?;
        self.right_paren()?;
        Ok(Term { expr: Expr::Call(Function::Extract(part), vec![from.expr]), depth: over([from.depth])? })
    }

    /// `DATE_ADD(part, quantity, timestamp)` and `DATE_DIFF(part, timestamp, timestamp)`
    fn date_function(&mut self, name: &str) -> Result<Term, SelectError> {
        let part = self.date_part()?;
        if matches!(part, Part::TimezoneHour | Part::TimezoneMinute) {
            return Err(Code::ParseExpectedDatePart.into());
        }
        if !matches!(self.peek(), TokenKind::Comma) {
            return Err(Code::ParseExpectedArgumentDelimiter.into());
        }
        self.advance();
        let (arguments, depth) = self.arguments()?;
        if arguments.len() != 2 {
            return Err(Code::EvaluatorInvalidArguments.into());
        }
        let function = if name == "date_add" { Function::DateAdd(part) } else { Function::DateDiff(part) };
        Ok(Term { expr: Expr::Call(function, arguments), depth: over([depth])? })
    }

    /// `SUBSTRING(text FROM start [FOR length])`, or with commas.
    fn substring(&mut self) -> Result<Term, SelectError> {
        let text = self.expression()?;
        let separators = match self.peek() {
            TokenKind::Keyword(word) if word == "from" => ("from", "for"),
            TokenKind::Comma => (",", ","),
            _ => return Err(Code::ParseExpectedArgumentDelimiter.into()),
        };
        self.advance();
        let start = self.expression()?;
        let mut depths = vec![text.depth, start.depth];
        let mut arguments = vec![text.expr, start.expr];
        let further = match self.peek() {
            TokenKind::Keyword(word) => word == separators.1,
            TokenKind::Comma => separators.1 == ",",
            _ => false,
        };
        if further {
            self.advance();
            let length = self.expression()?;
            depths.push(length.depth);
            arguments.push(length.expr);
        }
        if !matches!(self.peek(), TokenKind::RightParen) {
            return Err(Code::ParseExpected2TokenTypes.into());
        }
        self.advance();
        Ok(Term { expr: Expr::Call(Function::Substring, arguments), depth: over(depths)? })
    }

    /// `TRIM([[LEADING | TRAILING | BOTH] [characters] FROM] text)`
    fn trim(&mut self) -> Result<Term, SelectError> {
        let side = match self.peek() {
            TokenKind::Keyword(word) if word == "leading" => Some(TrimSide::Leading),
            TokenKind::Keyword(word) if word == "trailing" => Some(TrimSide::Trailing),
            TokenKind::Keyword(word) if word == "both" => Some(TrimSide::Both),
            _ => None,
        };
        if side.is_some() {
            self.advance();
        }
        let mut characters = None;
        if !self.peek().is_keyword("from") {
            let first = self.expression()?;
            if !self.peek().is_keyword("from") {
                if side.is_some() {
                    return Err(Code::ParseExpectedKeyword.into());
                }
                self.right_paren()?;
                let expr = Expr::Call(Function::Trim(TrimSide::Both), vec![first.expr]);
                return Ok(Term { expr, depth: over([first.depth])? });
            }
            characters = Some(first);
        }
        self.advance();
        let text = self.expression()?;
        self.right_paren()?;
        let depth = over([text.depth, characters.as_ref().map_or(0, |characters| characters.depth)])?;
        let arguments = [text].into_iter().chain(characters).map(|term| term.expr).collect();
        Ok(Term { expr: Expr::Call(Function::Trim(side.unwrap_or(TrimSide::Both)), arguments), depth })
    }
}

/// A function that is called like any other, and how many arguments it takes.
fn plain_function(name: &str) -> Option<(Function, usize, usize)> {
    Some(match name {
        "char_length" | "character_length" => (Function::CharLength, 1, 1),
        "coalesce" => (Function::Coalesce, 1, usize::MAX),
        "lower" => (Function::Lower, 1, 1),
        "nullif" => (Function::NullIf, 2, 2),
        "to_string" => (Function::ToString, 2, 2),
        "to_timestamp" => (Function::ToTimestamp, 1, 2),
        "upper" => (Function::Upper, 1, 1),
        "utcnow" => (Function::UtcNow, 0, 0),
        _ => return None,
    })
}
