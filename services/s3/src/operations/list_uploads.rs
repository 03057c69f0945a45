//! ListMultipartUploads: the uploads under way in a bucket, by key, the oldest of a key first.

use base::AccountId;
use s3_api as api;
use service::Call;
use store::{StoreError, Tx};

use super::cursor::{Cursor, Places};
use super::guard::requester_pays;
use super::lists::{Show, common_prefixes};
use super::reach::reach;
use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::model::acl::canonical_id;
use crate::model::listing::{Page, Query, Start, Step, is_encoded, limit, shown};
use crate::model::upload_id::UploadId;
use crate::records::{UPLOADS, UploadChecksum, UploadRecord};

const UPLOAD_ID_MARKER: &str = "upload-id-marker";

pub async fn list_multipart_uploads(
    s3: &S3,
    call: &Call,
    input: api::ListMultipartUploadsInput,
) -> Result<api::ListMultipartUploadsOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let encoded = is_encoded(input.encoding_type.as_ref())?;
    let query = Query::new(input.prefix, input.delimiter, limit(input.max_uploads, "max-uploads")?);
    let key_marker = input.key_marker.unwrap_or_default();
    // Without a key it says nothing, and is not even read.
    let id_marker = input.upload_id_marker.filter(|_| !key_marker.is_empty()).unwrap_or_default();
    let start = start(&query, &key_marker, &id_marker)?;
    let (show, start) = (&Show::new(call, &bucket, true, None), &start);
    let (bucket, query) = (&*bucket, &query);
    let page = s3.store.read(|tx| async move { fill(&tx, bucket, query, start, show).await }).await?;
    let mut uploads = page.uploads;
    for upload in &mut uploads {
        upload.key = upload.key.take().map(|key| shown(&key, encoded));
    }
    Ok(api::ListMultipartUploadsOutput {
        bucket: Some(bucket.name.clone()),
        key_marker: Some(shown(&key_marker, encoded)),
        upload_id_marker: Some(id_marker),
        // These two come with the last page as well.
        next_key_marker: Some(shown(&page.last_key, encoded)),
        next_upload_id_marker: Some(page.last_id),
        prefix: Some(shown(&query.prefix, encoded)),
        delimiter: query.delimiter.as_ref().map(|delimiter| shown(delimiter, encoded)),
        max_uploads: Some(query.limit as i32),
        is_truncated: Some(page.is_truncated),
        uploads: (!uploads.is_empty()).then_some(uploads),
        common_prefixes: common_prefixes(&page.groups, encoded),
        encoding_type: input.encoding_type,
        request_charged,
    })
}

/// Where a page begins.
enum From {
    Start(Start),
    /// After an upload of a key, which may have more.
    Upload(String),
}

fn start(query: &Query, key_marker: &str, id_marker: &str) -> Result<From, Error> {
    let start = query.start(Some(key_marker));
    if id_marker.is_empty() {
        return Ok(From::Start(start));
    }
    let id = UploadId::parse(id_marker);
    let id = id.ok_or_else(|| Error::argument("Invalid uploadId marker", UPLOAD_ID_MARKER, id_marker))?;
    match start {
        Start::After(key) => Ok(From::Upload(id.place(&key))),
        start => Ok(From::Start(start)),
    }
}

struct Uploads {
    uploads: Vec<api::MultipartUpload>,
    groups: Vec<String>,
    is_truncated: bool,
    last_key: String,
    last_id: String,
}

async fn fill(
    tx: &Tx,
    bucket: &Bucket,
    query: &Query,
    from: &From,
    show: &Show,
) -> Result<Uploads, StoreError> {
    let mut page = Page::new(query);
    let cursor = Cursor::new(tx, &UPLOADS, bucket.id(), Places::Spread, query);
    let mut cursor = match from {
        From::Start(start) => cursor.start(start),
        From::Upload(place) => cursor.start_after(place.clone()),
    };
    while page.takes_any() && cursor.peek(page.room()).await?.is_some() {
        let found = cursor.take().expect("it was peeked at");
        let id = UploadId::of_place(&found.place).expect("places are made of ids");
        match page.take(found.key, |key| upload(key, &id, &found.record, show)) {
            Step::Next => {}
            Step::Full => break,
            Step::Over(group) => cursor.pass_over(&group),
        }
    }
    let (mut last_key, mut last_id) = (String::new(), String::new());
    if let Some(group) = page.last_group() {
        group.clone_into(&mut last_key);
    } else if let Some(last) = page.last_item() {
        last_key = last.key.clone().unwrap_or_default();
        last_id = last.upload_id.clone().unwrap_or_default();
    }
    let is_truncated = page.is_truncated;
    Ok(Uploads { uploads: page.items, groups: page.groups, is_truncated, last_key, last_id })
}

fn upload(key: String, id: &UploadId, record: &UploadRecord, show: &Show) -> api::MultipartUpload {
    api::MultipartUpload {
        upload_id: Some(id.to_string()),
        key: Some(key),
        initiated: Some(record.initiated),
        storage_class: Some(record.described.storage_class.as_str().into()),
        owner: show.owner(Some(record.account)),
        initiator: Some(initiator(&record.initiator, record.account)),
        checksum_algorithm: record.checksum.map(|checksum| checksum.algorithm.as_str().into()),
        checksum_type: checksum_type(record.checksum.as_ref()),
        version_id: None,
    }
}

/// An account is shown by its canonical id, everyone else by their ARN.
pub fn initiator(arn: &str, account: AccountId) -> api::Initiator {
    let is_account = arn.ends_with(":root") || !arn.starts_with("arn:");
    let id = if is_account { canonical_id(account) } else { arn.to_owned() };
    api::Initiator { id: Some(id), display_name: None }
}

pub fn checksum_type(checksum: Option<&UploadChecksum>) -> Option<api::ChecksumType> {
    checksum.map(|checksum| match checksum.full_object {
        true => api::ChecksumType::FullObject,
        false => api::ChecksumType::Composite,
    })
}
