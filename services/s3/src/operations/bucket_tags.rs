//! Tags of buckets. In buckets with ABAC they count for permissions, and then are changed by TagResource alone.

use std::collections::BTreeMap;

use s3_api as api;
use s3_api::{
    DeleteBucketTaggingInput, DeleteBucketTaggingOutput, GetBucketTaggingInput, GetBucketTaggingOutput,
    PutBucketTaggingInput, PutBucketTaggingOutput,
};
use service::{Call, TagFault, check_tags};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{BAD_REQUEST, Error, INVALID_REQUEST, INVALID_TAG, NO_SUCH_TAG_SET};
use crate::limits::BUCKET_TAGS_MAX;

/// The tags of a list, if they keep the rules.
pub fn checked(tags: &[api::Tag]) -> Result<BTreeMap<String, String>, Error> {
    let mut checked = BTreeMap::new();
    for tag in tags {
        if checked.insert(tag.key.clone(), tag.value.clone()).is_some() {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(Error::worded(&INVALID_TAG, message).with("TagKey", &tag.key));
        }
    }
    check_tags(&checked).map_err(worded)?;
    Ok(checked)
}

/// What is wrong with tags, in S3's words.
pub fn worded(fault: TagFault) -> Error {
    match fault {
        TagFault::TooMany => {
            Error::worded(&BAD_REQUEST, format!("Bucket tag count cannot be greater than {BUCKET_TAGS_MAX}"))
        }
        TagFault::KeyLength(key) | TagFault::Characters(key) => {
            Error::worded(&INVALID_TAG, "The TagKey you have provided is invalid").with("TagKey", key)
        }
        TagFault::ValueLength(key) => {
            Error::worded(&INVALID_TAG, "The TagValue you have provided is invalid").with("TagKey", key)
        }
        TagFault::Reserved(key) => {
            let message = "System tags cannot be added/updated by requester";
            Error::worded(&INVALID_TAG, message).with("TagKey", key)
        }
    }
}

/// These two change tags without saying which were there; with ABAC that would change who may do what.
fn check_changeable(bucket: &Bucket) -> Result<(), Error> {
    if bucket.record.settings.abac {
        let message = "PutBucketTagging and DeleteBucketTagging are not allowed on buckets with ABAC enabled. Use \
                       TagResource and UntagResource";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    Ok(())
}

pub async fn put_bucket_tagging(
    s3: &S3,
    call: &Call,
    input: PutBucketTaggingInput,
) -> Result<PutBucketTaggingOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    check_changeable(&bucket)?;
    let tags = checked(&input.tagging.tag_set)?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.tags.clone_from(&tags);
            Ok(())
        })
        .await?;
    Ok(PutBucketTaggingOutput {})
}

pub async fn get_bucket_tagging(
    s3: &S3,
    call: &Call,
    input: GetBucketTaggingInput,
) -> Result<GetBucketTaggingOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let tags = &bucket.record.settings.tags;
    if tags.is_empty() {
        return Err(Error::new(&NO_SUCH_TAG_SET).with("BucketName", &bucket.name));
    }
    let shown = |(key, value): (&String, &String)| api::Tag { key: key.clone(), value: value.clone() };
    Ok(GetBucketTaggingOutput { tag_set: tags.iter().map(shown).collect() })
}

pub async fn delete_bucket_tagging(
    s3: &S3,
    call: &Call,
    input: DeleteBucketTaggingInput,
) -> Result<DeleteBucketTaggingOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    check_changeable(&bucket)?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.tags.clear();
            Ok(())
        })
        .await?;
    Ok(DeleteBucketTaggingOutput {})
}
