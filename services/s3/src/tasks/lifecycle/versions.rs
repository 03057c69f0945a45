//! The older versions and the delete markers of a bucket, a page at a time. They lie by key, the newest first.

use base::Timestamp;
use store::{Select, Tx};

use super::act::Doing;
use super::{perform, subject};
use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::limits::LIFECYCLE_PAGE_RECORDS;
use crate::model::lifecycle::{Rules, Subject};
use crate::model::storage_class::StorageClass;
use crate::model::version::{VersionId, key_of};
use crate::records::{CURRENT, CarriedVersions, LifecycleRunRecord, VERSIONS, VersionRecord};

/// Of one page: the records, and when the newest version was made of the keys that have an object.
struct Seen {
    versions: Vec<(String, VersionRecord)>,
    newest: Vec<(String, Timestamp)>,
    next: Option<String>,
}

/// Looks at a page. Returns where to go on; what it has to know then goes into `run.carried`.
pub async fn page(
    s3: &S3,
    bucket: &Bucket,
    rules: Rules<'_>,
    run: &mut LifecycleRunRecord,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let seen = read(s3, bucket, run).await?;
    let mut carried = run.carried.take();
    let mut due = Vec::new();
    for (key, record) in &seen.versions {
        let (made, id) = (made(record), VersionId::of(record.version(), record.order()));
        let (noncurrent, since) = match &carried {
            Some(before) if before.key == *key => (before.noncurrent, Some(before.made)),
            // The first of its key: what made it an older version is the object, if there is one.
            _ => {
                let newest = seen.newest.iter().find(|(of, _)| of == key);
                (0, newest.map(|(_, made)| *made))
            }
        };
        let is_due = match since {
            Some(since) => is_due_older(rules, key, record, since, noncurrent, now),
            None => is_due_newest(rules, key, record, now),
        };
        if is_due {
            due.push(Doing::Older { key: key.clone(), id, newer: noncurrent, since });
        }
        let noncurrent = noncurrent + usize::from(since.is_some());
        carried = Some(CarriedVersions { key: key.clone(), noncurrent, made });
    }
    perform(s3, bucket, due, now).await?;
    run.carried = carried.filter(|_| seen.next.is_some());
    Ok(seen.next)
}

async fn read(s3: &S3, bucket: &Bucket, run: &LifecycleRunRecord) -> Result<Seen, Error> {
    let (id, after) = (bucket.id(), run.after.as_deref());
    s3.store
        .read(|tx: Tx| async move {
            let page = VERSIONS.scan(&tx, &id, Select::ALL.after(after), LIFECYCLE_PAGE_RECORDS).await?;
            let mut seen = Seen { versions: Vec::new(), newest: Vec::new(), next: page.next };
            for (place, record) in page.records {
                let Some(key) = key_of(&place) else { continue };
                let is_new = seen.versions.last().is_none_or(|(last, _)| *last != key);
                if is_new && let Some(object) = CURRENT.get(&tx, &id, &key).await? {
                    seen.newest.push((key.clone(), object.modified));
                }
                seen.versions.push((key, record));
            }
            Ok::<_, Error>(seen)
        })
        .await
}

fn made(record: &VersionRecord) -> Timestamp {
    match record {
        VersionRecord::Object(object) => object.modified,
        VersionRecord::Marker(marker) => marker.modified,
    }
}

/// A version or delete marker that is not the newest.
pub fn is_due_older(
    rules: Rules<'_>,
    key: &str,
    record: &VersionRecord,
    since: Timestamp,
    newer: usize,
    now: Timestamp,
) -> bool {
    let planned = match record {
        VersionRecord::Object(object) => rules.due_noncurrent(&subject(key, object), since, newer, now),
        VersionRecord::Marker(_) => {
            with_marker(key, |marker| rules.due_noncurrent(marker, since, newer, now))
        }
    };
    planned.is_some()
}

/// A delete marker that is the newest version. Whether others are behind it is seen when it is acted upon.
pub fn is_due_newest(rules: Rules<'_>, key: &str, record: &VersionRecord, now: Timestamp) -> bool {
    match record {
        VersionRecord::Marker(made) => {
            with_marker(key, |marker| rules.removes_marker(marker, made.modified, now))
        }
        // Deleting a version brings the next one back as the object, so this is a moment's view at most.
        VersionRecord::Object(_) => false,
    }
}

fn with_marker<T>(key: &str, ask: impl FnOnce(&Subject<'_>) -> T) -> T {
    let tags = std::collections::BTreeMap::new();
    ask(&Subject { key, size: None, tags: &tags, class: StorageClass::Standard })
}
