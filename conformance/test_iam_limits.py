"""IAM's quotas: how many, and how large. Those in the thousands are too many to make here."""

import re

import pytest

import expect
from expect import READ_ONLY, refuses
from test_iam_certificates import CERTIFICATE, PRIVATE_KEY
from test_iam_providers import metadata


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


@pytest.fixture
def holders(iam):
    """What the methods of each kind need to name a user, a group and a role."""
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    return {"user": {"UserName": "u"}, "group": {"GroupName": "g"}, "role": {"RoleName": "r"}}


KINDS = ["user", "group", "role"]


def test_two_access_keys_for_a_user_and_for_root(iam, holders):
    for of in (holders["user"], {}):
        for _ in range(2):
            iam.create_access_key(**of)
        with refuses("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"):
            iam.create_access_key(**of)


def test_ten_groups_for_a_user(iam, holders):
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
        if number < 10:
            iam.add_user_to_group(GroupName=f"g{number}", UserName="u")
    with refuses("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="g10", UserName="u")
    # A group that the user is in already is none more.
    iam.add_user_to_group(GroupName="g9", UserName="u")
    iam.remove_user_from_group(GroupName="g0", UserName="u")
    iam.add_user_to_group(GroupName="g10", UserName="u")


@pytest.mark.parametrize("kind", KINDS)
def test_ten_attachments_for_an_identity(iam, holders, kind):
    attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
    arns = []
    for number in range(11):
        made = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=expect.policy())
        arns.append(made["Policy"]["Arn"])
    for arn in arns[:10]:
        attach(PolicyArn=arn, **holders[kind])
    with refuses("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind.title()}: 10"):
        attach(PolicyArn=arns[10], **holders[kind])
    attach(PolicyArn=arns[0], **holders[kind])
    detach(PolicyArn=arns[0], **holders[kind])
    attach(PolicyArn=arns[10], **holders[kind])


def test_quotas_hold_when_many_ask_at_once(server, account, iam, holders):
    callers = [expect.caller(server, account) for _ in range(6)]
    makes = [lambda own=own: own.create_access_key(UserName="u") for own in callers]
    assert sorted(expect.at_once(*makes), key=str) == ["LimitExceeded"] * 4 + [None] * 2
    assert len(iam.list_access_keys(UserName="u")["AccessKeyMetadata"]) == 2
    made = [iam.create_policy(PolicyName=f"p{number}", PolicyDocument=expect.policy()) for number in range(14)]
    for one in made[:8]:
        iam.attach_role_policy(RoleName="r", PolicyArn=one["Policy"]["Arn"])
    attaches = [
        lambda own=own, one=one: own.attach_role_policy(RoleName="r", PolicyArn=one["Policy"]["Arn"])
        for own, one in zip(callers, made[8:])
    ]
    assert sorted(expect.at_once(*attaches), key=str) == ["LimitExceeded"] * 4 + [None] * 2
    counts = [iam.get_policy(PolicyArn=one["Policy"]["Arn"])["Policy"]["AttachmentCount"] for one in made]
    assert sum(counts) == len(iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]) == 10


def test_one_role_for_an_instance_profile(iam, holders):
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.create_role(RoleName="s", AssumeRolePolicyDocument=expect.trust())
    with refuses("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="s")


def test_three_hundred_groups(iam):
    for number in range(300):
        iam.create_group(GroupName=f"g{number}")
    with refuses("LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 300"):
        iam.create_group(GroupName="one-more")
    iam.delete_group(GroupName="g0")
    iam.create_group(GroupName="one-more")


def test_twenty_server_certificates(iam):
    def upload(name):
        iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY)

    for number in range(20):
        upload(f"c{number}")
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 20")):
        upload("one-more")
    iam.delete_server_certificate(ServerCertificateName="c0")
    upload("one-more")


# ---- sizes -----------------------------------------------------------------------------


def padded(padding):
    return expect.policy(resource=f"arn:aws:sqs:us-east-1:*:{padding}")


def padded_trust(padding):
    return expect.trust(AWS="*").replace('"Effect"', f'"Sid": "x{padding}", "Effect"')


@pytest.mark.parametrize("kind, size", [("user", 2048), ("group", 5120), ("role", 10240)])
def test_all_inline_policies_of_an_identity_count_together(iam, holders, kind, size):
    put, of = getattr(iam, f"put_{kind}_policy"), holders[kind]
    half = expect.of_size(padded, size // 2)
    for name in ("one", "two"):
        put(PolicyName=name, PolicyDocument=half, **of)
    name = next(iter(of.values()))
    with refuses("LimitExceeded", f"Maximum policy size of {size} bytes exceeded for {kind} {name}"):
        put(PolicyName="three", PolicyDocument=expect.policy(), **of)
    with refuses("LimitExceeded"):
        put(PolicyName="two", PolicyDocument=expect.of_size(padded, size // 2 + 1), **of)
    # What is replaced makes room, and white space takes none.
    put(PolicyName="two", PolicyDocument=half.replace(" ", "  \n"), **of)
    getattr(iam, f"delete_{kind}_policy")(PolicyName="one", **of)
    put(PolicyName="three", PolicyDocument=expect.policy(), **of)


def test_the_size_of_a_managed_policy(iam):
    whole = expect.of_size(padded, 6144)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=whole.replace(" ", "\n\t  "))["Policy"]["Arn"]
    longer = expect.of_size(padded, 6145)
    with refuses("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="q", PolicyDocument=longer)
    with refuses("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=longer)


def test_the_size_of_a_trust_policy(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.of_size(padded_trust, 2048))
    longer = expect.of_size(padded_trust, 2049)
    with refuses("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
        iam.create_role(RoleName="s", AssumeRolePolicyDocument=longer)
    with refuses("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=longer)


# ---- tags ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tagged(server):
    """Everything that can have tags: the method's kind to how it is named."""
    account = "223606797749"
    iam = expect.caller(server, account)
    iam.create_user(UserName="u")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    iam.create_instance_profile(InstanceProfileName="p")
    policy = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"]["SerialNumber"]
    oidc = iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["a" * 40])
    saml = iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")
    iam.upload_server_certificate(ServerCertificateName="c", CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY)
    return iam, {
        "user": {"UserName": "u"},
        "role": {"RoleName": "r"},
        "instance_profile": {"InstanceProfileName": "p"},
        "policy": {"PolicyArn": policy},
        "mfa_device": {"SerialNumber": device},
        "open_id_connect_provider": {"OpenIDConnectProviderArn": oidc["OpenIDConnectProviderArn"]},
        "saml_provider": {"SAMLProviderArn": saml["SAMLProviderArn"]},
        "server_certificate": {"ServerCertificateName": "c"},
    }


TAGGED = [
    "user",
    "role",
    "instance_profile",
    "policy",
    "mfa_device",
    "open_id_connect_provider",
    "saml_provider",
    "server_certificate",
]


@pytest.mark.parametrize("kind", TAGGED)
def test_fifty_tags(tagged, kind):
    iam, named = tagged
    tag, of = getattr(iam, f"tag_{kind}"), named[kind]
    many = {f"k{number:02}": str(number) for number in range(50)}
    tag(Tags=expect.tags(**many), **of)
    with refuses("LimitExceeded"):
        tag(Tags=expect.tags(more="1"), **of)
    # Another value for a tag that is there is no tag more.
    tag(Tags=expect.tags(k00="other"), **of)
    found = expect.all_items(iam, f"list_{kind}_tags", "Tags", items=7, **of)
    assert {one["Key"]: one["Value"] for one in found} == {**many, "k00": "other"}
    getattr(iam, f"untag_{kind}")(TagKeys=list(many), **of)
    assert getattr(iam, f"list_{kind}_tags")(**of)["Tags"] == []


@pytest.mark.parametrize("kind", TAGGED)
@pytest.mark.parametrize("keys", [["a", "A"], ["aws:x"]], ids=["one key twice", "a reserved key"])
def test_tags_that_are_refused(tagged, kind, keys):
    iam, named = tagged
    with refuses("InvalidInput"):
        getattr(iam, f"tag_{kind}")(Tags=[{"Key": key, "Value": ""} for key in keys], **named[kind])


CREATED = {
    "create_user": {"UserName": "n"},
    "create_role": {"RoleName": "n", "AssumeRolePolicyDocument": expect.trust()},
    "create_instance_profile": {"InstanceProfileName": "n"},
    "create_policy": {"PolicyName": "n", "PolicyDocument": expect.policy()},
    "create_virtual_mfa_device": {"VirtualMFADeviceName": "n"},
    "create_open_id_connect_provider": {"Url": "https://n.example.com", "ThumbprintList": ["a" * 40]},
}


@pytest.mark.parametrize("method", CREATED)
def test_a_key_twice_is_refused_when_something_is_made(iam, method):
    with refuses("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
        getattr(iam, method)(Tags=[{"Key": key, "Value": ""} for key in ("a", "A")], **CREATED[method])


def test_a_key_twice_is_refused_when_something_is_uploaded(iam):
    twice = [{"Key": key, "Value": ""} for key in ("a", "A")]
    with refuses("InvalidInput"):
        iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="n", Tags=twice)
    with refuses("InvalidInput"):
        iam.upload_server_certificate(
            ServerCertificateName="n", CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY, Tags=twice
        )


def test_a_boundary_is_no_attachment(iam, holders):
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=expect.policy())["Policy"]["Arn"]
        iam.attach_user_policy(UserName="u", PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=READ_ONLY)
