"""An application reads its configuration and secrets at start, and a company keeps the keys: the stock CLI throughout.

Each step is one that an operator types, as one IAM user or another; what is refused names what is missing.
"""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import cli
import servers_cli

OURS, PARTNERS = "210987654321", "310987654321"
DECRYPT = "kms:Decrypt"


@pytest.fixture(scope="module")
def aws(server):
    """aws.user(root, name)(*arguments) runs the CLI as somebody; aws.root(account) as the root of an account."""
    path, why_not = cli.version_1()
    if path is None:
        pytest.skip(why_not)
    return servers_cli.Shell(server, path)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.fixture(scope="module")
def company(aws):
    """A key, configuration and secrets under it, and people: who may do what stands in their policies."""
    root = aws.root(OURS)
    key = root("kms", "create-key", "--description", "configuration")["KeyMetadata"]["Arn"]
    root("kms", "create-alias", "--alias-name", "alias/configuration", "--target-key-id", key)
    put = ("ssm", "put-parameter", "--overwrite")
    root(*put, "--name", "/shop/db/host", "--type", "String", "--value", "db.internal")
    root(*put, "--name", "/shop/db/replicas", "--type", "StringList", "--value", "a,b")
    secure = ("--type", "SecureString", "--key-id", "alias/configuration")
    root(*put, "--name", "/shop/db/password", *secure, "--value", "pass-w0rd")
    root(*put, "--name", "/shop/api/token", "--type", "SecureString", "--value", "t0ken")
    secret = root(
        *("secretsmanager", "create-secret", "--name", "shop/tls", "--kms-key-id", key),
        *("--secret-string", '{"user":"shop","password":"s3cret"}'),
    )["ARN"]
    made = {
        # The application: reading, and decrypting with this one key.
        "app": [allow(["ssm:GetParameter*", "secretsmanager:GetSecretValue"]), allow(DECRYPT, key)],
        # May do everything with parameters and secrets, and nothing with keys.
        "operator": [allow(["ssm:*", "secretsmanager:*"])],
        "crypto": [
            allow(["kms:Encrypt", DECRYPT, "kms:GenerateDataKey*", "kms:Sign", "kms:Verify", "kms:GetPublicKey"])
        ],
    }
    people = {}
    for name, statements in made.items():
        root("iam", "create-user", "--user-name", name)
        policy = ("--policy-name", "p", "--policy-document", document(*statements))
        root("iam", "put-user-policy", "--user-name", name, *policy)
        people[name] = aws.user(root, name)
    return {"root": root, "key": key, "secret": secret, **people}


# ---- the application starts ------------------------------------------------------------


def test_the_application_reads_its_configuration(company):
    found = company["app"]("ssm", "get-parameters-by-path", "--path", "/shop", "--recursive", "--with-decryption")
    values = {p["Name"]: (p["Type"], p["Value"]) for p in found["Parameters"]}
    assert values == {
        "/shop/db/host": ("String", "db.internal"),
        "/shop/db/replicas": ("StringList", "a,b"),
        "/shop/db/password": ("SecureString", "pass-w0rd"),
        "/shop/api/token": ("SecureString", "t0ken"),
    }
    sealed = company["app"]("ssm", "get-parameters-by-path", "--path", "/shop/db")
    values = {p["Name"]: p["Value"] for p in sealed["Parameters"]}
    assert values["/shop/db/host"] == "db.internal" and "pass-w0rd" not in values["/shop/db/password"]


def test_the_application_reads_its_secret(company):
    got = company["app"]("secretsmanager", "get-secret-value", "--secret-id", "shop/tls")
    assert json.loads(got["SecretString"]) == {"user": "shop", "password": "s3cret"}
    assert (got["ARN"], got["VersionStages"]) == (company["secret"], ["AWSCURRENT"])


# ---- whatever else is allowed ----------------------------------------------------------


def test_without_the_key_nobody_reads_the_secure_string(company):
    operator = company["operator"]
    for arguments in (
        ("get-parameter", "--name", "/shop/db/password", "--with-decryption"),
        ("get-parameters", "--names", "/shop/db/password", "--with-decryption"),
        ("get-parameters-by-path", "--path", "/shop/db", "--with-decryption"),
        ("get-parameter-history", "--name", "/shop/db/password", "--with-decryption"),
    ):
        why = operator.refused("ssm", *arguments)
        assert "(AccessDeniedException)" in why and "pass-w0rd" not in why, why
    sealed = operator("ssm", "get-parameter", "--name", "/shop/db/password")["Parameter"]["Value"]
    assert "pass-w0rd" not in sealed
    assert operator("ssm", "get-parameter", "--name", "/shop/db/host", "--with-decryption")["Parameter"]["Value"]
    written = operator.refused(
        *("ssm", "put-parameter", "--overwrite", "--name", "/shop/db/password", "--value", "mine"),
        *("--type", "SecureString", "--key-id", "alias/configuration"),
    )
    assert "AccessDenied" in written or "not authorized" in written, written


def test_without_the_key_nobody_reads_the_secret(company):
    operator = company["operator"]
    why = operator.refused("secretsmanager", "get-secret-value", "--secret-id", "shop/tls")
    assert "(AccessDeniedException)" in why and "s3cret" not in why
    assert "KMS" in why or DECRYPT in why
    why = operator.refused("secretsmanager", "put-secret-value", "--secret-id", "shop/tls", "--secret-string", "x")
    assert "AccessDenied" in why and "GenerateDataKey" in why or "KMS" in why, why
    assert operator("secretsmanager", "describe-secret", "--secret-id", "shop/tls")["KmsKeyId"] == company["key"]


def test_awss_own_key_is_for_everybody_in_the_account(company):
    token = company["operator"]("ssm", "get-parameter", "--name", "/shop/api/token", "--with-decryption")
    assert token["Parameter"]["Value"] == "t0ken"


def test_a_disabled_key_stops_the_application(company):
    root, app = company["root"], company["app"]
    root("kms", "disable-key", "--key-id", company["key"])
    try:
        why = app.refused("ssm", "get-parameter", "--name", "/shop/db/password", "--with-decryption")
        assert "pass-w0rd" not in why and "is disabled" in why, why
        why = app.refused("secretsmanager", "get-secret-value", "--secret-id", "shop/tls")
        assert "s3cret" not in why
    finally:
        root("kms", "enable-key", "--key-id", company["key"])
    assert app("ssm", "get-parameter", "--name", "/shop/db/password", "--with-decryption")["Parameter"]["Value"]


# ---- the CLI's own cryptography --------------------------------------------------------


def blob(text):
    return base64.b64decode(text)


def test_encrypting_and_decrypting(company, tmp_path):
    crypto = company["crypto"]
    (tmp_path / "plain").write_bytes(b"some bytes \x00\xff")
    context = ("--encryption-context", "app=shop,stage=test")
    made = crypto(
        *("kms", "encrypt", "--key-id", "alias/configuration"), "--plaintext", f"fileb://{tmp_path}/plain", *context
    )
    assert made["KeyId"] == company["key"]
    (tmp_path / "sealed").write_bytes(blob(made["CiphertextBlob"]))
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed")
    assert blob(crypto(*decrypt, *context)["Plaintext"]) == b"some bytes \x00\xff"
    assert "(InvalidCiphertextException)" in crypto.refused(*decrypt)
    why = company["operator"].refused(*decrypt, *context)
    assert "(AccessDeniedException)" in why and "is not authorized to perform: kms:Decrypt" in why


def test_data_keys(company, tmp_path):
    crypto = company["crypto"]
    made = crypto("kms", "generate-data-key", "--key-id", "alias/configuration", "--key-spec", "AES_256")
    assert len(blob(made["Plaintext"])) == 32
    (tmp_path / "sealed").write_bytes(blob(made["CiphertextBlob"]))
    got = crypto("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed", "--key-id", company["key"])
    assert got["Plaintext"] == made["Plaintext"]
    closed = crypto("kms", "generate-data-key-without-plaintext", "--key-id", company["key"], "--number-of-bytes", "64")
    assert "Plaintext" not in closed


def test_signing_and_verifying(company, tmp_path):
    root, crypto = company["root"], company["crypto"]
    spec = ("--key-spec", "ECC_NIST_P256", "--key-usage", "SIGN_VERIFY")
    key = root("kms", "create-key", *spec)["KeyMetadata"]["KeyId"]
    (tmp_path / "message").write_bytes(b"release 1.0")
    given = ("--key-id", key, "--signing-algorithm", "ECDSA_SHA_256", "--message", f"fileb://{tmp_path}/message")
    signature = blob(crypto("kms", "sign", *given)["Signature"])
    (tmp_path / "signature").write_bytes(signature)
    assert crypto("kms", "verify", *given, "--signature", f"fileb://{tmp_path}/signature")["SignatureValid"] is True
    public = serialization.load_der_public_key(blob(crypto("kms", "get-public-key", "--key-id", key)["PublicKey"]))
    public.verify(signature, b"release 1.0", ec.ECDSA(hashes.SHA256()))
    (tmp_path / "message").write_bytes(b"release 1.1")
    why = crypto.refused("kms", "verify", *given, "--signature", f"fileb://{tmp_path}/signature")
    assert "(KMSInvalidSignatureException)" in why
    assert "is not authorized to perform: kms:Sign" in company["app"].refused("kms", "sign", *given)


# ---- the partner -----------------------------------------------------------------------


def test_a_secret_for_another_account_needs_both_policies(aws, company):
    root, partners = company["root"], aws.root(PARTNERS)
    partners("iam", "create-user", "--user-name", "eve")
    reader = allow("secretsmanager:GetSecretValue", company["secret"]), allow(DECRYPT, company["key"])
    eve = aws.user(partners, "eve")
    read = ("secretsmanager", "get-secret-value", "--secret-id", company["secret"])

    def give(*statements):
        policy = ("--policy-name", "p", "--policy-document", document(*statements))
        partners("iam", "put-user-policy", "--user-name", "eve", *policy)

    def refused():
        why = eve.refused(*read)
        assert "(AccessDeniedException)" in why and "s3cret" not in why, why
        return why

    give(*reader)
    refused()
    arn = f"arn:aws:iam::{PARTNERS}:user/eve"
    share = document({**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": arn}})
    root("secretsmanager", "put-resource-policy", "--secret-id", "shop/tls", "--resource-policy", share)
    # The secret's policy alone does not open it: the key is still ours alone.
    why = refused()
    assert "KMS" in why or DECRYPT in why
    ours = {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{OURS}:root"}}
    theirs = {
        **allow(DECRYPT),
        "Principal": {"AWS": arn},
        "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}},
    }
    put = ("kms", "put-key-policy", "--key-id", company["key"], "--policy-name", "default", "--policy")
    root(*put, document(ours, theirs))
    assert json.loads(eve(*read)["SecretString"])["password"] == "s3cret"
    give(reader[0])
    refused()
    give(*reader)
    root("secretsmanager", "delete-resource-policy", "--secret-id", "shop/tls")
    refused()
    root(*put, document(ours))


def test_a_secret_under_awss_own_key_cannot_be_shared(aws, company):
    root, partners = company["root"], aws.root(PARTNERS)
    made = root("secretsmanager", "create-secret", "--name", "shop/own", "--secret-string", "s3cret")["ARN"]
    share = {**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": f"arn:aws:iam::{PARTNERS}:root"}}
    root("secretsmanager", "put-resource-policy", "--secret-id", made, "--resource-policy", document(share))
    why = partners.refused("secretsmanager", "get-secret-value", "--secret-id", made)
    assert "s3cret" not in why and "(AccessDenied" in why or "(InvalidRequestException)" in why, why


def test_the_partner_reads_by_grant_until_it_is_revoked(aws, company, tmp_path):
    root, partners = company["root"], aws.root(PARTNERS)
    (tmp_path / "plain").write_bytes(b"for the partner")
    key = root("kms", "create-key")["KeyMetadata"]["Arn"]
    sealed = root("kms", "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/plain")["CiphertextBlob"]
    (tmp_path / "sealed").write_bytes(blob(sealed))
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed", "--key-id", key)
    partners("iam", "create-user", "--user-name", "grantee")
    grantee = aws.user(partners, "grantee")
    assert "(AccessDeniedException)" in grantee.refused(*decrypt)
    grant = ("--grantee-principal", f"arn:aws:iam::{PARTNERS}:user/grantee", "--operations", "Decrypt")
    made = root("kms", "create-grant", "--key-id", key, *grant)
    assert blob(grantee(*decrypt, "--grant-tokens", made["GrantToken"])["Plaintext"]) == b"for the partner"
    assert blob(grantee(*decrypt)["Plaintext"]) == b"for the partner"
    root("kms", "revoke-grant", "--key-id", key, "--grant-id", made["GrantId"])
    assert "(AccessDeniedException)" in grantee.refused(*decrypt)


# ---- rotation and farewell -------------------------------------------------------------


def test_a_rotated_key_still_opens_what_is_old(company):
    root, app = company["root"], company["app"]
    root("kms", "enable-key-rotation", "--key-id", company["key"], "--rotation-period-in-days", "90")
    root("kms", "rotate-key-on-demand", "--key-id", company["key"])
    found = app("ssm", "get-parameter", "--name", "/shop/db/password", "--with-decryption")
    assert found["Parameter"]["Value"] == "pass-w0rd"
    status = root("kms", "get-key-rotation-status", "--key-id", company["key"])
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)


def test_a_deletion_can_be_thought_over(company):
    root, app = company["root"], company["app"]
    window = ("--pending-window-in-days", "7")
    assert root("kms", "schedule-key-deletion", "--key-id", company["key"], *window)["KeyState"] == "PendingDeletion"
    why = app.refused("secretsmanager", "get-secret-value", "--secret-id", "shop/tls")
    assert "s3cret" not in why
    root("kms", "cancel-key-deletion", "--key-id", company["key"])
    root("kms", "enable-key", "--key-id", company["key"])
    app("secretsmanager", "get-secret-value", "--secret-id", "shop/tls")
