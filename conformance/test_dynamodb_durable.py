"""What was acknowledged is there after a power cut, whatever happened at the time."""

import concurrent.futures

import dynamodb_tables as tables
import expect
from conftest import make_client


def test_tables_items_indexes_and_streams_survive(durable):
    cloud = durable()
    dynamodb = make_client(cloud.endpoint, "dynamodb")
    table = tables.create(
        dynamodb,
        sort=("sk", "N"),
        globals=[tables.index("by-colour", ("colour", "S"))],
        locals=[tables.index("by-rank", ("pk", "S"), ("rank", "N"))],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    items = [tables.item(pk="p", sk=n, rank=50 - n, colour="red" if n % 2 else "blue") for n in range(50)]
    tables.fill(dynamodb, table, items)
    dynamodb.delete_item(TableName=table, Key=tables.item(pk="p", sk=0))
    before = dynamodb.describe_table(TableName=table)["Table"]
    cloud.kill()

    cloud = durable()
    dynamodb = make_client(cloud.endpoint, "dynamodb")
    streams = make_client(cloud.endpoint, "dynamodbstreams")
    after = dynamodb.describe_table(TableName=table)["Table"]
    assert {k: after[k] for k in ("TableId", "TableArn", "LatestStreamArn")} == {
        k: before[k] for k in ("TableId", "TableArn", "LatestStreamArn")
    }
    assert len(dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]) == 49
    assert dynamodb.scan(TableName=table, IndexName="by-colour")["Count"] == 49
    assert dynamodb.scan(TableName=table, IndexName="by-rank")["Count"] == 49
    shard = streams.describe_stream(StreamArn=after["LatestStreamArn"])["StreamDescription"]["Shards"][0]
    iterator = streams.get_shard_iterator(
        StreamArn=after["LatestStreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert len(streams.get_records(ShardIterator=iterator)["Records"]) == 51


def test_writes_in_flight_when_the_power_goes(durable):
    """Counters raised by several threads: what was answered is there, and at most what was under way besides."""
    cloud = durable()
    dynamodb = make_client(cloud.endpoint, "dynamodb", max_pool_connections=8)
    table = tables.create(dynamodb, globals=[tables.index("by-n", ("kind", "S"), ("n", "N"))])
    answered = [0] * 6

    def raise_counter(own):
        while True:
            try:
                dynamodb.update_item(
                    TableName=table,
                    Key=tables.item(pk=f"counter-{own}"),
                    UpdateExpression="SET kind = :k ADD n :one",
                    ExpressionAttributeValues={":one": {"N": "1"}, ":k": {"S": "counter"}},
                )
            except Exception:
                return
            answered[own] += 1

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        running = [pool.submit(raise_counter, own) for own in range(6)]
        expect.eventually(lambda: sum(answered), lambda total: total > 200)
        cloud.kill()
        for one in running:
            one.result()

    cloud = durable()
    dynamodb = make_client(cloud.endpoint, "dynamodb")
    indexed = dynamodb.query(
        TableName=table,
        IndexName="by-n",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "counter"}},
    )["Items"]
    by_index = {one["pk"]["S"]: int(one["n"]["N"]) for one in indexed}
    for own in range(6):
        found = int(tables.get(dynamodb, table, pk=f"counter-{own}")["n"]["N"])
        assert answered[own] <= found <= answered[own] + 1
        assert by_index[f"counter-{own}"] == found
