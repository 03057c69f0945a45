"""Expressions: what conditions, updates and projections do, and the words of every mistake."""

import re

import pytest

import dynamodb_tables as tables
from expect import fails

WRONG_PATH = "The document path provided in the update expression is invalid for update"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
KEY_STAYS = "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"
OVERLAP = "Two document paths overlap with each other; must remove or rewrite one of these paths; "
COUNT = "Incorrect number of operands for operator or function; "
OPERAND = "Incorrect operand type for operator or function; "
FAILED = "The conditional request failed"
# How PutItem and UpdateItem begin what they say of their parameters; other operations say the same bare.
ENVELOPE = "1 validation error detected: "
ITEM = {
    "pk": "e",
    "word": "hello",
    "number": 5,
    "true": True,
    "null": None,
    "list": [1, "two", {"three": 3}],
    "map": {"inner": {"leaf": "x"}},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "binary": b"bytes",
}


@pytest.fixture(scope="module")
def table(dynamodb):
    name = tables.create(dynamodb)
    tables.put(dynamodb, name, **ITEM)
    return name


@pytest.fixture
def holds(dynamodb, table):
    """holds(expression, names, **values): whether the condition is true of the item."""

    def ask(expression, names=None, **values):
        given = {"TableName": table, "FilterExpression": expression}
        if names:
            given["ExpressionAttributeNames"] = names
        if values:
            given["ExpressionAttributeValues"] = {f":{k}": tables.value(v) for k, v in values.items()}
        return bool(dynamodb.scan(**given)["Items"])

    return ask


# ---- conditions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression, values, expected",
    [
        ("word = :v", {"v": "hello"}, True),
        ("word = :v", {"v": "Hello"}, False),
        ("word <> :v", {"v": "Hello"}, True),
        ("absent <> :v", {"v": 1}, True),
        ("absent = :v", {"v": 1}, False),
        ("#n = :v", {"v": 5}, True),
        ("#n < :v", {"v": 6}, True),
        ("#n < :v", {"v": "6"}, False),
        ("#n >= :v", {"v": 5}, True),
        ("#n BETWEEN :a AND :b", {"a": 1, "b": 5}, True),
        ("#n between :a and :b", {"a": 6, "b": 9}, False),
        ("#n IN (:a, :b)", {"a": 4, "b": 5}, True),
        ("word IN (:a)", {"a": "x"}, False),
        ("attribute_exists(#map.#inner.leaf)", {}, True),
        ("attribute_exists(#map.absent)", {}, False),
        ("attribute_not_exists(absent)", {}, True),
        ("attribute_not_exists(#list[2].three)", {}, False),
        ("#list[0] = :v", {"v": 1}, True),
        ("#list[9] = :v", {"v": 1}, False),
        ("attribute_type(strings, :v)", {"v": "SS"}, True),
        ("attribute_type(word, :v)", {"v": "N"}, False),
        ("attribute_type(#null, :v)", {"v": "NULL"}, True),
        ("begins_with(word, :v)", {"v": "hel"}, True),
        ("begins_with(word, :v)", {"v": "lo"}, False),
        ("begins_with(#binary, :v)", {"v": b"by"}, True),
        ("contains(word, :v)", {"v": "ell"}, True),
        ("contains(strings, :v)", {"v": "a"}, True),
        ("contains(numbers, :v)", {"v": 2}, True),
        ("contains(#list, :v)", {"v": "two"}, True),
        ("contains(#list, :v)", {"v": "three"}, False),
        ("size(word) = :v", {"v": 5}, True),
        ("size(#list) > :v", {"v": 2}, True),
        ("size(strings) = :v", {"v": 2}, True),
        ("size(#map) = :v", {"v": 1}, True),
        ("size(#binary) = :v", {"v": 5}, True),
        ("size(#n) = :v", {"v": 1}, False),
        ("strings = :v", {"v": {"SS": ["b", "a"]}}, True),
        ("#list = :v", {"v": [1, "two", {"three": 3}]}, True),
        ("NOT word = :v", {"v": "x"}, True),
        ("word = :a OR #n = :b AND #n = :c", {"a": "hello", "b": 1, "c": 2}, True),
        ("(word = :a OR #n = :b) AND #n = :c", {"a": "hello", "b": 1, "c": 2}, False),
        ("NOT (word = :a AND #n = :b)", {"a": "hello", "b": 5}, False),
    ],
)
def test_conditions_are_true_or_false(holds, expression, values, expected):
    aliases = {"#n": "number", "#map": "map", "#inner": "inner", "#list": "list", "#null": "null", "#binary": "binary"}
    names = {placeholder: aliases[placeholder] for placeholder in re.findall(r"#\w+", expression)}
    assert holds(expression, names or None, **values) is expected


def test_a_condition_that_fails_changes_nothing(dynamodb, table):
    tables.put(dynamodb, table, pk="guarded", a=1)
    given = {
        "TableName": table,
        "ConditionExpression": "a = :v",
        "ExpressionAttributeValues": {":v": {"N": "2"}},
    }
    key = tables.item(pk="guarded")
    with fails("ConditionalCheckFailedException", FAILED):
        dynamodb.put_item(Item=tables.item(pk="guarded", a=9), **given)
    with fails("ConditionalCheckFailedException", FAILED):
        dynamodb.delete_item(Key=key, **given)
    with fails("ConditionalCheckFailedException", FAILED):
        dynamodb.update_item(Key=key, UpdateExpression="REMOVE a", **given)
    assert tables.get(dynamodb, table, pk="guarded") == tables.item(pk="guarded", a=1)


def test_a_failed_condition_shows_the_item_when_asked(dynamodb, table):
    tables.put(dynamodb, table, pk="shown", a=1)
    with fails("ConditionalCheckFailedException", FAILED) as seen:
        dynamodb.put_item(
            TableName=table,
            Item=tables.item(pk="shown"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert seen[0].response["Item"] == tables.item(pk="shown", a=1)


def test_put_if_absent(dynamodb, table):
    given = {"TableName": table, "Item": tables.item(pk="once"), "ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(**given)
    with fails("ConditionalCheckFailedException", FAILED):
        dynamodb.put_item(**given)


# ---- updates ------------------------------------------------------------------------------------


def updated(dynamodb, table, before, expression, names=None, **values):
    """The item after an update of one that holds `before`."""
    tables.put(dynamodb, table, pk="updated", **before)
    given = {"TableName": table, "Key": tables.item(pk="updated"), "UpdateExpression": expression}
    if names:
        given["ExpressionAttributeNames"] = names
    if values:
        given["ExpressionAttributeValues"] = {f":{k}": tables.value(v) for k, v in values.items()}
    found = dynamodb.update_item(ReturnValues="ALL_NEW", **given)["Attributes"]
    del found["pk"]
    return found


@pytest.mark.parametrize(
    "before, expression, values, after",
    [
        ({}, "SET a = :v", {"v": 1}, {"a": 1}),
        ({"a": 1}, "SET a = a + :v, b = a", {"v": 2}, {"a": 3, "b": 1}),
        ({"a": 10}, "SET a = a - :v", {"v": 2.5}, {"a": 7.5}),
        ({"a": 1}, "SET b = if_not_exists(b, :v)", {"v": 7}, {"a": 1, "b": 7}),
        ({"b": 1}, "SET b = if_not_exists(b, :v) + :v", {"v": 7}, {"b": 8}),
        ({"l": [1]}, "SET l = list_append(l, :v)", {"v": [2, 3]}, {"l": [1, 2, 3]}),
        ({"l": [1]}, "SET l = list_append(:v, l)", {"v": [0]}, {"l": [0, 1]}),
        ({"l": [1, 2]}, "SET l[0] = :v", {"v": "x"}, {"l": ["x", 2]}),
        ({"l": [1, 2]}, "SET l[7] = :v", {"v": "x"}, {"l": [1, 2, "x"]}),
        ({"m": {"a": 1}}, "SET m.b = :v", {"v": 2}, {"m": {"a": 1, "b": 2}}),
        ({"a": 1, "b": 2}, "REMOVE a", {}, {"b": 2}),
        ({"l": [0, 1, 2, 3]}, "REMOVE l[1], l[2]", {}, {"l": [0, 3]}),
        ({"m": {"a": 1, "b": 2}}, "REMOVE m.a, absent", {}, {"m": {"b": 2}}),
        ({"n": 1}, "ADD n :v", {"v": 2}, {"n": 3}),
        ({}, "ADD n :v", {"v": 2}, {"n": 2}),
        ({"s": {"SS": ["a"]}}, "ADD s :v", {"v": {"SS": ["b"]}}, {"s": {"SS": ["a", "b"]}}),
        ({"s": {"SS": ["a", "b"]}}, "DELETE s :v", {"v": {"SS": ["b", "c"]}}, {"s": {"SS": ["a"]}}),
        ({"s": {"SS": ["a"]}}, "DELETE s :v", {"v": {"SS": ["a"]}}, {}),
        ({}, "DELETE s :v", {"v": {"SS": ["a"]}}, {}),
        ({"a": 1, "b": 2}, "SET c = :v REMOVE a ADD b :v", {"v": 1}, {"b": 3, "c": 1}),
        ({"a": 1, "b": 2}, "SET a = b, b = a", {}, {"a": 2, "b": 1}),
    ],
)
def test_updates_change_the_item(dynamodb, table, before, expression, values, after):
    found = updated(dynamodb, table, before, expression, **values)
    for one in found.values():
        if "SS" in one:
            one["SS"].sort()
    assert found == tables.item(**after)


@pytest.mark.parametrize(
    "before, expression, values, message",
    [
        ({}, "SET m.a = :v", {"v": 1}, WRONG_PATH),
        ({"a": 1}, "SET a.b = :v", {"v": 1}, WRONG_PATH),
        ({}, "SET b = a", {}, "The provided expression refers to an attribute that does not exist in the item"),
        ({"a": "x"}, "SET a = a + :v", {"v": 1}, WRONG_TYPE),
        ({"a": "x"}, "ADD a :v", {"v": 1}, WRONG_TYPE),
        ({"a": "x"}, "SET a = list_append(a, :v)", {"v": [1]}, WRONG_TYPE),
        (
            {},
            "SET pk = :v",
            {"v": "x"},
            KEY_STAYS,
        ),
        (
            {},
            "REMOVE pk",
            {},
            KEY_STAYS,
        ),
    ],
)
def test_updates_that_do_not_fit_the_item(dynamodb, table, before, expression, values, message):
    with fails("ValidationException", message):
        updated(dynamodb, table, before, expression, **values)


# ---- the words of mistakes -----------------------------------------------------------------------

UNDEFINED_VALUE = "An expression attribute value used in expression is not defined; attribute value: :v"
UNDEFINED_NAME = "An expression attribute name used in the document path is not defined; attribute name: #n"


@pytest.mark.parametrize(
    "expression, names, values, message",
    [
        ("", None, None, "The expression can not be empty;"),
        ("a = :v", None, None, UNDEFINED_VALUE),
        ("#n = :v", None, {":v": {"N": "1"}}, UNDEFINED_NAME),
        ("size = :v", None, {":v": {"N": "1"}}, "Attribute name is a reserved keyword; reserved keyword: size"),
        ("Name = :v", None, {":v": {"N": "1"}}, "Attribute name is a reserved keyword; reserved keyword: Name"),
        ("a =", None, None, 'Syntax error; token: "<EOF>", near: "="'),
        ("a = :v b", None, {":v": {"N": "1"}}, 'Syntax error; token: "b", near: ":v b"'),
        ("foo(a)", None, None, "Invalid function name; function: foo"),
        (
            "attribute_exists(a, b)",
            None,
            None,
            COUNT + "operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "begins_with(a, :v)",
            None,
            {":v": {"N": "1"}},
            OPERAND + "operator or function: begins_with, operand type: N",
        ),
        (
            "a < :v",
            None,
            {":v": {"BOOL": True}},
            OPERAND + "operator or function: <, operand type: BOOL",
        ),
        (
            "attribute_type(a, :v)",
            None,
            {":v": {"S": "X"}},
            "Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "a = a",
            None,
            None,
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, "
            "first operand: [a]",
        ),
        ("((a = :v))", None, {":v": {"N": "1"}}, "The expression has redundant parentheses;"),
    ],
)
def test_conditions_that_are_none(dynamodb, table, expression, names, values, message):
    given = {"ConditionExpression": expression}
    if names:
        given["ExpressionAttributeNames"] = names
    if values:
        given["ExpressionAttributeValues"] = values
    with fails("ValidationException", ENVELOPE + "Invalid ConditionExpression: " + message):
        dynamodb.put_item(TableName=table, Item=tables.item(pk="x"), **given)


@pytest.mark.parametrize(
    "expression, values, message",
    [
        ("", None, "The expression can not be empty;"),
        ("SET a = :v", None, UNDEFINED_VALUE),
        ("SET #n = :v", {":v": {"N": "1"}}, UNDEFINED_NAME),
        ("SET status = :v", {":v": {"N": "1"}}, "Attribute name is a reserved keyword; reserved keyword: status"),
        ("SET a = :v SET b = :v", {":v": {"N": "1"}}, 'The "SET" section can only be used once in an update expression;'),
        (
            "SET a = :v, a = :v",
            {":v": {"N": "1"}},
            OVERLAP + "path one: [a], path two: [a]",
        ),
        (
            "SET a.b = :v REMOVE a",
            {":v": {"N": "1"}},
            OVERLAP + "path one: [a, b], path two: [a]",
        ),
        (
            "ADD a :v",
            {":v": {"S": "x"}},
            OPERAND + "operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE a :v",
            {":v": {"N": "1"}},
            OPERAND + "operator: DELETE, operand type: NUMBER, "
            "typeSet: ALLOWED_FOR_DELETE_OPERAND",
        ),
        (
            "SET a = b + :v",
            {":v": {"S": "x"}},
            OPERAND + "operator or function: +, operand type: S",
        ),
        (
            "SET a = attribute_exists(b)",
            None,
            "The function is not allowed in an update expression; function: attribute_exists",
        ),
    ],
)
def test_updates_that_are_none(dynamodb, table, expression, values, message):
    given = {"ExpressionAttributeValues": values} if values else {}
    with fails("ValidationException", ENVELOPE + "Invalid UpdateExpression: " + message):
        dynamodb.update_item(TableName=table, Key=tables.item(pk="x"), UpdateExpression=expression, **given)


@pytest.mark.parametrize(
    "expression, message",
    [
        ("", "The expression can not be empty;"),
        ("a, #n", UNDEFINED_NAME),
        ("a, size", "Attribute name is a reserved keyword; reserved keyword: size"),
        (
            "a, a.b",
            OVERLAP + "path one: [a], path two: [a, b]",
        ),
        ("a b", 'Syntax error; token: "b", near: "a b"'),
    ],
)
def test_projections_that_are_none(dynamodb, table, expression, message):
    with fails("ValidationException", "Invalid ProjectionExpression: " + message):
        dynamodb.get_item(TableName=table, Key=tables.item(pk="x"), ProjectionExpression=expression)


def test_placeholders_are_used_and_are_placeholders(dynamodb, table):
    put = {"TableName": table, "Item": tables.item(pk="x")}
    value = {":v": {"N": "1"}}
    with fails("ValidationException", ENVELOPE + "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"):
        dynamodb.put_item(
            **put, ConditionExpression="a = :v", ExpressionAttributeValues={**value, ":w": {"N": "2"}}
        )
    with fails("ValidationException", ENVELOPE + "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}"):
        dynamodb.put_item(
            **put,
            ConditionExpression="a = :v",
            ExpressionAttributeValues=value,
            ExpressionAttributeNames={"#n": "n"},
        )
    with fails("ValidationException", ENVELOPE + "ExpressionAttributeNames can only be specified when using expressions"):
        dynamodb.put_item(**put, ExpressionAttributeNames={"#n": "n"})
    with fails(
        "ValidationException",
        ENVELOPE
        + "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
    ):
        dynamodb.put_item(**put, ExpressionAttributeValues=value)
    with fails("ValidationException", ENVELOPE + "ExpressionAttributeValues must not be empty"):
        dynamodb.put_item(**put, ConditionExpression="a = :v", ExpressionAttributeValues={})
    with fails("ValidationException", ENVELOPE + 'ExpressionAttributeValues contains invalid key: Syntax error; key: "v"'):
        dynamodb.put_item(**put, ConditionExpression="a = :v", ExpressionAttributeValues={"v": {"N": "1"}})
    with fails(
        "ValidationException",
        ENVELOPE
        + "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v",
    ):
        dynamodb.put_item(**put, ConditionExpression="a = :v", ExpressionAttributeValues={":v": {"N": "x"}})


def test_bounds_are_in_order(dynamodb, table):
    message = ENVELOPE + (
        "Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
        "lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:1}"
    )
    with fails("ValidationException", message):
        dynamodb.put_item(
            TableName=table,
            Item=tables.item(pk="x"),
            ConditionExpression="a BETWEEN :a AND :b",
            ExpressionAttributeValues={":a": {"N": "5"}, ":b": {"N": "1"}},
        )


def test_expressions_have_a_size(dynamodb, table):
    with fails("ValidationException") as seen:
        dynamodb.put_item(
            TableName=table,
            Item=tables.item(pk="x"),
            ConditionExpression=" OR ".join(f"attribute_exists(a{n})" for n in range(400)),
        )
    assert seen[0].response["Error"]["Message"].startswith(ENVELOPE + "Invalid ConditionExpression: ")
