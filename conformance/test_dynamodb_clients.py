"""Other ways in: boto3's resource with its batch writer and conditions, pynamodb, and the AWS CLI."""

import decimal
import json

import pytest
from boto3.dynamodb.conditions import Attr, Key
from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

import cli
import dynamodb_tables as tables
import expect

# ---- boto3's resource ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def albums(resource):
    """A table of the resource, filled by its batch writer."""
    wanted = tables.definition(
        partition=("artist", "S"), sort=("album", "S"), globals=[tables.index("by-year", ("genre", "S"), ("year", "N"))]
    )
    table = resource.create_table(**wanted)
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for year in range(1960, 2000):
            batch.put_item(
                Item={
                    "artist": f"artist {year % 4}",
                    "album": f"album {year}",
                    "genre": "rock" if year % 2 else "jazz",
                    "year": year,
                    "rating": decimal.Decimal(year % 7) / 2,
                    "tags": {"old", f"t{year % 3}"},
                    "tracks": [{"title": "one", "seconds": 60}, {"title": "two", "seconds": 90}],
                }
            )
        batch.delete_item(Key={"artist": "artist 0", "album": "album 1960"})
    return table


def test_conditions_as_objects(albums):
    found = albums.query(
        KeyConditionExpression=Key("artist").eq("artist 1") & Key("album").begins_with("album 198"),
        FilterExpression=Attr("rating").gte(decimal.Decimal("0.5")) & ~Attr("tags").contains("t0"),
    )["Items"]
    assert [one["year"] for one in found] == [
        year for year in range(1980, 1990) if year % 4 == 1 and (year % 7) / 2 >= 0.5 and year % 3 != 0
    ]
    found = albums.query(
        IndexName="by-year",
        KeyConditionExpression=Key("genre").eq("jazz") & Key("year").between(1970, 1979),
        ScanIndexForward=False,
    )["Items"]
    assert [one["year"] for one in found] == [1978, 1976, 1974, 1972, 1970]
    assert albums.scan(FilterExpression=Attr("tracks[1].seconds").eq(90), Select="COUNT")["Count"] == 39
    assert albums.scan(FilterExpression=Attr("artist").is_in(["artist 3", "nobody"]), Select="COUNT")["Count"] == 10


def test_updates_by_the_resource(albums):
    key = {"artist": "artist 2", "album": "album 1962"}
    answer = albums.update_item(
        Key=key,
        UpdateExpression="SET rating = rating + :r, tracks = list_append(tracks, :t) ADD tags :tag REMOVE genre",
        ConditionExpression=Attr("year").eq(1962),
        ExpressionAttributeValues={":r": 1, ":t": [{"title": "three"}], ":tag": {"new"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert answer["rating"] == decimal.Decimal(1962 % 7) / 2 + 1
    assert len(answer["tracks"]) == 3 and "new" in answer["tags"] and "genre" not in answer
    with expect.fails("ConditionalCheckFailedException"):
        albums.delete_item(Key=key, ConditionExpression=Attr("year").eq(1))


def test_a_batch_of_reads_by_the_resource(resource, albums):
    keys = [{"artist": f"artist {year % 4}", "album": f"album {year}"} for year in (1981, 1982, 1960)]
    found = resource.batch_get_item(RequestItems={albums.name: {"Keys": keys}})["Responses"][albums.name]
    assert sorted(one["year"] for one in found) == [1981, 1982]
    albums.reload()
    assert albums.table_status == "ACTIVE" and albums.key_schema[0]["AttributeName"] == "artist"
    assert albums.name in {one.name for one in resource.tables.all()}


# ---- pynamodb --------------------------------------------------------------------------------------------


class Address(MapAttribute):
    street = UnicodeAttribute()
    number = NumberAttribute(null=True)


@pytest.fixture(scope="module")
def models(server):
    """A model with both kinds of indexes, and its table."""

    class ByTeam(GlobalSecondaryIndex):
        class Meta:
            index_name = "by-team"
            projection = AllProjection()

        team = UnicodeAttribute(hash_key=True)
        age = NumberAttribute(range_key=True)

    class ByAge(LocalSecondaryIndex):
        class Meta:
            index_name = "by-age"
            projection = KeysOnlyProjection()

        company = UnicodeAttribute(hash_key=True)
        age = NumberAttribute(range_key=True)

    class Person(Model):
        class Meta:
            table_name = expect.name(prefix="people")
            host = server.endpoint
            region = "us-east-1"
            aws_access_key_id = "test"
            aws_secret_access_key = "test"
            billing_mode = "PAY_PER_REQUEST"

        company = UnicodeAttribute(hash_key=True)
        name = UnicodeAttribute(range_key=True)
        age = NumberAttribute()
        team = UnicodeAttribute(default="none")
        active = BooleanAttribute(default=True)
        skills = UnicodeSetAttribute(null=True)
        address = Address(null=True)
        notes = ListAttribute(null=True)
        extra = JSONAttribute(null=True)
        hired = UTCDateTimeAttribute(null=True)
        expires = TTLAttribute(null=True)
        version = VersionAttribute()
        by_team = ByTeam()
        by_age = ByAge()

    Person.create_table(wait=True)
    yield Person
    Person.delete_table()


def test_pynamodb_models(models):
    person = models("acme", "ann", age=40, skills={"go", "rust"}, address=Address(street="Main", number=5), extra={"a": 1})
    person.save()
    found = models.get("acme", "ann", consistent_read=True)
    assert (found.age, found.skills, found.address.street, found.extra, found.version) == (
        40,
        {"go", "rust"},
        "Main",
        {"a": 1},
        1,
    )
    found.update(
        actions=[
            models.age.set(models.age + 1),
            models.notes.set(["first"]),
            models.skills.add({"sql"}),
            models.address.number.remove(),
        ],
        condition=models.active == True,  # noqa: E712
    )
    assert (found.age, found.notes, found.version) == (41, ["first"], 2)
    assert found.skills == {"go", "rust", "sql"} and found.address.number is None
    # The first copy has an old version by now.
    with pytest.raises(PutError) as seen:
        person.save()
    assert seen.value.cause_response_code == "ConditionalCheckFailedException"
    with pytest.raises(UpdateError):
        found.update(actions=[models.age.set(0)], condition=models.age > 100)
    with pytest.raises(DoesNotExist):
        models.get("acme", "nobody")


def test_pynamodb_queries(models):
    with models.batch_write() as batch:
        for n in range(60):
            batch.save(models("many", f"p{n:02}", age=n, team="red" if n % 2 else "blue"))
    assert models.count("many") == 60
    names = [one.name for one in models.query("many", models.name.between("p10", "p12"))]
    assert names == ["p10", "p11", "p12"]
    ages = [one.age for one in models.by_team.query("red", models.age > 50, scan_index_forward=False)]
    assert ages == [59, 57, 55, 53, 51]
    assert [one.age for one in models.by_age.query("many", models.age < 3)] == [0, 1, 2]
    found = models.query("many", filter_condition=models.team.is_in("blue") & models.skills.does_not_exist(), page_size=7)
    assert len(list(found)) == 30
    assert len(list(models.scan(models.company == "many", segment=0, total_segments=1))) == 60
    keys = [("many", f"p{n:02}") for n in range(5)]
    assert len(list(models.batch_get(keys))) == 5


def test_pynamodb_transactions(models, server):
    connection = Connection(host=server.endpoint, region="us-east-1")
    connection.session.set_credentials("test", "test")
    with TransactWrite(connection=connection) as transaction:
        transaction.save(models("t", "a", age=1))
        transaction.save(models("t", "b", age=2))
    with pytest.raises(TransactWriteError) as seen:
        with TransactWrite(connection=connection) as transaction:
            transaction.condition_check(models, "t", "a", condition=models.age == 7)
            transaction.delete(models("t", "b", age=2), condition=models.age == 2, add_version_condition=False)
    assert [one.code if one else None for one in seen.value.cancellation_reasons] == ["ConditionalCheckFailed", None]
    with TransactGet(connection=connection) as transaction:
        first = transaction.get(models, "t", "a")
        second = transaction.get(models, "t", "b")
    assert (first.get().age, second.get().age) == (1, 2)


# ---- the AWS CLI -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["1", "2"])
def aws(request, server):
    path, why_not = cli.version_1() if request.param == "1" else cli.version_2()
    if path is None:
        pytest.skip(why_not)
    return cli.Cli(server, path, through_fogbank=False)


def test_the_cli(aws):
    table = expect.name(prefix="cli")
    aws.json(
        *("dynamodb", "create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST"),
        *("--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=N"),
        *("--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE"),
    )
    aws.run("dynamodb", "wait", "table-exists", "--table-name", table)
    for number in range(3):
        item = json.dumps({"pk": {"S": "a"}, "sk": {"N": str(number)}, "v": {"L": [{"BOOL": True}]}})
        aws.json("dynamodb", "put-item", "--table-name", table, "--item", item)
    found = aws.json(
        *("dynamodb", "query", "--table-name", table, "--key-condition-expression", "pk = :p AND sk > :s"),
        *("--expression-attribute-values", '{":p":{"S":"a"},":s":{"N":"0"}}'),
    )
    assert [one["sk"]["N"] for one in found["Items"]] == ["1", "2"]
    found = aws.json("dynamodb", "scan", "--table-name", table, "--max-items", "2", "--page-size", "1")
    assert len(found["Items"]) == 2 and "NextToken" in found
    updated = aws.json(
        *("dynamodb", "update-item", "--table-name", table, "--key", '{"pk":{"S":"a"},"sk":{"N":"0"}}'),
        *("--update-expression", "SET n = :n", "--expression-attribute-values", '{":n":{"N":"5"}}'),
        *("--return-values", "UPDATED_NEW"),
    )
    assert updated["Attributes"] == {"n": {"N": "5"}}
    found = aws.json(
        *("dynamodb", "execute-statement", "--statement", f"SELECT n FROM \"{table}\" WHERE pk = 'a' AND sk = 0")
    )
    assert found["Items"] == [{"n": {"N": "5"}}]
    refused = aws.run(
        *("dynamodb", "put-item", "--table-name", table, "--item", '{"pk":{"S":"a"},"sk":{"N":"0"}}'),
        *("--condition-expression", "attribute_not_exists(pk)"),
        check=False,
    )
    assert refused.returncode != 0 and "ConditionalCheckFailedException" in refused.stderr
    aws.json("dynamodb", "delete-table", "--table-name", table)
    aws.run("dynamodb", "wait", "table-not-exists", "--table-name", table)
