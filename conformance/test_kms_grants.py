"""Grants: permission for one principal and a few operations, as long as the grant is there."""

import re

import pytest

import expect
import keys
from expect import fails
from keys import denied, policy, statement

GRANT = re.compile("[0-9a-f]{64}")


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def root(people, account):
    return people.root(account)


@pytest.fixture
def key(root):
    return keys.make(root)


def root_arn(account):
    return f"arn:aws:iam::{account}:root"


def encrypt(kms, key, **more):
    return kms.encrypt(KeyId=key, Plaintext=b"x", **more)["CiphertextBlob"]


def grant(kms, key, principal, *operations, **more):
    return kms.create_grant(KeyId=key, GranteePrincipal=principal, Operations=list(operations), **more)


def listed(kms, key, **more):
    return kms.list_grants(KeyId=key, **more)["Grants"]


def test_a_grant_allows_what_it_names_to_whom_it_names(people, root, account, key):
    user, arn = people.user(account)
    other, _ = people.user(account)
    with denied("kms:Encrypt"):
        encrypt(user, key)
    made = grant(root, key, arn, "Encrypt")
    assert GRANT.fullmatch(made["GrantId"]) and made["GrantToken"]
    blob = encrypt(user, key)
    with denied("kms:Decrypt"):
        user.decrypt(CiphertextBlob=blob)
    with denied("kms:Encrypt"):
        encrypt(other, key)
    grant(root, key, arn, "Decrypt", "DescribeKey")
    assert user.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert keys.describe(user, key)["Arn"] == key
    with denied("kms:ListGrants"):
        listed(user, key)
    second = keys.make(root)
    with denied("kms:Encrypt"):
        encrypt(user, second)


def test_how_a_grant_is_listed(people, root, account, key):
    _, arn = people.user(account)
    made = grant(root, key, arn, "Encrypt", "Decrypt", Name="mine", RetiringPrincipal=root_arn(account))
    [found] = listed(root, key)
    created = found.pop("CreationDate")
    assert created >= keys.describe(root, key)["CreationDate"].replace(microsecond=0)
    assert sorted(found.pop("Operations")) == ["Decrypt", "Encrypt"]
    assert found == {
        "KeyId": key,
        "GrantId": made["GrantId"],
        "Name": "mine",
        "GranteePrincipal": arn,
        "RetiringPrincipal": root_arn(account),
        "IssuingAccount": root_arn(account),
    }


def test_listing_and_filters(people, root, account, key):
    people_arns = [people.user(account)[1] for _ in range(2)]
    made = [grant(root, key, people_arns[n % 2], "Encrypt", Name=f"g{n}")["GrantId"] for n in range(5)]
    assert sorted(g["GrantId"] for g in listed(root, key)) == sorted(made)
    assert [g["GrantId"] for g in listed(root, key, GrantId=made[3])] == [made[3]]
    assert sorted(g["GrantId"] for g in listed(root, key, GranteePrincipal=people_arns[1])) == sorted(made[1::2])
    assert listed(root, key, GranteePrincipal=root_arn(account)) == []
    pages, marker = [], {}
    while True:
        page = root.list_grants(KeyId=key, Limit=2, **marker)
        pages.append([g["GrantId"] for g in page["Grants"]])
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [len(p) for p in pages] == [2, 2, 1] and sorted(sum(pages, [])) == sorted(made)
    with fails("InvalidMarkerException"):
        root.list_grants(KeyId=key, Marker="nonsense")
    with fails("InvalidGrantIdException"):
        root.list_grants(KeyId=key, GrantId="nonsense")
    with fails("ValidationException"):
        root.list_grants(KeyId=key, GranteePrincipal=people_arns[0], GranteeServicePrincipal="s3.amazonaws.com")
    with fails("ValidationException"):
        root.list_grants(KeyId=key, Limit=101)


def test_a_name_makes_a_repetition_the_same_grant(people, root, account, key):
    _, arn = people.user(account)
    one, two = (grant(root, key, arn, "Encrypt", Name="once") for _ in range(2))
    assert one["GrantId"] == two["GrantId"] and one["GrantToken"] != two["GrantToken"]
    others = {grant(root, key, arn, "Decrypt", Name="once")["GrantId"], grant(root, key, arn, "Encrypt")["GrantId"]}
    again = grant(root, key, arn, "Encrypt")["GrantId"]
    assert len({one["GrantId"], again, *others}) == 4 == len(listed(root, key))


# ---- tokens ----------------------------------------------------------------------------


def test_tokens(people, root, account, key):
    user, arn = people.user(account)
    made = grant(root, key, arn, "Encrypt")
    encrypt(user, key, GrantTokens=[made["GrantToken"]])
    encrypt(user, key, GrantTokens=[])
    with fails("InvalidGrantTokenException"):
        encrypt(user, key, GrantTokens=["nonsense"])
    with fails("ValidationException"):
        encrypt(user, key, GrantTokens=[made["GrantToken"]] * 11)
    other, _ = people.user(account)
    with denied("kms:Encrypt"):
        encrypt(other, key, GrantTokens=[made["GrantToken"]])


# ---- constraints -----------------------------------------------------------------------


def test_a_context_that_must_be_among_the_pairs(people, root, account, key):
    user, arn = people.user(account)
    subset = {"EncryptionContextSubset": {"team": "a", "stage": "test"}}
    grant(root, key, arn, "Encrypt", "Decrypt", "DescribeKey", Constraints=subset)
    fitting = {"team": "a", "stage": "test", "more": "c"}
    blob = encrypt(user, key, EncryptionContext=fitting)
    assert user.decrypt(CiphertextBlob=blob, EncryptionContext=fitting)["Plaintext"] == b"x"
    encrypt(user, key, EncryptionContext=subset["EncryptionContextSubset"])
    # The guide: names of pairs may differ in case here, values may not.
    encrypt(user, key, EncryptionContext={"Team": "a", "STAGE": "test"})
    for context in ({"team": "a"}, {"team": "b", "stage": "test"}, {"team": "A", "stage": "test"}, {}):
        with denied("kms:Encrypt"):
            encrypt(user, key, EncryptionContext=context)
    user.describe_key(KeyId=key)
    assert listed(root, key)[0]["Constraints"] == subset


def test_a_context_that_must_be_the_same(people, root, account, key):
    user, arn = people.user(account)
    equal = {"EncryptionContextEquals": {"team": "a", "stage": "test"}}
    grant(root, key, arn, "GenerateDataKey", Constraints=equal)
    given = {"KeyId": key, "KeySpec": "AES_256"}
    user.generate_data_key(**given, EncryptionContext={"stage": "test", "team": "a"})
    for context in ({"team": "a", "stage": "test", "more": "c"}, {"team": "a"}, {}):
        with denied("kms:GenerateDataKey"):
            user.generate_data_key(**given, EncryptionContext=context)


def test_constraints_that_are_refused(root, account, key):
    signing = keys.make(root, **keys.KINDS["signing"])
    one = {"EncryptionContextEquals": {"a": "b"}}
    with fails("ValidationException"):
        grant(root, signing, root_arn(account), "Sign", Constraints=one)
    many = {"EncryptionContextSubset": {str(n): "x" for n in range(9)}}
    with fails("ValidationException"):
        grant(root, key, root_arn(account), "Encrypt", Constraints=many)


# ---- grants from grants ----------------------------------------------------------------


def test_who_may_grant_by_a_grant_may_not_grant_more(people, root, account, key):
    middle, middle_arn = people.user(account)
    last, last_arn = people.user(account)
    constraint = {"EncryptionContextSubset": {"team": "a"}}
    grant(root, key, middle_arn, "Encrypt", "CreateGrant", Constraints=constraint)
    stricter = {"EncryptionContextSubset": {"team": "a", "stage": "b"}}
    for operations, constraints in (
        (["Decrypt"], constraint),
        (["Encrypt", "Decrypt"], constraint),
        (["Encrypt"], {"EncryptionContextSubset": {"stage": "b"}}),
        (["Encrypt"], None),
    ):
        with denied("kms:CreateGrant"):
            grant(middle, key, last_arn, *operations, **({"Constraints": constraints} if constraints else {}))
    grant(middle, key, last_arn, "Encrypt", Constraints=stricter)
    encrypt(last, key, EncryptionContext={"team": "a", "stage": "b"})
    with denied("kms:Encrypt"):
        encrypt(last, key, EncryptionContext={"team": "a"})


# ---- the ends of grants ----------------------------------------------------------------


def test_revoking(people, root, account, key):
    user, arn = people.user(account)
    made = grant(root, key, arn, "Encrypt", "RetireGrant")
    encrypt(user, key)
    with denied("kms:RevokeGrant"):
        user.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    revoking, _ = people.user(account, action="kms:RevokeGrant")
    revoking.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with denied("kms:Encrypt"):
        encrypt(user, key)
    assert listed(root, key) == []
    with fails({"NotFoundException", "InvalidGrantIdException"}):
        root.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with fails({"InvalidGrantIdException", "ValidationException"}):
        root.revoke_grant(KeyId=key, GrantId="nonsense")


@pytest.mark.parametrize("by", ["token", "id"])
def test_the_retiring_principal_retires(people, root, account, key, by):
    user, arn = people.user(account)
    retiring, retiring_arn = people.user(account)
    made = grant(root, key, arn, "Encrypt", RetiringPrincipal=retiring_arn)
    named = {"GrantToken": made["GrantToken"]} if by == "token" else {"KeyId": key, "GrantId": made["GrantId"]}
    with denied("kms:RetireGrant"):
        user.retire_grant(**named)
    retiring.retire_grant(**named)
    with denied("kms:Encrypt"):
        encrypt(user, key)
    assert listed(root, key) == []


def test_a_grantee_retires_if_the_grant_says_so(people, root, account, key):
    user, arn = people.user(account)
    grant_id = grant(root, key, arn, "Encrypt", "RetireGrant")["GrantId"]
    user.retire_grant(KeyId=key, GrantId=grant_id)
    assert listed(root, key) == []


def test_the_account_of_the_grant_retires(root, account, key):
    token = grant(root, key, root_arn(account), "Encrypt")["GrantToken"]
    root.retire_grant(GrantToken=token)
    assert listed(root, key) == []


def test_a_denial_keeps_from_retiring(people, root, account, key):
    refusing = {"Effect": "Deny", "Action": "kms:RetireGrant", "Resource": "*"}
    user, arn = people.user(account, refusing)
    token = grant(root, key, root_arn(account), "Encrypt", RetiringPrincipal=arn)["GrantToken"]
    with denied("kms:RetireGrant"):
        user.retire_grant(GrantToken=token)


def test_retiring_what_is_not_there(root, key):
    with fails("InvalidGrantTokenException"):
        root.retire_grant(GrantToken="nonsense")
    with fails({"NotFoundException", "InvalidGrantIdException"}):
        root.retire_grant(KeyId=key, GrantId="0" * 64)
    with fails({"InvalidGrantIdException", "ValidationException"}):
        root.retire_grant(KeyId=key, GrantId="nonsense")
    for given in ({}, {"KeyId": key}, {"GrantId": "0" * 64}):
        with fails("ValidationException"):
            root.retire_grant(**given)


def test_the_grants_that_somebody_may_retire(people, root, account, key):
    _, retiring = people.user(account)
    other = keys.make(root)
    made = {grant(root, k, root_arn(account), "Encrypt", RetiringPrincipal=retiring)["GrantId"] for k in (key, other)}
    grant(root, key, root_arn(account), "Encrypt")
    found = root.list_retirable_grants(RetiringPrincipal=retiring)
    assert {g["GrantId"] for g in found["Grants"]} == made and not found["Truncated"]
    assert {g["KeyId"] for g in found["Grants"]} == {key, other}
    page = root.list_retirable_grants(RetiringPrincipal=retiring, Limit=1)
    assert len(page["Grants"]) == 1 and page["Truncated"]
    rest = root.list_retirable_grants(RetiringPrincipal=retiring, Limit=1, Marker=page["NextMarker"])
    assert {page["Grants"][0]["GrantId"], rest["Grants"][0]["GrantId"]} == made and not rest["Truncated"]
    with fails("InvalidMarkerException"):
        root.list_retirable_grants(RetiringPrincipal=retiring, Marker="nonsense")
    with fails("InvalidArnException"):
        root.list_retirable_grants(RetiringPrincipal="arn:aws:nonsense")


# ---- what grants cannot do -------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, operations",
    [
        ("symmetric", ["Sign"]),
        ("symmetric", ["Encrypt", "GenerateMac"]),
        ("symmetric", ["GetPublicKey"]),
        ("signing", ["GenerateDataKey"]),
        ("signing", ["Encrypt"]),
        ("mac", ["Encrypt"]),
        ("agreement", ["Sign"]),
    ],
)
def test_operations_that_a_key_has_not(root, account, kind, operations):
    key = keys.make(root, **keys.KINDS[kind])
    with fails({"ValidationException", "ValidationError"}):
        grant(root, key, root_arn(account), *operations)


@pytest.mark.parametrize(
    "kind, operation",
    [
        *[
            ("symmetric", operation)
            for operation in (
                "ReEncryptFrom",
                "ReEncryptTo",
                "GenerateDataKeyWithoutPlaintext",
                "GenerateDataKeyPair",
                "GenerateDataKeyPairWithoutPlaintext",
            )
        ],
        ("signing", "Sign"),
        ("signing", "Verify"),
        ("signing", "GetPublicKey"),
        ("mac", "GenerateMac"),
        ("mac", "VerifyMac"),
        ("agreement", "DeriveSharedSecret"),
        ("kem", "Encapsulate"),
        ("kem", "Decapsulate"),
    ],
)
def test_each_operation_by_grant(people, root, account, kind, operation):
    user, arn = people.user(account)
    specimen = keys.Specimen(root, kind)
    names = {"ReEncryptFrom": "ReEncrypt", "ReEncryptTo": "ReEncrypt"}
    method = names.get(operation, operation)
    with denied("kms:"):
        specimen.call(method, kms=user)
    grant(root, specimen.arn, arn, *([operation] if method == operation else list(names)))
    specimen.call(method, kms=user)


def test_a_denial_in_the_key_policy_beats_a_grant(people, root, account, key):
    user, arn = people.user(account)
    grant(root, key, arn, "Encrypt")
    encrypt(user, key)
    root.put_key_policy(KeyId=key, Policy=policy(statement(account), statement(arn, "kms:Encrypt", effect="Deny")))
    with denied("kms:Encrypt", "with an explicit deny in a resource-based policy"):
        encrypt(user, key)


def test_a_grant_for_a_role_is_one_for_its_sessions(people, root, account, key):
    iam = people.root(account, "iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))["Role"]["Arn"]
    assuming, _ = people.user(account, action="sts:AssumeRole", service="sts")
    session = people.client(assuming.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"])
    with denied("kms:Encrypt"):
        encrypt(session, key)
    grant(root, key, role, "Encrypt")
    encrypt(session, key)


def test_granting_needs_the_permission(people, root, account, key):
    user, arn = people.user(account, action="kms:Encrypt")
    with denied("kms:CreateGrant"):
        grant(user, key, arn, "Decrypt")


def test_principals_that_are_refused(root, account, key):
    with fails({"InvalidArnException", "ValidationException"}):
        grant(root, key, "arn:aws:iam::nonsense", "Encrypt")
    with fails("ValidationException"):
        root.create_grant(KeyId=key, Operations=["Encrypt"])
    service = {"GranteeServicePrincipal": "s3.amazonaws.com", "RetiringPrincipal": root_arn(account)}
    with fails("ValidationException"):
        root.create_grant(KeyId=key, Operations=["Encrypt"], GranteePrincipal=root_arn(account), **service)
    with fails("ValidationException"):
        root.create_grant(KeyId=key, Operations=["Encrypt"], **service)


def test_a_grant_for_a_service_names_whose_resource(root, account, key):
    constraints = {"SourceArn": f"arn:aws:s3:us-east-1:{account}:bucket"}
    made = root.create_grant(
        KeyId=key,
        Operations=["Decrypt"],
        GranteeServicePrincipal="s3.amazonaws.com",
        RetiringServicePrincipal="s3.amazonaws.com",
        Constraints=constraints,
    )
    [found] = listed(root, key)
    assert (found["GrantId"], found["GranteeServicePrincipal"]) == (made["GrantId"], "s3.amazonaws.com")
    assert (found["RetiringServicePrincipal"], found["Constraints"]) == ("s3.amazonaws.com", constraints)


def test_grants_go_with_their_key(people, root, account, key, clock_advance):
    _, retiring = people.user(account)
    grant(root, key, root_arn(account), "Encrypt", RetiringPrincipal=retiring)
    root.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert len(listed(root, key)) == 1
    clock_advance("8d")
    expect.eventually(lambda: root.list_retirable_grants(RetiringPrincipal=retiring)["Grants"], lambda found: not found)
