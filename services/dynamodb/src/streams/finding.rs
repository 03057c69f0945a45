//! Finding streams by their ARNs, and making the engine ready for them: they may be those of tables that are gone.

use base::{AccountId, Arn, Region, Timestamp};
use service::Call;
use table_engine::SpaceId;

use super::shards::{SHARDS, ShardsRecord};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::STREAM_AGE_MAX;
use crate::model::resource_arn::{self, Resource};
use crate::model::table_name::table_arn;
use crate::operations::making::{below, stream_key};
use crate::records::{Place, STREAMS, StreamRecord};

/// A stream that can be read.
pub struct Stream {
    pub place: Place,
    pub record: StreamRecord,
    pub shards: ShardsRecord,
}

impl Stream {
    pub fn arn(&self) -> Arn {
        arn_of(self.place, &self.record)
    }

    pub fn space(&self) -> SpaceId {
        SpaceId(self.record.space)
    }
}

pub fn arn_of(place: Place, record: &StreamRecord) -> Arn {
    below(&table_arn(place, &record.table), "stream", &record.label)
}

/// Streams that ended can be read for another day.
pub fn is_gone(record: &StreamRecord, now: Timestamp) -> bool {
    record.disabled.is_some_and(|at| now.since(at) >= STREAM_AGE_MAX)
}

/// What a stream's ARN names, and where that is.
pub fn parse(text: &str) -> Result<(AccountId, Region, String), Error> {
    let arn: Option<Arn> = text.parse().ok().filter(|arn: &Arn| arn.service() == "dynamodb");
    let place = arn.as_ref().and_then(|arn| arn.account().zip(arn.region()));
    match (place, arn.as_ref().and_then(resource_arn::kind)) {
        (Some((account, region)), Some(Resource::Stream { table, label })) => {
            Ok((account, region, stream_key(&table, &label)))
        }
        _ => Err(Error::validation(format!("Invalid StreamArn: {text}"))),
    }
}

pub fn not_found(arn: &str) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: Stream: {arn} not found"))
}

/// A stream of this region, which may be another account's.
pub async fn find(dynamodb: &DynamoDB, call: &Call, arn: &str) -> Result<Stream, Error> {
    let (account, region, key) = parse(arn)?;
    let place = (account, region);
    let (place_of, name) = (&place, key.as_str());
    let found = dynamodb
        .store
        .read(|tx| async move {
            let record = STREAMS.get(&tx, place_of, name).await?;
            Ok::<_, store::StoreError>((record, SHARDS.get(&tx, place_of, name).await?))
        })
        .await?;
    let (Some(record), shards) = found else { return Err(not_found(arn)) };
    if region != call.region || is_gone(&record, call.now) {
        return Err(not_found(arn));
    }
    let shards = shards.unwrap_or_else(|| ShardsRecord::first(&record));
    Ok(Stream { place, record, shards })
}

/// Opens the space of a stream, which is nothing new for the engine after the first time.
pub async fn open(dynamodb: &DynamoDB, place: Place, record: &StreamRecord) -> Result<(), Error> {
    let key = dynamodb.directory.keys.open(place, &record.encryption).await?;
    dynamodb.engine.create_space(SpaceId(record.space), key.of_space(record.space)).await?;
    Ok(())
}
