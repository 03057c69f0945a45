//! Reads imports: all objects below a prefix, as lines that are items, into a table that cannot be used before.
//!
//! An import that is interrupted is read again from its beginning, which puts the same items again.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use dynamodb_api as api;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;
use item_engine::{Item, encoding};
use s3_api::{GetObject, GetObjectInput, ListObjectsV2, ListObjectsV2Input};
use schema::Fault;
use service::{AsService, Kept, Pass, Task};

use super::restore::put_all;
use super::{IMPORT, PERIOD, done, place_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::encryption::PRINCIPAL;
use crate::error::Error;
use crate::limits::{IMPORT_LINE_BYTES_MAX, ITEM_BYTES_MAX, PASS_ITEMS_MAX};
use crate::model::item_json::{read_csv, read_line, split_csv};
use crate::model::primary_key;
use crate::records::{IMPORTS, ImportRecord, JobState, Place, TableStatus};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.import", PERIOD, dynamodb.importing.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    for (key, work) in work_of(dynamodb, IMPORT).await? {
        let (place, id) = (place_of(&work), key.rsplit('/').next().unwrap_or_default());
        let record_key = format!("{}/{id}", work.table);
        let name = record_key.as_str();
        let found = dynamodb.store.read(|tx| async move { IMPORTS.get(&tx, &place, name).await }).await?;
        if let Some(import) = found.filter(|import| import.state == JobState::InProgress) {
            let ended = &run(dynamodb, place, import).await?;
            dynamodb.store.transact(|tx| async move { IMPORTS.put(&tx, &place, name, ended).await }).await?;
        }
        done(dynamodb, &key).await?;
    }
    Ok(Pass::Done)
}

async fn run(dynamodb: &DynamoDB, place: Place, import: ImportRecord) -> Result<ImportRecord, Error> {
    let view = dynamodb.directory.find(place, &import.table).await?;
    let Some(view) = view.filter(|view| view.record.id == import.table_id) else {
        let gone = Error::TableNotFound(format!("Table not found: {}", import.table_arn));
        return Ok(failed(dynamodb, import, &gone.into()));
    };
    let mut reading = Reading::new(dynamodb, &view, &import);
    let ended = match reading.objects().await {
        Ok(()) => ImportRecord {
            bytes: reading.bytes,
            processed: reading.processed,
            imported: reading.imported,
            errors: reading.errors,
            state: JobState::Completed { at: dynamodb.clock.now() },
            ..import
        },
        Err(Error::Other(fault)) if fault.status() < 500 => failed(dynamodb, import, &fault),
        Err(error) => return Err(error),
    };
    dynamodb
        .directory
        .change(&view, |record| {
            record.status = TableStatus::Active;
            Ok(())
        })
        .await?;
    Ok(ended)
}

fn failed(dynamodb: &DynamoDB, import: ImportRecord, fault: &Fault) -> ImportRecord {
    let code = match fault.name() {
        "NoSuchBucket" => "S3NoSuchBucket",
        "NoSuchKey" => "S3NoSuchKey",
        "AccessDenied" => "S3AccessDenied",
        other => other,
    };
    let (code, message) = (code.to_owned(), fault.message().to_owned());
    ImportRecord { state: JobState::Failed { at: dynamodb.clock.now(), code, message }, ..import }
}

/// One import while it is read.
struct Reading<'a> {
    dynamodb: &'a DynamoDB,
    view: &'a Arc<TableView>,
    wish: &'a api::ImportTableInput,
    s3: AsService,
    /// The types of the key attributes, for comma-separated values.
    kinds: BTreeMap<String, char>,
    header: Option<Vec<String>>,
    /// Items that wait to be put, by their keys.
    waiting: BTreeMap<Bytes, Option<Bytes>>,
    bytes: u64,
    processed: u64,
    imported: u64,
    errors: u64,
}

impl<'a> Reading<'a> {
    fn new(dynamodb: &'a DynamoDB, view: &'a Arc<TableView>, import: &'a ImportRecord) -> Reading<'a> {
        let Kept(wish) = &import.wish;
        let kind = |attribute: &crate::records::AttributeRecord| {
            let kind = attribute.kind.as_str().chars().next().expect("a type has a letter");
            (attribute.name.clone(), kind)
        };
        Reading {
            dynamodb,
            view,
            wish,
            s3: dynamodb.aws.as_caller(&import.call).via(PRINCIPAL),
            kinds: view.record.attributes.iter().map(kind).collect(),
            header: None,
            waiting: BTreeMap::new(),
            bytes: 0,
            processed: 0,
            imported: 0,
            errors: 0,
        }
    }

    async fn objects(&mut self) -> Result<(), Error> {
        let source = &self.wish.s3_bucket_source;
        let mut continuation_token = None;
        loop {
            let input = ListObjectsV2Input {
                bucket: source.s3_bucket.clone(),
                prefix: source.s3_key_prefix.clone(),
                continuation_token,
                expected_bucket_owner: source.s3_bucket_owner.clone(),
                ..ListObjectsV2Input::default()
            };
            let page = self.s3.call(ListObjectsV2, input).await?;
            for object in page.contents.unwrap_or_default() {
                if let Some(key) = object.key.filter(|_| object.size != Some(0)) {
                    self.object(key).await?;
                }
            }
            continuation_token = page.next_continuation_token;
            if continuation_token.is_none() {
                return Ok(());
            }
        }
    }

    async fn object(&mut self, key: String) -> Result<(), Error> {
        let source = &self.wish.s3_bucket_source;
        let input = GetObjectInput {
            bucket: source.s3_bucket.clone(),
            key,
            expected_bucket_owner: source.s3_bucket_owner.clone(),
            ..GetObjectInput::default()
        };
        let output = self.s3.call(GetObject, input).await?;
        let Some(body) = output.body else { return Ok(()) };
        let mut lines = Lines::new(self.wish.input_compression_type == Some(api::InputCompressionType::Gzip));
        let csv = self.wish.input_format_options.as_ref().and_then(|options| options.csv.as_ref());
        self.header = csv.and_then(|csv| csv.header_list.clone());
        let mut pieces = body.take();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(Error::internal)?;
            self.bytes += piece.len() as u64;
            if lines.push(&piece).is_err() {
                // What cannot be read is one error, and the rest of the object is left out.
                self.processed += 1;
                self.errors += 1;
                return self.flush().await;
            }
            while let Some(line) = lines.next() {
                self.line(&line).await?;
            }
        }
        lines.finish();
        while let Some(line) = lines.next() {
            self.line(&line).await?;
        }
        if let Some(line) = lines.last() {
            self.line(&line).await?;
        }
        self.flush().await
    }

    async fn line(&mut self, line: &str) -> Result<(), Error> {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return Ok(());
        }
        let item = match self.wish.input_format {
            api::InputFormat::Csv => {
                let fields = split_csv(line, self.delimiter());
                let Some(header) = &self.header else {
                    self.header = Some(fields);
                    return Ok(());
                };
                read_csv(&fields, header, &self.kinds)
            }
            _ => read_line(line),
        };
        self.processed += 1;
        match item.and_then(|item| self.accept(item)) {
            Some((key, bytes)) => {
                self.imported += u64::from(self.waiting.insert(key, Some(bytes)).is_none());
            }
            None => self.errors += 1,
        }
        if self.waiting.len() >= PASS_ITEMS_MAX { self.flush().await } else { Ok(()) }
    }

    fn delimiter(&self) -> char {
        let csv = self.wish.input_format_options.as_ref().and_then(|options| options.csv.as_ref());
        csv.and_then(|csv| csv.delimiter.as_ref()?.chars().next()).unwrap_or(',')
    }

    fn accept(&self, item: Item) -> Option<(Bytes, Bytes)> {
        let key = primary_key::of_item(&self.view.key, &item).ok()?;
        let is_small = item_engine::size::item_bytes(&item) <= ITEM_BYTES_MAX;
        is_small.then(|| (key.into(), encoding::encode(&item).into()))
    }

    async fn flush(&mut self) -> Result<(), Error> {
        put_all(self.dynamodb, self.view, std::mem::take(&mut self.waiting)).await
    }
}

/// Lines out of pieces, compressed or not.
struct Lines {
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
    plain: Vec<u8>,
    /// How far the plain text is read.
    read: usize,
}

/// An object that is not what it was said to be.
struct Unreadable;

impl Lines {
    fn new(is_compressed: bool) -> Lines {
        Lines { decoder: is_compressed.then(|| MultiGzDecoder::new(Vec::new())), plain: Vec::new(), read: 0 }
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Unreadable> {
        self.plain.drain(..self.read);
        self.read = 0;
        match &mut self.decoder {
            None => self.plain.extend_from_slice(piece),
            Some(decoder) => {
                decoder.write_all(piece).map_err(|_| Unreadable)?;
                self.plain.append(decoder.get_mut());
            }
        }
        let is_endless = self.plain.len() > IMPORT_LINE_BYTES_MAX && !self.plain.contains(&b'\n');
        if is_endless { Err(Unreadable) } else { Ok(()) }
    }

    fn next(&mut self) -> Option<String> {
        let rest = &self.plain[self.read..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.read += end + 1;
        Some(line)
    }

    /// Nothing more comes. What is compressed and not complete is left at that.
    fn finish(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            drop(decoder.try_finish());
            self.plain.append(decoder.get_mut());
        }
    }

    /// What is behind the last end of a line.
    fn last(&mut self) -> Option<String> {
        let rest = self.plain.split_off(self.read);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}
