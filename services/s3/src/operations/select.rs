//! SelectObjectContent: the select engine's answer as an event stream.
//!
//! Surprising, and so at AWS: it takes no version and no conditions, always the newest version; nobody may ask without
//! signing, whatever the policy says; and what goes wrong before the first event is an answer with a status of its own,
//! what goes wrong later an error within the stream, behind a status of 200.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::iter;
use s3_api as api;
use schema::{Events, Fault};
use select_engine::{
    Code, Compression, Counts, CsvInput, CsvOutput, FileHeaderInfo, Input, JsonType, Output, Query,
    QuoteFields, Request, ScanRange, SelectError, SelectEvent, select,
};
use service::{Call, PrincipalKind};

use super::reach::reach;
use super::{finding, guard};
use crate::S3;
use crate::content::{CustomerHeaders, CustomerKey, Ranges, check_customer};
use crate::error::{ACCESS_DENIED, Error, METHOD_NOT_ALLOWED};
use crate::model::storage_class::StorageClass;

pub async fn select_object_content(
    s3: &S3,
    call: &Call,
    input: api::SelectObjectContentInput,
) -> Result<api::SelectObjectContentOutput, Error> {
    if call.principal.kind == PrincipalKind::Anonymous {
        return Err(Error::new(&ACCESS_DENIED));
    }
    let reading = s3.readers.enter();
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    if bucket.record.is_directory() {
        let error = Error::new(&METHOD_NOT_ALLOWED).with("Method", "POST");
        return Err(error.with("ResourceType", "OBJECT"));
    }
    guard::requester_pays(&bucket, call, None)?;
    let request = request(call, &input)?;
    let customer = CustomerKey::parse(CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    })?;
    let found = finding::read(s3, call, &bucket, &input.key, None, "GET").await?;
    let object = &*found.object;
    check_customer(&object.content.encryption, customer.as_ref())?;
    let class = object.described.storage_class;
    if class.is_archive() || class == StorageClass::ReducedRedundancy {
        return Err(SelectError::new(Code::UnsupportedStorageClass).into());
    }
    let query = Query::parse(&input.expression)?;
    let content = Ranges::open(s3, call, reading, &object.content, customer.as_ref()).await?;
    let mut events = select(query, request, Arc::new(content))?;
    let first = match events.next().await {
        Some(Err(error)) => return Err(error.into()),
        first => iter(first),
    };
    let events = first.chain(events).map(|event| match event {
        Ok(event) => Ok(shown(event)),
        Err(error) => Err(Fault::from(Error::from(error))),
    });
    Ok(api::SelectObjectContentOutput { payload: Some(Events::new(events)) })
}

fn shown(event: SelectEvent) -> api::SelectObjectContentEventStream {
    use api::SelectObjectContentEventStream as Shown;
    let whole = |bytes: u64| Some(i64::try_from(bytes).unwrap_or(i64::MAX));
    match event {
        SelectEvent::Records(bytes) => Shown::Records(api::RecordsEvent { payload: Some(bytes) }),
        SelectEvent::Progress(Counts { scanned, processed, returned }) => {
            let details = api::Progress {
                bytes_scanned: whole(scanned),
                bytes_processed: whole(processed),
                bytes_returned: whole(returned),
            };
            Shown::Progress(api::ProgressEvent { details: Some(details) })
        }
        SelectEvent::Stats(Counts { scanned, processed, returned }) => {
            let details = api::Stats {
                bytes_scanned: whole(scanned),
                bytes_processed: whole(processed),
                bytes_returned: whole(returned),
            };
            Shown::Stats(api::StatsEvent { details: Some(details) })
        }
        SelectEvent::Cont => Shown::Cont(api::ContinuationEvent::default()),
        SelectEvent::End => Shown::End(api::EndEvent::default()),
    }
}

fn request(call: &Call, input: &api::SelectObjectContentInput) -> Result<Request, SelectError> {
    if !input.expression_type.eq_ignore_ascii_case("SQL") {
        return Err(Code::InvalidExpressionType.into());
    }
    let progress = input.request_progress.as_ref().and_then(|progress| progress.enabled);
    Ok(Request {
        input: input_format(&input.input_serialization)?,
        output: output_format(&input.output_serialization)?,
        scan_range: input.scan_range.as_ref().map(scan_range).transpose()?,
        progress: progress.unwrap_or(false),
        now: call.now,
    })
}

fn scan_range(range: &api::ScanRange) -> Result<ScanRange, SelectError> {
    let whole = |bytes: Option<i64>| bytes.map(u64::try_from).transpose();
    match (whole(range.start), whole(range.end)) {
        (Ok(start), Ok(end)) => Ok(ScanRange { start, end }),
        _ => Err(Code::InvalidScanRange.into()),
    }
}

fn input_format(input: &api::InputSerialization) -> Result<Input, SelectError> {
    let compression = match input.compression_type.as_deref() {
        None => Compression::None,
        Some(word) => one_of(
            word,
            &[("NONE", Compression::None), ("GZIP", Compression::Gzip), ("BZIP2", Compression::Bzip2)],
            Code::InvalidCompressionFormat,
        )?,
    };
    match (&input.csv, &input.json, &input.parquet) {
        (Some(csv), None, None) => Ok(Input::Csv(csv_input(csv)?, compression)),
        (None, Some(json), None) => Ok(Input::Json(json_type(json)?, compression)),
        (None, None, Some(_)) if compression != Compression::None => {
            Err(Code::InvalidCompressionFormat.into())
        }
        (None, None, Some(_)) => Ok(Input::Parquet),
        (None, None, None) => Err(Code::MissingRequiredParameter.into()),
        _ => Err(Code::ObjectSerializationConflict.into()),
    }
}

fn csv_input(csv: &api::CSVInput) -> Result<CsvInput, SelectError> {
    let usual = CsvInput::default();
    let headers =
        [("NONE", FileHeaderInfo::None), ("USE", FileHeaderInfo::Use), ("IGNORE", FileHeaderInfo::Ignore)];
    let file_header_info = match csv.file_header_info.as_deref() {
        None => usual.file_header_info,
        Some(word) => one_of(word, &headers, Code::InvalidFileHeaderInfo)?,
    };
    Ok(CsvInput {
        file_header_info,
        comments: character(&csv.comments, usual.comments),
        quote_character: character(&csv.quote_character, usual.quote_character),
        quote_escape_character: given(&csv.quote_escape_character, usual.quote_escape_character),
        record_delimiter: given(&csv.record_delimiter, usual.record_delimiter),
        field_delimiter: given(&csv.field_delimiter, usual.field_delimiter),
        allow_quoted_record_delimiter: csv.allow_quoted_record_delimiter.unwrap_or(false),
    })
}

fn json_type(json: &api::JSONInput) -> Result<JsonType, SelectError> {
    let word = json.r#type.as_deref().ok_or(Code::MissingRequiredParameter)?;
    let types = [("DOCUMENT", JsonType::Document), ("LINES", JsonType::Lines)];
    one_of(word, &types, Code::InvalidJsonType).map_err(|error| {
        let message =
            format!("The {word} jsonType is invalid. Please check the service documentation and try again.");
        SelectError::saying(error.code(), message)
    })
}

fn output_format(output: &api::OutputSerialization) -> Result<Output, SelectError> {
    match (&output.csv, &output.json) {
        (Some(csv), None) => csv_output(csv).map(Output::Csv),
        (None, Some(json)) => {
            Ok(Output::Json { record_delimiter: given(&json.record_delimiter, String::from("\n")) })
        }
        (None, None) => Err(Code::MissingRequiredParameter.into()),
        (Some(_), Some(_)) => Err(Code::ObjectSerializationConflict.into()),
    }
}

fn csv_output(csv: &api::CSVOutput) -> Result<CsvOutput, SelectError> {
    let usual = CsvOutput::default();
    let quoting = [("ALWAYS", QuoteFields::Always), ("ASNEEDED", QuoteFields::AsNeeded)];
    let quote_fields = match csv.quote_fields.as_deref() {
        None => usual.quote_fields,
        Some(word) => one_of(word, &quoting, Code::InvalidQuoteFields)?,
    };
    Ok(CsvOutput {
        quote_fields,
        quote_character: character(&csv.quote_character, usual.quote_character),
        quote_escape_character: given(&csv.quote_escape_character, usual.quote_escape_character),
        record_delimiter: given(&csv.record_delimiter, usual.record_delimiter),
        field_delimiter: given(&csv.field_delimiter, usual.field_delimiter),
    })
}

/// Words count in any case.
fn one_of<T: Copy>(word: &str, known: &[(&str, T)], otherwise: Code) -> Result<T, SelectError> {
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map(|(_, meant)| *meant).ok_or_else(|| otherwise.into())
}

/// An empty element means that there is no such character.
fn character(given: &Option<String>, usual: Option<String>) -> Option<String> {
    match given {
        None => usual,
        Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
    }
}

/// An empty element means the usual.
fn given(given: &Option<String>, usual: String) -> String {
    given.clone().filter(|text| !text.is_empty()).unwrap_or(usual)
}

impl From<SelectError> for Error {
    fn from(error: SelectError) -> Error {
        let code = error.code();
        let mut fault = Fault::custom(code.name(), code.status(), error.message());
        if let Some(cause) = error.cause() {
            fault = fault.because(cause);
        }
        Error::Other(fault)
    }
}
