"""Errors that have to be provoked: throttling, resources in use, limits, iterators without a stream."""

import pytest

import dynamodb_tables as tables
import expect
import server as servers
from conftest import make_client
from expect import fails

THROTTLED = "ProvisionedThroughputExceededException"
ATTEMPTS_MAX = 40


# ---- throttling ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def throttled(tmp_path_factory):
    """A cloud that holds tables to their throughput, and a table there that has used up reads and writes."""
    config = tmp_path_factory.mktemp("throttled") / "fogbank.toml"
    config.write_text("[dynamodb]\nthrottled = true\n")
    running = servers.Server("--dev", "--memory", "--config", str(config)).start()
    try:
        own = make_client(running.endpoint, "dynamodb")
        table = tables.create(own, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
        item = {"pk": {"S": "a"}, "body": {"S": "x" * 390_000}}
        message = provoke(lambda: own.put_item(TableName=table, Item=item))
        assert message.startswith("The level of configured provisioned throughput for the table was exceeded.")
        provoke(lambda: own.get_item(TableName=table, Key=tables.item(pk="a"), ConsistentRead=True))
        yield own, table
    finally:
        running.kill()


def provoke(call):
    """Calls until it is throttled: a bucket holds what was not used for five minutes, and may be overdrawn."""
    for _ in range(ATTEMPTS_MAX):
        try:
            call()
        except Exception as error:
            response = getattr(error, "response", {})
            assert response.get("Error", {}).get("Code") == THROTTLED, error
            return response["Error"]["Message"]
    raise AssertionError("it was never throttled")


KEY = {"pk": {"S": "a"}}
WRITES = {
    "put_item": lambda table: {"TableName": table, "Item": KEY},
    "update_item": lambda table: {"TableName": table, "Key": KEY},
    "delete_item": lambda table: {"TableName": table, "Key": KEY},
    "execute_statement": lambda table: {"Statement": f"DELETE FROM \"{table}\" WHERE pk = 'a'"},
}
READS = {
    "get_item": lambda table: {"TableName": table, "Key": KEY},
    "scan": lambda table: {"TableName": table},
    "query": lambda table: {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    },
    "execute_statement": lambda table: {"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'a'"},
}


@pytest.mark.parametrize("operation, given", [*WRITES.items(), *READS.items()])
def test_single_operations_are_throttled(throttled, operation, given):
    own, table = throttled
    with fails(THROTTLED):
        getattr(own, operation)(**given(table))


def test_batches_of_which_nothing_was_done_are_throttled(throttled):
    own, table = throttled
    with fails(THROTTLED):
        own.batch_get_item(RequestItems={table: {"Keys": [KEY]}})
    with fails(THROTTLED):
        own.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": KEY}}]})
    answer = own.batch_execute_statement(Statements=[{"Statement": f"DELETE FROM \"{table}\" WHERE pk = 'a'"}])
    assert answer["Responses"][0]["Error"]["Code"] == "ProvisionedThroughputExceeded"


def test_a_batch_leaves_unprocessed_what_was_throttled(throttled):
    own, table = throttled
    other = tables.create(own)
    answer = own.batch_write_item(
        RequestItems={
            table: [{"DeleteRequest": {"Key": KEY}}],
            other: [{"PutRequest": {"Item": tables.item(pk="done")}}],
        }
    )
    assert list(answer["UnprocessedItems"]) == [table]
    assert tables.get(own, other, pk="done")


def test_transactions_are_throttled(throttled):
    own, table = throttled
    calls = [
        lambda: own.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": KEY}}]),
        lambda: own.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": KEY}}]),
        lambda: own.execute_transaction(
            TransactStatements=[{"Statement": f"DELETE FROM \"{table}\" WHERE pk = 'a'"}]
        ),
    ]
    for call in calls:
        with fails((THROTTLED, "TransactionCanceledException")) as seen:
            call()
        error = seen[0].response
        if error["Error"]["Code"] != THROTTLED:
            assert error["CancellationReasons"][0]["Code"] in {"ThrottlingError", "ProvisionedThroughputExceeded"}


# ---- item collections ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    """A cloud that holds item collections to 1 MiB, and a table with a local index and a partition that is full."""
    config = tmp_path_factory.mktemp("bounded") / "fogbank.toml"
    config.write_text("[dynamodb]\nitem_collection_mib = 1\n")
    running = servers.Server("--dev", "--memory", "--config", str(config)).start()
    try:
        own = make_client(running.endpoint, "dynamodb")
        table = tables.create(own, sort=("sk", "S"), locals=[tables.index("by-l", ("pk", "S"), ("l", "S"))])
        # Each is in the table and in its index.
        for sk in "12":
            answer = own.put_item(
                TableName=table,
                Item=tables.item(pk="a", sk=sk, l="l", body="x" * 240_000),
                ReturnItemCollectionMetrics="SIZE",
            )
            metrics = answer["ItemCollectionMetrics"]
            assert metrics == {"ItemCollectionKey": tables.item(pk="a"), "SizeEstimateRangeGB": [0.0, 1.0]}
        yield own, table
    finally:
        running.kill()


MORE = {"pk": {"S": "a"}, "sk": {"S": "3"}, "l": {"S": "l"}, "body": {"S": "x" * 90_000}}
GROWING = {
    "put_item": lambda table: {"TableName": table, "Item": MORE},
    "update_item": lambda table: {
        "TableName": table,
        "Key": {"pk": {"S": "a"}, "sk": {"S": "1"}},
        "UpdateExpression": "SET more = :more",
        "ExpressionAttributeValues": {":more": {"S": "x" * 90_000}},
    },
    "batch_write_item": lambda table: {"RequestItems": {table: [{"PutRequest": {"Item": MORE}}]}},
    "execute_statement": lambda table: {
        "Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': '3', 'l': 'l', 'body': ?}}",
        "Parameters": [{"S": "x" * 90_000}],
    },
}


@pytest.mark.parametrize("operation, given", GROWING.items())
def test_what_would_make_a_collection_too_large_is_refused(bounded, operation, given):
    own, table = bounded
    with fails("ItemCollectionSizeLimitExceededException"):
        getattr(own, operation)(**given(table))


def test_a_transaction_says_which_part_would_make_a_collection_too_large(bounded):
    own, table = bounded
    with fails("TransactionCanceledException") as seen:
        own.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": MORE}}])
    assert seen[0].response["CancellationReasons"][0]["Code"] == "ItemCollectionSizeLimitExceeded"


def test_other_collections_and_what_does_not_grow_go_on(bounded):
    own, table = bounded
    own.put_item(TableName=table, Item=MORE | {"pk": {"S": "b"}})
    own.put_item(TableName=table, Item=tables.item(pk="a", sk="1", l="l", body="x" * 100_000))
    own.put_item(TableName=table, Item=MORE)
    own.delete_item(TableName=table, Key=tables.item(pk="a", sk="3"))


# ---- limits -------------------------------------------------------------------------------------------------


def test_throughput_has_limits(dynamodb):
    much = {"ReadCapacityUnits": 40_001, "WriteCapacityUnits": 1}
    with fails("LimitExceededException"):
        dynamodb.create_table(**tables.definition(ProvisionedThroughput=much))
    table = tables.create(dynamodb, ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 9})
    with fails("LimitExceededException"):
        dynamodb.update_table(TableName=table, ProvisionedThroughput=much)


def test_decreases_of_a_day_have_a_limit(dynamodb):
    table = tables.create(dynamodb, ProvisionedThroughput={"ReadCapacityUnits": 20, "WriteCapacityUnits": 1})
    refused = None
    for units in range(19, 0, -1):
        try:
            dynamodb.update_table(
                TableName=table, ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": 1}
            )
        except dynamodb.exceptions.LimitExceededException as error:
            refused = error.response["Error"]["Message"]
            break
        tables.wait_active(dynamodb, table)
    assert refused is not None and "decreases" in refused


# ---- streams --------------------------------------------------------------------------------------------------


def test_what_is_asked_of_a_stream(dynamodb, streams):
    table = tables.create(
        dynamodb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    )
    stream = tables.stream_of(dynamodb, table)
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    with fails(("LimitExceededException", "ValidationException")):
        streams.get_records(ShardIterator=iterator, Limit=1001)
    with fails("ValidationException"):
        streams.get_records(ShardIterator="no-iterator")
    with fails("ResourceNotFoundException"):
        dynamodb.describe_contributor_insights(TableName="never-made")
    assert streams.list_streams(TableName="never-made")["Streams"] == []
