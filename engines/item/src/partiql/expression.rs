//! Expressions: operators by their precedence, paths, literals and calls, as PartiQL's reference reader reads them.

use super::error::malformed;
use super::keywords::names_function;
use super::lexer::{Kind, Span};
use super::parser::Parser;
use super::tree::{Node, Step, Term};
use crate::error::ExpressionError;
use crate::value::Value;

/// How tight operators bind.
pub(super) mod precedence {
    pub(in super::super) const TOP: u8 = 0;
    pub(in super::super) const SELECT: u8 = 6;
    pub(super) const OR: u8 = 10;
    pub(super) const AND: u8 = 20;
    pub(super) const NOT: u8 = 30;
    pub(super) const EQUALITY: u8 = 40;
    pub(super) const COMPARISON: u8 = 50;
    pub(super) const ADDITION: u8 = 60;
    pub(super) const MULTIPLICATION: u8 = 70;
}

/// What may stand between two operands.
enum Infix {
    And,
    Or,
    Binary(&'static str),
    Between { negated: bool },
    In { negated: bool },
    Like,
    Is { negated: bool },
}

/// The words that name types behind `IS`.
const TYPES: &[&str] = &[
    "bag",
    "bigint",
    "blob",
    "bool",
    "boolean",
    "clob",
    "decimal",
    "float",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "list",
    "numeric",
    "real",
    "sexp",
    "smallint",
    "string",
    "struct",
    "symbol",
    "timestamp",
    "tuple",
    "varchar",
];

impl Parser<'_> {
    /// An expression of operators that bind tighter than `precedence`.
    pub(super) fn expression(&mut self, precedence: u8) -> Result<Node, ExpressionError> {
        self.deeper(|parser| {
            let mut node = parser.unary()?;
            while let Some((infix, strength, words)) = parser.infix() {
                if strength <= precedence {
                    break;
                }
                for _ in 0..words {
                    parser.next();
                }
                node = parser.infix_behind(node, infix, strength)?;
            }
            Ok(node)
        })
    }

    /// The operator ahead, how tight it binds, and of how many tokens it is.
    fn infix(&self) -> Option<(Infix, u8, usize)> {
        let found = match self.peek() {
            Kind::Operator("=") => (Infix::Binary("="), precedence::EQUALITY, 1),
            Kind::Operator("<>") => (Infix::Binary("<>"), precedence::EQUALITY, 1),
            Kind::Operator(operator @ ("<" | "<=" | ">" | ">=")) => {
                (Infix::Binary(operator), precedence::COMPARISON, 1)
            }
            Kind::Operator(operator @ ("+" | "-" | "||")) => {
                (Infix::Binary(operator), precedence::ADDITION, 1)
            }
            Kind::Operator(operator @ ("/" | "%")) => {
                (Infix::Binary(operator), precedence::MULTIPLICATION, 1)
            }
            Kind::Star => (Infix::Binary("*"), precedence::MULTIPLICATION, 1),
            Kind::Keyword(word) => return self.infix_word(word),
            _ => return None,
        };
        Some(found)
    }

    fn infix_word(&self, word: &str) -> Option<(Infix, u8, usize)> {
        let negated = word == "not";
        let word = match self.peek_second() {
            Kind::Keyword(second) if negated => second.as_str(),
            _ if negated => return None,
            _ => word,
        };
        let words = if negated { 2 } else { 1 };
        let found = match word {
            "and" if !negated => (Infix::And, precedence::AND, 1),
            "or" if !negated => (Infix::Or, precedence::OR, 1),
            "is" if !negated => {
                let negated = self.peek_second().is_word("not");
                (Infix::Is { negated }, precedence::EQUALITY, 1 + usize::from(negated))
            }
            "in" => (Infix::In { negated }, precedence::EQUALITY, words),
            "between" => (Infix::Between { negated }, precedence::COMPARISON, words),
            "like" => (Infix::Like, precedence::COMPARISON, words),
            _ => return None,
        };
        Some(found)
    }

    fn infix_behind(&mut self, left: Node, infix: Infix, strength: u8) -> Result<Node, ExpressionError> {
        let span = left.span;
        let operand = |node: Node| Box::new(node);
        let term = match infix {
            Infix::Is { negated } => {
                Term::Is { operand: operand(left), type_name: self.type_name()?, negated }
            }
            Infix::In { negated } => {
                let list = self.right_of_in(strength)?;
                Term::In { operand: operand(left), list: operand(list), negated }
            }
            Infix::Between { negated } => {
                let low = self.right(strength)?;
                self.expect_word("and")?;
                if self.at_end() {
                    return Err(malformed("Expected expression after AND"));
                }
                let high = self.expression(strength)?;
                Term::Between { operand: operand(left), low: operand(low), high: operand(high), negated }
            }
            Infix::Like => {
                let pattern = self.right(strength)?;
                Term::Like { operand: operand(left), pattern: operand(pattern) }
            }
            Infix::Binary(operator) => {
                let right = self.right(strength)?;
                Term::Binary(operator, operand(left), operand(right))
            }
            Infix::And => left.and(self.right(strength)?),
            Infix::Or => left.or(self.right(strength)?),
        };
        Node::new(term, span)
    }

    fn right(&mut self, strength: u8) -> Result<Node, ExpressionError> {
        if self.at_end() {
            return Err(malformed("Missing right-hand side expression of infix operator"));
        }
        self.expression(strength)
    }

    /// `IN (1, 2)` is a list even of one; `IN [1, 2]` is a list anyway.
    fn right_of_in(&mut self, strength: u8) -> Result<Node, ExpressionError> {
        let span = self.span();
        if self.peek() != &Kind::LeftParen || self.peek_second().is_word("select") {
            return self.right(strength);
        }
        self.next();
        let nodes = self.listed(|parser| parser.expression(precedence::TOP))?;
        self.expect(&Kind::RightParen)?;
        Node::new(Term::List(nodes), span)
    }

    fn type_name(&mut self) -> Result<String, ExpressionError> {
        let name = match self.peek() {
            Kind::Missing => String::from("missing"),
            Kind::Literal(Value::Null) => String::from("null"),
            Kind::Keyword(word) if TYPES.contains(&word.as_str()) => word.clone(),
            _ => return Err(malformed("Expected type name")),
        };
        self.next();
        Ok(name)
    }

    fn unary(&mut self) -> Result<Node, ExpressionError> {
        let span = self.span();
        match self.peek() {
            Kind::Keyword(word) if word == "not" => {
                self.next();
                let node = self.expression(precedence::NOT)?;
                Node::new(Term::Not(Box::new(node)), span)
            }
            Kind::Operator(sign @ ("+" | "-")) => {
                let sign = *sign;
                self.next();
                let node = self.deeper(Parser::unary)?;
                match (&node.term, sign) {
                    (Term::Literal(Value::Number(_)), "+") => Ok(node),
                    (Term::Literal(Value::Number(number)), _) => {
                        Ok(Node::literal(Value::Number(number.negated()), span))
                    }
                    _ => Node::new(Term::Sign(Box::new(node)), span),
                }
            }
            _ => self.path_term(),
        }
    }

    fn path_term(&mut self) -> Result<Node, ExpressionError> {
        let span = self.span();
        let root = self.term()?;
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                Kind::Dot => {
                    self.next();
                    steps.push(self.step_behind_dot(true)?);
                }
                Kind::LeftBracket => {
                    self.next();
                    steps.push(self.step_in_brackets()?);
                }
                _ if steps.is_empty() => return Ok(root),
                _ => return Node::new(Term::Path(Box::new(root), steps), span),
            }
        }
    }

    /// A path of names and indexes alone, as assignments have it on their left.
    pub(super) fn simple_path(&mut self) -> Result<Node, ExpressionError> {
        let span = self.span();
        let root = match self.peek() {
            Kind::Identifier(name) | Kind::Quoted(name) => Node::new(Term::Name(name.clone()), span)?,
            _ => return Err(malformed("Expected identifier for simple path")),
        };
        self.next();
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                Kind::Dot => {
                    self.next();
                    steps.push(self.step_behind_dot(false)?);
                }
                Kind::LeftBracket => {
                    self.next();
                    let step = self.step_in_brackets()?;
                    match &step {
                        Step::Index(node) if matches!(node.term, Term::Literal(_)) => steps.push(step),
                        _ => return Err(malformed("Invalid path component for simple path")),
                    }
                }
                _ if steps.is_empty() => return Ok(root),
                _ => return Node::new(Term::Path(Box::new(root), steps), span),
            }
        }
    }

    fn step_behind_dot(&mut self, wildcards: bool) -> Result<Step, ExpressionError> {
        let step = match self.peek() {
            Kind::Identifier(name) | Kind::Quoted(name) => Step::Name(name.clone()),
            Kind::Star if wildcards => Step::Wildcard,
            Kind::Star => return Err(malformed("Invalid path dot component for simple path")),
            _ => return Err(malformed("Invalid path dot component")),
        };
        self.next();
        Ok(step)
    }

    fn step_in_brackets(&mut self) -> Result<Step, ExpressionError> {
        let step = if self.peek() == &Kind::Star {
            self.next();
            Step::Wildcard
        } else {
            Step::Index(Box::new(self.expression(precedence::TOP)?))
        };
        self.expect(&Kind::RightBracket)?;
        Ok(step)
    }

    fn term(&mut self) -> Result<Node, ExpressionError> {
        let span = self.span();
        match self.peek().clone() {
            Kind::Literal(value) => {
                self.next();
                Ok(Node::literal(value, span))
            }
            Kind::Missing => {
                self.next();
                Node::new(Term::Missing, span)
            }
            Kind::Parameter => {
                self.next();
                Ok(Node::literal(self.parameter()?, span))
            }
            Kind::Identifier(name) | Kind::Quoted(name) => {
                self.next();
                if self.peek() == &Kind::LeftParen {
                    return self.call(name.to_ascii_lowercase(), span);
                }
                Node::new(Term::Name(name), span)
            }
            Kind::Keyword(word) => self.keyword_term(&word, span),
            Kind::LeftParen => self.group(span),
            Kind::LeftBracket => self.collection(&Kind::RightBracket, Term::List, span),
            Kind::LeftBag => self.collection(&Kind::RightBag, Term::Bag, span),
            Kind::LeftCurly => self.structure(span),
            Kind::Operator("@") => Err(malformed("Identifier must follow @-operator")),
            Kind::Operator(_) => Err(malformed("Unexpected operator")),
            _ => Err(malformed("Unexpected term")),
        }
    }

    fn keyword_term(&mut self, word: &str, span: Span) -> Result<Node, ExpressionError> {
        match word {
            "select" => {
                self.next();
                let select = self.select()?;
                Node::new(Term::Select(Box::new(select)), span)
            }
            "set" | "remove" | "from" | "update" | "delete" => Err(malformed("Expected data manipulation")),
            _ if names_function(word) && self.peek_second() == &Kind::LeftParen => {
                self.next();
                self.call(String::from(word), span)
            }
            _ => Err(malformed("Unexpected keyword")),
        }
    }

    fn call(&mut self, name: String, span: Span) -> Result<Node, ExpressionError> {
        self.next();
        match self.peek() {
            Kind::RightParen => {
                self.next();
                Node::new(Term::Call(name, Vec::new()), span)
            }
            Kind::Star if name == "count" => {
                self.next();
                self.expect(&Kind::RightParen)?;
                Node::new(Term::CallOfAll(name), span)
            }
            Kind::Star => Err(malformed(format_args!("{name}(*) is not allowed"))),
            _ => {
                let arguments = self.listed(|parser| parser.expression(precedence::TOP))?;
                self.expect(&Kind::RightParen)?;
                Node::new(Term::Call(name, arguments), span)
            }
        }
    }

    /// One expression in parentheses is itself; several are a list.
    fn group(&mut self, span: Span) -> Result<Node, ExpressionError> {
        self.next();
        let mut nodes = self.listed(|parser| parser.expression(precedence::TOP))?;
        self.expect(&Kind::RightParen)?;
        match nodes.len() {
            1 => Ok(nodes.remove(0)),
            _ => Node::new(Term::List(nodes), span),
        }
    }

    fn collection(
        &mut self,
        end: &Kind,
        term: impl FnOnce(Vec<Node>) -> Term,
        span: Span,
    ) -> Result<Node, ExpressionError> {
        self.next();
        let nodes = if self.peek() == end {
            Vec::new()
        } else {
            self.listed(|parser| parser.expression(precedence::TOP))?
        };
        self.expect(end)?;
        Node::new(term(nodes), span)
    }

    fn structure(&mut self, span: Span) -> Result<Node, ExpressionError> {
        self.next();
        let members = if self.peek() == &Kind::RightCurly {
            Vec::new()
        } else {
            self.listed(|parser| {
                let name = parser.expression(precedence::TOP)?;
                parser.expect(&Kind::Colon)?;
                Ok((name, parser.expression(precedence::TOP)?))
            })?
        };
        self.expect(&Kind::RightCurly)?;
        Node::new(Term::Struct(members), span)
    }
}
