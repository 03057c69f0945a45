"""Other programs that speak S3: where they are, and why they cannot be used if they are not there."""

import os
import pathlib
import shutil
import subprocess

import server as servers

SECONDS_MAX = 120

# Python clients that pin an older botocore than ours live in an environment of their own.
CLIENTS_PYTHON = pathlib.Path(__file__).resolve().parent.parent / ".venv" / "clients" / "bin" / "python"


class Program:
    """One program with the environment that points it to a server."""

    def __init__(self, path, arguments=(), **environment):
        self.path = path
        self.arguments = arguments
        self.environment = environment

    def run(self, *arguments, check=True, cwd=None, stdin=None):
        done = subprocess.run(
            [self.path, *self.arguments, *arguments],
            env=servers.clean_environment(**self.environment),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
            cwd=cwd,
            input=stdin,
        )
        if check:
            assert done.returncode == 0, f"{self.path} {' '.join(arguments)}: {done.stderr}\n{done.stdout}"
        return done

    def __call__(self, *arguments, **how):
        return self.run(*arguments, **how).stdout


def find(name):
    """The path of a program, and why it cannot be used (one of them is None)."""
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin"]))
    return (path, None) if path else (None, f"{name} is not installed (apt-get install {name})")


def clients_python(module):
    if not CLIENTS_PYTHON.exists():
        return None, "the clients of requirements-clients.txt are not installed"
    done = subprocess.run([CLIENTS_PYTHON, "-c", f"import {module}"], capture_output=True, check=False, timeout=SECONDS_MAX)
    return (str(CLIENTS_PYTHON), None) if done.returncode == 0 else (None, f"{module} is not installed")
