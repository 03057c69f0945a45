//! Going through all content that records refer to, in the order in which it moves on: parts, objects, older versions.

use object_engine::Extent;
use store::{Listing, Select, Store, StoreError, Table, Tx, Versioned};

use crate::model::version::{VersionId, key_of, place};
use crate::records::{
    BUCKETS, BucketId, CURRENT, NULL_VERSIONS, ObjectRecord, PARTS, PartRecord, Position, VERSIONS,
    VersionRecord,
};

/// Who refers to content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub id: BucketId,
    pub bucket: String,
    /// Empty for parts, which know their upload only.
    pub key: String,
    /// The version's id; of a part its upload and number.
    pub what: String,
}

/// Content, with who refers to it.
#[derive(Clone, Debug)]
pub struct Held {
    pub holder: Holder,
    pub extents: Vec<Extent>,
}

impl Holder {
    /// Where it lies in [`crate::records::DAMAGED`].
    pub fn place(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.key.as_bytes());
        let digest: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest}/{}", self.what)
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.key.is_empty() {
            write!(f, "bucket {}, part {}", self.bucket, self.what)
        } else {
            write!(f, "s3://{}/{} version {}", self.bucket, self.key, self.what)
        }
    }
}

const PARTS_STAGE: u8 = 0;
const OBJECTS_STAGE: u8 = 1;
const VERSIONS_STAGE: u8 = 2;

/// At most `limit` records from a position on, and where to go on. What is between two buckets, or without content,
/// makes pages shorter, and empty ones are not the end: that is when there is no position any more.
pub async fn page(
    store: &Store,
    position: &Position,
    limit: usize,
) -> Result<(Vec<Held>, Option<Position>), StoreError> {
    let Some((name, id)) = bucket_after(store, position.after_bucket.as_deref()).await? else {
        return Ok((Vec::new(), None));
    };
    let after = position.after.as_deref();
    let (held, next) = match position.stage {
        PARTS_STAGE => {
            let page = read(store, &PARTS, id, after, limit).await?;
            (each(page.records, |place, part| of_part(id, &name, place, part)), page.next)
        }
        OBJECTS_STAGE => {
            let page = read(store, &CURRENT, id, after, limit).await?;
            (each(page.records, |key, object| Some(of_object(id, &name, key, object))), page.next)
        }
        _ => {
            let page = read(store, &VERSIONS, id, after, limit).await?;
            (each(page.records, |place, version| of_version(id, &name, &place, version)), page.next)
        }
    };
    let before = position.after_bucket.clone();
    let next = match (next, position.stage) {
        (Some(after), stage) => Position { after_bucket: before, stage, after: Some(after) },
        (None, stage) if stage < VERSIONS_STAGE => {
            Position { after_bucket: before, stage: stage + 1, after: None }
        }
        (None, _) => Position { after_bucket: Some(name), stage: PARTS_STAGE, after: None },
    };
    Ok((held, Some(next)))
}

/// Whether what was read on a page is still there as it was.
pub async fn is_held(store: &Store, held: &Held) -> Result<bool, StoreError> {
    let Holder { id, key, what, .. } = &held.holder;
    let extents = store
        .read(|tx| async move {
            if key.is_empty() {
                return Ok(PARTS.get(&tx, id, what).await?.map(|part| part.extents));
            }
            if let Some(object) = CURRENT.get(&tx, id, key).await?
                && object.content.extents == held.extents
            {
                return Ok(Some(object.content.extents));
            }
            let Some(VersionId::Numbered { order, .. }) = VersionId::parse(what) else {
                let null = NULL_VERSIONS.get(&tx, id, key).await?;
                return match null {
                    Some(null) => older(&tx, id, key, null.order).await,
                    None => Ok(None),
                };
            };
            older(&tx, id, key, order).await
        })
        .await?;
    Ok(extents.is_some_and(|extents| extents == held.extents))
}

async fn older(tx: &Tx, id: &BucketId, key: &str, order: u64) -> Result<Option<Vec<Extent>>, StoreError> {
    Ok(match VERSIONS.get(tx, id, &place(key, order)).await? {
        Some(VersionRecord::Object(object)) => Some(object.content.extents),
        _ => None,
    })
}

async fn bucket_after(store: &Store, after: Option<&str>) -> Result<Option<(String, BucketId)>, StoreError> {
    let page =
        store.read(|tx| async move { BUCKETS.scan(&tx, &(), Select::ALL.after(after), 1).await }).await?;
    Ok(page.records.into_iter().next().map(|(name, record)| (name, record.id)))
}

async fn read<R: Versioned>(
    store: &Store,
    table: &Table<BucketId, R>,
    id: BucketId,
    after: Option<&str>,
    limit: usize,
) -> Result<Listing<R>, StoreError> {
    let id = &id;
    store.read(|tx| async move { table.scan(&tx, id, Select::ALL.after(after), limit).await }).await
}

fn each<R>(records: Vec<(String, R)>, of: impl Fn(String, R) -> Option<Held>) -> Vec<Held> {
    records.into_iter().filter_map(|(place, record)| of(place, record)).collect()
}

fn of_part(id: BucketId, bucket: &str, place: String, part: PartRecord) -> Option<Held> {
    let holder = Holder { id, bucket: bucket.to_owned(), key: String::new(), what: place };
    Some(Held { holder, extents: part.extents })
}

fn of_object(id: BucketId, bucket: &str, key: String, object: ObjectRecord) -> Held {
    let what = VersionId::of(object.version, object.order).to_string();
    let holder = Holder { id, bucket: bucket.to_owned(), key, what };
    Held { holder, extents: object.content.extents }
}

fn of_version(id: BucketId, bucket: &str, place: &str, version: VersionRecord) -> Option<Held> {
    match version {
        VersionRecord::Object(object) => Some(of_object(id, bucket, key_of(place)?, *object)),
        VersionRecord::Marker(_) => None,
    }
}
