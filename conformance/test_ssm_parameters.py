"""Parameters: what may be put, and how it reads back."""

import datetime
import json

import pytest

import expect


@pytest.fixture
def ssm(client, account):
    return client("ssm", account=account)


def put(ssm, name, value="x", **more):
    return ssm.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def test_a_parameter_reads_as_it_was_put(ssm, account):
    assert put(ssm, "/app/host", "example.com")["Version"] == 1
    found = ssm.get_parameter(Name="/app/host")["Parameter"]
    assert isinstance(found.pop("LastModifiedDate"), datetime.datetime)
    assert found == {
        "Name": "/app/host",
        "Type": "String",
        "Value": "example.com",
        "Version": 1,
        "ARN": f"arn:aws:ssm:us-east-1:{account}:parameter/app/host",
        "DataType": "text",
    }
    answer = put(ssm, "/app/host", "two", Overwrite=True)
    assert (answer["Version"], answer["Tier"]) == (2, "Standard")
    assert ssm.get_parameter(Name=found["ARN"])["Parameter"]["Value"] == "two"
    assert ssm.get_parameter(Name="/app/host:1")["Parameter"]["Selector"] == ":1"


def test_what_is_not_there_has_no_message(ssm):
    for call in (ssm.get_parameter, ssm.delete_parameter, ssm.get_parameter_history):
        with expect.fails("ParameterNotFound") as seen:
            call(Name="/none")
        assert seen[0].response["Error"].get("Message", "") == ""
    for method, more in (("label_parameter_version", {}), ("unlabel_parameter_version", {"ParameterVersion": 1})):
        with expect.fails("ParameterNotFound"):
            getattr(ssm, method)(Name="/none", Labels=["a"], **more)


@pytest.mark.parametrize(
    "name, code, message",
    [
        (
            "a b",
            "ValidationException",
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of "
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_",
        ),
        ("/SSM/x", "ValidationException", None),
        ("awslimits", "AccessDeniedException", "No access to reserved parameter name: awslimits."),
        ("/awssec/x/y", "AccessDeniedException", "No access to reserved parameter name: awssec/x/y."),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("/x" * 16, "HierarchyLevelLimitExceededException", None),
        ("n" * 1011, "ValidationException", None),
        ("n" * 2049, "ValidationException", None),
    ],
)
def test_names_that_are_refused(ssm, name, code, message):
    with expect.fails(code, message):
        put(ssm, name)


def test_names_lose_blanks_at_their_ends(ssm):
    put(ssm, "  /trimmed ")
    assert ssm.get_parameter(Name=" /trimmed")["Parameter"]["Name"] == "/trimmed"


def test_a_second_one_needs_overwrite(ssm):
    put(ssm, "/a")
    message = (
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
    )
    with expect.fails("ParameterAlreadyExists", message):
        put(ssm, "/a")
    message = (
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove "
        "overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
        "RemoveTagsFromResource."
    )
    with expect.fails("ValidationException", message):
        put(ssm, "/a", Overwrite=True, Tags=expect.tags(a="b"))


def test_values_that_are_refused(ssm):
    message = 'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.'
    with expect.fails("ValidationException", message):
        put(ssm, "v", "{{ssm:other}}")
    message = (
        "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "
        "value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
    )
    with expect.fails("ValidationException", message):
        put(ssm, "v", "x" * 4097)
    with expect.fails("ValidationException"):
        put(ssm, "v", "x" * 8193, Tier="Advanced")
    with expect.fails("ValidationException"):
        put(ssm, "v", "")
    with expect.fails("ValidationException"):
        ssm.put_parameter(Name="v", Value="x")
    with expect.fails("ValidationException"):
        put(ssm, "v", KeyId="alias/x")
    with expect.fails("ValidationException"):
        put(ssm, "v", Type="Other")


def test_patterns(ssm):
    put(ssm, "p", "1234", AllowedPattern=r"\d{1,4}")
    message = r"Parameter value, cannot be validated against allowedPattern: \d{1,4}"
    with expect.fails("ParameterPatternMismatchException", message):
        put(ssm, "p", "12345", Overwrite=True)
    with expect.fails("InvalidAllowedPatternException"):
        put(ssm, "q", AllowedPattern="(")


@pytest.mark.parametrize(
    "data_type, good, bad",
    [
        ("aws:ec2:image", "ami-0123456789abcdef0", "image"),
        ("integer", "443", "4.4.3"),
        ("boolean", "true", "yes"),
        ("ipv4-address", "10.0.0.1", "10.0.0.256"),
        ("json", '{"a": 1}', "{a: 1}"),
    ],
)
def test_data_types(ssm, data_type, good, bad):
    more = {"DataType": data_type, "Tier": "Intelligent-Tiering"}
    put(ssm, "/typed", good, **more)
    assert ssm.get_parameter(Name="/typed")["Parameter"]["DataType"] == data_type
    with expect.fails("ValidationException"):
        put(ssm, "/other", bad, **more)
    with expect.fails("ValidationException"):
        put(ssm, "/typed", good, Overwrite=True, DataType="text")
    with expect.fails("ValidationException"):
        put(ssm, "/other", good, DataType=data_type.upper())


def test_string_lists(ssm):
    put(ssm, "/list", "a,b,c", Type="StringList")
    found = ssm.get_parameter(Name="/list")["Parameter"]
    assert (found["Type"], found["Value"]) == ("StringList", "a,b,c")


def test_several_at_once(ssm):
    put(ssm, "/b", "1")
    put(ssm, "/a", "2")
    answer = ssm.get_parameters(Names=["/b", "/none", "/a:1", "/a:9", "not a name"])
    assert [p["Name"] for p in answer["Parameters"]] == ["/a", "/b"]
    assert sorted(answer["InvalidParameters"]) == ["/a:9", "/none", "not a name"]
    with expect.fails("ValidationException"):
        ssm.get_parameters(Names=[f"/{i}" for i in range(11)])


def test_deleting(ssm):
    for name in ("/a", "/b"):
        put(ssm, name)
    ssm.delete_parameter(Name="/a")
    answer = ssm.delete_parameters(Names=["/a", "/b", "/none"])
    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == (["/b"], ["/a", "/none"])
    assert put(ssm, "/a")["Version"] == 1


def test_tags(ssm):
    put(ssm, "/t", Tags=expect.tags(env="prod"))
    about = {"ResourceType": "Parameter", "ResourceId": "/t"}
    ssm.add_tags_to_resource(**about, Tags=expect.tags(team="red", env="test"))
    ssm.remove_tags_from_resource(**about, TagKeys=["team", "none"])
    assert ssm.list_tags_for_resource(**about)["TagList"] == expect.tags(env="test")
    with expect.fails("TooManyTagsError"):
        ssm.add_tags_to_resource(**about, Tags=expect.tags(**{f"k{i}": "" for i in range(50)}))
    with expect.fails("ValidationException"):
        ssm.add_tags_to_resource(**about, Tags=expect.tags(**{"aws:x": "y"}))
    other = {**about, "ResourceId": "/none"}
    for call, more in (
        (ssm.add_tags_to_resource, {"Tags": expect.tags(a="b")}),
        (ssm.remove_tags_from_resource, {"TagKeys": ["a"]}),
        (ssm.list_tags_for_resource, {}),
    ):
        with expect.fails("InvalidResourceId"):
            call(**other, **more)
        with expect.fails("NotImplemented", status=501):
            call(ResourceType="Document", ResourceId="x", **more)


def test_tiers(ssm):
    put(ssm, "/s")
    assert put(ssm, "/s", "x" * 8192, Tier="Advanced", Overwrite=True)["Tier"] == "Advanced"
    assert put(ssm, "/s", Overwrite=True)["Tier"] == "Advanced"
    message = (
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter "
        "tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a "
        "standard parameter."
    )
    with expect.fails("ValidationException", message):
        put(ssm, "/s", Tier="Standard", Overwrite=True)
    assert put(ssm, "/i", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(ssm, "/j", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"


def policies(*given):
    return json.dumps([{"Type": kind, "Version": "1.0", "Attributes": attributes} for kind, attributes in given])


EXPIRATION = ("Expiration", {"Timestamp": "2090-12-02T21:34:33.000Z"})
NOTICE = ("ExpirationNotification", {"Before": "15", "Unit": "Days"})
NO_CHANGE = ("NoChangeNotification", {"After": "20", "Unit": "Days"})


def test_policies_are_read_back(ssm):
    put(ssm, "/p", Tier="Advanced", Policies=policies(EXPIRATION, NOTICE, NO_CHANGE))
    [described] = ssm.describe_parameters()["Parameters"]
    assert [p["PolicyType"] for p in described["Policies"]] == [EXPIRATION[0], NOTICE[0], NO_CHANGE[0]]
    assert {p["PolicyStatus"] for p in described["Policies"]} == {"Pending"}
    assert json.loads(described["Policies"][0]["PolicyText"])["Attributes"] == EXPIRATION[1]
    put(ssm, "/p", Overwrite=True, Policies="[{}]")
    assert ssm.describe_parameters()["Parameters"][0]["Policies"] == []


def test_wrong_policies(ssm):
    def refused(code, text, message=None):
        with expect.fails(code, message):
            put(ssm, "/p", Tier="Advanced", Policies=text)

    single = json.dumps({"Type": "Expiration"})
    refused("ValidationException", single, f"Invalid policies input: {single}.")
    refused("InvalidPolicyTypeException", policies(("Other", {})))
    refused("InvalidPolicyAttributeException", policies(("Expiration", {"Timestamp": "soon"})))
    refused("IncompatiblePolicyException", policies(EXPIRATION, EXPIRATION))
    refused("PoliciesLimitExceededException", policies(*[NO_CHANGE] * 11))
    with expect.fails("ValidationException"):
        put(ssm, "/p", Tier="Standard", Policies=policies(EXPIRATION))


def test_an_expired_parameter_is_gone(server, ssm):
    put(ssm, "/f")
    # The cloud's own time, which other tests have turned.
    now = ssm.get_parameter(Name="/f")["Parameter"]["LastModifiedDate"]
    end = (now + datetime.timedelta(days=2)).isoformat()
    put(ssm, "/e", Tier="Advanced", Policies=policies(("Expiration", {"Timestamp": end})))
    assert ssm.get_parameters(Names=["/e", "/f"])["InvalidParameters"] == []
    server.advance("3d")
    expect.eventually(
        lambda: ssm.get_parameters(Names=["/e", "/f"])["InvalidParameters"], lambda found: found == ["/e"]
    )
