//! Whatever is asked of whatever: an answer or a refusal, never a panic.

use proptest::prelude::*;

use super::{
    Bytes, Compression, CsvInput, FileHeaderInfo, Input, JsonType, Output, Pieces, Query, SelectError,
    answer, csv_input, csv_output, json_input, json_output, request,
};

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "LIMIT",
    "S3Object",
    "S3Object[*]",
    "s",
    "a",
    "_1",
    "*",
    ",",
    ".",
    "(",
    ")",
    "[",
    "]",
    "AND",
    "OR",
    "NOT",
    "LIKE",
    "ESCAPE",
    "BETWEEN",
    "IN",
    "IS",
    "NULL",
    "MISSING",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "AS",
    "INT",
    "DECIMAL",
    "TIMESTAMP",
    "COUNT",
    "SUM",
    "AVG",
    "SUBSTRING",
    "TRIM",
    "EXTRACT",
    "YEAR",
    "DATE_ADD",
    "day",
    "TO_STRING",
    "UTCNOW",
    "COALESCE",
    "1",
    "-2",
    "1.5",
    "1e9",
    "'x'",
    "'%'",
    "`2010T`",
    "`1d5`",
    "=",
    "<",
    "<>",
    "+",
    "-",
    "/",
    "%",
    "||",
    "--",
    "\"q\"",
    ";",
    "9223372036854775807",
    "''",
];

fn statements() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..24).prop_map(|words| words.join(" "));
    let expression = prop::collection::vec(prop::sample::select(WORDS), 1..12)
        .prop_map(|words| format!("SELECT {} FROM S3Object s", words.join(" ")));
    prop_oneof![words, expression, any::<String>()]
}

fn inputs() -> impl Strategy<Value = Input> {
    let compression = prop_oneof![Just(Compression::None), Just(Compression::Gzip), Just(Compression::Bzip2)];
    let header =
        prop_oneof![Just(FileHeaderInfo::None), Just(FileHeaderInfo::Use), Just(FileHeaderInfo::Ignore)];
    let csv =
        (header, any::<bool>(), compression.clone()).prop_map(|(file_header_info, quoted, compression)| {
            let csv =
                CsvInput { file_header_info, allow_quoted_record_delimiter: quoted, ..CsvInput::default() };
            Input::Csv(csv, compression)
        });
    let json = (prop_oneof![Just(JsonType::Lines), Just(JsonType::Document)], compression)
        .prop_map(|(kind, compression)| Input::Json(kind, compression));
    prop_oneof![csv, json, Just(Input::Parquet)]
}

proptest! {
    #[test]
    fn any_statement_is_read_or_refused(sql in statements()) {
        match Query::parse(&sql) {
            Ok(query) => drop(query),
            Err(error) => prop_assert!(!error.message().is_empty()),
        }
    }

    #[test]
    fn any_object_is_answered_or_refused(
        sql in statements(),
        input in inputs(),
        object in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "[\\[\\]{}\",:a1. \n]{0,80}".prop_map(String::into_bytes),
            "([ab1]{0,3}[,\n\"]){0,40}".prop_map(String::into_bytes),
        ],
        json in any::<bool>(),
    ) {
        let output = if json { json_output() } else { csv_output() };
        drop(answer(&sql, request(input, output), Bytes::from(object)));
    }

    /// What is written as CSV reads as what it was, in any pieces.
    #[test]
    fn csv_that_is_written_can_be_read(
        rows in prop::collection::vec(prop::collection::vec("[ -~\n\"é,#]{0,6}", 1..4), 0..6),
        piece in 1_usize..20,
    ) {
        let rows: Vec<_> = rows.into_iter().filter(|row| row != &[""]).collect();
        let object: String = rows.iter().map(|row| {
            let fields: Vec<String> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            fields.join(",") + "\n"
        }).collect();
        let csv = CsvInput { allow_quoted_record_delimiter: true, ..CsvInput::default() };
        let request = |output: Output| request(Input::Csv(csv.clone(), Compression::None), output);
        let object = Pieces(Bytes::from(object), piece);
        let read = answer("SELECT * FROM S3Object", request(json_output()), object).expect("it is CSV");
        let expected: String = rows.iter().map(|row| {
            let members = row.iter().enumerate().map(|(index, field)| {
                format!("\"_{}\":{}", index + 1, serde_json::to_string(field).expect("a string"))
            });
            format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
        }).collect();
        prop_assert_eq!(read, expected);
    }

    /// What is read and written again stays the same.
    #[test]
    fn csv_is_a_fixed_point(rows in prop::collection::vec("[a-c,\"\n]{0,8}", 0..5)) {
        let csv = CsvInput { allow_quoted_record_delimiter: true, ..CsvInput::default() };
        let again = |object: String| -> Result<String, SelectError> {
            let input = Input::Csv(csv.clone(), Compression::None);
            answer("SELECT * FROM S3Object", request(input, csv_output()), Bytes::from(object))
        };
        if let Ok(once) = again(rows.join("\n")) {
            // A record of one empty field is an empty line, which is passed over.
            let kept: String = again(once.clone()).expect("what was written is CSV");
            prop_assert_eq!(again(kept.clone()).expect("and again"), kept);
        }
    }

    #[test]
    fn numbers_keep_their_digits(digits in "-?[1-9][0-9]{0,30}\\.[0-9]{1,6}") {
        let object = format!("{{\"n\":{digits}}}");
        let request = request(json_input(JsonType::Lines), json_output());
        let read = answer("SELECT n + 0 AS n FROM S3Object", request, Bytes::from(object.clone())).expect("a number");
        prop_assert_eq!(read, object + "\n");
    }

    #[test]
    fn a_condition_and_its_negation_part_the_known(rows in prop::collection::vec("[a-c]{0,2}", 0..10), bound in "[a-c]{0,2}") {
        let rows: Vec<_> = rows.into_iter().filter(|row| !row.is_empty()).collect();
        let count = |condition: String| -> i64 {
            let sql = format!("SELECT COUNT(*) FROM S3Object WHERE {condition}");
            let request = request(csv_input(FileHeaderInfo::None), csv_output());
            let answer = answer(&sql, request, Bytes::from(rows.join("\n"))).expect("a count");
            answer.trim().parse().expect("a number")
        };
        for condition in [format!("_1 < '{bound}'"), format!("_1 LIKE '{bound}%'"), format!("_1 IN ('{bound}', 'a')")] {
            prop_assert_eq!(count(condition.clone()) + count(format!("NOT ({condition})")), rows.len() as i64);
        }
    }
}
