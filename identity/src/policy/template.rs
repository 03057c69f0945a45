//! Text with wildcards and policy variables, cut into tokens.
//!
//! `${aws:username}` stands for the value of a condition key, `${aws:username, 'nobody'}` has a default, and
//! `${*}`, `${?}` and `${$}` stand for the characters themselves. Variables exist since version 2012-10-17; in an
//! older policy they are plain text. The value of a variable is never a pattern: a star in it is a star.
//! Reference: "IAM policy elements: Variables and tags".

use std::borrow::Cow;

use super::glob::Glob;
use super::request::{Keys, Values};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Text(String),
    Star,
    Question,
    /// The key is in lower case; `written` is as in the policy.
    Variable {
        key: Box<str>,
        written: Box<str>,
        default: Option<Box<str>>,
    },
}

impl Token {
    pub(super) fn text(&self) -> &str {
        match self {
            Token::Text(text) => text,
            _ => "",
        }
    }
}

/// What a piece of policy text may hold besides text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub variables: bool,
    pub wildcards: bool,
}

/// Cuts a text into tokens. Neighbouring texts are one token.
pub(super) fn tokens(text: &str, dialect: Dialect) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '*' if dialect.wildcards => (Token::Star, 1),
            '?' if dialect.wildcards => (Token::Question, 1),
            '$' if dialect.variables => variable(rest).unwrap_or_else(|| (Token::Text(String::from("$")), 1)),
            _ => {
                let length = rest
                    .find(|c| {
                        (dialect.wildcards && matches!(c, '*' | '?')) || (dialect.variables && c == '$')
                    })
                    .unwrap_or(rest.len());
                (Token::Text(rest[..length].to_owned()), length)
            }
        };
        push(&mut tokens, token);
        rest = &rest[length..];
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, token: Token) {
    match (tokens.last_mut(), token) {
        (Some(Token::Text(before)), Token::Text(more)) => before.push_str(&more),
        (_, token) => tokens.push(token),
    }
}

/// The variable that `text` starts with, and how long it is written.
fn variable(text: &str) -> Option<(Token, usize)> {
    let inside = text.strip_prefix("${")?;
    let (inside, length) = match inside.split_once('}')? {
        // The default may hold a brace.
        (short, _) if short.matches('\'').count() == 1 => {
            let end = inside.find("'}")?;
            (&inside[..=end], end + 4)
        }
        (short, _) => (short, short.len() + 3),
    };
    if matches!(inside, "*" | "?" | "$") {
        return Some((Token::Text(inside.to_owned()), length));
    }
    let (name, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((name, default)) => {
            let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (name, Some(default.into()))
        }
    };
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let key = name.to_ascii_lowercase().into();
    Some((Token::Variable { key, written: name.into(), default }, length))
}

/// Replaces the variables. Nothing if one has no value, or several: then the pattern matches nothing.
pub(super) fn resolve(tokens: &[Token], keys: &dyn Keys) -> Option<Vec<Token>> {
    let mut resolved = Vec::with_capacity(tokens.len());
    for token in tokens {
        let token = match token {
            Token::Variable { key, default, .. } => {
                Token::Text(value(key, default.as_deref(), keys)?.into_owned())
            }
            other => other.clone(),
        };
        push(&mut resolved, token);
    }
    Some(resolved)
}

/// Matches a text as far as the pattern has no wildcards, which needs no memory. `None` where that does not settle
/// it.
pub(super) fn settle(tokens: &[Token], text: &str, keys: &dyn Keys) -> Option<bool> {
    let mut rest = text;
    for (index, token) in tokens.iter().enumerate() {
        let after = match token {
            Token::Text(own) => rest.strip_prefix(own.as_str()),
            Token::Star if index + 1 == tokens.len() => return Some(true),
            Token::Star | Token::Question => return None,
            Token::Variable { key, default, .. } => {
                value(key, default.as_deref(), keys).and_then(|value| rest.strip_prefix(&*value))
            }
        };
        match after {
            Some(after) => rest = after,
            None => return Some(false),
        }
    }
    Some(rest.is_empty())
}

/// The one value of a key.
fn value<'a>(key: &str, default: Option<&'a str>, keys: &'a dyn Keys) -> Option<Cow<'a, str>> {
    match keys.get(key) {
        Some(Values::One(value)) => Some(value),
        Some(Values::Many(_)) => None,
        None => default.map(Cow::Borrowed),
    }
}

pub(super) fn has_variables(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| matches!(token, Token::Variable { .. }))
}

/// The names of the variables, as they are written.
pub(super) fn variables(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.iter().filter_map(|token| match token {
        Token::Variable { written, .. } => Some(&**written),
        _ => None,
    })
}

/// A pattern for a text without parts: compiled, or waiting for the values of its variables.
#[derive(Debug)]
pub(super) enum Pattern {
    Fixed(Glob),
    Dynamic(Box<[Token]>),
}

impl Pattern {
    pub(super) fn new(text: &str, dialect: Dialect) -> Pattern {
        let tokens = tokens(text, dialect);
        if has_variables(&tokens) {
            Pattern::Dynamic(tokens.into())
        } else {
            Pattern::Fixed(Glob::new(&tokens))
        }
    }

    pub(super) fn matches(&self, text: &str, keys: &dyn Keys) -> bool {
        match self {
            Pattern::Fixed(glob) => glob.matches(text),
            Pattern::Dynamic(tokens) => {
                let with_wildcards =
                    || resolve(tokens, keys).is_some_and(|tokens| Glob::new(&tokens).matches(text));
                settle(tokens, text, keys).unwrap_or_else(with_wildcards)
            }
        }
    }

    /// For patterns without wildcards: the text itself.
    pub(super) fn plain(&self, keys: &dyn Keys) -> Option<Cow<'_, str>> {
        match self {
            Pattern::Fixed(Glob::Exact(text)) => Some(Cow::Borrowed(text)),
            Pattern::Fixed(_) => None,
            Pattern::Dynamic(tokens) => {
                let tokens = resolve(tokens, keys)?;
                Some(Cow::Owned(tokens.iter().map(Token::text).collect()))
            }
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        match self {
            Pattern::Fixed(_) => variables(&[]),
            Pattern::Dynamic(tokens) => variables(tokens),
        }
    }
}
