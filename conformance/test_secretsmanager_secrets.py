"""Listing, tagging, deleting, keys, policies, replicas and rotation of secrets."""

import json

import pytest

import expect
import keys
from conftest import make_client
from expect import fails
from test_secretsmanager_values import secret, secrets  # noqa: F401

MARKED = "You can't perform this operation on the secret because it was marked for deletion."
REPLICA = "Operation not permitted on a replica secret. Call must be made in primary secret's region."
AWAY = "eu-west-1"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:rotate"


def names(client, **given):
    pages = client.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}, **given)
    return [s["Name"] for page in pages for s in page["SecretList"]]


def test_lists_are_sorted_filtered_and_paged(client, account):
    own = client("secretsmanager", account=account)
    for name in ("c/Prod", "a/Prod", "b/Test"):
        stage = [{"Key": "stage", "Value": name[2:]}]
        own.create_secret(Name=name, SecretString="x", Description=f"About {name}", Tags=stage)
    assert names(own) == ["c/Prod", "a/Prod", "b/Test"]
    assert names(own, SortBy="name", SortOrder="desc") == ["c/Prod", "b/Test", "a/Prod"]
    for key, value, found in [
        ("name", "a/", ["a/Prod"]),
        ("name", "!a/", ["c/Prod", "b/Test"]),
        ("tag-value", "Prod", ["c/Prod", "a/Prod"]),
        ("tag-value", "prod", []),
        ("tag-key", "st", ["c/Prod", "a/Prod", "b/Test"]),
        ("description", "about b", ["b/Test"]),
        ("all", "TEST", ["b/Test"]),
        ("owning-service", "rds", []),
        ("primary-region", "us", []),
    ]:
        assert names(own, Filters=[{"Key": key, "Values": [value]}]) == found, (key, value)
    own.delete_secret(SecretId="b/Test")
    assert names(own) == ["c/Prod", "a/Prod"]
    assert len(names(own, IncludePlannedDeletion=True)) == 3
    with fails("InvalidNextTokenException"):
        own.list_secrets(NextToken="rubbish")
    with fails("InvalidParameterException"):
        own.list_secrets(Filters=[{"Key": "name"}])


def test_tags_come_and_go(secrets, secret):  # noqa: F811
    name = secret()
    secrets.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    secrets.untag_resource(SecretId=name, TagKeys=["a", "absent"])
    assert secrets.describe_secret(SecretId=name)["Tags"] == [{"Key": "b", "Value": ""}]


def test_a_secret_can_be_restored_until_its_window_is_over(client, account, clock_advance):
    own = client("secretsmanager", account=account)
    arn = own.create_secret(Name="s", SecretString="x")["ARN"]
    own.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    with fails("InvalidRequestException", MARKED):
        own.get_secret_value(SecretId="s")
    with fails(
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    ):
        own.create_secret(Name="s", SecretString="x")
    assert own.restore_secret(SecretId="s")["ARN"] == arn
    assert own.get_secret_value(SecretId="s")["SecretString"] == "x"
    own.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    clock_advance("8d")
    with fails("ResourceNotFoundException"):
        own.restore_secret(SecretId="s")
    assert own.create_secret(Name="s", SecretString="y")["ARN"] != arn
    own.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    own.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    with fails("ResourceNotFoundException"):
        own.describe_secret(SecretId="s")


def test_without_the_key_nobody_reads(server, kms, secrets, secret):  # noqa: F811
    key = keys.make(kms)
    name = secret("plain", KmsKeyId=key)
    iam = make_client(server.endpoint, "iam")
    user = expect.name("reader")
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    reader = make_client(server.endpoint, "secretsmanager", made["AccessKeyId"], made["SecretAccessKey"])
    allow = lambda *actions: iam.put_user_policy(
        UserName=user, PolicyName="p", PolicyDocument=expect.policy(list(actions))
    )
    allow("secretsmanager:*")
    with fails("AccessDeniedException", "Access to KMS is not allowed"):
        reader.get_secret_value(SecretId=name)
    allow("secretsmanager:GetSecretValue", "kms:Decrypt")
    assert reader.get_secret_value(SecretId=name)["SecretString"] == "plain"
    assert secrets.describe_secret(SecretId=name)["KmsKeyId"] == key


def test_policies_are_attached_validated_and_refused(secrets, secret):  # noqa: F811
    name = secret()
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    document = lambda **more: json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})
    good, public = document(Principal={"AWS": "arn:aws:iam::111122223333:root"}), document(Principal="*")
    assert secrets.put_resource_policy(SecretId=name, ResourcePolicy=good, BlockPublicPolicy=True)["Name"] == name
    assert secrets.get_resource_policy(SecretId=name)["ResourcePolicy"] == good
    assert secrets.list_resource_policies(SecretId=name)["ResourcePolicies"] == [{"PolicyName": "default"}]
    with fails("PublicPolicyException"):
        secrets.put_resource_policy(SecretId=name, ResourcePolicy=public, BlockPublicPolicy=True)
    with fails("MalformedPolicyDocumentException", "This resource policy contains a syntax error."):
        secrets.put_resource_policy(SecretId=name, ResourcePolicy=document(Effect="AllowSomething", Principal="*"))
    assert secrets.validate_resource_policy(SecretId=name, ResourcePolicy=good)["PolicyValidationPassed"]
    verdict = secrets.validate_resource_policy(ResourcePolicy=public)
    assert not verdict["PolicyValidationPassed"] and verdict["ValidationErrors"]
    secrets.delete_resource_policy(SecretId=name)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=name)
    with fails("ResourceNotFoundException"):
        secrets.get_resource_policy(SecretId=name, PolicyName="other")


def test_replicas_follow_and_can_be_promoted(client, secrets):  # noqa: F811
    away, name = client("secretsmanager", region=AWAY), expect.name("secret")
    made = secrets.create_secret(Name=name, SecretString="one", AddReplicaRegions=[{"Region": AWAY}])
    assert made["ReplicationStatus"][0]["Region"] == AWAY
    expect.eventually(
        lambda: secrets.describe_secret(SecretId=name)["ReplicationStatus"][0]["Status"], lambda s: s == "InSync"
    )
    assert away.get_secret_value(SecretId=made["ARN"].replace("us-east-1", AWAY))["SecretString"] == "one"
    secrets.put_secret_value(SecretId=name, SecretString="two")
    assert away.get_secret_value(SecretId=name)["SecretString"] == "two"
    assert away.describe_secret(SecretId=name)["PrimaryRegion"] == "us-east-1"
    with fails("InvalidParameterException", REPLICA):
        away.put_secret_value(SecretId=name, SecretString="x")
    with fails("InvalidParameterException"):
        secrets.delete_secret(SecretId=name)
    away.stop_replication_to_replica(SecretId=name)
    assert "ReplicationStatus" not in secrets.describe_secret(SecretId=name)
    away.put_secret_value(SecretId=name, SecretString="own")
    failed = secrets.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": AWAY}])
    assert failed["ReplicationStatus"][0]["Status"] == "Failed"
    secrets.replicate_secret_to_regions(
        SecretId=name, AddReplicaRegions=[{"Region": AWAY}], ForceOverwriteReplicaSecret=True
    )
    assert away.get_secret_value(SecretId=name)["SecretString"] == "two"
    secrets.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=[AWAY])
    with fails("ResourceNotFoundException"):
        away.describe_secret(SecretId=name)
    secrets.delete_secret(SecretId=name)


def test_a_replica_in_another_account(client, secrets, account):  # noqa: F811
    there = client("secretsmanager", account=account)
    name = expect.name("secret")
    primary = secrets.create_secret(Name=name, SecretString="one")["ARN"]
    everyone = [f"arn:aws:iam::{a}:root" for a in ("000000000000", account)]
    statement = {"Effect": "Allow", "Principal": {"AWS": everyone}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = client("kms", account=account).create_key(Policy=policy)["KeyMetadata"]["Arn"]
    replica = there.create_secret(Name=name, KmsKeyId=key, CrossAccountPrimaryARN=primary)["ARN"]
    pair = {"SecretId": name, "CrossAccountReplicaARN": replica}
    linked = secrets.associate_cross_account_replica(**pair, ReplicaRestriction="NoRestriction")
    assert linked["ReplicationStatus"] == "InSync"
    assert there.get_secret_value(SecretId=name)["SecretString"] == "one"
    second = there.create_secret(Name=name + "2", KmsKeyId=key, CrossAccountPrimaryARN=primary)["ARN"]
    with fails("LimitExceededException"):
        secrets.associate_cross_account_replica(
            SecretId=name, CrossAccountReplicaARN=second, ReplicaRestriction="NoRestriction"
        )
    secrets.disassociate_cross_account_replica(**pair)
    state = there.describe_secret(SecretId=name)["CrossAccountPrimary"]
    assert (state["PrimarySecretARN"], state["ReplicationStatus"]) == (primary, "Detached")
    with fails("InvalidRequestException"):
        secrets.disassociate_cross_account_replica(**pair)
    with fails("InvalidRequestException"):
        other = secrets.create_secret(Name=name + "3", SecretString="x")["Name"]
        secrets.associate_cross_account_replica(
            SecretId=other, CrossAccountReplicaARN=replica, ReplicaRestriction="NoRestriction"
        )


def test_schedules_are_kept_and_rotations_refused(secrets, secret):  # noqa: F811
    name = secret()
    with fails("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."):
        secrets.rotate_secret(SecretId=name)
    with fails("InvalidRequestException") as seen:
        secrets.rotate_secret(SecretId=name, RotationLambdaARN=FUNCTION)
    assert "no Lambda service" in seen[0].response["Error"]["Message"]
    rules = {"ScheduleExpression": "cron(0 8/8 * * ? *)", "Duration": "2h"}
    given = {"SecretId": name, "RotationLambdaARN": FUNCTION, "RotateImmediately": False}
    secrets.rotate_secret(**given, RotationRules=rules)
    shown = secrets.describe_secret(SecretId=name)
    assert shown["RotationEnabled"] and shown["RotationRules"] == rules and "NextRotationDate" in shown
    with fails(
        "InvalidParameterException",
        "You cannot specify both rotation frequency and schedule expression together.",
    ):
        secrets.rotate_secret(**given, RotationRules={**rules, "AutomaticallyAfterDays": 3})
    secrets.cancel_rotate_secret(SecretId=name)
    shown = secrets.describe_secret(SecretId=name)
    assert not shown["RotationEnabled"] and shown["RotationRules"] == rules and "NextRotationDate" not in shown
