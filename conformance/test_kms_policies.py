"""Key policies: the root of trust. What they do not allow, nobody may do, whatever else allows it."""

import json
import re

import pytest

import expect
import keys
from expect import fails
from keys import denied, policy, statement

LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
UNKNOWN = "Policy contains a statement with one or more invalid principals."
NO_IDENTITY = "because no identity-based policy allows the kms:Encrypt action"
NO_RESOURCE = "because no resource-based policy allows the kms:Encrypt action"


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def root(people, account):
    return people.root(account)


def encrypt(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=b"x")


def test_the_default_policy_leaves_it_to_iam(people, root, account):
    key = keys.make(root)
    nobody, arn = people.user(account)
    with denied("kms:Encrypt on resource: " + key, NO_IDENTITY) as seen:
        encrypt(nobody, key)
    assert seen[0].response["Error"]["Message"].startswith(f"User: {arn} is not authorized")
    somebody, _ = people.user(account, action="kms:Encrypt", resource=key)
    encrypt(somebody, key)
    with denied("kms:Decrypt"):
        somebody.decrypt(CiphertextBlob=encrypt(somebody, key)["CiphertextBlob"])


def test_a_policy_that_leaves_the_root_out(people, root, account):
    owner, arn = people.user(account, action="kms:CreateKey")
    key = keys.make(owner, Policy=policy(statement(arn)))
    powerful, _ = people.user(account, action="*")
    for one in (root, powerful):
        with denied("kms:Encrypt on resource: " + key, NO_RESOURCE):
            encrypt(one, key)
        with denied("kms:PutKeyPolicy"):
            one.put_key_policy(KeyId=key, Policy=policy(statement(account)))
        with denied("kms:GetKeyPolicy"):
            one.get_key_policy(KeyId=key)
        with denied("kms:ScheduleKeyDeletion"):
            one.schedule_key_deletion(KeyId=key)
    encrypt(owner, key)
    owner.put_key_policy(KeyId=key, Policy=policy(statement(arn), statement(account)))
    for one in (root, powerful):
        encrypt(one, key)


def test_a_key_policy_alone_is_enough_in_its_own_account(people, root, account):
    user, arn = people.user(account)
    key = keys.make(root, Policy=policy(statement(account), statement(arn, "kms:Encrypt")))
    encrypt(user, key)
    with denied("kms:Decrypt"):
        user.decrypt(CiphertextBlob=encrypt(user, key)["CiphertextBlob"])


def test_a_statement_for_the_account_is_none_for_its_users(people, root, account):
    key = keys.make(root, Policy=policy(statement(account, "kms:PutKeyPolicy"), statement(account, "kms:Encrypt")))
    allowed, _ = people.user(account, action="kms:*")
    encrypt(allowed, key)
    with denied("kms:GenerateDataKey", "because no resource-based policy allows the kms:GenerateDataKey action"):
        allowed.generate_data_key(KeyId=key, KeySpec="AES_256")
    nobody, _ = people.user(account)
    with denied("kms:Encrypt"):
        encrypt(nobody, key)


def test_denials_win(people, root, account):
    user, arn = people.user(account, action="kms:*")
    key = keys.make(root, Policy=policy(statement(account), statement(arn, "kms:Encrypt", effect="Deny")))
    with denied("kms:Encrypt", "with an explicit deny in a resource-based policy"):
        encrypt(user, key)
    encrypt(root, key)
    refusing = {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}
    other, arn = people.user(account, refusing)
    root.put_key_policy(KeyId=key, Policy=policy(statement(account), statement(arn, "kms:*")))
    with denied("kms:Encrypt", "with an explicit deny in an identity-based policy"):
        encrypt(other, key)


def test_a_role_may_what_its_keys_policy_says(people, root, account):
    iam = people.root(account, "iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))["Role"]["Arn"]
    assuming, _ = people.user(account, action="sts:AssumeRole", service="sts")
    session = assuming.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    kms = people.client(session)
    key = keys.make(root)
    with denied("kms:Encrypt"):
        encrypt(kms, key)
    root.put_key_policy(KeyId=key, Policy=policy(statement(account), statement(role, "kms:Encrypt")))
    encrypt(kms, key)


def test_nobody_locks_himself_out_by_accident(people, root, account):
    _, arn = people.user(account)
    theirs = policy(statement(arn))
    with fails("MalformedPolicyDocumentException", LOCKED_OUT):
        root.create_key(Policy=theirs)
    key = keys.make(root)
    with fails("MalformedPolicyDocumentException", LOCKED_OUT):
        root.put_key_policy(KeyId=key, Policy=theirs)
    encrypt(root, key)
    root.put_key_policy(KeyId=key, Policy=theirs, BypassPolicyLockoutSafetyCheck=True)
    with denied("kms:Encrypt"):
        encrypt(root, key)
    bypassed = keys.make(root, Policy=theirs, BypassPolicyLockoutSafetyCheck=True)
    with denied("kms:DescribeKey"):
        root.describe_key(KeyId=bypassed)


def test_principals_that_are_not_there(root, account):
    gone = f"arn:aws:iam::{account}:user/nobody"
    for principal in (gone, f"arn:aws:iam::{account}:role/none", "arn:aws:iam::12:root", "nonsense"):
        with fails({"MalformedPolicyDocumentException", "InvalidArnException"}) as seen:
            root.create_key(Policy=policy(statement(account), statement(principal, "kms:Encrypt")))
        if principal == gone:
            check = seen[0].response["Error"]
            assert (check["Code"], check["Message"]) == ("MalformedPolicyDocumentException", UNKNOWN)


def test_a_user_of_the_same_name_is_another_one(people, root, account):
    iam = people.root(account, "iam")
    user, arn = people.user(account)
    name = arn.rpartition("/")[2]
    key = keys.make(root, Policy=policy(statement(account), statement(arn, "kms:Encrypt")))
    encrypt(user, key)
    [old] = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
    iam.delete_user(UserName=name)
    iam.create_user(UserName=name)
    again = people.client(iam.create_access_key(UserName=name)["AccessKey"])
    with denied("kms:Encrypt"):
        encrypt(again, key)
    assert arn not in root.get_key_policy(KeyId=key)["Policy"], "the guide: the user's unique id stands there now"


@pytest.mark.parametrize(
    "document",
    [
        "nonsense",
        "{}",
        '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Principal":"*","Action":"kms:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}',
        '{"Version":"2000-01-01","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","X":1}]}',
    ],
)
def test_documents_that_are_malformed(root, document):
    with fails("MalformedPolicyDocumentException"):
        root.create_key(Policy=document)
    with fails("MalformedPolicyDocumentException"):
        root.put_key_policy(KeyId=keys.make(root), Policy=document)


@pytest.mark.parametrize("missing", ["Action", "Resource"])
def test_statements_that_say_too_little_have_no_effect(people, root, account, missing):
    user, arn = people.user(account)
    partial = {k: v for k, v in statement(arn, "kms:Encrypt").items() if k != missing}
    key = keys.make(root, Policy=policy(statement(account), partial))
    with denied("kms:Encrypt"):
        encrypt(user, key)


def test_a_policy_comes_back_as_it_went_in(root, account):
    document = json.dumps(json.loads(policy(statement(account), {**statement(account), "Sid": "two"})), indent=3)
    key = keys.make(root, Policy=document)
    assert json.loads(root.get_key_policy(KeyId=key)["Policy"]) == json.loads(document)
    root.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(statement(account)))
    assert root.get_key_policy(KeyId=key)["Policy"] == policy(statement(account))


def test_other_names_of_policies(root, account):
    key = keys.make(root)
    with fails("NotFoundException"):
        root.get_key_policy(KeyId=key, PolicyName="AWS_RAM")
    with fails("ValidationException"):
        root.put_key_policy(KeyId=key, PolicyName="AWS_RAM", Policy=policy(statement(account)))
    with fails({"NotFoundException", "ValidationException"}):
        root.get_key_policy(KeyId=key, PolicyName="other")


def test_a_policy_of_thirty_two_kibibytes(root, account):
    def document(characters):
        made = policy(statement(account), {**statement(account), "Sid": "x"})
        return made.replace('"x"', f'"{"x" * (characters - len(made) + 1)}"')

    key = keys.make(root)
    root.put_key_policy(KeyId=key, Policy=document(32_768))
    with fails("LimitExceededException"):
        root.put_key_policy(KeyId=key, Policy=document(32_769))
    with fails("LimitExceededException"):
        root.create_key(Policy=document(40_000))


def test_what_only_iam_decides(people, root, account):
    nobody, _ = people.user(account)
    calls = {
        "kms:CreateKey": lambda kms: kms.create_key(),
        "kms:ListKeys": lambda kms: kms.list_keys(),
        "kms:ListAliases": lambda kms: kms.list_aliases(),
        "kms:GenerateRandom": lambda kms: kms.generate_random(NumberOfBytes=1),
        "kms:DescribeCustomKeyStores": lambda kms: kms.describe_custom_key_stores(),
    }
    for action, call in calls.items():
        with denied(action, f"because no identity-based policy allows the {action} action"):
            call(nobody)
        allowed, _ = people.user(account, action=action)
        call(allowed)


def test_tags_at_creation_need_a_permission_of_their_own(people, root, account):
    tags = [{"TagKey": "a", "TagValue": "b"}]
    user, _ = people.user(account, action="kms:CreateKey")
    user.create_key()
    with denied("kms:TagResource"):
        user.create_key(Tags=tags)
    other, _ = people.user(account, action=["kms:CreateKey", "kms:TagResource"])
    other.create_key(Tags=tags)


def test_a_key_that_is_not_there_is_told_to_those_who_may_ask(people, root, account):
    missing = f"arn:aws:kms:us-east-1:{account}:key/00000000-0000-4000-8000-000000000000"
    with fails("NotFoundException", re.compile(re.escape(f"'{missing}' does not exist"))):
        encrypt(root, missing)
    nobody, _ = people.user(account)
    with denied("kms:Encrypt"):
        encrypt(nobody, missing)


def test_a_permissions_boundary_holds_for_keys_too(people, root, account):
    user, arn = people.user(account, action="kms:*")
    iam = people.root(account, "iam")
    boundary = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    key = keys.make(root)
    iam.put_user_permissions_boundary(UserName=arn.rpartition("/")[2], PermissionsBoundary=boundary)
    with denied("kms:Encrypt", "because no permissions boundary allows the kms:Encrypt action"):
        encrypt(user, key)
