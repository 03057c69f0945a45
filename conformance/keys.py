"""KMS keys for tests: making them, people who use them, policies for them, and a valid request for each operation."""

import json
import re

import botocore

import expect
from conftest import make_client

SYMMETRIC = "SYMMETRIC_DEFAULT"

# A key of each sort that some operation needs.
KINDS = {
    "symmetric": {},
    "rsa": {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    "signing": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "agreement": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    "kem": {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
    "imported": {"Origin": "EXTERNAL"},
    "multi-region": {"MultiRegion": True},
}

# What the guide calls cryptographic operations, by the sort of key that they are for.
CRYPTOGRAPHIC = {
    "Encrypt": "symmetric",
    "Decrypt": "symmetric",
    "ReEncrypt": "symmetric",
    "GenerateDataKey": "symmetric",
    "GenerateDataKeyWithoutPlaintext": "symmetric",
    "GenerateDataKeyPair": "symmetric",
    "GenerateDataKeyPairWithoutPlaintext": "symmetric",
    "Sign": "signing",
    "Verify": "signing",
    "GenerateMac": "mac",
    "VerifyMac": "mac",
    "DeriveSharedSecret": "agreement",
    "Encapsulate": "kem",
    "Decapsulate": "kem",
}
MANAGING = {
    "CancelKeyDeletion": "symmetric",
    "CreateAlias": "symmetric",
    "CreateGrant": "symmetric",
    "DeleteImportedKeyMaterial": "imported",
    "DescribeKey": "symmetric",
    "DisableKey": "symmetric",
    "DisableKeyRotation": "symmetric",
    "EnableKey": "symmetric",
    "EnableKeyRotation": "symmetric",
    "GetKeyLastUsage": "symmetric",
    "GetKeyPolicy": "symmetric",
    "GetKeyRotationStatus": "symmetric",
    "GetParametersForImport": "imported",
    "GetPublicKey": "signing",
    "ImportKeyMaterial": "imported",
    "ListAliases": "symmetric",
    "ListGrants": "symmetric",
    "ListKeyPolicies": "symmetric",
    "ListKeyRotations": "symmetric",
    "ListResourceTags": "symmetric",
    "PutKeyPolicy": "symmetric",
    "ReplicateKey": "multi-region",
    "RetireGrant": "symmetric",
    "RevokeGrant": "symmetric",
    "RotateKeyOnDemand": "symmetric",
    "ScheduleKeyDeletion": "symmetric",
    "TagResource": "symmetric",
    "UntagResource": "symmetric",
    "UpdateAlias": "symmetric",
    "UpdateKeyDescription": "symmetric",
    "UpdatePrimaryRegion": "multi-region",
}
OPERATIONS = {**CRYPTOGRAPHIC, **MANAGING}
# Where an operation names its key, if not in KeyId.
NAMED_IN = {"ReEncrypt": "DestinationKeyId", "CreateAlias": "TargetKeyId", "UpdateAlias": "TargetKeyId"}
MESSAGE = b"the message"


def make(kms, **given):
    """A new key's ARN."""
    return kms.create_key(**given)["KeyMetadata"]["Arn"]


def id_of(arn):
    return arn.rpartition("/")[2]


def account_of(arn):
    return arn.split(":")[4]


def describe(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def state(kms, key):
    return describe(kms, key)["KeyState"]


def alias(kms=None, key=None):
    """A name that no other test has; of that key, if one is given."""
    name = f"alias/{expect.name('key')}"
    if key is not None:
        kms.create_alias(AliasName=name, TargetKeyId=key)
    return name


def call(kms, operation, **given):
    return getattr(kms, botocore.xform_name(operation))(**given)


# ---- policies --------------------------------------------------------------------------


def statement(principal, action="kms:*", effect="Allow", resource="*", **more):
    """A statement of a key policy; the principal is an account, an ARN, a list of ARNs, or '*'."""
    if isinstance(principal, str) and principal.isdigit():
        principal = f"arn:aws:iam::{principal}:root"
    who = {"AWS": principal} if principal != "*" else "*"
    return {"Effect": effect, "Principal": who, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Id": "test", "Statement": list(statements)})


class People:
    """Roots and users of accounts, each with clients of their own."""

    def __init__(self, server):
        self.server = server
        self.made = {}

    def root(self, account, service="kms", region="us-east-1"):
        wanted = (account, service, region)
        if wanted not in self.made:
            self.made[wanted] = make_client(self.server.endpoint, service, key=account, region=region)
        return self.made[wanted]

    def user(self, account, *statements, service="kms", **allowed):
        """A new user's client, and ARN; with an inline policy of statements, or of what expect.policy makes."""
        iam = self.root(account, "iam")
        name = expect.name("user")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        else:
            document = expect.policy(**allowed) if allowed else None
        if document:
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.client(key, service), arn

    def client(self, key, service="kms", region="us-east-1"):
        secret, token = key["SecretAccessKey"], key.get("SessionToken")
        return make_client(self.server.endpoint, service, key["AccessKeyId"], secret, token, region=region)


def denied(action=None, why=None):
    """What a refusal says: who may not do what, and for lack of what."""
    message = "is not authorized to perform: " + (re.escape(action) if action else "kms:")
    return expect.fails("AccessDeniedException", re.compile(message + (f".*{re.escape(why)}" if why else "")))


# ---- a key with what the operations need -----------------------------------------------


class Specimen:
    """A key, and a request of each operation that succeeds on it as long as it is enabled."""

    def __init__(self, kms, kind):
        self.kms = kms
        self.kind = kind
        self.arn = make(kms, **KINDS[kind])
        self.account = account_of(self.arn)
        self.alias = None
        self.made = getattr(self, f"_{kind.replace('-', '_')}", dict)()

    def call(self, operation, kms=None, **changed):
        return call(kms or self.kms, operation, **{**self.request(operation), **changed})

    def request(self, operation):
        member = NAMED_IN.get(operation, "KeyId")
        return {member: self.arn, **self.made.get(operation, {}), **self._named(operation)}

    def _named(self, operation):
        """What has to be new in each request."""
        return {"AliasName": alias()} if operation == "CreateAlias" else {}

    def _symmetric(self):
        encrypted = self.kms.encrypt(KeyId=self.arn, Plaintext=MESSAGE)["CiphertextBlob"]
        self.alias = alias(self.kms, self.arn)
        root = f"arn:aws:iam::{self.account}:root"
        grant = self.kms.create_grant(
            KeyId=self.arn, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Decrypt"]
        )
        return {
            "Encrypt": {"Plaintext": MESSAGE},
            "Decrypt": {"CiphertextBlob": encrypted},
            "ReEncrypt": {"CiphertextBlob": encrypted},
            "GenerateDataKey": {"KeySpec": "AES_256"},
            "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
            "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
            "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
            "CreateGrant": {"GranteePrincipal": root, "Operations": ["Encrypt"]},
            "PutKeyPolicy": {"Policy": policy(statement(self.account))},
            "RetireGrant": {"GrantId": grant["GrantId"]},
            "RevokeGrant": {"GrantId": grant["GrantId"]},
            "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
            "UntagResource": {"TagKeys": ["a"]},
            "UpdateAlias": {"AliasName": self.alias},
            "UpdateKeyDescription": {"Description": "changed"},
        }

    def _signing(self):
        given = {"Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = self.kms.sign(KeyId=self.arn, **given)["Signature"]
        return {"Sign": given, "Verify": {**given, "Signature": signature}}

    def _mac(self):
        given = {"Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
        mac = self.kms.generate_mac(KeyId=self.arn, **given)["Mac"]
        return {"GenerateMac": given, "VerifyMac": {**given, "Mac": mac}}

    def _agreement(self):
        public = self.kms.get_public_key(KeyId=self.arn)["PublicKey"]
        return {"DeriveSharedSecret": {"KeyAgreementAlgorithm": "ECDH", "PublicKey": public}}

    def _kem(self):
        given = {"EncapsulationAlgorithm": "ML_KEM"}
        made = self.kms.encapsulate(KeyId=self.arn, **given)
        sealed = {"SharedSecretCiphertextBlob": made["SharedSecretCiphertextBlob"]}
        return {"Encapsulate": given, "Decapsulate": {**given, **sealed}}

    def _imported(self):
        wrapping = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
        token = self.kms.get_parameters_for_import(KeyId=self.arn, **wrapping)["ImportToken"]
        material = {"ImportToken": token, "EncryptedKeyMaterial": b"x" * 256}
        return {"GetParametersForImport": wrapping, "ImportKeyMaterial": material}

    def _multi_region(self):
        return {"ReplicateKey": {"ReplicaRegion": "eu-west-1"}, "UpdatePrimaryRegion": {"PrimaryRegion": "eu-west-1"}}
