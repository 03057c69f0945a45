"""Backups, recovery to a second, exports to S3 and imports from it; global tables."""

import datetime
import gzip
import json
import re

import dynamodb_tables as tables
import expect
from expect import fails


def now_of(dynamodb):
    """The cloud's time: what a table made now says."""
    table = tables.create(dynamodb)
    return dynamodb.describe_table(TableName=table)["Table"]["CreationDateTime"]


def filled(dynamodb, count=5, **more):
    table = tables.create(dynamodb, **more)
    tables.fill(dynamodb, table, [tables.item(pk=f"k{n}", n=n) for n in range(count)])
    return table


def values(dynamodb, table):
    found = tables.items_of(tables.pages(dynamodb.scan, TableName=table, ConsistentRead=True))
    return {one["pk"]["S"]: int(one["n"]["N"]) for one in found}


# ---- backups on demand -----------------------------------------------------------------------------------


def test_a_backup_is_restored_into_a_new_table(dynamodb):
    table = filled(dynamodb, globals=[tables.index("by-n", ("n", "N"))])
    details = dynamodb.create_backup(TableName=table, BackupName="nightly")["BackupDetails"]
    assert details["BackupType"] == "USER"
    backup = details["BackupArn"]
    described = expect.eventually(
        lambda: dynamodb.describe_backup(BackupArn=backup)["BackupDescription"],
        lambda found: found["BackupDetails"]["BackupStatus"] == "AVAILABLE",
    )
    assert described["SourceTableDetails"]["TableName"] == table
    assert described["SourceTableDetails"]["ItemCount"] == 5
    tables.put(dynamodb, table, pk="k0", n=100)
    target = expect.name(prefix="restored")
    made = dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)["TableDescription"]
    assert made["RestoreSummary"]["RestoreInProgress"] is True
    tables.wait_active(dynamodb, target)
    assert values(dynamodb, target) == {f"k{n}": n for n in range(5)}
    assert dynamodb.scan(TableName=target, IndexName="by-n")["Count"] == 5
    with fails("TableAlreadyExistsException"):
        dynamodb.restore_table_from_backup(TargetTableName=target, BackupArn=backup)

    listed = dynamodb.list_backups(TableName=table)["BackupSummaries"]
    assert [one["BackupArn"] for one in listed] == [backup]
    dynamodb.delete_backup(BackupArn=backup)
    for call, given in (
        (dynamodb.describe_backup, {}),
        (dynamodb.delete_backup, {}),
        (dynamodb.restore_table_from_backup, {"TargetTableName": expect.name(prefix="t")}),
    ):
        with fails("BackupNotFoundException"):
            call(BackupArn=backup, **given)


def test_a_backup_outlives_its_table(dynamodb):
    table = filled(dynamodb)
    backup = dynamodb.create_backup(TableName=table, BackupName="last")["BackupDetails"]["BackupArn"]
    expect.eventually(
        lambda: dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupStatus"],
        lambda status: status == "AVAILABLE",
    )
    dynamodb.delete_table(TableName=table)
    tables.wait_gone(dynamodb, table)
    dynamodb.restore_table_from_backup(TargetTableName=table, BackupArn=backup)
    tables.wait_active(dynamodb, table)
    assert len(values(dynamodb, table)) == 5


def test_backups_are_of_tables(dynamodb):
    with fails("TableNotFoundException", "Table not found: never-made"):
        dynamodb.create_backup(TableName="never-made", BackupName="b-1")


# ---- recovery ------------------------------------------------------------------------------------------------


def test_recovery_to_a_second(dynamodb, clock_advance):
    table = filled(dynamodb)
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    with fails("PointInTimeRecoveryUnavailableException"):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=expect.name(prefix="t"), UseLatestRestorableTime=True
        )
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    clock_advance("1h")
    before = now_of(dynamodb)
    clock_advance("1h")
    tables.put(dynamodb, table, pk="k0", n=100)
    dynamodb.delete_item(TableName=table, Key=tables.item(pk="k1"))
    tables.put(dynamodb, table, pk="new", n=7)
    clock_advance("1h")
    target = expect.name(prefix="recovered")
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=target, RestoreDateTime=before
    )
    tables.wait_active(dynamodb, target)
    assert values(dynamodb, target) == {f"k{n}": n for n in range(5)}
    latest = expect.name(prefix="recovered")
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=latest, UseLatestRestorableTime=True
    )
    tables.wait_active(dynamodb, latest)
    assert values(dynamodb, latest) == {"k0": 100, "k2": 2, "k3": 3, "k4": 4, "new": 7}
    for moment in (before - datetime.timedelta(days=2), before + datetime.timedelta(days=400)):
        with fails("InvalidRestoreTimeException"):
            dynamodb.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=expect.name(prefix="t"), RestoreDateTime=moment
            )
    with fails("TableAlreadyExistsException"):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=latest, UseLatestRestorableTime=True
        )


def test_recovery_is_of_tables(dynamodb):
    with fails("TableNotFoundException"):
        dynamodb.describe_continuous_backups(TableName="never-made")
    with fails("TableNotFoundException"):
        dynamodb.update_continuous_backups(
            TableName="never-made", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    with fails("TableNotFoundException"):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName="never-made", TargetTableName="target", UseLatestRestorableTime=True
        )


# ---- S3 --------------------------------------------------------------------------------------------------------


def exported(s3, bucket, prefix):
    """The items of an export in DynamoDB's JSON."""
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    found = []
    for key in keys:
        if "/data/" in key:
            body = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            found += [json.loads(line)["Item"] for line in body.splitlines()]
    return keys, found


def test_an_export_and_an_import(dynamodb, s3, bucket):
    table = filled(dynamodb, 30)
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    target = bucket()
    with fails("PointInTimeRecoveryUnavailableException"):
        dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=target)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    export = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=target, S3Prefix="out")["ExportDescription"]
    done = expect.eventually(
        lambda: dynamodb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"],
        lambda found: found["ExportStatus"] != "IN_PROGRESS",
    )
    assert done["ExportStatus"] == "COMPLETED", done
    assert done["ItemCount"] == 30
    keys, items = exported(s3, target, "out/AWSDynamoDB/")
    assert {one["pk"]["S"] for one in items} == {f"k{n}" for n in range(30)}
    assert done["ExportManifest"] in keys
    manifest = json.loads(s3.get_object(Bucket=target, Key=done["ExportManifest"])["Body"].read())
    assert manifest["itemCount"] == 30 and manifest["outputFormat"] == "DYNAMODB_JSON"
    listed = dynamodb.list_exports(TableArn=arn)["ExportSummaries"]
    assert [one["ExportArn"] for one in listed] == [export["ExportArn"]]
    with fails("ExportNotFoundException"):
        dynamodb.describe_export(ExportArn=arn + "/export/01234567890123-abcdefab")

    made = expect.name(prefix="imported")
    prefix = done["ExportManifest"].rpartition("/")[0] + "/data/"
    started = dynamodb.import_table(
        S3BucketSource={"S3Bucket": target, "S3KeyPrefix": prefix},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters=tables.definition(TableName=made),
    )["ImportTableDescription"]
    found = expect.eventually(
        lambda: dynamodb.describe_import(ImportArn=started["ImportArn"])["ImportTableDescription"],
        lambda found: found["ImportStatus"] != "IN_PROGRESS",
    )
    assert found["ImportStatus"] == "COMPLETED", found
    assert found["ImportedItemCount"] == 30
    assert values(dynamodb, made) == {f"k{n}": n for n in range(30)}
    assert started["ImportArn"] in {one["ImportArn"] for one in dynamodb.list_imports()["ImportSummaryList"]}
    with fails("ImportNotFoundException"):
        dynamodb.describe_import(ImportArn=arn + "/import/01234567890123-abcdefab")


def test_an_import_of_csv(dynamodb, s3, bucket):
    source = bucket()
    s3.put_object(Bucket=source, Key="in/a.csv", Body=b'pk,n,text\nk0,1,"a,b"\nk1,2,\n')
    made = expect.name(prefix="imported")
    started = dynamodb.import_table(
        S3BucketSource={"S3Bucket": source, "S3KeyPrefix": "in/"},
        InputFormat="CSV",
        TableCreationParameters=tables.definition(TableName=made),
    )["ImportTableDescription"]
    expect.eventually(
        lambda: dynamodb.describe_import(ImportArn=started["ImportArn"])["ImportTableDescription"]["ImportStatus"],
        lambda status: status == "COMPLETED",
    )
    # All but keys are strings in CSV.
    assert tables.get(dynamodb, made, pk="k0") == tables.item(pk="k0", n="1", text="a,b")


def test_exports_and_imports_that_are_none(dynamodb, s3, bucket):
    table, target = filled(dynamodb), bucket()
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    with fails("TableNotFoundException"):
        dynamodb.export_table_to_point_in_time(TableArn=arn + "-never-made", S3Bucket=target)
    with fails("InvalidExportTimeException"):
        dynamodb.export_table_to_point_in_time(
            TableArn=arn, S3Bucket=target, ExportTime=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        )
    token = expect.name(prefix="token")[:36]
    dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=target, ClientToken=token)
    with fails("ExportConflictException"):
        dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=target, ClientToken=token, S3Prefix="other")

    def start(name, token, **more):
        return dynamodb.import_table(
            S3BucketSource={"S3Bucket": target, **more},
            InputFormat="CSV",
            ClientToken=token,
            TableCreationParameters=tables.definition(TableName=name),
        )

    with fails("ResourceInUseException"):
        start(table, expect.name(prefix="token")[:36])
    start(expect.name(prefix="t"), token)
    with fails("ImportConflictException"):
        start(expect.name(prefix="t"), token, S3KeyPrefix="other")
    with fails("ResourceNotFoundException"):
        dynamodb.list_contributor_insights(TableName="never-made")


# ---- global tables ---------------------------------------------------------------------------------------------


def test_replicas_have_what_the_others_have(client, account):
    here, there = client("dynamodb", account=account), client("dynamodb", account=account, region="eu-west-1")
    table = filled(here, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    here.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    found = tables.wait_active(here, table)
    assert "eu-west-1" in {one["RegionName"] for one in found["Replicas"]}
    expect.eventually(lambda: values(there, table), lambda found: len(found) == 5)
    tables.put(here, table, pk="here", n=1)
    tables.put(there, table, pk="there", n=2)
    for own in (here, there):
        expect.eventually(
            lambda own=own: values(own, table), lambda found: found.get("here") == 1 and found.get("there") == 2
        )
    bounds = {"MinimumUnits": 1, "MaximumUnits": 10}
    here.update_table_replica_auto_scaling(TableName=table, ProvisionedWriteCapacityAutoScalingUpdate=bounds)
    scaling = here.describe_table_replica_auto_scaling(TableName=table)["TableAutoScalingDescription"]
    assert {one["RegionName"] for one in scaling["Replicas"]} == {"us-east-1", "eu-west-1"}
    here.update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}])
    tables.wait_gone(there, table)


def test_auto_scaling_is_of_global_tables(dynamodb):
    table = tables.create(dynamodb)
    for name in ("never-made", table):
        with fails("ResourceNotFoundException"):
            dynamodb.describe_table_replica_auto_scaling(TableName=name)
        with fails("ResourceNotFoundException"):
            dynamodb.update_table_replica_auto_scaling(
                TableName=name, ProvisionedWriteCapacityAutoScalingUpdate={"MinimumUnits": 1, "MaximumUnits": 10}
            )


def test_global_tables_of_2017_are_made_no_more(dynamodb):
    name = tables.create(dynamodb)
    message = re.compile("global tables version 2017.11.29 is not supported")
    with fails("ValidationException", message):
        dynamodb.create_global_table(GlobalTableName=name, ReplicationGroup=[{"RegionName": "us-east-1"}])
    with fails(("ValidationException", "GlobalTableNotFoundException")):
        dynamodb.update_global_table(GlobalTableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    assert dynamodb.list_global_tables()["GlobalTables"] == []
    with fails("GlobalTableNotFoundException"):
        dynamodb.describe_global_table(GlobalTableName=name)
    with fails("GlobalTableNotFoundException"):
        dynamodb.describe_global_table_settings(GlobalTableName=name)
    with fails("GlobalTableNotFoundException"):
        dynamodb.update_global_table_settings(GlobalTableName=name, GlobalTableBillingMode="PAY_PER_REQUEST")


# ---- settings ----------------------------------------------------------------------------------------------------


def test_contributor_insights_are_settings(dynamodb):
    table = tables.create(dynamodb)
    assert (
        dynamodb.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"] == "DISABLED"
    )
    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    expect.eventually(
        lambda: dynamodb.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"],
        lambda status: status == "ENABLED",
    )
    listed = dynamodb.list_contributor_insights(TableName=table)["ContributorInsightsSummaries"]
    assert [one["ContributorInsightsStatus"] for one in listed] == ["ENABLED"]
    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")


def test_no_kinesis_no_destination(dynamodb):
    table = tables.create(dynamodb)
    found = dynamodb.describe_kinesis_streaming_destination(TableName=table)
    assert found["KinesisDataStreamDestinations"] == []
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/none"
    for call, more in (
        (dynamodb.enable_kinesis_streaming_destination, {}),
        (dynamodb.disable_kinesis_streaming_destination, {}),
        (
            dynamodb.update_kinesis_streaming_destination,
            {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MILLISECOND"}},
        ),
    ):
        with fails(("NotImplemented", "ResourceNotFoundException", "ValidationException"), status=None):
            call(TableName=table, StreamArn=stream, **more)
        with fails("ResourceNotFoundException"):
            call(TableName="never-made", StreamArn=stream, **more)
