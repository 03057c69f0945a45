//! Scan ranges: the records that start there.

use super::{
    Code, Compression, CsvInput, FileHeaderInfo, Input, JsonType, Output, Pieces, Request, ScanRange, answer,
    check, csv_input, csv_output, json_input, json_output, request,
};
use bytes::Bytes;

fn ranged(input: Input, output: Output, start: Option<u64>, end: Option<u64>) -> Request {
    Request { scan_range: Some(ScanRange { start, end }), ..request(input, output) }
}

/// The example of the user guide ("Requests using scan ranges"), and its neighbours.
#[test]
fn records_that_start_within_the_range_are_processed_whole() {
    let object = b"A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n";
    for (start, end, expected) in [
        (Some(1), Some(4), Ok("C,D\n")),
        (Some(0), Some(0), Ok("A,B\n")),
        (Some(0), Some(3), Ok("A,B\n")),
        (Some(0), Some(4), Ok("A,B\nC,D\n")),
        (Some(4), Some(4), Ok("C,D\n")),
        (Some(3), Some(3), Ok("")),
        (Some(5), Some(11), Ok("D,E\n")),
        (Some(16), None, Ok("G,H\nI,J\n")),
        (Some(17), None, Ok("I,J\n")),
        (Some(21), None, Ok("")),
        (None, Some(4), Ok("I,J\n")),
        (None, Some(5), Ok("I,J\n")),
        (None, Some(1000), Ok("A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n")),
        (Some(0), Some(1000), Ok("A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n")),
        (Some(4), Some(1), Err(Code::InvalidScanRange)),
        (Some(24), None, Err(Code::InvalidScanRange)),
        (None, Some(0), Err(Code::InvalidScanRange)),
        (None, None, Err(Code::InvalidScanRange)),
    ] {
        let request = ranged(csv_input(FileHeaderInfo::None), csv_output(), start, end);
        check("SELECT * FROM S3Object", &request, object, expected);
    }
}

#[test]
fn a_header_is_known_wherever_the_range_is() {
    let object = b"x,y\n1,2\n3,4\n";
    for (header, start, sql, expected) in [
        (FileHeaderInfo::Use, 0, "SELECT y FROM S3Object", "2\n4\n"),
        (FileHeaderInfo::Use, 1, "SELECT y FROM S3Object", "2\n4\n"),
        (FileHeaderInfo::Use, 5, "SELECT y FROM S3Object", "4\n"),
        (FileHeaderInfo::Ignore, 0, "SELECT _2 FROM S3Object", "2\n4\n"),
        (FileHeaderInfo::Ignore, 4, "SELECT _2 FROM S3Object", "2\n4\n"),
    ] {
        check(sql, &ranged(csv_input(header), csv_output(), Some(start), None), object, Ok(expected));
    }
}

#[test]
fn ranges_that_meet_give_every_record_once() {
    let lines: Vec<String> = (0..50).map(|line| format!("{{\"n\":{}}}\r\n", 10_u64.pow(line % 9))).collect();
    let object = Bytes::from(lines.concat());
    let all = |input: &Input, width: usize| -> String {
        let starts = (0..object.len()).step_by(width);
        let part = |start: usize| {
            let request =
                ranged(input.clone(), json_output(), Some(start as u64), Some((start + width - 1) as u64));
            answer("SELECT * FROM S3Object", request, Pieces(object.clone(), 11)).expect("a part")
        };
        starts.map(part).collect()
    };
    let csv =
        CsvInput { record_delimiter: String::from("\r\n"), quote_character: None, ..CsvInput::default() };
    for input in [json_input(JsonType::Lines), Input::Csv(csv, Compression::None)] {
        let whole = answer("SELECT * FROM S3Object", request(input.clone(), json_output()), object.clone());
        let whole = whole.expect("all of it");
        for width in [1, 2, 3, 7, 10, 64, 1000] {
            assert_eq!(all(&input, width), whole, "in steps of {width}");
        }
    }
}

#[test]
fn ranges_need_records_that_can_be_found_from_anywhere() {
    let quoted = CsvInput { allow_quoted_record_delimiter: true, ..CsvInput::default() };
    for input in [
        Input::Csv(quoted, Compression::None),
        Input::Csv(CsvInput::default(), Compression::Gzip),
        Input::Json(JsonType::Document, Compression::None),
        Input::Json(JsonType::Lines, Compression::Bzip2),
    ] {
        let request = ranged(input, csv_output(), Some(0), None);
        check("SELECT * FROM S3Object", &request, b"x", Err(Code::UnsupportedScanRangeInput));
    }
}
