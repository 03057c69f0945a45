//! Event notifications of a bucket: who is told of what.
//!
//! Surprising: each destination is sent a test message, and one that does not take it is refused. There are no topics,
//! functions or event buses in this cloud, so they are refused in the same words as at AWS those that are not there.
//! Reference: PutBucketNotificationConfiguration of the API reference.

use base::Arn;
use s3_api::{
    GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput,
    NotificationConfiguration, PutBucketNotificationConfigurationInput,
    PutBucketNotificationConfigurationOutput,
};
use service::{Call, Kept};
use sqs_api::{GetQueueUrl, GetQueueUrlInput};

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, INVALID_ARGUMENT};
use crate::events::destinations::{Undelivered, send};
use crate::model::event_record::test_message;
use crate::model::notification_rules::complete;

const UNABLE: &str = "Unable to validate the following destination configurations";
const ELSEWHERE: &str =
    "The notification destination service region is not valid for the bucket location constraint";

pub async fn put_bucket_notification_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketNotificationConfigurationInput,
) -> Result<PutBucketNotificationConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let mut configuration = input.notification_configuration;
    let destinations = complete(&mut configuration, &s3.ids)?;
    if let Some(arn) = destinations.iter().find(|arn| arn.region() != Some(bucket.region())) {
        return Err(Error::argument(ELSEWHERE, "Arn", arn.as_str()));
    }
    if configuration.event_bridge_configuration.is_some() {
        return Err(unreachable_destination(
            "EventBridgeConfiguration",
            "There is no event bus to deliver to",
        ));
    }
    if input.skip_destination_validation != Some(true) {
        for destination in &destinations {
            test(s3, call, &bucket, destination).await?;
        }
    }
    let is_empty = configuration == NotificationConfiguration::default() || destinations.is_empty();
    let configuration = (!is_empty).then_some(Kept(configuration));
    s3.directory
        .change(&bucket, |record| {
            record.settings.notification.clone_from(&configuration);
            Ok(())
        })
        .await?;
    Ok(PutBucketNotificationConfigurationOutput {})
}

async fn test(s3: &S3, call: &Call, bucket: &Bucket, destination: &Arn) -> Result<(), Error> {
    let (kind, verb) = match destination.service() {
        "sqs" => ("queue", "publish notifications from this bucket"),
        "sns" => ("topic", "publish notifications from this bucket"),
        _ => ("function", "invoke it for this bucket"),
    };
    let absent =
        || unreachable_destination(destination.as_str(), &format!("The destination {kind} does not exist"));
    if destination.service() == "sqs" && destination.resource().ends_with(".fifo") {
        let why = "The queue is a FIFO queue, which event notifications are not sent to";
        return Err(unreachable_destination(destination.as_str(), why));
    }
    let from = (bucket.name.as_str(), bucket.account(), bucket.region());
    match send(s3, from, destination, test_message(call, &bucket.name)).await {
        Ok(()) => Ok(()),
        Err(Undelivered::Unsupported) => Err(absent()),
        Err(Undelivered::Refused(fault)) if fault.status() >= 500 => Err(Error::Other(fault)),
        Err(Undelivered::Refused(_)) if is_missing(s3, call, destination).await => Err(absent()),
        Err(Undelivered::Refused(_)) => {
            let why = format!("Permissions on the destination {kind} do not allow S3 to {verb}");
            Err(unreachable_destination(destination.as_str(), &why))
        }
    }
}

/// Whether there is no such queue, as far as the caller may know: SQS tells strangers only that they may not.
async fn is_missing(s3: &S3, call: &Call, destination: &Arn) -> bool {
    let input = GetQueueUrlInput {
        queue_name: destination.resource().to_owned(),
        queue_owner_aws_account_id: destination.account().map(|account| account.to_string()),
    };
    let found = s3.aws.as_caller(call).call(GetQueueUrl, input).await;
    found.is_err_and(|fault| fault.name().contains("DoesNotExist"))
}

fn unreachable_destination(destination: &str, why: &str) -> Error {
    Error::worded(&INVALID_ARGUMENT, UNABLE)
        .with("ArgumentName1", format!("{destination}, null"))
        .with("ArgumentValue1", why)
}

pub async fn get_bucket_notification_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketNotificationConfigurationInput,
) -> Result<GetBucketNotificationConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let kept = bucket.record.settings.notification.clone();
    let configuration = kept.map(|kept| kept.0).unwrap_or_default();
    Ok(GetBucketNotificationConfigurationOutput {
        topic_configurations: configuration.topic_configurations,
        queue_configurations: configuration.queue_configurations,
        lambda_function_configurations: configuration.lambda_function_configurations,
        event_bridge_configuration: configuration.event_bridge_configuration,
    })
}
