"""The AWS CLI's two versions, bare and through `fogbank aws`."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import server as servers

DEBIAN_AWS = "/usr/bin/aws"
CLI_SECONDS_MAX = 60


class Cli:
    """One installed AWS CLI, talking to one server."""

    def __init__(self, server, aws, through_fogbank):
        self.server = server
        self.aws = aws
        self.through_fogbank = through_fogbank

    def run(self, *arguments, check=True, stdin=None):
        """Runs `aws <arguments>`; returns the finished process."""
        environment = servers.clean_environment(
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_MAX_ATTEMPTS="1",
            PATH=os.pathsep.join([str(pathlib.Path(self.aws).parent), os.environ.get("PATH", "")]),
        )
        if self.through_fogbank:
            environment["AWS_ENDPOINT_URL"] = self.server.endpoint
            command = [str(servers.binary()), "aws", *arguments]
        else:
            command = [self.aws, *arguments, "--endpoint-url", self.server.endpoint]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=CLI_SECONDS_MAX, check=False, input=stdin
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def json(self, *arguments):
        text = self.run(*arguments, "--output", "json").stdout
        return json.loads(text) if text.strip() else {}


def version_1():
    """The pinned CLI beside this Python, and why it cannot be used (one of them is None)."""
    path = pathlib.Path(sys.executable).parent / "aws"
    return (str(path), None) if path.exists() else (None, "awscli of requirements.txt is not installed")


def version_2():
    """Debian's CLI 2; installed when we are root, for other tests of this run too."""
    if not _is_version_2():
        why = _install()
        if why is not None:
            return None, why
    return DEBIAN_AWS, None


def _is_version_2():
    if not os.path.exists(DEBIAN_AWS):
        return False
    done = subprocess.run([DEBIAN_AWS, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.startswith("aws-cli/2.")


def _install():
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "no AWS CLI 2 at /usr/bin/aws, and not root on Debian to install it"
    # One worker installs, the others wait.
    with open(os.path.join(tempfile.gettempdir(), "fogbank-conformance-apt.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_version_2():
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "awscli"]):
                done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
                if done.returncode != 0:
                    return f"{' '.join(command)} failed: {done.stderr.strip()[-200:]}"
    return None if _is_version_2() else "Debian's awscli is not version 2"
