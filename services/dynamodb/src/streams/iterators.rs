//! GetShardIterator, and what iterators say. An iterator is sealed, good for a quarter of an hour, and for whoever got
//! it.

use base::{Arn, Timestamp};
use dynamodbstreams_api::{GetShardIteratorInput, GetShardIteratorOutput, ShardIteratorType};
use serde::{Deserialize, Serialize};
use service::Call;
use table_engine::{AppendKey, Direction, KeyRange, ScanLimit};

use super::DynamoDBStreams;
use super::finding::{Stream, find, open};
use super::shards::{Shard, parse_number};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::STREAM_AGE_MAX;
use crate::model::stream_record::StreamEntry;

/// Where reading goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub stream: String,
    pub shard: String,
    pub sequence: u64,
    pub place: u32,
    /// Records that are older are passed over.
    pub since: Option<Timestamp>,
    pub made: Timestamp,
}

const OPERATION: &str = "GetRecords";
pub const TRIMMED: &str = "The data you are trying to access has been trimmed.";

impl Position {
    pub fn key(&self) -> AppendKey {
        AppendKey { sequence: self.sequence, place: self.place }
    }

    pub fn seal(&self, dynamodb: &DynamoDB, call: &Call) -> Result<String, Error> {
        let text = serde_json::to_string(self).map_err(Error::internal)?;
        Ok(dynamodb.pages.make(OPERATION, call.account, &text))
    }

    pub fn open(dynamodb: &DynamoDB, call: &Call, iterator: &str) -> Result<Position, Error> {
        let invalid = || Error::validation("Invalid ShardIterator");
        let text = dynamodb.pages.read(OPERATION, call.account, iterator).map_err(|_| invalid())?;
        serde_json::from_str(&text).map_err(|_| invalid())
    }
}

/// The key behind another.
pub fn behind(key: AppendKey) -> AppendKey {
    match key.place.checked_add(1) {
        Some(place) => AppendKey { place, ..key },
        None => AppendKey { sequence: key.sequence + 1, place: 0 },
    }
}

pub fn by_stream(_: &DynamoDBStreams, _: &Call, input: &GetShardIteratorInput) -> Result<Vec<Arn>, Error> {
    Ok(input.stream_arn.parse().ok().into_iter().collect())
}

pub async fn get_shard_iterator(
    streams: &DynamoDBStreams,
    call: &Call,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput, Error> {
    let dynamodb = &*streams.dynamodb;
    let stream = find(dynamodb, call, &input.stream_arn).await?;
    let Some(shard) = stream.shards.find(&input.shard_id) else {
        return Err(Error::ResourceNotFound(format!(
            "Requested resource not found: Shard: {} in Stream: {} not found",
            input.shard_id, input.stream_arn
        )));
    };
    let mut since = None;
    let key = match &input.shard_iterator_type {
        ShardIteratorType::TrimHorizon => shard.start(),
        ShardIteratorType::Latest => {
            let next = AppendKey { sequence: dynamodb.engine.snapshot().sequence(), place: 0 };
            shard.closed.map_or(next, |closed| AppendKey { sequence: closed.end, place: 0 })
        }
        ShardIteratorType::AtSequenceNumber => at_number(dynamodb, call, &stream, shard, &input).await?,
        ShardIteratorType::AfterSequenceNumber => {
            behind(at_number(dynamodb, call, &stream, shard, &input).await?)
        }
        ShardIteratorType::AtTimestamp => {
            let Some(at) = input.timestamp else {
                return Err(Error::validation("Timestamp is required for the iterator type AT_TIMESTAMP"));
            };
            if at > call.now {
                return Err(Error::validation("The timestamp provided is in the future"));
            }
            since = Some(at);
            shard.start()
        }
        ShardIteratorType::Unknown(other) => {
            return Err(Error::validation(format!("Invalid ShardIteratorType: {other}")));
        }
    };
    let position = Position {
        stream: input.stream_arn.clone(),
        shard: shard.id.clone(),
        sequence: key.sequence,
        place: key.place,
        since,
        made: call.now,
    };
    Ok(GetShardIteratorOutput { shard_iterator: Some(position.seal(dynamodb, call)?) })
}

/// The record that a sequence number names, which has to be in the shard and not trimmed yet.
async fn at_number(
    dynamodb: &DynamoDB,
    call: &Call,
    stream: &Stream,
    shard: &Shard,
    input: &GetShardIteratorInput,
) -> Result<AppendKey, Error> {
    let Some(text) = &input.sequence_number else {
        return Err(Error::validation(format!(
            "SequenceNumber is required for the iterator type {}",
            input.shard_iterator_type.as_str()
        )));
    };
    let key = parse_number(text).filter(|key| shard.holds(*key)).ok_or_else(|| {
        Error::validation(format!("Invalid SequenceNumber {text} for the shard {}", shard.id))
    })?;
    // The shard's own first number is no record's.
    if key == shard.start() {
        return Ok(key);
    }
    open(dynamodb, stream.place, &stream.record).await?;
    let space = stream.space();
    let trimmed = || Error::TrimmedDataAccess(TRIMMED.to_owned());
    match dynamodb.engine.get(space, &key.encode()).await? {
        Some(bytes) if is_trimmed(&bytes, call.now) => Err(trimmed()),
        Some(_) => Ok(key),
        None => {
            let limit = ScanLimit::entries(1);
            let first = dynamodb.engine.scan(space, &KeyRange::all(), Direction::Forward, limit).await?;
            let oldest = first.pairs.first().and_then(|(oldest, _)| AppendKey::decode(oldest));
            if oldest.is_none_or(|oldest| key < oldest) { Err(trimmed()) } else { Ok(key) }
        }
    }
}

/// Whether a record is older than streams keep them.
pub fn is_trimmed(bytes: &[u8], now: Timestamp) -> bool {
    StreamEntry::time_of(bytes).is_some_and(|at| now.since(at) >= STREAM_AGE_MAX)
}
