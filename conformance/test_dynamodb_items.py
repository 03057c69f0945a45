"""Items: put, read, changed and deleted; types, sizes, return values, and what is refused with which words."""

import decimal
import re

import boto3.dynamodb.types
import pytest

import dynamodb_tables as tables
from expect import fails

NESTED = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)
SET_EMPTY = "One or more parameter values were invalid: An {} set  may not be empty"
# How PutItem and UpdateItem begin what they say of their parameters; other operations say the same bare.
ENVELOPE = "1 validation error detected: "
MISMATCH = "The provided key element does not match the schema"


@pytest.fixture(scope="module")
def table(dynamodb):
    return tables.create(dynamodb)


@pytest.fixture(scope="module")
def sorted_table(dynamodb):
    return tables.create(dynamodb, partition=("pk", "S"), sort=("sk", "N"))


# ---- what is put is what is read ---------------------------------------------------------

EVERY_TYPE = {
    "string": {"S": "text é €"},
    "empty": {"S": ""},
    "number": {"N": "-12.5"},
    "binary": {"B": b"\x00\xff\x80"},
    "no_bytes": {"B": b""},
    "true": {"BOOL": True},
    "false": {"BOOL": False},
    "null": {"NULL": True},
    "list": {"L": [{"S": "a"}, {"N": "1"}, {"L": []}]},
    "map": {"M": {"inner": {"M": {"deep": {"BOOL": True}}}, "": {"S": "an empty name is a name"}}},
    "nothing": {"M": {}},
}
SETS = {"SS": ["a", "b", ""], "NS": ["1", "2.5", "-3"], "BS": [b"x", b"yy"]}


def test_every_type_comes_back_as_it_was_put(dynamodb, table):
    item = {"pk": {"S": "types"}, **EVERY_TYPE}
    dynamodb.put_item(TableName=table, Item=item)
    assert tables.get(dynamodb, table, pk="types") == item


@pytest.mark.parametrize("kind", SETS)
def test_sets_come_back_without_an_order(dynamodb, table, kind):
    members = [one for one in SETS[kind] if one != ""]
    dynamodb.put_item(TableName=table, Item={"pk": {"S": kind}, "set": {kind: members}})
    found = tables.get(dynamodb, table, pk=kind)["set"]
    assert sorted(found[kind]) == sorted(members)


@pytest.mark.parametrize(
    "written, read",
    [
        ("0", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("1.50", "1.5"),
        ("+3", "3"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
        ("-9.9999999999999999999999999999999999999E+125", "-" + "9" * 38 + "0" * 88),
        ("1E+125", "1" + "0" * 125),
        ("1E-130", "0." + "0" * 129 + "1"),
    ],
)
def test_numbers_are_kept_exactly(dynamodb, table, written, read):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "number"}, "n": {"N": written}})
    assert tables.get(dynamodb, table, pk="number")["n"]["N"] == read


def test_the_resource_gives_decimals(dynamodb, table, resource):
    found = resource.Table(table)
    values = {"pk": "decimals", "d": decimal.Decimal("3.14"), "set": {decimal.Decimal(1), decimal.Decimal(2)}}
    values["binary"] = boto3.dynamodb.types.Binary(b"\x01")
    found.put_item(Item=values)
    assert found.get_item(Key={"pk": "decimals"}, ConsistentRead=True)["Item"] == values


def test_items_nest_to_32_levels(dynamodb, table):
    def nested(levels):
        value = {"S": "core"}
        for _ in range(levels):
            value = {"L": [value]}
        return {"pk": {"S": "deep"}, "deep": value}

    dynamodb.put_item(TableName=table, Item=nested(31))
    with fails("ValidationException", NESTED):
        dynamodb.put_item(TableName=table, Item=nested(33))


def test_an_item_holds_400_kilobytes(dynamodb, table):
    # Names and values count: `pk` + `size` + `body` + the letters of each value.
    room = 400 * 1024 - len("pk") - len("size") - len("body")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "size"}, "body": {"S": "x" * room}})
    with fails("ValidationException", "Item size has exceeded the maximum allowed size"):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "size"}, "body": {"S": "x" * (room + 1)}})
    with fails("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": "size"}},
            UpdateExpression="SET more = :m",
            ExpressionAttributeValues={":m": {"S": "y"}},
        )


def test_what_is_not_there_is_no_item(dynamodb, table):
    answer = dynamodb.get_item(TableName=table, Key={"pk": {"S": "nobody"}})
    assert "Item" not in answer


def test_a_put_replaces_the_whole_item(dynamodb, table):
    tables.put(dynamodb, table, pk="replaced", old=1)
    tables.put(dynamodb, table, pk="replaced", new=2)
    assert tables.get(dynamodb, table, pk="replaced") == tables.item(pk="replaced", new=2)


def test_a_table_is_named_by_its_arn_too(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.put_item(TableName=arn, Item=tables.item(pk="by-arn"))
    assert dynamodb.get_item(TableName=arn, Key=tables.item(pk="by-arn"))["Item"] == tables.item(pk="by-arn")


def test_projections_of_a_get(dynamodb, table):
    tables.put(dynamodb, table, pk="projected", a=1, b={"c": [10, 20, 30], "d": "x"}, e=2)
    found = dynamodb.get_item(
        TableName=table,
        Key=tables.item(pk="projected"),
        ProjectionExpression="a, b.c[1], #e",
        ExpressionAttributeNames={"#e": "e"},
    )["Item"]
    assert found == tables.item(a=1, b={"c": [20]}, e=2)


# ---- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, message",
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ),
        ({"N": "abc"}, "The parameter cannot be converted to a numeric value: abc"),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"N": "1E+126"}, "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ({"N": "1E-131"}, "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        ({"NULL": False}, "One or more parameter values were invalid: Null attribute value types must have the value of true"),
        ({"SS": []}, SET_EMPTY.format("string")),
        ({"NS": []}, SET_EMPTY.format("number")),
        ({"BS": []}, "One or more parameter values were invalid: Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, "One or more parameter values were invalid: Input collection [a, a] contains duplicates."),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        ({"NS": ["1", "x"]}, "The parameter cannot be converted to a numeric value: x"),
        ({"L": [{"M": {"deep": {"NS": []}}}]}, SET_EMPTY.format("number")),
    ],
)
def test_values_that_are_none(dynamodb, table, value, message):
    with fails("ValidationException", ENVELOPE + message):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "refused"}, "v": value})
    with fails("ValidationException", message):
        dynamodb.delete_item(TableName=table, Key={"pk": value})


def test_keys_of_an_item_have_the_types_of_the_table(dynamodb, sorted_table):
    invalid = "One or more parameter values were invalid: "
    with fails("ValidationException", invalid + "Missing the key pk in the item"):
        dynamodb.put_item(TableName=sorted_table, Item={"sk": {"N": "1"}})
    with fails("ValidationException", invalid + "Missing the key sk in the item"):
        dynamodb.put_item(TableName=sorted_table, Item={"pk": {"S": "a"}})
    with fails("ValidationException", invalid + "Type mismatch for key sk expected: N actual: S"):
        dynamodb.put_item(TableName=sorted_table, Item={"pk": {"S": "a"}, "sk": {"S": "1"}})


def test_a_key_is_never_empty(dynamodb, table):
    message = (
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
        "empty string value. Key: pk"
    )
    with fails("ValidationException", message):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": ""}})


@pytest.mark.parametrize("operation", ["get_item", "delete_item", "update_item"])
def test_a_key_names_one_item(dynamodb, sorted_table, operation):
    call = getattr(dynamodb, operation)
    with fails("ValidationException", MISMATCH):
        call(TableName=sorted_table, Key={"pk": {"N": "1"}, "sk": {"N": "1"}})
    with fails("ValidationException", MISMATCH):
        call(TableName=sorted_table, Key={"pk": {"S": "a"}, "other": {"N": "1"}})
    for key in ({"pk": {"S": "a"}}, {"pk": {"S": "a"}, "sk": {"N": "1"}, "more": {"S": "x"}}):
        with fails("ValidationException"):
            call(TableName=sorted_table, Key=key)


def test_keys_have_limits(dynamodb, table, sorted_table):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "k" * 2048}})
    too_long = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    with fails("ValidationException", too_long):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "k" * 2049}})


@pytest.mark.parametrize(
    "operation, given",
    [
        ("put_item", {"Item": {"pk": {"S": "a"}}}),
        ("get_item", {"Key": {"pk": {"S": "a"}}}),
        ("delete_item", {"Key": {"pk": {"S": "a"}}}),
        ("update_item", {"Key": {"pk": {"S": "a"}}}),
        ("query", {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}),
        ("scan", {}),
    ],
)
def test_tables_that_are_not_there(dynamodb, operation, given):
    with fails("ResourceNotFoundException", "Requested resource not found"):
        getattr(dynamodb, operation)(TableName="never-made", **given)


# ---- return values -------------------------------------------------------------------------


def test_put_and_delete_return_the_old_item(dynamodb, table):
    tables.put(dynamodb, table, pk="old", a=1)
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=tables.item(pk="old", a=2))
    answer = dynamodb.put_item(TableName=table, Item=tables.item(pk="old", a=3), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == tables.item(pk="old", a=2)
    answer = dynamodb.delete_item(TableName=table, Key=tables.item(pk="old"), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == tables.item(pk="old", a=3)
    answer = dynamodb.delete_item(TableName=table, Key=tables.item(pk="old"), ReturnValues="ALL_OLD")
    assert "Attributes" not in answer
    for operation, given in (("put_item", {"Item": tables.item(pk="x")}), ("delete_item", {"Key": tables.item(pk="x")})):
        with fails("ValidationException", re.compile("ReturnValues can only be ALL_OLD or NONE$")):
            getattr(dynamodb, operation)(TableName=table, ReturnValues="UPDATED_NEW", **given)


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("NONE", None),
        ("ALL_OLD", {"pk": "u", "a": 1, "b": {"c": 1, "d": 2}}),
        ("UPDATED_OLD", {"a": 1, "b": {"c": 1}}),
        ("ALL_NEW", {"pk": "u", "a": 2, "b": {"c": 5, "d": 2}, "e": "new"}),
        ("UPDATED_NEW", {"a": 2, "b": {"c": 5}, "e": "new"}),
    ],
)
def test_an_update_returns_what_was_asked_for(dynamodb, table, mode, expected):
    tables.put(dynamodb, table, pk="u", a=1, b={"c": 1, "d": 2})
    answer = dynamodb.update_item(
        TableName=table,
        Key=tables.item(pk="u"),
        UpdateExpression="SET a = a + :one, b.c = :five, e = :new",
        ExpressionAttributeValues=tables.item(**{":one": 1, ":five": 5, ":new": "new"}),
        ReturnValues=mode,
    )
    assert answer.get("Attributes") == (tables.item(**expected) if expected else None)


def test_an_update_makes_the_item(dynamodb, table):
    answer = dynamodb.update_item(TableName=table, Key=tables.item(pk="made"), ReturnValues="ALL_NEW")
    assert answer["Attributes"] == tables.item(pk="made")
    assert tables.get(dynamodb, table, pk="made") == tables.item(pk="made")


# ---- capacity and collections ----------------------------------------------------------------


def test_consumed_capacity_follows_the_documented_rules(dynamodb, table):
    item = {"pk": {"S": "cost"}, "body": {"S": "x" * 3000}}
    answer = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 3.0}
    key = {"TableName": table, "Key": {"pk": {"S": "cost"}}, "ReturnConsumedCapacity": "TOTAL"}
    assert dynamodb.get_item(**key)["ConsumedCapacity"]["CapacityUnits"] == 0.5
    assert dynamodb.get_item(**key, ConsistentRead=True)["ConsumedCapacity"]["CapacityUnits"] == 1.0
    detailed = dynamodb.get_item(**{**key, "ReturnConsumedCapacity": "INDEXES"})["ConsumedCapacity"]
    assert detailed["Table"] == {"CapacityUnits": 0.5}
    assert "ConsumedCapacity" not in dynamodb.get_item(**{**key, "ReturnConsumedCapacity": "NONE"})


def test_item_collections_are_measured_where_there_is_a_local_index(dynamodb):
    table = tables.create(
        dynamodb, sort=("sk", "S"), locals=[tables.index("by-other", ("pk", "S"), ("other", "S"))]
    )
    answer = dynamodb.put_item(
        TableName=table, Item=tables.item(pk="p", sk="a", other="x"), ReturnItemCollectionMetrics="SIZE"
    )
    metrics = answer["ItemCollectionMetrics"]
    assert metrics["ItemCollectionKey"] == tables.item(pk="p")
    assert len(metrics["SizeEstimateRangeGB"]) == 2
