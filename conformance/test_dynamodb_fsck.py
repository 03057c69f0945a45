"""`fogbank fsck` proves that indexes agree with their tables, and notices rot in the tables' files."""

import pathlib

import pytest

import conftest
import server as servers

ITEMS = 60


@pytest.fixture
def kept(durable):
    """A stopped cloud with a table, a global index and items; (start, data folder)."""
    running = durable()
    dynamodb = conftest.make_client(running.endpoint, "dynamodb")
    dynamodb.create_table(
        TableName="checked",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "colour", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-colour",
                "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="checked")
    for number in range(ITEMS):
        item = {"id": {"S": f"item {number}"}, "text": {"S": "x" * 200}}
        if number % 2:
            item["colour"] = {"S": ["red", "blue"][number % 4 // 2]}
        dynamodb.put_item(TableName="checked", Item=item)
    data = pathlib.Path(running.arguments[running.arguments.index("--data") + 1])
    assert running.stop() == 0
    return durable, data


def fsck(data):
    return servers.run("fsck", "--data", str(data), check=False)


def test_a_table_agrees_with_its_index(kept):
    _, data = kept
    done = fsck(data)
    assert done.returncode == 0, done.stderr
    assert f"1 tables, {ITEMS} items, {ITEMS // 2} entries of indexes, 0 that disagree" in done.stdout
    assert " bytes, 0 damaged" in done.stdout


def test_a_flipped_byte_in_the_log_is_an_error_and_nothing_is_lost_silently(kept):
    start, data = kept
    log = max((data / "tables" / "log").glob("*.log"), key=lambda path: len(path.read_bytes().rstrip(b"\0")))
    content = bytearray(log.read_bytes())
    written = len(content.rstrip(b"\0"))
    content[written // 2] ^= 1
    log.write_bytes(content)
    done = fsck(data)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    content[written // 2] ^= 1
    log.write_bytes(content)
    assert fsck(data).returncode == 0
    dynamodb = conftest.make_client(start().endpoint, "dynamodb")
    assert dynamodb.scan(TableName="checked", Select="COUNT")["Count"] == ITEMS
