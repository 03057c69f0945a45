//! Listing the current objects of a bucket: ListObjects and ListObjectsV2, which differ in their markers and in what
//! they show.
//!
//! In a directory bucket a list may come in any order; ours is the usual one. Its prefixes end with a slash, and its
//! common prefixes are also those of uploads under way ("ListObjectsV2" of the API reference).

use base::{AccountId, Timestamp};
use s3_api as api;
use service::Call;
use store::{StoreError, Tx};

use super::cursor::{Cursor, Found, Places};
use super::guard::requester_pays;
use super::reach::reach;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, INVALID_ARGUMENT, INVALID_REQUEST, METHOD_NOT_ALLOWED};
use crate::model::acl::canonical_id;
use crate::model::checksum::{Checksum, Kind};
use crate::model::listing::{Page, Query, Start, Step, is_encoded, limit, shown};
use crate::records::{CURRENT, ObjectRecord, Ownership, Restored, UPLOADS};

const MAX_KEYS: &str = "maxKeys";

pub async fn list_objects(
    s3: &S3,
    call: &Call,
    input: api::ListObjectsInput,
) -> Result<api::ListObjectsOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    if bucket.record.is_directory() {
        return Err(Error::new(&METHOD_NOT_ALLOWED));
    }
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let query = Query::new(input.prefix, input.delimiter, limit(input.max_keys, MAX_KEYS)?);
    let marker = input.marker.unwrap_or_default();
    let show = Show::new(call, &bucket, true, input.optional_object_attributes.as_deref());
    let page = page(s3, &bucket, &query, query.start(Some(&marker)), &show).await?;
    // Without a delimiter the last key serves as well, and clients are to take it.
    let next_marker = page.next.filter(|_| query.delimiter.is_some());
    Ok(api::ListObjectsOutput {
        is_truncated: Some(page.is_truncated),
        marker: Some(shown(&marker, encoded)),
        next_marker: next_marker.map(|next| shown(&next, encoded)),
        contents: contents(page.objects, encoded),
        name: Some(bucket.name.clone()),
        max_keys: Some(query.limit as i32),
        common_prefixes: common_prefixes(&page.groups, encoded),
        encoding_type: input.encoding_type,
        request_charged,
        prefix: Some(shown(&query.prefix, encoded)),
        delimiter: query.delimiter.map(|delimiter| shown(&delimiter, encoded)),
    })
}

pub async fn list_objects_v2(
    s3: &S3,
    call: &Call,
    input: api::ListObjectsV2Input,
) -> Result<api::ListObjectsV2Output, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let query = Query::new(input.prefix, input.delimiter, limit(input.max_keys, MAX_KEYS)?);
    if bucket.record.is_directory() {
        check_directory(&query, input.start_after.as_deref())?;
    }
    let marker = match &input.continuation_token {
        Some(token) => Some(read_token(s3, call, &bucket, token)?),
        None => input.start_after.clone(),
    };
    let with_owner = input.fetch_owner.unwrap_or(false);
    let show = Show::new(call, &bucket, with_owner, input.optional_object_attributes.as_deref());
    let page = page(s3, &bucket, &query, query.start(marker.as_deref()), &show).await?;
    let count = page.objects.len() + page.groups.len();
    Ok(api::ListObjectsV2Output {
        is_truncated: Some(page.is_truncated),
        contents: contents(page.objects, encoded),
        name: Some(bucket.name.clone()),
        max_keys: Some(query.limit as i32),
        common_prefixes: common_prefixes(&page.groups, encoded),
        encoding_type: input.encoding_type,
        key_count: Some(count as i32),
        continuation_token: input.continuation_token,
        next_continuation_token: page
            .next
            .map(|next| s3.pages.make(&token_purpose(&bucket), call.account, &next)),
        start_after: input.start_after.map(|start| shown(&start, encoded)),
        request_charged,
        prefix: Some(shown(&query.prefix, encoded)),
        delimiter: query.delimiter.map(|delimiter| shown(&delimiter, encoded)),
    })
}

/// What a directory bucket can be asked for.
pub fn check_directory(query: &Query, start_after: Option<&str>) -> Result<(), Error> {
    let refuse = |message: &'static str| Err(Error::worded(&INVALID_REQUEST, message));
    if !query.prefix.is_empty() && !query.prefix.ends_with('/') {
        return refuse("For directory buckets, only prefixes that end in a delimiter (/) are supported.");
    }
    if query.delimiter.as_deref().is_some_and(|delimiter| delimiter != "/") {
        return refuse("For directory buckets, / is the only supported delimiter.");
    }
    if start_after.is_some() {
        return refuse("StartAfter is not supported for directory buckets.");
    }
    Ok(())
}

fn token_purpose(bucket: &Bucket) -> String {
    format!("ListObjectsV2 {}", bucket.id().0)
}

fn read_token(s3: &S3, call: &Call, bucket: &Bucket, token: &str) -> Result<String, Error> {
    s3.pages.read(&token_purpose(bucket), call.account, token).map_err(|_| {
        let error = Error::worded(&INVALID_ARGUMENT, "The continuation token provided is incorrect");
        error.with("ArgumentName", "continuation-token")
    })
}

/// How objects are shown in a list.
pub struct Show {
    with_owner: bool,
    with_restore: bool,
    now: Timestamp,
    /// Objects belong to the bucket's owner, whoever wrote them.
    owner_enforced: bool,
    bucket_owner: String,
}

impl Show {
    pub fn new(
        call: &Call,
        bucket: &Bucket,
        with_owner: bool,
        attributes: Option<&[api::OptionalObjectAttributes]>,
    ) -> Show {
        let attributes = attributes.unwrap_or_default();
        Show {
            with_owner,
            with_restore: attributes.iter().any(|attribute| attribute.as_str() == "RestoreStatus"),
            now: call.now,
            owner_enforced: bucket.record.settings.ownership == Ownership::BucketOwnerEnforced,
            bucket_owner: canonical_id(bucket.account()),
        }
    }

    #[cfg(test)]
    pub fn for_tests() -> Show {
        Show {
            with_owner: true,
            with_restore: false,
            now: Timestamp::EPOCH,
            owner_enforced: true,
            bucket_owner: String::new(),
        }
    }

    pub fn owner(&self, owner: Option<AccountId>) -> Option<api::Owner> {
        if !self.with_owner {
            return None;
        }
        let id = match owner.filter(|_| !self.owner_enforced) {
            Some(account) => canonical_id(account),
            None => self.bucket_owner.clone(),
        };
        Some(api::Owner { display_name: None, id: Some(id) })
    }

    pub fn restore_status(&self, restored: Option<Restored>) -> Option<api::RestoreStatus> {
        let (ongoing, until) = match restored.filter(|_| self.with_restore)? {
            Restored::Ongoing { .. } => (true, None),
            Restored::Until(until) if until <= self.now => return None,
            Restored::Until(until) => (false, Some(until)),
        };
        Some(api::RestoreStatus { is_restore_in_progress: Some(ongoing), restore_expiry_date: until })
    }

    fn object(&self, key: String, record: &ObjectRecord) -> api::Object {
        api::Object {
            key: Some(key),
            last_modified: Some(record.modified),
            e_tag: Some(record.etag.quoted()),
            checksum_algorithm: checksum_algorithm(record.checksum.as_ref()),
            checksum_type: checksum_type(record.checksum.as_ref()),
            size: Some(record.size as i64),
            storage_class: Some(record.described.storage_class.shown()),
            owner: self.owner(record.owner),
            restore_status: self.restore_status(record.restored),
        }
    }
}

pub fn checksum_algorithm(checksum: Option<&Checksum>) -> Option<Vec<api::ChecksumAlgorithm>> {
    checksum.map(|checksum| vec![checksum.algorithm.as_str().into()])
}

pub fn checksum_type(checksum: Option<&Checksum>) -> Option<api::ChecksumType> {
    checksum.map(|checksum| match checksum.kind {
        Kind::FullObject => api::ChecksumType::FullObject,
        Kind::Composite { .. } => api::ChecksumType::Composite,
    })
}

pub fn common_prefixes(groups: &[String], encoded: bool) -> Option<Vec<api::CommonPrefix>> {
    let shown = groups.iter().map(|group| api::CommonPrefix { prefix: Some(shown(group, encoded)) });
    (!groups.is_empty()).then(|| shown.collect())
}

fn contents(objects: Vec<api::Object>, encoded: bool) -> Option<Vec<api::Object>> {
    let mut objects = objects;
    if encoded {
        for object in &mut objects {
            object.key = object.key.take().map(|key| shown(&key, true));
        }
    }
    (!objects.is_empty()).then_some(objects)
}

/// A page of a list of objects.
struct Objects {
    objects: Vec<api::Object>,
    groups: Vec<String>,
    is_truncated: bool,
    /// The marker of the next page, if there is one.
    next: Option<String>,
}

async fn page(s3: &S3, bucket: &Bucket, query: &Query, start: Start, show: &Show) -> Result<Objects, Error> {
    let start = &start;
    let page = s3.store.read(|tx| async move { fill(&tx, bucket, query, start, show).await }).await?;
    Ok(page)
}

async fn fill(
    tx: &Tx,
    bucket: &Bucket,
    query: &Query,
    start: &Start,
    show: &Show,
) -> Result<Objects, StoreError> {
    let mut page = Page::new(query);
    let mut objects = Cursor::new(tx, &CURRENT, bucket.id(), Places::Keys, query).start(start);
    let mut uploads = (bucket.record.is_directory() && query.delimiter.is_some())
        .then(|| Cursor::new(tx, &UPLOADS, bucket.id(), Places::Spread, query).start(start));
    while page.takes_any() {
        let room = page.room();
        let upload = match &mut uploads {
            Some(uploads) => next_group(uploads, query, room).await?,
            None => None,
        };
        let object = objects.peek(room).await?.map(|found| found.key.as_str());
        let step = match (object, upload) {
            (None, None) => break,
            (Some(key), upload) if upload.as_deref().is_none_or(|upload| key <= upload) => {
                let Found { key, record, .. } = objects.take().expect("it was peeked at");
                page.take(key, |key| show.object(key, &record))
            }
            (_, upload) => {
                let upload = upload.expect("one of both is there");
                page.take(upload, |_| unreachable!("it is in a group"))
            }
        };
        match step {
            Step::Next => {}
            Step::Full => break,
            Step::Over(group) => {
                objects.pass_over(&group);
                if let Some(uploads) = &mut uploads {
                    uploads.pass_over(&group);
                }
            }
        }
    }
    let last =
        page.last_group().map(str::to_owned).or_else(|| page.last_item().and_then(|item| item.key.clone()));
    let next = last.filter(|_| page.is_truncated);
    Ok(Objects { is_truncated: page.is_truncated, objects: page.items, groups: page.groups, next })
}

/// The key of the next upload that is in a group; others are not shown among objects.
async fn next_group(
    uploads: &mut Cursor<'_, crate::records::UploadRecord>,
    query: &Query,
    room: usize,
) -> Result<Option<String>, StoreError> {
    loop {
        let Some(found) = uploads.peek(room).await? else { return Ok(None) };
        if query.group(&found.key).is_some() {
            return Ok(Some(found.key.clone()));
        }
        uploads.take();
    }
}

#[cfg(test)]
mod rate;
#[cfg(test)]
mod tests;
