"""What may be done with a key in each of its states: the table of the developer guide, row by row."""

import os
import re

import pytest

import keys
from expect import fails
from test_kms_imports import bring

# Why a call fails, with {} for the key's ARN.
DISABLED = ("DisabledException", "{} is disabled.")
# The guide says of these: the one or the other.
PENDING_DELETION = ({"KMSInvalidStateException", "DisabledException"}, "{} is pending deletion.")
PENDING_IMPORT = ("KMSInvalidStateException", "{} is pending import.")
NOT_PENDING = ("KMSInvalidStateException", "{} is not pending deletion.")
ORIGIN = ("UnsupportedOperationException", "{} origin is EXTERNAL which is not valid for this operation.")

READING = [
    "DescribeKey",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListResourceTags",
]
ALWAYS = [*READING, "PutKeyPolicy", "RetireGrant", "RevokeGrant"]
CHANGING = ["TagResource", "UntagResource", "UpdateKeyDescription", "CreateAlias", "UpdateAlias"]
ROTATING = ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"]

WHEN_ENABLED = {"CancelKeyDeletion": NOT_PENDING}
WHEN_DISABLED = {
    **dict.fromkeys(keys.CRYPTOGRAPHIC, DISABLED),
    **dict.fromkeys(["CreateGrant", "GetPublicKey", *ROTATING, "ReplicateKey"], DISABLED),
    **dict.fromkeys([*ALWAYS, *CHANGING, "DisableKey", "EnableKey", "GetKeyRotationStatus", "ScheduleKeyDeletion"]),
    "CancelKeyDeletion": NOT_PENDING,
}
WHEN_PENDING_DELETION = {
    **dict.fromkeys(keys.CRYPTOGRAPHIC, PENDING_DELETION),
    **dict.fromkeys(["CreateGrant", "GetPublicKey", *ROTATING, "ReplicateKey", *CHANGING], PENDING_DELETION),
    **dict.fromkeys(["DisableKey", "EnableKey", "ScheduleKeyDeletion"], PENDING_DELETION),
    **dict.fromkeys(["GetParametersForImport", "ImportKeyMaterial"], PENDING_DELETION),
    **dict.fromkeys([*ALWAYS, "GetKeyRotationStatus", "CancelKeyDeletion"]),
}
WHEN_PENDING_IMPORT = {
    **dict.fromkeys(
        [
            "Encrypt",
            "Decrypt",
            "ReEncrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "CreateGrant",
            "DisableKey",
            "EnableKey",
        ],
        PENDING_IMPORT,
    ),
    **dict.fromkeys(["EnableKeyRotation", "DisableKeyRotation"], ORIGIN),
    **dict.fromkeys([*ALWAYS, *CHANGING, "ScheduleKeyDeletion"]),
    "CancelKeyDeletion": NOT_PENDING,
}


def check(specimen, operation, expected):
    if expected is None:
        specimen.call(operation)
        return
    code, message = expected
    with fails(code, re.compile(f"^{re.escape(message.format(specimen.arn))}$")):
        specimen.call(operation)


@pytest.mark.parametrize("operation", WHEN_ENABLED)
def test_enabled(kms, operation):
    check(keys.Specimen(kms, keys.OPERATIONS[operation]), operation, WHEN_ENABLED[operation])


@pytest.mark.parametrize("operation", WHEN_DISABLED)
def test_disabled(kms, operation):
    specimen = keys.Specimen(kms, keys.OPERATIONS[operation])
    kms.disable_key(KeyId=specimen.arn)
    check(specimen, operation, WHEN_DISABLED[operation])


@pytest.mark.parametrize("operation", WHEN_PENDING_DELETION)
def test_pending_deletion(kms, operation):
    specimen = keys.Specimen(kms, keys.OPERATIONS[operation])
    kms.schedule_key_deletion(KeyId=specimen.arn)
    check(specimen, operation, WHEN_PENDING_DELETION[operation])


class Imported(keys.Specimen):
    """A symmetric key whose material was imported, used, and taken away again."""

    def __init__(self, kms):
        self.material = os.urandom(32)
        super().__init__(kms, "imported")

    def _imported(self):
        bring(self.kms, self.arn, self.material)
        return self._symmetric()


@pytest.mark.parametrize("operation", WHEN_PENDING_IMPORT)
def test_pending_import(kms, operation):
    specimen = Imported(kms)
    kms.delete_imported_key_material(KeyId=specimen.arn)
    check(specimen, operation, WHEN_PENDING_IMPORT[operation])


@pytest.mark.parametrize("kind", ["signing", "mac", "agreement"])
def test_operations_of_other_kinds_wait_for_their_material_too(kms, kind):
    key = keys.make(kms, Origin="EXTERNAL", **keys.KINDS[kind])
    specimen = keys.Specimen(kms, kind)
    for operation in (o for o, of in keys.CRYPTOGRAPHIC.items() if of == kind):
        with fails("KMSInvalidStateException", f"{key} is pending import."):
            specimen.call(operation, KeyId=key)


def test_deleting_material_that_is_not_there_has_no_effect(kms):
    key = keys.make(kms, Origin="EXTERNAL")
    kms.delete_imported_key_material(KeyId=key)
    assert keys.state(kms, key) == "PendingImport"


def test_material_can_go_while_the_key_waits_for_its_deletion(kms):
    specimen = Imported(kms)
    kms.schedule_key_deletion(KeyId=specimen.arn)
    kms.delete_imported_key_material(KeyId=specimen.arn)
    assert keys.state(kms, specimen.arn) == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=specimen.arn)
    assert keys.state(kms, specimen.arn) in ("PendingImport", "Disabled")
