//! Files of flow log records: plain lines under gzip, or Parquet with its own compression ("Flow log files", and the
//! types of "Available fields" in the VPC guide).
//!
//! Surprising: names of Parquet's columns have underscores where fields have hyphens, and a number that does not apply
//! to a record is absent there, while a text is `-`.

use std::io::{self, Write};
use std::sync::Arc;

use ec2_api::{DestinationFileFormat, FlowLog};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::basic::{self, GzipLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::flow_records::{fields, header};

pub fn is_parquet(log: &FlowLog) -> bool {
    let options = log.destination_options.as_ref();
    options.is_some_and(|options| options.file_format == Some(DestinationFileFormat::Parquet))
}

/// What the names of files end with.
pub fn extension(log: &FlowLog) -> &'static str {
    if is_parquet(log) { "log.parquet" } else { "log.gz" }
}

/// A file of these lines, each with a word for each field of the log's format.
///
/// # Errors
/// Our own mistakes only: it is written to memory.
pub fn file(log: &FlowLog, lines: &str) -> io::Result<Vec<u8>> {
    let format = log.log_format.as_deref().unwrap_or_default();
    if is_parquet(log) {
        return parquet(format, lines).map_err(io::Error::other);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(header(format).as_bytes())?;
    packed.write_all(lines.as_bytes())?;
    packed.finish()
}

/// How Parquet keeps a field.
fn type_of(field: &str) -> &'static str {
    match field {
        "version" | "srcport" | "dstport" | "protocol" | "tcp-flags" | "traffic-path" => "INT32",
        "packets"
        | "bytes"
        | "start"
        | "end"
        | "packets-lost-no-route"
        | "packets-lost-blackhole"
        | "packets-lost-mtu-exceeded"
        | "packets-lost-ttl-expired" => "INT64",
        _ => "BYTE_ARRAY",
    }
}

fn parquet(format: &str, lines: &str) -> Result<Vec<u8>, ParquetError> {
    let column = |field: &str| {
        let kind = type_of(field);
        let as_text = if kind == "BYTE_ARRAY" { " (UTF8)" } else { "" };
        format!("OPTIONAL {kind} {}{as_text};", field.replace('-', "_"))
    };
    let columns: String = fields(format).map(column).collect();
    let schema = parse_message_type(&format!("message flows {{ {columns} }}"))?;
    let compression = basic::Compression::GZIP(GzipLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let rows: Vec<Vec<&str>> = lines.lines().map(|line| line.split(' ').collect()).collect();
    let mut group = writer.next_row_group()?;
    for at in 0..fields(format).count() {
        let mut column = group.next_column()?.expect("the schema has as many columns");
        let words: Vec<&str> = rows.iter().map(|row| row.get(at).copied().unwrap_or("-")).collect();
        write(column.untyped(), &words)?;
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn write(column: &mut ColumnWriter<'_>, words: &[&str]) -> Result<(), ParquetError> {
    let levels: Vec<i16> = words.iter().map(|word| i16::from(*word != "-")).collect();
    let there = words.iter().filter(|word| **word != "-");
    let number = |word: &&str| {
        word.parse::<i64>().map_err(|_| ParquetError::General(format!("'{word}' is not a number")))
    };
    match column {
        ColumnWriter::Int32ColumnWriter(to) => {
            let narrow = |word: &&str| {
                let wide = number(word)?;
                i32::try_from(wide).map_err(|_| ParquetError::General(format!("{wide} is too large")))
            };
            let numbers = there.map(narrow).collect::<Result<Vec<i32>, _>>()?;
            to.write_batch(&numbers, Some(&levels), None)?;
        }
        ColumnWriter::Int64ColumnWriter(to) => {
            let numbers = there.map(number).collect::<Result<Vec<i64>, _>>()?;
            to.write_batch(&numbers, Some(&levels), None)?;
        }
        ColumnWriter::ByteArrayColumnWriter(to) => {
            let texts: Vec<ByteArray> = words.iter().map(|word| ByteArray::from(*word)).collect();
            to.write_batch(&texts, Some(&vec![1; texts.len()]), None)?;
        }
        _ => unreachable!("the schema has text and numbers"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ec2_api::DestinationOptionsResponse;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    fn log(format: &str, file_format: Option<DestinationFileFormat>) -> FlowLog {
        FlowLog {
            log_format: Some(format.to_owned()),
            destination_options: Some(DestinationOptionsResponse { file_format, ..Default::default() }),
            ..FlowLog::default()
        }
    }

    #[test]
    fn a_parquet_file_has_the_guides_types_and_no_number_where_none_applies() {
        let format = "${version} ${account-id} ${srcport} ${bytes} ${traffic-path} ${log-status} ${action}";
        let log = log(format, Some(DestinationFileFormat::Parquet));
        let file =
            file(&log, "5 000000000001 443 5000000000 1 OK ACCEPT\n5 000000000001 - - - NODATA -\n").unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
        assert_eq!(
            names,
            ["version", "account_id", "srcport", "bytes", "traffic_path", "log_status", "action"]
        );
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].get_int(0).unwrap(), rows[0].get_int(2).unwrap()), (5, 443));
        assert_eq!(rows[0].get_string(1).unwrap(), "000000000001");
        assert_eq!(rows[0].get_long(3).unwrap(), 5_000_000_000);
        assert_eq!(
            (rows[1].get_string(5).unwrap().as_str(), rows[1].get_string(6).unwrap().as_str()),
            ("NODATA", "-")
        );
        assert!(rows[1].get_int(2).is_err() && rows[1].get_long(3).is_err());
        assert_eq!(extension(&log), "log.parquet");
    }

    #[test]
    fn every_field_of_the_default_format_can_be_kept() {
        let format = crate::model::flow_logs::DEFAULT_FORMAT;
        let line =
            "2 000000000001 eni-1 10.0.0.5 10.0.1.6 40000 443 6 4 240 1700000000 1700000060 ACCEPT OK\n";
        let made = file(&log(format, Some(DestinationFileFormat::Parquet)), line).unwrap();
        assert!(made.starts_with(b"PAR1") && made.ends_with(b"PAR1"));
        let plain = file(&log(format, None), line).unwrap();
        assert_eq!(plain[..2], [0x1f, 0x8b]);
        assert_eq!(extension(&log(format, None)), "log.gz");
    }
}
