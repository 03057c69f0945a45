//! Intelligent tiering: after how many days without access objects of that class go into archive tiers.
//! Reference: PutBucketIntelligentTieringConfiguration of the API reference.

use s3_api::{
    DeleteBucketIntelligentTieringConfigurationInput, DeleteBucketIntelligentTieringConfigurationOutput,
    GetBucketIntelligentTieringConfigurationInput, GetBucketIntelligentTieringConfigurationOutput,
    IntelligentTieringConfiguration, ListBucketIntelligentTieringConfigurationsInput,
    ListBucketIntelligentTieringConfigurationsOutput, PutBucketIntelligentTieringConfigurationInput,
    PutBucketIntelligentTieringConfigurationOutput,
};
use service::{Call, Kept};

use super::configurations::{check_filter, check_id, get, page, put, remove};
use super::reach_bucket;
use crate::S3;
use crate::error::{Error, INVALID_ARGUMENT, MALFORMED_XML};

pub async fn put_bucket_intelligent_tiering_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketIntelligentTieringConfigurationInput,
) -> Result<PutBucketIntelligentTieringConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = input.intelligent_tiering_configuration;
    check_id(&input.id, &configuration.id)?;
    check(&configuration)?;
    let (id, configuration) = (input.id.as_str(), Kept(configuration));
    s3.directory
        .change(&bucket, |record| put(&mut record.settings.intelligent_tiering, id, configuration.clone()))
        .await?;
    Ok(PutBucketIntelligentTieringConfigurationOutput {})
}

/// The fewest days of each tier, and the most of both.
const ARCHIVE_DAYS_MIN: i32 = 90;
const DEEP_ARCHIVE_DAYS_MIN: i32 = 180;
const DAYS_MAX: i32 = 730;

fn check(configuration: &IntelligentTieringConfiguration) -> Result<(), Error> {
    if let Some(filter) = &configuration.filter {
        let parts = |and: &s3_api::IntelligentTieringAndOperator| {
            usize::from(and.prefix.is_some()) + and.tags.as_ref().map_or(0, Vec::len)
        };
        check_filter(&[filter.prefix.is_some(), filter.tag.is_some()], filter.and.as_ref().map(parts))?;
    }
    let tierings = &configuration.tierings;
    let mut tiers: Vec<&str> = tierings.iter().map(|tiering| tiering.access_tier.as_str()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    if tierings.is_empty() || tiers.len() < tierings.len() {
        return Err(Error::new(&MALFORMED_XML));
    }
    for tiering in tierings {
        let least = match tiering.access_tier.as_str() {
            "ARCHIVE_ACCESS" => ARCHIVE_DAYS_MIN,
            _ => DEEP_ARCHIVE_DAYS_MIN,
        };
        if !(least..=DAYS_MAX).contains(&tiering.days) {
            let message = format!(
                "'Days' for the access tier {} must be between {least} and {DAYS_MAX}",
                tiering.access_tier.as_str()
            );
            return Err(Error::worded(&INVALID_ARGUMENT, message));
        }
    }
    Ok(())
}

pub async fn get_bucket_intelligent_tiering_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketIntelligentTieringConfigurationInput,
) -> Result<GetBucketIntelligentTieringConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let found = get(&bucket.record.settings.intelligent_tiering, &input.id)?;
    Ok(GetBucketIntelligentTieringConfigurationOutput {
        intelligent_tiering_configuration: Some(found.0.clone()),
    })
}

pub async fn list_bucket_intelligent_tiering_configurations(
    s3: &S3,
    call: &Call,
    input: ListBucketIntelligentTieringConfigurationsInput,
) -> Result<ListBucketIntelligentTieringConfigurationsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let (all, token) = (&bucket.record.settings.intelligent_tiering, input.continuation_token.as_deref());
    let page = page(s3, call, "ListBucketIntelligentTieringConfigurations", all, token)?;
    let found: Vec<_> = page.found.into_iter().map(|kept| kept.0).collect();
    Ok(ListBucketIntelligentTieringConfigurationsOutput {
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next,
        intelligent_tiering_configuration_list: (!found.is_empty()).then_some(found),
    })
}

pub async fn delete_bucket_intelligent_tiering_configuration(
    s3: &S3,
    call: &Call,
    input: DeleteBucketIntelligentTieringConfigurationInput,
) -> Result<DeleteBucketIntelligentTieringConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory
        .change(&bucket, |record| remove(&mut record.settings.intelligent_tiering, &input.id))
        .await?;
    Ok(DeleteBucketIntelligentTieringConfigurationOutput {})
}
