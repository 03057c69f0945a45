"""Versions of parameters, their labels and their history."""

import pytest

import expect


@pytest.fixture
def ssm(client, account):
    return client("ssm", account=account)


def put(ssm, value, name="/v", **more):
    return ssm.put_parameter(Name=name, Value=str(value), Type="String", Overwrite=True, **more)["Version"]


def test_versions_are_reached_by_number_and_label(ssm):
    for number in (1, 2, 3):
        assert put(ssm, number) == number
    answer = ssm.label_parameter_version(Name="/v", ParameterVersion=1, Labels=["prod", "1st", "aws-x"])
    assert (answer["ParameterVersion"], answer["InvalidLabels"]) == (1, ["1st", "aws-x"])
    assert ssm.label_parameter_version(Name="/v", Labels=["live"])["ParameterVersion"] == 3
    assert ssm.label_parameter_version(Name="/v", ParameterVersion=2, Labels=["prod"])["InvalidLabels"] == []
    for selector, value in (("1", "1"), ("prod", "2"), ("live", "3")):
        found = ssm.get_parameter(Name=f"/v:{selector}")["Parameter"]
        assert (found["Value"], found["Selector"]) == (value, f":{selector}")
    message = "Systems Manager could not find version 7 of /v. Verify the version and try again."
    with expect.fails("ParameterVersionNotFound", message):
        ssm.get_parameter(Name="/v:7")
    with expect.fails("ParameterVersionNotFound", message):
        ssm.label_parameter_version(Name="/v", ParameterVersion=7, Labels=["a"])
    with expect.fails("ParameterVersionNotFound", message):
        ssm.unlabel_parameter_version(Name="/v", ParameterVersion=7, Labels=["a"])
    answer = ssm.unlabel_parameter_version(Name="/v", ParameterVersion=2, Labels=["prod", "live"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["prod"], ["live"])
    with expect.fails("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/v:prod")


def test_ten_labels_a_version(ssm):
    put(ssm, 1)
    ssm.label_parameter_version(Name="/v", Labels=[f"l{i}" for i in range(10)])
    with expect.fails("ParameterVersionLabelLimitExceeded"):
        ssm.label_parameter_version(Name="/v", Labels=["more"])
    with expect.fails("ValidationException"):
        ssm.label_parameter_version(Name="/v", Labels=[f"m{i}" for i in range(11)])


def test_the_oldest_of_a_hundred_goes_unless_it_has_a_label(ssm):
    for number in range(1, 101):
        put(ssm, number)
    ssm.label_parameter_version(Name="/v", ParameterVersion=1, Labels=["keep"])
    message = (
        "You attempted to create a new version of /v by calling the PutParameter API with the overwrite flag. "
        "Version 1, the oldest version, can't be deleted because it has a label associated with it. Move the label to "
        "another version of the parameter, and try again."
    )
    with expect.fails("ParameterMaxVersionLimitExceeded", message):
        put(ssm, 101)
    ssm.label_parameter_version(Name="/v", ParameterVersion=2, Labels=["keep"])
    assert put(ssm, 101) == 101
    with expect.fails("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/v:1")
    assert ssm.get_parameter(Name="/v:keep")["Parameter"]["Version"] == 2


def test_history(ssm, account):
    put(ssm, "one", Description="first")
    put(ssm, "two")
    put(ssm, "three", Description="third")
    ssm.label_parameter_version(Name="/v", ParameterVersion=2, Labels=["b", "a"])
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="/v", PaginationConfig={"PageSize": 2})
    found = [version for page in pages for version in page["Parameters"]]
    assert [v["Version"] for v in found] == [1, 2, 3]
    assert [v["Value"] for v in found] == ["one", "two", "three"]
    assert [v["Description"] for v in found] == ["first", "first", "third"]
    assert [v["Labels"] for v in found] == [[], ["a", "b"], []]
    assert {v["LastModifiedUser"] for v in found} == {f"arn:aws:iam::{account}:root"}
    assert found[0]["Policies"] == [] and found[0]["Tier"] == "Standard"
    with expect.fails("InvalidNextToken"):
        ssm.get_parameter_history(Name="/v", NextToken="made up")


def test_updates_at_once_are_all_versions(ssm):
    put(ssm, 0)
    assert expect.at_once(*[lambda i=i: put(ssm, i) for i in range(8)]) == [None] * 8
    versions = [v["Version"] for v in ssm.get_parameter_history(Name="/v")["Parameters"]]
    assert versions == list(range(1, 10))
