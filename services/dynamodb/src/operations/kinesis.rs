//! Streaming to Kinesis, which this cloud does not have: a table has no destination, and none can be added.

use dynamodb_api::{
    DescribeKinesisStreamingDestinationInput, DescribeKinesisStreamingDestinationOutput,
    DisableKinesisStreamingDestinationInput, DisableKinesisStreamingDestinationOutput,
    EnableKinesisStreamingDestinationInput, EnableKinesisStreamingDestinationOutput,
    UpdateKinesisStreamingDestinationInput, UpdateKinesisStreamingDestinationOutput,
};
use service::Call;

use crate::DynamoDB;
use crate::error::Error;

const STATE: &str = "Table is not in a valid state to enable Kinesis Streaming Destination: ";

pub async fn describe_kinesis_streaming_destination(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeKinesisStreamingDestinationInput,
) -> Result<DescribeKinesisStreamingDestinationOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    Ok(DescribeKinesisStreamingDestinationOutput {
        table_name: Some(view.name.clone()),
        kinesis_data_stream_destinations: Some(Vec::new()),
    })
}

pub async fn enable_kinesis_streaming_destination(
    dynamodb: &DynamoDB,
    call: &Call,
    input: EnableKinesisStreamingDestinationInput,
) -> Result<EnableKinesisStreamingDestinationOutput, Error> {
    dynamodb.directory.described(call, &input.table_name).await?;
    Err(Error::NotImplemented(
        "Kinesis is not implemented by Fogbank yet, so a table cannot be streamed to it".to_owned(),
    ))
}

pub async fn disable_kinesis_streaming_destination(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DisableKinesisStreamingDestinationInput,
) -> Result<DisableKinesisStreamingDestinationOutput, Error> {
    dynamodb.directory.described(call, &input.table_name).await?;
    Err(Error::Validation(format!(
        "{STATE}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
    )))
}

pub async fn update_kinesis_streaming_destination(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateKinesisStreamingDestinationInput,
) -> Result<UpdateKinesisStreamingDestinationOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    Err(Error::Validation(format!(
        "{STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. TableName: {}, \
         kdsArn: {}",
        view.name, input.stream_arn
    )))
}
