//! What is too long, too deep or too much.

use super::{
    Bytes, Code, Counts, FileHeaderInfo, JsonType, Pieces, Query, Request, SelectEvent, answer, csv_input,
    csv_output, events, json_input, json_output, request, stats,
};
use crate::limits::{COLUMNS_MAX, EXPRESSION_BYTES_MAX, RECORD_BYTES_MAX};

fn parsed(sql: &str) -> Option<Code> {
    Query::parse(sql).err().map(|error| error.code())
}

#[test]
fn statements_are_long_or_deep_only_so_far() {
    let padded = |length: usize| {
        let sql = "SELECT a FROM S3Object";
        format!("{sql}{}", " ".repeat(length - sql.len()))
    };
    let nested = |depth: usize| format!("SELECT {}1{} FROM S3Object", "(".repeat(depth), ")".repeat(depth));
    let sum = |terms: usize| format!("SELECT {} FROM S3Object", vec!["1"; terms].join("+"));
    let any = |terms: usize| format!("SELECT a FROM S3Object WHERE {}", vec!["a=1"; terms].join(" OR "));
    assert_eq!(parsed(&padded(EXPRESSION_BYTES_MAX)), None);
    assert_eq!(parsed(&padded(EXPRESSION_BYTES_MAX + 1)), Some(Code::ExpressionTooLong));
    assert_eq!(parsed(&nested(100)), None);
    assert_eq!(parsed(&nested(100_000)), Some(Code::MaxOperatorsExceeded));
    assert_eq!(parsed(&sum(150)), None);
    assert_eq!(parsed(&sum(100_000)), Some(Code::MaxOperatorsExceeded));
    assert_eq!(parsed(&any(30_000)), None);
    assert_eq!(
        parsed(&format!("SELECT {}1 FROM S3Object", "- ".repeat(50_000))),
        Some(Code::MaxOperatorsExceeded)
    );
    assert_eq!(
        parsed(&format!("SELECT {}1 FROM S3Object", "NOT ".repeat(50_000))),
        Some(Code::MaxOperatorsExceeded)
    );
    assert_eq!(parsed(&format!("SELECT a{} FROM S3Object", "[0]".repeat(1000))), Some(Code::InvalidKeyPath));
    assert_eq!(parsed(&format!("SELECT a FROM S3Object{}", "[*]".repeat(1000))), Some(Code::InvalidKeyPath));
    let columns = vec!["a"; COLUMNS_MAX + 1].join(",");
    assert_eq!(parsed(&format!("SELECT {columns} FROM S3Object")), Some(Code::OverMaxColumn));
    assert_eq!(
        parsed(&format!("SELECT a FROM S3Object WHERE a LIKE '{}'", "x".repeat(2000))),
        Some(Code::LikeInvalidInputs)
    );
}

/// On the stack of a thread as tests and servers have it.
#[test]
fn the_deepest_expressions_can_be_evaluated() {
    let deep = |open: &str, close: &str, depth: usize| {
        format!("SELECT {}1{} AS v FROM S3Object", open.repeat(depth), close.repeat(depth))
    };
    for sql in [deep("(1+", ")", 60), deep("COALESCE(", ")", 120), deep("CASE WHEN true THEN ", " END", 60)] {
        let result = answer(&sql, request(json_input(JsonType::Lines), json_output()), Bytes::from("{}"));
        assert!(result.is_ok(), "{result:?}");
    }
    let long = format!("SELECT {} AS v FROM S3Object", vec!["1"; 199].join("+"));
    let result = answer(&long, request(json_input(JsonType::Lines), json_output()), Bytes::from("{}"));
    assert_eq!(result.as_deref(), Ok("{\"v\":199}\n"));
}

#[test]
fn records_are_a_mebibyte_at_most() {
    let csv = || request(csv_input(FileHeaderInfo::None), csv_output());
    let lines = || request(json_input(JsonType::Lines), json_output());
    let document = || request(json_input(JsonType::Document), json_output());
    let line = |length: usize| Bytes::from([vec![b'x'; length], b"\nnext\n".to_vec()].concat());
    let json = |length: usize| Bytes::from(format!("\"{}\"\n1\n", "x".repeat(length - 2)));
    let code = |result: Result<String, super::SelectError>| result.err().map(|error| error.code());
    let sql = "SELECT COUNT(*) FROM S3Object";
    assert_eq!(answer(sql, csv(), line(RECORD_BYTES_MAX)).as_deref(), Ok("2\n"));
    assert_eq!(code(answer(sql, csv(), line(RECORD_BYTES_MAX + 1))), Some(Code::OverMaxRecordSize));
    assert_eq!(answer(sql, lines(), json(RECORD_BYTES_MAX)).as_deref(), Ok("{\"_1\":2}\n"));
    assert_eq!(answer(sql, document(), json(RECORD_BYTES_MAX)).as_deref(), Ok("{\"_1\":2}\n"));
    assert_eq!(code(answer(sql, lines(), json(RECORD_BYTES_MAX + 1))), Some(Code::OverMaxRecordSize));
    assert_eq!(code(answer(sql, document(), json(RECORD_BYTES_MAX + 1))), Some(Code::OverMaxRecordSize));
    // A record that has no end is not waited for.
    for request in [csv(), lines(), document()] {
        let endless = Pieces(Bytes::from(format!("\"{}", "x".repeat(8 << 20))), 1 << 16);
        let error = answer(sql, request, endless).expect_err("too long");
        assert_eq!(error.code(), Code::OverMaxRecordSize);
        assert_eq!(
            error.message(),
            "The character number in one record is more than our max threshold, maxCharsPerRecord: 1,048,576"
        );
    }
    let wide = "SELECT _1, _1, _1 FROM S3Object";
    assert_eq!(code(answer(wide, csv(), line(RECORD_BYTES_MAX / 2))), Some(Code::OverMaxRecordSize));
    let concatenated = "SELECT _1 || _1 || _1 FROM S3Object";
    assert_eq!(code(answer(concatenated, csv(), line(RECORD_BYTES_MAX / 2))), Some(Code::OverMaxRecordSize));
    let columns = Bytes::from(",".repeat(COLUMNS_MAX));
    assert_eq!(code(answer(sql, csv(), columns)), Some(Code::OverMaxColumn));
}

#[test]
fn deep_json_is_passed_on_without_recursion() {
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let request = || request(json_input(JsonType::Document), json_output());
    let result = answer("SELECT COUNT(*) FROM S3Object", request(), Bytes::from(deep.clone()));
    assert_eq!(result.as_deref(), Ok("{\"_1\":1}\n"));
    let result = answer("SELECT s[0] AS v FROM S3Object s", request(), Bytes::from(deep.clone()));
    assert_eq!(result.expect("a record").len(), deep.len() + "{\"v\":}\n".len() - 2);
}

#[test]
fn the_answer_comes_in_batches_and_is_counted() {
    let object = Bytes::from("0123456789,abcdefghij\n".repeat(100_000));
    let plain = request(csv_input(FileHeaderInfo::None), csv_output());
    let asked = Request { progress: true, ..plain.clone() };
    let length = object.len() as u64;
    let quiet = events("SELECT _1 FROM S3Object", plain, Pieces(object.clone(), 70_000)).expect("an answer");
    assert!(!quiet.iter().any(|event| matches!(event, SelectEvent::Progress(_))));
    let events = events("SELECT _1 FROM S3Object", asked, Pieces(object, 300_000)).expect("an answer");
    let sizes = events.iter().filter_map(|event| match event {
        SelectEvent::Records(bytes) => Some(bytes.len()),
        _ => None,
    });
    assert!(sizes.clone().all(|size| size < 200_000), "{:?}", sizes.max());
    let counts = Counts { scanned: length, processed: length, returned: 1_100_000 };
    assert_eq!(stats(&events), counts);
    let [.., progress, stats, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*progress, SelectEvent::Progress(counts));
    assert_eq!((stats, end), (&SelectEvent::Stats(counts), &SelectEvent::End));
}

#[test]
fn a_limit_stops_the_reading() {
    let object = Pieces(Bytes::from("1,2,3\n".repeat(1_000_000)), 10_000);
    let request = request(csv_input(FileHeaderInfo::None), csv_output());
    let events = events("SELECT * FROM S3Object LIMIT 3", request, object).expect("an answer");
    assert_eq!(stats(&events), Counts { scanned: 10_000, processed: 10_000, returned: 18 });
}
