//! Making, replacing and removing versions of objects: the one place where [`CURRENT`] and [`VERSIONS`] change.
//!
//! Everything here happens inside the caller's transaction, and agrees with the bucket as it is at that moment, not as
//! it was when the request came: a bucket that was deleted meanwhile takes nothing, and one whose versioning was
//! switched on keeps what would have been overwritten. What nobody refers to any more is written down as garbage in
//! the same transaction. A transaction may run again after a run whose writes did happen: what it left is known by its
//! stamp, or by its content, which nobody else refers to, and is neither made twice nor taken for something to replace.
//! Reference: "How S3 Versioning works" of the S3 guide.

mod replica;

use base::{Ids, Timestamp};
use object_engine::Extent;
use store::{Select, Tx};

use crate::directory::{Bucket, no_such_bucket};
use crate::error::Error;
use crate::model::version::{VersionId, place, place_prefix};
use crate::records::{
    BucketId, CURRENT, GARBAGE, GarbageRecord, MOVED, MarkerRecord, NULL_VERSIONS, NullRecord, ObjectRecord,
    STATES, VERSIONS, VersionRecord, VersionTail, Versioning,
};

pub use replica::{Replicated, put_replica};

/// What became of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The new version's id, in buckets that have or had versioning. `null` where that is suspended.
    pub version_id: Option<String>,
    pub is_delete_marker: bool,
    /// Something is other than before: not where a deletion found nothing.
    pub is_change: bool,
    /// Ascends with the changes of a key, for those who are told of them.
    pub order: u64,
    /// There was garbage: nudge the task that gives room back.
    pub has_garbage: bool,
}

/// What a change is stamped with; drawn once a call, so that a transaction that runs again does the same.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub tail: VersionTail,
    pub now: Timestamp,
}

impl Stamp {
    pub fn draw(ids: &Ids, now: Timestamp) -> Stamp {
        Stamp { tail: VersionTail(ids.bytes()), now }
    }
}

/// A key's newest version.
#[derive(Clone, Debug, PartialEq)]
pub enum Newest {
    Object(Box<ObjectRecord>),
    Marker(MarkerRecord),
    Nothing,
}

/// The bucket's versioning at this moment; `NoSuchBucket` if the bucket is gone.
pub async fn versioning(tx: &Tx, bucket: &Bucket) -> Result<Versioning, Error> {
    let state = STATES.get(tx, &bucket.id(), "").await?;
    Ok(state.ok_or_else(|| no_such_bucket(&bucket.name))?.versioning)
}

/// The newest version of a key, delete markers included.
pub async fn newest(tx: &Tx, bucket: BucketId, key: &str, versioning: Versioning) -> Result<Newest, Error> {
    if let Some(object) = CURRENT.get(tx, &bucket, key).await? {
        return Ok(Newest::Object(Box::new(object)));
    }
    if versioning == Versioning::Never {
        return Ok(Newest::Nothing);
    }
    let prefix = place_prefix(key);
    let first = VERSIONS.scan(tx, &bucket, Select::prefix(&prefix), 1).await?;
    Ok(match first.records.into_iter().next() {
        Some((_, VersionRecord::Marker(marker))) => Newest::Marker(marker),
        // An older version never stands alone: deleting the newest makes it current.
        Some((_, VersionRecord::Object(object))) => Newest::Object(object),
        None => Newest::Nothing,
    })
}

/// One version by its id, with whether it is the current object.
pub async fn version(
    tx: &Tx,
    bucket: BucketId,
    key: &str,
    id: VersionId,
) -> Result<Option<(VersionRecord, bool)>, Error> {
    if let Some(current) = CURRENT.get(tx, &bucket, key).await?
        && VersionId::of(current.version, current.order) == id
    {
        return Ok(Some((VersionRecord::Object(Box::new(current)), true)));
    }
    let order = match id {
        VersionId::Numbered { order, .. } => Some(order),
        VersionId::Null => NULL_VERSIONS.get(tx, &bucket, key).await?.map(|null| null.order),
    };
    let Some(order) = order else { return Ok(None) };
    let found = VERSIONS.get(tx, &bucket, &place(key, order)).await?;
    let is_it = |record: &VersionRecord| VersionId::of(record.version(), record.order()) == id;
    Ok(found.filter(is_it).map(|record| (record, false)))
}

/// Makes `object` the newest version of its key, if `check` lets it replace what is there (conditional writes). Its
/// `version` and `order` are set here, from `tail` and `now`.
pub async fn put(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    mut object: ObjectRecord,
    Stamp { tail, now }: Stamp,
    check: impl Fn(&Newest) -> Result<(), Error>,
) -> Result<Saved, Error> {
    let versioning = versioning(tx, bucket).await?;
    let mut garbage = Vec::new();
    let newest = newest(tx, bucket.id(), key, versioning).await?;
    if let Newest::Object(current) = &newest
        && is_same_put(current, &object, tail)
    {
        let (version_id, order) = (shown(versioning, current.version, current.order), current.order);
        return Ok(Saved { version_id, order, is_change: true, has_garbage: true, ..Saved::default() });
    }
    check(&newest)?;
    object.order = next_order(&newest, now);
    object.version = (versioning == Versioning::Enabled).then_some(tail);
    make_way(tx, bucket.id(), key, newest, versioning, &mut garbage).await?;
    CURRENT.put(tx, &bucket.id(), key, &object).await?;
    let version_id = shown(versioning, object.version, object.order);
    let has_garbage = discard(tx, garbage, tail).await?;
    Ok(Saved { version_id, is_delete_marker: false, is_change: true, order: object.order, has_garbage })
}

/// Deletes a key without naming a version: for good without versioning, else by a delete marker.
pub async fn delete(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    Stamp { tail, now }: Stamp,
    check: impl Fn(&Newest) -> Result<(), Error>,
) -> Result<Saved, Error> {
    let versioning = versioning(tx, bucket).await?;
    let mut garbage = Vec::new();
    let newest = newest(tx, bucket.id(), key, versioning).await?;
    if let Newest::Marker(MarkerRecord { version: Some(version), order, .. }) = &newest
        && *version == tail
    {
        let version_id = shown(versioning, Some(tail), *order);
        return Ok(Saved {
            version_id,
            is_delete_marker: true,
            is_change: true,
            order: *order,
            has_garbage: true,
        });
    }
    check(&newest)?;
    let order = next_order(&newest, now);
    if versioning == Versioning::Never {
        let is_change = newest != Newest::Nothing;
        if let Newest::Object(object) = newest {
            garbage.extend(object.content.extents);
            CURRENT.delete(tx, &bucket.id(), key).await?;
        }
        let has_garbage = discard(tx, garbage, tail).await?;
        return Ok(Saved { order, is_change, has_garbage, ..Saved::default() });
    }
    let version = (versioning == Versioning::Enabled).then_some(tail);
    make_way(tx, bucket.id(), key, newest, versioning, &mut garbage).await?;
    CURRENT.delete(tx, &bucket.id(), key).await?;
    let marker = MarkerRecord { version, order, modified: now, owner: None };
    VERSIONS.put(tx, &bucket.id(), &place(key, order), &VersionRecord::Marker(marker)).await?;
    if version.is_none() {
        NULL_VERSIONS.put(tx, &bucket.id(), key, &NullRecord { order }).await?;
    }
    let has_garbage = discard(tx, garbage, tail).await?;
    let version_id = shown(versioning, version, order);
    Ok(Saved { version_id, is_delete_marker: true, is_change: true, order, has_garbage })
}

/// Removes one version for good, if `check` lets it go. If it was the newest, the one before it becomes that. A version
/// that is not there is gone already, which is no error.
pub async fn delete_version(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    id: VersionId,
    Stamp { tail, now }: Stamp,
    check: impl Fn(&VersionRecord) -> Result<(), Error>,
) -> Result<Saved, Error> {
    let versioning = versioning(tx, bucket).await?;
    let version_id = Some(id.to_string());
    let order = next_order(&newest(tx, bucket.id(), key, versioning).await?, now);
    let Some((record, is_current)) = version(tx, bucket.id(), key, id).await? else {
        return Ok(Saved { version_id, order, ..Saved::default() });
    };
    check(&record)?;
    let is_delete_marker = matches!(record, VersionRecord::Marker(_));
    if is_current {
        CURRENT.delete(tx, &bucket.id(), key).await?;
    } else {
        remove_older(tx, bucket.id(), key, &record).await?;
    }
    promote(tx, bucket.id(), key, tail).await?;
    let garbage = match record {
        VersionRecord::Object(object) => object.content.extents,
        VersionRecord::Marker(_) => Vec::new(),
    };
    let has_garbage = discard(tx, garbage, tail).await?;
    Ok(Saved { version_id, is_delete_marker, is_change: true, order, has_garbage })
}

/// Moves an object to another key, over what is there, if `check` lets it: it sees what is at the old key and at the new
/// one. For buckets without versioning.
pub async fn rename(
    tx: &Tx,
    bucket: &Bucket,
    from: &str,
    to: &str,
    Stamp { tail, now }: Stamp,
    check: impl Fn(Option<&ObjectRecord>, &Newest) -> Result<(), Error>,
) -> Result<Saved, Error> {
    let versioning = versioning(tx, bucket).await?;
    assert!(versioning == Versioning::Never, "only directory buckets rename, and these have no versions");
    let source = CURRENT.get(tx, &bucket.id(), from).await?;
    let newest = newest(tx, bucket.id(), to, versioning).await?;
    check(source.as_ref(), &newest)?;
    let Some(mut object) = source else { return Ok(Saved::default()) };
    let (mut garbage, order) = (Vec::new(), next_order(&newest, now));
    object.order = order;
    make_way(tx, bucket.id(), to, newest, versioning, &mut garbage).await?;
    CURRENT.delete(tx, &bucket.id(), from).await?;
    CURRENT.put(tx, &bucket.id(), to, &object).await?;
    moved(tx, &object.content.extents, tail).await?;
    let has_garbage = discard(tx, garbage, tail).await?;
    Ok(Saved { order, is_change: true, has_garbage, ..Saved::default() })
}

/// Writes a version back that was changed in place: its tags, its lock, its class.
pub async fn rewrite(
    tx: &Tx,
    bucket: BucketId,
    key: &str,
    object: &ObjectRecord,
    is_current: bool,
) -> Result<(), Error> {
    if is_current {
        CURRENT.put(tx, &bucket, key, object).await?;
    } else {
        let record = VersionRecord::Object(Box::new(object.clone()));
        VERSIONS.put(tx, &bucket, &place(key, object.order), &record).await?;
    }
    Ok(())
}

/// Notes extents that nobody refers to any more. `name` is random and used once.
pub async fn discard(tx: &Tx, extents: Vec<Extent>, name: VersionTail) -> Result<bool, Error> {
    if extents.is_empty() {
        return Ok(false);
    }
    let name = u128::from_be_bytes(name.0);
    GARBAGE.put(tx, &(), &format!("{name:032x}"), &GarbageRecord { extents }).await?;
    Ok(true)
}

/// Clears the newest place of a key: what was there becomes an older version or, where there is no versioning or it is
/// the `null` version that is replaced, garbage.
async fn make_way(
    tx: &Tx,
    bucket: BucketId,
    key: &str,
    newest: Newest,
    versioning: Versioning,
    garbage: &mut Vec<Extent>,
) -> Result<(), Error> {
    if versioning == Versioning::Suspended
        && let Some(null) = NULL_VERSIONS.get(tx, &bucket, key).await?
        && let Some(record) = VERSIONS.get(tx, &bucket, &place(key, null.order)).await?
    {
        remove_older(tx, bucket, key, &record).await?;
        if let VersionRecord::Object(object) = record {
            garbage.extend(object.content.extents);
        }
    }
    let Newest::Object(current) = newest else { return Ok(()) };
    let is_replaced = current.version.is_none() && versioning != Versioning::Enabled;
    if is_replaced {
        garbage.extend(current.content.extents);
        return Ok(());
    }
    if current.version.is_none() {
        NULL_VERSIONS.put(tx, &bucket, key, &NullRecord { order: current.order }).await?;
    }
    let place = place(key, current.order);
    VERSIONS.put(tx, &bucket, &place, &VersionRecord::Object(current)).await?;
    Ok(())
}

async fn remove_older(tx: &Tx, bucket: BucketId, key: &str, record: &VersionRecord) -> Result<(), Error> {
    VERSIONS.delete(tx, &bucket, &place(key, record.order())).await?;
    if record.version().is_none() {
        NULL_VERSIONS.delete(tx, &bucket, key).await?;
    }
    Ok(())
}

/// Notes that content goes to where the sweep has been already: to another key, or from older versions to objects.
/// `name` is random and used once.
pub async fn moved(tx: &Tx, extents: &[Extent], name: VersionTail) -> Result<(), Error> {
    if !extents.is_empty() {
        let name = u128::from_be_bytes(name.0);
        MOVED.put(tx, &(), &format!("{name:032x}"), &GarbageRecord { extents: extents.to_vec() }).await?;
    }
    Ok(())
}

/// After the newest version is gone: the next one becomes current, unless it is a delete marker.
async fn promote(tx: &Tx, bucket: BucketId, key: &str, tail: VersionTail) -> Result<(), Error> {
    if CURRENT.get(tx, &bucket, key).await?.is_some() {
        return Ok(());
    }
    let prefix = place_prefix(key);
    let first = VERSIONS.scan(tx, &bucket, Select::prefix(&prefix), 1).await?;
    if let Some((_, record)) = first.records.into_iter().next()
        && let VersionRecord::Object(object) = &record
    {
        remove_older(tx, bucket, key, &record).await?;
        CURRENT.put(tx, &bucket, key, object).await?;
        moved(tx, &object.content.extents, tail).await?;
    }
    Ok(())
}

/// Whether an earlier run of the same transaction has put the object. An empty one without a version's id could be
/// anybody's.
fn is_same_put(current: &ObjectRecord, object: &ObjectRecord, tail: VersionTail) -> bool {
    match current.version {
        Some(version) => version == tail,
        None => !object.content.extents.is_empty() && current.content.extents == object.content.extents,
    }
}

/// The id of a version as answers give it: not in buckets that never had versioning.
pub fn shown(versioning: Versioning, version: Option<VersionTail>, order: u64) -> Option<String> {
    (versioning != Versioning::Never).then(|| VersionId::of(version, order).to_string())
}

/// Orders ascend within a key, even where the clock does not.
fn next_order(newest: &Newest, now: Timestamp) -> u64 {
    let micros = u64::try_from(now.as_millis()).unwrap_or(0) * 1000;
    match newest {
        Newest::Object(object) => micros.max(object.order + 1),
        Newest::Marker(marker) => micros.max(marker.order + 1),
        Newest::Nothing => micros,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::object_for_tests;
