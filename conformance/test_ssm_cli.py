"""An application's configuration by the AWS CLI, as its users write it."""

import json

import pytest

import cli as clis
import expect


@pytest.fixture(params=[clis.version_1, clis.version_2], ids=["cli 1", "cli 2"])
def cli(server, request):
    path, why = request.param()
    if path is None:
        pytest.skip(why)
    return clis.Cli(server, path, through_fogbank=False)


def test_an_application_reads_its_configuration(cli):
    root = f"/{expect.name('app')}"

    def ssm(*arguments):
        return cli.json("ssm", *arguments)

    host, password = f"{root}/host", f"{root}/db/password"
    ssm("put-parameter", "--name", host, "--value", "db.example.com", "--type", "String", "--tags", "Key=a,Value=b")
    ssm("put-parameter", "--name", password, "--value", "hunter2", "--type", "SecureString")
    made = ssm("put-parameter", "--name", host, "--value", "db2.example.com", "--overwrite")
    assert (made["Version"], made["Tier"]) == (2, "Standard")
    found = ssm("get-parameters-by-path", "--path", root, "--recursive", "--with-decryption")["Parameters"]
    assert {p["Name"]: p["Value"] for p in found} == {host: "db2.example.com", password: "hunter2"}
    ssm("label-parameter-version", "--name", host, "--parameter-version", "1", "--labels", "before")
    assert ssm("get-parameter", "--name", f"{host}:before")["Parameter"]["Value"] == "db.example.com"
    described = ssm("describe-parameters", "--parameter-filters", f"Key=Path,Option=Recursive,Values={root}")
    assert len(described["Parameters"]) == 2
    assert len(ssm("get-parameter-history", "--name", host)["Parameters"]) == 2
    tags = ssm("list-tags-for-resource", "--resource-type", "Parameter", "--resource-id", host)
    assert tags["TagList"] == [{"Key": "a", "Value": "b"}]
    public = "/aws/service/global-infrastructure/regions"
    regions = cli.run("ssm", "get-parameters-by-path", "--path", public, "--query", "Parameters[].Value")
    assert "eu-central-1" in json.loads(regions.stdout)
    done = cli.run("ssm", "put-parameter", "--name", host, "--value", "x", "--type", "String", check=False)
    assert "(ParameterAlreadyExists) when calling the PutParameter operation" in done.stderr
    names = ["--names", host, password, f"{root}/none"]
    assert ssm("delete-parameters", *names)["InvalidParameters"] == [f"{root}/none"]
