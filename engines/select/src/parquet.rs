//! Runs a query over Parquet.
//!
//! The crate reads synchronously, and what it is given may be anything: it runs on a thread for blocking work, a panic
//! of it is an object that cannot be read, and what it would need beyond bounds is refused before. Only the columns
//! that the query names are read.

mod fetch;
mod field;
mod guard;

use std::sync::Arc;

use ::parquet::basic::{Compression, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::reader::FileReader;
use ::parquet::file::serialized_reader::SerializedFileReader;
use ::parquet::schema::types::{Type as SchemaType, TypePtr};
use futures_util::stream::{self, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::bind::{self, Binding, Columns};
use crate::error::{Code, SelectError};
use crate::evaluate::Row;
use crate::event::{Events, Run, SelectEvent};
use crate::input::RangeReader;
use crate::limits::{COLUMNS_MAX, PARQUET_EVENTS_AHEAD, ROW_GROUP_BYTES_MAX};
use crate::sql::Projection;
use crate::value::Value;

use fetch::Fetch;
use field::Reading;

/// For a range, those row groups that start between the two bytes.
pub(crate) fn events(run: Run, object: Arc<dyn RangeReader>, range: Option<(u64, u64)>) -> Events {
    stream::once(async move {
        let (events, receiver) = mpsc::channel(PARQUET_EVENTS_AHEAD);
        let runtime = Handle::current();
        let work = move || Scan { run, events }.all(Fetch::new(object, runtime), range);
        received(receiver, tokio::task::spawn_blocking(work))
    })
    .flatten()
    .boxed()
}

/// What the thread sends, and in the end how it ended. When the stream is dropped, it has nobody to send to, and ends.
fn received(events: Receiver<SelectEvent>, work: JoinHandle<Result<(), SelectError>>) -> Events {
    stream::unfold(Some((events, work)), |state| async move {
        let (mut events, work) = state?;
        if let Some(event) = events.recv().await {
            return Some((Ok(event), Some((events, work))));
        }
        match work.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((Err(error), None)),
            Err(error) => Some((Err(SelectError::new(Code::ParquetParsingError).because(error)), None)),
        }
    })
    .boxed()
}

struct Scan {
    run: Run,
    events: Sender<SelectEvent>,
}

impl Scan {
    fn all(mut self, fetch: Fetch, range: Option<(u64, u64)>) -> Result<(), SelectError> {
        fetch.check_footer()?;
        let reader = SerializedFileReader::new(fetch.clone()).map_err(broken)?;
        let schema = reader.metadata().file_metadata().schema();
        let columns = schema.get_fields();
        if columns.len() > COLUMNS_MAX {
            return Err(Code::OverMaxColumn.into());
        }
        let names: Vec<String> = columns.iter().map(|column| column.name().to_owned()).collect();
        let bindings = bind::columns(self.run.evaluation.query(), Columns::Named(&names))?;
        let read = self.columns_to_read(&bindings, columns)?;
        self.run.evaluation.name_columns(&names);
        self.run.evaluation.bind(bindings);
        let readings: Vec<Reading> = columns.iter().map(|column| Reading::of(column)).collect();
        for index in 0..reader.num_row_groups() {
            let group = reader.metadata().row_group(index);
            if self.run.evaluation.is_done() || !starts_within(group, range) {
                continue;
            }
            check_group(group, &read, columns)?;
            let projection = projection(schema, &read, columns).map_err(broken)?;
            let rows = reader.get_row_group(index).map_err(broken)?;
            let mut row = vec![Value::Missing; columns.len()];
            for fields in rows.get_row_iter(Some(projection)).map_err(broken)? {
                let fields = fields.map_err(|error| fetch.failure().unwrap_or_else(|| broken(error)))?;
                for (column, (_, value)) in read.iter().zip(fields.get_column_iter()) {
                    row[*column] = readings[*column].value(value)?;
                }
                self.run.evaluation.row(Row::Columns(&row))?;
                if self.run.evaluation.is_done() {
                    break;
                }
                self.run.counts.scanned = fetch.fetched();
                self.run.counts.processed = fetch.fetched();
                if !self.send(false) {
                    return Ok(());
                }
            }
        }
        self.run.counts.scanned = fetch.fetched();
        self.run.counts.processed = fetch.fetched();
        self.run.evaluation.finish()?;
        self.send(true);
        Ok(())
    }

    /// The columns that the query names, in their order; at least one, for the rows to be counted.
    fn columns_to_read(&self, bindings: &[Binding], columns: &[TypePtr]) -> Result<Vec<usize>, SelectError> {
        let all = matches!(self.run.evaluation.query().projection, Projection::All);
        let named = |index: &usize| {
            bindings.iter().any(|binding| matches!(binding, Binding::Column(column, _) if column == index))
        };
        let mut read: Vec<usize> = (0..columns.len()).filter(|index| all || named(index)).collect();
        if read.is_empty() {
            let countable = (0..columns.len()).find(|index| field::check(&columns[*index]).is_ok());
            read.push(countable.ok_or(Code::UnsupportedParquetType)?);
        }
        read.iter().try_for_each(|index| field::check(&columns[*index]))?;
        Ok(read)
    }

    /// Whether anybody still listens.
    fn send(&mut self, ended: bool) -> bool {
        self.run.due(ended).into_iter().all(|event| self.events.blocking_send(event).is_ok())
    }
}

fn broken(error: ParquetError) -> SelectError {
    SelectError::new(Code::ParquetParsingError).because(error)
}

fn starts_within(group: &RowGroupMetaData, range: Option<(u64, u64)>) -> bool {
    let Some((first, last)) = range else { return true };
    let start = group.columns().iter().map(|column| {
        let data = column.data_page_offset();
        column.dictionary_page_offset().map_or(data, |dictionary| dictionary.min(data))
    });
    let start = start.min().and_then(|start| u64::try_from(start).ok()).unwrap_or(0);
    (first..=last).contains(&start)
}

fn check_group(group: &RowGroupMetaData, read: &[usize], columns: &[TypePtr]) -> Result<(), SelectError> {
    if u64::try_from(group.total_byte_size()).is_ok_and(|bytes| bytes > ROW_GROUP_BYTES_MAX) {
        return Err(Code::OverMaxParquetBlockSize.into());
    }
    for chunk in group.columns() {
        let root = chunk.column_path().parts().first();
        if !read.iter().any(|index| Some(columns[*index].name()) == root.map(String::as_str)) {
            continue;
        }
        match chunk.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) => {}
            _ => return Err(Code::ParquetUnsupportedCompressionCodec.into()),
        }
        let unpacked = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
        if unpacked > ROW_GROUP_BYTES_MAX {
            return Err(Code::OverMaxParquetBlockSize.into());
        }
        if chunk.column_type() == PhysicalType::INT96 {
            return Err(Code::UnsupportedParquetType.into());
        }
    }
    Ok(())
}

fn projection(schema: &SchemaType, read: &[usize], columns: &[TypePtr]) -> Result<SchemaType, ParquetError> {
    let fields = read.iter().map(|index| Arc::clone(&columns[*index])).collect();
    SchemaType::group_type_builder(schema.name()).with_fields(fields).build()
}
