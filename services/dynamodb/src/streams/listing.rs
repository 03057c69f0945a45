//! ListStreams and DescribeStream.

use base::Arn;
use dynamodbstreams_api::{
    DescribeStreamInput, DescribeStreamOutput, KeySchemaElement, KeyType, ListStreamsInput,
    ListStreamsOutput, SequenceNumberRange, Shard, ShardFilterType, Stream, StreamDescription, StreamStatus,
    StreamViewType,
};
use service::Call;
use store::Select;

use super::DynamoDBStreams;
use super::finding::{arn_of, find, is_gone, parse};
use super::shards;
use crate::error::Error;
use crate::limits::STREAMS_PAGE_MAX;
use crate::model::key_schema::KeySchema;
use crate::records::{STREAMS, StreamView};

pub fn by_stream(_: &DynamoDBStreams, _: &Call, input: &DescribeStreamInput) -> Result<Vec<Arn>, Error> {
    Ok(input.stream_arn.parse().ok().into_iter().collect())
}

pub fn nothing(_: &DynamoDBStreams, _: &Call, _: &ListStreamsInput) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

/// Pages have at most a hundred.
fn page_limit(limit: Option<i32>) -> Result<usize, Error> {
    let limit = limit.map_or(STREAMS_PAGE_MAX, |limit| usize::try_from(limit).unwrap_or_default());
    if limit > STREAMS_PAGE_MAX {
        return Err(Error::validation(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have \
             value less than or equal to {STREAMS_PAGE_MAX}"
        )));
    }
    Ok(limit)
}

pub async fn list_streams(
    streams: &DynamoDBStreams,
    call: &Call,
    input: ListStreamsInput,
) -> Result<ListStreamsOutput, Error> {
    let limit = page_limit(input.limit)?;
    let place = call.scope();
    let mut after = match &input.exclusive_start_stream_arn {
        None => None,
        Some(arn) => Some(parse(arn)?.2),
    };
    let prefix = input.table_name.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    let mut found = Vec::new();
    let mut last = None;
    loop {
        let (prefix, position, place_of) = (prefix.as_str(), after.as_deref(), &place);
        let select = Select::prefix(prefix).after(position);
        let page = streams
            .dynamodb
            .store
            .read(|tx| async move { STREAMS.scan(&tx, place_of, select, STREAMS_PAGE_MAX).await })
            .await?;
        for (_, record) in page.records {
            if is_gone(&record, call.now) {
                continue;
            }
            let arn = arn_of(place, &record).to_string();
            if found.len() == limit {
                return Ok(ListStreamsOutput { streams: Some(found), last_evaluated_stream_arn: last });
            }
            last = Some(arn.clone());
            found.push(Stream {
                stream_arn: Some(arn),
                table_name: Some(record.table),
                stream_label: Some(record.label),
            });
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(ListStreamsOutput { streams: Some(found), last_evaluated_stream_arn: None }),
        }
    }
}

pub async fn describe_stream(
    streams: &DynamoDBStreams,
    call: &Call,
    input: DescribeStreamInput,
) -> Result<DescribeStreamOutput, Error> {
    let limit = page_limit(input.limit)?;
    let stream = find(&streams.dynamodb, call, &input.stream_arn).await?;
    let parent = match input.shard_filter {
        None => None,
        Some(filter) if filter.r#type == Some(ShardFilterType::ChildShards) => match filter.shard_id {
            Some(id) => Some(id),
            None => return Err(Error::validation("ShardFilter needs a ShardId")),
        },
        Some(_) => return Err(Error::validation("ShardFilter needs the Type CHILD_SHARDS")),
    };
    let is_wanted = |shard: &&shards::Shard| parent.is_none() || shard.parent == parent;
    // Ids begin with the time, so the order of the ids is that of the shards.
    let is_behind = |shard: &&shards::Shard| {
        input.exclusive_start_shard_id.as_ref().is_none_or(|start| shard.id > *start)
    };
    let shards: Vec<&shards::Shard> =
        stream.shards.shards.iter().filter(is_wanted).filter(is_behind).collect();
    let shown: Vec<Shard> = shards.iter().take(limit).copied().map(shown).collect();
    let last =
        (shards.len() > limit).then(|| shown.last().and_then(|shard| shard.shard_id.clone())).flatten();
    let record = &stream.record;
    let status = if record.disabled.is_some() { StreamStatus::Disabled } else { StreamStatus::Enabled };
    let description = StreamDescription {
        stream_arn: Some(stream.arn().to_string()),
        stream_label: Some(record.label.clone()),
        stream_status: Some(status),
        stream_view_type: Some(shown_view(record.view)),
        creation_request_date_time: Some(record.created),
        table_name: Some(record.table.clone()),
        key_schema: Some(shown_key(&record.key)),
        shards: Some(shown),
        last_evaluated_shard_id: last,
    };
    Ok(DescribeStreamOutput { stream_description: Some(description) })
}

fn shown(shard: &shards::Shard) -> Shard {
    let (first, last) = shard.numbers();
    Shard {
        shard_id: Some(shard.id.clone()),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(first),
            ending_sequence_number: last,
        }),
        parent_shard_id: shard.parent.clone(),
    }
}

pub fn shown_view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

fn shown_key(key: &KeySchema) -> Vec<KeySchemaElement> {
    let element = |(place, name): (usize, &String)| KeySchemaElement {
        attribute_name: name.clone(),
        key_type: if place == 0 { KeyType::Hash } else { KeyType::Range },
    };
    key.attributes().map(|attribute| &attribute.name).enumerate().map(element).collect()
}
