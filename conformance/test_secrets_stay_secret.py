"""Secrets never appear in logs, errors, metrics or explanations, nor readable in the data folder: this greps for them.

A cloud of its own logs as much as it can. Every kind of secret is made, used, and misused; then everything that the
cloud has let out is searched for each of them, plain and in the encodings in which it could have been copied.
"""

import base64
import json
import os
import pathlib
import re
import stat
import urllib.error
import urllib.parse
import urllib.request
import xml.sax.saxutils

import pytest
from botocore.exceptions import ClientError

import expect
import planted_secrets
import server as servers
import totp
import wire
from conftest import make_client
from identity_provider import CLIENT, OpenIdProvider, SamlProvider
from test_iam_certificates import CERTIFICATE, PRIVATE_KEY
from test_iam_mfa import STEP_SECONDS
from test_iam_providers import metadata

# Not secret, so that the search has something to find everywhere.
CONTROL = "control-mark"
# Operations that answer with a secret, once.
TELLING = {
    "CreateAccessKey",
    "CreateVirtualMFADevice",
    "CreateServiceSpecificCredential",
    "ResetServiceSpecificCredential",
    "GetSessionToken",
    "GetFederationToken",
    "AssumeRole",
    "AssumeRoleWithWebIdentity",
    "AssumeRoleWithSAML",
    *planted_secrets.TELLING,
}
PLAIN_CALLS = {"sts": "get_caller_identity", "sqs": "list_queues", "iam": "list_users"}
PRIVATE_FILES = ("root.json", "run.json", "master.key")
# Where an error repeats the request that had to be signed.
CANONICAL = b"The Canonical String for this request should have been"
ZEROS = re.compile(rb"\0{32,}")


class Cloud:
    """A secure cloud that logs everything, with all that it answered and all that nobody may find."""

    def __init__(self, data):
        self.data = data
        self.temporary = pathlib.Path(data).with_name("temporary")
        self.temporary.mkdir()
        self.server = servers.Server("--data", data, "--log", "trace", TMPDIR=str(self.temporary)).start()
        given = servers.exported(servers.run("env", "--data", data).stdout)
        self.root = {
            "AccessKeyId": given["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": given["AWS_SECRET_ACCESS_KEY"],
        }
        self.secrets = {}
        self.answers = []
        self.requests = []
        self.keep("the root's key", self.root["SecretAccessKey"])
        self.account = self.client("sts").get_caller_identity()["Account"]

    def keep(self, what, secret):
        """Remembers what must be found nowhere."""
        self.secrets[what] = secret
        return secret

    def client(self, service, made=None):
        made = made or self.root
        found = make_client(
            self.server.endpoint,
            service,
            made["AccessKeyId"],
            made["SecretAccessKey"],
            made.get("SessionToken"),
            parameter_validation=False,
        )
        found.meta.events.register("after-call", self._note)
        return found

    def _note(self, http_response, parsed, model, **_):
        request = parsed.get("ResponseMetadata", {}).get("RequestId")
        if request:
            self.requests.append(request)
        if http_response.status_code >= 300 or model.name not in TELLING:
            heads = "".join(f"{name}: {value}\n" for name, value in http_response.headers.items())
            self.answers.append((model.name, heads.encode() + http_response.content))

    def refused(self, call, **given):
        """Makes a call that has to fail, whatever with."""
        with pytest.raises(ClientError):
            call(**given)

    def post(self, path, body):
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.server.endpoint + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            text = refusal.read()
            self.answers.append((path, text))
            return refusal.code, json.loads(text)

    def sign_in(self, user, password, **more):
        return self.post("/_fogbank/sign-in", {"account": self.account, "user": user, "password": password, **more})

    def explain(self, request):
        told = servers.run("explain", request, "--json", "--data", self.data, check=False)
        return (told.stdout + told.stderr).encode()

    def get(self, path):
        with urllib.request.urlopen(self.server.endpoint + path, timeout=30) as answer:
            return answer.read()


def near(secret):
    """One character besides the right one; as bad to publish."""
    return secret[:-1] + ("A" if secret[-1] != "A" else "B")


# ---- making and misusing ---------------------------------------------------------------


def make_users_secrets(cloud, iam):
    """A user with every secret that IAM knows; returns the user's key and the seed of the device."""
    password = cloud.keep("a password", 'Corr3ct/"horse"+&b\u00e4ttery <staple>')
    iam.create_user(UserName="ann", Path=f"/{CONTROL}/")
    iam.create_login_profile(UserName="ann", Password=password)
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=expect.policy(["sts:*", "iam:*", "sqs:*"]))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    cloud.keep("a user's key", key["SecretAccessKey"])
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="ann")["VirtualMFADevice"]
    seed = cloud.keep("an MFA seed", device["Base32StringSeed"].decode())
    cloud.keep("an MFA seed's bytes", base64.b32decode(seed))
    credential = iam.create_service_specific_credential(UserName="ann", ServiceName="codecommit.amazonaws.com")
    credential = credential["ServiceSpecificCredential"]
    cloud.keep("a service's password", credential["ServicePassword"])
    one = {"UserName": "ann", "ServiceSpecificCredentialId": credential["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**one)["ServiceSpecificCredential"]
    cloud.keep("a service's second password", again["ServicePassword"])
    iam.upload_server_certificate(
        ServerCertificateName="c", CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY
    )
    cloud.keep("a certificate's private key", "".join(PRIVATE_KEY.splitlines()[1:-1])[-60:])
    return key, password, device["SerialNumber"], seed


def misuse_keys(cloud, key):
    """Requests that are signed wrongly, or that carry a secret where a name belongs."""
    secret = key["SecretAccessKey"]
    for service, call in PLAIN_CALLS.items():
        for made in (
            {**key, "SecretAccessKey": near(secret)},
            {**key, "AccessKeyId": secret.replace("/", "")},
            {**key, "SessionToken": secret},
            {**key, "AccessKeyId": near(key["AccessKeyId"])},
        ):
            cloud.refused(getattr(cloud.client(service, made), call))
    caller = wire.Caller(cloud.server.endpoint, key["AccessKeyId"], secret, service="sts")
    for change in (
        lambda headers: headers | {"Authorization": headers["Authorization"][:-1]},
        lambda headers: headers | {"Authorization": f"AWS {key['AccessKeyId']}:{secret}"},
        lambda headers: headers | {"Authorization": f"Bearer {secret}"},
        lambda headers: headers | {"Authorization": f"Basic {base64.b64encode(f'ann:{secret}'.encode()).decode()}"},
    ):
        reply = caller.query("GetCallerIdentity", change=change)
        assert reply.status >= 400, reply.body
        cloud.answers.append(("a bad header", reply.body))
    cloud.refused(cloud.client("sts", key).get_access_key_info, AccessKeyId=secret[:20] + "0")


def misuse_sessions(cloud, made):
    token = made["SessionToken"]
    for bad in (
        {**made, "SessionToken": near(token)},
        {**made, "SessionToken": token[:-20]},
        {**made, "SecretAccessKey": near(made["SecretAccessKey"])},
        {**made, "SessionToken": token + made["SecretAccessKey"]},
    ):
        for service, call in (("sts", "get_caller_identity"), ("sqs", "list_queues")):
            cloud.refused(getattr(cloud.client(service, bad), call))
    cloud.refused(cloud.client("sts", made).get_session_token)
    caller = wire.Caller(cloud.server.endpoint, made["AccessKeyId"], made["SecretAccessKey"], token, service="sts")
    for url in (caller.presigned("GetCallerIdentity"), caller.presigned("GetCallerIdentity") + "0"):
        cloud.answers.append(("a presigned URL", wire.get(url).body))


def misuse_passwords(cloud, iam, key, password):
    own = cloud.client("iam", key)
    other = cloud.keep("a wrong password", "Wr0ng!" + password)
    too_long = cloud.keep("a password that is too long", "L0ng!" + "q" * 130 + "zxcvbnm")
    bad = cloud.keep("a password of bad characters", "B4d!-\u4e2d\u6587-characters")
    weak = cloud.keep("a weak password", "weak-without-capitals")
    iam.update_account_password_policy(MinimumPasswordLength=10, RequireUppercaseCharacters=True)
    for new in (too_long, bad, weak):
        cloud.refused(own.change_password, OldPassword=password, NewPassword=new)
        cloud.refused(own.change_password, OldPassword=new, NewPassword=password)
        cloud.refused(iam.update_login_profile, UserName="ann", Password=new)
        cloud.refused(iam.create_login_profile, UserName="ann", Password=new)
    for new in (too_long, weak):
        status, answer = cloud.sign_in("ann", password, new_password=new)
        assert status == 400, answer
    cloud.refused(own.change_password, OldPassword=other, NewPassword=password)
    assert cloud.sign_in("ann", other)[0] == 403
    # Into the wrong fields, and in a body that is none.
    assert cloud.sign_in(password, "x")[0] in (400, 403)
    assert cloud.post("/_fogbank/sign-in", {"account": password, "user": password, "password": "x"})[0] in (400, 403)
    assert cloud.post("/_fogbank/sign-in", {"account": cloud.account, "user": "ann", "password": [password]})[0] == 400
    assert cloud.post("/_fogbank/sign-in", {"account": cloud.account, "user": "ann", password: "x"})[0] == 400
    assert cloud.post("/_fogbank/sign-in", password)[0] == 400


def use_devices(cloud, iam, password, serial, seed):
    """Enables the device with its codes, and signs in with one."""
    at = cloud_seconds(cloud)
    codes = [totp.code(seed, at - STEP_SECONDS), totp.code(seed, at)]
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
    cloud.refused(iam.enable_mfa_device, UserName="ann", SerialNumber=serial, **wrong)
    cloud.refused(iam.enable_mfa_device, UserName="ann", SerialNumber=seed, **wrong)
    given = {"AuthenticationCode1": codes[0], "AuthenticationCode2": codes[1]}
    iam.enable_mfa_device(UserName="ann", SerialNumber=serial, **given)
    assert cloud.sign_in("ann", password)[1]["code"] == "MfaRequired"
    assert cloud.sign_in("ann", password, mfa_code=seed)[0] in (400, 403)
    status, answer = cloud.sign_in("ann", password, mfa_code=totp.code(seed, at + STEP_SECONDS))
    assert status == 200, answer
    return answer


def cloud_seconds(cloud):
    """The cloud's time in seconds."""
    made = cloud.client("iam").create_group(GroupName=expect.name("clock"))
    return made["Group"]["CreateDate"].timestamp()


def federate(cloud, iam):
    """Roles for a web identity and for an assertion: the proofs are as good as a password for a while."""
    anonymous = cloud.client("sts", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"})
    now = cloud_seconds(cloud)
    provider, corp = OpenIdProvider(), SamlProvider()
    try:
        web = iam.create_open_id_connect_provider(
            Url=provider.url, ClientIDList=[CLIENT], ThumbprintList=[provider.thumbprint]
        )["OpenIDConnectProviderArn"]
        saml = iam.create_saml_provider(SAMLMetadataDocument=corp.metadata, Name="Corp")["SAMLProviderArn"]
        iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="sealed", AddPrivateKey=PRIVATE_KEY)
        for name, arn, action in (
            ("web", web, "sts:AssumeRoleWithWebIdentity"),
            ("saml", saml, "sts:AssumeRoleWithSAML"),
        ):
            document = expect.trust(action=action, Federated=arn)
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        role = f"arn:aws:iam::{cloud.account}:role/"
        token = provider.token(now)
        given = {"RoleArn": role + "web", "RoleSessionName": "build"}
        made = anonymous.assume_role_with_web_identity(**given, WebIdentityToken=token)["Credentials"]
        keep_session(cloud, "a web identity's", made)
        cloud.keep("a web identity's token", token.rpartition(".")[2])
        for bad in (near(token), token + ".", token.rpartition(".")[2]):
            cloud.refused(anonymous.assume_role_with_web_identity, **given, WebIdentityToken=bad)
        attributes = {
            "https://aws.amazon.com/SAML/Attributes/Role": [f"{role}saml,{saml}"],
            "https://aws.amazon.com/SAML/Attributes/RoleSessionName": ["ann"],
        }
        response = corp.response(now, attributes)
        proof = re.search(r"<ds:SignatureValue>(.*?)</ds:SignatureValue>", base64.b64decode(response).decode())[1]
        given = {"RoleArn": role + "saml", "PrincipalArn": saml}
        made = anonymous.assume_role_with_saml(**given, SAMLAssertion=response)["Credentials"]
        keep_session(cloud, "an assertion's", made)
        cloud.keep("an assertion's signature", proof)
        changed = base64.b64decode(response).replace(b"ann@", b"eve@")
        for bad in (base64.b64encode(changed).decode(), response[:-8], response + "????"):
            cloud.refused(anonymous.assume_role_with_saml, **given, SAMLAssertion=bad)
    finally:
        provider.stop()


def keep_session(cloud, whose, made):
    cloud.keep(f"{whose} session's secret", made["SecretAccessKey"])
    # Its beginning may be alike in all tokens.
    cloud.keep(f"{whose} session's token", made["SessionToken"][40:])


def look_around(cloud, iam):
    """Answers that tell of everything there is; they are searched as errors are."""
    iam.get_account_authorization_details()
    while iam.generate_credential_report()["State"] != "COMPLETE":
        pass
    iam.get_credential_report()
    iam.list_service_specific_credentials(UserName="ann")
    iam.list_virtual_mfa_devices()
    iam.list_access_keys(UserName="ann")
    iam.get_login_profile(UserName="ann")
    iam.get_server_certificate(ServerCertificateName="c")
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=CONTROL)["QueueUrl"]
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])


def use_everything(cloud):
    """Makes, uses and misuses every kind of secret."""
    iam = cloud.client("iam")
    key, password, serial, seed = make_users_secrets(cloud, iam)
    misuse_keys(cloud, cloud.root)
    misuse_keys(cloud, key)
    sts = cloud.client("sts", key)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=cloud.account))
    arn = f"arn:aws:iam::{cloud.account}:role/r"
    sessions = {
        "a user's": sts.get_session_token()["Credentials"],
        "a role's": sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"],
        "a guest's": sts.get_federation_token(Name="guest")["Credentials"],
    }
    misuse_passwords(cloud, iam, key, password)
    sessions["a signed-in user's"] = use_devices(cloud, iam, password, serial, seed)
    for whose, made in sessions.items():
        keep_session(cloud, whose, made)
        misuse_sessions(cloud, made)
    federate(cloud, iam)
    planted_secrets.plant(cloud)
    look_around(cloud, iam)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """A cloud that was used and has ended, with all that can be searched; so the tests need no order."""
    cloud = Cloud(str(tmp_path_factory.mktemp("secrets")))
    try:
        use_everything(cloud)
        paths = ("/metrics", "/_fogbank/metrics", "/_fogbank/status", "/_fogbank/health")
        cloud.metrics = [(path, cloud.get(path)) for path in paths]
        cloud.explanations = [(f"explain {request}", cloud.explain(request)) for request in [*cloud.requests, "--last"]]
        cloud.files = list(files(cloud.data))
        cloud.modes = {name: stat.S_IMODE(os.stat(pathlib.Path(cloud.data) / name).st_mode) for name in PRIVATE_FILES}
        cloud.master = (pathlib.Path(cloud.data) / "master.key").read_text().strip()
        cloud.temporary_files = list(files(cloud.temporary))
        assert cloud.server.stop() == 0
        cloud.files_after = list(files(cloud.data))
        cloud.log = cloud.server.output().encode()
        yield cloud
    finally:
        cloud.server.kill()


# ---- the search ------------------------------------------------------------------------


def forms(secret):
    """How a secret can stand in bytes: plain, escaped, in base 64 at any place, in hexadecimal, as numbers."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    # The last of these is how Rust prints bytes for debugging.
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), ", ".join(map(str, raw)).encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # Only what depends on the secret alone, not on its neighbours.
        inner = text[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    if isinstance(secret, str):
        quoted = urllib.parse.quote(secret, safe="")
        found |= {quoted.encode(), quoted.lower().encode(), urllib.parse.quote_plus(secret).encode()}
        found |= {json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()}
        for quotes in ({}, {'"': "&quot;"}, {'"': "&quot;", "'": "&apos;"}):
            found.add(xml.sax.saxutils.escape(secret, quotes).encode())
        # As Rust prints a text for debugging.
        found.add(secret.replace("\\", "\\\\").replace('"', '\\"').encode())
    return found


def found_in(cloud, places, but=()):
    """Which secrets stand where."""
    searched = {what: forms(secret) for what, secret in cloud.secrets.items() if what not in but}
    return sorted(
        f"{what} in {place}"
        for place, data in places
        for what, all_forms in searched.items()
        if any(form in data for form in all_forms)
    )


def files(folder):
    """Every file's path in the folder, with what is in it; long rows of zeros are nothing."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), ZEROS.sub(b"\0", path.read_bytes())


def test_the_search_finds_what_is_there():
    secret = 'Corr3ct/"horse"+&staple'
    for text in (
        f"a {secret} b",
        f"user=ann&password={urllib.parse.quote_plus(secret)}",
        json.dumps({"password": secret}),
        base64.b64encode(f"ann:{secret}".encode()).decode(),
        base64.b64encode(f"bob!:{secret}:x".encode()).decode(),
        base64.urlsafe_b64encode(f"dora:{secret}".encode()).decode(),
        f"<P>{xml.sax.saxutils.escape(secret)}</P>",
    ):
        assert any(form in text.encode() for form in forms(secret)), text
    assert not any(form in near(secret).encode() for form in forms(secret))


def test_no_secret_is_logged(cloud):
    assert cloud.log.count(b"INFO") > 100 and CONTROL.encode() in cloud.log, "the log says a lot"
    assert found_in(cloud, [("the log", cloud.log)]) == []


def test_no_answer_tells_a_secret_again(cloud):
    assert sum(b"InvalidClientTokenId" in body for _, body in cloud.answers) > 5
    assert any(CONTROL.encode() in body for _, body in cloud.answers)
    others = [answer for answer in cloud.answers if CANONICAL not in answer[1]]
    assert found_in(cloud, others) == []
    tokens = [what for what in cloud.secrets if what.endswith("session's token")]
    assert tokens and len(others) < len(cloud.answers)
    assert found_in(cloud, cloud.answers, but=tokens) == []


def test_no_answer_repeats_a_session_token(cloud):
    assert found_in(cloud, [answer for answer in cloud.answers if CANONICAL in answer[1]]) == []


def test_a_secret_with_slashes_in_place_of_a_key_id_is_not_repeated(server):
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for service in ("sts", "sqs"):
        with pytest.raises(ClientError) as refused:
            getattr(make_client(server.endpoint, service, key=secret), PLAIN_CALLS[service])()
        assert secret not in str(refused.value)


def test_no_metric_has_a_secret(cloud):
    assert all(data for _, data in cloud.metrics)
    assert found_in(cloud, cloud.metrics) == []


def test_no_explanation_has_a_secret(cloud):
    assert any(CONTROL.encode() in data for _, data in cloud.explanations)
    assert found_in(cloud, cloud.explanations) == []


def test_no_secret_is_readable_in_the_data_folder(cloud):
    assert any(CONTROL.encode() in data for _, data in cloud.files), "names are, so the search can find"
    assert found_in(cloud, cloud.files) == ["the root's key in root.json", "the root's key in run.json"]
    assert {name: oct(mode) for name, mode in cloud.modes.items()} == dict.fromkeys(PRIVATE_FILES, "0o600")


def test_no_secret_is_readable_after_the_end(cloud):
    found = found_in(cloud, cloud.files_after)
    assert found == ["the root's key in root.json"], "the run file goes with the run"


def test_no_temporary_file_has_a_secret(cloud):
    assert found_in(cloud, [*cloud.temporary_files, *files(cloud.temporary)]) == []


def test_the_master_key_leaves_its_file_nowhere(cloud):
    assert len(cloud.master) >= 43, "32 bytes, in hexadecimal or base 64"
    raw = bytes.fromhex(cloud.master) if len(cloud.master) == 64 else base64.b64decode(cloud.master)
    all_forms = forms(raw) | forms(cloud.master)
    places = [(name, data) for name, data in (*cloud.files, *cloud.files_after) if name != "master.key"]
    places += [("the log", cloud.log), *cloud.metrics, *cloud.explanations, *cloud.answers]
    assert [place for place, data in places if any(form in data for form in all_forms)] == []
