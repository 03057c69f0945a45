"""AWS Backup: vaults, jobs, recovery points, copies, restores, plans by the clock."""

import json
import uuid

import botocore.exceptions
import pytest

import server as servers
from conftest import make_client
from ec2_lab import waited

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
VAULT = "vault"
NONE = "00000000-0000-0000-0000-000000000000"
SNAPSHOT = "arn:aws:ec2:us-east-1::snapshot/snap-00000000000000000"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/Music"
DENIED = json.dumps({
    "Version": "2012-10-17",
    "Statement": {"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteBackupVault", "Resource": "*"},
})
DAILY = {
    "BackupPlanName": "daily",
    "Rules": [{
        "RuleName": "every-day",
        "TargetBackupVaultName": VAULT,
        "ScheduleExpression": "cron(0 5 ? * * *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "Lifecycle": {"DeleteAfterDays": 2},
    }],
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    running = servers.Server("--dev", "--data", str(tmp_path_factory.mktemp("backup") / "data")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def role(cloud):
    iam = make_client(cloud.endpoint, "iam")
    made = iam.create_role(RoleName="backups", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    for name in ("Backup", "Restores"):
        policy = f"arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor{name}"
        iam.attach_role_policy(RoleName="backups", PolicyArn=policy)
    return made


@pytest.fixture(scope="module")
def backup(cloud):
    client = make_client(cloud.endpoint, "backup")
    client.create_backup_vault(BackupVaultName=VAULT, BackupVaultTags={"team": "ops"})
    return client


@pytest.fixture(scope="module")
def music(cloud, backup):
    tables = make_client(cloud.endpoint, "dynamodb")
    tables.create_table(
        TableName="Music", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        Tags=[{"Key": "backup", "Value": "yes"}],
    )
    tables.get_waiter("table_exists").wait(TableName="Music")
    tables.put_item(TableName="Music", Item={"id": {"S": "a"}})
    return tables


def code(refused):
    return refused.value.response["Error"]["Code"]


def completed(backup, role, resource, **more):
    job = backup.start_backup_job(BackupVaultName=VAULT, ResourceArn=resource, IamRoleArn=role, **more)["BackupJobId"]
    look = lambda: backup.describe_backup_job(BackupJobId=job)
    waited(lambda: look()["State"] not in ("CREATED", "RUNNING"), 60, "the backup")
    done = look()
    assert done["State"] == "COMPLETED", done["StatusMessage"]
    return done


def test_a_vault_reads_back(backup):
    arn = backup.describe_backup_vault(BackupVaultName=VAULT)["BackupVaultArn"]
    assert VAULT in [one["BackupVaultName"] for one in backup.list_backup_vaults()["BackupVaultList"]]
    backup.tag_resource(ResourceArn=arn, Tags={"stage": "prod"})
    backup.untag_resource(ResourceArn=arn, TagKeyList=["team"])
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"stage": "prod"}
    backup.put_backup_vault_access_policy(BackupVaultName=VAULT, Policy=DENIED)
    assert backup.get_backup_vault_access_policy(BackupVaultName=VAULT)["Policy"] == DENIED
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.delete_backup_vault(BackupVaultName=VAULT)
    assert code(refused) == "AccessDeniedException"
    backup.delete_backup_vault_access_policy(BackupVaultName=VAULT)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.create_backup_vault(BackupVaultName=VAULT)
    assert code(refused) == "AlreadyExistsException"


def test_a_lock_in_compliance_mode_is_fixed_after_its_days(cloud):
    backup = make_client(cloud.endpoint, "backup", region="eu-central-1")
    backup.create_backup_vault(BackupVaultName="locked")
    put = lambda **more: backup.put_backup_vault_lock_configuration(BackupVaultName="locked", **more)
    put(MinRetentionDays=7)
    backup.delete_backup_vault_lock_configuration(BackupVaultName="locked")
    put(MinRetentionDays=7, ChangeableForDays=3)
    cloud.advance("3d")
    for change in (put, lambda: backup.delete_backup_vault_lock_configuration(BackupVaultName="locked")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            change()
        assert code(refused) == "InvalidRequestException"
    backup.delete_backup_vault(BackupVaultName="locked")


def test_a_table_is_backed_up_and_restored(backup, role, music):
    done = completed(backup, role, TABLE, Lifecycle={"DeleteAfterDays": 30})
    point = done["RecoveryPointArn"]
    assert done["BackupJobId"] in [one["BackupJobId"] for one in backup.list_backup_jobs(ByState="COMPLETED")["BackupJobs"]]
    named = {"BackupVaultName": VAULT, "RecoveryPointArn": point}
    assert backup.describe_recovery_point(**named)["Status"] == "COMPLETED"
    assert point in [one["RecoveryPointArn"] for one in backup.list_recovery_points_by_backup_vault(BackupVaultName=VAULT)["RecoveryPoints"]]
    assert backup.list_recovery_points_by_resource(ResourceArn=TABLE)["RecoveryPoints"][0]["RecoveryPointArn"] == point
    assert backup.list_protected_resources()["Results"][0]["ResourceArn"] == TABLE
    assert backup.list_protected_resources_by_backup_vault(BackupVaultName=VAULT)["Results"][0]["ResourceArn"] == TABLE
    assert backup.describe_protected_resource(ResourceArn=TABLE)["LastRecoveryPointArn"] == point
    changed = backup.update_recovery_point_lifecycle(**named, Lifecycle={"DeleteAfterDays": 60})
    assert changed["Lifecycle"]["DeleteAfterDays"] == 60
    metadata = backup.get_recovery_point_restore_metadata(**named)["RestoreMetadata"]
    assert metadata["originalTableName"] == "Music"
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        music.delete_backup(BackupArn=point)
    assert "AWS Backup" in str(refused.value)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.disassociate_recovery_point(**named)
    assert code(refused) == "InvalidRequestException"
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.delete_backup_vault(BackupVaultName=VAULT)
    assert code(refused) == "InvalidRequestException"
    job = backup.start_restore_job(
        RecoveryPointArn=point, IamRoleArn=role, Metadata={"targetTableName": "Copy"})["RestoreJobId"]
    look = lambda: backup.describe_restore_job(RestoreJobId=job)
    waited(lambda: look()["Status"] not in ("PENDING", "RUNNING"), 60, "the restore")
    assert look()["Status"] == "COMPLETED", look()["StatusMessage"]
    assert "Item" in music.get_item(TableName="Copy", Key={"id": {"S": "a"}})
    assert backup.get_restore_job_metadata(RestoreJobId=job)["Metadata"] == {"targetTableName": "Copy"}
    assert job in [one["RestoreJobId"] for one in backup.list_restore_jobs()["RestoreJobs"]]
    assert backup.list_restore_jobs_by_protected_resource(ResourceArn=TABLE)["RestoreJobs"][0]["RestoreJobId"] == job
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.start_copy_job(
            RecoveryPointArn=point, SourceBackupVaultName=VAULT, IamRoleArn=role,
            DestinationBackupVaultArn=backup.describe_backup_vault(BackupVaultName=VAULT)["BackupVaultArn"])
    assert code(refused) == "InvalidRequestException"
    backup.delete_recovery_point(**named)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.describe_recovery_point(**named)
    assert code(refused) == "ResourceNotFoundException"


def test_a_volume_is_backed_up_copied_and_restored(cloud, backup, role):
    ec2 = make_client(cloud.endpoint, "ec2")
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    try:
        volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    except botocore.exceptions.ClientError as error:
        pytest.skip(f"this host keeps no volumes: {error}")
    state = lambda one: ec2.describe_volumes(VolumeIds=[one])["Volumes"][0]["State"]
    waited(lambda: state(volume) == "available", 60, "the volume")
    arn = f"arn:aws:ec2:us-east-1:000000000000:volume/{volume}"
    point = completed(backup, role, arn)["RecoveryPointArn"]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        ec2.delete_snapshot(SnapshotId=point.split("/")[1])
    assert code(refused) == "InvalidParameterValue"
    there = make_client(cloud.endpoint, "backup", region="eu-west-1")
    far = there.create_backup_vault(BackupVaultName="far")["BackupVaultArn"]
    copy = backup.start_copy_job(
        RecoveryPointArn=point, SourceBackupVaultName=VAULT, IamRoleArn=role, DestinationBackupVaultArn=far)["CopyJobId"]
    look = lambda: backup.describe_copy_job(CopyJobId=copy)["CopyJob"]
    waited(lambda: look()["State"] not in ("CREATED", "RUNNING"), 60, "the copy")
    assert look()["State"] == "COMPLETED", look()
    assert backup.list_copy_jobs(ByState="COMPLETED")["CopyJobs"][0]["CopyJobId"] == copy
    copied = there.list_recovery_points_by_backup_vault(BackupVaultName="far")["RecoveryPoints"][0]["RecoveryPointArn"]
    job = backup.start_restore_job(
        RecoveryPointArn=point, IamRoleArn=role, Metadata={"availabilityZone": zone})["RestoreJobId"]
    restored = lambda: backup.describe_restore_job(RestoreJobId=job)
    waited(lambda: restored()["Status"] not in ("PENDING", "RUNNING"), 60, "the restore")
    assert restored()["Status"] == "COMPLETED", restored()
    made = restored()["CreatedResourceArn"].split("/")[1]
    there.delete_recovery_point(BackupVaultName="far", RecoveryPointArn=copied)
    backup.delete_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=point)
    waited(lambda: not ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"], 20, "the deletion")
    for one in (volume, made):
        ec2.delete_volume(VolumeId=one)


def test_a_plan_reads_back_and_runs_by_the_clock(cloud, backup, role, music):
    made = backup.create_backup_plan(BackupPlan=DAILY, BackupPlanTags={"team": "ops"})
    plan = made["BackupPlanId"]
    shown = backup.get_backup_plan(BackupPlanId=plan, MaxScheduledRunsPreview=2)
    assert shown["BackupPlan"]["Rules"][0]["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert len(shown["ScheduledRunsPreview"]) == 2
    assert backup.list_tags(ResourceArn=made["BackupPlanArn"])["Tags"] == {"team": "ops"}
    backup.update_backup_plan(BackupPlanId=plan, BackupPlan=DAILY)
    assert len(backup.list_backup_plan_versions(BackupPlanId=plan)["BackupPlanVersionsList"]) == 2
    assert plan in [one["BackupPlanId"] for one in backup.list_backup_plans()["BackupPlansList"]]
    exported = backup.export_backup_plan_template(BackupPlanId=plan)["BackupPlanTemplateJson"]
    read = backup.get_backup_plan_from_json(BackupPlanTemplateJson=exported)["BackupPlan"]
    assert read["Rules"][0]["Lifecycle"] == {"DeleteAfterDays": 2}
    template = backup.list_backup_plan_templates()["BackupPlanTemplatesList"][0]
    found = backup.get_backup_plan_from_template(BackupPlanTemplateId=template["BackupPlanTemplateId"])
    assert found["BackupPlanDocument"]["BackupPlanName"] == template["BackupPlanTemplateName"]
    selection = {
        "SelectionName": "tagged", "IamRoleArn": role,
        "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "yes"}],
    }
    chosen = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)
    assert code(refused) == "AlreadyExistsException"
    assert backup.get_backup_selection(BackupPlanId=plan, SelectionId=chosen)["BackupSelection"] == selection
    assert backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"][0]["SelectionId"] == chosen
    kept = lambda: backup.list_recovery_points_by_backup_vault(BackupVaultName=VAULT, ByBackupPlanId=plan)["RecoveryPoints"]
    for day in range(4):
        before = {one["RecoveryPointArn"] for one in kept()}
        cloud.advance("1d")
        waited(lambda: {one["RecoveryPointArn"] for one in kept()} - before, 30, f"the backup of day {day}")
        waited(lambda: len(kept()) <= 2, 30, f"the deletion of day {day}")
    assert len(kept()) == 2 and kept()[0]["ResourceArn"] == TABLE
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.delete_backup_plan(BackupPlanId=plan)
    assert code(refused) == "InvalidRequestException"
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=chosen)
    backup.delete_backup_plan(BackupPlanId=plan)
    for one in kept():
        backup.delete_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=one["RecoveryPointArn"])


def test_the_same_request_makes_one_plan_and_another_none(backup):
    token = str(uuid.uuid4())
    first = backup.create_backup_plan(BackupPlan=DAILY, CreatorRequestId=token)["BackupPlanId"]
    assert backup.create_backup_plan(BackupPlan=DAILY, CreatorRequestId=token)["BackupPlanId"] == first
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.create_backup_plan(BackupPlan={**DAILY, "BackupPlanName": "other"}, CreatorRequestId=token)
    assert code(refused) == "AlreadyExistsException"
    backup.delete_backup_plan(BackupPlanId=first)


def test_settings_read_back(backup):
    backup.update_region_settings(ResourceTypeOptInPreference={"EBS": False})
    assert backup.describe_region_settings()["ResourceTypeOptInPreference"] == {"EBS": False, "DynamoDB": True}
    backup.update_region_settings(ResourceTypeOptInPreference={"EBS": True})
    backup.update_global_settings(GlobalSettings={"isCrossAccountBackupEnabled": "false"})
    assert backup.describe_global_settings()["GlobalSettings"] == {"isCrossAccountBackupEnabled": "false"}
    assert backup.get_supported_resource_types()["ResourceTypes"] == ["DynamoDB", "EBS"]
    for change in (
        lambda: backup.update_region_settings(ResourceTypeOptInPreference={"Toaster": True}),
        lambda: backup.update_global_settings(GlobalSettings={"isToasterEnabled": "true"}),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            change()
        assert code(refused) == "InvalidParameterValueException"
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.update_global_settings()
    assert code(refused) == "MissingParameterValueException"


def test_a_job_can_be_stopped_until_it_is_done(backup, role, music):
    job = backup.start_backup_job(BackupVaultName=VAULT, ResourceArn=TABLE, IamRoleArn=role)["BackupJobId"]
    backup.stop_backup_job(BackupJobId=job)
    look = lambda: backup.describe_backup_job(BackupJobId=job)["State"]
    waited(lambda: look() == "ABORTED", 90, "the end of the job")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.stop_backup_job(BackupJobId=job)
    assert code(refused) == "InvalidRequestException"


@pytest.mark.parametrize("call, parameters", [
    *[(call, {"BackupVaultName": "nowhere"}) for call in (
        "describe_backup_vault", "delete_backup_vault", "get_backup_vault_access_policy",
        "delete_backup_vault_access_policy", "delete_backup_vault_lock_configuration",
        "put_backup_vault_lock_configuration", "list_recovery_points_by_backup_vault",
        "list_protected_resources_by_backup_vault")],
    ("put_backup_vault_access_policy", {"BackupVaultName": "nowhere", "Policy": DENIED}),
    *[(call, {"BackupVaultName": VAULT, "RecoveryPointArn": SNAPSHOT}) for call in (
        "describe_recovery_point", "delete_recovery_point", "disassociate_recovery_point",
        "get_recovery_point_restore_metadata", "update_recovery_point_lifecycle")],
    *[(call, {"BackupPlanId": NONE}) for call in (
        "get_backup_plan", "delete_backup_plan", "list_backup_plan_versions", "export_backup_plan_template",
        "list_backup_selections")],
    ("update_backup_plan", {"BackupPlanId": NONE, "BackupPlan": DAILY}),
    ("get_backup_selection", {"BackupPlanId": NONE, "SelectionId": NONE}),
    ("delete_backup_selection", {"BackupPlanId": NONE, "SelectionId": NONE}),
    ("get_backup_plan_from_template", {"BackupPlanTemplateId": NONE}),
    ("describe_backup_job", {"BackupJobId": NONE}),
    ("stop_backup_job", {"BackupJobId": NONE}),
    ("describe_copy_job", {"CopyJobId": NONE}),
    ("describe_restore_job", {"RestoreJobId": NONE}),
    ("get_restore_job_metadata", {"RestoreJobId": NONE}),
    ("describe_protected_resource", {"ResourceArn": TABLE + "2"}),
    ("list_recovery_points_by_resource", {"ResourceArn": TABLE + "2"}),
    ("list_tags", {"ResourceArn": SNAPSHOT}),
    ("tag_resource", {"ResourceArn": SNAPSHOT, "Tags": {"a": "b"}}),
    ("untag_resource", {"ResourceArn": SNAPSHOT, "TagKeyList": ["a"]}),
    ("start_restore_job", {"RecoveryPointArn": SNAPSHOT, "Metadata": {}}),
])
def test_what_is_not_there_is_not_found(backup, call, parameters):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(backup, call)(**parameters)
    assert code(refused) == "ResourceNotFoundException"


def test_jobs_need_their_vaults(backup, role):
    for call in (
        lambda: backup.start_backup_job(BackupVaultName="nowhere", ResourceArn=TABLE, IamRoleArn=role),
        lambda: backup.start_copy_job(
            RecoveryPointArn=SNAPSHOT, SourceBackupVaultName=VAULT, IamRoleArn=role,
            DestinationBackupVaultArn="arn:aws:backup:us-east-1:000000000000:backup-vault:nowhere"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call()
        assert code(refused) == "ResourceNotFoundException"


@pytest.mark.parametrize("call, parameters", [
    *[(call, {"BackupVaultName": "x"}) for call in (
        "create_backup_vault", "get_backup_vault_access_policy", "delete_backup_vault_access_policy",
        "delete_backup_vault_lock_configuration", "put_backup_vault_lock_configuration",
        "list_recovery_points_by_backup_vault", "list_protected_resources_by_backup_vault")],
    ("put_backup_vault_access_policy", {"BackupVaultName": VAULT, "Policy": "nonsense"}),
    *[(call, {"BackupVaultName": "x", "RecoveryPointArn": SNAPSHOT}) for call in (
        "describe_recovery_point", "delete_recovery_point", "disassociate_recovery_point",
        "get_recovery_point_restore_metadata", "update_recovery_point_lifecycle")],
    *[(call, {"NextToken": "nonsense"}) for call in (
        "list_backup_vaults", "list_backup_jobs", "list_copy_jobs", "list_restore_jobs", "list_protected_resources",
        "list_backup_plans", "list_backup_plan_templates")],
    ("list_restore_jobs_by_protected_resource", {"ResourceArn": TABLE, "NextToken": "nonsense"}),
    ("create_backup_plan", {"BackupPlan": {**DAILY, "Rules": []}}),
    ("update_backup_plan", {"BackupPlanId": NONE, "BackupPlan": {**DAILY, "Rules": []}}),
    ("create_backup_selection", {"BackupPlanId": NONE, "BackupSelection": {"SelectionName": "a", "IamRoleArn": "b"}}),
    ("get_backup_plan_from_json", {"BackupPlanTemplateJson": "{"}),
    ("list_tags", {"ResourceArn": "nonsense"}),
    ("tag_resource", {"ResourceArn": "nonsense", "Tags": {"a": "b"}}),
    ("untag_resource", {"ResourceArn": "nonsense", "TagKeyList": ["a"]}),
    ("start_backup_job", {"BackupVaultName": VAULT, "ResourceArn": "nonsense", "IamRoleArn": "a"}),
    ("start_restore_job", {"RecoveryPointArn": "nonsense", "Metadata": {}}),
    ("start_copy_job", {
        "RecoveryPointArn": SNAPSHOT, "SourceBackupVaultName": VAULT, "IamRoleArn": "a",
        "DestinationBackupVaultArn": "nonsense"}),
])
def test_what_cannot_be_is_an_invalid_parameter(backup, call, parameters):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(backup, call)(**parameters)
    assert code(refused) == "InvalidParameterValueException"


def test_what_is_left_out_is_missing(backup, role, music):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.put_backup_vault_access_policy(BackupVaultName=VAULT)
    assert code(refused) == "MissingParameterValueException"
    point = completed(backup, role, TABLE)["RecoveryPointArn"]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        backup.start_restore_job(RecoveryPointArn=point, Metadata={"targetTableName": "Copy2"})
    assert code(refused) == "MissingParameterValueException"
    backup.delete_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=point)


@pytest.mark.parametrize("call, parameters, words", [
    ("list_frameworks", {}, "ListFrameworks"),
    ("list_legal_holds", {}, "ListLegalHolds"),
    ("list_report_plans", {}, "ListReportPlans"),
    ("list_restore_testing_plans", {}, "ListRestoreTestingPlans"),
    ("get_backup_vault_notifications", {"BackupVaultName": VAULT}, "GetBackupVaultNotifications"),
])
def test_what_is_not_here_says_so(backup, call, parameters, words):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(backup, call)(**parameters)
    assert words in str(refused.value)
