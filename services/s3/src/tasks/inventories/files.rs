//! The files of a report: CSV under gzip, or Parquet under Snappy.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use s3_api::InventoryFormat;

use crate::error::Error;
use crate::model::inventory::{Cell, Column, Row, csv_line, schema};

/// Why a file could not be made, which is our mistake.
fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}

/// A file under way, in memory: what it may hold is bounded by its rows.
pub enum File {
    Csv(GzEncoder<Vec<u8>>, Vec<Column>),
    /// The cells of each column so far.
    Parquet(Vec<(Column, Vec<Cell>)>),
}

impl File {
    pub fn new(format: &InventoryFormat, columns: &[Column]) -> File {
        match format {
            InventoryFormat::Parquet => {
                File::Parquet(columns.iter().map(|column| (*column, Vec::new())).collect())
            }
            _ => File::Csv(GzEncoder::new(Vec::new(), Compression::default()), columns.to_vec()),
        }
    }

    pub fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        match self {
            File::Csv(into, columns) => into.write_all(csv_line(columns, row).as_bytes()).map_err(internal),
            File::Parquet(columns) => {
                columns.iter_mut().for_each(|(column, cells)| cells.push(row.cell(column)));
                Ok(())
            }
        }
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        match self {
            File::Csv(into, _) => into.finish().map_err(internal),
            File::Parquet(columns) => parquet(columns).map_err(internal),
        }
    }
}

fn parquet(columns: Vec<(Column, Vec<Cell>)>) -> Result<Vec<u8>, ParquetError> {
    let names: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
    let schema = parse_message_type(&schema(&InventoryFormat::Parquet, &names))?;
    let properties = WriterProperties::builder().set_compression(basic::Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (at, (_, cells)) in columns.into_iter().enumerate() {
        let mut column = group.next_column()?.expect("the schema has as many columns");
        // The first two columns are always there, and say nothing of it.
        let levels: Vec<i16> = cells.iter().map(|cell| i16::from(*cell != Cell::Nothing)).collect();
        let levels = (at >= 2).then_some(levels.as_slice());
        write(column.untyped(), &cells, levels)?;
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn write(column: &mut ColumnWriter<'_>, cells: &[Cell], levels: Option<&[i16]>) -> Result<(), ParquetError> {
    match column {
        ColumnWriter::ByteArrayColumnWriter(to) => {
            let texts: Vec<ByteArray> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                    _ => None,
                })
                .collect();
            to.write_batch(&texts, levels, None)?;
        }
        ColumnWriter::BoolColumnWriter(to) => {
            let flags: Vec<bool> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Flag(flag) => Some(*flag),
                    _ => None,
                })
                .collect();
            to.write_batch(&flags, levels, None)?;
        }
        ColumnWriter::Int64ColumnWriter(to) => {
            let numbers: Vec<i64> = cells
                .iter()
                .filter_map(|cell| match cell {
                    Cell::Number(number) => Some(*number),
                    Cell::Moment(at) => Some(at.as_millis()),
                    _ => None,
                })
                .collect();
            to.write_batch(&numbers, levels, None)?;
        }
        _ => unreachable!("the schema has text, flags and numbers"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::model::inventory::CellKind;

    #[test]
    fn a_parquet_file_reads_back_with_what_is_missing() {
        let column = |parquet, kind| Column { csv: "", parquet, kind };
        let columns = vec![
            (column("bucket", CellKind::Text), vec![Cell::Text("b".to_owned()); 2]),
            (column("key", CellKind::Text), vec![Cell::Text("k".to_owned()), Cell::Text("ä".to_owned())]),
            (column("is_latest", CellKind::Flag), vec![Cell::Flag(true), Cell::Flag(false)]),
            (column("size", CellKind::Number), vec![Cell::Nothing, Cell::Number(7)]),
            (
                column("last", CellKind::Moment),
                vec![Cell::Moment(base::Timestamp::from_secs(2)), Cell::Nothing],
            ),
        ];
        let bytes = parquet(columns).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].get_string(1).unwrap().as_str(), rows[1].get_bool(2).unwrap()), ("ä", false));
        assert!(rows[0].get_long(3).is_err() && rows[1].get_long(3).unwrap() == 7);
        assert_eq!(rows[0].get_timestamp_millis(4).unwrap(), 2000);
    }

    #[test]
    fn a_report_of_nothing_is_a_file_of_nothing() {
        let columns = vec![(Column { csv: "", parquet: "bucket", kind: CellKind::Text }, Vec::new())];
        assert!(parquet(columns).unwrap().starts_with(b"PAR1"));
    }
}
