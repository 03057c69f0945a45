//! Statements: the grammar of DynamoDB's part of PartiQL, and the messages of PartiQL's reference reader.
//!
//! Clauses that PartiQL has and DynamoDB has not (joins, GROUP BY, LIMIT …) are read, so that the refusal names them.

use super::error::malformed;
use super::expression::precedence;
use super::lexer::{Kind, Span, Token, tokens};
use super::limits::STATEMENT_DEPTH_MAX;
use super::tree::{Change, Columns, Node, ReturningTree, SelectTree, SortSpec, Source, StatementTree};
use crate::error::ExpressionError;
use crate::value::Value;

/// Reads one statement; `?` stands for the parameters, in order.
pub(super) fn parse(statement: &str, parameters: &[Value]) -> Result<StatementTree, ExpressionError> {
    let tokens = tokens(statement)?;
    let mut parser = Parser { tokens, place: 0, depth: 0, parameters, taken: 0 };
    let tree = parser.statement()?;
    parser.end_of_statement()?;
    if parser.taken != parameters.len() {
        return Err(parameters_differ());
    }
    Ok(tree)
}

fn parameters_differ() -> ExpressionError {
    ExpressionError::new("Number of parameters in request and statement don't match.")
}

pub(super) struct Parser<'p> {
    /// The last is [`Kind::End`].
    tokens: Vec<Token>,
    place: usize,
    depth: usize,
    parameters: &'p [Value],
    taken: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Kind {
        &self.tokens[self.place].kind
    }

    pub(super) fn peek_second(&self) -> &Kind {
        &self.tokens[(self.place + 1).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.place].span
    }

    pub(super) fn next(&mut self) {
        self.place = (self.place + 1).min(self.tokens.len() - 1);
    }

    pub(super) fn at_end(&self) -> bool {
        matches!(self.peek(), Kind::End | Kind::Semicolon)
    }

    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_word(word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), ExpressionError> {
        if self.takes_word(word) {
            return Ok(());
        }
        Err(malformed(format_args!("Expected {} keyword", word.to_uppercase())))
    }

    pub(super) fn expect(&mut self, kind: &Kind) -> Result<(), ExpressionError> {
        if self.peek() == kind {
            self.next();
            return Ok(());
        }
        Err(malformed(format_args!("Expected {}", kind.name())))
    }

    /// Goes one level deeper: the reader calls itself, and the stack has an end.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        if self.depth == STATEMENT_DEPTH_MAX {
            return Err(malformed(format_args!("Nesting deeper than {STATEMENT_DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// One or more, with commas between.
    pub(super) fn listed<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<Vec<T>, ExpressionError> {
        let mut listed = vec![read(self)?];
        while self.peek() == &Kind::Comma {
            self.next();
            listed.push(read(self)?);
        }
        Ok(listed)
    }

    pub(super) fn parameter(&mut self) -> Result<Value, ExpressionError> {
        let value = self.parameters.get(self.taken).cloned().ok_or_else(parameters_differ)?;
        self.taken += 1;
        Ok(value)
    }

    fn statement(&mut self) -> Result<StatementTree, ExpressionError> {
        let span = self.span();
        let Kind::Keyword(word) = self.peek().clone() else {
            // What is an expression by itself is read first: its own mistakes are reported.
            self.expression(precedence::TOP)?;
            self.end_of_statement()?;
            return Err(malformed("Expected data manipulation"));
        };
        match word.as_str() {
            "select" => {
                self.next();
                Ok(StatementTree::Select(self.select()?))
            }
            "insert" if self.peek_second().is_word("into") => {
                self.next();
                self.next();
                self.insert()
            }
            "update" => {
                self.next();
                self.update()
            }
            "delete" => {
                self.next();
                self.delete()
            }
            "exists" if self.peek_second() == &Kind::LeftParen => {
                self.next();
                self.next();
                let arguments = self.listed(|parser| parser.expression(precedence::TOP))?;
                self.expect(&Kind::RightParen)?;
                Ok(StatementTree::Exists { arguments, span })
            }
            "set" | "remove" | "from" => Err(malformed("Expected data manipulation")),
            _ => {
                self.expression(precedence::TOP)?;
                self.end_of_statement()?;
                Err(malformed("Expected data manipulation"))
            }
        }
    }

    fn end_of_statement(&mut self) -> Result<(), ExpressionError> {
        match self.peek() {
            Kind::End => Ok(()),
            Kind::Semicolon if self.peek_second() == &Kind::End => Ok(()),
            Kind::Semicolon => {
                Err(malformed("Unexpected token after semicolon. (Only one query is allowed.)"))
            }
            _ => Err(malformed("Unexpected token after expression")),
        }
    }

    /// Behind `SELECT`.
    pub(super) fn select(&mut self) -> Result<SelectTree, ExpressionError> {
        let mut foreign = None;
        let span = self.span();
        if self.takes_word("distinct") {
            foreign = Some(("DISTINCT", span));
        } else if !self.takes_word("all") && self.peek().is_word("value") {
            self.next();
            foreign = Some(("VALUE", span));
        }
        let columns = self.columns(&mut foreign)?;
        if !self.takes_word("from") {
            return Err(malformed("Expected FROM after SELECT list"));
        }
        let source = self.source(&mut foreign)?;
        let condition = match self.takes_word("where") {
            true => Some(self.expression(precedence::SELECT)?),
            false => None,
        };
        self.foreign_clause("group", &mut foreign)?;
        self.foreign_clause("having", &mut foreign)?;
        let order = self.order()?;
        self.foreign_clause("limit", &mut foreign)?;
        self.foreign_clause("offset", &mut foreign)?;
        Ok(SelectTree { columns, source, condition, order, foreign })
    }

    fn columns(&mut self, foreign: &mut Option<(&'static str, Span)>) -> Result<Columns, ExpressionError> {
        let mut nodes = Vec::new();
        let mut all = false;
        loop {
            if self.peek() == &Kind::Star {
                self.next();
                all = true;
            } else {
                nodes.push(self.expression(precedence::TOP)?);
                if let Some((_, span)) = self.alias()? {
                    foreign.get_or_insert(("AS", span));
                }
            }
            if self.peek() != &Kind::Comma {
                break;
            }
            self.next();
        }
        match (all, nodes.is_empty()) {
            (true, true) => Ok(Columns::All),
            (true, false) => Err(malformed(
                "Other expressions may not be present in the select list when '*' is used without dot notation.",
            )),
            (false, _) => Ok(Columns::Listed(nodes)),
        }
    }

    /// A table, or a table and its index.
    fn source(&mut self, foreign: &mut Option<(&'static str, Span)>) -> Result<Source, ExpressionError> {
        let node = self.expression(precedence::SELECT)?;
        let alias = self.alias()?;
        for word in ["at", "by"] {
            let span = self.span();
            if self.takes_word(word) {
                self.identifier(word)?;
                foreign.get_or_insert((if word == "at" { "AT" } else { "BY" }, span));
            }
        }
        let span = self.span();
        let joins = ["join", "cross", "inner", "left", "right", "full", "outer"];
        if self.peek() == &Kind::Comma || joins.iter().any(|word| self.peek().is_word(word)) {
            // What follows is not read: the refusal is certain.
            self.place = self.tokens.len() - 1;
            foreign.get_or_insert(("JOIN", span));
        }
        Ok(Source { node, alias })
    }

    fn alias(&mut self) -> Result<Option<(String, Span)>, ExpressionError> {
        let span = self.span();
        if self.takes_word("as") {
            return Ok(Some((self.identifier("as")?, span)));
        }
        match self.peek() {
            Kind::Identifier(name) | Kind::Quoted(name) => {
                let name = name.clone();
                self.next();
                Ok(Some((name, span)))
            }
            _ => Ok(None),
        }
    }

    fn identifier(&mut self, behind: &str) -> Result<String, ExpressionError> {
        match self.peek() {
            Kind::Identifier(name) | Kind::Quoted(name) => {
                let name = name.clone();
                self.next();
                Ok(name)
            }
            _ => Err(malformed(format_args!("Expected identifier for {}-alias", behind.to_uppercase()))),
        }
    }

    /// A clause that DynamoDB has not: it is taken note of, and its expressions are read.
    fn foreign_clause(
        &mut self,
        word: &str,
        foreign: &mut Option<(&'static str, Span)>,
    ) -> Result<(), ExpressionError> {
        let span = self.span();
        if !self.takes_word(word) {
            return Ok(());
        }
        let name = match word {
            "group" => {
                self.takes_word("partial");
                self.expect_word("by")?;
                "GROUP BY"
            }
            "having" => "HAVING",
            "limit" => "LIMIT",
            _ => "OFFSET",
        };
        self.listed(|parser| {
            parser.expression(precedence::SELECT)?;
            parser.alias()
        })?;
        foreign.get_or_insert((name, span));
        Ok(())
    }

    fn order(&mut self) -> Result<Option<(Vec<SortSpec>, Span)>, ExpressionError> {
        let span = self.span();
        if !self.takes_word("order") {
            return Ok(None);
        }
        if !self.takes_word("by") {
            return Err(malformed("Expected BY"));
        }
        let specs = self.listed(|parser| {
            let node = parser.expression(precedence::SELECT)?;
            let descending = parser.takes_word("desc");
            if !descending {
                parser.takes_word("asc");
            }
            Ok(SortSpec { node, descending })
        })?;
        Ok(Some((specs, span)))
    }

    fn insert(&mut self) -> Result<StatementTree, ExpressionError> {
        let target = self.simple_path()?;
        if !self.takes_word("value") {
            // `INSERT INTO table << … >>` and `VALUES (…)`: PartiQL's, for several items at once.
            if self.peek().is_word("values") {
                return Err(malformed("Unexpected keyword"));
            }
            self.expression(precedence::TOP)?;
            return Err(malformed("Expected VALUE keyword"));
        }
        let item = self.expression(precedence::TOP)?;
        let returning = self.returning()?;
        Ok(StatementTree::Insert { target, item, returning })
    }

    fn update(&mut self) -> Result<StatementTree, ExpressionError> {
        let source = Source { node: self.simple_path()?, alias: self.alias()? };
        let mut changes = Vec::new();
        loop {
            if self.takes_word("set") {
                changes.extend(self.listed(Parser::assignment)?);
            } else if self.takes_word("remove") {
                changes.push(Change::Remove(self.simple_path()?));
            } else if changes.is_empty() {
                return Err(malformed("Expected data manipulation"));
            } else {
                break;
            }
        }
        let condition = self.where_clause()?;
        let returning = self.returning()?;
        Ok(StatementTree::Update { source, changes, condition, returning })
    }

    fn assignment(&mut self) -> Result<Change, ExpressionError> {
        let target: Node = self.simple_path()?;
        if self.peek() != &Kind::Operator("=") {
            return Err(malformed("Expected '='"));
        }
        self.next();
        Ok(Change::Set(target, self.expression(precedence::TOP)?))
    }

    fn delete(&mut self) -> Result<StatementTree, ExpressionError> {
        if !self.takes_word("from") {
            return Err(malformed("Expected FROM after DELETE"));
        }
        let source = Source { node: self.simple_path()?, alias: self.alias()? };
        let condition = self.where_clause()?;
        let returning = self.returning()?;
        Ok(StatementTree::Delete { source, condition, returning })
    }

    fn where_clause(&mut self) -> Result<Option<Node>, ExpressionError> {
        match self.takes_word("where") {
            true => Ok(Some(self.expression(precedence::TOP)?)),
            false => Ok(None),
        }
    }

    fn returning(&mut self) -> Result<Option<ReturningTree>, ExpressionError> {
        let span = self.span();
        if !self.takes_word("returning") {
            return Ok(None);
        }
        let whole = [("all", "old", "ALL OLD"), ("all", "new", "ALL NEW")];
        let parts = [("modified", "old", "MODIFIED OLD"), ("modified", "new", "MODIFIED NEW")];
        let found = whole
            .into_iter()
            .chain(parts)
            .find(|(first, second, _)| self.peek().is_word(first) && self.peek_second().is_word(second));
        let Some((_, _, what)) = found else {
            return Err(malformed("Expected ReturningMapping"));
        };
        self.next();
        self.next();
        if self.peek() != &Kind::Star {
            return Err(malformed("Expected STAR"));
        }
        self.next();
        if self.peek() == &Kind::Comma {
            return Err(malformed("Unexpected token after expression"));
        }
        Ok(Some(ReturningTree { what, span }))
    }
}
