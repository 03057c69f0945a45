//! Expressions, by the precedence of the page "Operators".

use super::lexer::TokenKind;
use super::parser::{Parser, Scope};
use super::{Case, Comparison, Expr, LikePattern, Name, Path};
use crate::error::{Code, SelectError};
use crate::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NESTING_MAX, PATH_STEPS_MAX};
use crate::value::{Arithmetic, Like, Type, Value};

/// How tightly an operator binds; more is tighter.
mod binding {
    pub const LOWEST: u8 = 0;
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const EQUAL: u8 = 4;
    pub const ORDER: u8 = 5;
    /// LIKE, BETWEEN and IN, whose operands are sums.
    pub const TEST: u8 = 6;
    pub const SUM: u8 = 7;
    pub const PRODUCT: u8 = 8;
    pub const UNARY: u8 = 9;
}

/// An expression, and how deep its tree is.
pub(super) struct Term {
    pub expr: Expr,
    pub depth: usize,
}

impl Term {
    pub(super) fn leaf(expr: Expr) -> Term {
        Term { expr, depth: 1 }
    }
}

/// The depth of a tree over others, unless it gets too deep to walk.
pub(super) fn over(depths: impl IntoIterator<Item = usize>) -> Result<usize, SelectError> {
    let depth = depths.into_iter().max().unwrap_or(0) + 1;
    if depth > EXPRESSION_DEPTH_MAX { Err(Code::MaxOperatorsExceeded.into()) } else { Ok(depth) }
}

impl Parser {
    pub(super) fn expression_in(&mut self, scope: Scope) -> Result<Expr, SelectError> {
        let outer = std::mem::replace(&mut self.scope, scope);
        let expr = self.expression()?.expr;
        self.scope = outer;
        Ok(expr)
    }

    pub(super) fn expression(&mut self) -> Result<Term, SelectError> {
        self.operand(binding::LOWEST)
    }

    /// An expression of operators that bind tighter than `loosest`.
    fn operand(&mut self, loosest: u8) -> Result<Term, SelectError> {
        self.nesting += 1;
        if self.nesting > EXPRESSION_NESTING_MAX {
            return Err(Code::MaxOperatorsExceeded.into());
        }
        let mut left = self.prefix()?;
        while let Some(power) = self.infix_power().filter(|power| *power > loosest) {
            left = self.infix(left, power)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Term, SelectError> {
        if self.skip_keyword("not") {
            let inner = self.operand(binding::NOT - 1)?;
            return Ok(Term { expr: Expr::Not(Box::new(inner.expr)), depth: over([inner.depth])? });
        }
        if self.peek().is_operator("-") {
            self.advance();
            let inner = self.operand(binding::UNARY - 1)?;
            return Ok(Term { expr: Expr::Negate(Box::new(inner.expr)), depth: over([inner.depth])? });
        }
        if self.peek().is_operator("+") {
            self.advance();
            return self.operand(binding::UNARY - 1);
        }
        self.primary()
    }

    fn infix_power(&self) -> Option<u8> {
        Some(match self.peek() {
            TokenKind::Star => binding::PRODUCT,
            TokenKind::Operator(operator) => match *operator {
                "=" | "<>" | "!=" => binding::EQUAL,
                "<" | "<=" | ">" | ">=" => binding::ORDER,
                "/" | "%" => binding::PRODUCT,
                _ => binding::SUM,
            },
            TokenKind::Keyword(word) => match word.as_str() {
                "or" => binding::OR,
                "and" => binding::AND,
                "is" => binding::EQUAL,
                "in" | "between" | "like" => binding::TEST,
                "not" => match self.peek_at(1) {
                    TokenKind::Keyword(next) if ["in", "between", "like"].contains(&next.as_str()) => {
                        binding::TEST
                    }
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    fn infix(&mut self, left: Term, power: u8) -> Result<Term, SelectError> {
        let operator = self.peek().clone();
        self.advance();
        match &operator {
            TokenKind::Star => self.arithmetic(left, Arithmetic::Multiply, power),
            TokenKind::Operator(operator) => self.binary(left, operator, power),
            TokenKind::Keyword(word) => match word.as_str() {
                "or" => self.chain(left, power, Expr::Or),
                "and" => self.chain(left, power, Expr::And),
                "is" => self.is(left),
                "not" => {
                    let test = self.peek().clone();
                    self.advance();
                    let tested = self.test(left, &test)?;
                    Ok(Term { depth: over([tested.depth])?, expr: Expr::Not(Box::new(tested.expr)) })
                }
                _ => self.test(left, &operator),
            },
            _ => unreachable!("only operators have a binding power"),
        }
    }

    fn binary(&mut self, left: Term, operator: &str, power: u8) -> Result<Term, SelectError> {
        let comparison = match operator {
            "+" => return self.arithmetic(left, Arithmetic::Add, power),
            "-" => return self.arithmetic(left, Arithmetic::Subtract, power),
            "/" => return self.arithmetic(left, Arithmetic::Divide, power),
            "%" => return self.arithmetic(left, Arithmetic::Modulo, power),
            "||" => {
                let (operands, depth) = self.both(left, power)?;
                return Ok(Term { expr: Expr::Concat(operands), depth });
            }
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            _ => Comparison::GreaterOrEqual,
        };
        let (operands, depth) = self.both(left, power)?;
        Ok(Term { expr: Expr::Compare(comparison, operands), depth })
    }

    fn arithmetic(&mut self, left: Term, operation: Arithmetic, power: u8) -> Result<Term, SelectError> {
        let (operands, depth) = self.both(left, power)?;
        Ok(Term { expr: Expr::Arithmetic(operation, operands), depth })
    }

    fn both(&mut self, left: Term, power: u8) -> Result<(Box<[Expr; 2]>, usize), SelectError> {
        let right = self.operand(power)?;
        Ok((Box::new([left.expr, right.expr]), over([left.depth, right.depth])?))
    }

    /// ANDs and ORs in a row are one node, so that thousands of them are no deep tree.
    fn chain(&mut self, left: Term, power: u8, node: fn(Vec<Expr>) -> Expr) -> Result<Term, SelectError> {
        let right = self.operand(power)?;
        let same = std::mem::discriminant(&node(Vec::new()));
        if std::mem::discriminant(&left.expr) == same {
            let (Expr::And(mut parts) | Expr::Or(mut parts)) = left.expr else {
                unreachable!("a chain is one of ANDs or of ORs")
            };
            parts.push(right.expr);
            let depth = left.depth.max(over([right.depth])?);
            return Ok(Term { expr: node(parts), depth });
        }
        let depth = over([left.depth, right.depth])?;
        Ok(Term { expr: node(vec![left.expr, right.expr]), depth })
    }

    /// `IS [NOT] NULL`, `IS [NOT] MISSING`, or another type's name.
    fn is(&mut self, left: Term) -> Result<Term, SelectError> {
        let negated = self.skip_keyword("not");
        let kind = self.type_name()?;
        let (tested, depth) = (Expr::Is(Box::new(left.expr), kind), over([left.depth])?);
        match negated {
            true => Ok(Term { expr: Expr::Not(Box::new(tested)), depth: over([depth])? }),
            false => Ok(Term { expr: tested, depth }),
        }
    }

    pub(super) fn type_name(&mut self) -> Result<Type, SelectError> {
        let named = match self.peek() {
            TokenKind::Keyword(word) => Type::named(word),
            _ => None,
        };
        let Some(named) = named else {
            return Err(self.token().refused(Code::ParseExpectedTypeName, "Expected type name, found"));
        };
        let double = self.peek().is_keyword("double");
        self.advance();
        if double {
            self.skip_keyword("precision");
        }
        Ok(named)
    }

    fn test(&mut self, left: Term, operator: &TokenKind) -> Result<Term, SelectError> {
        if operator.is_keyword("between") {
            let low = self.operand(binding::TEST)?;
            if !self.skip_keyword("and") {
                return Err(Code::ParseExpectedKeyword.into());
            }
            let high = self.operand(binding::TEST)?;
            let depth = over([left.depth, low.depth, high.depth])?;
            return Ok(Term { expr: Expr::Between(Box::new([left.expr, low.expr, high.expr])), depth });
        }
        if operator.is_keyword("in") {
            return self.membership(left);
        }
        let pattern = self.operand(binding::TEST)?;
        let escape = match self.skip_keyword("escape") {
            true => Some(self.operand(binding::TEST)?),
            false => None,
        };
        let depths = [left.depth, pattern.depth, escape.as_ref().map_or(0, |escape| escape.depth)];
        let pattern = like_pattern(pattern.expr, escape.map(|escape| escape.expr))?;
        Ok(Term { expr: Expr::Like(Box::new(left.expr), pattern), depth: over(depths)? })
    }

    fn membership(&mut self, left: Term) -> Result<Term, SelectError> {
        if !matches!(self.peek(), TokenKind::LeftParen) {
            return Err(Code::ParseExpectedLeftParenBuiltinFunctionCall.into());
        }
        self.advance();
        let (list, depth) = self.arguments()?;
        if list.is_empty() {
            return Err(Code::ParseExpectedExpression.into());
        }
        Ok(Term { expr: Expr::In(Box::new(left.expr), list), depth: over([left.depth, depth])? })
    }

    /// Expressions between commas, up to and with the closing parenthesis; and the depth of the deepest.
    pub(super) fn arguments(&mut self) -> Result<(Vec<Expr>, usize), SelectError> {
        let (mut list, mut depth) = (Vec::new(), 0);
        if matches!(self.peek(), TokenKind::RightParen) {
            self.advance();
            return Ok((list, depth));
        }
        loop {
            let term = self.expression()?;
            depth = depth.max(term.depth);
            list.push(term.expr);
            match self.peek() {
                TokenKind::Comma => self.advance(),
                TokenKind::RightParen => {
                    self.advance();
                    return Ok((list, depth));
                }
                TokenKind::End => return Err(Code::ParseExpectedRightParenBuiltinFunctionCall.into()),
                _ => return Err(Code::ParseExpectedArgumentDelimiter.into()),
            }
        }
    }

    fn primary(&mut self) -> Result<Term, SelectError> {
        let called = matches!(self.peek_at(1), TokenKind::LeftParen);
        match self.peek() {
            TokenKind::Literal(value) => {
                let value = value.clone();
                self.advance();
                Ok(Term::leaf(Expr::Literal(value)))
            }
            TokenKind::LeftParen => self.parenthesised(),
            TokenKind::Identifier(_) if called => self.call(),
            TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_) => self.path(),
            TokenKind::Keyword(word) => match word.as_str() {
                "null" | "missing" => {
                    let value = if word == "null" { Value::Null } else { Value::Missing };
                    self.advance();
                    Ok(Term::leaf(Expr::Literal(value)))
                }
                "case" => self.case(),
                "cast" => self.cast(),
                _ if called || super::call::is_function(word) => self.call(),
                _ => Err(self.unexpected_keyword()),
            },
            TokenKind::Operator(_) => {
                Err(self.token().refused(Code::ParseUnexpectedOperator, "Unexpected operator"))
            }
            _ => Err(self.token().refused(Code::ParseUnexpectedTerm, "Unexpected term found")),
        }
    }

    fn parenthesised(&mut self) -> Result<Term, SelectError> {
        self.advance();
        if self.peek().is_keyword("select") {
            return Err(Code::UnsupportedSqlStructure.into());
        }
        let inner = self.expression()?;
        if !matches!(self.peek(), TokenKind::RightParen) {
            return Err(Code::ParseExpectedTokenType.into());
        }
        self.advance();
        // A chain in parentheses stays a node of its own, which changes nothing, and keeps depths true.
        Ok(inner)
    }

    fn path(&mut self) -> Result<Term, SelectError> {
        let at = self.token().at;
        let first: Name = self.peek_name().expect("a path starts with a name");
        self.advance();
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
            if steps.len() > PATH_STEPS_MAX {
                return Err(Code::InvalidKeyPath.into());
            }
        }
        if let TokenKind::Literal(_) = self.peek() {
            return Err(self.token().refused(Code::ParseUnexpectedToken, "Unexpected token found"));
        }
        self.names_row |= self.scope == Scope::SelectList;
        self.paths.push(Path { first, steps, at });
        Ok(Term::leaf(Expr::Path(self.paths.len() - 1)))
    }

    fn case(&mut self) -> Result<Term, SelectError> {
        self.advance();
        let mut depths = Vec::new();
        let mut part = |parser: &mut Parser| {
            let term = parser.expression()?;
            depths.push(term.depth);
            Ok::<Expr, SelectError>(term.expr)
        };
        let operand = if self.peek().is_keyword("when") { None } else { Some(part(self)?) };
        let mut whens = Vec::new();
        while self.skip_keyword("when") {
            let when = part(self)?;
            if !self.skip_keyword("then") {
                return Err(Code::ParseExpectedKeyword.into());
            }
            whens.push((when, part(self)?));
        }
        if whens.is_empty() {
            return Err(Code::ParseExpectedWhenClause.into());
        }
        let otherwise = if self.skip_keyword("else") { Some(part(self)?) } else { None };
        if !self.skip_keyword("end") {
            return Err(Code::ParseExpectedKeyword.into());
        }
        let case = Case { operand, whens, otherwise };
        Ok(Term { expr: Expr::Case(Box::new(case)), depth: over(depths)? })
    }
}

/// Compiled now, if it is known now.
fn like_pattern(pattern: Expr, escape: Option<Expr>) -> Result<LikePattern, SelectError> {
    let text = |expr: &Expr| match expr {
        Expr::Literal(Value::String(text)) => Some(text.to_string()),
        _ => None,
    };
    match (text(&pattern), &escape) {
        (Some(pattern), None) => Ok(LikePattern::Fixed(Like::compile(&pattern, None)?)),
        (Some(pattern), Some(escape)) if text(escape).is_some() => {
            Ok(LikePattern::Fixed(Like::compile(&pattern, text(escape).as_deref())?))
        }
        _ => Ok(LikePattern::Evaluated(Box::new(pattern), escape.map(Box::new))),
    }
}
