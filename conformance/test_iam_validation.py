"""What IAM's model rules out is refused before anything is looked up: for every operation, made from the model."""

import functools
import re

import botocore
import botocore.session
import pytest

import expect
import samples
import server as servers
from expect import refuses

ACCOUNT = "282842712474"


@functools.cache
def model():
    return botocore.session.get_session().get_service_model("iam")


def operations():
    try:
        return [operation for service, operation in servers.implemented() if service == "iam"]
    except (OSError, ValueError):
        # Without a binary the session ends with a clear message before any test runs.
        return []


@pytest.fixture(scope="module")
def unchecked(server):
    """A client that sends what the model rules out."""
    return expect.caller(server, ACCOUNT, parameter_validation=False)


def call(client, operation, given):
    getattr(client, botocore.xform_name(operation))(**given)


def at(member):
    return "at '" + member[:1].lower() + member[1:]


def wanted(member):
    """As the message spells it; where the first letters are an abbreviation nobody has told us how."""
    return re.compile(re.escape(at(member)), re.IGNORECASE)


@pytest.mark.parametrize(
    "operation", [o for o in operations() if getattr(model().operation_model(o).input_shape, "required_members", [])]
)
def test_what_is_required_is_missed(server, unchecked, operation):
    shape = model().operation_model(operation)
    whole = samples.least(shape, endpoint=server.endpoint, account=ACCOUNT)
    for member in shape.input_shape.required_members:
        if shape.input_shape.members[member].type_name in ("list", "structure"):
            # An empty list is no list in Query; what is absent of a structure is its members.
            continue
        given = {name: value for name, value in whole.items() if name != member}
        with refuses("ValidationError", wanted(member)) as seen:
            call(unchecked, operation, given)
        assert "failed to satisfy constraint: Member must not be null" in seen[0].response["Error"]["Message"]


def with_limit(operation, limit):
    shape = model().operation_model(operation).input_shape
    members = {} if shape is None else shape.members
    return [
        (name, member) for name, member in members.items() if member.type_name == "string" and limit in member.metadata
    ]


@pytest.mark.parametrize("operation", [o for o in operations() if with_limit(o, "max")])
def test_texts_that_are_too_long(server, unchecked, operation):
    whole = samples.least(model().operation_model(operation), endpoint=server.endpoint, account=ACCOUNT)
    for name, member in with_limit(operation, "max"):
        if member.metadata["max"] > 100_000:
            continue
        long = "1" * (member.metadata["max"] + 1)
        if "Path" in name:
            long = f"/{long}/"
        with refuses("ValidationError") as seen:
            call(unchecked, operation, {**whole, name: long})
        message = seen[0].response["Error"]["Message"]
        assert re.search(re.escape(at(name)), message, re.IGNORECASE), message
        assert f"Member must have length less than or equal to {member.metadata['max']}" in message


@pytest.mark.parametrize("operation", [o for o in operations() if with_limit(o, "min")])
def test_texts_that_are_too_short(server, unchecked, operation):
    whole = samples.least(model().operation_model(operation), endpoint=server.endpoint, account=ACCOUNT)
    for name, member in with_limit(operation, "min"):
        if member.metadata["min"] < 2:
            continue
        with refuses("ValidationError") as seen:
            call(unchecked, operation, {**whole, name: "1" * (member.metadata["min"] - 1)})
        message = seen[0].response["Error"]["Message"]
        assert f"Member must have length greater than or equal to {member.metadata['min']}" in message


@pytest.mark.parametrize("items, constraint", [(0, "greater than or equal to 1"), (1001, "less than or equal to 1000")])
@pytest.mark.parametrize("operation", [o for o in operations() if o.startswith("List")])
def test_pages_of_no_size(server, unchecked, operation, items, constraint):
    shape = model().operation_model(operation)
    if "MaxItems" not in (shape.input_shape.members if shape.input_shape else {}):
        pytest.skip("the listing has no pages")
    whole = samples.least(shape, endpoint=server.endpoint, account=ACCOUNT)
    message = (
        f"1 validation error detected: Value '{items}' at 'maxItems' failed to satisfy constraint: "
        f"Member must have value {constraint}"
    )
    with refuses("ValidationError", message):
        call(unchecked, operation, {**whole, "MaxItems": items})


# What IAM says of names and paths instead of showing the pattern (observed; the shared words are the frame's).
PATH = "It must begin and end with / and contain only alphanumeric characters and/or / characters."
PREFIX = "It must begin with the / character and contain only alphanumeric characters and/or / characters."
NAMES = "It must contain only alphanumeric characters and/or the following: +=,.@_-"


@pytest.mark.parametrize(
    "method, given, member",
    [
        ("create_user", {"UserName": "a b"}, "userName"),
        ("get_user", {"UserName": "a/b"}, "userName"),
        ("create_group", {"GroupName": "a:b"}, "groupName"),
        ("create_role", {"RoleName": "ä", "AssumeRolePolicyDocument": expect.trust()}, "roleName"),
        ("get_role", {"RoleName": "arn:aws:iam::123456789012:role/r"}, "roleName"),
        ("create_policy", {"PolicyName": "a b", "PolicyDocument": expect.policy()}, "policyName"),
        ("create_instance_profile", {"InstanceProfileName": "a*"}, "instanceProfileName"),
    ],
)
def test_names_with_other_characters(unchecked, method, given, member):
    with refuses("ValidationError", f"The specified value for {member} is invalid. {NAMES}"):
        getattr(unchecked, method)(**given)


@pytest.mark.parametrize("path", ["x", "/x", "x/", "//ä/"])
@pytest.mark.parametrize(
    "method, given",
    [
        ("create_user", {"UserName": "u"}),
        ("create_group", {"GroupName": "g"}),
        ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": expect.trust()}),
        ("create_policy", {"PolicyName": "p", "PolicyDocument": expect.policy()}),
    ],
)
def test_paths_begin_and_end_with_a_slash(unchecked, method, given, path):
    with refuses("ValidationError", f"The specified value for path is invalid. {PATH}"):
        getattr(unchecked, method)(Path=path, **given)


@pytest.mark.parametrize("method, prefix", [("list_users", "x"), ("list_roles", "x/"), ("list_policies", "/foo")])
def test_path_prefixes_begin_with_a_slash(unchecked, method, prefix):
    with refuses("ValidationError", f"The specified value for pathPrefix is invalid. {PREFIX}"):
        getattr(unchecked, method)(PathPrefix=prefix)


@pytest.mark.parametrize(
    "method, given",
    [
        ("update_access_key", {"UserName": "u", "AccessKeyId": "X" * 20, "Status": "active"}),
        ("list_entities_for_policy", {"PolicyArn": expect.READ_ONLY, "EntityFilter": "Robot"}),
        ("list_policies", {"Scope": "Galaxy"}),
        ("list_virtual_mfa_devices", {"AssignmentStatus": "Perhaps"}),
        ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": expect.trust(), "MaxSessionDuration": 3599}),
        ("update_role", {"RoleName": "r", "MaxSessionDuration": 43201}),
        ("update_account_password_policy", {"MinimumPasswordLength": 5}),
        ("update_account_password_policy", {"MaxPasswordAge": 1096}),
        ("update_account_password_policy", {"PasswordReusePrevention": 25}),
        ("get_policy_version", {"PolicyArn": expect.READ_ONLY, "VersionId": "1"}),
        ("create_account_alias", {"AccountAlias": "Capital"}),
        ("create_account_alias", {"AccountAlias": "two--hyphens"}),
        ("create_account_alias", {"AccountAlias": "-first"}),
        ("create_user", {"UserName": "u", "Tags": [{"Key": "a!", "Value": ""}]}),
        ("create_user", {"UserName": "u", "Tags": [{"Key": "a", "Value": "b" * 257}]}),
        ("create_user", {"UserName": "u", "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}),
        (
            "enable_mfa_device",
            {"UserName": "u", "SerialNumber": "x" * 9, "AuthenticationCode1": "12345", "AuthenticationCode2": "123456"},
        ),
        ("create_saml_provider", {"Name": "idp", "SAMLMetadataDocument": "x" * 999}),
    ],
)
def test_values_that_the_model_rules_out(unchecked, method, given):
    with refuses("ValidationError"):
        getattr(unchecked, method)(**given)


def test_every_violation_is_told_at_once(unchecked):
    # An empty marker is both too short and of no form.
    with refuses("ValidationError", re.compile("^4 validation errors detected: .*; .*; .*; ")):
        unchecked.simulate_custom_policy(PolicyInputList=[expect.policy()], ActionNames=["a"], MaxItems=0, Marker="")
