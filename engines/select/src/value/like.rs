//! LIKE: `_` is any character, `%` any sequence of them, and the escape character makes either mean itself.

use crate::error::{Code, SelectError};
use crate::limits::LIKE_PATTERN_BYTES_MAX;

/// A pattern, ready to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Like(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    AnyOne,
    AnySequence,
}

impl Like {
    pub(crate) fn compile(pattern: &str, escape: Option<&str>) -> Result<Like, SelectError> {
        if pattern.len() > LIKE_PATTERN_BYTES_MAX {
            return Err(Code::LikeInvalidInputs.into());
        }
        let escape = escape.map(one_character).transpose()?;
        let mut parts: Vec<Part> = Vec::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                _ if Some(character) == escape => match characters.next() {
                    Some(next) if next == '_' || next == '%' || Some(next) == escape => next,
                    _ => return Err(Code::EvaluatorLikePatternInvalidEscapeSequence.into()),
                },
                '_' => {
                    parts.push(Part::AnyOne);
                    continue;
                }
                '%' => {
                    if parts.last() != Some(&Part::AnySequence) {
                        parts.push(Part::AnySequence);
                    }
                    continue;
                }
                literal => literal,
            };
            match parts.last_mut() {
                Some(Part::Text(text)) => text.push(literal),
                _ => parts.push(Part::Text(String::from(literal))),
            }
        }
        Ok(Like(parts))
    }

    /// Walks both at once. After a `%`, a mismatch lets it take one character more and tries again from there; only
    /// the last `%` ever needs that.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut resume: Option<(usize, usize)> = None;
        loop {
            let rest = &text[at..];
            let step = match self.0.get(part) {
                Some(Part::AnySequence) => {
                    if part + 1 == self.0.len() {
                        return true;
                    }
                    part += 1;
                    resume = Some((part, at));
                    continue;
                }
                Some(Part::Text(literal)) if rest.starts_with(literal.as_str()) => Some(literal.len()),
                Some(Part::AnyOne) => rest.chars().next().map(char::len_utf8),
                Some(Part::Text(_)) => None,
                None if rest.is_empty() => return true,
                None => None,
            };
            if let Some(bytes) = step {
                at += bytes;
                part += 1;
                continue;
            }
            let Some((after, from)) = resume else { return false };
            let Some(character) = text[from..].chars().next() else { return false };
            let from = from + character.len_utf8();
            resume = Some((after, from));
            (part, at) = (after, from);
        }
    }
}

fn one_character(escape: &str) -> Result<char, SelectError> {
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(Code::EvaluatorLikePatternInvalidEscapeSequence.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let rows: &[(&str, Option<&str>, &str, bool)] = &[
            ("abc", None, "abc", true),
            ("abc", None, "abcd", false),
            ("abc", None, "ab", false),
            ("", None, "", true),
            ("", None, "a", false),
            ("%", None, "", true),
            ("%", None, "anything", true),
            ("a%", None, "a", true),
            ("a%", None, "ba", false),
            ("%a", None, "banana", true),
            ("%a", None, "bananas", false),
            ("%an%an%", None, "banana", true),
            ("%an%an%an%", None, "banana", false),
            ("_", None, "é", true),
            ("_", None, "", false),
            ("__", None, "é", false),
            ("b_n_n_", None, "banana", true),
            ("%n_", None, "banana", true),
            ("%_%", None, "x", true),
            ("%_%", None, "", false),
            ("example-folder/%", None, "example-folder/object1", true),
            ("100\\%", Some("\\"), "100%", true),
            ("100\\%", Some("\\"), "1000", false),
            ("a!_b", Some("!"), "a_b", true),
            ("a!_b", Some("!"), "axb", false),
            ("a!!b", Some("!"), "a!b", true),
            ("%%%%", None, "x", true),
            ("%é%", None, "caféine", true),
            ("A%", None, "abc", false),
        ];
        for (pattern, escape, text, expected) in rows {
            let like = Like::compile(pattern, *escape).expect("a valid pattern");
            assert_eq!(like.matches(text), *expected, "{text:?} LIKE {pattern:?} ESCAPE {escape:?}");
        }
    }

    #[test]
    fn an_escape_escapes_something() {
        for (pattern, escape) in [("a\\", "\\"), ("a\\b", "\\"), ("a", "ab"), ("a", "")] {
            let refused = Like::compile(pattern, Some(escape)).expect_err("no valid escape");
            assert_eq!(refused.code(), Code::EvaluatorLikePatternInvalidEscapeSequence);
        }
    }
}
