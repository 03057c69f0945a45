//! Request metrics: of which objects they are to be counted. They are kept and read back.

use s3_api::{
    DeleteBucketMetricsConfigurationInput, DeleteBucketMetricsConfigurationOutput,
    GetBucketMetricsConfigurationInput, GetBucketMetricsConfigurationOutput,
    ListBucketMetricsConfigurationsInput, ListBucketMetricsConfigurationsOutput, MetricsConfiguration,
    PutBucketMetricsConfigurationInput, PutBucketMetricsConfigurationOutput,
};
use service::{Call, Kept};

use super::configurations::{check_filter, check_id, get, page, put, remove};
use super::reach_bucket;
use crate::S3;
use crate::error::Error;

pub async fn put_bucket_metrics_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketMetricsConfigurationInput,
) -> Result<PutBucketMetricsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = input.metrics_configuration;
    check_id(&input.id, &configuration.id)?;
    check(&configuration)?;
    let (id, configuration) = (input.id.as_str(), Kept(configuration));
    s3.directory
        .change(&bucket, |record| put(&mut record.settings.metrics, id, configuration.clone()))
        .await?;
    Ok(PutBucketMetricsConfigurationOutput {})
}

fn check(configuration: &MetricsConfiguration) -> Result<(), Error> {
    let Some(filter) = &configuration.filter else { return Ok(()) };
    let parts = |and: &s3_api::MetricsAndOperator| {
        usize::from(and.prefix.is_some())
            + usize::from(and.access_point_arn.is_some())
            + and.tags.as_ref().map_or(0, Vec::len)
    };
    let given = [filter.prefix.is_some(), filter.tag.is_some(), filter.access_point_arn.is_some()];
    check_filter(&given, filter.and.as_ref().map(parts))
}

pub async fn get_bucket_metrics_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketMetricsConfigurationInput,
) -> Result<GetBucketMetricsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let found = get(&bucket.record.settings.metrics, &input.id)?;
    Ok(GetBucketMetricsConfigurationOutput { metrics_configuration: Some(found.0.clone()) })
}

pub async fn list_bucket_metrics_configurations(
    s3: &S3,
    call: &Call,
    input: ListBucketMetricsConfigurationsInput,
) -> Result<ListBucketMetricsConfigurationsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let (all, token) = (&bucket.record.settings.metrics, input.continuation_token.as_deref());
    let page = page(s3, call, "ListBucketMetricsConfigurations", all, token)?;
    let found: Vec<_> = page.found.into_iter().map(|kept| kept.0).collect();
    Ok(ListBucketMetricsConfigurationsOutput {
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next,
        metrics_configuration_list: (!found.is_empty()).then_some(found),
    })
}

pub async fn delete_bucket_metrics_configuration(
    s3: &S3,
    call: &Call,
    input: DeleteBucketMetricsConfigurationInput,
) -> Result<DeleteBucketMetricsConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory.change(&bucket, |record| remove(&mut record.settings.metrics, &input.id)).await?;
    Ok(DeleteBucketMetricsConfigurationOutput {})
}
