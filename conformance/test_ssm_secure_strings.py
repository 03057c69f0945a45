"""SecureStrings: encrypted by KMS, for those who may use the key."""

import base64
import json

import pytest

import expect


@pytest.fixture
def ssm(client, account):
    return client("ssm", account=account)


@pytest.fixture
def kms(client, account):
    return client("kms", account=account)


@pytest.fixture
def iam(client, account):
    return client("iam", account=account)


def put(ssm, name, value="hunter2", **more):
    return ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True, **more)


def test_a_secret_is_ciphertext_until_it_is_decrypted(ssm):
    put(ssm, "/standard")
    put(ssm, "/advanced", "x" * 8000, Tier="Advanced")
    for name, value in (("/standard", "hunter2"), ("/advanced", "x" * 8000)):
        hidden = ssm.get_parameter(Name=name)["Parameter"]
        assert value not in hidden["Value"] and value.encode() not in base64.b64decode(hidden["Value"])
        assert hidden["Type"] == "SecureString"
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value
    found = ssm.get_parameters_by_path(Path="/", WithDecryption=True)["Parameters"]
    assert {p["Name"]: p["Value"] for p in found} == {"/standard": "hunter2", "/advanced": "x" * 8000}
    assert {p["KeyId"] for p in ssm.describe_parameters()["Parameters"]} == {"alias/aws/ssm"}


def test_a_key_of_ones_own(ssm, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/own", TargetKeyId=key)
    put(ssm, "/own", KeyId="alias/own")
    assert ssm.get_parameter(Name="/own", WithDecryption=True)["Parameter"]["Value"] == "hunter2"
    [found] = ssm.get_parameter_history(Name="/own", WithDecryption=True)["Parameters"]
    assert (found["KeyId"], found["Value"]) == ("alias/own", "hunter2")
    # The ciphertext is KMS's, with the parameter's ARN as its context.
    hidden = ssm.get_parameter(Name="/own")["Parameter"]
    opened = kms.decrypt(
        CiphertextBlob=base64.b64decode(hidden["Value"]), EncryptionContext={"PARAMETER_ARN": hidden["ARN"]}
    )
    assert opened["Plaintext"] == b"hunter2"


def test_keys_that_cannot_be_used(ssm, kms):
    with expect.fails("InvalidKeyId") as seen:
        put(ssm, "/k", KeyId="alias/none")
    message = seen[0].response["Error"]["Message"]
    assert "(Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: " in message
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put(ssm, "/k", KeyId=key)
    kms.disable_key(KeyId=key)
    calls = [
        lambda: ssm.get_parameter(Name="/k", WithDecryption=True),
        lambda: ssm.get_parameters(Names=["/k"], WithDecryption=True),
        lambda: ssm.get_parameters_by_path(Path="/", WithDecryption=True),
        lambda: ssm.get_parameter_history(Name="/k", WithDecryption=True),
    ]
    for call in calls:
        with expect.fails("InvalidKeyId"):
            call()
    assert ssm.get_parameter(Name="/k")["Parameter"]["Type"] == "SecureString"


def test_without_the_key_nothing_is_read_whatever_else_is_allowed(server, ssm, kms, iam, account):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put(ssm, "/standard", KeyId=key)
    put(ssm, "/advanced", KeyId=key, Tier="Advanced")
    iam.create_user(UserName="reader")
    reader = expect.user_caller(server, iam, "reader", service="ssm", action="ssm:*")
    for name in ("/standard", "/advanced"):
        with expect.fails("AccessDeniedException") as seen:
            reader.get_parameter(Name=name, WithDecryption=True)
        assert "Service: AWSKMS" in seen[0].response["Error"]["Message"]
        assert reader.get_parameter(Name=name)["Parameter"]["Value"] != "hunter2"
    with expect.fails("AccessDeniedException"):
        put(reader, "/standard", "mine", KeyId=key)
    through = {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}
    decrypt = expect.policy("kms:Decrypt", Condition=through)
    iam.put_user_policy(UserName="reader", PolicyName="key", PolicyDocument=decrypt)
    assert reader.get_parameter(Name="/standard", WithDecryption=True)["Parameter"]["Value"] == "hunter2"
    assert reader.get_parameter(Name="/advanced", WithDecryption=True)["Parameter"]["Value"] == "hunter2"


def test_secrets_of_secrets_manager(client, ssm, account):
    secrets = client("secretsmanager", account=account)
    made = secrets.create_secret(Name="db/one", SecretString="s3cret")
    name = "/aws/reference/secretsmanager/db/one"
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Name"], found["Value"], found["Type"]) == (name, "s3cret", "SecureString")
    assert found["ARN"] == made["ARN"]
    assert json.loads(found["SourceResult"])["VersionId"] == made["VersionId"]
    for selector in ("AWSCURRENT", made["VersionId"]):
        found = ssm.get_parameter(Name=f"{name}:{selector}", WithDecryption=True)["Parameter"]
        assert (found["Value"], found["Selector"]) == ("s3cret", f":{selector}")
    message = "WithDecryption flag must be True for retrieving a Secret Manager secret."
    with expect.fails("ValidationException", message):
        ssm.get_parameter(Name=name)
    absent = "/aws/reference/secretsmanager/none"
    message = f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {absent} not found."
    with expect.fails("ParameterNotFound", message):
        ssm.get_parameter(Name=absent, WithDecryption=True)
    assert ssm.get_parameters(Names=[absent], WithDecryption=True)["InvalidParameters"] == [absent]
