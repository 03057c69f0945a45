"""IAM's identity providers: OpenID Connect and SAML."""

import re

import pytest

import expect
from expect import refuses
from test_iam_certificates import CERTIFICATE, OTHERS, PRIVATE_KEY

THUMBPRINT, OTHER_THUMBPRINT = "a" * 40, "0123456789" * 4


def metadata(entity="https://idp.example.com", certificate=CERTIFICATE, valid_until=""):
    """What a SAML identity provider says of itself."""
    body = "".join(certificate.strip().splitlines()[1:-1])
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}" {valid_until}>
  <md:IDPSSODescriptor WantAuthnRequestsSigned="false"
      protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
        <ds:X509Data><ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data>
      </ds:KeyInfo>
    </md:KeyDescriptor>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{entity}/sso"/>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{entity}/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
"""


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


# ---- OpenID Connect --------------------------------------------------------------------


@pytest.fixture
def oidc(iam):
    """oidc(url, …) makes a provider and returns its ARN."""

    def make(url="https://idp.example.com", **given):
        given = {"ThumbprintList": [THUMBPRINT], **given}
        return iam.create_open_id_connect_provider(Url=url, **given)["OpenIDConnectProviderArn"]

    return make


def test_everything_that_an_oidc_provider_is_given_reads_back(iam, account, oidc):
    arn = oidc("https://idp.example.com/tenant/1", ClientIDList=["one", "two"], Tags=expect.tags(a="1"))
    assert arn == f"arn:aws:iam::{account}:oidc-provider/idp.example.com/tenant/1"
    read = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert read["Url"] == "idp.example.com/tenant/1"
    assert sorted(read["ClientIDList"]) == ["one", "two"]
    assert read["ThumbprintList"] == [THUMBPRINT]
    assert expect.tags_of(read) == {"a": "1"}
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]


def test_client_ids_and_thumbprints_change(iam, oidc):
    arn = oidc(ClientIDList=["one"])
    of = {"OpenIDConnectProviderArn": arn}
    for client_id in ("two", "two", "one"):
        iam.add_client_id_to_open_id_connect_provider(ClientID=client_id, **of)
    assert sorted(iam.get_open_id_connect_provider(**of)["ClientIDList"]) == ["one", "two"]
    for client_id in ("one", "absent"):
        iam.remove_client_id_from_open_id_connect_provider(ClientID=client_id, **of)
    assert iam.get_open_id_connect_provider(**of)["ClientIDList"] == ["two"]
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=[OTHER_THUMBPRINT, THUMBPRINT], **of)
    assert iam.get_open_id_connect_provider(**of)["ThumbprintList"] == [OTHER_THUMBPRINT, THUMBPRINT]


def test_an_oidc_providers_tags_change(iam, oidc):
    of = {"OpenIDConnectProviderArn": oidc(Tags=expect.tags(a="1", b="2"))}
    iam.tag_open_id_connect_provider(Tags=expect.tags(b="3", c="4"), **of)
    iam.untag_open_id_connect_provider(TagKeys=["a"], **of)
    assert expect.tags_of(iam.list_open_id_connect_provider_tags(**of)) == {"b": "3", "c": "4"}


def test_an_url_is_taken_once(oidc):
    oidc()
    with refuses("EntityAlreadyExists", "Provider with url https://idp.example.com already exists."):
        oidc()


def test_deleting_an_oidc_provider_twice_is_no_error(iam, oidc):
    arn = oidc()
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refuses("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


@pytest.mark.parametrize(
    "given",
    [{"ThumbprintList": ["z" * 40]}, {"ThumbprintList": [THUMBPRINT] * 6}],
    ids=["no hexadecimal digits", "six thumbprints"],
)
def test_thumbprints_that_are_refused(iam, oidc, given):
    with refuses("InvalidInput"):
        oidc(**given)
    with refuses("InvalidInput"):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=oidc(), **given)


@pytest.mark.parametrize("url", ["http://idp.example.com", "idp.example.com", "https://", "https://a.example.com?q=1"])
def test_urls_that_are_refused(oidc, url):
    with expect.fails({"ValidationError", "InvalidInput"}):
        oidc(url)


def test_a_provider_that_cannot_be_reached_has_no_thumbprint_to_take(iam):
    # Without a thumbprint, the provider's own certificates are asked for; nothing listens there.
    with refuses("OpenIdIdpCommunicationError"):
        iam.create_open_id_connect_provider(Url="https://127.0.0.1:1")


def test_a_hundred_client_ids_and_no_more(iam, oidc):
    of = {"OpenIDConnectProviderArn": oidc(ClientIDList=[f"app-{number}" for number in range(100)])}
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 100")):
        iam.add_client_id_to_open_id_connect_provider(ClientID="one-more", **of)


def test_a_hundred_oidc_providers_and_no_more(oidc):
    for number in range(100):
        oidc(f"https://{number}.example.com")
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 100")):
        oidc("https://one-more.example.com")


# ---- SAML ------------------------------------------------------------------------------


def test_everything_that_a_saml_provider_is_given_reads_back(iam, account):
    document = metadata(valid_until='validUntil="2090-01-01T00:00:00Z"')
    made = iam.create_saml_provider(
        SAMLMetadataDocument=document,
        Name="idp._-1",
        Tags=expect.tags(a="1"),
        AssertionEncryptionMode="Allowed",
        AddPrivateKey=PRIVATE_KEY,
    )
    arn = made["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{account}:saml-provider/idp._-1"
    assert expect.tags_of(made) == {"a": "1"}
    read = iam.get_saml_provider(SAMLProviderArn=arn)
    assert read["SAMLMetadataDocument"] == document
    assert read["ValidUntil"].year == 2090
    assert read["AssertionEncryptionMode"] == "Allowed"
    [key] = read["PrivateKeyList"]
    assert re.fullmatch(r"[A-Z0-9]{22,64}", key["KeyId"])
    assert "BEGIN" not in str(read["PrivateKeyList"])
    assert expect.tags_of(read) == {"a": "1"}
    [listed] = iam.list_saml_providers()["SAMLProviderList"]
    assert listed == {"Arn": arn, "ValidUntil": read["ValidUntil"], "CreateDate": read["CreateDate"]}


def test_a_saml_providers_metadata_keys_and_mode_change(iam):
    arn = iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")["SAMLProviderArn"]
    other = metadata(entity="https://other.example.com")
    assert iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=other)["SAMLProviderArn"] == arn
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == other
    iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey=PRIVATE_KEY, AssertionEncryptionMode="Required")
    read = iam.get_saml_provider(SAMLProviderArn=arn)
    assert (read["AssertionEncryptionMode"], read["SAMLMetadataDocument"]) == ("Required", other)
    first = read["PrivateKeyList"][0]["KeyId"]
    iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey=PRIVATE_KEY)
    with refuses("LimitExceeded"):
        iam.update_saml_provider(SAMLProviderArn=arn, AddPrivateKey=PRIVATE_KEY)
    iam.update_saml_provider(SAMLProviderArn=arn, RemovePrivateKey=first)
    left = [key["KeyId"] for key in iam.get_saml_provider(SAMLProviderArn=arn)["PrivateKeyList"]]
    assert len(left) == 1 and first not in left


def test_a_saml_providers_tags_change(iam):
    of = {"SAMLProviderArn": iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")["SAMLProviderArn"]}
    iam.tag_saml_provider(Tags=expect.tags(a="1", b="2"), **of)
    iam.untag_saml_provider(TagKeys=["a"], **of)
    assert expect.tags_of(iam.list_saml_provider_tags(**of)) == {"b": "2"}


def test_a_saml_providers_name_is_taken_once(iam):
    iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")
    with refuses("EntityAlreadyExists", "SAMLProvider with name idp already exists."):
        iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")


def test_a_deleted_saml_provider_is_gone(iam):
    arn = iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")["SAMLProviderArn"]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    with refuses("NoSuchEntity"):
        iam.delete_saml_provider(SAMLProviderArn=arn)


@pytest.mark.parametrize(
    "document",
    [
        "x" * 1000,
        metadata().replace("IDPSSODescriptor", "SPSSODescriptor"),
        metadata().replace("</md:EntityDescriptor>", " " * 30),
        metadata(certificate="-\n" + "bm8gY2VydGlmaWNhdGU=" * 20 + "\n-"),
    ],
    ids=["text", "a service provider", "cut off", "no certificate"],
)
def test_metadata_that_is_refused(iam, document):
    with refuses("InvalidInput"):
        iam.create_saml_provider(SAMLMetadataDocument=document, Name="idp")
    arn = iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp")["SAMLProviderArn"]
    with refuses("InvalidInput"):
        iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=document)


def test_a_hundred_saml_providers_and_no_more(iam):
    document = metadata(certificate=OTHERS[0])
    for number in range(100):
        iam.create_saml_provider(SAMLMetadataDocument=document, Name=f"idp-{number}")
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 100")):
        iam.create_saml_provider(SAMLMetadataDocument=document, Name="one-more")
