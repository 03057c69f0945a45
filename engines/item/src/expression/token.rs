//! Tokens of all expression languages, and how a syntax error shows the place.

use super::Kind;
use super::words::Keyword;
use crate::error::ExpressionError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    /// Where it starts, in bytes.
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name as it stands.
    Word,
    Keyword(Keyword),
    /// `#name`
    Name,
    /// `:value`
    Value,
    /// An index.
    Number,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Dot,
    Plus,
    Minus,
    /// What is none of these.
    Unknown,
    End,
}

/// All tokens, with one for the end.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            at += 1;
            continue;
        }
        let (kind, length) = token(first, &text[at..]);
        tokens.push(Token { kind, text: &text[at..at + length], at });
        at += length;
    }
    tokens.push(Token { kind: TokenKind::End, text: "<EOF>", at: text.len() });
    tokens
}

/// The kind of the first token and its length in bytes.
fn token(first: char, text: &str) -> (TokenKind, usize) {
    let second = text.as_bytes().get(1).copied();
    let one = |kind| (kind, 1);
    match first {
        'a'..='z' | 'A'..='Z' => {
            let length = word_length(text);
            let keyword = Keyword::of(&text[..length]);
            (keyword.map_or(TokenKind::Word, TokenKind::Keyword), length)
        }
        '#' | ':' => match (1 + word_length(&text[1..]), first) {
            (1, _) => one(TokenKind::Unknown),
            (length, '#') => (TokenKind::Name, length),
            (length, _) => (TokenKind::Value, length),
        },
        // Indexes have no leading zeros.
        '0' => one(TokenKind::Number),
        '1'..='9' => {
            (TokenKind::Number, text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
        }
        '<' if second == Some(b'>') => (TokenKind::NotEqual, 2),
        '<' if second == Some(b'=') => (TokenKind::LessOrEqual, 2),
        '>' if second == Some(b'=') => (TokenKind::GreaterOrEqual, 2),
        '<' => one(TokenKind::Less),
        '>' => one(TokenKind::Greater),
        '=' => one(TokenKind::Equal),
        '(' => one(TokenKind::LeftParen),
        ')' => one(TokenKind::RightParen),
        '[' => one(TokenKind::LeftBracket),
        ']' => one(TokenKind::RightBracket),
        ',' => one(TokenKind::Comma),
        '.' => one(TokenKind::Dot),
        '+' => one(TokenKind::Plus),
        '-' => one(TokenKind::Minus),
        other => (TokenKind::Unknown, other.len_utf8()),
    }
}

fn word_length(text: &str) -> usize {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len())
}

/// The token where reading stopped, and the text from the one before it to the one behind.
pub(super) fn syntax_error(kind: Kind, text: &str, tokens: &[Token<'_>], index: usize) -> ExpressionError {
    let token = &tokens[index];
    let from = if index == 0 { 0 } else { tokens[index - 1].at };
    let to = match tokens.get(index + 1) {
        Some(next) if next.kind != TokenKind::End => next.at + next.text.len(),
        _ => text.len(),
    };
    kind.invalid(format!("Syntax error; token: \"{}\", near: \"{}\"", token.text, &text[from..to]))
}
