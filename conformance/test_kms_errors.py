"""The errors that most operations share: names of no key, grant tokens, wrong usage, dry runs."""

import functools
import re

import botocore.session
import pytest

import expect
import keys
from expect import fails
from keys import denied

MISSING = "00000000-0000-4000-8000-000000000000"
MISSING_ARN = f"arn:aws:kms:us-east-1:000000000000:key/{MISSING}"
# Naming a key is not needed, so that what is named is looked at late or never.
NO_KEY_NEEDED = {"RetireGrant"}


@functools.cache
def model(operation):
    return botocore.session.get_session().get_service_model("kms").operation_model(operation)


def takes(member):
    return [o for o in keys.OPERATIONS if member in model(o).input_shape.members]


def errors_of(operation):
    return {shape.name for shape in model(operation).error_shapes}


@pytest.fixture(scope="module")
def specimen(kms):
    """specimen(kind): made once each; the calls of these tests fail and change nothing."""
    return functools.cache(lambda kind: keys.Specimen(kms, kind))


def member(operation):
    return keys.NAMED_IN.get(operation, "KeyId")


# ---- keys that are not there -----------------------------------------------------------


@pytest.mark.parametrize("operation", [o for o in keys.OPERATIONS if o not in NO_KEY_NEEDED])
@pytest.mark.parametrize("name", [MISSING, MISSING_ARN], ids=["id", "arn"])
def test_a_key_that_is_not_there(specimen, operation, name):
    given = {member(operation): name}
    if operation == "Decrypt":
        # The ciphertext names its own key; the one that is asked for is looked up all the same.
        with fails({"NotFoundException", "IncorrectKeyException"}):
            specimen("symmetric").call(operation, **given)
        return
    message = re.compile(f"[Kk]ey '{re.escape(MISSING_ARN)}' does not exist")
    with fails("NotFoundException", message):
        specimen(keys.OPERATIONS[operation]).call(operation, **given)


@pytest.mark.parametrize("operation", [o for o in keys.OPERATIONS if o not in NO_KEY_NEEDED])
def test_a_name_that_no_key_can_have(specimen, operation):
    with fails("NotFoundException", re.compile("[Ii]nvalid key[Ii]d '?nonsense")):
        specimen(keys.OPERATIONS[operation]).call(operation, **{member(operation): "nonsense"})


@pytest.mark.parametrize("operation", keys.OPERATIONS)
@pytest.mark.parametrize(
    "arn",
    ["arn:aws:kms:nonsense", "arn:aws:sqs:us-east-1:000000000000:queue", "arn:aws:kms:us-east-1:000000000000:thing/x"],
    ids=["torn", "another service's", "of no key"],
)
def test_an_arn_of_no_key(specimen, operation, arn):
    code = "InvalidArnException" if "InvalidArnException" in errors_of(operation) else "NotFoundException"
    given = {member(operation): arn}
    with fails(code):
        specimen(keys.OPERATIONS[operation]).call(operation, **given)


def test_the_aliases_of_nothing(kms):
    with fails("NotFoundException"):
        kms.encrypt(KeyId="alias/none-of-that-name", Plaintext=b"x")
    with fails("InvalidArnException", re.compile("[Aa]lias")):
        alias = keys.alias(kms, keys.make(kms))
        arn = f"arn:aws:kms:us-east-1:000000000000:{alias}"
        kms.create_grant(KeyId=arn, GranteePrincipal="arn:aws:iam::000000000000:root", Operations=["Encrypt"])


# ---- grant tokens ----------------------------------------------------------------------


@pytest.mark.parametrize("operation", [o for o in takes("GrantTokens") if "InvalidGrantTokenException" in errors_of(o)])
def test_a_token_of_no_grant(specimen, operation):
    with fails("InvalidGrantTokenException"):
        specimen(keys.OPERATIONS[operation]).call(operation, GrantTokens=["nonsense"])


# ---- dry runs --------------------------------------------------------------------------


@pytest.mark.parametrize("operation", takes("DryRun"))
def test_a_dry_run_tells_that_it_would_have_worked_and_does_nothing(kms, specimen, operation):
    one = specimen(keys.OPERATIONS[operation])
    given = {"DryRun": True}
    if operation == "RetireGrant":
        given["KeyId"] = one.arn
    before = len(kms.list_grants(KeyId=one.arn)["Grants"])
    message = re.compile("would have succeeded, but the DryRun (option|flag) is set")
    with fails("DryRunOperationException", message):
        one.call(operation, **given)
    assert len(kms.list_grants(KeyId=one.arn)["Grants"]) == before
    if operation in keys.CRYPTOGRAPHIC:
        one.call(operation, DryRun=False)


@pytest.mark.parametrize("operation", takes("DryRun"))
def test_a_dry_run_tells_that_it_would_not_have_worked(server, account, operation):
    people = keys.People(server)
    one = keys.Specimen(people.root(account), keys.OPERATIONS[operation])
    nobody, _ = people.user(account)
    with denied():
        one.call(operation, kms=nobody, DryRun=True)
    if operation in keys.CRYPTOGRAPHIC:
        one.kms.disable_key(KeyId=one.arn)
        with fails("DisabledException"):
            one.call(operation, DryRun=True)


def test_a_dry_run_of_decrypting_without_a_ciphertext(server, account):
    people = keys.People(server)
    root = people.root(account)
    key = keys.make(root)
    dry = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    user, _ = people.user(account, action="kms:Decrypt")
    with fails("DryRunOperationException"):
        user.decrypt(KeyId=key, **dry)
    nobody, _ = people.user(account)
    with denied("kms:Decrypt"):
        nobody.decrypt(KeyId=key, **dry)
    with fails("ValidationException"):
        user.decrypt(KeyId=key)
    with fails("ValidationException"):
        root.decrypt(KeyId=key, DryRunModifiers=["IGNORE_CIPHERTEXT"])
    with fails("InvalidCiphertextException"):
        user.decrypt(KeyId=key, CiphertextBlob=b"nonsense", DryRun=True)
    with fails("DryRunOperationException"):
        root.re_encrypt(SourceKeyId=key, DestinationKeyId=key, **dry)


# ---- keys of another usage -------------------------------------------------------------


@pytest.mark.parametrize("operation", keys.CRYPTOGRAPHIC)
def test_a_key_of_another_usage(specimen, operation):
    kind = keys.CRYPTOGRAPHIC[operation]
    other = specimen("signing" if kind != "signing" else "agreement").arn
    asymmetric = {
        "Encrypt": {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
        "Decrypt": {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
        "ReEncrypt": {"DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
    }
    with fails("InvalidKeyUsageException"):
        specimen(kind).call(operation, **{member(operation): other}, **asymmetric.get(operation, {}))


# ---- requests that are none ------------------------------------------------------------


def test_requests_without_what_they_need(server):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    with fails(
        "ValidationException", re.compile("Value null at 'keyId' failed to satisfy constraint: Member must not be null")
    ):
        kms.describe_key()
    with fails("ValidationException"):
        kms.describe_key(KeyId="")
    with fails("ValidationException"):
        kms.describe_key(KeyId="x" * 2049)
    with fails({"SerializationException", "ValidationException"}):
        kms.list_keys(Limit="many")


@pytest.mark.parametrize("operation", ["ListKeys", "ListAliases"])
def test_markers_that_are_none(kms, operation):
    with fails("InvalidMarkerException"):
        keys.call(kms, operation, Marker="nonsense")


def test_pages_of_no_size(server):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    for limit in (0, 1001):
        with fails("ValidationException"):
            kms.list_keys(Limit=limit)


def test_the_names_of_policies_have_pages(kms, specimen):
    key = specimen("symmetric").arn
    assert kms.list_key_policies(KeyId=key, Limit=1)["PolicyNames"] == ["default"]
