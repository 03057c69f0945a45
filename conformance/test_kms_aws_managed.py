"""AWS-managed keys: they come into being when a service, or DescribeKey, first names them."""

import json
import re

import pytest

import keys
from expect import eventually, fails
from keys import denied

AWS_ALIAS = re.compile("alias/aws/[a-z0-9]+")


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def kms(people, account):
    return people.root(account)


def aws_aliases(kms):
    found = []
    for page in kms.get_paginator("list_aliases").paginate():
        found += page["Aliases"]
    return {a["AliasName"]: a for a in found if a["AliasName"].startswith("alias/aws/")}


def test_the_predefined_aliases_have_no_key_at_first(kms, account):
    found = aws_aliases(kms)
    assert {"alias/aws/s3", "alias/aws/ebs", "alias/aws/ssm", "alias/aws/secretsmanager"} <= set(found)
    assert all(AWS_ALIAS.fullmatch(name) for name in found)
    assert not any("TargetKeyId" in a for a in found.values())
    assert found["alias/aws/s3"]["AliasArn"] == f"arn:aws:kms:us-east-1:{account}:alias/aws/s3"
    assert kms.list_keys()["Keys"] == []


@pytest.mark.parametrize("service", ["s3", "ebs", "ssm", "secretsmanager", "dynamodb", "rds", "lambda"])
def test_a_key_that_is_made_when_it_is_first_named(kms, account, service):
    described = keys.describe(kms, f"alias/aws/{service}")
    assert (described["KeyManager"], described["KeyState"]) == ("AWS", "Enabled")
    assert (described["KeySpec"], described["AWSAccountId"]) == ("SYMMETRIC_DEFAULT", account)
    assert described["Description"]
    assert keys.describe(kms, f"alias/aws/{service}")["Arn"] == described["Arn"]
    assert aws_aliases(kms)[f"alias/aws/{service}"]["TargetKeyId"] == described["KeyId"]
    assert [k["KeyId"] for k in kms.list_keys()["Keys"]] == [described["KeyId"]]
    assert kms.get_key_rotation_status(KeyId=described["KeyId"])["KeyRotationEnabled"] is True


def test_an_alias_that_no_service_has(kms):
    with fails("NotFoundException"):
        kms.describe_key(KeyId="alias/aws/nonsense")


def test_its_policy_lets_the_accounts_principals_use_it_through_the_service_only(people, kms, account):
    key = keys.describe(kms, "alias/aws/ssm")["Arn"]
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    [through] = [s for s in document["Statement"] if "Condition" in s]
    assert through["Principal"] == {"AWS": "*"}
    assert through["Condition"]["StringEquals"] == {
        "kms:ViaService": "ssm.us-east-1.amazonaws.com",
        "kms:CallerAccount": account,
    }
    powerful, _ = people.user(account, action="*")
    for one in (kms, powerful):
        with denied("kms:Encrypt on resource: " + key):
            one.encrypt(KeyId=key, Plaintext=b"x")
    reading, _ = people.user(account, action="ssm:*", service="ssm")
    reading.put_parameter(Name="/a", Value="secret", Type="SecureString")
    assert reading.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "secret"


def test_services_make_theirs(people, account, kms):
    people.root(account, "ssm").put_parameter(Name="/a", Value="x", Type="SecureString")
    assert "TargetKeyId" in aws_aliases(kms)["alias/aws/ssm"]
    people.root(account, "secretsmanager").create_secret(Name="a", SecretString="x")
    assert "TargetKeyId" in aws_aliases(kms)["alias/aws/secretsmanager"]


def test_customers_do_not_manage_it(kms, account):
    key = keys.describe(kms, "alias/aws/s3")["Arn"]
    own = keys.make(kms)
    for operation, given in (
        ("DisableKey", {}),
        ("EnableKey", {}),
        ("ScheduleKeyDeletion", {}),
        ("PutKeyPolicy", {"Policy": keys.policy(keys.statement(account))}),
        ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("UpdateKeyDescription", {"Description": "mine"}),
        ("EnableKeyRotation", {}),
        ("DisableKeyRotation", {}),
        ("RotateKeyOnDemand", {}),
    ):
        with fails(
            {"AccessDeniedException", "UnsupportedOperationException", "ValidationException", "NotAuthorizedException"}
        ):
            keys.call(kms, operation, KeyId=key, **given)
    with fails(
        {
            "NotAuthorizedException",
            "AccessDeniedException",
            "ValidationException",
            "InvalidAliasNameException",
            "NotFoundException",
        }
    ):
        kms.delete_alias(AliasName="alias/aws/s3")
    with fails(
        {
            "NotAuthorizedException",
            "AccessDeniedException",
            "ValidationException",
            "InvalidAliasNameException",
            "NotFoundException",
        }
    ):
        kms.update_alias(AliasName="alias/aws/s3", TargetKeyId=own)
    with fails({"NotAuthorizedException", "AccessDeniedException", "ValidationException"}):
        kms.create_alias(AliasName=keys.alias(), TargetKeyId=key)
    assert keys.state(kms, key) == "Enabled"


def test_it_rotates_every_year(kms, clock_advance):
    key = keys.describe(kms, "alias/aws/ebs")["Arn"]
    first = keys.describe(kms, key)["CurrentKeyMaterialId"]
    clock_advance("366d")
    eventually(lambda: keys.describe(kms, key)["CurrentKeyMaterialId"], lambda found: found != first)
