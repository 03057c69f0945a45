//! ListObjectVersions: all versions and delete markers of a bucket, each key's newest first.
//!
//! The newest version of a key is in one table unless it is a delete marker, everything else in another; both are in the
//! order of keys, so that they are merged as they are read. A page that ends among the versions of a key goes on by the
//! place of the last one, not by looking for it: it may be gone by then, as it is when a bucket is emptied page by page.
//! Reference: "Listing objects in a versioning-enabled bucket" of the S3 guide.

use s3_api as api;
use service::Call;
use store::{Select, StoreError, Tx};

use super::cursor::{Cursor, Found, Places};
use super::guard::requester_pays;
use super::lists::{Show, checksum_algorithm, checksum_type, common_prefixes};
use super::reach::reach;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, METHOD_NOT_ALLOWED};
use crate::model::listing::{Page, Query, Start, Step, is_encoded, limit, shown};
use crate::model::version::{VersionId, place, place_prefix};
use crate::records::{BucketId, CURRENT, NULL_VERSIONS, ObjectRecord, VERSIONS, VersionRecord};

const VERSION_ID_MARKER: &str = "version-id-marker";

pub async fn list_object_versions(
    s3: &S3,
    call: &Call,
    input: api::ListObjectVersionsInput,
) -> Result<api::ListObjectVersionsOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    if bucket.record.is_directory() {
        return Err(Error::new(&METHOD_NOT_ALLOWED));
    }
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let query = Query::new(input.prefix, input.delimiter, limit(input.max_keys, "maxKeys")?);
    let key_marker = input.key_marker.unwrap_or_default();
    let version_marker = version_marker(&key_marker, input.version_id_marker.as_deref())?;
    let show = Show::new(call, &bucket, true, input.optional_object_attributes.as_deref());
    let after = &After { key: &key_marker, version: version_marker };
    let (bucket, query, show) = (&*bucket, &query, &show);
    let page = s3.store.read(|tx| async move { fill(&tx, bucket, query, after, show).await }).await?;
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            Entry::Version(mut version) => {
                version.key = version.key.map(|key| shown(&key, encoded));
                versions.push(version);
            }
            Entry::Marker(mut marker) => {
                marker.key = marker.key.map(|key| shown(&key, encoded));
                markers.push(marker);
            }
        }
    }
    Ok(api::ListObjectVersionsOutput {
        is_truncated: Some(page.is_truncated),
        key_marker: Some(shown(&key_marker, encoded)),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        next_key_marker: page.next_key.map(|key| shown(&key, encoded)),
        next_version_id_marker: page.next_version,
        versions: (!versions.is_empty()).then_some(versions),
        delete_markers: (!markers.is_empty()).then_some(markers),
        name: Some(bucket.name.clone()),
        prefix: Some(shown(&query.prefix, encoded)),
        delimiter: query.delimiter.as_ref().map(|delimiter| shown(delimiter, encoded)),
        max_keys: Some(query.limit as i32),
        common_prefixes: common_prefixes(&page.groups, encoded),
        encoding_type: input.encoding_type,
        request_charged,
    })
}

fn version_marker(key_marker: &str, text: Option<&str>) -> Result<Option<VersionId>, Error> {
    let Some(text) = text else { return Ok(None) };
    let refuse = |message: &'static str| Err(Error::argument(message, VERSION_ID_MARKER, text));
    if key_marker.is_empty() {
        return refuse("A version-id marker cannot be specified without a key marker.");
    }
    if text.is_empty() {
        return refuse("A version-id marker cannot be empty.");
    }
    match VersionId::parse(text) {
        Some(version) => Ok(Some(version)),
        None => refuse("Invalid version id specified"),
    }
}

/// Where a page begins.
struct After<'a> {
    key: &'a str,
    version: Option<VersionId>,
}

enum Entry {
    Version(api::ObjectVersion),
    Marker(api::DeleteMarkerEntry),
}

struct Versions {
    entries: Vec<Entry>,
    groups: Vec<String>,
    is_truncated: bool,
    next_key: Option<String>,
    next_version: Option<String>,
}

/// Both tables from somewhere on, as one.
struct Merged<'a> {
    current: Cursor<'a, ObjectRecord>,
    older: Cursor<'a, VersionRecord>,
    /// The key whose newest version was passed already.
    passed: Option<String>,
}

impl<'a> Merged<'a> {
    async fn start(
        tx: &'a Tx,
        bucket: BucketId,
        query: &Query,
        after: &After<'_>,
    ) -> Result<Merged<'a>, StoreError> {
        let current = Cursor::new(tx, &CURRENT, bucket, Places::Keys, query);
        let older = Cursor::new(tx, &VERSIONS, bucket, Places::Spread, query);
        let start = query.start(Some(after.key));
        let Some(version) = after.version.filter(|_| matches!(start, Start::After(_))) else {
            let (current, older) = (current.start(&start), older.start(&start));
            return Ok(Merged { current, older, passed: None });
        };
        let (key, newest) = (after.key, CURRENT.get(tx, &bucket, after.key).await?);
        let order = match (version, &newest) {
            (VersionId::Numbered { order, .. }, _) => Some(order),
            (VersionId::Null, Some(newest)) if newest.version.is_none() => Some(newest.order),
            (VersionId::Null, _) => NULL_VERSIONS.get(tx, &bucket, key).await?.map(|null| null.order),
        };
        let older = match order {
            Some(order) => older.start_after(place(key, order)),
            // It is gone, and nobody knows where it was: better some versions twice than one never.
            None => older.start_after(place_prefix(key)),
        };
        let mut merged = Merged { current: current.start(&start), older, passed: None };
        match newest {
            Some(newest) if order.is_none_or(|order| newest.order < order) => {
                let first = Found { key: key.to_owned(), place: String::new(), record: newest };
                merged.current = merged.current.begin_with(first);
            }
            Some(_) => merged.passed = Some(key.to_owned()),
            None => {
                let first = VERSIONS.scan(tx, &bucket, Select::prefix(&place_prefix(key)), 1).await?;
                let newest = first.records.first().map(|(_, record)| record.order());
                if newest.zip(order).is_some_and(|(newest, order)| newest >= order) {
                    merged.passed = Some(key.to_owned());
                }
            }
        }
        Ok(merged)
    }

    /// The next version of any key: its key, itself, and whether it is the key's newest.
    async fn next(&mut self, room: usize) -> Result<Option<(String, VersionRecord, bool)>, StoreError> {
        let current = self.current.peek(room).await?.map(|found| found.key.as_str());
        let older = self.older.peek(room).await?.map(|found| found.key.as_str());
        let is_current = match (current, older) {
            (None, None) => return Ok(None),
            (Some(current), Some(older)) => current <= older,
            (current, None) => current.is_some(),
            (None, Some(_)) => false,
        };
        if is_current {
            let Found { key, record, .. } = self.current.take().expect("it was peeked at");
            self.passed = Some(key.clone());
            return Ok(Some((key, VersionRecord::Object(Box::new(record)), true)));
        }
        let Found { key, record, .. } = self.older.take().expect("it was peeked at");
        let is_latest = self.passed.as_deref() != Some(&key);
        if is_latest {
            self.passed = Some(key.clone());
        }
        Ok(Some((key, record, is_latest)))
    }

    fn pass_over(&mut self, group: &str) {
        self.current.pass_over(group);
        self.older.pass_over(group);
    }
}

async fn fill(
    tx: &Tx,
    bucket: &Bucket,
    query: &Query,
    after: &After<'_>,
    show: &Show,
) -> Result<Versions, StoreError> {
    let mut page = Page::new(query);
    let mut merged = Merged::start(tx, bucket.id(), query, after).await?;
    while page.takes_any() {
        let Some((key, record, is_latest)) = merged.next(page.room()).await? else { break };
        match page.take(key, |key| entry(key, &record, is_latest, show)) {
            Step::Next => {}
            Step::Full => break,
            Step::Over(group) => merged.pass_over(&group),
        }
    }
    let (mut next_key, mut next_version) = (None, None);
    if page.is_truncated {
        if let Some(entry) = page.last_item() {
            let (key, version) = entry.names();
            (next_key, next_version) = (key.clone(), version.clone());
        } else {
            next_key = page.last_group().map(str::to_owned);
        }
    }
    let is_truncated = page.is_truncated;
    Ok(Versions { entries: page.items, groups: page.groups, is_truncated, next_key, next_version })
}

impl Entry {
    fn names(&self) -> (&Option<String>, &Option<String>) {
        match self {
            Entry::Version(version) => (&version.key, &version.version_id),
            Entry::Marker(marker) => (&marker.key, &marker.version_id),
        }
    }
}

fn entry(key: String, record: &VersionRecord, is_latest: bool, show: &Show) -> Entry {
    let version_id = Some(VersionId::of(record.version(), record.order()).to_string());
    match record {
        VersionRecord::Object(object) => Entry::Version(api::ObjectVersion {
            e_tag: Some(object.etag.quoted()),
            checksum_algorithm: checksum_algorithm(object.checksum.as_ref()),
            checksum_type: checksum_type(object.checksum.as_ref()),
            size: Some(object.size as i64),
            storage_class: Some(object.described.storage_class.as_str().into()),
            key: Some(key),
            version_id,
            is_latest: Some(is_latest),
            last_modified: Some(object.modified),
            owner: show.owner(object.owner),
            restore_status: show.restore_status(object.restored),
        }),
        VersionRecord::Marker(marker) => Entry::Marker(api::DeleteMarkerEntry {
            owner: show.owner(marker.owner),
            key: Some(key),
            version_id,
            is_latest: Some(is_latest),
            last_modified: Some(marker.modified),
        }),
    }
}

#[cfg(test)]
mod tests;
