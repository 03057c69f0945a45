//! Patterns with `*` (any text) and `?` (any one character), compiled once and matched often.
//!
//! Matching is linear in the text for each piece of the pattern between two stars, never exponential: pieces are
//! found from left to right, and taking the first place that fits is always right when every star takes any text.

use super::template::Token;

/// A compiled pattern. The first three cover nearly all patterns that people write.
#[derive(Debug, PartialEq)]
pub(super) enum Glob {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    /// Question marks, and no star.
    Shape(Piece),
    Wild(Box<Wild>),
}

/// `head*middle*middle*tail`; head and tail may be empty.
#[derive(Debug, PartialEq)]
pub(super) struct Wild {
    head: Piece,
    middle: Box<[Piece]>,
    tail: Piece,
}

#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Literal(Box<str>),
    Mixed(Box<[Atom]>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Atom {
    Char(char),
    AnyChar,
}

impl Glob {
    /// Every variable must have been replaced.
    pub(super) fn new(tokens: &[Token]) -> Glob {
        let mut pieces: Vec<Piece> =
            tokens.split(|token| matches!(token, Token::Star)).map(Piece::new).collect();
        let stars = pieces.len() - 1;
        let last = pieces.pop().expect("splitting yields at least one piece");
        if stars == 0 {
            return match last {
                Piece::Literal(text) => Glob::Exact(text),
                mixed => Glob::Shape(mixed),
            };
        }
        let head = pieces.remove(0);
        // Several stars in a row are one.
        pieces.retain(|piece| !piece.is_empty());
        match (&head, pieces.is_empty() && last.is_empty()) {
            (head, true) if head.is_empty() => Glob::Any,
            (Piece::Literal(_), true) => {
                let Piece::Literal(text) = head else { unreachable!("matched above") };
                Glob::Prefix(text)
            }
            _ => Glob::Wild(Box::new(Wild { head, middle: pieces.into(), tail: last })),
        }
    }

    /// What every text that matches starts with.
    pub(super) fn fixed_start(&self) -> &str {
        match self {
            Glob::Exact(text) | Glob::Prefix(text) => text,
            Glob::Wild(wild) => match &wild.head {
                Piece::Literal(text) => text,
                Piece::Mixed(_) => "",
            },
            Glob::Any | Glob::Shape(_) => "",
        }
    }

    /// What every text that matches ends with.
    pub(super) fn fixed_end(&self) -> &str {
        match self {
            Glob::Exact(text) => text,
            Glob::Wild(wild) => match &wild.tail {
                Piece::Literal(text) => text,
                Piece::Mixed(_) => "",
            },
            Glob::Any | Glob::Prefix(_) | Glob::Shape(_) => "",
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(exact) => **exact == *text,
            Glob::Prefix(prefix) => text.as_bytes().starts_with(prefix.as_bytes()),
            Glob::Shape(piece) => piece.at_start(text) == Some(text.len()),
            Glob::Wild(wild) => wild.matches(text),
        }
    }
}

impl Wild {
    fn matches(&self, text: &str) -> bool {
        let Some(start) = self.head.at_start(text) else { return false };
        let Some(end) = self.tail.at_end(&text[start..]) else { return false };
        let mut rest = &text[start..start + end];
        for piece in &self.middle {
            let Some(after) = piece.find_end(rest) else { return false };
            rest = &rest[after..];
        }
        true
    }
}

impl Piece {
    fn new(tokens: &[Token]) -> Piece {
        if tokens.iter().all(|token| matches!(token, Token::Text(_))) {
            return Piece::Literal(tokens.iter().map(Token::text).collect::<String>().into());
        }
        let mut atoms = Vec::new();
        for token in tokens {
            match token {
                Token::Text(text) => atoms.extend(text.chars().map(Atom::Char)),
                Token::Question => atoms.push(Atom::AnyChar),
                Token::Star | Token::Variable { .. } => unreachable!("split and replaced before"),
            }
        }
        Piece::Mixed(atoms.into())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Piece::Literal(text) if text.is_empty())
    }

    /// Where the piece ends if the text starts with it.
    fn at_start(&self, text: &str) -> Option<usize> {
        match self {
            Piece::Literal(literal) => text.starts_with(&**literal).then_some(literal.len()),
            Piece::Mixed(atoms) => {
                let mut characters = text.chars();
                for atom in atoms {
                    if !atom.is(characters.next()?) {
                        return None;
                    }
                }
                Some(text.len() - characters.as_str().len())
            }
        }
    }

    /// Where the piece starts if the text ends with it.
    fn at_end(&self, text: &str) -> Option<usize> {
        match self {
            Piece::Literal(literal) => text.ends_with(&**literal).then(|| text.len() - literal.len()),
            Piece::Mixed(atoms) => {
                let mut characters = text.chars();
                for atom in atoms.iter().rev() {
                    if !atom.is(characters.next_back()?) {
                        return None;
                    }
                }
                Some(characters.as_str().len())
            }
        }
    }

    /// Where the piece ends at its first place in the text.
    fn find_end(&self, text: &str) -> Option<usize> {
        match self {
            Piece::Literal(literal) => text.find(&**literal).map(|at| at + literal.len()),
            Piece::Mixed(_) => {
                text.char_indices().find_map(|(at, _)| self.at_start(&text[at..]).map(|length| at + length))
            }
        }
    }
}

impl Atom {
    fn is(self, character: char) -> bool {
        match self {
            Atom::Char(own) => own == character,
            Atom::AnyChar => true,
        }
    }
}
