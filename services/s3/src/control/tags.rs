//! Tags of buckets and access points, added and removed one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use s3control_api as api;
use s3control_api::{
    ListTagsForResourceInput, ListTagsForResourceOutput, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use service::{Call, TagChange};

use super::S3Control;
use super::points::{change, existing};
use crate::directory::{AccessPoint, Bucket};
use crate::error::Error;
use crate::operations::bucket_tags;

enum Tagged {
    Bucket(Arc<Bucket>),
    AccessPoint(Arc<AccessPoint>),
}

impl Tagged {
    async fn find(control: &S3Control, call: &Call, arn: &str) -> Result<Tagged, Error> {
        let named: Arn = arn.parse().expect("it was read before it was authorised");
        if named.resource().starts_with("accesspoint/") {
            return existing(&control.s3, call, arn).await.map(Tagged::AccessPoint);
        }
        let name = named.resource();
        let name = name.strip_prefix("bucket/").unwrap_or(name);
        control.s3.directory.existing(name).await.map(Tagged::Bucket)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        match self {
            Tagged::Bucket(bucket) => &bucket.record.settings.tags,
            Tagged::AccessPoint(point) => &point.record.tags,
        }
    }

    async fn apply(&self, control: &S3Control, tags: &TagChange) -> Result<(), Error> {
        match self {
            Tagged::Bucket(bucket) => {
                let apply = |record: &mut crate::records::BucketRecord| {
                    tags.apply(&mut record.settings.tags).map_err(bucket_tags::worded)
                };
                control.s3.directory.change(bucket, apply).await
            }
            Tagged::AccessPoint(point) => {
                change(&control.s3, point, |record| tags.apply(&mut record.tags).map_err(bucket_tags::worded))
                    .await
            }
        }
    }
}

pub async fn tag_resource(
    control: &S3Control,
    call: &Call,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let tagged = Tagged::find(control, call, &input.resource_arn).await?;
    let added = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    tagged.apply(control, &TagChange::Put(added)).await?;
    Ok(TagResourceOutput {})
}

pub async fn untag_resource(
    control: &S3Control,
    call: &Call,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    let tagged = Tagged::find(control, call, &input.resource_arn).await?;
    tagged.apply(control, &TagChange::Remove(input.tag_keys)).await?;
    Ok(UntagResourceOutput {})
}

pub async fn list_tags_for_resource(
    control: &S3Control,
    call: &Call,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let tagged = Tagged::find(control, call, &input.resource_arn).await?;
    let shown = |(key, value): (&String, &String)| api::Tag { key: key.clone(), value: value.clone() };
    Ok(ListTagsForResourceOutput { tags: Some(tagged.tags().iter().map(shown).collect()) })
}
