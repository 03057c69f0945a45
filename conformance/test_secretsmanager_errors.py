"""Each operation's errors: what is not there, what waits for its deletion, what cannot be."""

import uuid

import botocore
import pytest

import expect
import keys
from expect import fails
from test_secretsmanager_values import NOT_FOUND, secret, secrets  # noqa: F401
from test_secretsmanager_secrets import AWAY, MARKED

FOREIGN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:copy-AbCdEf"
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},'
    ' "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}'
)

# What each operation needs besides the secret.
ON_A_SECRET = {
    "AssociateCrossAccountReplica": {"CrossAccountReplicaARN": FOREIGN},
    "CancelRotateSecret": {},
    "DeleteResourcePolicy": {},
    "DeleteSecret": {},
    "DescribeSecret": {},
    "DisassociateCrossAccountReplica": {"CrossAccountReplicaARN": FOREIGN},
    "GetResourcePolicy": {},
    "GetSecretValue": {},
    "ListResourcePolicies": {},
    "ListSecretVersionIds": {},
    "PutResourcePolicy": {"ResourcePolicy": POLICY},
    "PutSecretValue": {"SecretString": "x"},
    "RemoveRegionsFromReplication": {"RemoveReplicaRegions": [AWAY]},
    "ReplicateSecretToRegions": {"AddReplicaRegions": [{"Region": AWAY}]},
    "RestoreSecret": {},
    "RotateSecret": {},
    "StopReplicationToReplica": {},
    "TagResource": {"Tags": [{"Key": "a", "Value": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateSecret": {"Description": "d"},
    "UpdateSecretVersionStage": {"VersionStage": "x", "MoveToVersionId": str(uuid.uuid4())},
    "ValidateResourcePolicy": {"ResourcePolicy": POLICY},
}
FINE_WHILE_DELETED = {"DescribeSecret", "ListSecretVersionIds", "RestoreSecret", "DeleteSecret"}


def call(client, operation, **given):
    return getattr(client, botocore.xform_name(operation))(**given)


@pytest.mark.parametrize("operation", ON_A_SECRET)
def test_a_secret_that_is_not_there_is_not_found(secrets, operation):  # noqa: F811
    with fails("ResourceNotFoundException", NOT_FOUND):
        call(secrets, operation, SecretId=expect.name("absent"), **ON_A_SECRET[operation])


@pytest.mark.parametrize("operation", sorted(set(ON_A_SECRET) - FINE_WHILE_DELETED))
def test_a_secret_that_is_marked_for_deletion_is_left_alone(secrets, secret, operation):  # noqa: F811
    name = secret()
    secrets.delete_secret(SecretId=name)
    with fails("InvalidRequestException", MARKED):
        call(secrets, operation, SecretId=name, **ON_A_SECRET[operation])


def test_deleting_twice_is_refused(secrets, secret):  # noqa: F811
    name = secret()
    secrets.delete_secret(SecretId=name)
    with fails("InvalidRequestException"):
        secrets.delete_secret(SecretId=name)


@pytest.mark.parametrize(
    "operation, given",
    [
        ("AssociateCrossAccountReplica", {"CrossAccountReplicaARN": FOREIGN.replace("us-east-1", AWAY)}),
        ("DeleteResourcePolicy", {"PolicyName": "other"}),
        ("DeleteSecret", {"RecoveryWindowInDays": 6}),
        ("DeleteSecret", {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}),
        ("DisassociateCrossAccountReplica", {"CrossAccountReplicaARN": FOREIGN.replace("us-east-1", AWAY)}),
        ("PutResourcePolicy", {"ResourcePolicy": POLICY, "PolicyName": "other"}),
        ("PutSecretValue", {"SecretString": "x", "SecretBinary": b"x"}),
        ("RemoveRegionsFromReplication", {"RemoveReplicaRegions": [AWAY]}),
        ("ReplicateSecretToRegions", {"AddReplicaRegions": [{"Region": "us-east-1"}]}),
        ("RotateSecret", {"RotationRules": {"ScheduleExpression": "rate(1 hour)"}}),
        ("TagResource", {"Tags": [{"Key": "aws:a", "Value": "b"}]}),
        ("UpdateSecret", {"SecretString": "x", "SecretBinary": b"x"}),
        ("UpdateSecretVersionStage", {"VersionStage": "AWSCURRENT", "MoveToVersionId": str(uuid.uuid4())}),
    ],
)
def test_parameters_that_cannot_be_are_refused(secrets, secret, operation, given):  # noqa: F811
    with fails("InvalidParameterException"):
        call(secrets, operation, SecretId=secret(), **given)


@pytest.mark.parametrize("operation", ["CancelRotateSecret", "RestoreSecret", "UntagResource"])
def test_a_replica_is_changed_by_its_primary_only(client, secret, operation):  # noqa: F811
    name = secret(AddReplicaRegions=[{"Region": AWAY}])
    with fails("InvalidParameterException"):
        call(client("secretsmanager", region=AWAY), operation, SecretId=name, **ON_A_SECRET[operation])


def test_requests_that_cannot_be_are_refused(secrets, secret):  # noqa: F811
    with fails("InvalidParameterException"):
        secrets.create_secret(Name=expect.name("secret"), SecretString="x", SecretBinary=b"x")
    name = secret()
    with fails("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        secrets.put_secret_value(SecretId=name)
    with fails("InvalidRequestException"):
        secrets.stop_replication_to_replica(SecretId=name)
    for operation in ("list_secret_version_ids", "list_resource_policies"):
        with fails("InvalidNextTokenException"):
            getattr(secrets, operation)(SecretId=name, NextToken="rubbish")


def test_a_secret_has_at_most_twenty_labels(secrets, secret):  # noqa: F811
    name = secret()
    version = secrets.get_secret_value(SecretId=name)["VersionId"]
    for n in range(19):
        secrets.update_secret_version_stage(SecretId=name, VersionStage=f"l{n}", MoveToVersionId=version)
    with fails("LimitExceededException"):
        secrets.update_secret_version_stage(SecretId=name, VersionStage="more", MoveToVersionId=version)
    with fails("LimitExceededException"):
        secrets.put_secret_value(SecretId=name, SecretString="x")
    with fails("LimitExceededException"):
        secrets.update_secret(SecretId=name, SecretString="x")


def test_a_disabled_key_neither_opens_nor_seals(kms, secrets):  # noqa: F811
    key, name, token = keys.make(kms), expect.name("secret"), str(uuid.uuid4())
    given = {"Name": name, "SecretString": "x", "KmsKeyId": key, "ClientRequestToken": token}
    secrets.create_secret(**given)
    kms.disable_key(KeyId=key)
    with fails("DecryptionFailure"):
        secrets.get_secret_value(SecretId=name)
    again = {"SecretId": name, "SecretString": "x", "ClientRequestToken": token}
    for repeated in (lambda: secrets.create_secret(**given), lambda: secrets.put_secret_value(**again)):
        with fails("DecryptionFailure"):
            repeated()
    with fails("DecryptionFailure"):
        secrets.update_secret(**again)
    for sealing in (
        lambda: secrets.create_secret(Name=expect.name("secret"), SecretString="x", KmsKeyId=key),
        lambda: secrets.put_secret_value(SecretId=name, SecretString="y"),
        lambda: secrets.update_secret(SecretId=name, SecretString="y"),
    ):
        with fails("EncryptionFailure"):
            sealing()
