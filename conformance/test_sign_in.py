"""Sign-in: a password (and a code) for credentials, by HTTP, `fogbank credentials`, `env --user` and a profile."""

import base64
import datetime
import hashlib
import hmac
import json
import subprocess
import urllib.error
import urllib.request

import botocore.session
import pytest

import expect
import server as servers
from cli import version_1
from conftest import make_client
from expect import fails

PASSWORD = "Corr3ct-horse"


def root(secure, service):
    given = secure.credentials
    return make_client(secure.endpoint, service, given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture
def iam(secure):
    return root(secure, "iam")


@pytest.fixture
def account(secure):
    return root(secure, "sts").get_caller_identity()["Account"]


@pytest.fixture
def user(iam):
    """user(reset=False, allow=()) makes a user with a password, and returns its name."""

    def make(reset=False, allow=()):
        name = expect.name("user")
        iam.create_user(UserName=name)
        iam.create_login_profile(UserName=name, Password=PASSWORD, PasswordResetRequired=reset)
        if allow:
            statement = {"Effect": "Allow", "Action": list(allow), "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": statement})
            iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
        return name

    return make


def sign_in(secure, account, user, password=PASSWORD, headers=None, **more):
    """The status and the answer of one exchange."""
    body = json.dumps({"account": account, "user": user, "password": password, **more}).encode()
    request = urllib.request.Request(
        secure.endpoint + "/_fogbank/sign-in", body, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def client_of(secure, answer, service):
    return make_client(
        secure.endpoint, service, answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
    )


def totp(seed, step):
    """RFC 6238 with SHA-1, six digits."""
    digest = hmac.new(base64.b32decode(seed), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


# ---- the exchange ----------------------------------------------------------------------


def test_a_password_gets_credentials_of_the_user(secure, account, user):
    name = user(allow=["sqs:ListQueues", "iam:GetUser"])
    status, answer = sign_in(secure, account, name)
    assert status == 200, answer
    assert answer["Arn"] == f"arn:aws:iam::{account}:user/{name}"
    found = client_of(secure, answer, "sts").get_caller_identity()
    assert (found["Account"], found["Arn"]) == (account, answer["Arn"])
    client_of(secure, answer, "sqs").list_queues()
    assert client_of(secure, answer, "iam").get_user()["User"]["UserName"] == name
    with fails(("AccessDenied", "AccessDeniedException"), status=403):
        client_of(secure, answer, "sqs").create_queue(QueueName=expect.name())


def test_the_session_of_a_deleted_user_may_do_nothing(secure, account, user, iam):
    name = user(allow=["sqs:ListQueues"])
    _, answer = sign_in(secure, account, name)
    sqs = client_of(secure, answer, "sqs")
    sqs.list_queues()
    iam.delete_login_profile(UserName=name)
    iam.delete_user_policy(UserName=name, PolicyName="may")
    iam.delete_user(UserName=name)
    with fails(("AccessDenied", "AccessDeniedException", "InvalidClientTokenId"), status=403):
        sqs.list_queues()


def test_the_alias_of_an_account_will_do(secure, user, iam):
    name, alias = user(), expect.name("alias")[:40]
    iam.create_account_alias(AccountAlias=alias)
    try:
        assert sign_in(secure, alias, name)[0] == 200
    finally:
        iam.delete_account_alias(AccountAlias=alias)


def test_everything_wrong_is_answered_alike(secure, account, user):
    name = user()
    answers = [
        sign_in(secure, account, name, "Wr0ng-horse"),
        sign_in(secure, account, expect.name("nobody")),
        sign_in(secure, "000000000001", name),
        sign_in(secure, "no-such-alias", name),
    ]
    assert answers[0][0] == 403 and answers[0][1]["code"] == "AuthenticationFailed"
    assert all(answer == answers[0] for answer in answers)


def test_after_some_failures_even_the_right_password_waits(secure, account, user):
    name = user()
    # The wait is a second: on a busy machine it may be over before the next password is sent.
    for _ in range(5):
        for _ in range(5):
            assert sign_in(secure, account, name, "Wr0ng-horse")[0] == 403
        status, answer = sign_in(secure, account, name)
        if status != 200:
            break
    assert (status, answer.get("code")) == (429, "TooManyAttempts")
    assert answer["retry_after_seconds"] == 1


def test_an_mfa_code_is_needed_and_good_once(secure, account, user, iam):
    name = user()
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    step = int(secure_time(secure) // 30)
    iam.enable_mfa_device(
        UserName=name,
        SerialNumber=serial,
        AuthenticationCode1=totp(seed, step - 1),
        AuthenticationCode2=totp(seed, step),
    )
    assert sign_in(secure, account, name)[1]["code"] == "MfaRequired"
    assert sign_in(secure, account, name, mfa_code="000000")[1]["code"] == "AuthenticationFailed"
    code = totp(seed, step + 1)
    status, answer = sign_in(secure, account, name, mfa_code=code)
    assert status == 200, answer
    assert sign_in(secure, account, name, mfa_code=code)[1]["code"] == "AuthenticationFailed"


def secure_time(secure):
    """The cloud's own time, in seconds since 1970."""
    status = json.loads(servers.run("status", "--json", "--data", secure.data).stdout)
    return datetime.datetime.fromisoformat(status["now"]).timestamp()


def test_a_password_is_changed_on_the_way(secure, account, user):
    name = user(reset=True, allow=["iam:ChangePassword"])
    assert sign_in(secure, account, name)[1]["code"] == "NewPasswordRequired"
    status, answer = sign_in(secure, account, name, new_password="short")
    assert (status, answer["code"]) == (400, "PasswordPolicyViolation")
    assert sign_in(secure, account, name, new_password="N3w-horse-battery")[0] == 200
    assert sign_in(secure, account, name)[1]["code"] == "AuthenticationFailed"
    assert sign_in(secure, account, name, "N3w-horse-battery")[0] == 200


@pytest.mark.parametrize(
    "headers, status",
    [({"Origin": "https://evil.example.com"}, 403), ({"Content-Type": "text/plain"}, 415)],
)
def test_foreign_pages_cannot_sign_in(secure, account, user, headers, status):
    assert sign_in(secure, account, user(), headers=headers)[0] == status


def test_no_password_is_logged(account, user, secure):
    sign_in(secure, account, user())
    sign_in(secure, account, PASSWORD, "Wr0ng-horse")
    output = secure.output()
    assert PASSWORD not in output and "Wr0ng-horse" not in output


# ---- the command line ------------------------------------------------------------------


def test_credentials_are_what_a_credential_process_prints(secure, account, user):
    of_root = json.loads(servers.run("credentials", "--data", secure.data).stdout)
    assert of_root == {
        "Version": 1,
        "AccessKeyId": secure.credentials["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": secure.credentials["AWS_SECRET_ACCESS_KEY"],
    }
    name = user()
    line = ["credentials", "--data", secure.data, "--user", name, "--duration", "15m"]
    of_user = json.loads(servers.run(*line, FOGBANK_PASSWORD=PASSWORD).stdout)
    assert of_user["Version"] == 1 and of_user["Expiration"]
    found = client_of(secure, of_user, "sts").get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{account}:user/{name}"
    by_endpoint = ["credentials", "--endpoint", secure.endpoint, "--account", account, "--user", name]
    assert json.loads(servers.run(*by_endpoint, FOGBANK_PASSWORD=PASSWORD).stdout)["SessionToken"]


def test_refused_credentials_are_explained_and_nothing_is_printed(secure, user):
    line = ["credentials", "--data", secure.data, "--user", user()]
    wrong = servers.run(*line, check=False, FOGBANK_PASSWORD="Wr0ng-horse")
    assert wrong.returncode != 0 and wrong.stdout == ""
    assert "Authentication failed" in wrong.stderr and "Wr0ng-horse" not in wrong.stderr


def test_env_signs_in(secure, account, user):
    name = user()
    done = servers.run("env", "--data", secure.data, "--user", name, FOGBANK_PASSWORD=PASSWORD)
    found = servers.exported(done.stdout)
    session = make_client(
        secure.endpoint,
        "sts",
        found["AWS_ACCESS_KEY_ID"],
        found["AWS_SECRET_ACCESS_KEY"],
        found["AWS_SESSION_TOKEN"],
    )
    assert session.get_caller_identity()["Arn"].endswith(f":user/{name}")


def test_a_profile_works_in_boto3_and_in_the_cli(secure, account, user, tmp_path, monkeypatch):
    name = user()
    config = tmp_path / "config"
    sections = [
        servers.run("env", "--data", secure.data, "--profile", "cloud").stdout,
        servers.run("env", "--data", secure.data, "--profile", "user", "--user", name).stdout,
    ]
    config.write_text("".join(sections))
    environment = servers.clean_environment(AWS_CONFIG_FILE=str(config), FOGBANK_PASSWORD=PASSWORD)
    expected = {"cloud": f"arn:aws:iam::{account}:root", "user": f"arn:aws:iam::{account}:user/{name}"}

    for variable in ("AWS_CONFIG_FILE", "FOGBANK_PASSWORD", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, environment[variable])
    for profile, arn in expected.items():
        sts = botocore.session.Session(profile=profile).create_client("sts")
        assert sts.get_caller_identity()["Arn"] == arn

    aws, why = version_1()
    if aws is None:
        pytest.skip(why)
    for profile, arn in expected.items():
        line = [aws, "--profile", profile, "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, arn), done.stderr


# ---- fogbank explain -------------------------------------------------------------------


def test_a_refusal_is_explained_to_the_owner_alone(secure, account, user):
    name = user(allow=["sqs:ListQueues"])
    _, answer = sign_in(secure, account, name)
    sqs = client_of(secure, answer, "sqs")
    with fails(("AccessDenied", "AccessDeniedException"), status=403) as seen:
        sqs.create_queue(QueueName=expect.name())
    request = seen[0].response["ResponseMetadata"]["RequestId"]
    text = servers.run("explain", request, "--data", secure.data).stdout
    for part in [answer["Arn"], "sqs:CreateQueue", "refused", "no statement of an identity-based policy"]:
        assert part in text, text
    last = json.loads(servers.run("explain", "--last", "--json", "--data", secure.data).stdout)
    assert (last["request_id"], last["outcome"]) == (request, "refused")

    stranger = servers.run("explain", request, "--endpoint", secure.endpoint, check=False)
    assert stranger.returncode != 0 and "--data" in stranger.stderr
    assert answer["Arn"] not in stranger.stdout + stranger.stderr


def test_an_allowed_call_is_explained_by_its_statement(secure, account, user):
    name = user(allow=["sqs:ListQueues"])
    _, answer = sign_in(secure, account, name)
    done = client_of(secure, answer, "sqs").list_queues()
    request = done["ResponseMetadata"]["RequestId"]
    told = json.loads(servers.run("explain", request, "--json", "--data", secure.data).stdout)
    assert (told["outcome"], told["action"]) == ("allowed", "sqs:ListQueues")
    statements = [s for d in told["decisions"] for s in d["statements"]]
    assert [(s["effect"], s["statement"]) for s in statements] == [("Allow", 1)]
    assert statements[0]["policy"].endswith("may")


def test_an_unknown_request_is_said_to_be_so(secure):
    unknown = servers.run("explain", "00000000-0000-4000-8000-000000000000", "--data", secure.data, check=False)
    assert unknown.returncode != 0 and "latest 4096" in unknown.stderr
    nonsense = servers.run("explain", "../status", "--data", secure.data, check=False)
    assert nonsense.returncode != 0 and "no request id" in nonsense.stderr
