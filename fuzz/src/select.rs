//! Target over S3 Select: the statement and the object are both a stranger's.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use fogbank_select::{
    Compression, CsvInput, CsvOutput, FileHeaderInfo, Input, JsonType, Output, Query, Request, select,
};
use futures_util::StreamExt;

/// The first byte chooses how the object is written, the rest of the first line is the statement, and what follows is
/// the object.
pub fn query(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let Ok(sql) = std::str::from_utf8(&rest[..end]) else { return };
    let query = match Query::parse(sql) {
        Ok(query) => query,
        Err(error) => return assert!(!error.message().is_empty(), "a refusal says why"),
    };
    let object = Bytes::copy_from_slice(rest.get(end + 1..).unwrap_or_default());
    let output = match kind & 0x80 {
        0 => Output::Csv(CsvOutput::default()),
        _ => Output::Json { record_delimiter: String::from("\n") },
    };
    let request =
        Request { input: input(*kind), output, scan_range: None, progress: false, now: Timestamp::EPOCH };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(async {
        let Ok(mut events) = select(query, request, Arc::new(object)) else { return };
        while let Some(Ok(_)) = events.next().await {}
    });
}

fn input(kind: u8) -> Input {
    let compression = match kind & 3 {
        1 => Compression::Gzip,
        2 => Compression::Bzip2,
        _ => Compression::None,
    };
    let allow_quoted_record_delimiter = kind & 0x40 != 0;
    let csv = |file_header_info| {
        Input::Csv(
            CsvInput { file_header_info, allow_quoted_record_delimiter, ..CsvInput::default() },
            compression,
        )
    };
    match kind >> 2 & 7 {
        0 => csv(FileHeaderInfo::None),
        1 => csv(FileHeaderInfo::Use),
        2 => Input::Json(JsonType::Lines, compression),
        3 => Input::Parquet,
        _ => Input::Json(JsonType::Document, compression),
    }
}
