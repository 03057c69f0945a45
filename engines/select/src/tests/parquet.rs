//! Parquet, made here with the crate's own writer.

use std::sync::Arc;

use ::parquet::basic::{Compression, GzipLevel};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;
use bytes::Bytes;

use super::{
    Code, Input, Pieces, Request, ScanRange, SelectEvent, answer, csv_output, events, json_output, request,
    stats,
};

const SCHEMA: &str = "
    message schema {
        REQUIRED INT32 id;
        OPTIONAL BYTE_ARRAY name (UTF8);
        REQUIRED INT64 size;
        REQUIRED DOUBLE ratio;
        REQUIRED BOOLEAN live;
        REQUIRED INT32 born (DATE);
        REQUIRED INT64 seen (TIMESTAMP(MILLIS,true));
        REQUIRED INT64 nanos (TIMESTAMP(NANOS,true));
        REQUIRED INT32 price (DECIMAL(9,2));
        OPTIONAL group tags (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (UTF8); } }
    }";

fn bytes(texts: &[&str]) -> Vec<ByteArray> {
    texts.iter().map(|text| ByteArray::from(*text)).collect()
}

/// Two rows a group.
fn write_column(index: usize, group: i64, column: &mut SerializedColumnWriter<'_>) {
    let first = 2 * group;
    let int32 = |values: [i32; 2], column: &mut SerializedColumnWriter<'_>| {
        column.typed::<Int32Type>().write_batch(&values, None, None).expect("written");
    };
    let int64 = |values: [i64; 2], column: &mut SerializedColumnWriter<'_>| {
        column.typed::<Int64Type>().write_batch(&values, None, None).expect("written");
    };
    match index {
        0 => int32([first as i32, first as i32 + 1], column),
        1 => {
            let names = bytes(&["ann"]);
            column
                .typed::<ByteArrayType>()
                .write_batch(&names, Some(&[1, 0]), None)
                .map(drop)
                .expect("written");
        }
        2 => int64([first * 100, i64::MAX], column),
        3 => {
            column.typed::<DoubleType>().write_batch(&[0.5, 2.0], None, None).map(drop).expect("written");
        }
        4 => column.typed::<BoolType>().write_batch(&[true, false], None, None).map(drop).expect("written"),
        5 => int32([0, 17_000], column),
        6 => int64([0, 1_507_910_531_123], column),
        7 => int64([1, 1_507_910_531_123_456_789], column),
        8 => int32([1250, -5], column),
        _ => {
            let tags = bytes(&["x", "y"]);
            let levels =
                column.typed::<ByteArrayType>().write_batch(&tags, Some(&[3, 3, 0]), Some(&[0, 1, 0]));
            levels.map(drop).expect("written");
        }
    }
}

fn object(groups: i64, compression: Compression) -> Bytes {
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut out = Vec::new();
    let mut file = SerializedFileWriter::new(&mut out, schema, properties).expect("a writer");
    for group in 0..groups {
        let mut rows = file.next_row_group().expect("a group");
        let mut index = 0;
        while let Some(mut column) = rows.next_column().expect("a column") {
            write_column(index, group, &mut column);
            column.close().expect("closed");
            index += 1;
        }
        rows.close().expect("closed");
    }
    file.close().expect("closed");
    Bytes::from(out)
}

#[test]
fn columns_are_values_of_their_types() {
    let packed = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())];
    for compression in packed {
        let object = object(1, compression);
        for (sql, expected) in [
            (
                "SELECT * FROM S3Object",
                "{\"id\":0,\"name\":\"ann\",\"size\":0,\"ratio\":0.5,\"live\":true,\"born\":\"1970-01-01\",\
                 \"seen\":\"1970-01-01T00:00:00.000Z\",\"nanos\":\"1970-01-01T00:00:00.000000001Z\",\
                 \"price\":12.50,\"tags\":[\"x\",\"y\"]}\n\
                 {\"id\":1,\"name\":null,\"size\":9223372036854775807,\"ratio\":2.0,\"live\":false,\
                 \"born\":\"2016-07-18\",\"seen\":\"2017-10-13T16:02:11.123Z\",\
                 \"nanos\":\"2017-10-13T16:02:11.123456789Z\",\"price\":-0.05,\"tags\":null}\n",
            ),
            ("SELECT s.ID, Name FROM S3Object s WHERE live", "{\"ID\":0,\"Name\":\"ann\"}\n"),
            ("SELECT tags[1] AS t FROM S3Object WHERE tags[0] = 'x'", "{\"t\":\"y\"}\n"),
            ("SELECT _1 FROM S3Object WHERE price < 0", "{\"_1\":1}\n"),
            ("SELECT COUNT(*), SUM(ratio), MAX(id) FROM S3Object", "{\"_1\":2,\"_2\":2.5,\"_3\":1}\n"),
            ("SELECT COUNT(*) AS c FROM S3Object", "{\"c\":2}\n"),
            ("SELECT EXTRACT(YEAR FROM born) AS y FROM S3Object", "{\"y\":1970}\n{\"y\":2016}\n"),
            ("SELECT id FROM S3Object LIMIT 1", "{\"id\":0}\n"),
            ("SELECT 1 AS one FROM S3Object", "{\"one\":1}\n{\"one\":1}\n"),
        ] {
            let result = answer(sql, request(Input::Parquet, json_output()), Pieces(object.clone(), 13));
            assert_eq!(result.as_deref(), Ok(expected), "{sql}");
        }
    }
}

#[test]
fn only_what_is_asked_for_is_read() {
    let object = object(3, Compression::UNCOMPRESSED);
    let csv = || request(Input::Parquet, csv_output());
    let result = answer("SELECT id, name, price FROM S3Object", csv(), object.clone());
    assert_eq!(
        result.as_deref(),
        Ok("0,ann,12.50\n1,,-0.05\n2,ann,12.50\n3,,-0.05\n4,ann,12.50\n5,,-0.05\n")
    );
    for (sql, code) in [
        ("SELECT tags FROM S3Object", Code::UnrecognizedFormatException),
        ("SELECT nothing FROM S3Object", Code::MissingHeaders),
        ("SELECT id FROM S3Object[*].x", Code::UnsupportedSqlStructure),
    ] {
        let error = answer(sql, csv(), object.clone()).expect_err("refused");
        assert_eq!(error.code(), code, "{sql}");
    }
    let told = events("SELECT id FROM S3Object", csv(), object.clone()).expect("an answer");
    assert!(stats(&told).scanned > 0);
    assert_eq!(told.last(), Some(&SelectEvent::End));
}

/// "All of the row groups that start within the scan range requested are processed."
#[test]
fn a_range_takes_the_row_groups_that_start_there() {
    let object = object(3, Compression::UNCOMPRESSED);
    let ranged = |start: u64, end: u64| {
        let scan_range = Some(ScanRange { start: Some(start), end: Some(end) });
        let request = Request { scan_range, ..request(Input::Parquet, csv_output()) };
        answer("SELECT id FROM S3Object", request, object.clone()).expect("an answer")
    };
    let all = object.len() as u64 - 1;
    assert_eq!(ranged(0, all), "0\n1\n2\n3\n4\n5\n");
    assert_eq!(ranged(0, 4), "0\n1\n");
    assert_eq!(ranged(0, 3), "");
    assert_eq!(ranged(5, all), "2\n3\n4\n5\n");
}

#[test]
fn what_is_no_parquet_is_refused() {
    let whole = object(1, Compression::SNAPPY);
    let mut broken: Vec<Bytes> = vec![
        Bytes::new(),
        Bytes::from("PAR1"),
        Bytes::from("PAR1PAR1PAR1"),
        Bytes::from("id,name\n1,2\n"),
        Bytes::from([b"PAR1".as_slice(), &[0xff; 4], b"PAR1"].concat()),
        Bytes::from([b"PAR1".as_slice(), &[0x15; 40], &[40, 0, 0, 0], b"PAR1"].concat()),
    ];
    broken.extend((0..whole.len()).step_by(7).map(|end| whole.slice(..end)));
    for object in broken {
        let result = answer("SELECT * FROM S3Object", request(Input::Parquet, json_output()), object);
        assert_eq!(result.expect_err("no Parquet").code(), Code::ParquetParsingError);
    }
}

/// Some damage shows only in values, but none of it takes the reader down.
#[test]
fn damage_is_survived() {
    let whole = object(1, Compression::UNCOMPRESSED);
    for at in 0..whole.len() {
        for value in [0x00, 0x7f, 0xff] {
            let mut damaged = whole.to_vec();
            damaged[at] = value;
            let request = request(Input::Parquet, json_output());
            drop(answer("SELECT * FROM S3Object", request, Bytes::from(damaged)));
        }
    }
}

const PYARROW: [&[u8]; 2] = [
    include_bytes!("../../tests/vectors/pyarrow_snappy.parquet"),
    include_bytes!("../../tests/vectors/pyarrow_gzip_v2.parquet"),
];

#[test]
fn what_pyarrow_writes_is_read() {
    for object in PYARROW {
        for (sql, expected) in [
            ("SELECT id, small, city, kind FROM S3Object", "1,1,Oslo,a\n2,-2,Rome,b\n3,,,a\n4,4,Oslo,a\n"),
            ("SELECT temp, half, ok FROM S3Object", "1.5,0.1,true\n-2.25,0.2,false\n,0.3,\n1e+20,,true\n"),
            (
                "SELECT price, s.\"day\" FROM S3Object s",
                "12.50,2020-02-29\n-0.01,\n,1969-12-31\n99999999.99,2000-01-01\n",
            ),
            (
                "SELECT s.\"at\", ns FROM S3Object s WHERE id = 4",
                "2017-01-02T03:04:05.006000Z,2017-10-13T16:02:11.123456789Z\n",
            ),
            ("SELECT tags[0], point.y, m.a, raw FROM S3Object", "x,a,,bytes\n,,,\n,b,,\nz,c,1,more\n"),
            ("SELECT SUM(price), COUNT(city), MAX(half) FROM S3Object", "100000012.48,3,0.3\n"),
            ("SELECT id FROM S3Object WHERE city = 'Oslo' AND id > 1", "4\n"),
        ] {
            let result =
                answer(sql, request(Input::Parquet, csv_output()), Pieces(Bytes::from_static(object), 100));
            assert_eq!(result.as_deref(), Ok(expected), "{sql}");
        }
        let nested = answer(
            "SELECT tags, point, m FROM S3Object LIMIT 1",
            request(Input::Parquet, json_output()),
            Bytes::from_static(object),
        );
        let expected = "{\"tags\":[\"x\",\"y\"],\"point\":{\"x\":1,\"y\":\"a\"},\"m\":{\"k\":1}}\n";
        assert_eq!(nested.as_deref(), Ok(expected));
    }
    let zstd = include_bytes!("../../tests/vectors/pyarrow_zstd.parquet");
    let result =
        answer("SELECT id FROM S3Object", request(Input::Parquet, csv_output()), Bytes::from_static(zstd));
    assert_eq!(
        result.expect_err("a codec S3 does not have").code(),
        Code::ParquetUnsupportedCompressionCodec
    );
}

/// Several bytes at once, as no accident does it.
#[test]
fn malice_is_survived() {
    for object in PYARROW {
        let footer_at = object.len() - 8 - 2000;
        for at in (0..object.len()).step_by(13).chain((footer_at..object.len()).step_by(5)) {
            for pattern in
                [&[0xff; 5][..], &[0xff, 0xff, 0xff, 0xff, 0x07], &[0x1c; 9], &[0x19, 0xfc, 0xff, 0x7f]]
            {
                let mut damaged = object.to_vec();
                let end = (at + pattern.len()).min(damaged.len());
                damaged[at..end].copy_from_slice(&pattern[..end - at]);
                let request = request(Input::Parquet, json_output());
                drop(answer("SELECT * FROM S3Object", request, Bytes::from(damaged)));
            }
        }
    }
}
