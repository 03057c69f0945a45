//! What permissions need to know of tables, their indexes and streams.

use base::Arn;
use schema::Structure;
use service::ResourceFacts;

use crate::DynamoDB;
use crate::error::Error;
use crate::model::condition_keys;
use crate::model::table_name::is_name;

/// A table's policy speaks for the table and its indexes; a stream has one of its own.
pub async fn facts(
    dynamodb: &DynamoDB,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    let place = arn.account().zip(arn.region()).filter(|_| arn.service() == "dynamodb");
    let path = arn.resource().strip_prefix("table/").map(|path| path.split_once('/').unwrap_or((path, "")));
    let (Some(place), Some((name, below))) = (place, path.filter(|(name, _)| is_name(name))) else {
        return Ok(ResourceFacts::default());
    };
    let is_stream = below.starts_with("stream/");
    let takes_policy = below.is_empty() || is_stream || below.starts_with("index/");
    let view = dynamodb.directory.find(place, name).await?;
    let Some(view) = view.filter(|_| takes_policy) else {
        return Ok(ResourceFacts { takes_policy, ..ResourceFacts::default() });
    };
    let policy = if is_stream { view.stream_policy.clone() } else { view.policy.clone() };
    // What it takes to see and to change a policy that denies everybody everything.
    let unlocked_for_root =
        matches!(action, "GetResourcePolicy" | "PutResourcePolicy" | "DeleteResourcePolicy");
    let index = below.strip_prefix("index/");
    let keys = input.map(|input| condition_keys::of_request(&view, index, input)).unwrap_or_default();
    Ok(ResourceFacts {
        policy,
        keys,
        tags: view.record.tags.clone(),
        takes_policy,
        unlocked_for_root,
        ..ResourceFacts::default()
    })
}
