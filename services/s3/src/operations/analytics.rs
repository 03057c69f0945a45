//! Storage class analysis: what is to be looked at, and where the findings are to go. They are kept and read back;
//! nothing is analysed here, since all classes lie on one disk.

use s3_api::{
    AnalyticsConfiguration, DeleteBucketAnalyticsConfigurationInput,
    DeleteBucketAnalyticsConfigurationOutput, GetBucketAnalyticsConfigurationInput,
    GetBucketAnalyticsConfigurationOutput, ListBucketAnalyticsConfigurationsInput,
    ListBucketAnalyticsConfigurationsOutput, PutBucketAnalyticsConfigurationInput,
    PutBucketAnalyticsConfigurationOutput,
};
use service::{Call, Kept};

use super::configurations::{check_destination, check_filter, check_id, get, page, put, remove};
use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;

pub async fn put_bucket_analytics_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketAnalyticsConfigurationInput,
) -> Result<PutBucketAnalyticsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = input.analytics_configuration;
    check_id(&input.id, &configuration.id)?;
    check(s3, &bucket, &configuration).await?;
    let (id, configuration) = (input.id.as_str(), Kept(configuration));
    s3.directory
        .change(&bucket, |record| put(&mut record.settings.analytics, id, configuration.clone()))
        .await?;
    Ok(PutBucketAnalyticsConfigurationOutput {})
}

async fn check(s3: &S3, bucket: &Bucket, configuration: &AnalyticsConfiguration) -> Result<(), Error> {
    if let Some(filter) = &configuration.filter {
        let parts = |and: &s3_api::AnalyticsAndOperator| {
            usize::from(and.prefix.is_some()) + and.tags.as_ref().map_or(0, Vec::len)
        };
        check_filter(&[filter.prefix.is_some(), filter.tag.is_some()], filter.and.as_ref().map(parts))?;
    }
    match &configuration.storage_class_analysis.data_export {
        Some(export) => check_destination(s3, bucket, &export.destination.s3_bucket_destination.bucket).await,
        None => Ok(()),
    }
}

pub async fn get_bucket_analytics_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketAnalyticsConfigurationInput,
) -> Result<GetBucketAnalyticsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let found = get(&bucket.record.settings.analytics, &input.id)?;
    Ok(GetBucketAnalyticsConfigurationOutput { analytics_configuration: Some(found.0.clone()) })
}

pub async fn list_bucket_analytics_configurations(
    s3: &S3,
    call: &Call,
    input: ListBucketAnalyticsConfigurationsInput,
) -> Result<ListBucketAnalyticsConfigurationsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let (all, token) = (&bucket.record.settings.analytics, input.continuation_token.as_deref());
    let page = page(s3, call, "ListBucketAnalyticsConfigurations", all, token)?;
    let found: Vec<_> = page.found.into_iter().map(|kept| kept.0).collect();
    Ok(ListBucketAnalyticsConfigurationsOutput {
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next,
        analytics_configuration_list: (!found.is_empty()).then_some(found),
    })
}

pub async fn delete_bucket_analytics_configuration(
    s3: &S3,
    call: &Call,
    input: DeleteBucketAnalyticsConfigurationInput,
) -> Result<DeleteBucketAnalyticsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory.change(&bucket, |record| remove(&mut record.settings.analytics, &input.id)).await?;
    Ok(DeleteBucketAnalyticsConfigurationOutput {})
}
