//! Contributor insights and the settings that lead elsewhere.

use dynamodb_api::*;

use crate::support::*;

#[tokio::test]
async fn insights_are_switched_and_listed_where_they_are_on() {
    let cloud = cloud_with(1, "Music").await;
    let set = async |action: ContributorInsightsAction| {
        let input = UpdateContributorInsightsInput {
            table_name: "Music".to_owned(),
            contributor_insights_action: action,
            ..UpdateContributorInsightsInput::default()
        };
        let output = cloud.call(UpdateContributorInsights, input).await.expect("it can be");
        output.contributor_insights_status
    };
    let listed = async || {
        let input = ListContributorInsightsInput::default();
        let output = cloud.call(ListContributorInsights, input).await.expect("they are listed");
        output.contributor_insights_summaries.unwrap_or_default().len()
    };
    assert_eq!(set(ContributorInsightsAction::Disable).await, Some(ContributorInsightsStatus::Disabled));
    assert_eq!(listed().await, 0);
    assert_eq!(set(ContributorInsightsAction::Enable).await, Some(ContributorInsightsStatus::Enabling));
    assert_eq!(listed().await, 1);
    let input = DescribeContributorInsightsInput {
        table_name: "Music".to_owned(),
        index_name: Some("ghost".to_owned()),
    };
    assert_eq!(
        words(cloud.call(DescribeContributorInsights, input).await),
        "Requested resource not found: Index: ghost not found for table: Music"
    );
}

#[tokio::test]
async fn limits_and_endpoints_are_told() {
    let cloud = cloud_with(2, "Music").await;
    let limits = cloud.call(DescribeLimits, DescribeLimitsInput {}).await.expect("anyone may ask");
    assert_eq!(limits.table_max_read_capacity_units, Some(40_000));
    let endpoints = cloud.call(DescribeEndpoints, DescribeEndpointsInput {}).await.expect("anyone may ask");
    assert_eq!(endpoints.endpoints[0].address, "localhost:4566");
}

#[tokio::test]
async fn there_is_no_kinesis_to_stream_to() {
    let cloud = cloud_with(3, "Music").await;
    let stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/elsewhere".to_owned();
    let input = EnableKinesisStreamingDestinationInput {
        table_name: "Music".to_owned(),
        stream_arn,
        ..EnableKinesisStreamingDestinationInput::default()
    };
    assert_eq!(code(cloud.call(EnableKinesisStreamingDestination, input).await), "NotImplemented");
    let input = DescribeKinesisStreamingDestinationInput { table_name: "Music".to_owned() };
    let output = cloud.call(DescribeKinesisStreamingDestination, input).await.expect("it is there");
    assert_eq!(output.kinesis_data_stream_destinations, Some(Vec::new()));
}
