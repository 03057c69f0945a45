//! The language: S3 Select's SQL, which is a part of PartiQL.
//!
//! It is small and not quite SQL: rows come from paths (`FROM S3Object[*].Rules[*].id`), literals of Ion stand between
//! backticks, MISSING is a value, its list of reserved words is its own, and each mistake has a code of its own that
//! names the token and its place. The grammars of SQL databases read neither those paths nor give those errors, so
//! the reader is ours: tokens in `lexer`, the statement in `parser`, expressions in `expression`, calls in `call`.
//! What each clause means is on the pages "SQL reference for Amazon S3 Select".

mod call;
mod expression;
mod ion;
mod keywords;
mod lexer;
mod parser;

use std::fmt;

use crate::error::{Code, SelectError};
use crate::limits::EXPRESSION_BYTES_MAX;
use crate::value::{Arithmetic, Like, Part, Type, Value};

/// A statement that has been understood.
#[derive(Debug, Clone)]
pub struct Query {
    pub(crate) projection: Projection,
    pub(crate) from: From,
    pub(crate) condition: Option<Expr>,
    pub(crate) limit: Option<u64>,
    /// What the expressions refer to, by number.
    pub(crate) paths: Vec<Path>,
    pub(crate) aggregates: Vec<Aggregate>,
}

impl Query {
    pub fn parse(sql: &str) -> Result<Query, SelectError> {
        if sql.len() > EXPRESSION_BYTES_MAX {
            return Err(Code::ExpressionTooLong.into());
        }
        parser::parse(sql)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Projection {
    /// `*`, or the alias of the row with `.*`.
    All,
    Items(Vec<Item>),
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub expr: Expr,
    /// Its alias, or the last name of a path; without one, a column is named by its position.
    pub name: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct From {
    /// Behind `S3Object[*]`.
    pub steps: Vec<FromStep>,
    /// As given, or the last name of the path.
    pub alias: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FromStep {
    Step(Step),
    /// `.*`
    EveryMember,
    /// `[*]`
    EveryElement,
}

/// A reference to something in the row.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub first: Name,
    pub steps: Vec<Step>,
    pub at: Position,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(Name),
    Index(usize),
}

/// A name; without quotes it fits any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub text: String,
    pub quoted: bool,
}

impl Name {
    pub(crate) fn fits(&self, other: &str) -> bool {
        if self.quoted {
            self.text == other
        } else {
            self.text.eq_ignore_ascii_case(other) || self.folds(other)
        }
    }

    /// Beyond ASCII.
    fn folds(&self, other: &str) -> bool {
        !(self.text.is_ascii() || other.is_ascii()) && self.text.to_lowercase() == other.to_lowercase()
    }

    /// The position that `_3` names, counted from 0.
    pub(crate) fn position(&self) -> Option<Result<usize, SelectError>> {
        let digits = self.text.strip_prefix('_').filter(|digits| !digits.is_empty())?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let position = digits.parse::<usize>().ok().and_then(|position| position.checked_sub(1));
        Some(position.ok_or_else(|| Code::InvalidColumnIndex.into()))
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Literal(Value<'static>),
    Path(usize),
    Aggregate(usize),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Arithmetic(Arithmetic, Box<[Expr; 2]>),
    Concat(Box<[Expr; 2]>),
    Compare(Comparison, Box<[Expr; 2]>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Between(Box<[Expr; 3]>),
    In(Box<Expr>, Vec<Expr>),
    Like(Box<Expr>, LikePattern),
    Is(Box<Expr>, Type),
    Case(Box<Case>),
    Cast(Box<Expr>, Type),
    Call(Function, Vec<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) enum LikePattern {
    /// A pattern that is the same for all rows.
    Fixed(Like),
    Evaluated(Box<Expr>, Option<Box<Expr>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Of a simple CASE.
    pub operand: Option<Expr>,
    pub whens: Vec<(Expr, Expr)>,
    pub otherwise: Option<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    CharLength,
    Coalesce,
    DateAdd(Part),
    DateDiff(Part),
    Extract(Part),
    Lower,
    NullIf,
    Substring,
    ToString,
    ToTimestamp,
    /// The characters to remove come last.
    Trim(TrimSide),
    Upper,
    UtcNow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrimSide {
    Leading,
    Trailing,
    Both,
}

#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub kind: AggregateKind,
    /// `None` for `COUNT(*)`.
    pub operand: Option<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    Avg,
    Count,
    Max,
    Min,
    Sum,
}

/// Where in the statement a token starts. Both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
