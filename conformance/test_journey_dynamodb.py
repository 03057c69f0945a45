"""A to-do application with two tables and an index, as a developer builds it: lists shared between people, tasks with
due dates, a stream that drives notifications, and tasks that leave by themselves.
"""

import uuid

import pytest
from boto3.dynamodb.conditions import Attr, Key

import dynamodb_tables as tables
import expect

PEOPLE, TASKS = "todo-people", "todo-tasks"


class Todo:
    """The application: nothing but boto3 between it and the cloud."""

    def __init__(self, resource, streams, prefix):
        self.resource = resource
        self.streams = streams
        self.people_name, self.tasks_name = f"{PEOPLE}-{prefix}", f"{TASKS}-{prefix}"
        self.people, self.tasks = resource.Table(self.people_name), resource.Table(self.tasks_name)

    def deploy(self):
        self.resource.create_table(
            TableName=self.people_name,
            KeySchema=tables.key_schema(("email", "S")),
            AttributeDefinitions=[{"AttributeName": "email", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.resource.create_table(
            TableName=self.tasks_name,
            KeySchema=tables.key_schema(("owner", "S"), ("task", "S")),
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("owner", "task", "open_owner", "due")
            ],
            GlobalSecondaryIndexes=[
                {
                    # Sparse: only tasks that are not done have `open_owner`.
                    "IndexName": "open-by-due",
                    "KeySchema": tables.key_schema(("open_owner", "S"), ("due", "S")),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]},
                }
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            BillingMode="PAY_PER_REQUEST",
        )
        self.people.wait_until_exists()
        self.tasks.wait_until_exists()
        self.resource.meta.client.update_time_to_live(
            TableName=self.tasks_name, TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True}
        )

    def sign_up(self, email, name):
        self.people.put_item(
            Item={"email": email, "name": name, "open": 0, "done": 0}, ConditionExpression=Attr("email").not_exists()
        )

    def add(self, owner, title, due):
        """A task and its owner's count, together or not at all."""
        task = uuid.uuid4().hex
        self.resource.meta.client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self.tasks_name,
                        "Item": {
                            "owner": owner,
                            "task": task,
                            "title": title,
                            "due": due,
                            "open_owner": owner,
                            "done": False,
                            "history": [],
                        },
                    }
                },
                {
                    "Update": {
                        "TableName": self.people_name,
                        "Key": {"email": owner},
                        "UpdateExpression": "ADD #open :one",
                        "ConditionExpression": "attribute_exists(email)",
                        "ExpressionAttributeNames": {"#open": "open"},
                        "ExpressionAttributeValues": {":one": 1},
                    }
                },
            ]
        )
        return task

    def finish(self, owner, task, now):
        """Done once; it leaves the index, and in a week the table."""
        self.resource.meta.client.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": self.tasks_name,
                        "Key": {"owner": owner, "task": task},
                        "UpdateExpression": "SET done = :yes, expires = :e, #h = list_append(#h, :h) REMOVE open_owner",
                        "ConditionExpression": "done = :no",
                        "ExpressionAttributeNames": {"#h": "history"},
                        "ExpressionAttributeValues": {
                            ":yes": True,
                            ":no": False,
                            ":e": now + 7 * 24 * 3600,
                            ":h": [{"at": now, "what": "done"}],
                        },
                    }
                },
                {
                    "Update": {
                        "TableName": self.people_name,
                        "Key": {"email": owner},
                        "UpdateExpression": "SET #open = #open - :one, done = done + :one",
                        "ExpressionAttributeNames": {"#open": "open"},
                        "ExpressionAttributeValues": {":one": 1},
                    }
                },
            ]
        )

    def due_by(self, owner, day):
        """Titles of what is open and due, the oldest first."""
        found = self.tasks.query(
            IndexName="open-by-due", KeyConditionExpression=Key("open_owner").eq(owner) & Key("due").lte(day)
        )
        return [one["title"] for one in found["Items"]]

    def notifications(self):
        """What the stream would have told the owners."""
        found = []
        stream = self.tasks.latest_stream_arn
        for shard in self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            iterator = self.streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                page = self.streams.get_records(ShardIterator=iterator)
                if not page["Records"]:
                    break
                found += [self.words(record) for record in page["Records"]]
                iterator = page.get("NextShardIterator")
        return found

    @staticmethod
    def words(record):
        new, old = record["dynamodb"].get("NewImage"), record["dynamodb"].get("OldImage")
        if new is None:
            by = "time" if record.get("userIdentity", {}).get("Type") == "Service" else "someone"
            return f"{old['title']['S']} was removed by {by}"
        what = "done" if new["done"]["BOOL"] else "new"
        return f"{new['title']['S']} is {what}"


@pytest.fixture(scope="module")
def todo(resource, streams):
    app = Todo(resource, streams, uuid.uuid4().hex[:8])
    app.deploy()
    app.sign_up("ann@example.com", "Ann")
    app.sign_up("bob@example.com", "Bob")
    return app


def test_the_application(todo, clock_advance):
    with expect.fails("ConditionalCheckFailedException"):
        todo.sign_up("ann@example.com", "Another Ann")
    with expect.fails("TransactionCanceledException"):
        todo.add("nobody@example.com", "never", "2030-01-01")
    assert todo.tasks.scan(Select="COUNT")["Count"] == 0

    ann, bob = "ann@example.com", "bob@example.com"
    first = todo.add(ann, "write tests", "2030-01-02")
    todo.add(ann, "sleep", "2030-01-05")
    todo.add(ann, "breakfast", "2030-01-01")
    todo.add(bob, "coffee", "2030-01-01")
    assert todo.due_by(ann, "2030-01-03") == ["breakfast", "write tests"]
    assert todo.people.get_item(Key={"email": ann}, ConsistentRead=True)["Item"]["open"] == 3

    now = int(todo.tasks.creation_date_time.timestamp())
    todo.finish(ann, first, now)
    with expect.fails("TransactionCanceledException"):
        todo.finish(ann, first, now)
    person = todo.people.get_item(Key={"email": ann}, ConsistentRead=True)["Item"]
    assert (person["open"], person["done"]) == (2, 1)
    assert todo.due_by(ann, "2030-01-03") == ["breakfast"]
    task = todo.tasks.get_item(Key={"owner": ann, "task": first}, ConsistentRead=True)["Item"]
    assert task["history"] == [{"at": now, "what": "done"}]
    told = expect.eventually(todo.notifications, lambda told: len(told) >= 5)
    assert sorted(told) == ["breakfast is new", "coffee is new", "sleep is new", "write tests is done", "write tests is new"]
    assert told.index("write tests is new") < told.index("write tests is done")

    # A report by PartiQL, and a page of everything that one person has.
    found = todo.resource.meta.client.execute_statement(
        Statement=f'SELECT title FROM "{todo.tasks_name}" WHERE owner = ? AND done = false', Parameters=[ann]
    )["Items"]
    assert sorted(one["title"] for one in found) == ["breakfast", "sleep"]
    pages = todo.resource.meta.client.get_paginator("query").paginate(
        TableName=todo.tasks_name, KeyConditionExpression=Key("owner").eq(ann), PaginationConfig={"PageSize": 1}
    )
    assert sum(page["Count"] for page in pages) == 3

    # A week later, what is done is gone by itself.
    clock_advance("10d")
    expect.eventually(
        lambda: "Item" in todo.tasks.get_item(Key={"owner": ann, "task": first}, ConsistentRead=True),
        lambda there: not there,
    )
    expect.eventually(todo.notifications, lambda told: "write tests was removed by time" in told)
    assert todo.tasks.query(KeyConditionExpression=Key("owner").eq(ann))["Count"] == 2


def test_the_tables_are_taken_down(todo):
    for table in (todo.people, todo.tasks):
        table.delete()
        table.wait_until_not_exists()
