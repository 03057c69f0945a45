"""Parameters that other accounts read, and the settings of the Parameter Store."""

import random

import pytest

import expect


@pytest.fixture
def ssm(client, account):
    return client("ssm", account=account)


@pytest.fixture
def other():
    return f"{random.randrange(10**11, 10**12)}"


def arn(account, name):
    return f"arn:aws:ssm:us-east-1:{account}:parameter/{name}"


def policy(account, other, name="s", action="ssm:GetParameter"):
    return expect.policy(action, arn(account, name), Principal={"AWS": f"arn:aws:iam::{other}:root"})


def put(ssm, name="/s", tier="Advanced"):
    ssm.put_parameter(Name=name, Value="shared", Type="String", Tier=tier)


def test_another_account_reads_what_is_shared(client, ssm, account, other):
    put(ssm)
    stranger = client("ssm", account=other)
    with expect.fails("AccessDeniedException"):
        stranger.get_parameter(Name=arn(account, "s"))
    made = ssm.put_resource_policy(ResourceArn=arn(account, "s"), Policy=policy(account, other))
    found = stranger.get_parameter(Name=arn(account, "s"))["Parameter"]
    assert (found["Name"], found["Value"], found["ARN"]) == ("/s", "shared", arn(account, "s"))
    with expect.fails("AccessDeniedException"):
        stranger.get_parameter_history(Name=arn(account, "s"))
    [kept] = ssm.get_resource_policies(ResourceArn=arn(account, "s"))["Policies"]
    assert (kept["PolicyId"], kept["PolicyHash"]) == (made["PolicyId"], made["PolicyHash"])
    ssm.delete_resource_policy(ResourceArn=arn(account, "s"), PolicyId=kept["PolicyId"], PolicyHash=kept["PolicyHash"])
    with expect.fails("AccessDeniedException"):
        stranger.get_parameter(Name=arn(account, "s"))


def test_wrong_policies(ssm, account, other):
    put(ssm)
    put(ssm, "/standard", tier="Standard")
    good = policy(account, other)

    def share(code, document=good, name="s", **more):
        with expect.fails(code):
            ssm.put_resource_policy(ResourceArn=arn(account, name), Policy=document, **more)

    share("ResourceNotFoundException", name="none")
    share("ResourcePolicyInvalidParameterException", name="standard")
    share("ResourcePolicyInvalidParameterException", policy(account, other, action="sqs:SendMessage"))
    share("MalformedResourcePolicyDocumentException", "{")
    share("ResourcePolicyLimitExceededException", good + " " * 1024)
    made = ssm.put_resource_policy(ResourceArn=arn(account, "s"), Policy=good)
    known = {"PolicyId": made["PolicyId"], "PolicyHash": made["PolicyHash"]}
    share("ResourcePolicyLimitExceededException")
    share("ResourcePolicyConflictException", **{**known, "PolicyHash": "x"})
    share("ResourcePolicyNotFoundException", **{**known, "PolicyId": "x"})
    for method in ("get_resource_policies", "delete_resource_policy"):
        more = known if method.startswith("delete") else {}
        with expect.fails("ResourceNotFoundException"):
            getattr(ssm, method)(ResourceArn=arn(account, "none"), **more)
        with expect.fails("ResourcePolicyInvalidParameterException"):
            getattr(ssm, method)(ResourceArn="not an ARN but long enough", **more)
    with expect.fails("ResourcePolicyConflictException"):
        ssm.delete_resource_policy(ResourceArn=arn(account, "s"), **{**known, "PolicyHash": "x"})
    with expect.fails("ResourcePolicyNotFoundException"):
        ssm.delete_resource_policy(ResourceArn=arn(account, "s"), **{**known, "PolicyId": "x"})
    again = ssm.put_resource_policy(
        ResourceArn=arn(account, "s"), Policy=policy(account, other, action="ssm:GetParameters"), **known
    )
    assert again["PolicyId"] == made["PolicyId"] and again["PolicyHash"] != made["PolicyHash"]


def test_settings(ssm, account):
    tier = "/ssm/parameter-store/default-parameter-tier"
    found = ssm.get_service_setting(SettingId=tier)["ServiceSetting"]
    del found["LastModifiedDate"]
    assert found == {
        "SettingId": tier,
        "SettingValue": "Standard",
        "LastModifiedUser": "System",
        "ARN": f"arn:aws:ssm:us-east-1:{account}:servicesetting{tier}",
        "Status": "Default",
    }
    ssm.update_service_setting(SettingId=found["ARN"], SettingValue="Advanced")
    found = ssm.get_service_setting(SettingId=tier)["ServiceSetting"]
    assert (found["SettingValue"], found["Status"]) == ("Advanced", "Customized")
    assert ssm.put_parameter(Name="/a", Value="x", Type="String")["Tier"] == "Advanced"
    found = ssm.reset_service_setting(SettingId=tier)["ServiceSetting"]
    assert (found["SettingValue"], found["Status"]) == ("Standard", "Default")
    with expect.fails("ValidationException"):
        ssm.update_service_setting(SettingId=tier, SettingValue="Other")
    other = "/ssm/managed-instance/activation-tier"
    for method, more in (("get", {}), ("reset", {}), ("update", {"SettingValue": "x"})):
        with expect.fails("ServiceSettingNotFound"):
            getattr(ssm, f"{method}_service_setting")(SettingId=other, **more)
