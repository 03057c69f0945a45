"""Secrets, their versions and labels, as applications and rotations use them."""

import json
import uuid

import pytest

import expect
from expect import fails

NOT_FOUND = "Secrets Manager can't find the specified secret."


@pytest.fixture(scope="session")
def secrets(client):
    return client("secretsmanager")


@pytest.fixture
def secret(secrets):
    """secret(text, **more) makes a secret and returns its name."""

    def make(text="hunter2", **more):
        name = expect.name("secret")
        secrets.create_secret(Name=name, SecretString=text, **more)
        return name

    return make


def test_a_secret_is_read_by_name_and_by_complete_and_partial_arn(secrets):
    name = "path/" + expect.name("secret")
    value = json.dumps({"username": "admin", "password": "p@ss"})
    made = secrets.create_secret(Name=name, SecretString=value, Description="d", Tags=[{"Key": "a", "Value": "b"}])
    assert made["Name"] == name and made["ARN"][-7] == "-"
    assert made["ARN"][:-7] == f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}"
    for given in (name, made["ARN"], made["ARN"][:-7]):
        got = secrets.get_secret_value(SecretId=given)
        assert (got["SecretString"], got["VersionId"]) == (value, made["VersionId"])
        assert got["VersionStages"] == ["AWSCURRENT"] and "SecretBinary" not in got
    shown = secrets.describe_secret(SecretId=name)
    assert shown["Description"] == "d" and shown["Tags"] == [{"Key": "a", "Value": "b"}]
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert "KmsKeyId" not in shown and "RotationEnabled" not in shown and "DeletedDate" not in shown
    with fails("ResourceNotFoundException", NOT_FOUND):
        secrets.get_secret_value(SecretId=made["ARN"][:-6] + "AAAAAA")


def test_binary_values_come_back_byte_for_byte(secrets):
    name, value = expect.name("secret"), bytes(range(256))
    secrets.create_secret(Name=name, SecretBinary=value)
    got = secrets.get_secret_value(SecretId=name)
    assert got["SecretBinary"] == value and "SecretString" not in got


@pytest.mark.parametrize("name", ["a b", "ä", "a:b", "a?", "a" * 513])
def test_names_have_letters_digits_and_a_few_signs(secrets, name):
    with fails("ValidationException"):
        secrets.create_secret(Name=name, SecretString="x")


def test_put_moves_current_and_previous(secrets, secret):
    name = secret("one")
    first = secrets.get_secret_value(SecretId=name)["VersionId"]
    second = secrets.put_secret_value(SecretId=name, SecretString="two")
    assert second["VersionStages"] == ["AWSCURRENT"]
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "two"
    previous = secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionId"]) == ("one", first)
    third = secrets.update_secret(SecretId=name, SecretString="three")["VersionId"]
    listed = secrets.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)
    labels = {v["VersionId"]: v.get("VersionStages") for v in listed["Versions"]}
    assert labels == {third: ["AWSCURRENT"], second["VersionId"]: ["AWSPREVIOUS"], first: None}
    assert secrets.get_secret_value(SecretId=name, VersionId=first)["SecretString"] == "one"
    missing = "Secrets Manager can't find the specified secret value for staging label: AWSPENDING"
    with fails("ResourceNotFoundException", missing):
        secrets.get_secret_value(SecretId=name, VersionStage="AWSPENDING")
    with fails("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."):
        secrets.get_secret_value(SecretId=name, VersionId=first, VersionStage="AWSCURRENT")


def test_a_token_repeats_and_never_replaces(secrets):
    name, token = expect.name("secret"), str(uuid.uuid4())
    given = {"Name": name, "SecretString": "one", "ClientRequestToken": token}
    assert secrets.create_secret(**given)["ARN"] == secrets.create_secret(**given)["ARN"]
    assert secrets.get_secret_value(SecretId=name)["VersionId"] == token
    again = secrets.put_secret_value(SecretId=name, SecretString="one", ClientRequestToken=token)
    assert again["VersionId"] == token
    for call in (secrets.put_secret_value, secrets.update_secret):
        with fails("ResourceExistsException"):
            call(SecretId=name, SecretString="two", ClientRequestToken=token)
    with fails("ResourceExistsException", f"The operation failed because the secret {name} already exists."):
        secrets.create_secret(Name=name, SecretString="three")


def test_the_four_steps_of_a_rotation_by_hand(secrets, secret):
    name, pending = secret("old"), str(uuid.uuid4())
    current = secrets.get_secret_value(SecretId=name)["VersionId"]
    secrets.put_secret_value(
        SecretId=name, SecretString="new", ClientRequestToken=pending, VersionStages=["AWSPENDING"]
    )
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "old"
    move = {"SecretId": name, "VersionStage": "AWSCURRENT", "MoveToVersionId": pending}
    with fails("InvalidParameterException") as seen:
        secrets.update_secret_version_stage(**move)
    assert f"currently attached to version {current}" in seen[0].response["Error"]["Message"]
    secrets.update_secret_version_stage(**move, RemoveFromVersionId=current)
    secrets.update_secret_version_stage(SecretId=name, VersionStage="AWSPENDING", RemoveFromVersionId=pending)
    stages = secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert stages == {pending: ["AWSCURRENT"], current: ["AWSPREVIOUS"]}
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "new"


def test_many_are_read_at_once_and_errors_are_told_one_by_one(secrets):
    prefix = expect.name("batch")
    for n in range(3):
        secrets.create_secret(Name=f"{prefix}-{n}", SecretString=str(n))
    got = secrets.batch_get_secret_value(SecretIdList=[f"{prefix}-0", f"{prefix}-absent", f"{prefix}-2"])
    assert [v["SecretString"] for v in got["SecretValues"]] == ["0", "2"]
    assert got["Errors"][0]["ErrorCode"] == "ResourceNotFoundException"
    given = {"Filters": [{"Key": "name", "Values": [prefix]}], "MaxResults": 2}
    first = secrets.batch_get_secret_value(**given)
    second = secrets.batch_get_secret_value(**given, NextToken=first["NextToken"])
    assert [v["SecretString"] for page in (first, second) for v in page["SecretValues"]] == ["0", "1", "2"]
    assert "NextToken" not in second
    with fails("InvalidParameterException"):
        secrets.batch_get_secret_value()
    with fails("InvalidNextTokenException"):
        secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": [prefix]}], NextToken="rubbish")


def test_random_passwords_keep_all_options(secrets):
    make = lambda **given: secrets.get_random_password(**given)["RandomPassword"]
    assert len(make()) == 32 and make() != make()
    assert make(PasswordLength=8, ExcludeLowercase=True, ExcludeUppercase=True, ExcludePunctuation=True).isdigit()
    assert not set(make(PasswordLength=4096, ExcludeCharacters="abcXYZ019!")) & set("abcXYZ019!")
    assert " " in make(PasswordLength=4096, IncludeSpace=True)
    four = make(PasswordLength=4)
    assert any(c.islower() for c in four) and any(c.isupper() for c in four) and any(c.isdigit() for c in four)
    assert len(make(PasswordLength=1, RequireEachIncludedType=False)) == 1
    with fails("InvalidParameterException"):
        make(PasswordLength=3)
    with fails("InvalidParameterException"):
        make(ExcludeNumbers=True, ExcludeLowercase=True, ExcludeUppercase=True, ExcludePunctuation=True)


def test_the_caching_client_reads_through_us_and_follows_versions(server, secrets, secret):
    caching = pytest.importorskip("aws_secretsmanager_caching")
    name = secret("one")
    config = caching.SecretCacheConfig(secret_refresh_interval=0.0)
    cache = caching.SecretCache(config=config, client=secrets)
    assert cache.get_secret_string(name) == "one"
    secrets.put_secret_value(SecretId=name, SecretString="two")
    expect.eventually(lambda: cache.get_secret_string(name), lambda found: found == "two")
    binary = expect.name("secret")
    secrets.create_secret(Name=binary, SecretBinary=b"\0\1")
    assert cache.get_secret_binary(binary) == b"\0\1"
