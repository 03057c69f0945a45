"""Custom key stores need a CloudHSM cluster or a key manager elsewhere. There is none, and each call says so."""

import pytest

from expect import fails

STORE = "cks-1234567890abcdef0"
NOT_FOUND = "CustomKeyStoreNotFoundException"
CLOUD_HSM = {
    "CustomKeyStoreName": "mine",
    "CloudHsmClusterId": "cluster-2a23b4cdefg",
    "TrustAnchorCertificate": "-----BEGIN CERTIFICATE-----",
    "KeyStorePassword": "kmsPswd1234",
}
EXTERNAL = {
    "CustomKeyStoreName": "mine",
    "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
    "XksProxyUriEndpoint": "https://keys.example.com",
    "XksProxyUriPath": "/kms/xks/v1",
    "XksProxyConnectivity": "PUBLIC_ENDPOINT",
    "XksProxyAuthenticationCredential": {"AccessKeyId": "A" * 20, "RawSecretAccessKey": "x" * 43},
}


def test_there_are_none(kms):
    listed = kms.describe_custom_key_stores()
    assert (listed["CustomKeyStores"], listed["Truncated"]) == ([], False)
    for given in ({"CustomKeyStoreId": STORE}, {"CustomKeyStoreName": "mine"}):
        with fails(NOT_FOUND):
            kms.describe_custom_key_stores(**given)
    with fails("InvalidMarkerException"):
        kms.describe_custom_key_stores(Marker="nonsense")


@pytest.mark.parametrize("operation", ["connect", "disconnect", "delete", "update"])
def test_what_needs_one(kms, operation):
    with fails(NOT_FOUND):
        getattr(kms, f"{operation}_custom_key_store")(CustomKeyStoreId=STORE)


def test_a_cluster_is_not_found(kms):
    with fails({"CloudHsmClusterNotFoundException", "UnsupportedOperationException"}):
        kms.create_custom_key_store(**CLOUD_HSM)


def test_a_key_manager_is_not_reached(kms):
    with fails({"XksProxyUriUnreachableException", "UnsupportedOperationException"}):
        kms.create_custom_key_store(**EXTERNAL)


def test_keys_in_them(kms):
    with fails(NOT_FOUND):
        kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=STORE)
    with fails(NOT_FOUND):
        kms.create_key(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=STORE, XksKeyId="key-1")
    for given in (
        {"Origin": "AWS_CLOUDHSM"},
        {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": STORE},
        {"CustomKeyStoreId": STORE},
        {"XksKeyId": "key-1"},
    ):
        with fails({"ValidationException", "UnsupportedOperationException", NOT_FOUND}):
            kms.create_key(**given)
