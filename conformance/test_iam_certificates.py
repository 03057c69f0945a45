"""IAM certificates: those that servers show, and those that users sign with."""

import re

import pytest

import expect
from expect import refuses

# Self-signed, and good for a hundred years.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUR4DQK/8sSHwQoU2UlS+EF6E3gDgwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOYzIuZXhhbXBsZS5jb20wIBcNMjYxMTIyMDMxMDIzWhgPMjEy
NjEwMjkwMzEwMjNaMBkxFzAVBgNVBAMMDmMyLmV4YW1wbGUuY29tMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEsbCd2cUfBo9K6IJK0+p0Kzy6Huq4TiIeH7BAteYV
ci0QilpCHP+cC/hBj5pF5zMidhjyGIO5qf1vf+06a5DMQ6NTMFEwHQYDVR0OBBYE
FFlCdlwOu9XliP1Ati2bbT9E1/b0MB8GA1UdIwQYMBaAFFlCdlwOu9XliP1Ati2b
bT9E1/b0MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgD9LQfp3z
ZLg8Bb9h657FbrZ4fhWFasTS/v6gyNOBSLUCIQDKlmpnnk81vM8okjgVZU7xJRA2
LxYbGF81K5oOp7KFXA==
-----END CERTIFICATE-----
"""
PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEDjSP8+owPOHW5gT
aRMcPOhVH4uN682cEnUAz3aO3xOhRANCAASxsJ3ZxR8Gj0rogkrT6nQrPLoe6rhO
Ih4fsEC15hVyLRCKWkIc/5wL+EGPmkXnMyJ2GPIYg7mp/W9/7TprkMxD
-----END PRIVATE KEY-----
"""
OTHERS = [
    """\
-----BEGIN CERTIFICATE-----
MIIBiDCCAS+gAwIBAgIUL+XC7hu8FB8uze7vlli0pz66l0owCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOYzMuZXhhbXBsZS5jb20wIBcNMjYxMTIyMDMxMDIzWhgPMjEy
NjEwMjkwMzEwMjNaMBkxFzAVBgNVBAMMDmMzLmV4YW1wbGUuY29tMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAESCbxeWXkb3GXeef7nwEnRIGH2l1WGWv7x7ve/sXS
PyY+UG3nSdBPmRm0OI8j6AXuBkGRSF6s6bekh/V0mDyJQKNTMFEwHQYDVR0OBBYE
FNCjLzkTWX2nyNNjJW2c5/EyjRUKMB8GA1UdIwQYMBaAFNCjLzkTWX2nyNNjJW2c
5/EyjRUKMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgCA3n7WG2
fn7O985zb/GJVS6snNvCOfPUUoqiv2hI5lwCIFjS809FxhhNP+eGLlJtDFi2wBdd
u1ZyD6sAKISevHFk
-----END CERTIFICATE-----
""",
    """\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUJ+k/uBQtvreOTUw9GbIeqUorzg0wCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOYzQuZXhhbXBsZS5jb20wIBcNMjYxMTIyMDMxMDQ3WhgPMjEy
NjEwMjkwMzEwNDdaMBkxFzAVBgNVBAMMDmM0LmV4YW1wbGUuY29tMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEzFTFpvBJXI8vSTNqg5Ec/pEY1p6PnjmmbIopSLV7
zOluOpRjZ61wekcx7R2M2I41wKTl/UOmfDH+9RWfqyyrZqNTMFEwHQYDVR0OBBYE
FHtYOktRUA+6UPoXniElAGT/JuIvMB8GA1UdIwQYMBaAFHtYOktRUA+6UPoXniEl
AGT/JuIvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgOrDAZVnP
01ADrnROzaAq2AdeuqqiP9buSUUtiIAUSA0CIQCG2n4HIvsO/fsbPj1612zAmJ90
6HH560RFFWiDG8AriA==
-----END CERTIFICATE-----
""",
]
# Ended with the year 2020.
EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBHDCBwgIBATAKBggqhkjOPQQDAjAaMRgwFgYDVQQDDA9vbGQuZXhhbXBsZS5j
b20wHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA9v
bGQuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARvLuc4e4LS
W9HTZA4rfuIWJEdPD6ZVWD/ZAcU/7+dlP1IMe3lbiLRFUvCxGArgRIDdHjs2r7Ar
UigpyYOCwg8xMAoGCCqGSM49BAMCA0kAMEYCIQCaKYnJp7Zu9DkSWlCHKE/QKIs1
34oaGWSeVLAW6wQ/qwIhALob7VvmHx9XGFWwNBh4G3BtWyQCAivm9IuZEIc30wfL
-----END CERTIFICATE-----
"""


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


@pytest.fixture
def upload(iam):
    """upload(name, …) uploads the certificate above as a server's."""

    def upload(name, **given):
        given = {"CertificateBody": CERTIFICATE, "PrivateKey": PRIVATE_KEY, **given}
        return iam.upload_server_certificate(ServerCertificateName=name, **given)

    return upload


# ---- servers' certificates -------------------------------------------------------------


def test_everything_that_a_certificate_is_given_reads_back_but_its_key(iam, account, upload):
    # A certificate that signed itself is its own chain.
    made = upload("c", Path="/cloudfront/x/", CertificateChain=CERTIFICATE, Tags=expect.tags(a="1"))
    metadata = made["ServerCertificateMetadata"]
    assert re.fullmatch(r"ASCA[A-Z0-9]{17}", metadata["ServerCertificateId"])
    assert metadata["Arn"] == f"arn:aws:iam::{account}:server-certificate/cloudfront/x/c"
    assert (metadata["Path"], metadata["ServerCertificateName"]) == ("/cloudfront/x/", "c")
    assert metadata["Expiration"].year == 2126
    assert expect.tags_of(made) == {"a": "1"}
    read = iam.get_server_certificate(ServerCertificateName="c")["ServerCertificate"]
    assert read["ServerCertificateMetadata"] == metadata
    assert read["CertificateBody"].strip() == CERTIFICATE.strip()
    assert read["CertificateChain"].strip() == CERTIFICATE.strip()
    assert expect.tags_of(read) == {"a": "1"}
    assert "PRIVATE" not in str(read)


def test_certificates_are_listed_by_path(iam, upload):
    upload("a")
    upload("b", Path="/x/")

    def listed(**given):
        found = iam.list_server_certificates(**given)["ServerCertificateMetadataList"]
        return [metadata["ServerCertificateName"] for metadata in found]

    assert listed() == ["a", "b"]
    assert listed(PathPrefix="/x/") == ["b"]


def test_a_renamed_certificate_stays_what_it_is(iam, account, upload):
    before = upload("old", Tags=expect.tags(a="1"))["ServerCertificateMetadata"]
    iam.update_server_certificate(ServerCertificateName="old", NewServerCertificateName="new", NewPath="/x/")
    after = iam.get_server_certificate(ServerCertificateName="new")["ServerCertificate"]
    assert after["ServerCertificateMetadata"]["ServerCertificateId"] == before["ServerCertificateId"]
    assert after["ServerCertificateMetadata"]["Arn"] == f"arn:aws:iam::{account}:server-certificate/x/new"
    assert expect.tags_of(after) == {"a": "1"}
    with refuses("NoSuchEntity", "The Server Certificate with name old cannot be found."):
        iam.get_server_certificate(ServerCertificateName="old")


def test_tags_are_added_replaced_and_removed(iam, upload):
    upload("c", Tags=expect.tags(a="1", b="2"))
    iam.tag_server_certificate(ServerCertificateName="c", Tags=expect.tags(b="3", c="4"))
    iam.untag_server_certificate(ServerCertificateName="c", TagKeys=["a"])
    assert expect.tags_of(iam.list_server_certificate_tags(ServerCertificateName="c")) == {"b": "3", "c": "4"}


def test_a_name_is_taken_once(iam, upload):
    upload("c")
    with refuses("EntityAlreadyExists", "The Server Certificate with name c already exists."):
        upload("c")
    upload("d")
    with refuses("EntityAlreadyExists"):
        iam.update_server_certificate(ServerCertificateName="d", NewServerCertificateName="c")


def test_a_deleted_certificate_is_gone(iam, upload):
    upload("c")
    iam.delete_server_certificate(ServerCertificateName="c")
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []


@pytest.mark.parametrize(
    "given, code",
    [
        ({"CertificateBody": "no certificate"}, "MalformedCertificate"),
        ({"CertificateBody": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "MalformedCertificate"),
        ({"CertificateBody": CERTIFICATE + OTHERS[0]}, "MalformedCertificate"),
        ({"PrivateKey": "no key"}, "MalformedCertificate"),
        ({"CertificateChain": "no chain"}, "MalformedCertificate"),
        ({"CertificateChain": OTHERS[0]}, "MalformedCertificate"),
        ({"CertificateBody": OTHERS[0]}, "KeyPairMismatch"),
    ],
    ids=["text", "empty block", "two at once", "no key", "text as chain", "chain of another", "another's key"],
)
def test_certificates_that_are_refused(upload, given, code):
    with refuses(code):
        upload("c", **given)


# ---- users' certificates ---------------------------------------------------------------


def test_a_signing_certificate_from_its_upload_to_its_end(iam):
    iam.create_user(UserName="u")
    made = iam.upload_signing_certificate(UserName="u", CertificateBody=CERTIFICATE)["Certificate"]
    assert re.fullmatch(r"[A-Z0-9]{24,128}", made["CertificateId"])
    assert (made["UserName"], made["Status"]) == ("u", "Active")
    assert made["CertificateBody"].strip() == CERTIFICATE.strip()
    assert iam.list_signing_certificates(UserName="u")["Certificates"] == [made]
    one = {"UserName": "u", "CertificateId": made["CertificateId"]}
    iam.update_signing_certificate(Status="Inactive", **one)
    assert iam.list_signing_certificates(UserName="u")["Certificates"][0]["Status"] == "Inactive"
    iam.update_signing_certificate(Status="Active", **one)
    iam.delete_signing_certificate(**one)
    assert iam.list_signing_certificates(UserName="u")["Certificates"] == []
    with refuses("NoSuchEntity", f"The Certificate with id {made['CertificateId']} cannot be found."):
        iam.delete_signing_certificate(**one)


def test_the_same_signing_certificate_is_refused(iam):
    iam.create_user(UserName="u")
    iam.upload_signing_certificate(UserName="u", CertificateBody=CERTIFICATE)
    with refuses("DuplicateCertificate"):
        iam.upload_signing_certificate(UserName="u", CertificateBody=CERTIFICATE)


def test_a_user_has_two_signing_certificates(iam):
    iam.create_user(UserName="u")
    for body in (CERTIFICATE, OTHERS[0]):
        iam.upload_signing_certificate(UserName="u", CertificateBody=body)
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 2")):
        iam.upload_signing_certificate(UserName="u", CertificateBody=OTHERS[1])


@pytest.mark.parametrize(
    "body, code", [("no certificate", "MalformedCertificate"), (EXPIRED, "InvalidCertificate")], ids=["text", "expired"]
)
def test_signing_certificates_that_are_refused(iam, body, code):
    iam.create_user(UserName="u")
    with refuses(code):
        iam.upload_signing_certificate(UserName="u", CertificateBody=body)
