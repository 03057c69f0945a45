"""Listings by path and by filter."""

import pytest

import expect

NAMES = ["flat", "/top", "/app/a", "/app/b", "/app/db/host", "/app/db/port", "/app-two/x", "/app/db/r/o"]


@pytest.fixture
def ssm(client, account):
    made = client("ssm", account=account)
    for name in NAMES:
        kind = "StringList" if name.endswith("host") else "String"
        made.put_parameter(Name=name, Value=name, Type=kind, Tags=expect.tags(leaf=name[-1]))
    return made


def by_path(ssm, path, size=10, **more):
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=path, PaginationConfig={"PageSize": size}, **more
    )
    found = []
    for page in pages:
        assert len(page["Parameters"]) <= size
        found += [p["Name"] for p in page["Parameters"]]
    return sorted(found)


def described(ssm, *filters, size=50, **more):
    given = [dict(zip(("Key", "Option", "Values"), f)) for f in filters]
    pages = ssm.get_paginator("describe_parameters").paginate(
        ParameterFilters=given, PaginationConfig={"PageSize": size}, **more
    )
    return sorted(p["Name"] for page in pages for p in page["Parameters"])


@pytest.mark.parametrize("size", [1, 3, 10])
def test_by_path(ssm, size):
    assert by_path(ssm, "/app", size) == ["/app/a", "/app/b"]
    assert by_path(ssm, "/app/", size) == ["/app/a", "/app/b"]
    below = ["/app/a", "/app/b", "/app/db/host", "/app/db/port", "/app/db/r/o"]
    assert by_path(ssm, "/app", size, Recursive=True) == below
    assert by_path(ssm, "/", size) == ["/top", "flat"]
    assert by_path(ssm, "/", size, Recursive=True) == sorted(NAMES)
    assert by_path(ssm, "/none", size, Recursive=True) == []


@pytest.mark.parametrize("path", ["app", "/ssm", "/AWS/x", "/a b", "//"])
def test_paths_that_are_refused(ssm, path):
    message = (
        'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward '
        'slash "/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only letters, '
        "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
        'allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: '
        "/get/parameters2-/by1./path0_."
    )
    with expect.fails("ValidationException", message):
        ssm.get_parameters_by_path(Path=path)


def test_by_path_with_filters(ssm):
    def filtered(key, *values, option="Equals"):
        given = [{"Key": key, "Option": option, "Values": list(values)}]
        return by_path(ssm, "/", Recursive=True, ParameterFilters=given)

    assert filtered("Type", "StringList") == ["/app/db/host"]
    assert filtered("Type", "String", option="BeginsWith") == sorted(NAMES)
    assert filtered("KeyId", "alias/aws/ssm") == []
    ssm.put_parameter(Name="/app/a", Value="new", Overwrite=True)
    ssm.label_parameter_version(Name="/app/a", ParameterVersion=1, Labels=["old"])
    assert filtered("Label", "old") == ["/app/a"]
    given = [{"Key": "Label", "Values": ["old"]}]
    [found] = ssm.get_parameters_by_path(Path="/app", ParameterFilters=given)["Parameters"]
    assert (found["Version"], found["Value"]) == (1, "/app/a")
    with expect.fails("InvalidFilterKey"):
        filtered("Name", "/app/a")
    with expect.fails("InvalidFilterOption"):
        filtered("Type", "String", option="Contains")
    with expect.fails("InvalidFilterValue"):
        filtered("Type", "Text")
    with expect.fails("InvalidNextToken"):
        ssm.get_parameters_by_path(Path="/app", NextToken="made up")
    with expect.fails("ValidationException"):
        ssm.get_parameters_by_path(Path="/app", MaxResults=11)


def test_describe(ssm, account):
    assert described(ssm, size=3) == sorted(NAMES)
    assert described(ssm, ("Name", "Equals", ["flat", "/top"])) == ["/top", "flat"]
    below = by_path(ssm, "/app/db", Recursive=True)
    assert described(ssm, ("Name", "BeginsWith", ["/app/d", "fl"])) == [*below, "flat"]
    assert described(ssm, ("Name", "Contains", ["db"])) == below
    assert described(ssm, ("Path", "OneLevel", ["/app"])) == ["/app/a", "/app/b"]
    assert described(ssm, ("Path", "Recursive", ["/app/db"]), ("Type", "Equals", ["String"])) == [
        "/app/db/port",
        "/app/db/r/o",
    ]
    assert described(ssm, ("tag:leaf", "Equals", ["t"])) == ["/app/db/host", "/app/db/port", "flat"]
    assert described(ssm, ("Tier", "Equals", ["Advanced"])) == []
    assert described(ssm, ("DataType", "Equals", ["text"])) == sorted(NAMES)
    assert described(ssm, ("KeyId", "BeginsWith", ["alias/"])) == []
    old = ssm.describe_parameters(Filters=[{"Key": "Type", "Values": ["StringList"]}])["Parameters"]
    assert [p["Name"] for p in old] == ["/app/db/host"]
    [found] = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/top"]}])["Parameters"]
    assert found["ARN"] == f"arn:aws:ssm:us-east-1:{account}:parameter/top"
    assert "Value" not in found
    assert ssm.describe_parameters(Shared=True)["Parameters"] == []


def test_describe_refuses_wrong_filters(ssm):
    with expect.fails("InvalidFilterKey"):
        described(ssm, ("Label", "Equals", ["x"]))
    with expect.fails("InvalidFilterOption"):
        described(ssm, ("Path", "Equals", ["/app"]))
    with expect.fails("InvalidFilterValue"):
        described(ssm, ("Tier", "Equals", ["Large"]))
    with expect.fails("InvalidNextToken"):
        ssm.describe_parameters(NextToken="made up")
    with expect.fails("ValidationException"):
        described(ssm, ("Path", "Recursive", ["/aws/service"]))
    with expect.fails("ValidationException"):
        ssm.describe_parameters(MaxResults=51)
    with expect.fails("ValidationException"):
        described(ssm, ("Color", "Equals", ["red"]))


def test_public_parameters(ssm):
    root = "/aws/service/global-infrastructure"
    regions = by_path(ssm, f"{root}/regions")
    assert f"{root}/regions/eu-west-1" in regions and len(regions) > 30
    found = ssm.get_parameter(Name=f"{root}/regions/us-east-1/longName")["Parameter"]
    assert (found["Value"], found["Version"]) == ("US East (N. Virginia)", 1)
    assert found["ARN"] == f"arn:aws:ssm:us-east-1::parameter{root}/regions/us-east-1/longName"
    endpoint = ssm.get_parameter(Name=f"{root}/regions/us-west-1/services/ssm/endpoint")["Parameter"]["Value"]
    assert endpoint == "ssm.us-west-1.amazonaws.com"
    assert len(by_path(ssm, f"{root}/services/kms/regions")) > 20
    images = "/aws/service/ami-amazon-linux-latest"
    image = ssm.get_parameter(Name=f"{images}/al2023-ami-kernel-default-x86_64")["Parameter"]
    assert image["Value"].startswith("ami-")
    with expect.fails("ParameterNotFound"):
        ssm.get_parameter(Name=f"{images}/no-such-image")
    with expect.fails("AccessDeniedException"):
        ssm.put_parameter(Name=f"{root}/regions/mine", Value="x", Type="String")
