"""Aliases: names for keys that can be moved from one to another."""

import re

import pytest

import keys
from expect import fails
from keys import denied


def arn_of(key, alias):
    return key.replace(f"key/{keys.id_of(key)}", alias)


def named(kms, **given):
    """The aliases that were made by customers."""
    found = []
    for page in kms.get_paginator("list_aliases").paginate(**given):
        found += page["Aliases"]
    return {a["AliasName"]: a for a in found if not a["AliasName"].startswith("alias/aws/")}


def test_an_alias(client, account, clock_advance):
    kms = client("kms", account=account)
    key, other = keys.make(kms), keys.make(kms)
    alias = keys.alias(kms, key)
    [(name, entry)] = named(kms).items()
    assert (name, entry["AliasArn"], entry["TargetKeyId"]) == (alias, arn_of(key, alias), keys.id_of(key))
    assert entry["CreationDate"] == entry["LastUpdatedDate"]
    blob = kms.encrypt(KeyId=alias, Plaintext=b"x")["CiphertextBlob"]
    clock_advance("1h")
    kms.update_alias(AliasName=alias, TargetKeyId=keys.id_of(other))
    moved = named(kms)[alias]
    assert moved["TargetKeyId"] == keys.id_of(other)
    assert moved["CreationDate"] == entry["CreationDate"] < moved["LastUpdatedDate"]
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == other
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"] == key, "a ciphertext names the key and not the alias"
    kms.delete_alias(AliasName=alias)
    assert named(kms) == {}
    with fails("NotFoundException", f"Alias {arn_of(key, alias)} is not found."):
        kms.encrypt(KeyId=alias, Plaintext=b"x")
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key


def test_the_aliases_of_one_key(client, account):
    kms = client("kms", account=account)
    key, other = keys.make(kms), keys.make(kms)
    mine = {keys.alias(kms, key) for _ in range(3)}
    theirs = keys.alias(kms, other)
    for name in (key, keys.id_of(key)):
        assert set(named(kms, KeyId=name)) == mine
    assert set(named(kms)) == {*mine, theirs}
    assert named(kms, KeyId=keys.make(kms)) == {}
    page = kms.list_aliases(KeyId=key, Limit=2)
    assert len(page["Aliases"]) == 2 and page["Truncated"]
    rest = kms.list_aliases(KeyId=key, Limit=2, Marker=page["NextMarker"])
    assert len(rest["Aliases"]) == 1 and not rest["Truncated"]
    with fails("InvalidMarkerException"):
        kms.list_aliases(Marker="nonsense")
    with fails("ValidationException"):
        kms.list_aliases(Limit=101)


def test_aliases_of_regions_and_accounts_are_different_ones(client, account):
    key = keys.make(client("kms", account=account))
    alias = keys.alias(client("kms", account=account), key)
    for place in (client("kms", account=account, region="eu-west-1"), client("kms")):
        with fails("NotFoundException"):
            place.describe_key(KeyId=alias)
        place.create_alias(AliasName=alias, TargetKeyId=keys.make(place))


def test_a_name_twice(kms):
    key = keys.make(kms)
    alias = keys.alias(kms, key)
    message = f"An alias with the name {arn_of(key, alias)} already exists"
    for target in (key, keys.make(kms)):
        with fails("AlreadyExistsException", message):
            kms.create_alias(AliasName=alias, TargetKeyId=target)


def test_names_without_the_prefix(kms):
    message = re.compile('Alias must start with the prefix "alias/".')
    with fails("ValidationException", message):
        kms.create_alias(AliasName="name", TargetKeyId=keys.make(kms))


@pytest.mark.parametrize(
    "name", ["alias/", "alias/a b", "alias/\u00e4", "alias/a:b", "alias/" + "x" * 251, "alias/a.b"]
)
def test_names_that_are_refused(kms, name):
    with fails({"ValidationException", "InvalidAliasNameException"}):
        kms.create_alias(AliasName=name, TargetKeyId=keys.make(kms))


def test_names_that_are_awss_own(kms):
    key = keys.make(kms)
    for name in ("alias/aws/mine", "alias/aws/s3"):
        with fails({"NotAuthorizedException", "InvalidAliasNameException", "ValidationException"}):
            kms.create_alias(AliasName=name, TargetKeyId=key)


def test_targets_that_are_no_keys(kms, client):
    with fails({"NotFoundException", "InvalidArnException"}):
        kms.create_alias(AliasName=keys.alias(), TargetKeyId=keys.alias(kms, keys.make(kms)))
    with fails("NotFoundException"):
        kms.create_alias(AliasName=keys.alias(), TargetKeyId="00000000-0000-4000-8000-000000000000")
    elsewhere = keys.make(client("kms", region="eu-west-1"))
    with fails({"NotFoundException", "InvalidArnException"}):
        kms.create_alias(AliasName=keys.alias(), TargetKeyId=elsewhere)


def test_what_is_not_there(kms):
    alias = keys.alias()
    message = re.compile(f"[Aa]lias arn:aws:kms:us-east-1:000000000000:{alias} (is not found|does not exist)")
    with fails("NotFoundException", message):
        kms.delete_alias(AliasName=alias)
    with fails("NotFoundException", message):
        kms.update_alias(AliasName=alias, TargetKeyId=keys.make(kms))
    with fails("NotFoundException"):
        kms.update_alias(AliasName=keys.alias(kms, keys.make(kms)), TargetKeyId="00000000-0000-4000-8000-000000000000")


def test_an_alias_moves_between_keys_of_a_kind_only(kms):
    alias = keys.alias(kms, keys.make(kms))
    for kind in ("signing", "mac", "rsa"):
        with fails("ValidationException"):
            kms.update_alias(AliasName=alias, TargetKeyId=keys.make(kms, **keys.KINDS[kind]))
    kms.update_alias(AliasName=alias, TargetKeyId=keys.make(kms, MultiRegion=True))


def test_a_key_that_waits_for_its_deletion_gives_aliases_and_takes_none(kms):
    going, staying = keys.make(kms), keys.make(kms)
    alias = keys.alias(kms, going)
    kms.schedule_key_deletion(KeyId=going)
    with fails("KMSInvalidStateException", f"{going} is pending deletion."):
        kms.create_alias(AliasName=keys.alias(), TargetKeyId=going)
    kms.update_alias(AliasName=alias, TargetKeyId=staying)
    with fails("KMSInvalidStateException", f"{going} is pending deletion."):
        kms.update_alias(AliasName=alias, TargetKeyId=going)
    assert kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == staying


def test_fifty_aliases_of_a_key(kms):
    key = keys.make(kms)
    for _ in range(50):
        keys.alias(kms, key)
    with fails("LimitExceededException"):
        keys.alias(kms, key)
    other = keys.alias(kms, keys.make(kms))
    with fails("LimitExceededException"):
        kms.update_alias(AliasName=other, TargetKeyId=key)


def test_an_alias_needs_permission_on_itself_and_on_its_key(server, account):
    people = keys.People(server)
    root = people.root(account)
    key = keys.make(root)
    alias = keys.alias()
    for resource, missing in ((key, arn_of(key, alias)), (arn_of(key, alias), key)):
        someone, _ = people.user(account, action="kms:CreateAlias", resource=resource)
        with denied("kms:CreateAlias on resource: " + missing):
            someone.create_alias(AliasName=alias, TargetKeyId=key)
    someone, _ = people.user(account, action="kms:*Alias", resource=[key, arn_of(key, alias)])
    someone.create_alias(AliasName=alias, TargetKeyId=key)
    someone.delete_alias(AliasName=alias)


def test_an_alias_leads_to_the_keys_own_permissions(server, account):
    people = keys.People(server)
    root = people.root(account)
    one, two = keys.make(root), keys.make(root)
    alias = keys.alias(root, one)
    someone, _ = people.user(account, action="kms:Encrypt", resource=one)
    someone.encrypt(KeyId=alias, Plaintext=b"x")
    root.update_alias(AliasName=alias, TargetKeyId=two)
    with denied("kms:Encrypt on resource: " + two):
        someone.encrypt(KeyId=alias, Plaintext=b"x")
    by_alias, _ = people.user(account, action="kms:Encrypt", resource=arn_of(one, alias))
    with denied("kms:Encrypt"):
        by_alias.encrypt(KeyId=alias, Plaintext=b"x")


def test_conditions_on_aliases(server, account):
    people = keys.People(server)
    root = people.root(account)
    key = keys.make(root)
    alias = keys.alias(root, key)
    by_request, _ = people.user(account, action="kms:Encrypt", Condition={"StringEquals": {"kms:RequestAlias": alias}})
    by_request.encrypt(KeyId=alias, Plaintext=b"x")
    with denied("kms:Encrypt"):
        by_request.encrypt(KeyId=key, Plaintext=b"x")
    by_key, _ = people.user(
        account,
        action="kms:Encrypt",
        Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": [alias, "alias/other"]}},
    )
    by_key.encrypt(KeyId=key, Plaintext=b"x")
    root.delete_alias(AliasName=alias)
    with denied("kms:Encrypt"):
        by_key.encrypt(KeyId=key, Plaintext=b"x")
