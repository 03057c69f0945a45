"""What a role's session carries besides: session tags and a source identity, through chains of roles."""

import re

import pytest

import expect
from expect import fails
from test_sts_roles import EVERYTHING, REFUSED, Account, assume, may, may_make_queues


@pytest.fixture
def home(server, account):
    return Account(server, account)


@pytest.fixture
def holder(server):
    """holder(answer, service) is a client with the credentials of an answer of STS."""
    return lambda answer, service="sqs": expect.session_caller(server, answer["Credentials"], service=service)


# ---- tags ------------------------------------------------------------------------------

TEAMS = "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-*"


def test_tags_of_a_session_are_its_principals_tags(home, holder):
    arn = home.role(Tags=expect.tags(team="roles"))
    home.may("r", "sqs:CreateQueue", resource=TEAMS)
    ann = home.user()
    of_role, of_session = holder(assume(ann, arn)), holder(assume(ann, arn, Tags=expect.tags(team="red")))
    roles, red = {"QueueName": f"roles-{expect.name()}"}, {"QueueName": f"red-{expect.name()}"}
    assert may(of_role, "create_queue", **roles) and not may(of_role, "create_queue", **red)
    assert may(of_session, "create_queue", **red) and not may(of_session, "create_queue", **roles)


def test_tags_need_tag_session_on_both_sides(home):
    ann = home.user(may="sts:AssumeRole")
    both, one = home.role("both"), home.role("one", actions="sts:AssumeRole")
    words = re.compile("is not authorized to perform: sts:TagSession on resource: ")
    with fails("AccessDenied", words, status=403):
        assume(ann, both, Tags=expect.tags(a="1"))
    home.iam.put_user_policy(UserName="ann", PolicyName="tag", PolicyDocument=expect.policy("sts:TagSession"))
    assert assume(ann, both, Tags=expect.tags(a="1"))["PackedPolicySize"] > 0
    with fails("AccessDenied", words, status=403):
        assume(ann, one, Tags=expect.tags(a="1"))
    assume(ann, one)


def test_a_trust_policy_says_which_tags_may_be_passed(home):
    ann = home.user()
    condition = {
        "StringEquals": {"aws:RequestTag/team": ["red", "blue"]},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"], "sts:TransitiveTagKeys": ["team"]},
    }
    arn = home.role(condition=condition)
    assume(ann, arn, Tags=expect.tags(team="red", cost="1"), TransitiveTagKeys=["team"])
    for given in (
        {},
        {"Tags": expect.tags(team="green")},
        {"Tags": expect.tags(team="red", other="x")},
        {"Tags": expect.tags(team="red", cost="1"), "TransitiveTagKeys": ["cost"]},
    ):
        with fails("AccessDenied", REFUSED, status=403):
            assume(ann, arn, **given)


@pytest.mark.parametrize(
    "given, words",
    [
        (
            {"Tags": expect.tags(team="a", Team="b")},
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            {"Tags": expect.tags(team="a"), "TransitiveTagKeys": ["cost"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
        ({"Tags": [{"Key": "aws:team", "Value": "a"}]}, None),
    ],
    ids=["twice", "transitive and not there", "AWS's own"],
)
def test_tags_that_are_refused(home, given, words):
    with fails({"InvalidParameterValue", "ValidationError"}, words):
        assume(home.user(), home.role(), **given)


def test_transitive_tags_go_on_and_others_do_not(home, holder):
    ann = home.user()
    first = home.role("first", may=EVERYTHING)
    second, third = home.role("second", may=EVERYTHING), home.role("third")
    resource = "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-${aws:PrincipalTag/cost, 'none'}-*"
    home.may("third", "sqs:CreateQueue", resource=resource)
    given = {"Tags": expect.tags(team="red", cost="1"), "TransitiveTagKeys": ["team"]}
    in_first = holder(assume(ann, first, **given), "sts")
    in_second = holder(assume(in_first, second), "sts")
    in_third = holder(assume(in_second, third))
    assert may(in_third, "create_queue", QueueName=f"red-none-{expect.name()}")
    assert not may(in_third, "create_queue", QueueName=f"red-1-{expect.name()}")
    conflict = re.compile("it conflicts with a transitive tag key from the calling session")
    with fails("InvalidParameterValue", conflict):
        assume(in_second, third, Tags=expect.tags(Team="blue"))
    # They are tags of the next session: it has to let itself be tagged.
    untagged = home.role("untagged", actions="sts:AssumeRole")
    with fails("AccessDenied", re.compile("sts:TagSession"), status=403):
        assume(in_second, untagged)


# ---- source identity -------------------------------------------------------------------


def test_a_source_identity_has_to_be_allowed_on_both_sides(home):
    ann = home.user(may="sts:AssumeRole")
    arn, closed = home.role(), home.role("closed", actions="sts:AssumeRole")
    words = re.compile("is not authorized to perform: sts:SetSourceIdentity on resource: ")
    with fails("AccessDenied", words, status=403):
        assume(ann, arn, SourceIdentity="ann")
    allow = expect.policy("sts:SetSourceIdentity")
    home.iam.put_user_policy(UserName="ann", PolicyName="source", PolicyDocument=allow)
    assert assume(ann, arn, SourceIdentity="ann")["SourceIdentity"] == "ann"
    with fails("AccessDenied", words, status=403):
        assume(ann, closed, SourceIdentity="ann")


def test_a_source_identity_stays_for_the_chain(home, holder):
    first, second = home.role("first", may=EVERYTHING), home.role("second")
    condition = {"StringEquals": {"aws:SourceIdentity": "ann"}}
    home.may("second", "sqs:CreateQueue", Condition=condition)
    ann = home.user()
    in_first = holder(assume(ann, first, SourceIdentity="ann"), "sts")
    answer = assume(in_first, second)
    assert answer["SourceIdentity"] == "ann"
    assert may_make_queues(holder(answer))
    assert assume(in_first, second, SourceIdentity="ann")["SourceIdentity"] == "ann"
    with fails("AccessDenied", status=403):
        assume(in_first, second, SourceIdentity="bob")
    assert not may_make_queues(holder(assume(home.user("bob"), second)))


def test_a_trust_policy_can_demand_a_source_identity(home):
    arn = home.role(condition={"StringLike": {"sts:SourceIdentity": "a*"}})
    ann = home.user()
    for given in ({}, {"SourceIdentity": "bob"}):
        with fails("AccessDenied", REFUSED, status=403):
            assume(ann, arn, **given)
    assume(ann, arn, SourceIdentity="ann")
