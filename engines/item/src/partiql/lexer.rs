//! From text to tokens.
//!
//! Words are what PartiQL's reference reader takes for words; a word of its list of keywords is no name unless it stands
//! in double quotes (`payload."size"`), which surprises everyone once. Strings stand in single quotes, a quote within
//! is doubled.

use super::error::malformed;
use super::keywords::is_keyword;
use crate::error::ExpressionError;
use crate::number::Number;
use crate::value::Value;

/// Where a token stands: line and column count from one, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub line: u32,
    pub column: u32,
    pub length: u32,
}

impl std::fmt::Display for Span {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}:{}", self.line, self.column, self.length)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// In lower case.
    Keyword(String),
    Identifier(String),
    Quoted(String),
    Literal(Value),
    Missing,
    Operator(&'static str),
    Parameter,
    Star,
    Dot,
    Comma,
    Colon,
    Semicolon,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    LeftBag,
    RightBag,
    LeftCurly,
    RightCurly,
    End,
}

impl Kind {
    /// As messages name the kind that was expected.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Keyword(_) => "KEYWORD",
            Kind::Identifier(_) => "IDENTIFIER",
            Kind::Quoted(_) => "QUOTED_IDENTIFIER",
            Kind::Literal(_) => "LITERAL",
            Kind::Missing => "MISSING",
            Kind::Operator(_) => "OPERATOR",
            Kind::Parameter => "QUESTION_MARK",
            Kind::Star => "STAR",
            Kind::Dot => "DOT",
            Kind::Comma => "COMMA",
            Kind::Colon => "COLON",
            Kind::Semicolon => "SEMICOLON",
            Kind::LeftParen => "LEFT_PAREN",
            Kind::RightParen => "RIGHT_PAREN",
            Kind::LeftBracket => "LEFT_BRACKET",
            Kind::RightBracket => "RIGHT_BRACKET",
            Kind::LeftBag => "LEFT_DOUBLE_ANGLE_BRACKET",
            Kind::RightBag => "RIGHT_DOUBLE_ANGLE_BRACKET",
            Kind::LeftCurly => "LEFT_CURLY",
            Kind::RightCurly => "RIGHT_CURLY",
            Kind::End => "EOF",
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Kind::Keyword(found) if found == word)
    }
}

/// Ends with [`Kind::End`].
pub(super) fn tokens(statement: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut lexer = Lexer { rest: statement, line: 1, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let (line, column, before) = (lexer.line, lexer.column, lexer.rest);
        let kind = lexer.token()?;
        let length = before[..before.len() - lexer.rest.len()].chars().count();
        let last = kind == Kind::End;
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        tokens.push(Token { kind, span: Span { line, column, length } });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    rest: &'s str,
    line: u32,
    column: u32,
}

/// Longest first.
const OPERATORS: [&str; 13] = ["<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "/", "%", "@"];

const PUNCTUATION: [(char, Kind); 12] = [
    ('?', Kind::Parameter),
    ('*', Kind::Star),
    ('.', Kind::Dot),
    (',', Kind::Comma),
    (':', Kind::Colon),
    (';', Kind::Semicolon),
    ('(', Kind::LeftParen),
    (')', Kind::RightParen),
    ('[', Kind::LeftBracket),
    (']', Kind::RightBracket),
    ('{', Kind::LeftCurly),
    ('}', Kind::RightCurly),
];

impl<'s> Lexer<'s> {
    /// Goes on by so many bytes, and gives them.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        for character in taken.chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'s str {
        self.take(self.rest.find(|character| !fits(character)).unwrap_or(self.rest.len()))
    }

    /// White space, `-- comments` and `/* comments */`.
    fn skip_blanks(&mut self) -> Result<(), ExpressionError> {
        loop {
            self.take_while(|character| matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}'));
            if self.rest.starts_with("--") {
                self.take_while(|character| character != '\n');
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/").ok_or_else(|| self.invalid(None))?;
                self.take(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Kind, ExpressionError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Kind::End) };
        let second = self.rest[first.len_utf8()..].chars().next();
        match first {
            '\'' => Ok(Kind::Literal(Value::String(self.quoted('\'')?))),
            '"' => Ok(Kind::Quoted(self.quoted('"')?)),
            _ if first.is_ascii_digit() => self.number(),
            '.' if second.is_some_and(|second| second.is_ascii_digit()) => self.number(),
            _ if first.is_ascii_alphabetic() || first == '_' || first == '$' => Ok(self.word()),
            _ => self.punctuation(first),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ExpressionError> {
        let mut text = String::new();
        self.take(1);
        loop {
            text.push_str(self.take_while(|character| character != quote));
            if self.rest.is_empty() {
                return Err(self.invalid(None));
            }
            self.take(1);
            if !self.rest.starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.take(1);
        }
    }

    fn number(&mut self) -> Result<Kind, ExpressionError> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = self.rest;
        let mut length = digits(rest);
        if rest[length..].starts_with('.') {
            length += 1 + digits(&rest[length + 1..]);
        }
        if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let count = digits(unsigned);
            if count == 0 {
                self.take(length + 1);
                return Err(self.invalid(self.rest.chars().next()));
            }
            length += 1 + (exponent.len() - unsigned.len()) + count;
        }
        let text = self.take(length).trim_end_matches('.');
        let number = Number::parse(text).map_err(|error| ExpressionError::new(error.to_string()))?;
        Ok(Kind::Literal(Value::Number(number)))
    }

    fn word(&mut self) -> Kind {
        let word = self.take_while(|character| {
            character.is_ascii_alphanumeric() || character == '_' || character == '$'
        });
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "true" => Kind::Literal(Value::Bool(true)),
            "false" => Kind::Literal(Value::Bool(false)),
            "null" => Kind::Literal(Value::Null),
            "missing" => Kind::Missing,
            _ if is_keyword(&lower) => Kind::Keyword(lower),
            _ => Kind::Identifier(String::from(word)),
        }
    }

    fn punctuation(&mut self, first: char) -> Result<Kind, ExpressionError> {
        for (text, kind) in [("<<", Kind::LeftBag), (">>", Kind::RightBag)] {
            if self.rest.starts_with(text) {
                self.take(text.len());
                return Ok(kind);
            }
        }
        if let Some(operator) = OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) {
            self.take(operator.len());
            return Ok(Kind::Operator(if *operator == "!=" { "<>" } else { operator }));
        }
        match PUNCTUATION.iter().find(|(character, _)| *character == first) {
            Some((_, kind)) => {
                self.take(1);
                Ok(kind.clone())
            }
            None => Err(self.invalid(Some(first))),
        }
    }

    /// The reader's own words for what no token begins with.
    fn invalid(&self, found: Option<char>) -> ExpressionError {
        let found = match found {
            Some(character) => format!("'{character}' [U+{:x}]", u32::from(character)),
            None => String::from("<EOF>"),
        };
        malformed(format!(
            "Lexer Error: at line {}, column {}: invalid character at, {found}",
            self.line, self.column
        ))
    }
}
