//! The statement: SELECT, FROM, WHERE and LIMIT.

use super::lexer::{Token, TokenKind, tokens};
use super::{Aggregate, From, FromStep, Item, Name, Path, Projection, Query, Step};
use crate::error::{Code, SelectError};
use crate::limits::{COLUMNS_MAX, PATH_STEPS_MAX};
use crate::value::Value;

pub(super) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// How deep the parser is in expressions.
    pub(super) nesting: usize,
    pub(super) paths: Vec<Path>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) scope: Scope,
    /// Whether the SELECT list names something of a row outside an aggregate.
    pub(super) names_row: bool,
}

/// Where an expression stands, which decides whether aggregates may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    SelectList,
    WithinAggregate,
    Elsewhere,
}

pub(super) fn parse(sql: &str) -> Result<Query, SelectError> {
    let mut parser = Parser {
        tokens: tokens(sql)?,
        next: 0,
        nesting: 0,
        paths: Vec::new(),
        aggregates: Vec::new(),
        scope: Scope::Elsewhere,
        names_row: false,
    };
    parser.statement()
}

const JOINS: [&str; 8] = ["join", "inner", "left", "right", "full", "outer", "cross", "natural"];

impl Parser {
    fn statement(&mut self) -> Result<Query, SelectError> {
        self.select()?;
        let (projection, star_of) = self.select_list()?;
        if !self.peek().is_keyword("from") {
            return Err(Code::ParseSelectMissingFrom.into());
        }
        self.advance();
        let from = self.from()?;
        let condition = match self.skip_keyword("where") {
            true => Some(self.expression_in(Scope::Elsewhere)?),
            false => None,
        };
        let grouped = self.group_by()?;
        let limit = if self.skip_keyword("limit") { Some(self.limit()?) } else { None };
        if matches!(self.peek(), TokenKind::Semicolon) {
            self.advance();
        }
        if !matches!(self.peek(), TokenKind::End) {
            return Err(self.token().refused(Code::ParseUnexpectedToken, "Unexpected token found"));
        }
        let mixed = !self.aggregates.is_empty() && self.names_row;
        if grouped || mixed {
            return Err(Code::UnsupportedSqlStructure.into());
        }
        let known = |name: &Name| {
            from.alias.as_ref().is_some_and(|alias| name.fits(&alias.text)) || name.fits("s3object")
        };
        if star_of.is_some_and(|name| !known(&name)) {
            return Err(Code::ParseInvalidContextForWildcardInSelectList.into());
        }
        let paths = std::mem::take(&mut self.paths);
        let aggregates = std::mem::take(&mut self.aggregates);
        Ok(Query { projection, from, condition, limit, paths, aggregates })
    }

    fn select(&mut self) -> Result<(), SelectError> {
        if !self.skip_keyword("select") {
            return Err(match self.peek() {
                TokenKind::Keyword(_) => self.unexpected_keyword(),
                TokenKind::End => Code::ParseExpectedExpression.into(),
                _ => Code::UnsupportedSqlStructure.into(),
            });
        }
        let unsupported = ["distinct", "value", "all"].iter().any(|word| self.peek().is_keyword(word));
        if unsupported { Err(Code::ParseUnsupportedSelect.into()) } else { Ok(()) }
    }

    /// With the name that a `name.*` stands for all of.
    fn select_list(&mut self) -> Result<(Projection, Option<Name>), SelectError> {
        if matches!(self.peek(), TokenKind::Star) {
            self.advance();
            if matches!(self.peek(), TokenKind::Comma) {
                return Err(Code::ParseAsteriskIsNotAloneInSelectList.into());
            }
            return Ok((Projection::All, None));
        }
        if self.peek().is_keyword("from") || matches!(self.peek(), TokenKind::End) {
            return Err(Code::ParseEmptySelect.into());
        }
        let star = [TokenKind::Dot, TokenKind::Star].map(|kind| std::mem::discriminant(&kind));
        let following = [self.peek_at(1), self.peek_at(2)].map(std::mem::discriminant);
        if let Some(name) = self.peek_name().filter(|_| following == star) {
            self.next += 3;
            if matches!(self.peek(), TokenKind::Comma) {
                return Err(Code::ParseAsteriskIsNotAloneInSelectList.into());
            }
            return Ok((Projection::All, Some(name)));
        }
        let mut items = Vec::new();
        loop {
            if matches!(self.peek(), TokenKind::Star) {
                return Err(Code::ParseAsteriskIsNotAloneInSelectList.into());
            }
            items.push(self.item()?);
            if items.len() > COLUMNS_MAX {
                return Err(Code::OverMaxColumn.into());
            }
            if !matches!(self.peek(), TokenKind::Comma) {
                return Ok((Projection::Items(items), None));
            }
            self.advance();
        }
    }

    fn item(&mut self) -> Result<Item, SelectError> {
        let expr = self.expression_in(Scope::SelectList)?;
        let alias = self.alias()?;
        let name = alias.map(|alias| alias.text).or_else(|| match &expr {
            super::Expr::Path(path) => self.paths[*path].last_name().map(|name| name.text.clone()),
            _ => None,
        });
        Ok(Item { expr, name })
    }

    /// `AS name`, or just `name`.
    fn alias(&mut self) -> Result<Option<Name>, SelectError> {
        let expected = self.skip_keyword("as");
        let alias = self.peek_name();
        if alias.is_some() {
            self.advance();
        } else if expected {
            return Err(Code::ParseExpectedIdentForAlias.into());
        }
        Ok(alias)
    }

    fn from(&mut self) -> Result<From, SelectError> {
        let Some(table) = self.peek_name() else {
            return Err(match self.peek() {
                TokenKind::LeftParen => Code::UnsupportedSqlStructure.into(),
                TokenKind::End => Code::ParseExpectedExpression.into(),
                _ => self.token().refused(Code::ParseUnexpectedToken, "Unexpected token found"),
            });
        };
        self.advance();
        if !table.text.eq_ignore_ascii_case("s3object") {
            return Err(Code::EvaluatorBindingDoesNotExist.into());
        }
        let mut steps = self.row_steps()?;
        // The object is a list of its root values, which is what the first wildcard is for.
        if !steps.is_empty() && steps.remove(0) != FromStep::EveryElement {
            return Err(Code::InvalidKeyPath.into());
        }
        let named = match steps.last() {
            Some(FromStep::Step(Step::Name(name))) => Some(name.clone()),
            _ => None,
        };
        let alias = self.alias()?.or(named);
        match self.peek() {
            TokenKind::Comma => Err(Code::MultipleDataSourcesUnsupported.into()),
            TokenKind::Keyword(word) if JOINS.contains(&word.as_str()) => {
                Err(Code::ParseMalformedJoin.into())
            }
            _ => Ok(From { steps, alias }),
        }
    }

    fn row_steps(&mut self) -> Result<Vec<FromStep>, SelectError> {
        let mut steps = Vec::new();
        loop {
            let star_follows = matches!(self.peek_at(1), TokenKind::Star);
            let step = match self.peek() {
                TokenKind::Dot if star_follows => {
                    self.next += 2;
                    FromStep::EveryMember
                }
                TokenKind::LeftBracket if star_follows => {
                    self.next += 2;
                    self.right_bracket()?;
                    FromStep::EveryElement
                }
                _ => match self.step()? {
                    Some(step) => FromStep::Step(step),
                    None => return Ok(steps),
                },
            };
            steps.push(step);
            if steps.len() > PATH_STEPS_MAX {
                return Err(Code::InvalidKeyPath.into());
            }
        }
    }

    /// `.name`, `['name']` or `[index]`, if one follows.
    pub(super) fn step(&mut self) -> Result<Option<Step>, SelectError> {
        match self.peek() {
            TokenKind::Dot => {
                self.advance();
                let name = self.peek_name().ok_or_else(|| self.invalid_path_component())?;
                self.advance();
                Ok(Some(Step::Name(name)))
            }
            TokenKind::LeftBracket => {
                self.advance();
                let step = match self.peek() {
                    TokenKind::Literal(Value::Int(index)) => {
                        Step::Index(usize::try_from(*index).map_err(|_| Code::InvalidKeyPath)?)
                    }
                    TokenKind::Literal(Value::String(name)) => {
                        Step::Name(Name { text: name.to_string(), quoted: true })
                    }
                    TokenKind::Star => return Err(Code::ParseCannotMixSqbAndWildcardInSelectList.into()),
                    _ => return Err(self.invalid_path_component()),
                };
                self.advance();
                self.right_bracket()?;
                Ok(Some(step))
            }
            _ => Ok(None),
        }
    }

    fn right_bracket(&mut self) -> Result<(), SelectError> {
        if !matches!(self.peek(), TokenKind::RightBracket) {
            return Err(Code::ParseExpectedTokenType.into());
        }
        self.advance();
        Ok(())
    }

    fn invalid_path_component(&self) -> SelectError {
        if matches!(self.peek(), TokenKind::Star) {
            return Code::ParseInvalidContextForWildcardInSelectList.into();
        }
        let token = self.token();
        let message = format!(
            "Invalid Path component, expecting either an IDENTIFIER or STAR, got: {},at {}.",
            token.kind.name(),
            token.at
        );
        SelectError::saying(Code::ParseInvalidPathComponent, message)
    }

    /// Read, so that mistakes in it are told first, and not supported.
    fn group_by(&mut self) -> Result<bool, SelectError> {
        let mut grouped = false;
        if self.skip_keyword("group") {
            grouped = true;
            if !self.skip_keyword("by") {
                return Err(Code::ParseExpectedKeyword.into());
            }
            self.expression_in(Scope::Elsewhere)?;
            while matches!(self.peek(), TokenKind::Comma) {
                self.advance();
                self.expression_in(Scope::Elsewhere)?;
            }
        }
        if self.skip_keyword("having") {
            grouped = true;
            self.expression_in(Scope::Elsewhere)?;
        }
        Ok(grouped)
    }

    fn limit(&mut self) -> Result<u64, SelectError> {
        let negative = self.peek().is_operator("-");
        if negative {
            self.advance();
        }
        match self.peek() {
            TokenKind::Literal(Value::Int(_)) if negative => Err(Code::EvaluatorNegativeLimit.into()),
            TokenKind::Literal(Value::Int(limit)) => {
                let limit = limit.unsigned_abs();
                self.advance();
                Ok(limit)
            }
            _ => Err(Code::ParseExpectedNumber.into()),
        }
    }

    pub(super) fn unexpected_keyword(&self) -> SelectError {
        self.token().refused(Code::ParseUnExpectedKeyword, "Unexpected keyword found")
    }

    pub(super) fn token(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &TokenKind {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> &TokenKind {
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn peek_name(&self) -> Option<Name> {
        match self.peek() {
            TokenKind::Identifier(text) => Some(Name { text: text.clone(), quoted: false }),
            TokenKind::QuotedIdentifier(text) => Some(Name { text: text.clone(), quoted: true }),
            _ => None,
        }
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    pub(super) fn skip_keyword(&mut self, word: &str) -> bool {
        let skipped = self.peek().is_keyword(word);
        self.next += usize::from(skipped);
        skipped
    }
}

impl Path {
    /// Unless it ends with an index.
    pub(super) fn last_name(&self) -> Option<&Name> {
        match self.steps.last() {
            None => Some(&self.first),
            Some(Step::Name(name)) => Some(name),
            Some(Step::Index(_)) => None,
        }
    }
}
