//! From text to tokens.

use super::Position;
use super::ion;
use super::keywords::is_reserved;
use crate::error::{Code, SelectError};
use crate::value::{Value, parse_number};

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub at: Position,
}

#[derive(Debug, Clone)]
pub(super) enum TokenKind {
    /// A reserved word, in lower case.
    Keyword(String),
    Identifier(String),
    QuotedIdentifier(String),
    Literal(Value<'static>),
    Operator(&'static str),
    Star,
    Dot,
    Comma,
    Semicolon,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    End,
}

impl TokenKind {
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        matches!(self, TokenKind::Keyword(keyword) if keyword == word)
    }

    pub(super) fn is_operator(&self, operator: &str) -> bool {
        matches!(self, TokenKind::Operator(found) if *found == operator)
    }

    /// What S3 calls such a token.
    pub(super) fn name(&self) -> &'static str {
        match self {
            TokenKind::Keyword(_) => "KEYWORD",
            TokenKind::Identifier(_) => "IDENTIFIER",
            TokenKind::QuotedIdentifier(_) => "QUOTED_IDENTIFIER",
            TokenKind::Literal(_) => "LITERAL",
            TokenKind::Operator(_) => "OPERATOR",
            TokenKind::Star => "STAR",
            TokenKind::Dot => "DOT",
            TokenKind::Comma => "COMMA",
            TokenKind::Semicolon => "SEMICOLON",
            TokenKind::LeftParen => "LEFT_PAREN",
            TokenKind::RightParen => "RIGHT_PAREN",
            TokenKind::LeftBracket => "LEFT_BRACKET",
            TokenKind::RightBracket => "RIGHT_BRACKET",
            TokenKind::End => "EOF",
        }
    }
}

impl Token {
    /// An error that names this token and its place, as S3 words it.
    pub(super) fn refused(&self, code: Code, text: &str) -> SelectError {
        let message = format!("{text} {} at {}.", self.described(), self.at);
        SelectError::saying(code, message)
    }

    fn described(&self) -> String {
        let value = match &self.kind {
            TokenKind::Literal(value) => value.to_text().chars().take(40).collect(),
            _ => String::from("UNKNOWN"),
        };
        format!("{}:{value}", self.kind.name())
    }
}

/// Ends with [`TokenKind::End`].
pub(super) fn tokens(sql: &str) -> Result<Vec<Token>, SelectError> {
    let mut lexer = Lexer { rest: sql, at: Position { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let at = lexer.at;
        let kind = lexer.token()?;
        let last = matches!(kind, TokenKind::End);
        tokens.push(Token { kind, at });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    rest: &'s str,
    at: Position,
}

impl<'s> Lexer<'s> {
    /// Goes on by so many bytes, and gives them.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        for character in taken.chars() {
            if character == '\n' {
                self.at = Position { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'s str {
        self.take(self.rest.find(|character| !fits(character)).unwrap_or(self.rest.len()))
    }

    /// White space, `-- comments` and `/* comments */`.
    fn skip_blanks(&mut self) -> Result<(), SelectError> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("--") {
                self.take_while(|character| character != '\n');
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or(Code::LexerInvalidChar)?;
                self.take(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind, SelectError> {
        let Some(first) = self.rest.chars().next() else { return Ok(TokenKind::End) };
        let second = self.rest[first.len_utf8()..].chars().next();
        match first {
            '\'' => Ok(TokenKind::Literal(Value::string(self.quoted('\'')?))),
            '"' => Ok(TokenKind::QuotedIdentifier(self.quoted('"')?)),
            '`' => {
                let text = self.quoted('`')?;
                Ok(TokenKind::Literal(ion::literal(&text)?))
            }
            _ if first.is_ascii_digit() => self.number(),
            '.' if second.is_some_and(|second| second.is_ascii_digit()) => self.number(),
            _ if first.is_ascii_alphabetic() || first == '_' || first == '$' => Ok(self.word()),
            _ => self.punctuation(first),
        }
    }

    /// What stands between two quotes; a quote within is doubled.
    fn quoted(&mut self, quote: char) -> Result<String, SelectError> {
        let mut text = String::new();
        self.take(1);
        loop {
            text.push_str(self.take_while(|character| character != quote));
            if self.rest.is_empty() {
                return Err(Code::LexerInvalidLiteral.into());
            }
            self.take(1);
            if !self.rest.starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.take(1);
        }
    }

    fn number(&mut self) -> Result<TokenKind, SelectError> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = self.rest;
        let mut length = digits(rest);
        if rest[length..].starts_with('.') {
            length += 1 + digits(&rest[length + 1..]);
        }
        if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let count = digits(unsigned);
            if count > 0 {
                length += 1 + (exponent.len() - unsigned.len()) + count;
            }
        }
        parse_number(self.take(length)).map(TokenKind::Literal).ok_or_else(|| Code::NumberFormatError.into())
    }

    fn word(&mut self) -> TokenKind {
        let word = self.take_while(|character| {
            character.is_ascii_alphanumeric() || character == '_' || character == '$'
        });
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "true" => TokenKind::Literal(Value::Bool(true)),
            "false" => TokenKind::Literal(Value::Bool(false)),
            _ if is_reserved(&lower) => TokenKind::Keyword(lower),
            _ => TokenKind::Identifier(String::from(word)),
        }
    }

    fn punctuation(&mut self, first: char) -> Result<TokenKind, SelectError> {
        const OPERATORS: [&str; 12] = ["<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "/", "%"];
        if let Some(operator) = OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) {
            self.take(operator.len());
            return Ok(TokenKind::Operator(operator));
        }
        let kind = match first {
            '*' => TokenKind::Star,
            '.' => TokenKind::Dot,
            ',' => TokenKind::Comma,
            ';' => TokenKind::Semicolon,
            '(' => TokenKind::LeftParen,
            ')' => TokenKind::RightParen,
            '[' => TokenKind::LeftBracket,
            ']' => TokenKind::RightBracket,
            '!' | '|' | '&' | '^' | '~' => return Err(Code::LexerInvalidOperator.into()),
            _ => return Err(Code::LexerInvalidChar.into()),
        };
        self.take(1);
        Ok(kind)
    }
}
