"""Tags of keys, and permissions that hang on them."""

import pytest

import expect
import keys
from expect import fails
from keys import denied


@pytest.fixture
def key(kms):
    return keys.make(kms)


def tags(**given):
    return [{"TagKey": key, "TagValue": value} for key, value in given.items()]


def tags_of(kms, key):
    return {t["TagKey"]: t["TagValue"] for t in kms.list_resource_tags(KeyId=key, Limit=50)["Tags"]}


def test_tags_come_and_go(kms):
    key = keys.make(kms, Tags=tags(a="1", b=""))
    assert tags_of(kms, key) == {"a": "1", "b": ""}
    kms.tag_resource(KeyId=key, Tags=tags(a="2", A="3", **{"\u00fc \u4e2d+-=._:/@": "x" * 256}))
    assert tags_of(kms, key) == {"a": "2", "A": "3", "b": "", "\u00fc \u4e2d+-=._:/@": "x" * 256}
    kms.untag_resource(KeyId=keys.id_of(key), TagKeys=["a", "none"])
    assert set(tags_of(kms, key)) == {"A", "b", "\u00fc \u4e2d+-=._:/@"}


def test_pages(kms, key):
    kms.tag_resource(KeyId=key, Tags=tags(**{f"k{n}": "" for n in range(5)}))
    pages, marker = [], {}
    while True:
        page = kms.list_resource_tags(KeyId=key, Limit=2, **marker)
        pages.append([t["TagKey"] for t in page["Tags"]])
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [len(p) for p in pages] == [2, 2, 1] and sorted(sum(pages, [])) == [f"k{n}" for n in range(5)]
    with fails("InvalidMarkerException"):
        kms.list_resource_tags(KeyId=key, Marker="nonsense")
    with fails("ValidationException"):
        kms.list_resource_tags(KeyId=key, Limit=51)


def test_the_same_name_twice(kms, key):
    twice = [*tags(a="1"), *tags(a="2")]
    with fails("TagException"):
        kms.tag_resource(KeyId=key, Tags=twice)
    with fails("TagException"):
        kms.create_key(Tags=twice)
    assert tags_of(kms, key) == {}


@pytest.mark.parametrize("wrong", [{"aws:mine": "x"}, {"a": "aws"}])
def test_names_that_are_awss_own(kms, key, wrong):
    if list(wrong) == ["a"]:
        kms.tag_resource(KeyId=key, Tags=tags(**wrong))
        return
    with fails({"TagException", "ValidationException"}):
        kms.tag_resource(KeyId=key, Tags=tags(**wrong))
    with fails({"TagException", "ValidationException"}):
        kms.create_key(Tags=tags(**wrong))


def test_tags_that_are_too_long(server, key):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    for wrong in (tags(**{"x" * 129: ""}), tags(a="x" * 257), tags(**{"": "a"})):
        with fails({"ValidationException", "TagException"}):
            kms.tag_resource(KeyId=key, Tags=wrong)


def test_fifty_tags(kms, key):
    kms.tag_resource(KeyId=key, Tags=tags(**{f"k{n}": "" for n in range(50)}))
    with fails({"LimitExceededException", "TagException"}):
        kms.tag_resource(KeyId=key, Tags=tags(one_more=""))
    kms.tag_resource(KeyId=key, Tags=tags(k0="changed"))
    assert len(tags_of(kms, key)) == 50
    with fails({"LimitExceededException", "TagException"}):
        kms.create_key(Tags=tags(**{f"k{n}": "" for n in range(51)}))


def test_permissions_by_tag(server, account):
    people = keys.People(server)
    root = people.root(account)
    mine, theirs = keys.make(root, Tags=tags(team="a")), keys.make(root, Tags=tags(team="b"))
    condition = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    user, _ = people.user(account, action="kms:Encrypt", Condition=condition)
    user.encrypt(KeyId=mine, Plaintext=b"x")
    with denied("kms:Encrypt"):
        user.encrypt(KeyId=theirs, Plaintext=b"x")
    root.tag_resource(KeyId=theirs, Tags=tags(team="a"))
    user.encrypt(KeyId=theirs, Plaintext=b"x")
    root.untag_resource(KeyId=mine, TagKeys=["team"])
    with denied("kms:Encrypt"):
        user.encrypt(KeyId=mine, Plaintext=b"x")
