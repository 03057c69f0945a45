//! What copies are made of: the source of CopyObject and of UploadPartCopy. The caller needs leave to read it, and may
//! say what it has to be like; it may lie in any region and account.
//!
//! Surprising, and so at AWS: a condition that fails is always 412 here, also where a read would answer 304, and a
//! delete marker that is named by its id is an invalid request.

use std::ops::Range;
use std::sync::Arc;

use base::Timestamp;
use s3_api::RequestPayer;
use schema::ByteStream;
use service::Call;

use super::{finding, guard, reach};
use crate::S3;
use crate::content::{self, CustomerHeaders, CustomerKey};
use crate::directory::Bucket;
use crate::error::{Error, INVALID_OBJECT_STATE, INVALID_REQUEST, METHOD_NOT_ALLOWED, PRECONDITION_FAILED};
use crate::model::copy_source::CopySource;
use crate::model::restoring::Availability;
use crate::model::version::VersionId;
use crate::readers::Reading;
use crate::records::ObjectRecord;

/// What a request says of its source.
#[derive(Clone, Copy, Default)]
pub struct SourceWish<'a> {
    /// `x-amz-copy-source`
    pub source: &'a str,
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
    pub customer: CustomerHeaders<'a>,
    pub expected_owner: Option<&'a str>,
    pub payer: Option<&'a RequestPayer>,
    /// An id that is none is told more of by UploadPartCopy than by CopyObject.
    pub explains_version_id: bool,
}

/// A version that may be read and is as it was asked to be.
pub struct Source {
    pub bucket: Arc<Bucket>,
    pub key: String,
    /// The request named the version.
    pub is_named: bool,
    pub object: Box<ObjectRecord>,
    /// As answers show it (`x-amz-copy-source-version-id`).
    pub version_id: Option<String>,
    customer: Option<CustomerKey>,
    reading: Reading,
}

pub async fn find(s3: &S3, call: &Call, wish: SourceWish<'_>) -> Result<Source, Error> {
    let CopySource { bucket, key, version_id } = CopySource::parse(wish.source)?;
    let version = match finding::version_id(version_id.as_deref()) {
        Err(_) if !wish.explains_version_id && version_id.as_deref() != Some("") => {
            return Err(Error::new(&INVALID_REQUEST));
        }
        parsed => parsed?,
    };
    let bucket = s3.directory.place(&bucket).await?.bucket;
    reach::check_owner(&bucket, wish.expected_owner)?;
    guard::requester_pays(&bucket, call, wish.payer)?;
    let action = if version.is_some() { "GetObjectVersion" } else { "GetObject" };
    let keys: Vec<_> = version_id.map(|id| ("s3:VersionId".to_owned(), vec![id])).into_iter().collect();
    guard::permitted_with(s3, call, &bucket, &key, action, &keys).await?;
    let reading = s3.readers.enter();
    let found = find_version(s3, call, &bucket, &key, version).await?;
    let (object, version_id) = (&found.object, found.version_id(&bucket));
    let class = object.described.storage_class;
    if !Availability::of(class, object.restored, call.now).is_readable() {
        let message = "Operation is not valid for the source object's storage class";
        return Err(Error::worded(&INVALID_OBJECT_STATE, message).with("StorageClass", class.as_str()));
    }
    wish.check(object, call.now)?;
    let customer = CustomerKey::parse(wish.customer)?;
    let is_named = version.is_some();
    Ok(Source { bucket, key, is_named, object: found.object, version_id, customer, reading })
}

async fn find_version(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
) -> Result<finding::Found, Error> {
    let found = finding::read(s3, call, bucket, key, version, "GET").await;
    found.map_err(|error| match error.is(&METHOD_NOT_ALLOWED) {
        true => Error::worded(
            &INVALID_REQUEST,
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ),
        false => error,
    })
}

impl SourceWish<'_> {
    /// Entity tags come before times: a time counts only where there is no tag to the same end.
    fn check(&self, object: &ObjectRecord, now: Timestamp) -> Result<(), Error> {
        let (tag, modified) = (&object.etag, object.modified.as_secs());
        let matches = |tags: &str| tags.split(',').any(|one| one.trim() == "*" || tag.is(one));
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !matches(tags) => Some("x-amz-copy-source-If-Match"),
            (None, Some(time)) if modified > time.as_secs() => Some("x-amz-copy-source-If-Unmodified-Since"),
            _ => match (self.if_none_match, self.if_modified_since) {
                (Some(tags), _) if matches(tags) => Some("x-amz-copy-source-If-None-Match"),
                // A time that is yet to come says nothing.
                (None, Some(time)) if modified <= time.as_secs() && time <= now => {
                    Some("x-amz-copy-source-If-Modified-Since")
                }
                _ => None,
            },
        };
        match failed {
            Some(condition) => Err(Error::new(&PRECONDITION_FAILED).with("Condition", condition)),
            None => Ok(()),
        }
    }
}

impl Source {
    /// The source's content, decrypted as the caller may.
    pub async fn open(&self, s3: &S3, call: &Call, range: Range<u64>) -> Result<ByteStream, Error> {
        let reading = self.reading.clone();
        content::open(s3, call, reading, &self.object.content, self.customer.as_ref(), range).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::etag::ETag;
    use crate::operations::saving::object_for_tests;

    #[test]
    fn tags_come_before_times_and_every_refusal_is_a_precondition() {
        let mut object = object_for_tests();
        (object.etag, object.modified) = (ETag::Whole([0xab; 16]), Timestamp::from_secs(1_000));
        let (now, tag) = (Timestamp::from_secs(5_000), "ab".repeat(16));
        let at = |seconds| Some(Timestamp::from_secs(seconds));
        let other = Some("\"00\"");
        for (if_match, if_unmodified_since, if_none_match, if_modified_since, failed) in [
            (None, None, None, None, None),
            (Some(tag.as_str()), at(999), None, None, None),
            (other, at(1_000), None, None, Some("If-Match")),
            (None, at(999), None, None, Some("If-Unmodified-Since")),
            (None, at(1_000), None, None, None),
            (None, None, Some(tag.as_str()), at(999), Some("If-None-Match")),
            (None, None, Some("*"), None, Some("If-None-Match")),
            (None, None, other, at(1_000), None),
            (None, None, None, at(1_000), Some("If-Modified-Since")),
            (None, None, None, at(999), None),
            (None, None, None, at(6_000), None),
        ] {
            let wish = SourceWish {
                if_match,
                if_unmodified_since,
                if_none_match,
                if_modified_since,
                ..SourceWish::default()
            };
            let found = wish.check(&object, now).err();
            assert_eq!(found.is_some(), failed.is_some(), "{failed:?}");
            assert!(found.is_none_or(|error| error.is(&PRECONDITION_FAILED)));
        }
    }
}
