"""An organisation over a power cut: what was answered is there, and what was asked for is done."""

import expect
from test_organizations import SCP, TAG, Organization, fresh_account

SERVICE = "ram.amazonaws.com"


def everything(made, member, unit, policy):
    """All that is told of an organisation, without what differs from request to request."""
    calls = [
        ("describe_organization", {}),
        ("list_roots", {}),
        ("list_accounts", {}),
        ("list_accounts_for_parent", {"ParentId": unit}),
        ("list_organizational_units_for_parent", {"ParentId": made.root}),
        ("list_create_account_status", {}),
        ("list_policies", {"Filter": SCP}),
        ("list_policies_for_target", {"TargetId": member, "Filter": SCP}),
        ("list_targets_for_policy", {"PolicyId": policy}),
        ("describe_policy", {"PolicyId": policy}),
        ("list_handshakes_for_organization", {}),
        ("list_aws_service_access_for_organization", {}),
        ("list_delegated_administrators", {}),
        ("describe_resource_policy", {}),
        ("list_tags_for_resource", {"ResourceId": unit}),
    ]
    found = [getattr(made.client, method)(**given) for method, given in calls]
    for answer in found:
        del answer["ResponseMetadata"]
    return found


def again(server, made):
    """The same organisation on the server that was started anew."""
    made.server = server
    made.client = expect.caller(server, made.management, service="organizations")


def test_an_organisation_survives_a_power_cut(durable):
    server = durable()
    made = Organization(server)
    made.enable(SCP)
    made.enable(TAG)
    unit, member = made.unit("u"), made.invited()
    made.created()
    made.invite(fresh_account())
    made.client.tag_resource(ResourceId=unit, Tags=expect.tags(a="1"))
    made.client.move_account(AccountId=member, SourceParentId=made.root, DestinationParentId=unit)
    policy = made.attached(SCP, expect.policy("sqs:CreateQueue", effect="Deny"), unit)
    made.enable_access(SERVICE)
    made.client.register_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    content = expect.policy("organizations:ListRoots", Principal={"AWS": member})
    made.client.put_resource_policy(Content=content)
    before = everything(made, member, unit, policy)
    server.kill()
    server = durable()
    again(server, made)
    assert everything(made, member, unit, policy) == before
    with expect.fails("AccessDenied", status=403):
        made.of(member, "sqs").create_queue(QueueName="q")


def test_accounts_that_were_asked_for_are_made_after_a_power_cut(durable):
    server = durable()
    made = Organization(server)
    asked = [
        made.client.create_account(Email=f"a{number}@example.com", AccountName="a")["CreateAccountStatus"]["Id"]
        for number in range(3)
    ]
    server.kill()
    again(durable(), made)
    for request in asked:
        status = expect.eventually(
            lambda request=request: made.client.describe_create_account_status(CreateAccountRequestId=request)[
                "CreateAccountStatus"
            ],
            lambda status: status["State"] != "IN_PROGRESS",
        )
        assert status["State"] == "SUCCEEDED", status
        made.of(status["AccountId"], "iam").get_role(RoleName="OrganizationAccountAccessRole")
    assert len(made.client.list_accounts()["Accounts"]) == 4
