//! The grammar of all expressions, by recursive descent.
//!
//! Reading stops at the first token that cannot go on, and that token is named. Where a parenthesis may open a
//! condition or an operand, both are tried, and the error of the one that got further is told. Two pairs of
//! parentheses around the same thing are refused as soon as the outer one closes, before any syntax error behind it.
//! Operators and functions are counted while reading; more than 300 are refused.

use super::Kind;
use super::condition::Comparator;
use super::syntax::{Node, Part, Section, WrittenAction, WrittenPath};
use super::token::{Token, TokenKind, syntax_error, tokens};
use super::update::Arithmetic;
use super::words::Keyword;
use crate::error::ExpressionError;
use crate::limits::{EXPRESSION_NESTING_MAX, EXPRESSION_OPERATORS_MAX};

const REDUNDANT_PARENTHESES: &str = "The expression has redundant parentheses;";

pub(super) fn parse_condition(kind: Kind, text: &str) -> Result<Node<'_>, ExpressionError> {
    parse(kind, text, |parser| parser.condition())
}

pub(super) fn parse_projection(text: &str) -> Result<Vec<WrittenPath<'_>>, ExpressionError> {
    parse(Kind::Projection, text, |parser| parser.list(Parser::path))
}

pub(super) fn parse_update(text: &str) -> Result<Vec<Section<'_>>, ExpressionError> {
    parse(Kind::Update, text, |parser| {
        let mut sections = vec![parser.section()?];
        while parser.peek() != TokenKind::End {
            sections.push(parser.section()?);
        }
        Ok(sections)
    })
}

fn parse<'a, T>(
    kind: Kind,
    text: &'a str,
    read: impl FnOnce(&mut Parser<'a>) -> Parsed<T>,
) -> Result<T, ExpressionError> {
    kind.check_size(text)?;
    let mut parser = Parser { tokens: tokens(text), next: 0, operators: 0, nesting: 0 };
    let result = read(&mut parser).and_then(|parsed| {
        parser.expect(TokenKind::End)?;
        Ok(parsed)
    });
    result.map_err(|stop| match stop {
        Stop::Syntax(index) => syntax_error(kind, text, &parser.tokens, index),
        Stop::Refused(why) => kind.invalid(why),
    })
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    operators: usize,
    /// Parentheses and functions that are open.
    nesting: usize,
}

/// Why reading ended.
enum Stop {
    /// At the token of this number.
    Syntax(usize),
    Refused(String),
}

type Parsed<T> = Result<T, Stop>;

/// Whether a node stood between parentheses.
type Grouped<'a> = (Node<'a>, bool);

impl<'a> Parser<'a> {
    /// Terms with AND and OR between them; AND binds closer.
    fn condition(&mut self) -> Parsed<Node<'a>> {
        let mut alternatives = Vec::new();
        let mut terms = vec![self.term()?];
        loop {
            match self.peek() {
                TokenKind::Keyword(Keyword::And) => {}
                TokenKind::Keyword(Keyword::Or) => alternatives.push(all_of(std::mem::take(&mut terms))),
                _ => break,
            }
            self.operator()?;
            terms.push(self.term()?);
        }
        alternatives.push(all_of(terms));
        Ok(match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Node::Or(alternatives),
        })
    }

    /// A comparison, a function or a condition in parentheses, perhaps with NOTs in front.
    fn term(&mut self) -> Parsed<Node<'a>> {
        let mut negations = 0;
        while self.peek() == TokenKind::Keyword(Keyword::Not) {
            self.operator()?;
            negations += 1;
        }
        let node = match self.peek() {
            TokenKind::LeftParen => self.first_that_reads(
                |parser| parser.group(|parser| Ok((parser.condition()?, false))).map(|(node, _)| node),
                Parser::comparison,
            )?,
            _ => self.comparison()?,
        };
        Ok((0..negations).fold(node, |node, _| Node::Not(Box::new(node))))
    }

    fn comparison(&mut self) -> Parsed<Node<'a>> {
        let (first, grouped) = self.operand()?;
        if let Some(comparator) = comparator(self.peek()) {
            self.operator()?;
            let second = self.operand()?.0;
            return Ok(Node::Compare(comparator, Box::new([first, second])));
        }
        match self.peek() {
            TokenKind::Keyword(Keyword::Between) => {
                self.operator()?;
                let low = self.operand()?.0;
                self.expect(TokenKind::Keyword(Keyword::And))?;
                let high = self.operand()?.0;
                Ok(Node::Between(Box::new([first, low, high])))
            }
            TokenKind::Keyword(Keyword::In) => {
                self.operator()?;
                self.expect(TokenKind::LeftParen)?;
                let options = self.list(|parser| Ok(parser.operand()?.0))?;
                self.expect(TokenKind::RightParen)?;
                Ok(Node::In(Box::new(first), options))
            }
            _ if matches!(first, Node::Call(..)) && !grouped => Ok(first),
            _ => Err(self.unexpected()),
        }
    }

    fn operand(&mut self) -> Parsed<Grouped<'a>> {
        match self.peek() {
            TokenKind::Value => Ok((Node::Value(self.advance().text), false)),
            TokenKind::LeftParen => self.group(Parser::operand),
            TokenKind::Word if self.kind_at(1) == TokenKind::LeftParen => Ok((self.call()?, false)),
            TokenKind::Word | TokenKind::Name => Ok((Node::Path(self.path()?), false)),
            _ => Err(self.unexpected()),
        }
    }

    /// What stands between parentheses, unless that stands between parentheses itself.
    fn group(&mut self, read: impl FnOnce(&mut Parser<'a>) -> Parsed<Grouped<'a>>) -> Parsed<Grouped<'a>> {
        let opened = self.next;
        let (node, _) = self.nested(|parser| {
            parser.expect(TokenKind::LeftParen)?;
            let inner = read(parser)?;
            parser.expect(TokenKind::RightParen)?;
            Ok(inner)
        })?;
        // The pairs touch at both ends, and belong together because everything between them was read as one.
        let closed = self.next - 1;
        let touches = self.tokens[opened + 1].kind == TokenKind::LeftParen
            && self.tokens[closed - 1].kind == TokenKind::RightParen
            && self.closes(opened + 1) == Some(closed - 1);
        if touches { Err(Stop::Refused(REDUNDANT_PARENTHESES.to_owned())) } else { Ok((node, true)) }
    }

    /// Where the parenthesis that opens at a token closes.
    fn closes(&self, opened: usize) -> Option<usize> {
        let mut open = 0;
        for (index, token) in self.tokens.iter().enumerate().skip(opened) {
            match token.kind {
                TokenKind::LeftParen => open += 1,
                TokenKind::RightParen if open == 1 => return Some(index),
                TokenKind::RightParen => open -= 1,
                _ => {}
            }
        }
        None
    }

    fn call(&mut self) -> Parsed<Node<'a>> {
        let name = self.peek_token().text;
        self.operator()?;
        self.expect(TokenKind::LeftParen)?;
        let arguments = self.nested(|parser| parser.list(|parser| Ok(parser.operand()?.0)))?;
        self.expect(TokenKind::RightParen)?;
        Ok(Node::Call(name, arguments))
    }

    fn path(&mut self) -> Parsed<WrittenPath<'a>> {
        let mut parts = vec![self.name()?];
        loop {
            match self.peek() {
                TokenKind::Dot => {
                    self.advance();
                    parts.push(self.name()?);
                }
                TokenKind::LeftBracket => {
                    self.advance();
                    parts.push(Part::Index(self.expect(TokenKind::Number)?.text));
                    self.expect(TokenKind::RightBracket)?;
                }
                _ => return Ok(WrittenPath { parts }),
            }
        }
    }

    fn name(&mut self) -> Parsed<Part<'a>> {
        match self.peek() {
            TokenKind::Word => Ok(Part::Word(self.advance().text)),
            TokenKind::Name => Ok(Part::Name(self.advance().text)),
            _ => Err(self.unexpected()),
        }
    }

    fn section(&mut self) -> Parsed<Section<'a>> {
        let TokenKind::Keyword(keyword) = self.peek() else { return Err(self.unexpected()) };
        let action = match keyword {
            Keyword::Set => Parser::set_action,
            Keyword::Remove => Parser::remove_action,
            Keyword::Add | Keyword::Delete => Parser::value_action,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Section { keyword, actions: self.list(action)? })
    }

    fn set_action(&mut self) -> Parsed<WrittenAction<'a>> {
        let path = self.path()?;
        self.expect(TokenKind::Equal)?;
        let (value, _) = self.set_value()?;
        Ok(WrittenAction { path, value: Some(value) })
    }

    fn remove_action(&mut self) -> Parsed<WrittenAction<'a>> {
        Ok(WrittenAction { path: self.path()?, value: None })
    }

    fn value_action(&mut self) -> Parsed<WrittenAction<'a>> {
        let path = self.path()?;
        let value = self.expect(TokenKind::Value)?;
        Ok(WrittenAction { path, value: Some(Node::Value(value.text)) })
    }

    /// An operand, or a sum or difference of two, which may stand in parentheses as a whole.
    fn set_value(&mut self) -> Parsed<Grouped<'a>> {
        match self.peek() {
            TokenKind::LeftParen => {
                self.first_that_reads(Parser::sum, |parser| parser.group(Parser::set_value))
            }
            _ => self.sum(),
        }
    }

    fn sum(&mut self) -> Parsed<Grouped<'a>> {
        let first = self.operand()?;
        let operator = match self.peek() {
            TokenKind::Plus => Arithmetic::Add,
            TokenKind::Minus => Arithmetic::Subtract,
            _ => return Ok(first),
        };
        self.operator()?;
        let second = self.operand()?.0;
        Ok((Node::Arithmetic(operator, Box::new([first.0, second])), false))
    }

    /// The first that reads; if none does, the error of the one that got further.
    fn first_that_reads<T>(
        &mut self,
        one: impl FnOnce(&mut Parser<'a>) -> Parsed<T>,
        other: impl FnOnce(&mut Parser<'a>) -> Parsed<T>,
    ) -> Parsed<T> {
        let (next, operators, nesting) = (self.next, self.operators, self.nesting);
        let reached = match one(self) {
            Err(Stop::Syntax(reached)) => reached,
            settled => return settled,
        };
        (self.next, self.operators, self.nesting) = (next, operators, nesting);
        match other(self) {
            Err(Stop::Syntax(index)) => Err(Stop::Syntax(index.max(reached))),
            settled => settled,
        }
    }

    fn list<T>(&mut self, mut element: impl FnMut(&mut Parser<'a>) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut elements = vec![element(self)?];
        while self.peek() == TokenKind::Comma {
            self.advance();
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Parser<'a>) -> Parsed<T>) -> Parsed<T> {
        if self.nesting == EXPRESSION_NESTING_MAX {
            // Fewer operators than that leave nothing but parentheses around parentheses.
            return Err(Stop::Refused(REDUNDANT_PARENTHESES.to_owned()));
        }
        self.nesting += 1;
        let read = read(self)?;
        self.nesting -= 1;
        Ok(read)
    }

    /// Steps over an operator or the name of a function, and counts it.
    fn operator(&mut self) -> Parsed<()> {
        self.advance();
        self.operators += 1;
        if self.operators > EXPRESSION_OPERATORS_MAX {
            let why =
                format!("The expression contains too many operators; operator count: {}", self.operators);
            return Err(Stop::Refused(why));
        }
        Ok(())
    }

    fn expect(&mut self, kind: TokenKind) -> Parsed<Token<'a>> {
        if self.peek() == kind { Ok(self.advance()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Stop {
        Stop::Syntax(self.next)
    }

    fn peek(&self) -> TokenKind {
        self.peek_token().kind
    }

    fn kind_at(&self, ahead: usize) -> TokenKind {
        self.tokens.get(self.next + ahead).map_or(TokenKind::End, |token| token.kind)
    }

    fn peek_token(&self) -> Token<'a> {
        self.tokens[self.next]
    }

    /// The token that is stepped over. The last, the end, stays.
    fn advance(&mut self) -> Token<'a> {
        let token = self.tokens[self.next];
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }
}

fn all_of(mut terms: Vec<Node<'_>>) -> Node<'_> {
    match terms.len() {
        1 => terms.remove(0),
        _ => Node::And(terms),
    }
}

fn comparator(token: TokenKind) -> Option<Comparator> {
    Some(match token {
        TokenKind::Equal => Comparator::Equal,
        TokenKind::NotEqual => Comparator::NotEqual,
        TokenKind::Less => Comparator::Less,
        TokenKind::LessOrEqual => Comparator::LessOrEqual,
        TokenKind::Greater => Comparator::Greater,
        TokenKind::GreaterOrEqual => Comparator::GreaterOrEqual,
        _ => return None,
    })
}
