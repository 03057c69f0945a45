//! DynamoDB Streams: a second table of the same service, since a stream is written by what writes the items.

mod finding;
mod iterators;
mod listing;
mod reading;
mod shards;

use std::sync::Arc;

use base::Arn;
use schema::Structure;
use service::{ResourceFacts, service};

use crate::DynamoDB;
use crate::access;
use crate::error::Error;

pub use finding::{is_gone, open};
pub use iterators::is_trimmed;
pub use shards::{SHARDS, ShardsRecord};

/// The other table of DynamoDB.
pub struct DynamoDBStreams {
    dynamodb: Arc<DynamoDB>,
}

service! { DynamoDBStreams: dynamodbstreams_api, principal "dynamodb.amazonaws.com", error Error,
    resources facts of input;
    DescribeStream => listing::describe_stream on listing::by_stream,
    GetRecords => reading::get_records on reading::by_iterator,
    GetShardIterator => iterators::get_shard_iterator on iterators::by_stream,
    ListStreams => listing::list_streams on listing::nothing,
}

impl DynamoDBStreams {
    pub fn new(dynamodb: Arc<DynamoDB>) -> Arc<DynamoDBStreams> {
        Arc::new(DynamoDBStreams { dynamodb })
    }
}

/// Both services have the prefix `dynamodb`, and the frame asks either of them about tables and streams alike.
async fn facts(
    streams: &DynamoDBStreams,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    access::facts(&streams.dynamodb, action, arn, input).await
}
