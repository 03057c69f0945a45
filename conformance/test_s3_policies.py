"""Bucket policies: the lecture's public-read policy, sharing between accounts, conditions, and the words of refusals."""

import json
import re

import pytest
import expect
import unsigned
from conftest import make_client
from expect import fails

OPEN = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def statement(name, action="s3:GetObject", principal="*", effect="Allow", resource=None, **more):
    return {
        "Effect": effect,
        "Principal": principal,
        "Action": action,
        "Resource": resource or f"arn:aws:s3:::{name}/*",
        **more,
    }


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def set_policy(s3, name, *statements):
    s3.put_bucket_policy(Bucket=name, Policy=policy(*statements))


@pytest.fixture
def somebody(server, client):
    """somebody(policy=…, account=…) makes a user and gives its client and ARN."""

    def make(service="s3", document=None, account="000000000000"):
        iam = client("iam", account=account)
        name = expect.name(prefix="u")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if document:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return make_client(server.endpoint, service, key["AccessKeyId"], key["SecretAccessKey"]), arn

    return make


def allows(action, resource="*"):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": resource}}
    )


def test_the_lectures_public_read_policy(server, s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="index.html", Body=b"<h1>hello</h1>", ContentType="text/html")
    url = f"{server.endpoint}/{name}/index.html"
    assert unsigned.get(url).status_code == 403
    with fails("AccessDenied", re.compile("public policies are blocked by the BlockPublicPolicy"), status=403):
        set_policy(s3, name, statement(name))
    s3.delete_public_access_block(Bucket=name)
    set_policy(s3, name, statement(name))
    answer = unsigned.get(url)
    assert (answer.status_code, answer.text) == (200, "<h1>hello</h1>")
    assert answer.headers["content-type"] == "text/html"
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    refused = unsigned.get(f"{server.endpoint}/{name}")
    assert refused.status_code == 403 and "<Message>Access Denied</Message>" in refused.text
    assert unsigned.get(f"{server.endpoint}/{name}/missing").status_code == 403
    assert unsigned.put(url, b"mine").status_code == 403


def test_two_accounts_share_a_bucket_and_a_third_is_refused(s3, client, bucket, account):
    name = bucket()
    s3.put_object(Bucket=name, Key="shared", Body=b"v")
    partner = {"AWS": f"arn:aws:iam::{account}:root"}
    set_policy(
        s3,
        name,
        statement(name, ["s3:GetObject", "s3:PutObject"], partner),
        statement(name, "s3:ListBucket", partner, resource=f"arn:aws:s3:::{name}"),
    )
    theirs = client("s3", account=account)
    assert theirs.get_object(Bucket=name, Key="shared")["Body"].read() == b"v"
    theirs.put_object(Bucket=name, Key="back", Body=b"w")
    assert s3.get_object(Bucket=name, Key="back")["Body"].read() == b"w"
    assert theirs.list_objects_v2(Bucket=name)["KeyCount"] == 2
    with fails("AccessDenied", "Access Denied", status=403):
        theirs.delete_object(Bucket=name, Key="shared")
    third = client("s3", account="333333333333")
    with fails("AccessDenied", "Access Denied", status=403):
        third.get_object(Bucket=name, Key="shared")


def test_a_user_of_another_account_needs_both_leaves(s3, bucket, somebody, account):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    set_policy(s3, name, statement(name, principal={"AWS": account}))
    without, _ = somebody(account=account)
    with fails("AccessDenied", status=403):
        without.get_object(Bucket=name, Key="k")
    allowed, _ = somebody(document=allows("s3:GetObject"), account=account)
    allowed.get_object(Bucket=name, Key="k")


def test_a_refusal_says_what_is_missing(s3, bucket, somebody):
    name = bucket()
    s3.put_object(Bucket=name, Key="a key", Body=b"v")
    nobody, arn = somebody()
    who = f"User: {arn} is not authorized to perform:"
    with fails(
        "AccessDenied",
        f'{who} s3:GetObject on resource: "arn:aws:s3:::{name}/a key" because no identity-based policy allows the '
        "s3:GetObject action",
        status=403,
    ):
        nobody.get_object(Bucket=name, Key="a key")
    set_policy(s3, name, statement(name, principal={"AWS": arn}, effect="Deny"))
    with fails(
        "AccessDenied",
        f'{who} s3:GetObject on resource: "arn:aws:s3:::{name}/a key" with an explicit deny in a resource-based '
        "policy",
        status=403,
    ):
        nobody.get_object(Bucket=name, Key="a key")


def test_who_may_not_list_does_not_learn_what_is_missing(s3, bucket, somebody):
    name = bucket()
    reader, _ = somebody(document=allows("s3:GetObject"))
    with fails("AccessDenied", re.compile("s3:ListBucket"), status=403):
        reader.get_object(Bucket=name, Key="missing")
    lister, _ = somebody(document=allows("s3:*"))
    with fails("NoSuchKey", status=404):
        lister.get_object(Bucket=name, Key="missing")


def test_conditions(s3, bucket, somebody):
    name = bucket()
    user, arn = somebody()
    s3.put_object(Bucket=name, Key="home/a", Body=b"v")
    s3.put_object(Bucket=name, Key="open", Body=b"v", Tagging="secrecy=none")
    principal = {"AWS": arn}
    equals = lambda **keys: {"Condition": {"StringEquals": {f"s3:{k.replace('__', '/')}": v for k, v in keys.items()}}}
    set_policy(
        s3,
        name,
        statement(name, "s3:ListBucket", principal, resource=f"arn:aws:s3:::{name}", **equals(prefix="home/")),
        statement(name, "s3:GetObject", principal, **equals(ExistingObjectTag__secrecy="none")),
        statement(name, "s3:PutObject", principal, **equals(signatureversion="AWS4-HMAC-SHA256")),
    )
    user.list_objects_v2(Bucket=name, Prefix="home/")
    with fails("AccessDenied", status=403):
        user.list_objects_v2(Bucket=name)
    user.get_object(Bucket=name, Key="open")
    with fails("AccessDenied", status=403):
        user.get_object(Bucket=name, Key="home/a")
    user.put_object(Bucket=name, Key="new", Body=b"v")


@pytest.mark.parametrize(
    "document, message",
    [
        ("nothing", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "This policy contains invalid Json"),
        ('{"Version":"2012-10-17"}', "Missing required field Statement"),
        ({"Effect": None}, "Missing required field Effect"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Effect": "Maybe"}, "Invalid effect: Maybe"),
        ({"Action": "s3:Nonsense"}, "Policy has invalid action"),
        ({"Resource": "arn:aws:s3:::somebody-elses/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Principal": {"AWS": "arn:aws:iam::000000000000:user/nobody"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "bob"}}, "Invalid principal in policy"),
    ],
)
def test_malformed_policies(s3, bucket, document, message):
    name = bucket()
    if isinstance(document, dict):
        whole = {**statement(name, principal={"AWS": "000000000000"}), **document}
        document = policy({k: v for k, v in whole.items() if v is not None})
    with fails("MalformedPolicy", message):
        s3.put_bucket_policy(Bucket=name, Policy=document)


def test_a_policy_is_of_20_kib_at_most(s3, bucket):
    name = bucket()
    padded = policy(statement(name, principal={"AWS": "000000000000"})) + " " * 20480
    with fails("MalformedPolicy", "Policy exceeds the maximum allowed document size."):
        s3.put_bucket_policy(Bucket=name, Policy=padded)


def test_policies_read_back_and_go(s3, bucket):
    name = bucket()
    with fails("NoSuchBucketPolicy", "The bucket policy does not exist", status=404):
        s3.get_bucket_policy(Bucket=name)
    document = policy(statement(name, principal={"AWS": "arn:aws:iam::000000000000:root"}))
    answer = s3.put_bucket_policy(Bucket=name, Policy=document, ConfirmRemoveSelfBucketAccess=True)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == json.loads(document)
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is False
    s3.delete_bucket_policy(Bucket=name)
    with fails("NoSuchBucketPolicy", status=404):
        s3.get_bucket_policy_status(Bucket=name)


def test_the_root_is_never_locked_out(s3, bucket):
    name = bucket()
    both = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    set_policy(s3, name, statement(name, "s3:*", effect="Deny", resource=both))
    with fails("AccessDenied", status=403):
        s3.list_objects_v2(Bucket=name)
    s3.get_bucket_policy(Bucket=name)
    s3.delete_bucket_policy(Bucket=name)
    s3.list_objects_v2(Bucket=name)


def test_canonical_users_are_shown_as_accounts(s3, bucket, client, account):
    name = bucket()
    theirs = client("s3", account=account)
    canonical = theirs.list_buckets()["Owner"]["ID"]
    set_policy(s3, name, statement(name, "s3:PutObject", {"CanonicalUser": canonical}))
    theirs.put_object(Bucket=name, Key="k", Body=b"v")
    assert f"arn:aws:iam::{account}:root" in s3.get_bucket_policy(Bucket=name)["Policy"]
