//! Writes the records of the result.

use crate::error::{Code, SelectError};
use crate::evaluate::Row;
use crate::format::{CsvOutput, Output, QuoteFields};
use crate::limits::RECORD_BYTES_MAX;
use crate::value::{Value, json};

/// Collects records until they are worth sending.
#[derive(Debug)]
pub(crate) struct Writer {
    output: Output,
    /// The names of the columns of a SELECT list.
    keys: Keys,
    bytes: Vec<u8>,
}

/// Names as JSON writes them, with what follows them.
#[derive(Debug, Default)]
struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// A column without a name is named by its position.
    fn of<'n>(names: impl Iterator<Item = Option<&'n str>>) -> Keys {
        let key = |(index, name): (usize, Option<&str>)| {
            let mut key = Vec::new();
            match name {
                Some(name) => json::write_string(&mut key, name),
                None => json::write_string(&mut key, &format!("_{}", index + 1)),
            }
            key.push(b':');
            key
        };
        Keys(names.enumerate().map(key).collect())
    }

    /// Further columns than there are names have positions.
    fn get(&mut self, index: usize) -> &[u8] {
        while self.0.len() <= index {
            self.0.push(format!("\"_{}\":", self.0.len() + 1).into_bytes());
        }
        &self.0[index]
    }
}

impl Writer {
    pub(crate) fn new(output: Output) -> Writer {
        Writer { output, keys: Keys::default(), bytes: Vec::new() }
    }

    pub(crate) fn set_names<'n>(&mut self, names: impl Iterator<Item = Option<&'n str>>) {
        self.keys = Keys::of(names);
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What has been written since it was last taken.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The values of a SELECT list.
    pub(crate) fn values<'v>(
        &mut self,
        values: impl Iterator<Item = Result<Value<'v>, SelectError>>,
    ) -> Result<(), SelectError> {
        let mut record = self.begin();
        for (index, value) in values.enumerate() {
            record.value(index, &value?)?;
        }
        record.end()
    }

    /// A row as it is.
    pub(crate) fn row(&mut self, row: Row<'_>) -> Result<(), SelectError> {
        let mut record = self.begin();
        match row {
            Row::Csv(fields) => {
                for (index, field) in fields.fields().enumerate() {
                    record.string(index, field);
                }
            }
            Row::Columns(columns) => {
                for (index, value) in columns.iter().enumerate() {
                    record.value(index, value)?;
                }
            }
            Row::Value(None) => {}
            Row::Value(Some(text)) => match json::members(text) {
                Some(members) => {
                    for (index, member) in members.enumerate() {
                        let (key, value) = member?;
                        record.member(index, key.as_deref().unwrap_or_default(), value)?;
                    }
                }
                None => record.value(0, &json::read(text)?)?,
            },
        }
        record.end()
    }

    fn begin(&mut self) -> Record<'_> {
        let start = self.bytes.len();
        if matches!(self.output, Output::Json { .. }) {
            self.bytes.push(b'{');
        }
        Record { start, first: true, writer: self }
    }
}

/// A record that is being written.
struct Record<'w> {
    start: usize,
    first: bool,
    writer: &'w mut Writer,
}

impl Record<'_> {
    fn value(&mut self, index: usize, value: &Value<'_>) -> Result<(), SelectError> {
        if matches!(self.writer.output, Output::Csv(_)) {
            // "Amazon S3 Select can only emit nested data using the JSON output format."
            if matches!(value, Value::Nested(_)) {
                return Err(Code::UnrecognizedFormatException.into());
            }
            self.string(index, &value.to_text());
        } else if !matches!(value, Value::Missing) {
            self.separate();
            self.key(index);
            write_json(&mut self.writer.bytes, value);
        }
        Ok(())
    }

    fn string(&mut self, index: usize, text: &str) {
        self.separate();
        match &self.writer.output {
            Output::Csv(csv) => write_field(&mut self.writer.bytes, text, csv),
            Output::Json { .. } => {
                self.key(index);
                json::write_string(&mut self.writer.bytes, text);
            }
        }
    }

    /// A member under the name it has in the object.
    fn member(&mut self, index: usize, key: &str, text: &str) -> Result<(), SelectError> {
        if matches!(self.writer.output, Output::Csv(_)) {
            return self.value(index, &json::read(text)?);
        }
        self.separate();
        json::write_string(&mut self.writer.bytes, key);
        self.writer.bytes.push(b':');
        self.writer.bytes.extend_from_slice(json::compact(text).as_bytes());
        Ok(())
    }

    fn key(&mut self, index: usize) {
        let key = self.writer.keys.get(index);
        self.writer.bytes.extend_from_slice(key);
    }

    fn separate(&mut self) {
        if std::mem::take(&mut self.first) {
            return;
        }
        match &self.writer.output {
            Output::Csv(csv) => self.writer.bytes.extend_from_slice(csv.field_delimiter.as_bytes()),
            Output::Json { .. } => self.writer.bytes.push(b','),
        }
    }

    fn end(self) -> Result<(), SelectError> {
        let bytes = &mut self.writer.bytes;
        match &self.writer.output {
            Output::Csv(csv) => bytes.extend_from_slice(csv.record_delimiter.as_bytes()),
            Output::Json { record_delimiter } => {
                bytes.push(b'}');
                bytes.extend_from_slice(record_delimiter.as_bytes());
            }
        }
        let too_long = bytes.len() - self.start > RECORD_BYTES_MAX;
        if too_long { Err(SelectError::record_too_long()) } else { Ok(()) }
    }
}

fn write_field(out: &mut Vec<u8>, text: &str, csv: &CsvOutput) {
    let Some(quote) = csv.quote_character.as_deref() else {
        out.extend_from_slice(text.as_bytes());
        return;
    };
    let special = || {
        let delimiters = [quote, &csv.field_delimiter, &csv.record_delimiter];
        delimiters.iter().any(|special| text.contains(*special)) || text.contains(['\n', '\r'])
    };
    if csv.quote_fields == QuoteFields::AsNeeded && !special() {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let escape = csv.quote_escape_character.as_str();
    // The escape itself first, so that those before quotes are not escaped again.
    let doubled = if escape == quote { text.to_owned() } else { text.replace(escape, &escape.repeat(2)) };
    let escaped = doubled.replace(quote, &format!("{escape}{quote}"));
    for part in [quote, &escaped, quote] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn write_json(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Missing | Value::Null => out.extend_from_slice(b"null"),
        Value::String(text) => json::write_string(out, text),
        Value::Timestamp(timestamp) => json::write_string(out, &timestamp.to_string()),
        Value::Nested(text) => out.extend_from_slice(json::compact(text).as_bytes()),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) | Value::Float(_) => {
            out.extend_from_slice(value.to_text().as_bytes());
        }
    }
}
