//! GetRecords.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base::{Arn, Region, Timestamp};
use dynamodb_api as items;
use dynamodbstreams_api::{
    AttributeValue, GetRecordsInput, GetRecordsOutput, Identity, OperationType, Record, StreamRecord,
};
use service::Call;
use table_engine::{AppendKey, Direction, ScanLimit};

use super::DynamoDBStreams;
use super::finding::{Stream, find, open};
use super::iterators::{Position, TRIMMED, behind, is_trimmed};
use super::listing::shown_view;
use super::shards::number;
use crate::error::Error;
use crate::limits::{ITERATOR_AGE_MAX, STREAM_RECORDS_BYTES_MAX, STREAM_RECORDS_MAX};
use crate::model::reading::shown_whole;
use crate::model::stream_record::{By, Event, StreamEntry};

pub fn by_iterator(
    streams: &DynamoDBStreams,
    call: &Call,
    input: &GetRecordsInput,
) -> Result<Vec<Arn>, Error> {
    let position = Position::open(&streams.dynamodb, call, &input.shard_iterator)?;
    Ok(position.stream.parse().ok().into_iter().collect())
}

pub async fn get_records(
    streams: &DynamoDBStreams,
    call: &Call,
    input: GetRecordsInput,
) -> Result<GetRecordsOutput, Error> {
    let dynamodb = &*streams.dynamodb;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(STREAM_RECORDS_MAX);
    if limit > STREAM_RECORDS_MAX {
        return Err(Error::LimitExceeded(format!(
            "GetRecords was called with a limit of {limit}, which is more than {STREAM_RECORDS_MAX}"
        )));
    }
    let position = Position::open(dynamodb, call, &input.shard_iterator)?;
    if call.now.since(position.made) >= ITERATOR_AGE_MAX {
        return Err(Error::ExpiredIterator(
            "The provided iterator exceeds the maximum age allowed.".to_owned(),
        ));
    }
    let stream = find(dynamodb, call, &position.stream).await?;
    let Some(shard) = stream.shards.find(&position.shard) else {
        // All that it had was trimmed.
        return Err(Error::TrimmedDataAccess(TRIMMED.to_owned()));
    };
    open(dynamodb, stream.place, &stream.record).await?;
    let range = shard.range(position.key());
    let mut page = table_engine::Page::default();
    if !range.is_empty() {
        let limit = ScanLimit { entries: limit, bytes: STREAM_RECORDS_BYTES_MAX };
        page = dynamodb.engine.scan(stream.space(), &range, Direction::Forward, limit).await?;
    }
    let mut records = Vec::with_capacity(page.pairs.len());
    let mut next = position.key();
    for (key, bytes) in &page.pairs {
        let key = AppendKey::decode(key).ok_or_else(|| Error::internal("a stream has a strange key"))?;
        next = behind(key);
        let entry =
            StreamEntry::decode(bytes).ok_or_else(|| Error::internal("a record of a stream is damaged"))?;
        let is_before = position.since.is_some_and(|since| entry.at < since);
        if !is_before && !is_trimmed(bytes, call.now) {
            records.push(record(&stream, call.region, key, &entry)?);
        }
    }
    let is_over = shard.closed.is_some() && !page.more;
    let next = (!is_over).then(|| {
        let next =
            Position { sequence: next.sequence, place: next.place, made: call.now, ..position.clone() };
        next.seal(dynamodb, call)
    });
    Ok(GetRecordsOutput { records: Some(records), next_shard_iterator: next.transpose()? })
}

fn record(stream: &Stream, region: Region, key: AppendKey, entry: &StreamEntry<'_>) -> Result<Record, Error> {
    let mut size = 0;
    let mut image = |bytes: &[u8]| -> Result<BTreeMap<String, AttributeValue>, Error> {
        let (attributes, bytes) = shown_whole(bytes)?;
        size += bytes;
        Ok(attributes.into_iter().map(|(name, value)| (name, shown(value))).collect())
    };
    let keys = image(entry.keys)?;
    let new_image = entry.new.map(&mut image).transpose()?;
    let old_image = entry.old.map(&mut image).transpose()?;
    let identity = || Identity {
        principal_id: Some("dynamodb.amazonaws.com".to_owned()),
        r#type: Some("Service".to_owned()),
    };
    Ok(Record {
        event_id: Some(event_id(stream, key)),
        event_name: Some(match entry.event {
            Event::Insert => OperationType::Insert,
            Event::Modify => OperationType::Modify,
            Event::Remove => OperationType::Remove,
        }),
        event_version: Some("1.1".to_owned()),
        event_source: Some("aws:dynamodb".to_owned()),
        aws_region: Some(region.as_str().to_owned()),
        dynamodb: Some(StreamRecord {
            approximate_creation_date_time: Some(Timestamp::from_secs(entry.at.as_secs())),
            keys: Some(keys),
            new_image,
            old_image,
            sequence_number: Some(number(key)),
            size_bytes: Some(i64::try_from(size).expect("items are bounded far below")),
            stream_view_type: Some(shown_view(stream.record.view)),
        }),
        user_identity: (entry.by == By::TimeToLive).then(identity),
    })
}

/// 32 hexadecimal digits that no other record has.
fn event_id(stream: &Stream, key: AppendKey) -> String {
    let digest = digest(&SHA256, format!("{}/{}", stream.record.space, number(key)).as_bytes());
    digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same value in the types of the other API.
fn shown(value: items::AttributeValue) -> AttributeValue {
    use items::AttributeValue as Item;
    match value {
        Item::Unset => AttributeValue::Unset,
        Item::S(text) => AttributeValue::S(text),
        Item::N(number) => AttributeValue::N(number),
        Item::B(bytes) => AttributeValue::B(bytes),
        Item::SS(texts) => AttributeValue::SS(texts),
        Item::NS(numbers) => AttributeValue::NS(numbers),
        Item::BS(all) => AttributeValue::BS(all),
        Item::M(entries) => {
            AttributeValue::M(entries.into_iter().map(|(name, value)| (name, shown(value))).collect())
        }
        Item::L(values) => AttributeValue::L(values.into_iter().map(shown).collect()),
        Item::NULL(is_null) => AttributeValue::NULL(is_null),
        Item::BOOL(truth) => AttributeValue::BOOL(truth),
        Item::Several(values) => AttributeValue::Several(values.into_iter().map(shown).collect()),
    }
}
