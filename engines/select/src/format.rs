//! How the object is written, and how the result shall be: `InputSerialization` and `OutputSerialization`.

use crate::error::{Code, SelectError};
use crate::limits::DELIMITER_BYTES_MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Csv(CsvInput, Compression),
    Json(JsonType, Compression),
    /// Compressed within, if at all.
    Parquet,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Bzip2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// Values one after the other, each over any number of lines.
    Document,
    /// One value a line.
    Lines,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvInput {
    pub file_header_info: FileHeaderInfo,
    /// A record that starts with it is passed over.
    pub comments: Option<String>,
    /// `None`: nothing is quoted.
    pub quote_character: Option<String>,
    pub quote_escape_character: String,
    pub record_delimiter: String,
    pub field_delimiter: String,
    pub allow_quoted_record_delimiter: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FileHeaderInfo {
    #[default]
    None,
    Ignore,
    Use,
}

impl Default for CsvInput {
    fn default() -> CsvInput {
        CsvInput {
            file_header_info: FileHeaderInfo::None,
            comments: Some(String::from("#")),
            quote_character: Some(String::from("\"")),
            quote_escape_character: String::from("\""),
            record_delimiter: String::from("\n"),
            field_delimiter: String::from(","),
            allow_quoted_record_delimiter: false,
        }
    }
}

impl CsvInput {
    pub(crate) fn check(&self) -> Result<(), SelectError> {
        let quote = self.quote_character.as_deref();
        delimiters(&self.record_delimiter, &self.field_delimiter, quote)?;
        let characters = [quote, self.comments.as_deref(), Some(self.quote_escape_character.as_str())];
        characters.into_iter().flatten().try_for_each(one_character)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    Csv(CsvOutput),
    Json { record_delimiter: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOutput {
    pub quote_fields: QuoteFields,
    pub quote_character: Option<String>,
    pub quote_escape_character: String,
    pub record_delimiter: String,
    pub field_delimiter: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QuoteFields {
    Always,
    #[default]
    AsNeeded,
}

impl Default for CsvOutput {
    fn default() -> CsvOutput {
        CsvOutput {
            quote_fields: QuoteFields::AsNeeded,
            quote_character: Some(String::from("\"")),
            quote_escape_character: String::from("\""),
            record_delimiter: String::from("\n"),
            field_delimiter: String::from(","),
        }
    }
}

impl Output {
    pub(crate) fn check(&self) -> Result<(), SelectError> {
        match self {
            Output::Csv(csv) => {
                let quote = csv.quote_character.as_deref();
                delimiters(&csv.record_delimiter, &csv.field_delimiter, quote)?;
                quote.into_iter().chain([csv.quote_escape_character.as_str()]).try_for_each(one_character)
            }
            Output::Json { record_delimiter } => delimiter(record_delimiter),
        }
    }
}

fn delimiters(record: &str, field: &str, quote: Option<&str>) -> Result<(), SelectError> {
    delimiter(record)?;
    delimiter(field)?;
    let ambiguous = record == field || quote.is_some_and(|quote| quote == record || quote == field);
    if ambiguous { Err(Code::InvalidRequestParameter.into()) } else { Ok(()) }
}

/// S3 documents one character, and takes the two of CRLF.
fn delimiter(delimiter: &str) -> Result<(), SelectError> {
    let fits = !delimiter.is_empty() && delimiter.len() <= DELIMITER_BYTES_MAX;
    if fits { Ok(()) } else { Err(Code::InvalidRequestParameter.into()) }
}

fn one_character(text: &str) -> Result<(), SelectError> {
    if text.chars().count() == 1 { Ok(()) } else { Err(Code::InvalidRequestParameter.into()) }
}

/// Which bytes of the object to take the records from: those records that start there, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanRange {
    pub start: Option<u64>,
    /// The last byte; without a start, how many bytes at the end of the object.
    pub end: Option<u64>,
}

impl ScanRange {
    /// The first and the last byte, in an object of this length.
    pub(crate) fn within(self, length: u64) -> Result<(u64, u64), SelectError> {
        let last = length.saturating_sub(1);
        let (first, last) = match (self.start, self.end) {
            (Some(start), Some(end)) => (start, end.min(last)),
            (Some(start), None) => (start, last),
            (None, Some(0)) | (None, None) => return Err(Code::InvalidScanRange.into()),
            (None, Some(bytes)) => (length.saturating_sub(bytes), last),
        };
        let inverted = self.start.zip(self.end).is_some_and(|(start, end)| start > end);
        if inverted || first > last { Err(Code::InvalidScanRange.into()) } else { Ok((first, last)) }
    }
}

/// Scan ranges need records whose start can be found from anywhere.
pub(crate) fn check_scan_range(input: &Input) -> Result<(), SelectError> {
    let supported = match input {
        Input::Csv(csv, compression) => {
            *compression == Compression::None && !csv.allow_quoted_record_delimiter
        }
        Input::Json(kind, compression) => *compression == Compression::None && *kind == JsonType::Lines,
        Input::Parquet => true,
    };
    if supported { Ok(()) } else { Err(Code::UnsupportedScanRangeInput.into()) }
}
