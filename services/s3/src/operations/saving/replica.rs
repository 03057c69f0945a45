//! Versions that come from another bucket: they keep their id, and so their place among the versions of their key.

use store::Tx;

use super::{Newest, discard, make_way, newest, version, versioning};
use crate::directory::Bucket;
use crate::error::{Error, INVALID_REQUEST};
use crate::model::version::{VersionId, place};
use crate::records::{CURRENT, VERSIONS, VersionRecord, VersionTail, Versioning};

/// What became of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicated {
    Added {
        has_garbage: bool,
    },
    /// It was there before.
    Known,
}

/// Adds a version as it is elsewhere. `tail` names the garbage.
pub async fn put_replica(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    record: VersionRecord,
    tail: VersionTail,
) -> Result<Replicated, Error> {
    let (id, order) = (VersionId::of(record.version(), record.order()), record.order());
    let state = versioning(tx, bucket).await?;
    if state != Versioning::Enabled || id == VersionId::Null {
        return Err(Error::worded(&INVALID_REQUEST, "Versioning must be 'Enabled' on the bucket"));
    }
    if version(tx, bucket.id(), key, id).await?.is_some() {
        return Ok(Replicated::Known);
    }
    let newest = newest(tx, bucket.id(), key, state).await?;
    let newest_order = match &newest {
        Newest::Object(object) => Some(object.order),
        Newest::Marker(marker) => Some(marker.order),
        Newest::Nothing => None,
    };
    let is_taken = VERSIONS.get(tx, &bucket.id(), &place(key, order)).await?.is_some();
    if is_taken || newest_order == Some(order) {
        // Made in the same microsecond in both buckets: there is one place for two.
        return Err(Error::worded(&INVALID_REQUEST, "Another version was made at the same moment"));
    }
    if newest_order.is_some_and(|newest| newest > order) {
        VERSIONS.put(tx, &bucket.id(), &place(key, order), &record).await?;
        return Ok(Replicated::Added { has_garbage: false });
    }
    let mut garbage = Vec::new();
    make_way(tx, bucket.id(), key, newest, state, &mut garbage).await?;
    match &record {
        VersionRecord::Object(object) => CURRENT.put(tx, &bucket.id(), key, object).await?,
        VersionRecord::Marker(_) => {
            CURRENT.delete(tx, &bucket.id(), key).await?;
            VERSIONS.put(tx, &bucket.id(), &place(key, order), &record).await?;
        }
    }
    Ok(Replicated::Added { has_garbage: discard(tx, garbage, tail).await? })
}
