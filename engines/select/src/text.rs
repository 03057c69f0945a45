//! Runs a query over CSV or JSON, piece by piece as the bytes arrive.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::bind::{self, Columns};
use crate::error::{Code, SelectError};
use crate::evaluate::{Row, rows};
use crate::event::{Events, Run, SelectEvent};
use crate::format::{CsvInput, FileHeaderInfo, Input, JsonType};
use crate::input::{CsvReader, JsonReader, RangeReader, Unpacker};
use crate::limits::RECORD_BYTES_MAX;

struct Scan {
    run: Run,
    object: Arc<dyn RangeReader>,
    bytes: BoxStream<'static, io::Result<Bytes>>,
    /// What has arrived, and is not yet unpacked.
    arrived: Bytes,
    unpacker: Unpacker,
    reader: Reader,
    header: Header,
    /// Records that start behind it are not asked for.
    last: u64,
    events: VecDeque<SelectEvent>,
    ended: bool,
}

enum Reader {
    Csv(CsvReader),
    Json(JsonReader),
}

/// What is to be done with the first record.
enum Header {
    /// It is a row like the others.
    None,
    Skip,
    Read,
    /// The records start elsewhere, so that the header has to be fetched.
    Fetch(CsvInput),
}

/// For a range, those records that start between the two bytes.
pub(crate) fn events(
    mut run: Run,
    input: Input,
    object: Arc<dyn RangeReader>,
    range: Option<(u64, u64)>,
) -> Result<Events, SelectError> {
    let (first, last) = range.unwrap_or((0, u64::MAX));
    let (delimiter, compression) = match &input {
        Input::Csv(csv, compression) => (csv.record_delimiter.len() as u64, *compression),
        Input::Json(_, compression) => (1, *compression),
        Input::Parquet => unreachable!("Parquet is no text"),
    };
    // With a delimiter right before the range, a record starts at its first byte.
    let from = first.saturating_sub(delimiter);
    let partial = first > 0;
    let (reader, header) = match input {
        Input::Csv(csv, _) => {
            let header = header(&mut run, &csv, partial)?;
            (Reader::Csv(CsvReader::starting_at(csv, from, partial)), header)
        }
        Input::Json(kind, _) => {
            run.evaluation.bind(bind::values(run.evaluation.query()));
            (Reader::Json(json_reader(kind, from, partial)), Header::None)
        }
        Input::Parquet => unreachable!("Parquet is no text"),
    };
    let bytes = object.read(from..object.length());
    let scan = Scan {
        run,
        object,
        bytes,
        arrived: Bytes::new(),
        unpacker: Unpacker::new(compression),
        reader,
        header,
        last,
        events: VecDeque::new(),
        ended: false,
    };
    Ok(stream::unfold(Some(scan), |scan| async move {
        let mut scan = scan?;
        match scan.next().await {
            Ok(event) => Some((Ok(event?), Some(scan))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed())
}

fn json_reader(kind: JsonType, from: u64, partial: bool) -> JsonReader {
    if partial { JsonReader::starting_at(kind, from, partial) } else { JsonReader::new(kind) }
}

fn header(run: &mut Run, csv: &CsvInput, partial: bool) -> Result<Header, SelectError> {
    if csv.file_header_info == FileHeaderInfo::Use {
        return Ok(if partial { Header::Fetch(csv.clone()) } else { Header::Read });
    }
    let bindings = bind::columns(run.evaluation.query(), Columns::Numbered)?;
    run.evaluation.bind(bindings);
    let skip = csv.file_header_info == FileHeaderInfo::Ignore && !partial;
    Ok(if skip { Header::Skip } else { Header::None })
}

impl Scan {
    async fn next(&mut self) -> Result<Option<SelectEvent>, SelectError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if let Header::Fetch(csv) = &self.header {
                let reader = CsvReader::new(csv.clone());
                self.fetch_header(reader).await?;
            }
            if self.run.evaluation.is_done() {
                self.end()?;
            } else if let Some(piece) = self.unpacker.next(&mut self.arrived)? {
                self.piece(&piece)?;
                // Others want to be served too.
                tokio::task::yield_now().await;
            } else {
                match self.bytes.next().await {
                    Some(Ok(bytes)) => {
                        self.run.counts.scanned += bytes.len() as u64;
                        self.arrived = bytes;
                    }
                    Some(Err(error)) => return Err(unreadable(&error)),
                    None => {
                        let rest = self.unpacker.finish()?;
                        self.piece(&rest)?;
                        self.records(true)?;
                        self.end()?;
                    }
                }
            }
        }
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), SelectError> {
        self.run.counts.processed += bytes.len() as u64;
        match &mut self.reader {
            Reader::Csv(reader) => reader.push(bytes),
            Reader::Json(reader) => reader.push(bytes),
        }
        self.records(false)?;
        if !self.ended {
            self.events.extend(self.run.due(false));
        }
        Ok(())
    }

    /// The records that are whole. `ended`: what is left is one too.
    fn records(&mut self, ended: bool) -> Result<(), SelectError> {
        let run = &mut self.run;
        let mut past = false;
        match &mut self.reader {
            Reader::Csv(reader) => {
                while let Some((record, at)) = reader.next(ended)? {
                    past = at > self.last;
                    if past || run.evaluation.is_done() {
                        break;
                    }
                    match std::mem::replace(&mut self.header, Header::None) {
                        Header::None => run.evaluation.row(Row::Csv(record))?,
                        Header::Skip => {}
                        Header::Read | Header::Fetch(_) => {
                            let names: Vec<String> = record.fields().map(String::from).collect();
                            name(run, &names)?;
                        }
                    }
                }
            }
            Reader::Json(reader) => {
                let steps = run.evaluation.query().from.steps.clone();
                while let Some((text, at)) = reader.next(ended)? {
                    past = at > self.last;
                    if past || run.evaluation.is_done() {
                        break;
                    }
                    rows(text, &steps, &mut |row| run.evaluation.row(Row::Value(row)))?;
                }
            }
        }
        if past { self.end() } else { Ok(()) }
    }

    /// The header of the object, when the records are taken from its middle.
    async fn fetch_header(&mut self, mut reader: CsvReader) -> Result<(), SelectError> {
        let end = self.object.length().min(RECORD_BYTES_MAX as u64 + 1);
        let mut bytes = self.object.read(0..end);
        self.header = Header::None;
        loop {
            let piece = bytes.next().await;
            let ended = piece.is_none();
            if let Some(piece) = piece {
                let piece = piece.map_err(|error| unreadable(&error))?;
                self.run.counts.scanned += piece.len() as u64;
                reader.push(&piece);
            }
            if let Some((record, _)) = reader.next(ended)? {
                let names: Vec<String> = record.fields().map(String::from).collect();
                return name(&mut self.run, &names);
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn end(&mut self) -> Result<(), SelectError> {
        if !self.ended {
            self.ended = true;
            self.run.evaluation.finish()?;
            self.events.extend(self.run.due(true));
        }
        Ok(())
    }
}

fn name(run: &mut Run, names: &[String]) -> Result<(), SelectError> {
    let bindings = bind::columns(run.evaluation.query(), Columns::Named(names))?;
    run.evaluation.bind(bindings);
    run.evaluation.name_columns(names);
    Ok(())
}

pub(crate) fn unreadable(error: &io::Error) -> SelectError {
    SelectError::new(Code::InternalError).because(error)
}
