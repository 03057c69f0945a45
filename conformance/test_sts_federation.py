"""Federation: roles for the identities of OpenID Connect and SAML providers."""

import base64
import configparser
import re
import subprocess

import pytest

import cli
import expect
import server as servers
from expect import fails
from identity_provider import ATTRIBUTE, CLIENT, OpenIdProvider, SamlProvider, TokenKey, encoded
from test_iam_mfa import cloud_time
from test_sts_roles import Account, may, may_make_queues


@pytest.fixture
def home(server, account):
    return Account(server, account)


@pytest.fixture
def now(server):
    """now() is the cloud's time in seconds, by which tokens are made and judged."""
    return lambda: int(cloud_time(server))


@pytest.fixture
def holder(server):
    """holder(answer, service) is a client with the credentials of an answer of STS."""
    return lambda answer, service="sqs": expect.session_caller(server, answer["Credentials"], service=service)


@pytest.fixture
def anonymous(server):
    """A client of STS whose keys are nobody's: these two calls are not signed."""
    return expect.caller(server, "AKIAIOSFODNN7EXAMPLE", service="sts")


# ---- web identities --------------------------------------------------------------------

UNAUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
NO_KEY = re.compile("Couldn't retrieve verification key from your identity provider")


@pytest.fixture(scope="module")
def shared_provider():
    running = OpenIdProvider()
    yield running
    running.stop()


@pytest.fixture
def provider(shared_provider, home):
    """A provider that the account knows."""
    register(home, shared_provider)
    return shared_provider


@pytest.fixture
def own_provider(home):
    """One that is this test's alone, to be turned and stopped."""
    running = OpenIdProvider()
    register(home, running)
    yield running
    running.stop()


def register(home, provider, thumbprint=None):
    given = {"ClientIDList": [CLIENT], "ThumbprintList": [thumbprint or provider.thumbprint]}
    made = home.iam.create_open_id_connect_provider(Url=provider.url, **given)
    return made["OpenIDConnectProviderArn"]


def web_role(home, provider, name="web", condition=None, actions="sts:AssumeRoleWithWebIdentity", **more):
    condition = condition or {"StringEquals": {f"{provider.address}:aud": CLIENT, f"{provider.address}:sub": "ann"}}
    federated = {"Federated": f"arn:aws:iam::{home.number}:oidc-provider/{provider.address}"}
    return home.role(name, principal=federated, actions=actions, condition=condition, **more)


def with_token(sts, arn, token, **given):
    asks = {"RoleArn": arn, "RoleSessionName": "build", "WebIdentityToken": token, **given}
    return sts.assume_role_with_web_identity(**asks)


def test_a_token_opens_the_role_that_trusts_its_subject(home, provider, anonymous, now, holder):
    arn = web_role(home, provider)
    answer = with_token(anonymous, arn, provider.token(now()))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{home.number}:assumed-role/web/build"
    assert answer["SubjectFromWebIdentityToken"] == "ann"
    assert answer["Audience"] == CLIENT
    assert answer["Provider"] == f"arn:aws:iam::{home.number}:oidc-provider/{provider.address}"
    assert may_make_queues(holder(answer))
    assert holder(answer, "sts").get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_a_session_policy_and_a_duration(server, home, provider, anonymous, now, holder):
    arn = web_role(home, provider)
    policy = expect.policy("sqs:ListQueues")
    answer = with_token(anonymous, arn, provider.token(now()), Policy=policy, DurationSeconds=900)
    assert answer["PackedPolicySize"] > 0
    assert may(holder(answer), "list_queues") and not may_make_queues(holder(answer))
    assert -10 < answer["Credentials"]["Expiration"].timestamp() - now() - 900 <= 1
    server.advance("901s")
    with fails({"ExpiredToken", "ExpiredTokenException"}, status=403):
        holder(answer).list_queues()


@pytest.mark.parametrize("changed", [{"sub": "bob"}, {"aud": ["elsewhere", "other-client"]}])
def test_whom_the_trust_policy_does_not_mean(home, provider, anonymous, now, changed):
    arn_of_provider = f"arn:aws:iam::{home.number}:oidc-provider/{provider.address}"
    home.iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=arn_of_provider, ClientID="other-client"
    )
    arn = web_role(home, provider)
    with fails("AccessDenied", UNAUTHORIZED, status=403):
        with_token(anonymous, arn, provider.token(now(), **changed))


def test_a_role_that_trusts_others_or_is_not_there(home, provider, anonymous, now):
    arn = home.role("users")
    for role in (arn, home.arn("none")):
        with fails("AccessDenied", UNAUTHORIZED, status=403):
            with_token(anonymous, role, provider.token(now()))
    with fails("ValidationError", "Request ARN is invalid"):
        with_token(anonymous, f"arn:aws:iam::{home.number}:user/ann", provider.token(now()))


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"aud": "elsewhere"}, "Incorrect token audience"),
        ({"azp": "elsewhere"}, "Incorrect token audience"),
        ({"sub": None}, "Missing a required claim: sub"),
        ({"aud": None}, "Missing a required claim: aud"),
        ({"iat": None}, "Missing a required claim: iat"),
        ({"exp": None}, "Missing a required claim: exp"),
        (
            {"iss": "https://localhost:1/nobody"},
            "No OpenIDConnect provider found in your account for https://localhost:1/nobody",
        ),
    ],
)
def test_claims_that_prove_nothing(home, provider, anonymous, now, changed, words):
    arn = web_role(home, provider)
    with fails("InvalidIdentityToken", words):
        with_token(anonymous, arn, provider.token(now(), **changed))


def test_tokens_that_are_none(home, provider, anonymous, now):
    arn = web_role(home, provider)
    for text in ("opaque-access-token", "a.b.c", "...."):
        with fails("InvalidIdentityToken", re.compile("is not a valid JWT")):
            with_token(anonymous, arn, text)


@pytest.mark.parametrize("attack", ["another's key", "other claims", "none", "HS256", "no signature"])
def test_signatures_that_prove_nothing(home, provider, anonymous, now, attack):
    arn = web_role(home, provider)
    good = provider.token(now(), sub="eve")
    header, _, signature = good.split(".")
    better = encoded(provider.claims(now()))
    token = {
        "another's key": lambda: provider.token(now(), key=TokenKey(provider.key.kid)),
        "other claims": lambda: f"{header}.{better}.{signature}",
        "none": lambda: f"{encoded({'alg': 'none'})}.{better}.",
        "HS256": lambda: provider.token(now(), header={"alg": "HS256"}),
        "no signature": lambda: f"{header}.{better}.",
    }[attack]()
    with fails("InvalidIdentityToken"):
        with_token(anonymous, arn, token)


def test_an_expired_token(home, provider, anonymous, now):
    arn = web_role(home, provider)
    with fails("ExpiredTokenException", re.compile(r"Token expired: current date/time \d+ must be before")):
        with_token(anonymous, arn, provider.token(now() - 600))


def test_a_token_expires_by_the_clouds_clock(server, home, provider, anonymous, now):
    arn = web_role(home, provider)
    token = provider.token(now())
    with_token(anonymous, arn, token)
    server.advance("301s")
    with fails("ExpiredTokenException"):
        with_token(anonymous, arn, token)


@pytest.mark.parametrize("when", [{"nbf": 3600}, {"iat": 3600, "exp": 7200}])
def test_a_token_of_the_future(home, provider, anonymous, now, when):
    arn = web_role(home, provider)
    changed = {claim: now() + seconds for claim, seconds in when.items()}
    with fails("InvalidIdentityToken"):
        with_token(anonymous, arn, provider.token(now(), **changed))


def test_keys_turn(server, home, own_provider, anonymous, now):
    arn = web_role(home, own_provider)
    old = own_provider.token(now())
    with_token(anonymous, arn, old)
    own_provider.key = TokenKey("second", "ES256")
    own_provider.publish(own_provider.key)
    server.advance("10s")
    with_token(anonymous, arn, own_provider.token(now()))
    with fails("InvalidIdentityToken"):
        with_token(anonymous, arn, old)


def test_a_provider_whose_certificate_is_another(home, shared_provider, anonymous, now):
    register(home, shared_provider, thumbprint="a" * 40)
    arn = web_role(home, shared_provider)
    words = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
    with fails("InvalidIdentityToken", words):
        with_token(anonymous, arn, shared_provider.token(now()))


def test_a_provider_that_does_not_answer(home, own_provider, anonymous, now):
    arn = web_role(home, own_provider)
    own_provider.stop()
    with fails("IDPCommunicationError"):
        with_token(anonymous, arn, own_provider.token(now()))


@pytest.mark.parametrize("answers", ["nothing", "no keys", "another issuer"])
def test_a_provider_that_answers_something_else(home, own_provider, anonymous, now, answers):
    arn = web_role(home, own_provider)
    discovery = "/realms/dev/.well-known/openid-configuration"
    if answers == "nothing":
        own_provider.answers.clear()
    elif answers == "no keys":
        own_provider.publish()
    else:
        own_provider.answers[discovery]["issuer"] = "https://elsewhere.example.com"
    with fails("InvalidIdentityToken", NO_KEY):
        with_token(anonymous, arn, own_provider.token(now()))


def test_a_deleted_provider_opens_nothing_any_more(home, provider, anonymous, now):
    arn = web_role(home, provider)
    token = provider.token(now())
    with_token(anonymous, arn, token)
    arn_of_provider = f"arn:aws:iam::{home.number}:oidc-provider/{provider.address}"
    home.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn_of_provider)
    with fails("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {provider.url}"):
        with_token(anonymous, arn, token)


def test_tags_and_source_identity_come_in_the_token(home, provider, anonymous, now, holder):
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    open_role = web_role(home, provider, "open", actions=actions)
    closed = web_role(home, provider, "closed")
    resource = "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-*"
    home.may("open", "sqs:CreateQueue", resource=resource, Condition={"StringEquals": {"aws:SourceIdentity": "ann"}})
    said = {
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "ann",
    }
    answer = with_token(anonymous, open_role, provider.token(now(), **said))
    assert answer["SourceIdentity"] == "ann"
    assert may(holder(answer), "create_queue", QueueName=f"red-{expect.name()}")
    assert not may(holder(answer), "create_queue", QueueName=f"blue-{expect.name()}")
    for claim, value in said.items():
        with fails("AccessDenied", status=403):
            with_token(anonymous, closed, provider.token(now(), **{claim: value}))


def test_the_providers_claims_are_condition_keys_of_the_session(home, provider, anonymous, now, holder):
    sub = f"{provider.address}:sub"
    arn = web_role(home, provider, condition={"StringLike": {sub: "*"}})
    home.may("web", "sqs:CreateQueue", Condition={"StringEquals": {sub: "ann"}})
    assert may_make_queues(holder(with_token(anonymous, arn, provider.token(now()))))
    assert not may_make_queues(holder(with_token(anonymous, arn, provider.token(now(), sub="bob"))))


def test_what_is_wrong_besides_the_token(home, provider, anonymous, now):
    arn = web_role(home, provider, actions=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
    with fails("MalformedPolicyDocument"):
        with_token(anonymous, arn, provider.token(now()), Policy="{}")
    with fails("ValidationError", re.compile("exceeds the MaxSessionDuration")):
        with_token(anonymous, arn, provider.token(now()), DurationSeconds=3601)
    tags = {"principal_tags": {f"key{n}": ["x" * 250] for n in range(9)}}
    with fails("PackedPolicyTooLarge"):
        with_token(anonymous, arn, provider.token(now(), **{"https://aws.amazon.com/tags": tags}))
    with fails("InvalidIdentityToken"):
        with_token(anonymous, arn, provider.token(now()), ProviderId="www.amazon.com")


def test_a_profile_with_a_token_file(home, provider, now, tmp_path):
    aws, why_not = cli.version_1()
    if aws is None:
        pytest.skip(why_not)
    arn = web_role(home, provider)
    (tmp_path / "token").write_text(provider.token(now()))
    config = configparser.ConfigParser()
    config["profile pod"] = {
        "role_arn": arn,
        "web_identity_token_file": str(tmp_path / "token"),
        "role_session_name": "pod",
        "region": "us-east-1",
    }
    with (tmp_path / "config").open("w") as lines:
        config.write(lines)
    environment = servers.clean_environment(
        AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_ENDPOINT_URL=home.server.endpoint, HOME=str(tmp_path)
    )
    done = subprocess.run(
        [aws, "--profile", "pod", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=cli.CLI_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"arn:aws:sts::{home.number}:assumed-role/web/pod"


# ---- SAML ------------------------------------------------------------------------------

SAML_UNAUTHORIZED = "Not authorized to perform sts:AssumeRoleWithSAML"
SAML_ACTIONS = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]
NO_AUDIENCE = "Response does not contain the required audience."


class Corp:
    """A SAML provider that an account knows, with a role that trusts it."""

    def __init__(self, home, sts, now, signer):
        self.home, self.sts, self.now, self.signer = home, sts, now, signer
        made = home.iam.create_saml_provider(SAMLMetadataDocument=signer.metadata, Name="Corp")
        self.arn = made["SAMLProviderArn"]
        condition = {
            "StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml", "saml:sub_type": "persistent"},
            "StringLike": {"saml:sub": "*@example.com"},
        }
        principal = {"Federated": self.arn}
        self.role = home.role("saml", principal=principal, actions=SAML_ACTIONS, condition=condition)

    def attributes(self, **more):
        """What has to be said, and more with the names that AWS gives it."""
        said = {"Role": [f"{self.role},{self.arn}"], "RoleSessionName": ["ann"], **more}
        named = {name.replace("PrincipalTag_", "PrincipalTag:"): values for name, values in said.items() if values}
        return {ATTRIBUTE + name: values for name, values in named.items()}

    def response(self, attributes=None, now=None, signer=None, **said):
        moment = self.now() if now is None else now
        return (signer or self.signer).response(moment, attributes or self.attributes(), **said)

    def assume(self, response=None, **given):
        asks = {"RoleArn": self.role, "PrincipalArn": self.arn, "SAMLAssertion": response or self.response()}
        return self.sts.assume_role_with_saml(**{**asks, **given})


@pytest.fixture(scope="module")
def signer():
    """Making a key takes a while, and they are all alike."""
    return SamlProvider()


@pytest.fixture
def corp(home, anonymous, now, signer):
    return Corp(home, anonymous, now, signer)


@pytest.mark.parametrize("signed", ["assertion", "response"])
def test_a_signed_response_opens_the_role_that_it_names(home, corp, holder, signed):
    answer = corp.assume(corp.response(sign_response=signed == "response"))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{home.number}:assumed-role/saml/ann"
    assert (answer["Subject"], answer["SubjectType"]) == ("ann@example.com", "persistent")
    assert answer["Issuer"] == corp.signer.issuer
    assert answer["Audience"] == "https://signin.aws.amazon.com/saml"
    assert len(base64.b64decode(answer["NameQualifier"])) == 20
    assert may_make_queues(holder(answer))
    assert holder(answer, "sts").get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_tags_and_source_identity_come_in_the_assertion(home, corp, holder):
    attributes = corp.attributes(PrincipalTag_team=["red"], TransitiveTagKeys=["team"], SourceIdentity=["ann"])
    resource = "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-*"
    home.may("saml", "sqs:CreateQueue", resource=resource, Condition={"StringEquals": {"saml:sub": "ann@example.com"}})
    answer = corp.assume(corp.response(attributes))
    assert (answer["SourceIdentity"], answer["PackedPolicySize"] > 0) == ("ann", True)
    assert may(holder(answer), "create_queue", QueueName=f"red-{expect.name()}")
    assert not may(holder(answer), "create_queue", QueueName=f"blue-{expect.name()}")


@pytest.mark.parametrize(
    "said, words",
    [
        ({"issuer": "https://elsewhere.example.com"}, "Issuer not present in specified provider"),
        ({"audience": "https://example.com"}, NO_AUDIENCE),
        ({"recipient": "https://example.com"}, NO_AUDIENCE),
    ],
    ids=["issuer", "audience", "recipient"],
)
def test_responses_that_are_for_somebody_else(corp, said, words):
    with fails("InvalidIdentityToken", words):
        corp.assume(corp.response(**said))


@pytest.mark.parametrize(
    "attributes, words",
    [
        ({"RoleSessionName": None}, "RoleSessionName is required in AuthnResponse"),
        (
            {"RoleSessionName": ["a b"]},
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ),
        (
            {"SourceIdentity": ["aws:ann"]},
            'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"',
        ),
    ],
    ids=["no session name", "a bad session name", "a bad source identity"],
)
def test_attributes_that_are_refused(corp, attributes, words):
    with fails("InvalidIdentityToken", words):
        corp.assume(corp.response(corp.attributes(**attributes)))


def test_whom_the_role_does_not_mean(home, corp):
    with fails("AccessDenied", SAML_UNAUTHORIZED, status=403):
        corp.assume(corp.response(subject="eve@example.org"))
    other = corp.attributes(Role=[f"{home.arn('other')},{corp.arn}"])
    with fails("AccessDenied", SAML_UNAUTHORIZED, status=403):
        corp.assume(corp.response(other))
    with fails("AccessDenied", SAML_UNAUTHORIZED, status=403):
        corp.assume(corp.response(other), RoleArn=home.arn("other"))
    swapped = corp.attributes(Role=[f"{home.arn('x')},{corp.arn}", f"{corp.arn},{corp.role}"])
    corp.assume(corp.response(swapped))


def test_what_is_no_response_and_who_is_no_provider(home, corp):
    for text in ("????", "AAAA", base64.b64encode(b"<x/>").decode()):
        with fails("InvalidIdentityToken"):
            corp.assume(text)
    for arn in (f"{corp.arn}2", "arn:aws:iam::210987654321:saml-provider/Corp"):
        with fails("InvalidIdentityToken", "Specified provider doesn't exist"):
            corp.assume(PrincipalArn=arn)


@pytest.mark.parametrize("attack", ["no signature", "another's key", "changed", "wrapped", "SHA-1"])
def test_only_what_is_signed_counts(corp, attack):
    good = base64.b64decode(corp.response()).decode()
    start, end = good.find("<ds:Signature "), good.find("</ds:Signature>") + len("</ds:Signature>")
    assertion = good[good.find("<saml:Assertion ") : good.find("</samlp:Response>")]
    evil = (good[:start] + good[end:]).replace("ann@", "eve@")
    changed = {
        "no signature": good[:start] + good[end:],
        "another's key": base64.b64decode(corp.response(signer=SamlProvider(corp.signer.issuer))).decode(),
        "changed": good.replace("ann@", "eve@"),
        "wrapped": evil.replace("_a1", "_a2").replace("</samlp:Response>", f"{assertion}</samlp:Response>"),
        "SHA-1": good.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"),
    }[attack]
    assert changed != good
    with fails("InvalidIdentityToken"):
        corp.assume(base64.b64encode(changed.encode()).decode())


def test_a_sign_in_that_failed(corp):
    with fails("IDPRejectedClaim", status=403):
        corp.assume(corp.response(status="Responder", sign_response=True))


def test_a_response_is_good_for_five_minutes(server, corp):
    response = corp.response(lasts=7200)
    corp.assume(response)
    server.advance("300s")
    with fails("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"):
        corp.assume(response)
    with fails("ExpiredTokenException"):
        corp.assume(corp.response(now=corp.now() - 60, lasts=30))
    with fails("InvalidIdentityToken"):
        corp.assume(corp.response(now=corp.now() + 3600))


@pytest.mark.parametrize("asked, lasts", [(None, 1000), (900, 900), (3600, 1000)])
def test_a_session_does_not_outlive_that_of_the_provider(corp, asked, lasts):
    given = {} if asked is None else {"DurationSeconds": asked}
    answer = corp.assume(corp.response(session_lasts=1000), **given)
    assert -10 < answer["Credentials"]["Expiration"].timestamp() - corp.now() - lasts <= 1


def test_what_is_wrong_besides_the_response(corp):
    with fails("MalformedPolicyDocument"):
        corp.assume(Policy="{}")
    with fails("ValidationError", re.compile("exceeds the MaxSessionDuration")):
        corp.assume(DurationSeconds=3601)
    tags = {f"PrincipalTag_key{n}": ["x" * 250] for n in range(9)}
    with fails("PackedPolicyTooLarge"):
        corp.assume(corp.response(corp.attributes(**tags)))


def test_a_session_policy_takes_away(corp, holder):
    answer = corp.assume(Policy=expect.policy("sqs:ListQueues"), PolicyArns=[{"arn": expect.READ_ONLY}])
    assert may(holder(answer), "list_queues") and not may_make_queues(holder(answer))
