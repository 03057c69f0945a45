//! Sending to destinations, in the name of the service and on behalf of a bucket, so that the destination's own policy
//! decides.

use base::{AccountId, Arn, Region};
use schema::Fault;
use service::{AsService, Call};
use sqs_api::{SendMessage, SendMessageInput};

use crate::S3;
use crate::directory::bucket_arn;

/// The name S3 has where it calls others.
pub const PRINCIPAL: &str = "s3.amazonaws.com";

/// Why a message did not arrive.
#[derive(Debug)]
pub enum Undelivered {
    /// There is nothing of that kind in this cloud to send to.
    Unsupported,
    Refused(Fault),
}

/// S3 itself as a caller, for what it does later and on nobody's request.
pub fn background_call(s3: &S3, account: AccountId, region: Region) -> Call {
    Call::of_service(PRINCIPAL, account, region, &s3.clock, &s3.ids)
}

/// Sends one message on behalf of a bucket.
pub async fn send(
    s3: &S3,
    (bucket, account, region): (&str, AccountId, Region),
    destination: &Arn,
    body: String,
) -> Result<(), Undelivered> {
    let (Some(there), Some(owner)) = (destination.region(), destination.account()) else {
        return Err(Undelivered::Unsupported);
    };
    let cause = background_call(s3, account, region);
    let sender: AsService = s3
        .aws
        .as_service(PRINCIPAL, account, region, &cause)
        .source(&bucket_arn(region, bucket))
        .in_region(there);
    match destination.service() {
        "sqs" => {
            let queue_url = format!("/{owner}/{}", destination.resource());
            let input = SendMessageInput { queue_url, message_body: body, ..SendMessageInput::default() };
            sender.call(SendMessage, input).await.map(drop).map_err(Undelivered::Refused)
        }
        _ => Err(Undelivered::Unsupported),
    }
}

/// Whether a refusal is the destination's last word: it is not there, or lets nobody in. Everything else may pass.
pub fn is_final(fault: &Fault) -> bool {
    fault.status() < 500 && !fault.name().contains("Throttl")
}
