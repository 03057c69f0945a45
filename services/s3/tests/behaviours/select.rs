//! SelectObjectContent: the answer's events, who may ask, and what of the language's errors reaches the caller how.

use bytes::Bytes;
use futures_util::StreamExt;
use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

fn selecting(key: &str, expression: &str) -> SelectObjectContentInput {
    SelectObjectContentInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        expression: expression.to_owned(),
        expression_type: String::from("SQL"),
        input_serialization: InputSerialization {
            csv: Some(CSVInput::default()),
            ..InputSerialization::default()
        },
        output_serialization: OutputSerialization { csv: Some(CSVOutput::default()), json: None },
        ..SelectObjectContentInput::default()
    }
}

async fn events(
    cloud: &Cloud,
    input: SelectObjectContentInput,
) -> Result<Vec<SelectObjectContentEventStream>, Fault> {
    let output = cloud.call(SelectObjectContent, input).await?;
    let mut events = output.payload.and_then(|payload| payload.take()).expect("there is a stream");
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        let event = event?.into_any().downcast().expect("it is an event of this stream");
        all.push(*event);
    }
    Ok(all)
}

async fn records(cloud: &Cloud, input: SelectObjectContentInput) -> Result<String, Fault> {
    let events = events(cloud, input).await?;
    assert!(matches!(events.last(), Some(SelectObjectContentEventStream::End(_))), "an answer ends");
    let bytes = events.into_iter().filter_map(|event| match event {
        SelectObjectContentEventStream::Records(records) => records.payload,
        _ => None,
    });
    Ok(String::from_utf8(bytes.collect::<Vec<Bytes>>().concat()).expect("records are text"))
}

#[tokio::test]
async fn a_query_gives_records_stats_and_an_end() {
    let cloud = cloud(700).await;
    put(&cloud, "people.csv", "name,age\nann,30\nbob,25\n").await;
    let mut input = selecting("people.csv", "SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 26");
    input.input_serialization.csv =
        Some(CSVInput { file_header_info: Some(String::from("Use")), ..CSVInput::default() });
    input.request_progress = Some(RequestProgress { enabled: Some(true) });
    let events = events(&cloud, input).await.expect("the query runs");
    let counts = (Some(23), Some(23), Some(4));
    let [first, progress, stats, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        *first,
        SelectObjectContentEventStream::Records(RecordsEvent { payload: Some(Bytes::from("ann\n")) })
    );
    let SelectObjectContentEventStream::Progress(ProgressEvent { details: Some(told) }) = progress else {
        panic!("{progress:?}")
    };
    assert_eq!((told.bytes_scanned, told.bytes_processed, told.bytes_returned), counts);
    let SelectObjectContentEventStream::Stats(StatsEvent { details: Some(told) }) = stats else {
        panic!("{stats:?}")
    };
    assert_eq!((told.bytes_scanned, told.bytes_processed, told.bytes_returned), counts);
    assert!(matches!(end, SelectObjectContentEventStream::End(_)));
}

#[tokio::test]
async fn large_objects_are_queried_in_parts() {
    let cloud = cloud(701).await;
    let lines: String = (0..200_000).map(|line| format!("{{\"n\":{line}}}\n")).collect();
    put(&cloud, "numbers.json", lines.clone()).await;
    let json = || {
        let mut input = selecting("numbers.json", "SELECT COUNT(*), SUM(s.n) FROM S3Object s");
        input.input_serialization = InputSerialization {
            json: Some(JSONInput { r#type: Some(String::from("LINES")) }),
            ..InputSerialization::default()
        };
        input
    };
    assert_eq!(records(&cloud, json()).await.expect("the query runs"), "200000,19999900000\n");
    let mut halves = String::new();
    let half = lines.len() as i64 / 2;
    for (start, end) in [(0, half), (half + 1, lines.len() as i64)] {
        let input = SelectObjectContentInput {
            scan_range: Some(ScanRange { start: Some(start), end: Some(end) }),
            ..json()
        };
        halves += &records(&cloud, input).await.expect("a part runs");
    }
    let counts: i64 =
        halves.lines().map(|line| line.split(',').next().unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(counts, 200_000);
}

#[tokio::test]
async fn who_may_read_the_object_may_query_it_but_nobody_unsigned() {
    let cloud = cloud(702).await;
    put(&cloud, "a.csv", "1\n").await;
    let input = || selecting("a.csv", "SELECT * FROM S3Object");
    assert_eq!(code(as_stranger(&cloud, SelectObjectContent, input()).await), "AccessDenied");
    assert_eq!(code(as_nobody(&cloud, SelectObjectContent, input()).await), "AccessDenied");
    let missing = selecting("nothing.csv", "SELECT * FROM S3Object");
    assert_eq!(code(cloud.call(SelectObjectContent, missing).await), "NoSuchKey");
    let owner = SelectObjectContentInput { expected_bucket_owner: Some(STRANGER.to_string()), ..input() };
    assert_eq!(code(cloud.call(SelectObjectContent, owner).await), "AccessDenied");
}

#[tokio::test]
async fn mistakes_have_the_codes_of_the_language() {
    let cloud = cloud(703).await;
    put(&cloud, "a.csv", "a,b\n1,2\n").await;
    for (expression, expected) in [
        ("SELECT", "ParseEmptySelect"),
        ("SELECT name FROM S3Object", "InvalidColumnIndex"),
        ("SELECT CAST(_1 AS INT) FROM S3Object", "CastFailed"),
        ("SELECT s.name FROM S3Object s", "MissingHeaders"),
    ] {
        let fault = cloud.call(SelectObjectContent, selecting("a.csv", expression)).await;
        let fault = fault.expect_err("it is refused before the answer begins");
        assert_eq!((fault.code(), fault.status()), (expected, 400), "{expression}");
    }
}

#[tokio::test]
async fn parameters_that_say_too_little_too_much_or_nothing_known_are_refused() {
    let cloud = cloud(704).await;
    put(&cloud, "a.csv", "a,b\n1,2\n").await;
    let usual = || selecting("a.csv", "SELECT * FROM S3Object");
    let csv = |csv: CSVInput| {
        let input_serialization = InputSerialization { csv: Some(csv), ..InputSerialization::default() };
        SelectObjectContentInput { input_serialization, ..usual() }
    };
    let input = |input_serialization| SelectObjectContentInput { input_serialization, ..usual() };
    let output = |csv, json| SelectObjectContentInput {
        output_serialization: OutputSerialization { csv, json },
        ..usual()
    };
    let text = |text: &str| Some(text.to_owned());
    let json = |kind: Option<&str>| InputSerialization {
        json: Some(JSONInput { r#type: kind.map(str::to_owned) }),
        ..InputSerialization::default()
    };
    let packed = |word: &str, parquet| InputSerialization {
        compression_type: Some(word.to_owned()),
        parquet,
        ..InputSerialization::default()
    };
    let both = InputSerialization { csv: Some(CSVInput::default()), ..json(Some("LINES")) };
    let range =
        |start, end| SelectObjectContentInput { scan_range: Some(ScanRange { start, end }), ..usual() };
    for (input, expected) in [
        (
            SelectObjectContentInput { expression_type: String::from("XPATH"), ..usual() },
            "InvalidExpressionType",
        ),
        (csv(CSVInput { file_header_info: text("MAYBE"), ..CSVInput::default() }), "InvalidFileHeaderInfo"),
        (csv(CSVInput { field_delimiter: text("\n"), ..CSVInput::default() }), "InvalidRequestParameter"),
        (csv(CSVInput { quote_character: text("ab"), ..CSVInput::default() }), "InvalidRequestParameter"),
        (input(InputSerialization::default()), "MissingRequiredParameter"),
        (input(both), "ObjectSerializationConflict"),
        (input(json(None)), "MissingRequiredParameter"),
        (input(json(Some("LINE"))), "InvalidJsonType"),
        (input(packed("ZIP", None)), "InvalidCompressionFormat"),
        (input(packed("GZIP", Some(ParquetInput::default()))), "InvalidCompressionFormat"),
        (output(None, None), "MissingRequiredParameter"),
        (output(Some(CSVOutput::default()), Some(JSONOutput::default())), "ObjectSerializationConflict"),
        (
            output(Some(CSVOutput { quote_fields: text("NEVER"), ..CSVOutput::default() }), None),
            "InvalidQuoteFields",
        ),
        (range(Some(-1), None), "InvalidScanRange"),
        (range(Some(5), Some(1)), "InvalidScanRange"),
        (range(None, None), "InvalidScanRange"),
    ] {
        assert_eq!(code(cloud.call(SelectObjectContent, input).await), expected);
    }
}

/// What comes after the first event cannot change the status any more.
#[tokio::test]
async fn what_goes_wrong_later_is_an_error_in_the_stream() {
    let cloud = cloud(705).await;
    put(&cloud, "a.csv", format!("{}\nlast\n", "1\n".repeat(200_000))).await;
    let output =
        cloud.call(SelectObjectContent, selecting("a.csv", "SELECT CAST(_1 AS INT) FROM S3Object")).await;
    let mut events = output.expect("it begins").payload.and_then(|payload| payload.take()).expect("a stream");
    let mut last = None;
    let mut count = 0;
    while let Some(event) = events.next().await {
        count += 1;
        last = Some(event);
    }
    let Some(Err(fault)) = last else { panic!("{count} events, and no error") };
    assert_eq!(fault.code(), "CastFailed");
    assert!(count > 1);
}

#[tokio::test]
async fn archived_and_reduced_objects_are_not_queried() {
    let cloud = cloud(706).await;
    for class in ["GLACIER", "DEEP_ARCHIVE", "REDUCED_REDUNDANCY"] {
        let input =
            PutObjectInput { storage_class: Some(StorageClass::from(class)), ..putting("a.csv", "1\n") };
        cloud.call(PutObject, input).await.expect("the object is put");
        let refused = cloud.call(SelectObjectContent, selecting("a.csv", "SELECT * FROM S3Object")).await;
        assert_eq!(code(refused), "UnsupportedStorageClass");
    }
    let input =
        PutObjectInput { storage_class: Some(StorageClass::from("STANDARD_IA")), ..putting("a.csv", "1\n") };
    cloud.call(PutObject, input).await.expect("the object is put");
    assert_eq!(records(&cloud, selecting("a.csv", "SELECT * FROM S3Object")).await.expect("it runs"), "1\n");
}
