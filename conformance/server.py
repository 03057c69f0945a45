"""The binary under test: starting it, finding out when it serves, stopping it by process id.

A server belongs to one pytest process. With xdist every worker has its own, so that turning
the clock in one test cannot disturb a test that runs at the same time in another worker.
"""

import atexit
import functools
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time

READY_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
START_ATTEMPTS_MAX = 3


def binary():
    """The path of the release binary: FOGBANK_BIN, else where cargo puts it."""
    named = os.environ.get("FOGBANK_BIN")
    if named:
        return pathlib.Path(named).resolve()
    return pathlib.Path(__file__).resolve().parent.parent / "target" / "release" / "fogbank"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def data_home():
    """Stands in for the user's own data home, where a running cloud in memory leaves its run file."""
    path = tempfile.mkdtemp(prefix="fogbank-home-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def clean_environment(**extra):
    """The caller's environment without its AWS settings, which must not leak into a test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FOGBANK_"))}
    kept["XDG_DATA_HOME"] = data_home()
    kept["AWS_CONFIG_FILE"] = os.devnull
    kept["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    kept["AWS_PAGER"] = ""
    kept.update(extra)
    return kept


def run(*arguments, check=True, **environment):
    """Runs the binary's command line to its end and returns the finished process."""
    return subprocess.run(
        [str(binary()), *arguments],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=check,
    )


class Server:
    """One running Fogbank."""

    def __init__(self, *arguments, port=None, **environment):
        self.arguments = arguments
        self.environment = environment
        self.port = port or free_port()
        self.process = None
        self.lines = []
        self._log = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Starts the process and returns when it has printed `ready`."""
        for attempt in range(START_ATTEMPTS_MAX):
            if self._start_once():
                return self
            # Another process may have taken the port between the probe and the start.
            if attempt + 1 < START_ATTEMPTS_MAX:
                self.port = free_port()
        raise RuntimeError(f"the server did not become ready:\n{self.output()}")

    def _start_once(self):
        self.lines = []
        self._log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(binary()), "up", *self.arguments, "--port", str(self.port)],
            env=clean_environment(**self.environment),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self.process.stdout, ready), daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if ready.wait(0.05):
                return True
            if self.process.poll() is not None:
                return False
        self.kill()
        return False

    def _read(self, stdout, ready):
        # Goes on reading after `ready`, so that a full pipe never blocks the server.
        for line in stdout:
            self.lines.append(line.rstrip("\n"))
            if line.strip() == "ready":
                ready.set()

    def output(self):
        if self._log is None:
            return ""
        self._log.seek(0)
        return "\n".join(self.lines) + "\n" + self._log.read()

    def stop(self):
        """Asks the process to end; returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not end on SIGTERM") from None

    def kill(self):
        """The power cut: SIGKILL, no chance to tidy up."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)

    def advance(self, duration):
        """Turns the cloud's clock forward; signatures stay on wall time."""
        run("clock", "advance", duration, "--endpoint", self.endpoint)


def exported(text):
    """The variables of `fogbank env`, which prints lines for a shell to evaluate."""
    found = {}
    for word in shlex.split(text, comments=True):
        name, equals, value = word.partition("=")
        if equals:
            found[name] = value.rstrip(";")
    return found


@functools.cache
def implemented():
    """(service, operation) of every row of every service's table, as the binary tells them."""
    told = json.loads(run("coverage", "--json").stdout)
    return tuple(
        sorted(
            (service["service"], operation["name"])
            for service in told
            for operation in service["operations"]
            if operation["implemented"]
        )
    )
