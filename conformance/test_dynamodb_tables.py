"""Tables: made, described, listed, changed and deleted."""

import pytest

import dynamodb_tables as tables
import expect
from expect import fails

INVALID = "One or more parameter values were invalid: "


def test_a_table_is_made_in_a_moment(dynamodb):
    wanted = tables.definition(sort=("sk", "N"))
    made = dynamodb.create_table(**wanted)["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    assert made["TableArn"] == f"arn:aws:dynamodb:us-east-1:000000000000:table/{wanted['TableName']}"
    found = tables.wait_active(dynamodb, wanted["TableName"])
    assert found["TableId"] == made["TableId"]
    assert found["KeySchema"] == wanted["KeySchema"]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert (found["ItemCount"], found["TableSizeBytes"]) == (0, 0)
    assert found["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert found["DeletionProtectionEnabled"] is False


def test_a_name_is_taken_once(dynamodb):
    table = tables.create(dynamodb)
    with fails("ResourceInUseException", f"Table already exists: {table}"):
        dynamodb.create_table(**tables.definition(TableName=table))


def test_waiters_know_tables(dynamodb):
    wanted = tables.definition()
    dynamodb.create_table(**wanted)
    quick = {"Delay": 1, "MaxAttempts": 20}
    dynamodb.get_waiter("table_exists").wait(TableName=wanted["TableName"], WaiterConfig=quick)
    dynamodb.delete_table(TableName=wanted["TableName"])
    dynamodb.get_waiter("table_not_exists").wait(TableName=wanted["TableName"], WaiterConfig=quick)


def test_a_deleted_table_is_gone_with_its_items(dynamodb):
    table = tables.create(dynamodb)
    tables.put(dynamodb, table, pk="a")
    deleted = dynamodb.delete_table(TableName=table)["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    tables.wait_gone(dynamodb, table)
    message = f"Requested resource not found: Table: {table} not found"
    with fails("ResourceNotFoundException", message):
        dynamodb.describe_table(TableName=table)
    with fails("ResourceNotFoundException", message):
        dynamodb.delete_table(TableName=table)
    dynamodb.create_table(**tables.definition(TableName=table))
    tables.wait_active(dynamodb, table)
    assert dynamodb.scan(TableName=table)["Count"] == 0


def test_a_protected_table_stays(dynamodb):
    table = tables.create(dynamodb, DeletionProtectionEnabled=True)
    with fails("ValidationException") as seen:
        dynamodb.delete_table(TableName=table)
    assert "deletion protection" in seen[0].response["Error"]["Message"].lower()
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    tables.wait_active(dynamodb, table)
    dynamodb.delete_table(TableName=table)


def test_tables_are_listed_by_name(client, account):
    own = client("dynamodb", account=account)
    names = sorted(tables.create(own) for _ in range(5))
    assert own.list_tables()["TableNames"] == names
    pages = own.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [page["TableNames"] for page in pages] == [names[:2], names[2:4], names[4:]]
    answer = own.list_tables(ExclusiveStartTableName=names[2], Limit=1)
    assert answer == {**answer, "TableNames": [names[3]], "LastEvaluatedTableName": names[3]}


def test_accounts_and_regions_have_their_own_tables(client, account):
    here, there = client("dynamodb", account=account), client("dynamodb", account=account, region="eu-west-1")
    wanted = tables.definition()
    for own in (here, there):
        own.create_table(**wanted)
        tables.wait_active(own, wanted["TableName"])
    tables.put(here, wanted["TableName"], pk="here")
    assert tables.get(there, wanted["TableName"], pk="here") is None


# ---- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"AttributeDefinitions": [{"AttributeName": "other", "AttributeType": "S"}]},
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [pk], AttributeDefinitions: [other]",
        ),
        (
            {
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "more", "AttributeType": "S"},
                ]
            },
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}, "BillingMode": "PAY_PER_REQUEST"},
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            {
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ]
            },
            None,
        ),
        ({"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]}, None),
        ({"TableName": "no spaces"}, None),
        ({"TableName": "ab"}, None),
    ],
)
def test_definitions_that_are_none(dynamodb, given, message):
    wanted = tables.definition() | given
    with fails("ValidationException", message and INVALID + message):
        dynamodb.create_table(**wanted)


def test_local_indexes_need_a_sort_key(dynamodb):
    with fails("ValidationException"):
        dynamodb.create_table(**tables.definition(locals=[tables.index("local", ("pk", "S"), ("x", "S"))]))
    too_many = [tables.index(f"local-{n}", ("pk", "S"), (f"x{n}", "S")) for n in range(6)]
    with fails(("ValidationException", "LimitExceededException")):
        dynamodb.create_table(**tables.definition(sort=("sk", "S"), locals=too_many))


def test_names_of_indexes_differ(dynamodb):
    twice = [tables.index("same", ("a", "S")), tables.index("same", ("b", "S"))]
    with fails("ValidationException") as seen:
        dynamodb.create_table(**tables.definition(globals=twice))
    assert "Duplicate index name: same" in seen[0].response["Error"]["Message"]


# ---- changes -----------------------------------------------------------------------------------------------


def test_capacity_is_changed(dynamodb):
    table = tables.create(dynamodb, ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    dynamodb.update_table(
        TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 3}
    )
    found = tables.wait_active(dynamodb, table)["ProvisionedThroughput"]
    assert (found["ReadCapacityUnits"], found["WriteCapacityUnits"]) == (7, 3)
    assert found["NumberOfDecreasesToday"] == 1
    with fails("ValidationException") as seen:
        dynamodb.update_table(
            TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 3}
        )
    assert "The provisioned throughput for the table will not change" in seen[0].response["Error"]["Message"]
    dynamodb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    assert tables.wait_active(dynamodb, table)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_class_of_a_table_is_changed(dynamodb):
    table = tables.create(dynamodb, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert tables.wait_active(dynamodb, table)["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    dynamodb.update_table(TableName=table, TableClass="STANDARD")
    assert tables.wait_active(dynamodb, table)["TableClassSummary"]["TableClass"] == "STANDARD"


def test_an_index_is_added_to_a_table_that_lives(dynamodb):
    table = tables.create(dynamodb)
    tables.fill(dynamodb, table, [tables.item(pk=str(n), colour="red" if n % 2 else "blue") for n in range(60)])
    tables.put(dynamodb, table, pk="wrong type", colour=5)
    added = dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "colour", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-colour",
                    "KeySchema": tables.key_schema(("colour", "S")),
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )["TableDescription"]
    assert added["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    tables.put(dynamodb, table, pk="meanwhile", colour="red")
    tables.wait_active(dynamodb, table)
    asked = {
        "TableName": table,
        "IndexName": "by-colour",
        "KeyConditionExpression": "colour = :c",
        "ExpressionAttributeValues": {":c": {"S": "red"}},
    }
    assert dynamodb.query(**asked)["Count"] == 31
    dynamodb.delete_item(TableName=table, Key=tables.item(pk="1"))
    dynamodb.update_item(
        TableName=table,
        Key=tables.item(pk="3"),
        UpdateExpression="SET colour = :b",
        ExpressionAttributeValues={":b": {"S": "blue"}},
    )
    assert dynamodb.query(**asked)["Count"] == 29

    dynamodb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-colour"}}])
    expect.eventually(
        lambda: dynamodb.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes"), lambda left: not left
    )
    with fails("ValidationException", "The table does not have the specified index: by-colour"):
        dynamodb.query(**asked)


def test_index_keys_have_types(dynamodb):
    table = tables.create(dynamodb, globals=[tables.index("by-colour", ("colour", "S"))])
    message = INVALID + "Type mismatch for Index Key colour Expected: S Actual: N IndexName: by-colour"
    with fails("ValidationException", message):
        tables.put(dynamodb, table, pk="a", colour=5)
    tables.put(dynamodb, table, pk="sparse")
    assert dynamodb.scan(TableName=table, IndexName="by-colour")["Count"] == 0


def test_the_count_of_items_is_exact_here(dynamodb):
    table = tables.create(dynamodb)
    tables.fill(dynamodb, table, [tables.item(pk=str(n)) for n in range(10)])
    found = expect.eventually(
        lambda: dynamodb.describe_table(TableName=table)["Table"], lambda found: found["ItemCount"] == 10
    )
    assert found["TableSizeBytes"] >= 10 * 3


# ---- tags, policies, limits, endpoints ---------------------------------------------------------------------------


def test_tags(dynamodb):
    table = tables.create(dynamodb, Tags=[{"Key": "team", "Value": "blue"}])
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "red"}])

    def tags():
        found = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
        return {one["Key"]: one["Value"] for one in found}

    expect.eventually(tags, lambda found: found == {"team": "red", "stage": "test"})
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team", "none"])
    expect.eventually(tags, lambda found: found == {"stage": "test"})
    missing = arn.rpartition("/")[0] + "/never-made"
    for call, more in (
        (dynamodb.tag_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (dynamodb.untag_resource, {"TagKeys": ["a"]}),
        (dynamodb.list_tags_of_resource, {}),
    ):
        with fails(("ResourceNotFoundException", "AccessDeniedException")):
            call(ResourceArn=missing, **more)


def test_resource_policies(dynamodb):
    table = tables.create(dynamodb)
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    with fails("PolicyNotFoundException"):
        dynamodb.get_resource_policy(ResourceArn=arn)
    document = expect.policy(action="dynamodb:GetItem", resource=arn, Principal={"AWS": "arn:aws:iam::000000000000:root"})
    revision = dynamodb.put_resource_policy(ResourceArn=arn, Policy=document)["RevisionId"]
    found = dynamodb.get_resource_policy(ResourceArn=arn)
    assert found["RevisionId"] == revision and "dynamodb:GetItem" in found["Policy"]
    with fails("PolicyNotFoundException"):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=document, ExpectedRevisionId="1700000000000")
    with fails("PolicyNotFoundException"):
        dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId="1700000000000")
    dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)
    with fails("PolicyNotFoundException"):
        dynamodb.get_resource_policy(ResourceArn=arn)
    missing = arn.rpartition("/")[0] + "/never-made"
    for call, more in (
        (dynamodb.put_resource_policy, {"Policy": document}),
        (dynamodb.get_resource_policy, {}),
        (dynamodb.delete_resource_policy, {}),
    ):
        with fails("ResourceNotFoundException"):
            call(ResourceArn=missing, **more)


def test_limits_and_endpoints(dynamodb):
    limits = dynamodb.describe_limits()
    assert limits["AccountMaxReadCapacityUnits"] >= limits["TableMaxReadCapacityUnits"] > 0
    assert dynamodb.describe_endpoints()["Endpoints"][0]["CachePeriodInMinutes"] > 0


@pytest.mark.parametrize(
    "operation, given",
    [
        ("describe_table", {}),
        ("update_table", {"BillingMode": "PAY_PER_REQUEST"}),
        ("delete_table", {}),
        ("describe_time_to_live", {}),
        ("update_time_to_live", {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}}),
        ("describe_contributor_insights", {}),
        ("update_contributor_insights", {"ContributorInsightsAction": "ENABLE"}),
        ("describe_kinesis_streaming_destination", {}),
    ],
)
def test_operations_on_tables_that_are_not_there(dynamodb, operation, given):
    with fails("ResourceNotFoundException"):
        getattr(dynamodb, operation)(TableName="never-made", **given)
