"""IAM's policy simulator: it explains the evaluation that enforces."""

import pytest

import expect
from expect import refuses


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


@pytest.fixture
def queue_arn(account):
    """A queue of the caller's own account, so that one policy is enough."""
    return f"arn:aws:sqs:us-east-1:{account}:q"


def decisions(answer):
    return {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}


@pytest.mark.parametrize(
    "policies, decision",
    [
        ([expect.policy("sqs:*")], "allowed"),
        ([expect.policy("iam:*")], "implicitDeny"),
        ([expect.policy("sqs:*"), expect.policy("sqs:Send*", effect="Deny")], "explicitDeny"),
        ([expect.policy("sqs:*", resource="arn:aws:sqs:us-east-1:123456789012:other")], "implicitDeny"),
        ([expect.policy("sqs:*", resource="arn:aws:sqs:*:*:q")], "allowed"),
    ],
    ids=["allow", "another service", "deny", "another resource", "the resource"],
)
def test_what_given_policies_decide(iam, queue_arn, policies, decision):
    answer = iam.simulate_custom_policy(
        PolicyInputList=policies, ActionNames=["sqs:SendMessage"], ResourceArns=[queue_arn]
    )
    [found] = answer["EvaluationResults"]
    assert (found["EvalActionName"], found["EvalDecision"]) == ("sqs:SendMessage", decision)
    assert answer["IsTruncated"] is False


def test_the_statement_that_decides_is_shown(iam):
    document = expect.policy("sqs:*")
    [found] = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["sqs:SendMessage"])[
        "EvaluationResults"
    ]
    assert found["EvalResourceName"] == "*"
    [matched] = found["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    assert matched["StartPosition"]["Line"] == matched["EndPosition"]["Line"] == 1
    assert 0 < matched["StartPosition"]["Column"] < matched["EndPosition"]["Column"] <= len(document) + 1


def test_a_resource_at_a_time(iam, queue_arn):
    policies = [expect.policy("sqs:*", resource=queue_arn)]
    [found] = iam.simulate_custom_policy(
        PolicyInputList=policies, ActionNames=["sqs:SendMessage"], ResourceArns=[queue_arn, queue_arn + "2"]
    )["EvaluationResults"]
    by_resource = {one["EvalResourceName"]: one["EvalResourceDecision"] for one in found["ResourceSpecificResults"]}
    assert by_resource == {queue_arn: "allowed", queue_arn + "2": "implicitDeny"}


def test_conditions_need_their_keys(iam):
    policies = [expect.policy("sqs:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})]
    given = {"PolicyInputList": policies, "ActionNames": ["sqs:SendMessage"]}
    [found] = iam.simulate_custom_policy(**given)["EvaluationResults"]
    assert found["EvalDecision"] == "implicitDeny"
    assert [key.lower() for key in found["MissingContextValues"]] == ["aws:principaltag/team"]
    for value, decision in (("blue", "allowed"), ("red", "implicitDeny")):
        entry = {
            "ContextKeyName": "aws:PrincipalTag/team",
            "ContextKeyValues": [value],
            "ContextKeyType": "string",
        }
        [found] = iam.simulate_custom_policy(ContextEntries=[entry], **given)["EvaluationResults"]
        assert (found["EvalDecision"], found["MissingContextValues"]) == (decision, [])


def test_a_boundary_caps(iam):
    [found] = iam.simulate_custom_policy(
        PolicyInputList=[expect.policy("sqs:*")],
        PermissionsBoundaryPolicyInputList=[expect.policy("iam:*")],
        ActionNames=["sqs:SendMessage"],
    )["EvaluationResults"]
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_a_resource_policy_allows_within_the_account(iam, account, queue_arn):
    user = f"arn:aws:iam::{account}:user/u"
    document = expect.policy("sqs:SendMessage", resource=queue_arn, Principal={"AWS": user})
    [found] = iam.simulate_custom_policy(
        PolicyInputList=[expect.policy("iam:*")],
        ActionNames=["sqs:SendMessage"],
        ResourceArns=[queue_arn],
        ResourcePolicy=document,
        CallerArn=user,
    )["EvaluationResults"]
    assert found["EvalDecision"] == "allowed"


def test_what_a_users_policies_decide(server, iam, account):
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=expect.policy("iam:ListUsers"))
    own = expect.user_caller(server, iam, "u", action="iam:ListGroups")
    arn = f"arn:aws:iam::{account}:user/u"
    actions = ["iam:ListUsers", "iam:ListGroups", "iam:ListRoles"]
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)
    assert decisions(answer) == {
        "iam:ListUsers": "allowed",
        "iam:ListGroups": "allowed",
        "iam:ListRoles": "implicitDeny",
    }
    own.list_users()
    own.list_groups()
    with refuses("AccessDenied"):
        own.list_roles()
    more = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=actions, PolicyInputList=[expect.policy("iam:*", effect="Deny")]
    )
    assert set(decisions(more).values()) == {"explicitDeny"}


@pytest.mark.parametrize("kind", ["group", "role"])
def test_groups_and_roles_can_be_simulated(iam, account, kind):
    iam.create_group(GroupName="n")
    iam.create_role(RoleName="n", AssumeRolePolicyDocument=expect.trust())
    parameter = f"{kind.title()}Name"
    getattr(iam, f"put_{kind}_policy")(**{parameter: "n"}, PolicyName="p", PolicyDocument=expect.policy("sqs:*"))
    answer = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{account}:{kind}/n", ActionNames=["sqs:SendMessage", "iam:ListUsers"]
    )
    assert decisions(answer) == {"sqs:SendMessage": "allowed", "iam:ListUsers": "implicitDeny"}


def test_the_keys_that_policies_ask_for(iam, account):
    document = expect.policy(
        Condition={"StringEquals": {"aws:username": "x"}, "Bool": {"aws:SecureTransport": "true"}},
        resource="arn:aws:sqs:*:*:${aws:userid}",
    )
    found = iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"]
    assert {key.lower() for key in found} == {"aws:username", "aws:securetransport", "aws:userid"}
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    given = expect.policy(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    found = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{account}:user/u", PolicyInputList=[given]
    )["ContextKeyNames"]
    assert {key.lower() for key in found} == {
        "aws:username",
        "aws:securetransport",
        "aws:userid",
        "aws:multifactorauthpresent",
    }


def test_results_come_in_pages(iam):
    actions = [f"sqs:Action{number}" for number in range(5)]
    found = expect.all_items(
        iam,
        "simulate_custom_policy",
        "EvaluationResults",
        items=2,
        PolicyInputList=[expect.policy("sqs:*")],
        ActionNames=actions,
    )
    assert [one["EvalActionName"] for one in found] == actions


@pytest.mark.parametrize(
    "given",
    [
        {"PolicyInputList": ["{"]},
        {"ActionNames": ["NoService"]},
        {"CallerArn": "arn:aws:iam::123456789012:nothing/u"},
        {"ResourcePolicy": expect.policy(Principal="*")},
        {
            "ContextEntries": [
                {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": ["soon"], "ContextKeyType": "date"}
            ]
        },
    ],
    ids=["malformed policy", "no service", "unknown caller", "resource policy without a caller", "no date"],
)
def test_scenarios_that_are_refused(iam, given):
    given = {"PolicyInputList": [expect.policy()], "ActionNames": ["sqs:SendMessage"], **given}
    with refuses("InvalidInput"):
        iam.simulate_custom_policy(**given)
