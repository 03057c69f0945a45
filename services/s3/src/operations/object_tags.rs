//! The tags of objects: put, get, delete. Putting replaces all of them.

use std::collections::BTreeMap;

use s3_api::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput,
};
use service::Call;

use super::finding::{self, Change};
use super::{guard, reach};
use crate::S3;
use crate::error::Error;
use crate::events::EventName;
use crate::model::object_tags;

pub fn put_action(input: &PutObjectTaggingInput) -> &'static str {
    if input.version_id.is_some() { "PutObjectVersionTagging" } else { "PutObjectTagging" }
}

pub fn get_action(input: &GetObjectTaggingInput) -> &'static str {
    if input.version_id.is_some() { "GetObjectVersionTagging" } else { "GetObjectTagging" }
}

pub fn delete_action(input: &DeleteObjectTaggingInput) -> &'static str {
    if input.version_id.is_some() { "DeleteObjectVersionTagging" } else { "DeleteObjectTagging" }
}

pub async fn put_object_tagging(
    s3: &S3,
    call: &Call,
    input: PutObjectTaggingInput,
) -> Result<PutObjectTaggingOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let tags = object_tags::from_set(input.tagging.tag_set)?;
    if !tags.is_empty() {
        s3.directory.expect_tags(&bucket).await?;
    }
    let event = Some(EventName::ObjectTaggingPut);
    let change = Change { bucket: &bucket, key: &input.key, version, method: "PUT", event };
    let found = change
        .make(s3, call, |object| {
            object.described.tags.clone_from(&tags);
            Ok(())
        })
        .await?;
    Ok(PutObjectTaggingOutput { version_id: found.version_id(&bucket) })
}

pub async fn get_object_tagging(
    s3: &S3,
    call: &Call,
    input: GetObjectTaggingInput,
) -> Result<GetObjectTaggingOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    let tag_set = object_tags::to_set(&found.object.described.tags);
    Ok(GetObjectTaggingOutput { version_id: found.version_id(&bucket), tag_set })
}

pub async fn delete_object_tagging(
    s3: &S3,
    call: &Call,
    input: DeleteObjectTaggingInput,
) -> Result<DeleteObjectTaggingOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let event = Some(EventName::ObjectTaggingDelete);
    let change = Change { bucket: &bucket, key: &input.key, version, method: "DELETE", event };
    let found = change
        .make(s3, call, |object| {
            object.described.tags = BTreeMap::new();
            Ok(())
        })
        .await?;
    Ok(DeleteObjectTaggingOutput { version_id: found.version_id(&bucket) })
}
