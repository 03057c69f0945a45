"""Transactions and batches: all or nothing, and as many as possible."""

import concurrent.futures
import uuid

import pytest

import dynamodb_tables as tables
from expect import fails

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons "


@pytest.fixture(scope="module")
def table(dynamodb):
    return tables.create(dynamodb)


@pytest.fixture(scope="module")
def other(dynamodb):
    return tables.create(dynamodb, sort=("sk", "N"))


def reasons(seen):
    return [one["Code"] for one in seen[0].response["CancellationReasons"]]


# ---- writes together ---------------------------------------------------------------------------------


def test_writes_of_several_tables_happen_together(dynamodb, table, other):
    tables.put(dynamodb, table, pk="gone")
    tables.put(dynamodb, table, pk="account", balance=10)
    tables.put(dynamodb, other, pk="checked", sk=1, open=True)
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": other, "Item": tables.item(pk="made", sk=1)}},
            {"Delete": {"TableName": table, "Key": tables.item(pk="gone")}},
            {
                "Update": {
                    "TableName": table,
                    "Key": tables.item(pk="account"),
                    "UpdateExpression": "SET balance = balance - :n",
                    "ConditionExpression": "balance >= :n",
                    "ExpressionAttributeValues": {":n": {"N": "3"}},
                }
            },
            {
                "ConditionCheck": {
                    "TableName": other,
                    "Key": tables.item(pk="checked", sk=1),
                    "ConditionExpression": "#o = :t",
                    "ExpressionAttributeNames": {"#o": "open"},
                    "ExpressionAttributeValues": {":t": {"BOOL": True}},
                }
            },
        ]
    )
    assert tables.get(dynamodb, other, pk="made", sk=1)
    assert tables.get(dynamodb, table, pk="gone") is None
    assert tables.get(dynamodb, table, pk="account") == tables.item(pk="account", balance=7)


def test_one_failed_condition_cancels_everything(dynamodb, table):
    tables.put(dynamodb, table, pk="there", a=1)
    with fails("TransactionCanceledException", CANCELLED + "[None, ConditionalCheckFailed, None]") as seen:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": tables.item(pk="first")}},
                {
                    "Put": {
                        "TableName": table,
                        "Item": tables.item(pk="there"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
                {"Delete": {"TableName": table, "Key": tables.item(pk="third")}},
            ]
        )
    assert reasons(seen) == ["None", "ConditionalCheckFailed", "None"]
    reason = seen[0].response["CancellationReasons"][1]
    assert reason["Message"] == "The conditional request failed"
    assert reason["Item"] == tables.item(pk="there", a=1)
    assert tables.get(dynamodb, table, pk="first") is None


def test_what_does_not_fit_the_item_cancels(dynamodb, table):
    tables.put(dynamodb, table, pk="text", a="x")
    with fails("TransactionCanceledException") as seen:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": table,
                        "Key": tables.item(pk="text"),
                        "UpdateExpression": "SET a = a + :n",
                        "ExpressionAttributeValues": {":n": {"N": "1"}},
                    }
                }
            ]
        )
    assert reasons(seen) == ["ValidationError"]


def test_a_hundred_items_and_no_more(dynamodb, table):
    def puts(count):
        return [{"Put": {"TableName": table, "Item": tables.item(pk=f"many-{n}")}} for n in range(count)]

    dynamodb.transact_write_items(TransactItems=puts(100))
    with fails("ValidationException"):
        dynamodb.transact_write_items(TransactItems=puts(101))


def test_no_item_twice(dynamodb, table):
    twice = [
        {"Put": {"TableName": table, "Item": tables.item(pk="twice")}},
        {"Delete": {"TableName": table, "Key": tables.item(pk="twice")}},
    ]
    message = "Transaction request cannot include multiple operations on one item"
    with fails("ValidationException", message):
        dynamodb.transact_write_items(TransactItems=twice)
    key = {"Get": {"TableName": table, "Key": tables.item(pk="twice")}}
    with fails("ValidationException", message):
        dynamodb.transact_get_items(TransactItems=[key, key])


def test_one_operation_an_entry(dynamodb, table):
    with fails("ValidationException"):
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {"TableName": table, "Item": tables.item(pk="a")},
                    "Delete": {"TableName": table, "Key": tables.item(pk="b")},
                }
            ]
        )
    with fails("ValidationException"):
        dynamodb.transact_write_items(TransactItems=[{}])


def test_tables_of_a_transaction_exist(dynamodb, table):
    with fails("ResourceNotFoundException", "Requested resource not found"):
        dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": "never-made", "Item": tables.item(pk="a")}}]
        )
    with fails("ResourceNotFoundException", "Requested resource not found"):
        dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": "never-made", "Key": tables.item(pk="a")}}])


# ---- tokens -------------------------------------------------------------------------------------------


def test_a_token_makes_a_repeat_harmless(dynamodb, table, clock_advance):
    tables.put(dynamodb, table, pk="counter", n=0)

    def add(number, token):
        return dynamodb.transact_write_items(
            ClientRequestToken=token,
            TransactItems=[
                {
                    "Update": {
                        "TableName": table,
                        "Key": tables.item(pk="counter"),
                        "UpdateExpression": "ADD n :v",
                        "ExpressionAttributeValues": {":v": {"N": str(number)}},
                    }
                }
            ],
        )

    token = uuid.uuid4().hex
    add(1, token)
    add(1, token)
    assert tables.get(dynamodb, table, pk="counter")["n"] == {"N": "1"}
    with fails("IdempotentParameterMismatchException"):
        add(2, token)
    clock_advance("11m")
    add(1, token)
    assert tables.get(dynamodb, table, pk="counter")["n"] == {"N": "2"}


# ---- reads together -------------------------------------------------------------------------------------


def test_reads_of_several_tables(dynamodb, table, other):
    tables.put(dynamodb, table, pk="read", a=1, b=2)
    tables.put(dynamodb, other, pk="read", sk=5)
    answer = dynamodb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": table, "Key": tables.item(pk="read"), "ProjectionExpression": "b"}},
            {"Get": {"TableName": other, "Key": tables.item(pk="read", sk=5)}},
            {"Get": {"TableName": table, "Key": tables.item(pk="nobody")}},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert [one.get("Item") for one in answer["Responses"]] == [
        tables.item(b=2),
        tables.item(pk="read", sk=5),
        None,
    ]
    units = {one["TableName"]: one["CapacityUnits"] for one in answer["ConsumedCapacity"]}
    assert units == {table: 4.0, other: 2.0}


def test_a_read_with_a_key_that_does_not_fit_cancels_all_of_them(dynamodb, table):
    tables.put(dynamodb, table, pk="fits")
    gets = [{"Get": {"TableName": table, "Key": key}} for key in (tables.item(pk="fits"), tables.item(pk=1))]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refused:
        dynamodb.transact_get_items(TransactItems=gets)
    reasons = refused.value.response["CancellationReasons"]
    assert [one["Code"] for one in reasons] == ["None", "ValidationError"]
    assert reasons[1]["Message"] == "The provided key element does not match the schema"


def test_transfers_keep_the_sum_whoever_reads(dynamodb, table):
    """Ten accounts, transfers from four threads, and readers that always see the same sum."""
    accounts = [f"bank-{n}" for n in range(10)]
    for name in accounts:
        tables.put(dynamodb, table, pk=name, balance=100)

    def transfer(seed):
        for step in range(12):
            source, target = accounts[(seed + step) % 10], accounts[(seed * 3 + step * 7 + 1) % 10]
            if source == target:
                continue
            entries = [
                {
                    "Update": {
                        "TableName": table,
                        "Key": tables.item(pk=name),
                        "UpdateExpression": "ADD balance :v",
                        "ExpressionAttributeValues": {":v": {"N": str(amount)}},
                    }
                }
                for name, amount in ((source, -seed), (target, seed))
            ]
            try:
                dynamodb.transact_write_items(TransactItems=entries)
            except dynamodb.exceptions.TransactionCanceledException as error:
                codes = {one["Code"] for one in error.response["CancellationReasons"]}
                assert codes <= {"None", "TransactionConflict"}, codes

    def total():
        gets = [{"Get": {"TableName": table, "Key": tables.item(pk=name)}} for name in accounts]
        try:
            found = dynamodb.transact_get_items(TransactItems=gets)["Responses"]
        except dynamodb.exceptions.TransactionCanceledException:
            return None
        return sum(int(one["Item"]["balance"]["N"]) for one in found)

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(transfer, seed) for seed in range(1, 5)]
        while not all(one.done() for one in writers):
            assert total() in {1000, None}
        for one in writers:
            one.result()
    assert total() == 1000


# ---- batches ------------------------------------------------------------------------------------------------


def test_a_batch_writes_to_several_tables(dynamodb, table, other):
    tables.put(dynamodb, table, pk="batch-gone")
    answer = dynamodb.batch_write_item(
        RequestItems={
            table: [
                {"PutRequest": {"Item": tables.item(pk="batch-a")}},
                {"DeleteRequest": {"Key": tables.item(pk="batch-gone")}},
            ],
            other: [{"PutRequest": {"Item": tables.item(pk="batch", sk=n)}} for n in range(5)],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    assert {one["TableName"]: one["CapacityUnits"] for one in answer["ConsumedCapacity"]} == {table: 2.0, other: 5.0}
    assert tables.get(dynamodb, table, pk="batch-gone") is None

    answer = dynamodb.batch_get_item(
        RequestItems={
            table: {"Keys": [tables.item(pk="batch-a"), tables.item(pk="nobody")], "ConsistentRead": True},
            other: {
                "Keys": [tables.item(pk="batch", sk=n) for n in range(5)],
                "ProjectionExpression": "#s",
                "ExpressionAttributeNames": {"#s": "sk"},
            },
        }
    )
    assert answer["UnprocessedKeys"] == {}
    assert answer["Responses"][table] == [tables.item(pk="batch-a")]
    assert sorted(int(one["sk"]["N"]) for one in answer["Responses"][other]) == list(range(5))


def test_a_batch_has_25_writes_and_100_reads(dynamodb, table):
    with fails("ValidationException"):
        dynamodb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": tables.item(pk=str(n))}} for n in range(26)]}
        )
    with fails("ValidationException"):
        dynamodb.batch_get_item(RequestItems={table: {"Keys": [tables.item(pk=str(n)) for n in range(101)]}})


def test_no_item_twice_in_a_batch(dynamodb, table):
    message = "Provided list of item keys contains duplicates"
    key = tables.item(pk="dup")
    with fails("ValidationException", message):
        dynamodb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": key}}, {"DeleteRequest": {"Key": key}}]}
        )
    with fails("ValidationException", message):
        dynamodb.batch_get_item(RequestItems={table: {"Keys": [key, key]}})


def test_a_batch_of_reads_ends_at_16_mebibytes(dynamodb, table):
    size = 380 * 1024
    for n in range(50):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": f"large-{n}"}, "body": {"B": b"x" * size}})
    keys = [tables.item(pk=f"large-{n}") for n in range(50)]
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})
    left = answer["UnprocessedKeys"][table]["Keys"]
    assert len(answer["Responses"][table]) + len(left) == 50
    assert 40 <= len(answer["Responses"][table]) <= 45
    again = dynamodb.batch_get_item(RequestItems=answer["UnprocessedKeys"])
    assert len(again["Responses"][table]) == len(left)


@pytest.mark.parametrize("operation, inner", [("batch_write_item", "write"), ("batch_get_item", "get")])
def test_tables_of_a_batch_exist(dynamodb, operation, inner):
    request = [{"PutRequest": {"Item": tables.item(pk="a")}}] if inner == "write" else {"Keys": [tables.item(pk="a")]}
    with fails("ResourceNotFoundException", "Requested resource not found"):
        getattr(dynamodb, operation)(RequestItems={"never-made": request})
