"""Tables for tests: made, waited for, filled and read."""

import expect

STRING, NUMBER, BINARY = "S", "N", "B"


def key_schema(partition, sort=None):
    """(name, type) pairs become a key schema."""
    schema = [{"AttributeName": partition[0], "KeyType": "HASH"}]
    if sort is not None:
        schema.append({"AttributeName": sort[0], "KeyType": "RANGE"})
    return schema


def index(name, partition, sort=None, projection="ALL", attributes=None):
    """An index's definition; its key attributes are declared by `create`."""
    shown = {"ProjectionType": projection}
    if attributes:
        shown["NonKeyAttributes"] = attributes
    return {"name": name, "keys": [k for k in (partition, sort) if k], "projection": shown}


def definition(partition=("pk", STRING), sort=None, globals=(), locals=(), **more):
    """CreateTable's parameters; on demand unless throughput is given."""
    declared = {partition[0]: partition[1]}
    if sort is not None:
        declared[sort[0]] = sort[1]
    for one in (*globals, *locals):
        declared.update(one["keys"])
    given = {
        "TableName": expect.name(prefix="t"),
        "KeySchema": key_schema(partition, sort),
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in declared.items()],
    }
    if "ProvisionedThroughput" not in more:
        given["BillingMode"] = "PAY_PER_REQUEST"
    throughput = {k: v for k, v in more.items() if k == "ProvisionedThroughput"}
    for member, indexes, own in (
        ("GlobalSecondaryIndexes", globals, throughput),
        ("LocalSecondaryIndexes", locals, {}),
    ):
        if indexes:
            given[member] = [
                {"IndexName": one["name"], "KeySchema": key_schema(*one["keys"]), "Projection": one["projection"], **own}
                for one in indexes
            ]
    return given | more


def create(client, **given):
    """A table that is ACTIVE; returns its name."""
    wanted = definition(**given)
    client.create_table(**wanted)
    wait_active(client, wanted["TableName"])
    return wanted["TableName"]


def wait_active(client, table):
    def settled(found):
        indexes = found.get("GlobalSecondaryIndexes", [])
        replicas = found.get("Replicas", [])
        return found["TableStatus"] == "ACTIVE" and all(
            one.get("IndexStatus", one.get("ReplicaStatus")) == "ACTIVE" for one in [*indexes, *replicas]
        )

    return expect.eventually(lambda: client.describe_table(TableName=table)["Table"], settled)


def wait_gone(client, table):
    def ask():
        try:
            return client.describe_table(TableName=table)["Table"]["TableStatus"]
        except client.exceptions.ResourceNotFoundException:
            return None

    return expect.eventually(ask, lambda status: status is None)


def stream_of(client, table):
    return client.describe_table(TableName=table)["Table"]["LatestStreamArn"]


# ---- values ----------------------------------------------------------------------------


def s(text):
    return {"S": text}


def n(number):
    return {"N": str(number)}


def item(**attributes):
    """Python's values as DynamoDB's: str, int, bytes, bool, None, list, dict; what is a value already stays."""
    return {name: value(one) for name, one in attributes.items()}


TYPES = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}


def value(one):
    if isinstance(one, dict) and len(one) == 1 and next(iter(one)) in TYPES:
        return one
    if isinstance(one, bool):
        return {"BOOL": one}
    if one is None:
        return {"NULL": True}
    if isinstance(one, (int, float)):
        return n(one)
    if isinstance(one, bytes):
        return {"B": one}
    if isinstance(one, list):
        return {"L": [value(inner) for inner in one]}
    if isinstance(one, dict):
        return {"M": item(**one)}
    return s(one)


def put(client, table, **attributes):
    client.put_item(TableName=table, Item=item(**attributes))


def get(client, table, **key):
    return client.get_item(TableName=table, Key=item(**key), ConsistentRead=True).get("Item")


def fill(client, table, items):
    """Writes items by batches of 25, again and again until none is left unprocessed."""
    items = list(items)
    for start in range(0, len(items), 25):
        left = {table: [{"PutRequest": {"Item": one}} for one in items[start : start + 25]]}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]


def pages(call, **given):
    """All pages of a Query or Scan."""
    found = []
    while True:
        page = call(**given)
        found.append(page)
        if "LastEvaluatedKey" not in page:
            return found
        given["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def items_of(found):
    return [one for page in found for one in page["Items"]]
