//! What DynamoDB says of an account and of itself: DescribeLimits, DescribeEndpoints.

use dynamodb_api as api;
use dynamodb_api::{
    DescribeEndpointsInput, DescribeEndpointsOutput, DescribeLimitsInput, DescribeLimitsOutput,
};
use service::Call;

use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{ACCOUNT_CAPACITY_UNITS_MAX, ENDPOINT_CACHE_MINUTES, TABLE_CAPACITY_UNITS_MAX};

pub async fn describe_limits(
    _: &DynamoDB,
    _: &Call,
    _: DescribeLimitsInput,
) -> Result<DescribeLimitsOutput, Error> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(ACCOUNT_CAPACITY_UNITS_MAX),
        account_max_write_capacity_units: Some(ACCOUNT_CAPACITY_UNITS_MAX),
        table_max_read_capacity_units: Some(TABLE_CAPACITY_UNITS_MAX),
        table_max_write_capacity_units: Some(TABLE_CAPACITY_UNITS_MAX),
    })
}

/// Clients that discover endpoints are sent back to where they came.
pub async fn describe_endpoints(
    _: &DynamoDB,
    call: &Call,
    _: DescribeEndpointsInput,
) -> Result<DescribeEndpointsOutput, Error> {
    let endpoint = call.source.endpoint.as_str();
    let address = endpoint.split_once("://").map_or(endpoint, |(_, authority)| authority);
    let endpoint =
        api::Endpoint { address: address.to_owned(), cache_period_in_minutes: ENDPOINT_CACHE_MINUTES };
    Ok(DescribeEndpointsOutput { endpoints: vec![endpoint] })
}
