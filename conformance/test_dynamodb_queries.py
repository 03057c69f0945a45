"""Query and Scan: keys, order, paging, filters, projections, counts, segments; and their mistakes."""

import pytest

import dynamodb_tables as tables
from expect import fails

MANY = 60


@pytest.fixture(scope="module")
def table(dynamodb):
    """Three partitions; `big` has items of 50 KB, so that a page of 1 MiB does not hold it."""
    name = tables.create(
        dynamodb,
        sort=("sk", "N"),
        globals=[
            tables.index("by-colour", ("colour", "S"), ("sk", "N")),
            tables.index("keys-only", ("colour", "S"), projection="KEYS_ONLY"),
            tables.index("some", ("colour", "S"), projection="INCLUDE", attributes=["shown"]),
        ],
        locals=[
            tables.index("by-score", ("pk", "S"), ("score", "N")),
            tables.index("scored-keys", ("pk", "S"), ("score", "N"), projection="KEYS_ONLY"),
        ],
    )
    rows = [
        tables.item(pk="p", sk=n, score=100 - n, colour="red" if n % 2 else "blue", shown=n, hidden=n, even=n % 2 == 0)
        for n in range(MANY)
    ]
    rows += [tables.item(pk="other", sk=1), tables.item(pk="other", sk=-1)]
    rows += [tables.item(pk="big", sk=n, body="x" * 50_000) for n in range(30)]
    tables.fill(dynamodb, name, rows)
    return name


@pytest.fixture
def query(dynamodb, table):
    """query(condition, **values) with more parameters as `given`."""

    def ask(condition, given=None, **values):
        return dynamodb.query(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={f":{k}": tables.value(v) for k, v in values.items()},
            **(given or {}),
        )

    return ask


def sort_keys(answer):
    return [int(one["sk"]["N"]) for one in answer["Items"]]


# ---- keys and order --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition, values, expected",
    [
        ("pk = :p", {}, range(MANY)),
        ("pk = :p AND sk = :a", {"a": 7}, [7]),
        ("pk = :p AND sk < :a", {"a": 3}, [0, 1, 2]),
        ("pk = :p AND sk <= :a", {"a": 3}, [0, 1, 2, 3]),
        ("pk = :p AND sk > :a", {"a": 57}, [58, 59]),
        ("pk = :p AND sk >= :a", {"a": 57}, [57, 58, 59]),
        ("pk = :p AND sk BETWEEN :a AND :b", {"a": 10, "b": 12}, [10, 11, 12]),
        ("sk = :a AND pk = :p", {"a": 7}, [7]),
        ("(pk = :p) and (sk = :a)", {"a": 7}, [7]),
        ("pk = :p AND sk = :a", {"a": 777}, []),
    ],
)
def test_key_conditions(query, condition, values, expected):
    answer = query(condition, p="p", **values)
    assert sort_keys(answer) == list(expected)
    assert answer["Count"] == answer["ScannedCount"] == len(list(expected))
    assert "LastEvaluatedKey" not in answer


def test_results_come_by_the_sort_key_either_way(query):
    assert sort_keys(query("pk = :p", p="other")) == [-1, 1]
    assert sort_keys(query("pk = :p", {"ScanIndexForward": False}, p="other")) == [1, -1]


def test_strings_are_ordered_by_their_bytes(dynamodb):
    table = tables.create(dynamodb, sort=("sk", "S"))
    texts = ["", "a", "B", "b", "aa", "é", "ü", "z", "\U0001f600", "～", "0", "10", "9"]
    texts.remove("")
    tables.fill(dynamodb, table, [tables.item(pk="p", sk=text) for text in texts])
    found = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "p"}}
    )["Items"]
    assert [one["sk"]["S"] for one in found] == sorted(texts, key=lambda text: text.encode())
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :p AND begins_with(sk, :s)",
        ExpressionAttributeValues={":p": {"S": "p"}, ":s": {"S": "a"}},
    )["Items"]
    assert [one["sk"]["S"] for one in found] == ["a", "aa"]


def test_numbers_and_binaries_are_ordered_by_value(dynamodb):
    numbers = tables.create(dynamodb, partition=("pk", "N"), sort=("sk", "N"))
    values = ["-1E+100", "-5", "-0.5", "-1E-100", "0", "1E-130", "0.1", "2", "10", "1E+125"]
    tables.fill(dynamodb, numbers, [{"pk": {"N": "1"}, "sk": {"N": one}} for one in values])
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"N": "1.0"}}}
    found = dynamodb.query(TableName=numbers, **asked)["Items"]
    assert [float(one["sk"]["N"]) for one in found] == [float(one) for one in values]

    binaries = tables.create(dynamodb, partition=("pk", "B"), sort=("sk", "B"))
    values = [b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\x00"]
    tables.fill(dynamodb, binaries, [{"pk": {"B": b"\x00"}, "sk": {"B": one}} for one in reversed(values)])
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"B": b"\x00"}}}
    found = dynamodb.query(TableName=binaries, **asked)["Items"]
    assert [one["sk"]["B"] for one in found] == values


# ---- paging ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", [True, False])
def test_pages_of_a_limit_make_up_the_whole(dynamodb, table, forward):
    found = tables.pages(
        dynamodb.query,
        TableName=table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "p"}},
        Limit=7,
        ScanIndexForward=forward,
    )
    assert all(len(page["Items"]) <= 7 for page in found)
    keys = [int(one["sk"]["N"]) for one in tables.items_of(found)]
    assert keys == sorted(range(MANY), reverse=not forward)
    assert set(found[0]["LastEvaluatedKey"]) == {"pk", "sk"}


def test_a_page_holds_one_mebibyte(dynamodb, table):
    found = tables.pages(
        dynamodb.query,
        TableName=table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "big"}},
    )
    assert len(found) == 2
    assert len(tables.items_of(found)) == 30
    assert 20 <= len(found[0]["Items"]) <= 22


def test_a_limit_counts_what_is_looked_at(query):
    answer = query("pk = :p", {"Limit": 10, "FilterExpression": "even = :e"}, p="p", e=True)
    assert (answer["Count"], answer["ScannedCount"]) == (5, 10)
    assert answer["LastEvaluatedKey"] == tables.item(pk="p", sk=9)


def test_paginators_know_the_way(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 13})
    assert sum(page["Count"] for page in pages) == MANY + 2 + 30


# ---- filters, projections, counts --------------------------------------------------------------------


def test_a_filter_sees_no_keys(query):
    with fails(
        "ValidationException",
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    ):
        query("pk = :p", {"FilterExpression": "sk > :s"}, p="p", s=1)


def test_selects(dynamodb, table, query):
    answer = query("pk = :p", {"Select": "COUNT"}, p="p")
    assert answer["Count"] == MANY and "Items" not in answer
    answer = query("pk = :p AND sk = :s", {"ProjectionExpression": "shown, pk"}, p="p", s=3)
    assert answer["Items"] == [tables.item(shown=3, pk="p")]
    answer = query(
        "pk = :p AND sk = :s", {"Select": "SPECIFIC_ATTRIBUTES", "ProjectionExpression": "shown"}, p="p", s=3
    )
    assert answer["Items"] == [tables.item(shown=3)]
    with fails("ValidationException", "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES"):
        query("pk = :p", {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "shown"}, p="p")
    with fails("ValidationException", "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"):
        query("pk = :p", {"Select": "ALL_PROJECTED_ATTRIBUTES"}, p="p")


def test_capacity_of_a_query(query):
    answer = query("pk = :p", {"ReturnConsumedCapacity": "TOTAL", "Limit": 2}, p="big")
    # 100,036 bytes by 4 KiB, and half of it, since the read is eventually consistent.
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 12.5


# ---- indexes ------------------------------------------------------------------------------------------


def test_a_global_index_has_what_it_projects(query):
    answer = query("colour = :c AND sk < :s", {"IndexName": "by-colour"}, c="red", s=4)
    assert sort_keys(answer) == [1, 3]
    assert set(answer["Items"][0]) == {"pk", "sk", "score", "colour", "shown", "hidden", "even"}
    answer = query("colour = :c", {"IndexName": "keys-only", "Limit": 1}, c="red")
    assert set(answer["Items"][0]) == {"pk", "sk", "colour"}
    assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", "colour"}
    answer = query("colour = :c", {"IndexName": "some", "Limit": 1}, c="red")
    assert set(answer["Items"][0]) == {"pk", "sk", "colour", "shown"}


def test_pages_of_an_index_of_equal_keys(dynamodb, table):
    found = tables.pages(
        dynamodb.query,
        TableName=table,
        IndexName="keys-only",
        KeyConditionExpression="colour = :c",
        ExpressionAttributeValues={":c": {"S": "red"}},
        Limit=4,
    )
    keys = [int(one["sk"]["N"]) for one in tables.items_of(found)]
    assert sorted(keys) == list(range(1, MANY, 2))


def test_a_local_index_reads_the_rest_from_the_table(query):
    answer = query("pk = :p AND score < :r", {"IndexName": "by-score"}, p="p", r=44)
    assert [int(one["score"]["N"]) for one in answer["Items"]] == [41, 42, 43]
    answer = query("pk = :p", {"IndexName": "scored-keys", "Limit": 1}, p="p")
    assert set(answer["Items"][0]) == {"pk", "sk", "score"}
    answer = query("pk = :p", {"IndexName": "scored-keys", "Limit": 1, "Select": "ALL_ATTRIBUTES"}, p="p")
    assert "hidden" in answer["Items"][0]
    assert query("pk = :p", {"IndexName": "by-score", "ConsistentRead": True}, p="other")["Items"] == []


def test_mistakes_with_indexes(query):
    with fails("ValidationException", "Consistent reads are not supported on global secondary indexes"):
        query("colour = :c", {"IndexName": "by-colour", "ConsistentRead": True}, c="red")
    with fails("ValidationException", "The table does not have the specified index: nope"):
        query("colour = :c", {"IndexName": "nope"}, c="red")
    with fails(
        "ValidationException",
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary "
        "index keys-only because its projection type is not ALL",
    ):
        query("colour = :c", {"IndexName": "keys-only", "Select": "ALL_ATTRIBUTES"}, c="red")


# ---- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition, message",
    [
        ("sk = :a", "Query condition missed key schema element: pk"),
        ("pk = :p AND elsewhere = :a", "Query condition missed key schema element: sk"),
        ("pk > :p", "Query key condition not supported"),
        ("pk = :p OR sk = :a", "Invalid operator used in KeyConditionExpression: OR"),
        ("pk = :p AND NOT sk = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("pk = :p AND sk <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("pk = :p AND sk IN (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("pk = :p AND contains(sk, :a)", "Invalid operator used in KeyConditionExpression: contains"),
        ("pk = :p AND sk > :a AND sk < :a", "KeyConditionExpressions must only contain one condition per key"),
        ("pk = :p AND sk.leaf = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
    ],
)
def test_key_conditions_that_are_none(dynamodb, table, condition, message):
    values = {":p": {"S": "p"}} if ":p" in condition else {}
    if ":a" in condition:
        values[":a"] = {"N": "1"}
    with fails("ValidationException") as seen:
        dynamodb.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values)
    assert seen[0].response["Error"]["Message"].endswith(message)


def test_key_conditions_have_the_types_of_the_table(query):
    with fails(
        "ValidationException",
        "One or more parameter values were invalid: Condition parameter type does not match schema type",
    ):
        query("pk = :p", p=1)


def test_a_query_needs_keys(dynamodb, table):
    with fails(
        "ValidationException",
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    ):
        dynamodb.query(TableName=table)


def test_where_to_start_has_to_be_a_place(dynamodb, table, query):
    with fails("ValidationException") as seen:
        query("pk = :p", {"ExclusiveStartKey": {"pk": {"S": "p"}}}, p="p")
    assert "starting key" in seen[0].response["Error"]["Message"]
    with fails(
        "ValidationException",
        "The provided starting key is outside query boundaries based on provided conditions",
    ):
        query("pk = :p", {"ExclusiveStartKey": tables.item(pk="other", sk=1)}, p="p")


# ---- scans ------------------------------------------------------------------------------------------------


def test_a_scan_reads_everything_once(dynamodb, table):
    found = tables.items_of(tables.pages(dynamodb.scan, TableName=table))
    keys = [(one["pk"]["S"], one["sk"]["N"]) for one in found]
    assert len(keys) == len(set(keys)) == MANY + 2 + 30


@pytest.mark.parametrize("total", [1, 3, 7])
def test_segments_share_a_table_out(dynamodb, table, total):
    seen = []
    for segment in range(total):
        pages = tables.pages(dynamodb.scan, TableName=table, Segment=segment, TotalSegments=total, Limit=9)
        seen += [(one["pk"]["S"], one["sk"]["N"]) for one in tables.items_of(pages)]
    assert len(seen) == len(set(seen)) == MANY + 2 + 30


def test_scans_of_indexes_are_sparse(dynamodb, table):
    found = tables.pages(dynamodb.scan, TableName=table, IndexName="by-colour")
    assert sum(page["Count"] for page in found) == MANY
    found = tables.pages(dynamodb.scan, TableName=table, IndexName="by-score", Select="COUNT", ConsistentRead=True)
    assert sum(page["Count"] for page in found) == MANY


def test_scans_filter_and_count(dynamodb, table):
    answer = dynamodb.scan(
        TableName=table,
        FilterExpression="even = :e",
        ExpressionAttributeValues={":e": {"BOOL": True}},
        Select="COUNT",
        ConsistentRead=True,
        IndexName="by-score",
    )
    assert (answer["Count"], answer["ScannedCount"]) == (MANY // 2, MANY)


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"Segment": 0},
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        ),
        (
            {"TotalSegments": 2},
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        ),
        (
            {"Segment": 4, "TotalSegments": 4},
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            "Segment: 4 is not less than TotalSegments: 4",
        ),
    ],
)
def test_segments_that_are_none(dynamodb, table, given, message):
    with fails("ValidationException", message):
        dynamodb.scan(TableName=table, **given)


# ---- keys of several attributes ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matches(dynamodb):
    """A global index with two attributes in its partition key and three in its sort key."""
    wanted = tables.definition()
    keys = [("tournament", "HASH"), ("area", "HASH"), ("round", "RANGE"), ("bracket", "RANGE"), ("score", "RANGE")]
    wanted["AttributeDefinitions"] += [
        {"AttributeName": name, "AttributeType": "N" if name == "score" else "S"} for name, _ in keys
    ]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
    wanted["GlobalSecondaryIndexes"] = [
        {"IndexName": "matches", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}
    ]
    dynamodb.create_table(**wanted)
    name = wanted["TableName"]
    tables.wait_active(dynamodb, name)
    shown = dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"][0]
    assert shown["KeySchema"] == schema
    row = lambda pk, area, round, bracket, score: tables.item(  # noqa: E731
        pk=pk, tournament="winter", area=area, round=round, bracket=bracket, score=score
    )
    rows = [
        row("a", "east", "final", "upper", 9),
        row("b", "east", "semi", "lower", 3),
        row("c", "east", "semi", "upper", 10),
        row("d", "east", "semi", "upper", 9),
        row("e", "west", "semi", "upper", 9),
        tables.item(pk="f", tournament="winter", area="east", round="semi"),
    ]
    tables.fill(dynamodb, name, rows)
    return name


BOTH = "tournament = :t AND area = :a"


@pytest.mark.parametrize(
    "condition, values, expected",
    [
        (BOTH, {}, "abdc"),
        (f"{BOTH} AND round = :r", {"r": "semi"}, "bdc"),
        (f"{BOTH} AND round = :r AND bracket = :b AND score BETWEEN :x AND :y", {"r": "semi", "b": "upper", "x": 1, "y": 9}, "d"),
        ("tournament = :t", {}, None),
        (f"{BOTH} AND bracket = :b", {"b": "upper"}, None),
        (f"{BOTH} AND round > :r AND bracket = :b", {"r": "a", "b": "upper"}, None),
    ],
)
def test_an_index_by_several_attributes(dynamodb, matches, condition, values, expected):
    values = {"t": "winter", "a": "east"} | values
    given = {
        "TableName": matches,
        "IndexName": "matches",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {f":{k}": tables.value(v) for k, v in values.items() if f":{k}" in condition},
    }
    if expected is None:
        with fails("ValidationException"):
            dynamodb.query(**given)
    else:
        pages = dynamodb.get_paginator("query").paginate(**given, PaginationConfig={"PageSize": 2})
        assert "".join(one["pk"]["S"] for page in pages for one in page["Items"]) == expected
