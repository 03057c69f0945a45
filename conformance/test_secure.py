"""The secure default: its own root credentials, nothing that developers' mode opens."""

import os
import pathlib
import stat

import pytest

import server as servers
from conftest import make_client
from expect import fails


def root(secure, service="sts", **change):
    given = secure.credentials
    return make_client(
        secure.endpoint,
        service,
        change.get("key", given["AWS_ACCESS_KEY_ID"]),
        change.get("secret", given["AWS_SECRET_ACCESS_KEY"]),
        change.get("token"),
        region=given.get("AWS_REGION") or given["AWS_DEFAULT_REGION"],
    )


def test_env_prints_all_that_a_client_needs(secure):
    assert secure.credentials["AWS_ENDPOINT_URL"] == secure.endpoint
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= set(secure.credentials)
    assert {"AWS_REGION", "AWS_DEFAULT_REGION"} & set(secure.credentials)
    assert len(secure.credentials["AWS_SECRET_ACCESS_KEY"]) == 40


def test_the_root_credentials_work(secure):
    found = root(secure).get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{found['Account']}:root"
    url = root(secure, "sqs").create_queue(QueueName="q")["QueueUrl"]
    assert f"/{found['Account']}/q" in url


@pytest.mark.parametrize("key, secret", [("test", "test"), ("000000000000", "test"), ("123456789012", "test")])
def test_the_developers_keys_do_not(secure, key, secret):
    with fails("InvalidClientTokenId", status=403):
        root(secure, key=key, secret=secret).get_caller_identity()


def test_a_wrong_secret_does_not(secure):
    with fails("SignatureDoesNotMatch", status=403):
        root(secure, secret="x" * 40).get_caller_identity()


def test_a_session_token_with_a_key_that_has_none_does_not(secure):
    with fails("InvalidClientTokenId", status=403):
        root(secure, token="not-a-token").get_caller_identity()


def test_the_credentials_stay_the_same(secure):
    again = servers.exported(servers.run("env", "--data", secure.data).stdout)
    assert again == secure.credentials


def test_the_secret_is_readable_by_its_owner_only(secure):
    secret = secure.credentials["AWS_SECRET_ACCESS_KEY"].encode()
    holders = [p for p in pathlib.Path(secure.data).rglob("*") if p.is_file() and secret in p.read_bytes()]
    assert holders
    for path in holders:
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path


def test_the_clock_is_not_for_turning(secure):
    done = servers.run("clock", "advance", "1s", "--endpoint", secure.endpoint, check=False)
    assert done.returncode != 0
    assert done.stderr


def test_status_finds_the_server_by_its_data_folder(secure):
    done = servers.run("status", "--data", secure.data)
    assert str(secure.port) in done.stdout
