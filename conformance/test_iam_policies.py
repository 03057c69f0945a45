"""IAM policies: managed ones with versions, AWS's own, attachments, inline ones, documents as they come and go."""

import re
import urllib.parse

import pytest

import expect
from expect import READ_ONLY, refuses


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


@pytest.fixture
def holders(iam):
    """A user, a group and a role, with what the methods of each are called."""
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    return [("user", "UserName", "u"), ("group", "GroupName", "g"), ("role", "RoleName", "r")]


KINDS = ["user", "group", "role"]


# ---- managed policies ------------------------------------------------------------------


def test_everything_that_a_policy_is_given_reads_back(iam, account):
    made = iam.create_policy(
        PolicyName="p",
        Path="/x/y/",
        PolicyDocument=expect.policy(),
        Description="for ü & <tests>",
        Tags=expect.tags(a="1"),
    )["Policy"]
    assert re.fullmatch(r"ANPA[A-Z0-9]{17}", made["PolicyId"])
    assert made["Arn"] == f"arn:aws:iam::{account}:policy/x/y/p"
    assert (made["PolicyName"], made["Path"], made["DefaultVersionId"]) == ("p", "/x/y/", "v1")
    assert (made["AttachmentCount"], made["PermissionsBoundaryUsageCount"]) == (0, 0)
    assert made["IsAttachable"] is True
    assert made["CreateDate"] == made["UpdateDate"]
    read = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert read["Description"] == "for ü & <tests>"
    assert expect.tags_of(read) == {"a": "1"}
    assert {k: read[k] for k in made if k != "Tags"} == {k: made[k] for k in made if k != "Tags"}
    [listed] = iam.list_policies(Scope="Local")["Policies"]
    assert listed["PolicyId"] == made["PolicyId"]
    assert "Description" not in listed and "Tags" not in listed


def test_a_policy_gets_five_versions_and_new_numbers_for_ever(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:A1"))["Policy"]["Arn"]
    for number in range(2, 6):
        made = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=expect.policy(f"sqs:A{number}"), SetAsDefault=number == 3
        )["PolicyVersion"]
        assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", number == 3)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in listed] == [
        ("v5", False),
        ("v4", False),
        ("v3", True),
        ("v2", False),
        ("v1", False),
    ]
    assert all("Document" not in version for version in listed)
    read = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert read["Document"]["Statement"][0]["Action"] == "sqs:A2"
    with refuses("LimitExceeded", re.compile("A managed policy can have up to 5 versions")):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy())
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy())["PolicyVersion"]
    assert made["VersionId"] == "v6"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"


def test_a_default_version_takes_effect_on_the_next_call(server, iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("iam:ListUsers"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy("iam:ListGroups"))
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    own = expect.user_caller(server, iam, "u")
    own.list_users()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    own.list_groups()
    with refuses("AccessDenied"):
        own.list_users()


def test_a_new_version_moves_the_date_of_the_last_change(iam, clock_advance):
    made = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]
    clock_advance("1h")
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=expect.policy(), SetAsDefault=True)
    read = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert (read["UpdateDate"] - made["UpdateDate"]).total_seconds() >= 3600
    assert read["CreateDate"] == made["CreateDate"]


def test_names_differ_by_more_than_case(iam):
    iam.create_policy(PolicyName="Policy", PolicyDocument=expect.policy())
    with refuses("EntityAlreadyExists"):
        iam.create_policy(PolicyName="pOLICY", PolicyDocument=expect.policy())
    message = "A policy called Policy already exists. Duplicate names are not allowed."
    with refuses("EntityAlreadyExists", message):
        iam.create_policy(PolicyName="Policy", Path="/x/", PolicyDocument=expect.policy())


def test_policies_are_listed_by_scope_path_and_use(iam, account):
    arns = {}
    for path, name in [("/", "plain"), ("/x/", "used"), ("/x/y/", "bound")]:
        made = iam.create_policy(Path=path, PolicyName=name, PolicyDocument=expect.policy())["Policy"]
        arns[name] = made["Arn"]
    iam.create_user(UserName="u", PermissionsBoundary=arns["bound"])
    iam.attach_user_policy(UserName="u", PolicyArn=arns["used"])
    iam.attach_user_policy(UserName="u", PolicyArn=READ_ONLY)

    def listed(**given):
        return {policy["PolicyName"] for policy in expect.all_items(iam, "list_policies", "Policies", 1000, **given)}

    assert listed(Scope="Local") == {"plain", "used", "bound"}
    assert listed(Scope="Local", PathPrefix="/x/") == {"used", "bound"}
    assert listed(Scope="AWS", OnlyAttached=True) == {"ReadOnlyAccess"}
    assert listed(PolicyUsageFilter="PermissionsPolicy") == {"used", "ReadOnlyAccess"}
    assert listed(PolicyUsageFilter="PermissionsBoundary") == {"bound"}
    assert {"plain", "used", "bound", "ReadOnlyAccess", "AdministratorAccess"} <= listed()
    assert not {"plain", "used", "bound"} & listed(Scope="AWS")


def test_tags_are_added_replaced_and_removed(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy(), Tags=expect.tags(a="1", b="2"))
    arn = arn["Policy"]["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=expect.tags(b="3", c="4"))
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert expect.tags_of(iam.list_policy_tags(PolicyArn=arn)) == {"b": "3", "c": "4"}


def test_a_deleted_policy_is_gone(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    iam.delete_policy(PolicyArn=arn)
    with refuses("NoSuchEntity", f"Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)
    iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())


# ---- AWS's own policies ----------------------------------------------------------------


@pytest.mark.parametrize(
    "path, name",
    [
        ("/", "AdministratorAccess"),
        ("/", "AmazonSQSReadOnlyAccess"),
        ("/job-function/", "ViewOnlyAccess"),
        ("/service-role/", "AWSLambdaBasicExecutionRole"),
        ("/aws-service-role/", "AutoScalingServiceRolePolicy"),
    ],
)
def test_aws_policies_are_there_with_their_documents(iam, path, name):
    arn = f"arn:aws:iam::aws:policy{path}{name}"
    read = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (read["PolicyName"], read["Path"], read["Arn"]) == (name, path, arn)
    assert read["PolicyId"].startswith("ANPA")
    version = iam.get_policy_version(PolicyArn=arn, VersionId=read["DefaultVersionId"])["PolicyVersion"]
    assert version["IsDefaultVersion"] and version["Document"]["Statement"]
    assert read["DefaultVersionId"] in [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]]


def test_the_administrators_policy_says_everything(iam):
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_aws_has_more_than_a_thousand_policies(iam):
    found = expect.all_items(iam, "list_policies", "Policies", 1000, Scope="AWS")
    assert len(found) > 1000
    assert len({policy["PolicyId"] for policy in found}) == len(found)


ON_A_POLICY = [
    ("create_policy_version", {"PolicyDocument": expect.policy()}),
    ("delete_policy", {}),
    ("delete_policy_version", {"VersionId": "v1"}),
    ("set_default_policy_version", {"VersionId": "v1"}),
    ("tag_policy", {"Tags": expect.tags(a="1")}),
    ("untag_policy", {"TagKeys": ["a"]}),
]


@pytest.mark.parametrize("method, given", ON_A_POLICY, ids=[m for m, _ in ON_A_POLICY])
def test_nobody_changes_aws_policies(server, method, given):
    iam = expect.caller(server, "161803398874")
    with refuses("AccessDenied"):
        getattr(iam, method)(PolicyArn=READ_ONLY, **given)


def test_the_uses_of_an_aws_policy_are_counted_for_each_account(server, iam, holders):
    for kind, parameter, name in holders:
        getattr(iam, f"attach_{kind}_policy")(**{parameter: name, "PolicyArn": READ_ONLY})
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 3
    other = expect.caller(server, "161803398874")
    assert other.get_policy(PolicyArn=READ_ONLY)["Policy"]["AttachmentCount"] == 0


def test_a_service_linked_roles_policy_is_not_for_others(iam, holders):
    arn = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"
    for kind, parameter, name in holders:
        with refuses("PolicyNotAttachable"):
            getattr(iam, f"attach_{kind}_policy")(**{parameter: name, "PolicyArn": arn})


def test_a_service_linked_roles_policy_is_no_boundary(iam, holders):
    arn = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"
    with refuses("PolicyNotAttachable"):
        iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=arn)
    with refuses("PolicyNotAttachable"):
        iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)


# ---- attachments -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_attachments_come_and_go(iam, holders, kind):
    own = iam.create_policy(PolicyName="own", Path="/x/", PolicyDocument=expect.policy())["Policy"]["Arn"]
    [(_, parameter, name)] = [holder for holder in holders if holder[0] == kind]
    attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
    for arn in (own, own, READ_ONLY):
        attach(**{parameter: name, "PolicyArn": arn})

    def attached(**given):
        answer = getattr(iam, f"list_attached_{kind}_policies")(**{parameter: name}, **given)
        return {policy["PolicyName"]: policy["PolicyArn"] for policy in answer["AttachedPolicies"]}

    assert attached() == {"own": own, "ReadOnlyAccess": READ_ONLY}
    assert attached(PathPrefix="/x/") == {"own": own}
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    users_of = iam.list_entities_for_policy(PolicyArn=own)
    list_name = f"Policy{kind.title()}s"
    assert [entity[parameter] for entity in users_of[list_name]] == [name]
    assert sum(len(users_of[f"Policy{k.title()}s"]) for k in KINDS) == 1
    assert users_of[list_name][0][f"{kind.title()}Id"].startswith("A")
    detach(**{parameter: name, "PolicyArn": own})
    assert attached() == {"ReadOnlyAccess": READ_ONLY}
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 0
    with refuses("NoSuchEntity", f"Policy {own} was not found."):
        detach(**{parameter: name, "PolicyArn": own})


def test_entities_of_a_policy_are_chosen_by_kind_path_and_use(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    iam.create_user(UserName="u1", Path="/x/")
    iam.create_user(UserName="u2", PermissionsBoundary=arn)
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(), PermissionsBoundary=arn)
    iam.attach_user_policy(UserName="u1", PolicyArn=arn)
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)

    def entities(**given):
        found = iam.list_entities_for_policy(PolicyArn=arn, **given)
        names = [(u["UserName"]) for u in found["PolicyUsers"]]
        names += [g["GroupName"] for g in found["PolicyGroups"]]
        return sorted(names + [r["RoleName"] for r in found["PolicyRoles"]])

    assert entities(EntityFilter="User", PolicyUsageFilter="PermissionsPolicy") == ["u1"]
    assert entities(EntityFilter="Group") == ["g"]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == ["g", "u1"]
    assert entities(PolicyUsageFilter="PermissionsBoundary") == ["r", "u2"]
    assert entities(EntityFilter="Role", PolicyUsageFilter="PermissionsBoundary") == ["r"]
    assert entities(PathPrefix="/x/") == ["u1"]


# ---- inline policies -------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_inline_policies_are_put_read_replaced_and_deleted(iam, holders, kind):
    [(_, parameter, name)] = [holder for holder in holders if holder[0] == kind]
    of = {parameter: name}
    put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
    put(PolicyName="p.1+=,@-_", PolicyDocument=expect.policy("sqs:A"), **of)
    put(PolicyName="q", PolicyDocument=expect.policy("sqs:B"), **of)
    put(PolicyName="q", PolicyDocument=expect.policy("sqs:C"), **of)
    assert getattr(iam, f"list_{kind}_policies")(**of)["PolicyNames"] == ["p.1+=,@-_", "q"]
    read = get(PolicyName="q", **of)
    assert (read[parameter], read["PolicyName"]) == (name, "q")
    assert read["PolicyDocument"]["Statement"][0]["Action"] == "sqs:C"
    getattr(iam, f"delete_{kind}_policy")(PolicyName="q", **of)
    assert getattr(iam, f"list_{kind}_policies")(**of)["PolicyNames"] == ["p.1+=,@-_"]
    with refuses("NoSuchEntity", f"The {kind} policy with name q cannot be found."):
        get(PolicyName="q", **of)


# ---- documents -------------------------------------------------------------------------

DOCUMENT = """ {
  "Version" : "2012-10-17",
  "Id": "über ~ * + %20",
  "Statement": {"Sid": "", "Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}
}
"""


@pytest.fixture
def texts(iam):
    """The encoded documents in the answers, which botocore decodes before anyone sees them."""
    found = []

    def read(response_dict, **_):
        tag = rb"<(?:PolicyDocument|Document|AssumeRolePolicyDocument)>([^<]*)<"
        found.extend(text.decode() for text in re.findall(tag, response_dict["body"]))

    iam.meta.events.register("before-parse.iam", read)
    return found


def test_documents_come_back_as_they_were_given_and_encoded(iam, texts):
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=DOCUMENT)
    iam.get_user_policy(UserName="u", PolicyName="p")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.get_policy_version(PolicyArn=arn, VersionId="v1")
    assert [urllib.parse.unquote(text) for text in texts] == [DOCUMENT, DOCUMENT]
    # All but the unreserved characters of RFC 3986, and in upper case.
    assert texts[0] == urllib.parse.quote(DOCUMENT, safe="")


MALFORMED = {
    "no JSON": "{",
    "empty": "{}",
    "a list": "[]",
    "an unknown element": '{"Version": "2012-10-17", "Statement": [], "Other": 1}',
    "an unknown version": expect.policy().replace("2012-10-17", "2020-01-01"),
    "no statement": '{"Version": "2012-10-17"}',
    "no effect": expect.policy().replace('"Effect": "Allow", ', ""),
    "an unknown effect": expect.policy(effect="Perhaps"),
    "effects in lower case": expect.policy(effect="allow"),
    "no action": expect.policy().replace('"Action": "sqs:SendMessage", ', ""),
    "an action without a service": expect.policy("SendMessage"),
    "an empty action": expect.policy(""),
    "no resource": expect.policy().replace(', "Resource": "*"', ""),
    "a resource that is no ARN": expect.policy(resource="queue"),
    "both resources": expect.policy(NotResource="*"),
    "both actions": expect.policy(NotAction="sqs:*"),
    "a principal": expect.policy(Principal="*"),
    "an unknown operator": expect.policy(Condition={"StringIs": {"aws:username": "x"}}),
    "a condition that is no map": expect.policy(Condition=["x"]),
    "two statements of one id": '{"Version": "2012-10-17", "Statement": ['
    + ", ".join(['{"Sid": "A", "Effect": "Allow", "Action": "sqs:*", "Resource": "*"}'] * 2)
    + "]}",
    "an id with a space": expect.policy(Sid="a b"),
}


@pytest.mark.parametrize("document", MALFORMED.values(), ids=MALFORMED)
def test_malformed_documents_are_refused_wherever_they_come(server, account, document):
    iam = expect.caller(server, "141421356237")
    name = f"n{account}"
    iam.create_user(UserName=name)
    with refuses("MalformedPolicyDocument"):
        iam.create_policy(PolicyName=name, PolicyDocument=document)
    with refuses("MalformedPolicyDocument"):
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)


@pytest.mark.parametrize(
    "method, given",
    [
        ("create_policy_version", {"PolicyArn": "{policy}"}),
        ("put_group_policy", {"GroupName": "g", "PolicyName": "p"}),
        ("put_role_policy", {"RoleName": "r", "PolicyName": "p"}),
        ("update_assume_role_policy", {"RoleName": "r"}),
    ],
)
def test_every_operation_refuses_malformed_documents(iam, holders, method, given):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    given = {key: value.format(policy=arn) for key, value in given.items()}
    with refuses("MalformedPolicyDocument"):
        getattr(iam, method)(PolicyDocument="{", **given)


@pytest.mark.parametrize(
    "document, message",
    [
        ("{", "Syntax errors in policy."),
        (expect.policy("SendMessage"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (expect.policy(resource="queue"), 'Resource queue must be in ARN format or "*".'),
        (expect.policy(Principal="*"), "Policy document should not specify a principal."),
        (expect.policy().replace('"Action": "sqs:SendMessage", ', ""), "Policy statement must contain actions."),
        (expect.policy().replace(', "Resource": "*"', ""), "Policy statement must contain resources."),
    ],
    ids=["syntax", "vendor", "resource", "principal", "no actions", "no resources"],
)
def test_the_wording_of_refusals(iam, document, message):
    with refuses("MalformedPolicyDocument", message):
        iam.create_policy(PolicyName="p", PolicyDocument=document)


TRUST_MALFORMED = {
    "no JSON": "{",
    "no principal": expect.trust().replace('"Principal": {"Service": "ec2.amazonaws.com"}, ', ""),
    "a resource": expect.policy("sts:AssumeRole", Principal="*"),
    "another action": expect.trust(action="sqs:SendMessage"),
    "an unknown kind of principal": expect.trust(Human="bob"),
}


@pytest.mark.parametrize("document", TRUST_MALFORMED.values(), ids=TRUST_MALFORMED)
def test_malformed_trust_policies_are_refused(iam, document):
    with refuses("MalformedPolicyDocument"):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
