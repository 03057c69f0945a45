"""Policies of organisations: types, texts, where they are attached, and what the levels come to."""

import json
import re

import pytest

import expect
from test_organizations import RCP, SCP, TAG, Organization, pages, refuses

FULL, RCP_FULL = "p-FullAWSAccess", "p-RCPFullAWSAccess"
DENY = expect.policy("sqs:DeleteQueue", effect="Deny")
DENY_ALL = expect.policy("sqs:DeleteQueue", effect="Deny", Principal="*")
SECURITY_HUB = "securityhub.amazonaws.com"

# The least text of each type whose syntax the user guide tells.
TEXTS = {
    SCP: DENY,
    RCP: DENY_ALL,
    TAG: {"tags": {"team": {"tag_key": {"@@assign": "Team"}}}},
    "BACKUP_POLICY": {"plans": {"p": {"regions": {"@@assign": ["us-east-1"]}}}},
    "AISERVICES_OPT_OUT_POLICY": {"services": {"default": {"opt_out_policy": {"@@assign": "optOut"}}}},
    "CHATBOT_POLICY": {"chatbot": {"platforms": {"slack": {"client": {"@@assign": "enabled"}}}}},
    "DECLARATIVE_POLICY_EC2": {"ec2_attributes": {"serial_console_access": {"status": {"@@assign": "disabled"}}}},
    "SECURITYHUB_POLICY": {"securityhub": {"enable_in_regions": {"@@assign": ["us-east-1"]}}},
    "INSPECTOR_POLICY": {
        "inspector": {"enablement": {"ec2_scanning": {"enable_in_regions": {"@@assign": ["us-east-1"]}}}}
    },
    "UPGRADE_ROLLOUT_POLICY": {"upgrade_rollout": {"default": {"patch_order": {"@@assign": "last"}}}},
    "BEDROCK_POLICY": {
        "bedrock": {"guardrail_inference": {"us-east-1": {"config_1": {"identifier": {"@@assign": "g"}}}}}
    },
    "S3_POLICY": {"s3_attributes": {"public_access_block_configuration": {"@@assign": "all"}}},
}


def text(kind):
    given = TEXTS[kind]
    return given if isinstance(given, str) else json.dumps(given)


@pytest.fixture(scope="module")
def organization(server):
    """With SCPs, RCPs and tag policies enabled."""
    made = Organization(server)
    for kind in (SCP, RCP, TAG):
        made.enable(kind)
    return made


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


@pytest.fixture
def unit(organization):
    return organization.unit(expect.name("u"))


def attached(client, target, kind=SCP, size=20):
    return [
        policy["Id"]
        for policy in pages(client, "list_policies_for_target", "Policies", size, TargetId=target, Filter=kind)
    ]


# ---- types -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TEXTS)
def test_a_type_is_enabled_used_and_disabled(server, kind):
    made = Organization(server)
    if kind == "SECURITYHUB_POLICY":
        made.enable_access(SECURITY_HUB)
    policy = made.policy(kind, text(kind))
    with refuses("PolicyTypeNotEnabledException"):
        made.client.attach_policy(PolicyId=policy, TargetId=made.root)
    with refuses("PolicyTypeNotEnabledException"):
        made.client.disable_policy_type(RootId=made.root, PolicyType=kind)
    enabled = made.enable(kind)
    assert (enabled["Id"], enabled["PolicyTypes"]) == (made.root, [{"Type": kind, "Status": "ENABLED"}])
    with refuses("PolicyTypeAlreadyEnabledException"):
        made.enable(kind)
    assert made.client.list_roots()["Roots"] == [enabled]
    made.client.attach_policy(PolicyId=policy, TargetId=made.root)
    assert policy in attached(made.client, made.root, kind)
    disabled = made.client.disable_policy_type(RootId=made.root, PolicyType=kind)["Root"]
    assert disabled["PolicyTypes"] == []
    assert attached(made.client, made.root, kind) == []
    made.enable(kind)
    assert attached(made.client, made.root, kind) == {SCP: [FULL], RCP: [RCP_FULL]}.get(kind, [])


def test_some_types_need_the_service_they_are_for(server):
    made = Organization(server)
    with refuses("ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED"):
        made.enable("SECURITYHUB_POLICY")
    made.enable_access(SECURITY_HUB)
    made.enable("SECURITYHUB_POLICY")
    with refuses("ConstraintViolationException", "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"):
        made.client.disable_aws_service_access(ServicePrincipal=SECURITY_HUB)


@pytest.mark.parametrize("kind, own", [(SCP, FULL), (RCP, RCP_FULL)])
def test_awss_own_policy_is_attached_everywhere(server, kind, own):
    made = Organization(server)
    before, member = made.unit("before"), made.invited()
    made.enable(kind)
    after, late = made.unit("after"), made.created()
    everything = {made.root, before, after, member, late, made.management}
    for target in everything:
        assert attached(made.client, target, kind) == [own]
    targets = pages(made.client, "list_targets_for_policy", "Targets", 2, PolicyId=own)
    assert len(targets) == 6 and {target["TargetId"] for target in targets} == everything


def test_awss_own_policies_are_as_they_are(client):
    described = client.describe_policy(PolicyId=FULL)["Policy"]
    assert described["PolicySummary"] == {
        "Id": FULL,
        "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
        "Name": "FullAWSAccess",
        "Description": "Allows access to every operation",
        "Type": SCP,
        "AwsManaged": True,
    }
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert json.loads(described["Content"]) == {"Version": "2012-10-17", "Statement": [statement]}
    rcp = client.describe_policy(PolicyId=RCP_FULL)["Policy"]
    assert json.loads(rcp["Content"])["Statement"] == [{**statement, "Principal": "*"}]
    for own in (FULL, RCP_FULL):
        with refuses("InvalidInputException", "IMMUTABLE_POLICY"):
            client.update_policy(PolicyId=own, Name="mine")
        with refuses("InvalidInputException", "IMMUTABLE_POLICY"):
            client.delete_policy(PolicyId=own)


# ---- the policies ----------------------------------------------------------------------


def test_a_policy_reads_back_as_it_was_created(organization, client):
    name = expect.name("p")
    given = {"Name": name, "Description": "what for", "Type": SCP, "Content": DENY}
    made = client.create_policy(**given, Tags=expect.tags(a="1"))["Policy"]
    policy = made["PolicySummary"]["Id"]
    assert re.fullmatch("p-[0-9a-zA-Z_]{8,128}", policy)
    assert made == {
        "PolicySummary": {
            "Id": policy,
            "Arn": organization.arn(f"policy/{organization.id}/service_control_policy/{policy}"),
            "Name": name,
            "Description": "what for",
            "Type": SCP,
            "AwsManaged": False,
        },
        "Content": DENY,
    }
    assert client.describe_policy(PolicyId=policy)["Policy"] == made
    assert made["PolicySummary"] in pages(client, "list_policies", "Policies", 20, Filter=SCP)
    assert made["PolicySummary"] not in pages(client, "list_policies", "Policies", 20, Filter=RCP)
    assert expect.tags_of(client.list_tags_for_resource(ResourceId=policy)) == {"a": "1"}


def test_an_update_changes_what_it_names(organization, client):
    policy, allow = organization.policy(SCP, DENY), expect.policy()
    before = client.describe_policy(PolicyId=policy)["Policy"]
    after = client.update_policy(PolicyId=policy, Content=allow)["Policy"]
    assert after == {**before, "Content": allow}
    name = expect.name("p")
    after = client.update_policy(PolicyId=policy, Name=name, Description="new")["Policy"]
    assert (after["PolicySummary"]["Name"], after["PolicySummary"]["Description"]) == (name, "new")
    assert client.describe_policy(PolicyId=policy)["Policy"] == after
    organization.policy(SCP, DENY, before["PolicySummary"]["Name"])


def test_a_name_is_one_policys_within_its_type(organization, client):
    name = expect.name("p")
    organization.policy(SCP, DENY, name)
    other = organization.policy(SCP, DENY)
    message = "A policy with the specified name and type already exists."
    with refuses("DuplicatePolicyException", message=message):
        organization.policy(SCP, DENY, name)
    with refuses("DuplicatePolicyException", message=message):
        client.update_policy(PolicyId=other, Name=name)
    with refuses("DuplicatePolicyException"):
        organization.policy(SCP, DENY, "FullAWSAccess")
    organization.policy(RCP, DENY_ALL, name)


MALFORMED = [
    (SCP, "no JSON"),
    (SCP, "{}"),
    (SCP, expect.policy(Principal="*")),
    (SCP, expect.policy(effect="Perhaps")),
    (SCP, expect.policy("nothing")),
    (RCP, expect.policy(effect="Deny")),
    (RCP, expect.policy(Principal="*")),
    (RCP, expect.policy(effect="Deny", Principal={"AWS": "123456789012"})),
    (TAG, "[]"),
    (TAG, DENY),
    (TAG, '{"plans": {}}'),
    (TAG, '{"tags": {"a": {"tag_key": "A"}}}'),
    (TAG, '{"tags": {"a": {"tag_key": {"@@assgin": "A"}}}}'),
]


@pytest.mark.parametrize("kind, content", MALFORMED, ids=[f"{n}-{row[0]}" for n, row in enumerate(MALFORMED)])
def test_a_text_that_is_no_policy_of_its_type(organization, client, kind, content):
    message = "The provided policy document does not meet the requirements of the specified policy type."
    with refuses("MalformedPolicyDocumentException", message=message):
        organization.policy(kind, content)
    policy = organization.policy(kind, text(kind))
    with refuses("MalformedPolicyDocumentException", message=message):
        client.update_policy(PolicyId=policy, Content=content)


def test_a_text_has_a_size(organization, client):
    refused = ("ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED")
    for kind, characters in ((SCP, 5120), (RCP, 5120), (TAG, 10000), ("AISERVICES_OPT_OUT_POLICY", 2500)):
        longest = text(kind) + " " * (characters - len(text(kind)))
        policy = organization.policy(kind, longest)
        with refuses(*refused, message="You have exceeded the maximum policy size."):
            organization.policy(kind, longest + " ")
        with refuses(*refused):
            client.update_policy(PolicyId=policy, Content=longest + " ")


def test_policies_are_listed_a_page_at_a_time_awss_own_first(server):
    made = Organization(server)
    own = {made.policy(SCP, DENY) for _ in range(4)}
    for size in (1, 2, 20):
        listed = [policy["Id"] for policy in pages(made.client, "list_policies", "Policies", size, Filter=SCP)]
        assert listed[0] == FULL and len(listed) == 5 and set(listed[1:]) == own


# ---- attachments -----------------------------------------------------------------------


def test_a_policy_in_use_stays(organization, client, unit):
    policy = organization.attached(SCP, DENY, unit)
    with refuses("PolicyInUseException"):
        client.delete_policy(PolicyId=policy)
    client.detach_policy(PolicyId=policy, TargetId=unit)
    client.delete_policy(PolicyId=policy)
    with refuses("PolicyNotFoundException"):
        client.describe_policy(PolicyId=policy)


def test_both_ends_of_an_attachment_name_each_other(organization, client, unit):
    policy, member = organization.policy(SCP, DENY), organization.invited()
    names = {organization.root: "Root", unit: None, member: None}
    for target in names:
        client.attach_policy(PolicyId=policy, TargetId=target)
        with refuses("DuplicatePolicyAttachmentException"):
            client.attach_policy(PolicyId=policy, TargetId=target)
        assert sorted(attached(client, target, size=1)) == sorted([FULL, policy])
    targets = pages(client, "list_targets_for_policy", "Targets", PolicyId=policy)
    found = {target["TargetId"]: (target["Type"], target["Arn"]) for target in targets}
    assert found == {
        organization.root: ("ROOT", organization.arn(f"root/{organization.id}/{organization.root}")),
        unit: ("ORGANIZATIONAL_UNIT", organization.arn(f"ou/{organization.id}/{unit}")),
        member: ("ACCOUNT", organization.arn(f"account/{organization.id}/{member}")),
    }
    for target in names:
        client.detach_policy(PolicyId=policy, TargetId=target)
        with refuses("PolicyNotAttachedException"):
            client.detach_policy(PolicyId=policy, TargetId=target)
    assert pages(client, "list_targets_for_policy", "Targets", PolicyId=policy) == []


def test_one_scp_at_least_and_five_at_most(organization, client, unit):
    with refuses("ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"):
        client.detach_policy(PolicyId=FULL, TargetId=unit)
    for _ in range(4):
        organization.attached(SCP, expect.policy("*"), unit)
    with refuses("ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"):
        organization.attached(SCP, expect.policy("*"), unit)
    client.detach_policy(PolicyId=FULL, TargetId=unit)
    assert len(attached(client, unit)) == 4


def test_awss_own_rcp_stays(client, unit):
    with refuses("InvalidInputException", "NON_DETACHABLE_POLICY"):
        client.detach_policy(PolicyId=RCP_FULL, TargetId=unit)


# ---- effective policies ----------------------------------------------------------------


def tag_policy(**operators):
    return json.dumps({"tags": {"team": operators}})


def test_the_levels_come_to_one_policy(organization, client, unit):
    member = organization.invited()
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    organization.attached(
        TAG, tag_policy(tag_key={"@@assign": "Team"}, tag_value={"@@assign": ["a"]}), organization.root
    )
    organization.attached(TAG, tag_policy(tag_value={"@@append": ["b", "c"]}), unit)
    organization.attached(TAG, tag_policy(tag_value={"@@remove": ["a"]}), member)
    told = client.describe_effective_policy(PolicyType=TAG, TargetId=member)["EffectivePolicy"]
    assert (told["TargetId"], told["PolicyType"]) == (member, TAG)
    effective = {"tags": {"team": {"tag_key": "Team", "tag_value": ["b", "c"]}}}
    assert json.loads(told["PolicyContent"]) == effective
    own = organization.of(member).describe_effective_policy(PolicyType=TAG)["EffectivePolicy"]
    assert own == told
    of_management = client.describe_effective_policy(PolicyType=TAG)["EffectivePolicy"]
    assert json.loads(of_management["PolicyContent"]) == {"tags": {"team": {"tag_key": "Team", "tag_value": ["a"]}}}
    with refuses("AccessDeniedException"):
        organization.of(member).describe_effective_policy(PolicyType=TAG, TargetId=organization.management)


def test_what_a_parent_forbids_its_children_do_not_change(organization, client, server):
    made = Organization(server)
    made.enable(TAG)
    only_assigned = {"@@assign": "Team", "@@operators_allowed_for_child_policies": ["@@none"]}
    made.attached(TAG, tag_policy(tag_key=only_assigned), made.root)
    made.attached(TAG, tag_policy(tag_key={"@@assign": "TEAM"}), made.management)
    told = made.client.describe_effective_policy(PolicyType=TAG)["EffectivePolicy"]
    assert json.loads(told["PolicyContent"]) == {"tags": {"team": {"tag_key": "Team"}}}
    made.client.disable_policy_type(RootId=made.root, PolicyType=TAG)
    with refuses("EffectivePolicyNotFoundException"):
        made.client.describe_effective_policy(PolicyType=TAG)
