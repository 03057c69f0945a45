"""IAM users: create, find, list, rename, tag, bound, delete; their groups."""

import datetime
import re

import pytest

import expect
from expect import READ_ONLY, refuses


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


def test_everything_that_a_user_is_given_reads_back(iam, account):
    given = expect.tags(team="blue", Cost="")
    made = iam.create_user(Path="/division/a/", UserName="Bob.B_+=,@-1", PermissionsBoundary=READ_ONLY, Tags=given)
    user = made["User"]
    assert re.fullmatch(r"AIDA[A-Z0-9]{17}", user["UserId"])
    assert user["Arn"] == f"arn:aws:iam::{account}:user/division/a/Bob.B_+=,@-1"
    assert (user["Path"], user["UserName"]) == ("/division/a/", "Bob.B_+=,@-1")
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert expect.tags_of(user) == {"team": "blue", "Cost": ""}
    assert user["CreateDate"].tzinfo is not None and user["CreateDate"].microsecond == 0
    read = iam.get_user(UserName="Bob.B_+=,@-1")["User"]
    assert {**read, "Tags": None} == {**user, "Tags": None}
    assert expect.tags_of(read) == {"team": "blue", "Cost": ""}


def test_a_plain_user_has_no_more_than_it_was_given(iam, account):
    user = iam.create_user(UserName="u")["User"]
    assert set(user) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}
    assert (user["Path"], user["Arn"]) == ("/", f"arn:aws:iam::{account}:user/u")
    assert iam.get_user(UserName="u")["User"] == user


def test_a_listing_leaves_tags_and_boundaries_out(iam):
    iam.create_user(UserName="u", Tags=expect.tags(a="1"), PermissionsBoundary=READ_ONLY)
    [listed] = iam.list_users()["Users"]
    assert set(listed) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}


def test_root_asks_about_itself(iam, account):
    user = iam.get_user()["User"]
    assert (user["UserId"], user["Arn"]) == (account, f"arn:aws:iam::{account}:root")


def test_a_user_asks_about_itself(server, iam, account):
    made = iam.create_user(UserName="u", Path="/p/")["User"]
    own = expect.user_caller(server, iam, "u", action="iam:GetUser")
    assert own.get_user()["User"]["UserId"] == made["UserId"]


def test_names_differ_by_more_than_case(iam):
    iam.create_user(UserName="Bob")
    with refuses("EntityAlreadyExists"):
        iam.create_user(UserName="bOB")
    with refuses("EntityAlreadyExists", "User with name Bob already exists."):
        iam.create_user(UserName="Bob", Path="/elsewhere/")


def test_users_are_listed_by_path(iam):
    for path, name in [("/", "a"), ("/x/", "b"), ("/x/y/", "c"), ("/xx/", "d")]:
        iam.create_user(Path=path, UserName=name)

    def listed(**prefix):
        return [user["UserName"] for user in iam.list_users(**prefix)["Users"]]

    assert listed() == listed(PathPrefix="/") == ["a", "b", "c", "d"]
    assert listed(PathPrefix="/x/") == ["b", "c"]
    assert listed(PathPrefix="/x") == ["b", "c", "d"]
    assert listed(PathPrefix="/none/") == []


def test_a_renamed_user_keeps_all_it_has(iam, account):
    before = iam.create_user(UserName="old", Tags=expect.tags(a="1"))["User"]
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="old")
    key = iam.create_access_key(UserName="old")["AccessKey"]["AccessKeyId"]
    iam.put_user_policy(UserName="old", PolicyName="p", PolicyDocument=expect.policy())
    iam.attach_user_policy(UserName="old", PolicyArn=READ_ONLY)
    iam.update_user(UserName="old", NewUserName="new", NewPath="/p/")
    after = iam.get_user(UserName="new")["User"]
    assert after["Arn"] == f"arn:aws:iam::{account}:user/p/new"
    assert (after["UserId"], after["CreateDate"]) == (before["UserId"], before["CreateDate"])
    assert expect.tags_of(after) == {"a": "1"}
    assert [u["UserName"] for u in iam.get_group(GroupName="g")["Users"]] == ["new"]
    assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName="new")["AccessKeyMetadata"]] == [key]
    assert iam.get_access_key_last_used(AccessKeyId=key)["UserName"] == "new"
    assert iam.list_user_policies(UserName="new")["PolicyNames"] == ["p"]
    assert iam.list_attached_user_policies(UserName="new")["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY
    assert [u["UserName"] for u in iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyUsers"]] == ["new"]
    with refuses("NoSuchEntity", "The user with name old cannot be found."):
        iam.get_user(UserName="old")
    iam.create_user(UserName="old")


def test_a_user_may_change_the_case_of_its_name(iam):
    iam.create_user(UserName="bob")
    iam.update_user(UserName="bob", NewUserName="Bob")
    assert [u["UserName"] for u in iam.list_users()["Users"]] == ["Bob"]


def test_a_name_that_is_taken_is_no_new_name(iam):
    iam.create_user(UserName="a")
    iam.create_user(UserName="B")
    with refuses("EntityAlreadyExists", re.compile("User with name .* already exists")):
        iam.update_user(UserName="a", NewUserName="b")


def test_tags_are_added_replaced_and_removed(iam):
    iam.create_user(UserName="u", Tags=expect.tags(a="1", b="2"))
    iam.tag_user(UserName="u", Tags=expect.tags(b="3", c=""))
    assert expect.tags_of(iam.list_user_tags(UserName="u")) == {"a": "1", "b": "3", "c": ""}
    iam.untag_user(UserName="u", TagKeys=["a", "absent"])
    assert expect.tags_of(iam.get_user(UserName="u")["User"]) == {"b": "3", "c": ""}
    iam.untag_user(UserName="u", TagKeys=["b", "c"])
    assert iam.list_user_tags(UserName="u")["Tags"] == []
    assert "Tags" not in iam.get_user(UserName="u")["User"]


def test_tag_keys_are_one_in_any_case(iam):
    iam.create_user(UserName="u", Tags=expect.tags(Team="1"))
    iam.tag_user(UserName="u", Tags=expect.tags(tEAM="2"))
    assert list(expect.tags_of(iam.list_user_tags(UserName="u")).values()) == ["2"]
    iam.untag_user(UserName="u", TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName="u")["Tags"] == []


def test_a_boundary_is_set_replaced_and_lifted(iam, account):
    iam.create_user(UserName="u")
    own = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    for arn in (READ_ONLY, own):
        iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=arn)
        assert iam.get_user(UserName="u")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    policy = iam.get_policy(PolicyArn=own)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 1)
    iam.delete_user_permissions_boundary(UserName="u")
    assert "PermissionsBoundary" not in iam.get_user(UserName="u")["User"]
    assert iam.get_policy(PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 0


def test_a_boundary_is_said_to_be_a_policy(iam):
    # The documentation: "This data type can only have a value of Policy"; the model's enum has the longer word.
    iam.create_user(UserName="u", PermissionsBoundary=READ_ONLY)
    kind = iam.get_user(UserName="u")["User"]["PermissionsBoundary"]["PermissionsBoundaryType"]
    assert kind in ("Policy", "PermissionsBoundaryPolicy")


def test_groups_come_and_go(iam, account):
    iam.create_user(UserName="u", Path="/p/")
    for name in ("g1", "g2"):
        made = iam.create_group(GroupName=name, Path="/q/")["Group"]
        assert re.fullmatch(r"AGPA[A-Z0-9]{17}", made["GroupId"])
        assert made["Arn"] == f"arn:aws:iam::{account}:group/q/{name}"
        iam.add_user_to_group(GroupName=name, UserName="u")
        # Twice is once.
        iam.add_user_to_group(GroupName=name, UserName="u")
    groups = iam.list_groups_for_user(UserName="u")["Groups"]
    assert [(g["GroupName"], g["Path"]) for g in groups] == [("g1", "/q/"), ("g2", "/q/")]
    read = iam.get_group(GroupName="g1")
    assert read["Group"] == groups[0]
    assert [user["Arn"] for user in read["Users"]] == [f"arn:aws:iam::{account}:user/p/u"]
    iam.remove_user_from_group(GroupName="g1", UserName="u")
    assert iam.get_group(GroupName="g1")["Users"] == []
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="u")["Groups"]] == ["g2"]
    iam.delete_group(GroupName="g1")
    assert [g["GroupName"] for g in iam.list_groups()["Groups"]] == ["g2"]


def test_a_renamed_group_keeps_its_members(iam, account):
    before = iam.create_group(GroupName="old")["Group"]
    iam.create_user(UserName="u")
    iam.add_user_to_group(GroupName="old", UserName="u")
    iam.attach_group_policy(GroupName="old", PolicyArn=READ_ONLY)
    iam.put_group_policy(GroupName="old", PolicyName="p", PolicyDocument=expect.policy())
    iam.update_group(GroupName="old", NewGroupName="new", NewPath="/x/")
    after = iam.get_group(GroupName="new")
    assert (after["Group"]["GroupId"], after["Group"]["Path"]) == (before["GroupId"], "/x/")
    assert after["Group"]["Arn"] == f"arn:aws:iam::{account}:group/x/new"
    assert [u["UserName"] for u in after["Users"]] == ["u"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="u")["Groups"]] == ["new"]
    assert iam.list_group_policies(GroupName="new")["PolicyNames"] == ["p"]
    assert len(iam.list_attached_group_policies(GroupName="new")["AttachedPolicies"]) == 1
    assert [g["GroupName"] for g in iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyGroups"]] == ["new"]


def test_groups_are_listed_by_path(iam):
    for path, name in [("/", "a"), ("/x/", "b"), ("/x/y/", "c")]:
        iam.create_group(Path=path, GroupName=name)
    assert [g["GroupName"] for g in iam.list_groups(PathPrefix="/x/")["Groups"]] == ["b", "c"]


def test_a_user_that_is_deleted_leaves_its_boundary_and_tags_behind(iam):
    own = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    first = iam.create_user(UserName="u", PermissionsBoundary=own, Tags=expect.tags(a="1"))["User"]
    iam.delete_user(UserName="u")
    assert iam.get_policy(PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 0
    again = iam.create_user(UserName="u")["User"]
    assert again["UserId"] != first["UserId"]
    assert "Tags" not in iam.get_user(UserName="u")["User"]


def test_accounts_do_not_see_each_other(server, iam):
    iam.create_user(UserName="u")
    other = expect.caller(server, "314159265358")
    with refuses("NoSuchEntity"):
        other.get_user(UserName="u")


def test_dates_are_the_clouds(iam, clock_advance):
    before = iam.create_user(UserName="a")["User"]["CreateDate"]
    clock_advance("400d")
    after = iam.create_user(UserName="b")["User"]["CreateDate"]
    assert after - before >= datetime.timedelta(days=400)


def test_of_many_who_make_one_user_one_does(server, account):
    callers = [expect.caller(server, account) for _ in range(6)]
    makes = [lambda iam=iam: iam.create_user(UserName="u") for iam in callers]
    assert sorted(expect.at_once(*makes), key=str) == ["EntityAlreadyExists"] * 5 + [None]
    assert len(callers[0].list_users()["Users"]) == 1


def test_answers_are_xml_in_iams_namespace(iam):
    seen = []
    iam.meta.events.register("before-parse.iam", lambda response_dict, **_: seen.append(response_dict))
    iam.create_user(UserName="u")
    iam.list_groups()
    iam.delete_user(UserName="u")
    with refuses("NoSuchEntity"):
        iam.get_user(UserName="u")
    bodies = [re.sub(r">\s+<", "><", re.sub(r"^<\?xml[^>]*>\s*", "", one["body"].decode())) for one in seen]
    namespace = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
    for body, name in zip(bodies, ("CreateUser", "ListGroups", "DeleteUser")):
        assert body.startswith(f"<{name}Response {namespace}>"), body
        assert re.search(r"<ResponseMetadata><RequestId>[0-9a-f-]{36}</RequestId></ResponseMetadata>", body), body
    assert "<IsTruncated>false</IsTruncated>" in bodies[1] and "<Groups" in bodies[1]
    assert "Result" not in bodies[2]
    assert bodies[3].startswith(f"<ErrorResponse {namespace}><Error><Type>Sender</Type><Code>NoSuchEntity</Code>")
    for one in seen:
        assert one["headers"]["content-type"].startswith("text/xml")
        assert one["headers"]["x-amzn-requestid"] in one["body"].decode()
