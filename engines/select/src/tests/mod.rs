//! The language and the formats, as rows of data.

mod csv;
mod errors;
mod expressions;
mod json;
mod limits;
mod packed;
mod parquet;
mod properties;
mod ranges;
mod statements;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::{
    Code, Compression, Counts, CsvInput, CsvOutput, FileHeaderInfo, Input, JsonType, Output, Query,
    QuoteFields, RangeReader, Request, ScanRange, SelectError, SelectEvent, select,
};

/// 2017-10-13T16:02:11.123Z
const NOW: Timestamp = Timestamp::from_millis(1_507_910_531_123);

fn csv_input(file_header_info: FileHeaderInfo) -> Input {
    Input::Csv(CsvInput { file_header_info, ..CsvInput::default() }, Compression::None)
}

fn json_input(kind: JsonType) -> Input {
    Input::Json(kind, Compression::None)
}

fn json_output() -> Output {
    Output::Json { record_delimiter: String::from("\n") }
}

fn csv_output() -> Output {
    Output::Csv(CsvOutput::default())
}

fn request(input: Input, output: Output) -> Request {
    Request { input, output, scan_range: None, progress: false, now: NOW }
}

/// An object that arrives in pieces of a given size.
struct Pieces(Bytes, usize);

impl RangeReader for Pieces {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let part = self.0.slice(range.start as usize..range.end as usize);
        let pieces: Vec<_> = part.chunks(self.1).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        stream::iter(pieces).boxed()
    }
}

fn events(sql: &str, request: Request, object: impl RangeReader) -> Result<Vec<SelectEvent>, SelectError> {
    let query = Query::parse(sql)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(async {
        let mut events = select(query, request, Arc::new(object))?;
        let mut all = Vec::new();
        while let Some(event) = events.next().await {
            all.push(event?);
        }
        Ok(all)
    })
}

/// The records of the answer, which has to be whole.
fn answer(sql: &str, request: Request, object: impl RangeReader) -> Result<String, SelectError> {
    let events = events(sql, request, object)?;
    assert_eq!(events.last(), Some(&SelectEvent::End));
    let records = events.iter().filter_map(|event| match event {
        SelectEvent::Records(bytes) => Some(bytes.as_ref()),
        _ => None,
    });
    Ok(String::from_utf8(records.collect::<Vec<_>>().concat()).expect("records are UTF-8"))
}

fn stats(events: &[SelectEvent]) -> Counts {
    let stats = events.iter().find_map(|event| match event {
        SelectEvent::Stats(counts) => Some(*counts),
        _ => None,
    });
    stats.expect("an answer has stats")
}

/// Either the records, or the code of the refusal. The pieces an object arrives in change nothing.
fn check(sql: &str, request: &Request, object: &[u8], expected: Result<&str, Code>) {
    for piece in [1, 7, usize::MAX >> 1] {
        let object = Pieces(Bytes::copy_from_slice(object), piece.min(object.len().max(1)));
        let result = answer(sql, request.clone(), object);
        match (&result, expected) {
            (Ok(records), Ok(expected)) => assert_eq!(records, expected, "{sql}"),
            (Err(error), Err(code)) => assert_eq!(error.code(), code, "{sql}: {error:?}"),
            _ => panic!("{sql} gave {result:?}, not {expected:?}"),
        }
    }
}

/// The text of a refusal.
fn refusal(sql: &str, request: Request, object: &'static [u8]) -> String {
    let error = answer(sql, request, Bytes::from_static(object)).expect_err("a refusal");
    error.to_string()
}
