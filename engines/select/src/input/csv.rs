//! Records of CSV.
//!
//! The reader is ours, because S3's dialects are wider and its errors narrower than those of the crates: delimiters
//! of several bytes, an escape character of its own, and codes of their own for a stray quote
//! (`CSVUnescapedQuote`) and for a record delimiter between quotes where none is allowed
//! (`CSVEscapingRecordDelimiter`). Not documented, and so guessed: empty lines are passed over, and a carriage
//! return before the line feed that ends a record belongs to the ending.

use super::frames::{Frame, Frames};
use crate::error::{Code, SelectError};
use crate::format::CsvInput;
use crate::limits::COLUMNS_MAX;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The fields of a record, one after the other.
#[derive(Debug, Default)]
pub(crate) struct CsvRecord {
    text: String,
    ends: Vec<usize>,
}

impl CsvRecord {
    pub(crate) fn field(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.text[start..end])
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.field(index).expect("the index is of a field"))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) -> Result<(), SelectError> {
        self.ends.push(self.text.len());
        if self.ends.len() > COLUMNS_MAX { Err(Code::OverMaxColumn.into()) } else { Ok(()) }
    }
}

#[derive(Debug)]
pub(crate) struct CsvReader {
    dialect: CsvInput,
    frames: Frames,
    search: Search,
    /// Whether the first piece is the end of a record that started before.
    partial: bool,
    record: CsvRecord,
}

/// How far the end of the record has been looked for.
#[derive(Debug, Default, Clone, Copy)]
struct Search {
    at: usize,
    quoted: bool,
    within_field: bool,
}

impl CsvReader {
    pub(crate) fn new(dialect: CsvInput) -> CsvReader {
        CsvReader::starting_at(dialect, 0, false)
    }

    /// From somewhere in the object, where a record may be under way.
    pub(crate) fn starting_at(dialect: CsvInput, offset: u64, partial: bool) -> CsvReader {
        let (frames, search) = (Frames::starting_at(offset), Search::default());
        CsvReader { dialect, frames, search, partial, record: CsvRecord::default() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
    }

    /// The next record and where it starts. `ended`: nothing more will be pushed.
    pub(crate) fn next(&mut self, ended: bool) -> Result<Option<(&CsvRecord, u64)>, SelectError> {
        loop {
            let Some(frame) = self.frame(ended) else {
                self.frames.check_pending()?;
                return Ok(None);
            };
            if std::mem::take(&mut self.partial) {
                continue;
            }
            let mut text = self.frames.text(frame)?;
            if frame.offset == 0 {
                text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
            }
            if self.dialect.record_delimiter == "\n" {
                text = text.strip_suffix('\r').unwrap_or(text);
            }
            let comment =
                self.dialect.comments.as_deref().is_some_and(|character| text.starts_with(character));
            if text.is_empty() || comment {
                continue;
            }
            fields(text, &self.dialect, &mut self.record)?;
            return Ok(Some((&self.record, frame.offset)));
        }
    }

    fn frame(&mut self, ended: bool) -> Option<Frame> {
        let pending = self.frames.pending();
        let delimiter = self.dialect.record_delimiter.as_bytes();
        let end = match self.dialect.allow_quoted_record_delimiter {
            true => find_quoted_end(pending, &self.dialect, &mut self.search, ended),
            false => find_end(pending, delimiter, &mut self.search),
        };
        let taken = match end {
            Some(end) => self.frames.take(0, end, delimiter.len()),
            None if ended && !pending.is_empty() => {
                let length = pending.len();
                self.frames.take(0, length, 0)
            }
            None => return None,
        };
        self.search = Search::default();
        Some(taken)
    }
}

fn find_end(pending: &[u8], delimiter: &[u8], search: &mut Search) -> Option<usize> {
    let found = memchr::memmem::find(&pending[search.at..], delimiter).map(|end| search.at + end);
    if found.is_none() {
        search.at = pending.len().saturating_sub(delimiter.len() - 1).max(search.at);
    }
    found
}

/// The end of a record in which quoted fields may hold delimiters. Waits where it depends on bytes to come.
fn find_quoted_end(pending: &[u8], dialect: &CsvInput, search: &mut Search, ended: bool) -> Option<usize> {
    let comment = dialect.comments.as_ref().is_some_and(|comment| pending.starts_with(comment.as_bytes()));
    let quote = match &dialect.quote_character {
        Some(quote) if !comment => quote.as_bytes(),
        _ => return find_end(pending, dialect.record_delimiter.as_bytes(), search),
    };
    let escape = dialect.quote_escape_character.as_bytes();
    let (record, field) = (dialect.record_delimiter.as_bytes(), dialect.field_delimiter.as_bytes());
    let longest = (quote.len() + escape.len()).max(record.len()).max(field.len());
    while search.at < pending.len() {
        let rest = &pending[search.at..];
        if rest.len() < longest && !ended {
            return None;
        }
        if search.quoted {
            let escaped = rest.strip_prefix(escape).filter(|after| after.starts_with(quote));
            if escaped.is_some() {
                search.at += escape.len() + quote.len();
            } else if escape != quote && rest.starts_with(&[escape, escape].concat()) {
                search.at += 2 * escape.len();
            } else if rest.starts_with(quote) {
                search.quoted = false;
                search.at += quote.len();
            } else {
                search.at += 1;
            }
        } else if rest.starts_with(record) {
            return Some(search.at);
        } else if !search.within_field && rest.starts_with(quote) {
            (search.quoted, search.within_field) = (true, true);
            search.at += quote.len();
        } else if rest.starts_with(field) {
            search.within_field = false;
            search.at += field.len();
        } else {
            search.within_field = true;
            search.at += 1;
        }
    }
    None
}

/// Splits a record.
fn fields(text: &str, dialect: &CsvInput, record: &mut CsvRecord) -> Result<(), SelectError> {
    record.clear();
    let delimiter = dialect.field_delimiter.as_str();
    let mut rest = text;
    loop {
        let opened = dialect.quote_character.as_deref().and_then(|quote| rest.strip_prefix(quote));
        rest = match opened {
            Some(within) => quoted(within, dialect, &mut record.text)?,
            None => {
                let end = memchr::memmem::find(rest.as_bytes(), delimiter.as_bytes()).unwrap_or(rest.len());
                record.text.push_str(&rest[..end]);
                &rest[end..]
            }
        };
        record.end_field()?;
        match rest.strip_prefix(delimiter) {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(()),
            // Behind a closing quote there is something else.
            None => return Err(Code::CSVUnescapedQuote.into()),
        }
    }
}

/// Reads up to the closing quote, and gives what follows it.
fn quoted<'t>(text: &'t str, dialect: &CsvInput, out: &mut String) -> Result<&'t str, SelectError> {
    let quote = dialect.quote_character.as_deref().unwrap_or_default();
    let escape = dialect.quote_escape_character.as_str();
    let mut rest = text;
    loop {
        let to_quote = rest.find(quote);
        let to_escape = rest.find(escape).filter(|_| escape != quote);
        match (to_quote, to_escape) {
            (at, Some(escape_at)) if at.is_none_or(|at| escape_at < at) => {
                out.push_str(&rest[..escape_at]);
                rest = &rest[escape_at + escape.len()..];
                // What is escaped is a quote or the escape itself; before anything else it means nothing.
                let meant = [quote, escape].into_iter().find(|meant| rest.starts_with(meant));
                out.push_str(meant.unwrap_or(escape));
                rest = &rest[meant.map_or(0, str::len)..];
            }
            (Some(at), _) => {
                out.push_str(&rest[..at]);
                rest = &rest[at + quote.len()..];
                match rest.strip_prefix(quote).filter(|_| escape == quote) {
                    Some(after) => {
                        out.push_str(quote);
                        rest = after;
                    }
                    None => return Ok(rest),
                }
            }
            // The record ended within quotes.
            (None, _) => {
                return Err(match dialect.allow_quoted_record_delimiter {
                    true => Code::CSVUnescapedQuote.into(),
                    false => Code::CSVEscapingRecordDelimiter.into(),
                });
            }
        }
    }
}
