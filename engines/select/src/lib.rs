//! S3 Select: a small SQL over one object of CSV, JSON or Parquet, as a stream.
//!
//! [`Query::parse`] reads a statement, [`select`] runs it over an object and gives the events of the answer. Memory is
//! bounded: by the longest record (1 MiB) and a batch of the result for CSV and JSON, by the pages of the columns that
//! are read for Parquet. The engine knows no AWS API; its errors carry S3's codes, because they are what the language
//! says of itself.
//!
//! A statement goes through `sql` (text to tree), `bind` (names to places), and for each record that `input` finds
//! through `evaluate` to `output`; `evaluation` holds these together, `text` and `parquet` drive them.

mod bind;
mod code;
mod error;
mod evaluate;
mod evaluation;
mod event;
mod format;
mod input;
mod limits;
mod output;
mod parquet;
mod sql;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use code::Code;
pub use error::SelectError;
pub use event::{Counts, Events, Request, SelectEvent, select};
pub use format::{
    Compression, CsvInput, CsvOutput, FileHeaderInfo, Input, JsonType, Output, QuoteFields, ScanRange,
};
pub use input::RangeReader;
pub use limits::*;
pub use sql::Query;
