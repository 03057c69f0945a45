"""AWS CLI version 1 (current, JSON to SQS; ignores AWS_ENDPOINT_URL for SQS), bare and wrapped."""

import os
import pathlib

import pytest

import cli as clis
import cli_scenarios
import server as servers


@pytest.fixture
def aws():
    path, why = clis.version_1()
    if path is None:
        pytest.skip(why)
    return path


@pytest.mark.parametrize("how, scenario", cli_scenarios.CASES, ids=cli_scenarios.case_id)
def test_scenario(server, aws, how, scenario):
    scenario(clis.Cli(server, aws, through_fogbank=how == "fogbank aws"))


def test_it_is_version_1(server, aws):
    done = clis.Cli(server, aws, through_fogbank=False).run("--version", check=False)
    assert done.stdout.startswith("aws-cli/1.")


@pytest.mark.parametrize("service, command", [("sqs", "list-queues"), ("sts", "get-caller-identity")])
def test_the_wrapper_reaches_what_the_variable_does_not(server, aws, service, command):
    # With the variable alone, version 1 would send SQS's request to queue.amazonaws.com.
    clis.Cli(server, aws, through_fogbank=True).run(service, command)


def test_the_exit_code_is_passed_on(server, aws):
    codes = [clis.Cli(server, aws, t).run("sqs", "fly", check=False).returncode for t in (False, True)]
    assert codes[0] == codes[1] != 0


def test_the_wrapper_uses_the_credentials_of_the_data_folder(secure, aws):
    path = os.pathsep.join([str(pathlib.Path(aws).parent), os.environ.get("PATH", "")])
    done = servers.run("aws", "--data", secure.data, "sts", "get-caller-identity", PATH=path)
    assert ":root" in done.stdout
