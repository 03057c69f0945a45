"""The parameters from before expressions: Expected, AttributeUpdates, KeyConditions, QueryFilter, ScanFilter."""

import pytest

import dynamodb_tables as tables
from expect import fails

FAILED = "The conditional request failed"
# How PutItem and UpdateItem begin what they say of their parameters; other operations say the same bare.
ENVELOPE = "1 validation error detected: "
INVALID = "One or more parameter values were invalid: "


@pytest.fixture(scope="module")
def table(dynamodb):
    name = tables.create(dynamodb, sort=("sk", "N"))
    for number in range(10):
        tables.put(dynamodb, name, pk="p", sk=number, n=number, s=f"text {number}", tags={"SS": ["a", f"t{number}"]})
    tables.put(dynamodb, name, pk="p", sk=10)
    return name


def condition(operator, *values):
    given = {"ComparisonOperator": operator}
    if values:
        given["AttributeValueList"] = [tables.value(one) for one in values]
    return given


# ---- Expected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expected, fits",
    [
        ({"a": {"Value": {"N": "1"}}}, True),
        ({"a": {"Value": {"N": "2"}}}, False),
        ({"a": {"Value": {"N": "1"}, "Exists": True}}, True),
        ({"a": {"Exists": False}}, False),
        ({"b": {"Exists": False}}, True),
        ({"a": condition("EQ", 1)}, True),
        ({"a": condition("NE", 1)}, False),
        ({"b": condition("NE", 1)}, True),
        ({"a": condition("LT", 2)}, True),
        ({"a": condition("GE", "1")}, False),
        ({"a": condition("BETWEEN", 0, 1)}, True),
        ({"a": condition("IN", 3, 1)}, True),
        ({"a": condition("NULL")}, False),
        ({"b": condition("NULL")}, True),
        ({"a": condition("NOT_NULL")}, True),
        ({"s": condition("CONTAINS", "ell")}, True),
        ({"s": condition("NOT_CONTAINS", "ell")}, False),
        ({"b": condition("NOT_CONTAINS", "x")}, False),
        ({"s": condition("BEGINS_WITH", "he")}, True),
        ({"set": condition("CONTAINS", "x")}, True),
        ({"set": condition("EQ", {"SS": ["y", "x"]})}, True),
        ({"a": condition("EQ", 1), "s": condition("EQ", "no")}, False),
    ],
)
def test_expected_of_every_kind(dynamodb, table, expected, fits):
    item = tables.item(pk="expected", sk=0, a=1, s="hello", set={"SS": ["x", "y"]})
    dynamodb.put_item(TableName=table, Item=item)
    given = {"TableName": table, "Item": item, "Expected": expected}
    if fits:
        dynamodb.put_item(**given)
    else:
        with fails("ConditionalCheckFailedException", FAILED):
            dynamodb.put_item(**given)


def test_or_needs_one_of_the_conditions(dynamodb, table):
    tables.put(dynamodb, table, pk="or", sk=0, a=1)
    given = {
        "TableName": table,
        "Key": tables.item(pk="or", sk=0),
        "Expected": {"a": condition("EQ", 2), "b": condition("NULL")},
    }
    with fails("ConditionalCheckFailedException", FAILED):
        dynamodb.delete_item(**given)
    dynamodb.delete_item(ConditionalOperator="OR", **given)


@pytest.mark.parametrize(
    "expected, message",
    [
        ({"a": {}}, "Value must be provided when Exists is null for Attribute: a"),
        ({"a": {"Exists": True}}, "Value must be provided when Exists is true for Attribute: a"),
        ({"a": {"Exists": False, "Value": {"N": "1"}}}, "Value cannot be used when Exists is false for Attribute: a"),
        (
            {"a": {"Exists": True, **condition("EQ", 1)}},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"a": {"Value": {"N": "1"}, **condition("EQ", 1)}},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"a": {"AttributeValueList": [{"N": "1"}]}},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            {"a": condition("EQ")},
            "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
        ),
        ({"a": condition("EQ", 1, 2)}, "Invalid number of argument(s) for the EQ ComparisonOperator"),
        ({"a": condition("NULL", 1)}, "Invalid number of argument(s) for the NULL ComparisonOperator"),
        ({"a": condition("BETWEEN", 1)}, "Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
        ({"a": condition("IN", 1, "x")}, "AttributeValues inside AttributeValueList must be of same type"),
        (
            {"a": condition("LT", {"SS": ["x"]})},
            "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        ({"a": condition("BEGINS_WITH", 1)}, "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type"),
    ],
)
def test_expected_that_is_none(dynamodb, table, expected, message):
    with fails("ValidationException", ENVELOPE + INVALID + message):
        dynamodb.put_item(TableName=table, Item=tables.item(pk="x", sk=0), Expected=expected)


def test_bounds_are_in_order(dynamodb, table):
    message = "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
    with fails("ValidationException", message):
        dynamodb.scan(TableName=table, ScanFilter={"n": condition("BETWEEN", 2, 1)})


def test_the_conditional_operator_needs_conditions(dynamodb, table):
    with fails("ValidationException", "ConditionalOperator cannot be used without Filter or Expected"):
        dynamodb.scan(TableName=table, ConditionalOperator="AND")
    with fails(
        "ValidationException",
        "ConditionalOperator can only be used when Filter or Expected has two or more elements",
    ):
        dynamodb.scan(TableName=table, ConditionalOperator="OR", ScanFilter={"n": condition("EQ", 1)})


def test_old_and_new_parameters_do_not_mix(dynamodb, table):
    key = tables.item(pk="p", sk=0)
    mixed = "Can not use both expression and non-expression parameters in the same request: "
    with fails(
        "ValidationException",
        ENVELOPE + mixed + "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
    ):
        dynamodb.put_item(
            TableName=table,
            Item=key,
            Expected={"a": {"Exists": False}},
            ConditionExpression="attribute_not_exists(a)",
        )
    with fails(
        "ValidationException",
        ENVELOPE + mixed + "Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}",
    ):
        dynamodb.update_item(
            TableName=table, Key=key, AttributeUpdates={"a": {"Action": "DELETE"}}, UpdateExpression="REMOVE a"
        )
    with fails(
        "ValidationException",
        mixed + "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
    ):
        dynamodb.get_item(TableName=table, Key=key, AttributesToGet=["a"], ProjectionExpression="a")
    with fails(
        "ValidationException",
        mixed + "Non-expression parameters: {QueryFilter} Expression parameters: {KeyConditionExpression}",
    ):
        dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "p"}},
            QueryFilter={"n": condition("EQ", 1)},
        )


# ---- AttributeUpdates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before, update, after",
    [
        ({}, {"Value": 1}, {"a": 1}),
        ({"a": "x"}, {"Value": 1, "Action": "PUT"}, {"a": 1}),
        ({"a": 1}, {"Action": "DELETE"}, {}),
        ({"a": 1}, {"Value": 2, "Action": "ADD"}, {"a": 3}),
        ({}, {"Value": 2, "Action": "ADD"}, {"a": 2}),
        ({"a": {"SS": ["x"]}}, {"Value": {"SS": ["y"]}, "Action": "ADD"}, {"a": {"SS": ["x", "y"]}}),
        ({"a": {"SS": ["x", "y"]}}, {"Value": {"SS": ["y"]}, "Action": "DELETE"}, {"a": {"SS": ["x"]}}),
        ({"a": {"SS": ["x"]}}, {"Value": {"SS": ["x"]}, "Action": "DELETE"}, {}),
        ({"a": [1]}, {"Value": [2, 3], "Action": "ADD"}, {"a": [1, 2, 3]}),
        ({}, {"Value": [2], "Action": "ADD"}, {"a": [2]}),
    ],
)
def test_attribute_updates(dynamodb, table, before, update, after):
    key = {"pk": "updates", "sk": 0}
    tables.put(dynamodb, table, **key, **before)
    given = {k: tables.value(v) if k == "Value" else v for k, v in update.items()}
    found = dynamodb.update_item(
        TableName=table, Key=tables.item(**key), AttributeUpdates={"a": given}, ReturnValues="ALL_NEW"
    )["Attributes"]
    if "SS" in found.get("a", {}):
        found["a"]["SS"].sort()
    assert found == tables.item(**key, **after)


@pytest.mark.parametrize(
    "update, message",
    [
        ({"Action": "PUT"}, INVALID + "Only DELETE action is allowed when no attribute value is specified"),
        ({"Action": "ADD", "Value": {"S": "x"}}, INVALID + "ADD action is not supported for the type S"),
        (
            {"Action": "DELETE", "Value": {"N": "1"}},
            INVALID + "DELETE action with value is not supported for the type N",
        ),
    ],
)
def test_attribute_updates_that_are_none(dynamodb, table, update, message):
    with fails("ValidationException", ENVELOPE + message):
        dynamodb.update_item(TableName=table, Key=tables.item(pk="x", sk=0), AttributeUpdates={"a": update})


def test_an_update_that_does_not_fit_the_item(dynamodb, table):
    tables.put(dynamodb, table, pk="mismatch", sk=0, a="text")
    with fails("ValidationException", "Type mismatch for attribute to update"):
        dynamodb.update_item(
            TableName=table,
            Key=tables.item(pk="mismatch", sk=0),
            AttributeUpdates={"a": {"Action": "ADD", "Value": {"N": "1"}}},
        )


# ---- queries and scans -------------------------------------------------------------------------------------


def sort_keys(answer):
    return sorted(int(one["sk"]["N"]) for one in answer["Items"])


@pytest.mark.parametrize(
    "sort, expected",
    [
        (None, range(11)),
        (condition("EQ", 3), [3]),
        (condition("LT", 2), [0, 1]),
        (condition("LE", 1), [0, 1]),
        (condition("GT", 8), [9, 10]),
        (condition("GE", 9), [9, 10]),
        (condition("BETWEEN", 4, 6), [4, 5, 6]),
    ],
)
def test_key_conditions(dynamodb, table, sort, expected):
    keys = {"pk": condition("EQ", "p")}
    if sort:
        keys["sk"] = sort
    assert sort_keys(dynamodb.query(TableName=table, KeyConditions=keys)) == list(expected)


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"sk": condition("EQ", 1)}, "Query condition missed key schema element: pk"),
        (
            {"pk": condition("EQ", "p"), "other": condition("EQ", 1)},
            "Query condition missed key schema element: sk",
        ),
        ({"pk": condition("NE", "p")}, "Attempted conditional constraint is not an indexable operation"),
        (
            {"pk": condition("EQ", "p"), "sk": condition("IN", 1)},
            "Attempted conditional constraint is not an indexable operation",
        ),
        ({"pk": condition("LT", "p")}, "Query key condition not supported"),
        ({"pk": condition("EQ", 1)}, INVALID + "Condition parameter type does not match schema type"),
        (
            {"pk": condition("EQ", "p"), "sk": condition("EQ", 1), "n": condition("EQ", 1)},
            "Conditions can be of length 1 or 2 only",
        ),
    ],
)
def test_key_conditions_that_are_none(dynamodb, table, keys, message):
    with fails("ValidationException", message):
        dynamodb.query(TableName=table, KeyConditions=keys)


@pytest.mark.parametrize(
    "filter, operator, expected",
    [
        ({"n": condition("GT", 7)}, None, [8, 9]),
        ({"n": condition("NULL")}, None, [10]),
        ({"n": condition("NOT_NULL"), "s": condition("EQ", "text 4")}, "AND", [4]),
        ({"n": condition("EQ", 1), "s": condition("EQ", "text 4")}, "OR", [1, 4]),
        ({"tags": condition("CONTAINS", "t5")}, None, [5]),
        ({"tags": condition("NOT_CONTAINS", "a")}, None, []),
        ({"n": condition("IN", 1, 2, 77)}, None, [1, 2]),
        ({"s": condition("BEGINS_WITH", "text")}, None, range(10)),
    ],
)
def test_filters(dynamodb, table, filter, operator, expected):
    more = {"ConditionalOperator": operator} if operator else {}
    answer = dynamodb.query(TableName=table, KeyConditions={"pk": condition("EQ", "p")}, QueryFilter=filter, **more)
    assert sort_keys(answer) == list(expected)
    found = tables.items_of(tables.pages(dynamodb.scan, TableName=table, ScanFilter=filter, **more))
    found = [one for one in found if one["pk"] == {"S": "p"}]
    assert sort_keys({"Items": found}) == list(expected)


def test_a_query_filter_sees_no_keys(dynamodb, table):
    with fails(
        "ValidationException", "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"
    ):
        dynamodb.query(
            TableName=table, KeyConditions={"pk": condition("EQ", "p")}, QueryFilter={"sk": condition("EQ", 1)}
        )


def test_attributes_to_get(dynamodb, table):
    key = tables.item(pk="p", sk=3)
    assert dynamodb.get_item(TableName=table, Key=key, AttributesToGet=["n", "none"])["Item"] == tables.item(n=3)
    with fails("ValidationException", INVALID + "Duplicate value in attribute name: n"):
        dynamodb.get_item(TableName=table, Key=key, AttributesToGet=["n", "n"])
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": [key], "AttributesToGet": ["s"]}})
    assert answer["Responses"][table] == [tables.item(s="text 3")]
