"""Who may do what: tables, indexes and items as resources, and DynamoDB's own condition keys."""

import uuid

import pytest

import dynamodb_tables as tables
import expect
from expect import fails

ACCOUNT = "246813572468"
DENIED = "AccessDeniedException"


@pytest.fixture(scope="module")
def root(client):
    return client("dynamodb", account=ACCOUNT)


@pytest.fixture(scope="module")
def table(root):
    name = tables.create(root, sort=("sk", "S"), globals=[tables.index("by-colour", ("colour", "S"))])
    tables.put(root, name, pk="alice", sk="1", colour="red", secret="x")
    tables.put(root, name, pk="bob", sk="1", colour="red", secret="y")
    return name


@pytest.fixture(scope="module")
def arn(table):
    return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"


@pytest.fixture
def someone(server):
    """someone(**statement): a client of a new user who may do what the statement says."""
    iam = expect.caller(server, ACCOUNT)

    def make(**statement):
        name = f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        return expect.user_caller(server, iam, name, service="dynamodb", **statement)

    return make


ALICE, BOB = tables.item(pk="alice", sk="1"), tables.item(pk="bob", sk="1")


def test_an_action_on_a_table_and_no_more(someone, table, arn):
    own = someone(action="dynamodb:GetItem", resource=arn)
    assert own.get_item(TableName=table, Key=ALICE)["Item"]["secret"] == {"S": "x"}
    for call, given in (
        (own.put_item, {"TableName": table, "Item": ALICE}),
        (own.get_item, {"TableName": "another", "Key": ALICE}),
        (own.scan, {"TableName": table}),
    ):
        with fails(DENIED):
            call(**given)


def test_indexes_are_resources_of_their_own(someone, table, arn):
    asked = {
        "TableName": table,
        "IndexName": "by-colour",
        "KeyConditionExpression": "colour = :c",
        "ExpressionAttributeValues": {":c": {"S": "red"}},
    }
    with fails(DENIED):
        someone(action="dynamodb:Query", resource=arn).query(**asked)
    assert someone(action="dynamodb:Query", resource=f"{arn}/index/*").query(**asked)["Count"] == 2


def test_leading_keys(someone, table, arn):
    own = someone(
        action=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:Scan"],
        resource=arn,
        Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["alice"]}},
    )
    assert own.get_item(TableName=table, Key=ALICE)["Item"]
    own.put_item(TableName=table, Item=tables.item(pk="alice", sk="2"))
    own.batch_get_item(RequestItems={table: {"Keys": [ALICE]}})
    query = {"TableName": table, "KeyConditionExpression": "pk = :p"}
    assert own.query(**query, ExpressionAttributeValues={":p": {"S": "alice"}})["Count"] >= 1
    with fails(DENIED):
        own.get_item(TableName=table, Key=BOB)
    with fails(DENIED):
        own.put_item(TableName=table, Item=BOB)
    with fails(DENIED):
        own.batch_get_item(RequestItems={table: {"Keys": [ALICE, BOB]}})
    with fails(DENIED):
        own.query(**query, ExpressionAttributeValues={":p": {"S": "bob"}})


def test_attributes_and_what_is_selected(someone, table, arn):
    own = someone(
        action=["dynamodb:GetItem", "dynamodb:Query"],
        resource=arn,
        Condition={
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", "colour"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    )
    shown = own.get_item(TableName=table, Key=ALICE, ProjectionExpression="colour")
    assert shown["Item"] == tables.item(colour="red")
    with fails(DENIED):
        own.get_item(TableName=table, Key=ALICE, ProjectionExpression="colour, secret")
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "alice"}},
    }
    assert own.query(**query, ProjectionExpression="colour", Select="SPECIFIC_ATTRIBUTES")["Count"] >= 1
    with fails(DENIED):
        own.query(**query, Select="ALL_ATTRIBUTES")


def test_statements_are_permitted_by_what_they_do(someone, table, arn):
    reader = someone(action="dynamodb:PartiQLSelect", resource=[arn, f"{arn}/index/*"])
    select = f"SELECT * FROM \"{table}\" WHERE pk = 'alice' AND sk = '1'"
    assert reader.execute_statement(Statement=select)["Items"]
    reader.execute_statement(Statement=f"SELECT * FROM \"{table}\".\"by-colour\" WHERE colour = 'red'")
    with fails(DENIED):
        reader.execute_statement(Statement=f"DELETE FROM \"{table}\" WHERE pk = 'alice' AND sk = '1'")
    answer = reader.batch_execute_statement(
        Statements=[{"Statement": f"DELETE FROM \"{table}\" WHERE pk = 'alice' AND sk = '1'"}]
    )
    assert answer["Responses"][0]["Error"]["Code"] == "AccessDenied"
    careful = someone(
        action="dynamodb:PartiQLSelect",
        resource=arn,
        Condition={"BoolIfExists": {"dynamodb:FullTableScan": "false"}},
    )
    assert careful.execute_statement(Statement=select)["Items"]
    with fails(DENIED):
        careful.execute_statement(Statement=f'SELECT * FROM "{table}"')


def test_transactions_need_what_their_parts_need(someone, table, arn):
    items = [
        {"Put": {"TableName": table, "Item": tables.item(pk="alice", sk="t")}},
        {"Delete": {"TableName": table, "Key": tables.item(pk="alice", sk="u")}},
    ]
    with fails(DENIED):
        someone(action="dynamodb:PutItem", resource=arn).transact_write_items(TransactItems=items)
    someone(action=["dynamodb:PutItem", "dynamodb:DeleteItem"], resource=arn).transact_write_items(
        TransactItems=items
    )
    together = someone(
        action="dynamodb:PutItem",
        resource=arn,
        Condition={"StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}},
    )
    together.transact_write_items(TransactItems=items[:1])
    with fails(DENIED):
        together.put_item(TableName=table, Item=tables.item(pk="alice", sk="t"))


def test_a_table_lets_another_account_in(server, client, root, table, arn):
    others = "135724681357"
    document = expect.policy(
        action="dynamodb:GetItem", resource=arn, Principal={"AWS": f"arn:aws:iam::{others}:root"}
    )
    guest = client("dynamodb", account=others)
    with fails(DENIED):
        guest.get_item(TableName=arn, Key=ALICE)
    root.put_resource_policy(ResourceArn=arn, Policy=document)
    assert expect.eventually(lambda: readable(guest, arn), bool)
    with fails(DENIED):
        guest.scan(TableName=arn)
    root.delete_resource_policy(ResourceArn=arn)


def readable(own, arn):
    try:
        return own.get_item(TableName=arn, Key=ALICE).get("Item")
    except own.exceptions.ClientError:
        return None
