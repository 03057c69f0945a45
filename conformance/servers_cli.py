"""The stock AWS CLI as several people use it, each with credentials of their own."""

import datetime
import json
import pathlib
import re
import subprocess
import time
import urllib.request

import server as servers
from cli import CLI_SECONDS_MAX


class Shell:
    """Makes callers: roots of accounts, users with keys, sessions."""

    def __init__(self, server, aws):
        self.server = server
        self.aws = aws

    def root(self, account):
        return Caller(self, {"AccessKeyId": account, "SecretAccessKey": "test"})

    def user(self, root, name):
        """A user that exists, with a new access key."""
        return Caller(self, root("iam", "create-access-key", "--user-name", name)["AccessKey"])

    def session(self, credentials):
        return Caller(self, credentials)

    def now(self):
        """The cloud's time in seconds."""
        with urllib.request.urlopen(f"{self.server.endpoint}/_fogbank/clock", timeout=10) as answer:
            text = json.load(answer)["now"].replace("Z", "+00:00")
        return datetime.datetime.fromisoformat(text).timestamp()

    def fogbank(self, *arguments):
        done = servers.run(*arguments, "--endpoint", self.server.endpoint)
        return done.stdout

    @staticmethod
    def until(ask, is_done, seconds=20):
        """Asks again until it is done."""
        end = time.monotonic() + seconds
        while not is_done(found := ask()) and time.monotonic() < end:
            time.sleep(0.1)
        return found


class Caller:
    """caller("sqs", "list-queues") is `aws sqs list-queues` as one identity."""

    def __init__(self, shell, credentials):
        self.shell = shell
        self.credentials = credentials

    def __call__(self, *arguments):
        printed = self.text(*arguments)
        return json.loads(printed) if printed.strip() else {}

    def text(self, *arguments):
        """What the CLI prints, for commands that print no JSON."""
        done = self._run(*arguments)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def refused(self, *arguments):
        """What the CLI says of a call that must fail."""
        done = self._run(*arguments)
        assert done.returncode != 0, f"{' '.join(arguments)} succeeded: {done.stdout}"
        return done.stderr

    def _run(self, *arguments):
        given = {
            "AWS_ACCESS_KEY_ID": self.credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["SecretAccessKey"],
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        if "SessionToken" in self.credentials:
            given["AWS_SESSION_TOKEN"] = self.credentials["SessionToken"]
        command = [self.shell.aws, *arguments, "--endpoint-url", self.shell.server.endpoint, "--output", "json"]
        return subprocess.run(
            command,
            env=servers.clean_environment(**given),
            cwd=pathlib.Path(__file__).resolve().parent,
            capture_output=True,
            text=True,
            timeout=CLI_SECONDS_MAX,
            check=False,
        )


def request_id(debug):
    """The request id in what the CLI prints with --debug."""
    found = re.findall(r"x-amzn-requestid['\"]?: ?['\"]([0-9a-f-]{36})", debug, re.IGNORECASE)
    assert found, "the answer's headers are in the debug output"
    return found[-1]
