"""Streams: what changes leave behind, in order, for 24 hours; and items that leave by themselves."""

import pytest

import dynamodb_tables as tables
import expect
from expect import fails

VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]


def streamed(dynamodb, view="NEW_AND_OLD_IMAGES", **more):
    """A table with a stream, and the stream's ARN."""
    name = tables.create(
        dynamodb, StreamSpecification={"StreamEnabled": True, "StreamViewType": view}, **more
    )
    return name, tables.stream_of(dynamodb, name)


def records(streams, stream, kind="TRIM_HORIZON"):
    """All records of all shards, parents first."""
    found = []
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType=kind
        )["ShardIterator"]
        found += drained(streams, iterator)[0]
    return found


def drained(streams, iterator):
    """Records from an iterator until a page is empty, and the iterator behind them."""
    found = []
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        iterator = page.get("NextShardIterator")
        if not page["Records"]:
            break
        found += page["Records"]
    return found, iterator


def wait_for(streams, stream, count):
    return expect.eventually(lambda: records(streams, stream), lambda found: len(found) >= count)


@pytest.mark.parametrize("view", VIEWS)
def test_views_show_what_they_say(dynamodb, streams, view):
    table, stream = streamed(dynamodb, view)
    tables.put(dynamodb, table, pk="a", n=1)
    tables.put(dynamodb, table, pk="a", n=2)
    dynamodb.delete_item(TableName=table, Key=tables.item(pk="a"))
    found = wait_for(streams, stream, 3)
    assert [one["eventName"] for one in found] == ["INSERT", "MODIFY", "REMOVE"]
    images = [
        (one["dynamodb"].get("OldImage", {}).get("n"), one["dynamodb"].get("NewImage", {}).get("n")) for one in found
    ]
    old, new = view in {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}, view in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}
    one, two = {"N": "1"}, {"N": "2"}
    assert images == [
        (None, one if new else None),
        (one if old else None, two if new else None),
        (two if old else None, None),
    ]
    for record in found:
        assert record["eventSource"] == "aws:dynamodb" and record["awsRegion"] == "us-east-1"
        assert record["eventVersion"] == "1.1" and record["eventID"]
        assert record["dynamodb"]["Keys"] == tables.item(pk="a")
        assert record["dynamodb"]["StreamViewType"] == view
        assert record["dynamodb"]["SizeBytes"] > 0
    numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in found]
    assert numbers == sorted(set(numbers))


def test_what_changes_nothing_leaves_no_record(dynamodb, streams):
    table, stream = streamed(dynamodb)
    tables.put(dynamodb, table, pk="same", n=1)
    tables.put(dynamodb, table, pk="same", n=1)
    dynamodb.delete_item(TableName=table, Key=tables.item(pk="nobody"))
    tables.put(dynamodb, table, pk="other")
    found = wait_for(streams, stream, 2)
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in found] == ["same", "other"]


def test_transactions_and_batches_leave_records(dynamodb, streams):
    table, stream = streamed(dynamodb)
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": tables.item(pk=f"t{n}")}} for n in range(3)]
    )
    tables.fill(dynamodb, table, [tables.item(pk=f"b{n}") for n in range(30)])
    found = wait_for(streams, stream, 33)
    assert len(found) == 33 and {one["eventName"] for one in found} == {"INSERT"}


def test_iterators_of_every_type(dynamodb, streams):
    table, stream = streamed(dynamodb)
    for n in range(4):
        tables.put(dynamodb, table, pk="a", n=n)
    found = wait_for(streams, stream, 4)
    third = found[2]["dynamodb"]["SequenceNumber"]
    shard = next(
        shard["ShardId"]
        for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        if shard["SequenceNumberRange"]["StartingSequenceNumber"]
    )

    def from_(kind, **more):
        iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType=kind, **more)
        return drained(streams, iterator["ShardIterator"])

    def values(records):
        return [int(one["dynamodb"]["NewImage"]["n"]["N"]) for one in records]

    assert values(from_("TRIM_HORIZON")[0]) == [0, 1, 2, 3]
    assert values(from_("AT_SEQUENCE_NUMBER", SequenceNumber=third)[0]) == [2, 3]
    assert values(from_("AFTER_SEQUENCE_NUMBER", SequenceNumber=third)[0]) == [3]
    nothing, latest = from_("LATEST")
    assert nothing == []
    tables.put(dynamodb, table, pk="a", n=4)
    assert values(expect.eventually(lambda: drained(streams, latest)[0], bool)) == [4]
    page = streams.get_records(
        ShardIterator=streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ],
        Limit=2,
    )
    assert values(page["Records"]) == [0, 1] and page["NextShardIterator"]


def test_streams_are_listed_and_described(dynamodb, streams):
    table, stream = streamed(dynamodb, "KEYS_ONLY", sort=("sk", "N"))
    listed = streams.list_streams(TableName=table)["Streams"]
    assert [one["StreamArn"] for one in listed] == [stream]
    label = stream.rpartition("/")[2]
    assert listed[0]["StreamLabel"] == label and listed[0]["TableName"] == table
    found = streams.describe_stream(StreamArn=stream)["StreamDescription"]
    assert found["StreamStatus"] == "ENABLED" and found["StreamViewType"] == "KEYS_ONLY"
    assert found["KeySchema"] == tables.key_schema(("pk", "S"), ("sk", "N"))
    assert found["Shards"][0]["ShardId"].startswith("shardId-")
    assert any(one["StreamArn"] == stream for one in all_streams(streams))


def all_streams(streams):
    found, start = [], {}
    while True:
        page = streams.list_streams(Limit=100, **start)
        found += page["Streams"]
        if "LastEvaluatedStreamArn" not in page:
            return found
        start = {"ExclusiveStartStreamArn": page["LastEvaluatedStreamArn"]}


def test_a_stream_ends_and_another_begins(dynamodb, streams, clock_advance):
    table, stream = streamed(dynamodb)
    tables.put(dynamodb, table, pk="a")
    wait_for(streams, stream, 1)
    with fails("ValidationException"):
        dynamodb.update_table(
            TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        )
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    tables.wait_active(dynamodb, table)
    clock_advance("5m")
    found = expect.eventually(
        lambda: streams.describe_stream(StreamArn=stream)["StreamDescription"],
        lambda found: all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in found["Shards"]),
    )
    assert found["StreamStatus"] == "DISABLED"
    assert len(records(streams, stream)) == 1
    dynamodb.update_table(
        TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    )
    tables.wait_active(dynamodb, table)
    assert tables.stream_of(dynamodb, table) != stream


def test_records_are_kept_for_a_day(dynamodb, streams, clock_advance):
    table, stream = streamed(dynamodb)
    tables.put(dynamodb, table, pk="old")
    old = wait_for(streams, stream, 1)[0]["dynamodb"]["SequenceNumber"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    before = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    clock_advance("25h")
    with fails("ExpiredIteratorException"):
        streams.get_records(ShardIterator=before["ShardIterator"])
    tables.put(dynamodb, table, pk="new")
    found = expect.eventually(lambda: records(streams, stream), lambda found: len(found) == 1)
    assert found[0]["dynamodb"]["Keys"] == tables.item(pk="new")
    with fails("TrimmedDataAccessException"):
        streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=old
        )


def test_iterators_end_after_a_quarter_of_an_hour(dynamodb, streams, clock_advance):
    _, stream = streamed(dynamodb)
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="LATEST")
    clock_advance("16m")
    with fails("ExpiredIteratorException"):
        streams.get_records(ShardIterator=iterator["ShardIterator"])


def test_streams_that_are_not_there(dynamodb, streams):
    _, stream = streamed(dynamodb)
    missing = stream.rpartition("/")[0] + "/2020-01-01T00:00:00.000"
    with fails("ResourceNotFoundException"):
        streams.describe_stream(StreamArn=missing)
    with fails("ResourceNotFoundException"):
        streams.get_shard_iterator(
            StreamArn=missing, ShardId="shardId-00000000000000000000-00000000", ShardIteratorType="LATEST"
        )
    with fails("ResourceNotFoundException"):
        streams.get_shard_iterator(
            StreamArn=stream, ShardId="shardId-00000000000000000000-00000000", ShardIteratorType="LATEST"
        )


# ---- time to live -----------------------------------------------------------------------------------------


def test_items_leave_when_their_time_is_over(dynamodb, streams, clock_advance):
    table, stream = streamed(dynamodb)
    specification = {"AttributeName": "expires", "Enabled": True}
    answer = dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    assert answer["TimeToLiveSpecification"] == specification
    described = expect.eventually(
        lambda: dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"],
        lambda found: found["TimeToLiveStatus"] == "ENABLED",
    )
    assert described["AttributeName"] == "expires"
    # The cloud's clock, which other tests turn.
    now = int(dynamodb.describe_table(TableName=table)["Table"]["CreationDateTime"].timestamp())
    tables.put(dynamodb, table, pk="short", expires=now + 60)
    tables.put(dynamodb, table, pk="long", expires=now + 900 * 24 * 3600)
    tables.put(dynamodb, table, pk="text", expires=str(now))
    tables.put(dynamodb, table, pk="none")
    clock_advance("2d")
    left = expect.eventually(
        lambda: sorted(one["pk"]["S"] for one in dynamodb.scan(TableName=table)["Items"]),
        lambda left: "short" not in left,
    )
    assert left == ["long", "none", "text"]
    removed = expect.eventually(
        lambda: [one for one in records(streams, stream) if one["eventName"] == "REMOVE"], bool
    )
    assert removed[0]["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert removed[0]["dynamodb"]["OldImage"]["pk"] == {"S": "short"}


def test_time_to_live_is_set_once_an_hour(dynamodb, clock_advance):
    table = tables.create(dynamodb)
    assert dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }
    on = {"AttributeName": "ttl", "Enabled": True}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=on)
    with fails("ValidationException"):
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=on)
    clock_advance("2h")
    expect.eventually(
        lambda: dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"],
        lambda status: status == "ENABLED",
    )
    with fails("ValidationException", "TimeToLive is already enabled"):
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=on)
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": False}
    )
