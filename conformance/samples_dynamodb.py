"""What DynamoDB's operations and its streams need for their least requests: names and ARNs that say whom they act on,
and statements that can be read, before permissions are looked at."""

TABLE = "arn:aws:dynamodb:us-east-1:{account}:table/sample"
STREAM = TABLE + "/stream/2026-01-01T00:00:00.000"
KEY = {"pk": {"S": "x"}}
SELECT = {"Statement": "SELECT * FROM \"sample\" WHERE pk = 'x'"}

# Members of any operation, where it has them.
MEMBERS = {
    "TableName": "sample",
    "SourceTableName": "sample",
    "TargetTableName": "sample",
    "GlobalTableName": "sample",
    "IndexName": "sample",
    "BackupName": "sample",
    "Key": KEY,
    "Item": KEY,
    "ResourceArn": TABLE,
    "TableArn": TABLE,
    "BackupArn": TABLE + "/backup/01489173575360-b308cd7d",
    "ExportArn": TABLE + "/export/01489173575360-b308cd7d",
    "ImportArn": TABLE + "/import/01489173575360-b308cd7d",
    "BulkOperationArn": TABLE + "/bulk-operation/01489173575360-b308cd7d",
    "ShardId": "shardId-00000001414576573621-f55eea83",
    "S3Bucket": "sample",
}

LEAST = {
    "BatchExecuteStatement": {"Statements": [SELECT]},
    "BatchGetItem": {"RequestItems": {"sample": {"Keys": [KEY]}}},
    "BatchWriteItem": {"RequestItems": {"sample": [{"DeleteRequest": {"Key": KEY}}]}},
    "CreateGlobalTable": {"ReplicationGroup": [{"RegionName": "us-east-1"}]},
    "CreateTable": {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
    "ExecuteStatement": SELECT,
    "ExecuteTransaction": {"TransactStatements": [SELECT]},
    "ImportTable": {
        "S3BucketSource": {"S3Bucket": "sample"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": {
            "TableName": "sample",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        },
    },
    "PutResourcePolicy": {"Policy": '{"Version":"2012-10-17","Statement":[]}'},
    "Query": {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "x"}}},
    "RestoreTableToPointInTime": {"SourceTableName": "sample", "UseLatestRestorableTime": True},
    "TagResource": {"Tags": [{"Key": "a", "Value": "b"}]},
    "TransactGetItems": {"TransactItems": [{"Get": {"TableName": "sample", "Key": KEY}}]},
    "TransactWriteItems": {"TransactItems": [{"Delete": {"TableName": "sample", "Key": KEY}}]},
    "UpdateContinuousBackups": {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
    "UpdateGlobalTable": {"ReplicaUpdates": [{"Create": {"RegionName": "us-east-1"}}]},
}

KINESIS = "arn:aws:kinesis:us-east-1:{account}:stream/sample"


def least(service, operation, parameters, account):
    """The least request, with what is known of its members."""

    def known(value):
        return value.format(account=account) if isinstance(value, str) else value

    named = {member: known(MEMBERS[member]) for member in parameters if member in MEMBERS}
    if "StreamArn" in parameters:
        named["StreamArn"] = known(STREAM if service == "dynamodbstreams" else KINESIS)
    return parameters | named | LEAST.get(operation, {})
