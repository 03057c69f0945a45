//! Walks over JSON text without building a tree. serde_json finds where values end and reads the strings; what is
//! looked at here is only the punctuation between them, of text that has been checked as a whole before.
//!
//! Numbers keep their digits this way (`1.10` stays `1.10`), and what a query does not name is never read.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::{Value, parse_number};
use crate::error::{Code, SelectError};

/// Where the value ends that the text starts with. `None` if the text stops within it.
pub(crate) fn end_of_value(text: &[u8]) -> Result<Option<usize>, SelectError> {
    let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => Ok(Some(values.byte_offset())),
        None => Ok(None),
        Some(Err(error)) if error.is_eof() => Ok(None),
        Some(Err(error)) => Err(SelectError::json(error)),
    }
}

/// Whether the text is one value, and nothing else.
pub(crate) fn check(text: &str) -> Result<(), SelectError> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(SelectError::json)
}

/// The value of one JSON text.
pub(crate) fn read(text: &str) -> Result<Value<'_>, SelectError> {
    Ok(match text.as_bytes().first() {
        Some(b'{' | b'[') => Value::Nested(Cow::Borrowed(text)),
        Some(b'"') => Value::String(read_string(text)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => parse_number(text).ok_or(Code::NumberFormatError)?,
    })
}

fn read_string(text: &str) -> Result<Cow<'_, str>, SelectError> {
    let inner = &text[1..text.len() - 1];
    if inner.contains('\\') {
        return serde_json::from_str(text).map(Cow::Owned).map_err(SelectError::json);
    }
    Ok(Cow::Borrowed(inner))
}

/// The members of an object or the elements of a list, in their order.
pub(crate) struct Children<'t> {
    text: &'t str,
    at: usize,
    named: bool,
}

/// Without a key in a list.
pub(crate) type Child<'t> = (Option<Cow<'t, str>>, &'t str);

/// `None` unless the text is an object.
pub(crate) fn members(text: &str) -> Option<Children<'_>> {
    text.starts_with('{').then_some(Children { text, at: 1, named: true })
}

/// `None` unless the text is a list.
pub(crate) fn elements(text: &str) -> Option<Children<'_>> {
    text.starts_with('[').then_some(Children { text, at: 1, named: false })
}

impl<'t> Children<'t> {
    fn skip(&mut self, punctuation: char) {
        let rest = self.text[self.at..].trim_start();
        let rest = rest.strip_prefix(punctuation).map_or(rest, str::trim_start);
        self.at = self.text.len() - rest.len();
    }

    fn value(&mut self) -> Result<&'t str, SelectError> {
        let rest = &self.text[self.at..];
        let end = end_of_value(rest.as_bytes())?.ok_or_else(|| SelectError::json("a value has no end"))?;
        self.at += end;
        Ok(&rest[..end])
    }

    fn child(&mut self) -> Result<Option<Child<'t>>, SelectError> {
        self.skip(',');
        if self.text[self.at..].starts_with(['}', ']']) || self.at == self.text.len() {
            return Ok(None);
        }
        if !self.named {
            return Ok(Some((None, self.value()?)));
        }
        let key = read_string(self.value()?)?;
        self.skip(':');
        Ok(Some((Some(key), self.value()?)))
    }
}

impl<'t> Iterator for Children<'t> {
    type Item = Result<Child<'t>, SelectError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.child().transpose()
    }
}

/// Without the white space between the tokens.
pub(crate) fn compact(text: &str) -> Cow<'_, str> {
    let mut out: Option<String> = None;
    let (mut within, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        let skipped = !within && matches!(character, ' ' | '\t' | '\r' | '\n');
        if skipped && out.is_none() {
            out = Some(String::from(&text[..at]));
        }
        if let Some(out) = out.as_mut().filter(|_| !skipped) {
            out.push(character);
        }
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = within,
            '"' => within = !within,
            _ => {}
        }
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Appends a string as JSON.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string can be written to memory");
}
