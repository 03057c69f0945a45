"""What IAM policies say about parameters."""

import json

import pytest

import expect


@pytest.fixture
def ssm(client, account):
    made = client("ssm", account=account)
    for name in ("/app/a", "/app/b/c", "/other/a"):
        made.put_parameter(Name=name, Value="x", Type="String", Tags=expect.tags(leaf=name[-1]))
    return made


@pytest.fixture
def user(server, client, account):
    """user(statement, …) makes a user who may do just that."""
    iam = client("iam", account=account)

    def make(*statements):
        name = expect.name("user")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        return expect.user_caller(server, iam, name, service="ssm")

    return make


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_a_name_is_a_resource_without_its_first_slash(ssm, user, account):
    prefix = f"arn:aws:ssm:us-east-1:{account}:parameter/"
    app = user(allow("ssm:GetParameter", f"{prefix}app/*"), allow("ssm:GetParametersByPath", f"{prefix}app"))
    assert app.get_parameter(Name="/app/b/c:1")["Parameter"]["Value"] == "x"
    assert len(app.get_parameters_by_path(Path="/app", Recursive=True)["Parameters"]) == 2
    with expect.fails("AccessDeniedException") as seen:
        app.get_parameter(Name="/other/a")
    assert f"ssm:GetParameter on resource: {prefix}other/a " in seen[0].response["Error"]["Message"]
    with expect.fails("AccessDeniedException"):
        app.get_parameters_by_path(Path="/", Recursive=True)
    with expect.fails("AccessDeniedException") as seen:
        app.describe_parameters()
    assert f"arn:aws:ssm:us-east-1:{account}:* " in seen[0].response["Error"]["Message"]
    with expect.fails("AccessDeniedException"):
        app.get_parameters(Names=["/app/a"])


def test_conditions(ssm, user):
    new = user(allow("ssm:PutParameter", Condition={"StringEquals": {"ssm:Overwrite": "false"}}))
    new.put_parameter(Name="/new", Value="x", Type="String")
    with expect.fails("AccessDeniedException"):
        new.put_parameter(Name="/new", Value="y", Overwrite=True)
    with expect.fails("AccessDeniedException") as seen:
        new.put_parameter(Name="/tagged", Value="x", Type="String", Tags=expect.tags(a="b"))
    assert "ssm:AddTagsToResource" in seen[0].response["Error"]["Message"]
    flat = user(allow("ssm:GetParametersByPath", Condition={"StringEquals": {"ssm:Recursive": "false"}}))
    flat.get_parameters_by_path(Path="/app")
    with expect.fails("AccessDeniedException"):
        flat.get_parameters_by_path(Path="/app", Recursive=True)
    leaf = user(allow("ssm:GetParameter", Condition={"StringEquals": {"aws:ResourceTag/leaf": "c"}}))
    leaf.get_parameter(Name="/app/b/c")
    with expect.fails("AccessDeniedException"):
        leaf.get_parameter(Name="/app/a")


def test_aws_s_own_are_for_those_who_may(ssm, user):
    name = "/aws/service/global-infrastructure/regions/us-east-1"
    public = user(allow("ssm:GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/*"))
    assert public.get_parameter(Name=name)["Parameter"]["Value"] == "us-east-1"
    nobody = user(allow("ssm:PutParameter"))
    with expect.fails("AccessDeniedException"):
        nobody.get_parameter(Name=name)
