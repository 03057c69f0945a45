"""Every operation of every service asks the policies: refused by default, let through by its own action alone.

What the model's least request cannot show stands in no_access_test.toml with its reason; that list only shrinks.
"""

import functools
import json
import pathlib
import re
import tomllib
import uuid

import botocore
import botocore.session
import pytest
from botocore.exceptions import ClientError

import samples
import samples_dynamodb
import samples_ec2
import samples_s3
import server as servers
from conftest import make_client

ACCOUNT = "135791357913"
HERE = pathlib.Path(__file__).resolve().parent
REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


@functools.cache
def exempt():
    return {entry["operation"]: entry["reason"] for entry in tomllib.loads((HERE / "no_access_test.toml").read_text())["untested"]}


@functools.cache
def model(service):
    return botocore.session.get_session().get_service_model(service)


@pytest.fixture(scope="module")
def somebody(server):
    """A user who may do nothing, and root's client to change that."""
    root = make_client(server.endpoint, "iam", key=ACCOUNT)
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    root.create_user(UserName=name)
    samples_s3.prepare(make_client(server.endpoint, "s3", key=ACCOUNT))
    samples_s3.prepare_control(make_client(server.endpoint, "s3control", key=ACCOUNT), ACCOUNT)
    key = root.create_access_key(UserName=name)["AccessKey"]
    clients = {}

    def client(service):
        if service not in clients:
            clients[service] = make_client(
                server.endpoint,
                service,
                key=key["AccessKeyId"],
                secret=key["SecretAccessKey"],
                parameter_validation=False,
            )
        return clients[service]

    return root, name, client


def call(client, service, operation, endpoint):
    """What the least request ends with: an error's code and message, or nothing."""
    described = model(service).operation_model(operation)
    parameters = samples.least(described, endpoint=endpoint, account=ACCOUNT)
    if service in ("dynamodb", "dynamodbstreams"):
        parameters = samples_dynamodb.least(service, operation, parameters, ACCOUNT)
    if service == "ec2":
        parameters |= samples_ec2.LEAST.get(operation, {})
    if service == "s3":
        parameters = samples_s3.least(described, parameters)
    if service == "s3control":
        parameters = samples_s3.least_of_control(described, parameters, ACCOUNT)
    method = getattr(client(service), botocore.xform_name(operation))
    try:
        method(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return "", ""


def operations():
    try:
        found = servers.implemented()
    except (OSError, ValueError):
        # Without a binary the session ends with a clear message before any test runs.
        return []
    return [pytest.param(s, o, id=f"{s}.{o}") for s, o in found if f"{s}.{o}" not in exempt()]


@pytest.mark.parametrize("service, operation", operations())
def test_refused_by_default_and_allowed_by_its_action(server, somebody, service, operation):
    root, name, client = somebody
    code, message = call(client, service, operation, server.endpoint)
    assert code in REFUSALS, f"{code}: {message}"
    found = re.search(r"is not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)", message)
    assert found, message
    action = found[1]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
    root.put_user_policy(UserName=name, PolicyName="one", PolicyDocument=json.dumps(allow))
    try:
        code, message = call(client, service, operation, server.endpoint)
        assert code not in REFUSALS or f"{action} " not in message + " ", f"{code}: {message}"
    finally:
        root.delete_user_policy(UserName=name, PolicyName="one")


def test_the_list_of_what_is_not_tested_only_shrinks():
    names = {f"{service}.{operation}" for service, operation in servers.implemented()}
    assert set(exempt()) <= names, "an operation that is listed is not implemented"
