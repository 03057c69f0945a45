"""AWS CLI version 2 of Debian 12 (2.9.19): speaks Query to SQS, knows no AWS_ENDPOINT_URL at all."""

import pytest

import cli as clis
import cli_scenarios


@pytest.fixture(scope="module")
def aws():
    path, why = clis.version_2()
    if path is None:
        pytest.skip(why)
    return path


@pytest.mark.parametrize("how, scenario", cli_scenarios.CASES, ids=cli_scenarios.case_id)
def test_scenario(server, aws, how, scenario):
    scenario(clis.Cli(server, aws, through_fogbank=how == "fogbank aws"))


def test_it_is_version_2(server, aws):
    done = clis.Cli(server, aws, through_fogbank=False).run("--version", check=False)
    assert done.stdout.startswith("aws-cli/2.")
