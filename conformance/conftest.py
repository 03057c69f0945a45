"""Fixtures, the list of known gaps, and the gate on what was exercised."""

import pathlib
import random
import socket
import tempfile
import tomllib

import boto3
import botocore.config
import botocore.session
import pytest

import coverage_gate
import expect
import server as servers
import wire

HERE = pathlib.Path(__file__).resolve().parent
DEV_ACCOUNT = "000000000000"
REGION = "us-east-1"


# ---- the servers -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def server():
    """A developer's cloud in memory; one for each worker."""
    running = servers.Server("--dev", "--memory")
    try:
        yield running.start()
    finally:
        running.kill()


@pytest.fixture(scope="session")
def secure():
    """A cloud with the secure default; `credentials` holds what `fogbank env` prints."""
    with tempfile.TemporaryDirectory(prefix="fogbank-secure-") as data:
        running = servers.Server("--data", data)
        try:
            running.start()
            running.data = data
            running.credentials = servers.exported(servers.run("env", "--data", data).stdout)
            yield running
        finally:
            running.kill()


@pytest.fixture
def durable():
    """Starts clouds on one data folder, one after the other."""
    with tempfile.TemporaryDirectory(prefix="fogbank-durable-") as data:
        started = []

        def start(port=None):
            running = servers.Server("--dev", "--data", data, port=port).start()
            started.append(running)
            return running

        yield start
        for running in started:
            running.kill()


@pytest.fixture
def clock_advance(server):
    """clock_advance("30d") turns the clock of this worker's cloud."""
    return server.advance


# ---- names of this machine --------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def names_below_localhost():
    """Names below `localhost` are this machine's (RFC 6761), which not every resolver knows."""
    resolve = socket.getaddrinfo

    def resolve_here(host, *more, **named):
        below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if below or host == "localhost" else host, *more, **named)

    socket.getaddrinfo = resolve_here
    yield
    socket.getaddrinfo = resolve


# ---- clients ---------------------------------------------------------------------------


def make_client(endpoint, service, key="test", secret="test", token=None, region=REGION, **config):
    """A boto3 client without retries, watched by the gate."""
    core = botocore.session.Session()
    core.set_credentials(key, secret, token)
    coverage_gate.watch(core)
    settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 40, **config}
    if service == "s3control":
        # Its clients put the account before the host.
        endpoint = endpoint.replace("127.0.0.1", "localhost")
    return boto3.Session(botocore_session=core).client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        config=botocore.config.Config(**settings),
    )


@pytest.fixture(scope="session")
def client(server):
    """client("sqs", account=…, region=…): made once for each combination."""
    made = {}

    def get(service, account=DEV_ACCOUNT, region=REGION):
        wanted = (service, account, region)
        if wanted not in made:
            key = "test" if account == DEV_ACCOUNT else account
            made[wanted] = make_client(server.endpoint, service, key=key, region=region)
        return made[wanted]

    return get


@pytest.fixture(scope="session")
def sqs(client):
    return client("sqs")


@pytest.fixture(scope="session")
def sts(client):
    return client("sts")


@pytest.fixture(scope="session")
def kms(client):
    return client("kms")


@pytest.fixture(scope="session")
def s3(client):
    return client("s3")


@pytest.fixture(scope="session")
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture(scope="session")
def streams(client):
    return client("dynamodbstreams")


@pytest.fixture(scope="session")
def resource(server):
    """boto3's resource of DynamoDB, watched by the gate."""
    core = botocore.session.Session()
    core.set_credentials("test", "test")
    coverage_gate.watch(core)
    return boto3.Session(botocore_session=core).resource(
        "dynamodb", region_name=REGION, endpoint_url=server.endpoint
    )


@pytest.fixture
def bucket(s3):
    """bucket(**CreateBucket's parameters) makes a bucket and returns its name."""

    def make(s3=s3, **given):
        name = expect.name(prefix="b")
        s3.create_bucket(Bucket=name, **given)
        return name

    return make


@pytest.fixture
def account():
    """An account that nobody else uses."""
    return f"{random.randrange(10**11, 10**12)}"


@pytest.fixture
def queue(sqs):
    """queue(fifo=False, **attributes) makes a queue and returns its URL."""

    def make(fifo=False, sqs=sqs, **attributes):
        given = {k: str(v) for k, v in attributes.items()}
        if fifo:
            given["FifoQueue"] = "true"
        return sqs.create_queue(QueueName=expect.name(fifo=fifo), Attributes=given)["QueueUrl"]

    return make


@pytest.fixture
def query(server):
    """Raw signed Query calls to SQS."""
    return wire.Caller(server.endpoint)


@pytest.fixture
def query_sts(server):
    return wire.Caller(server.endpoint, service="sts")


# ---- known gaps and the gate -----------------------------------------------------------


def _lists():
    return tomllib.loads((HERE / "known_gaps.toml").read_text())


def _whole_run(config):
    """True when everything was asked for, so that absence means something."""
    chosen = config.option.keyword or config.option.markexpr or config.option.collectonly
    by_path = config.args_source == config.ArgsSource.ARGS
    left_out = getattr(config.option, "lf", False) or config.option.deselect
    return not (chosen or by_path or left_out)


def pytest_collection_modifyitems(config, items):
    """A known gap must fail: strict xfail turns its passing into a failure."""
    gaps = {g["test"]: g["reason"] for g in _lists().get("gap", [])}
    for item in items:
        reason = gaps.pop(_id(item.nodeid), None)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    config.gaps_without_test = sorted(gaps)


def _id(nodeid):
    """The id without the folder, so that it does not matter where pytest was started."""
    path, separator, rest = nodeid.partition("::")
    return pathlib.PurePosixPath(path).name + separator + rest


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput") and not servers.binary().exists():
        raise pytest.UsageError(f"no binary at {servers.binary()}: build it, or set FOGBANK_BIN")


class _FromWorkers:
    """Collects what xdist's workers have exercised."""

    @staticmethod
    def pytest_testnodedown(node, error):
        output = getattr(node, "workeroutput", {})
        coverage_gate.exercised.update(tuple(t) for t in output.get("exercised", []))
        node.config.gaps_without_test = output.get("gaps_without_test", [])


def pytest_configure(config):
    if config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_FromWorkers())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    config = session.config
    if hasattr(config, "workerinput"):
        config.workeroutput["exercised"] = sorted(coverage_gate.exercised)
        config.workeroutput["gaps_without_test"] = getattr(config, "gaps_without_test", [])
        return
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not _whole_run(config):
        return
    problems = coverage_gate.verdict(coverage_gate.exercised, _lists().get("unexercised", []))
    missing = getattr(config, "gaps_without_test", [])
    problems += [f"known_gaps.toml lists {test}, which does not exist" for test in missing]
    config.gate_problems = problems
    if config.gate_problems and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    problems = getattr(config, "gate_problems", None)
    if problems is None:
        return
    demanded = len(coverage_gate.demanded())
    done = len(coverage_gate.demanded() & coverage_gate.exercised)
    terminalreporter.section("operations and documented errors")
    terminalreporter.write_line(f"{done} of {demanded} exercised")
    for line in problems:
        terminalreporter.write_line(line, red=True)
