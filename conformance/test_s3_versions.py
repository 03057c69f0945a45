"""S3's versions: putting, deleting, delete markers, MFA delete, requesters who pay, attributes, renames."""

import base64
import datetime
import json
import re
import urllib.request

import pytest

import expect
import totp
from conftest import make_client
from s3_versions import bucket, put, read, user


@pytest.fixture
def versioned(s3):
    return bucket(s3, "Enabled")


def versions(s3, name):
    """(key, id, is the newest, is a delete marker), as a listing shows them."""
    answer = s3.list_object_versions(Bucket=name)
    objects = [(v["Key"], v["VersionId"], v["IsLatest"], False) for v in answer.get("Versions", [])]
    markers = [(m["Key"], m["VersionId"], m["IsLatest"], True) for m in answer.get("DeleteMarkers", [])]
    return sorted(objects + markers)


def test_an_object_that_was_deleted_by_accident_is_brought_back(s3, versioned):
    one = put(s3, versioned, body=b"one")["VersionId"]
    two = put(s3, versioned, body=b"two")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    with expect.fails("NoSuchKey", "The specified key does not exist.", 404) as seen:
        read(s3, versioned)
    headers = seen[0].response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker["VersionId"]
    shown = versions(s3, versioned)
    assert ("k", marker["VersionId"], True, True) in shown
    assert {("k", one, False, False), ("k", two, False, False)} < set(shown)
    back = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert (back["DeleteMarker"], back["VersionId"]) == (True, marker["VersionId"])
    assert read(s3, versioned) == b"two"
    assert read(s3, versioned, VersionId=one) == b"one"


def test_a_marker_that_is_named_refuses_the_method(s3, versioned):
    put(s3, versioned)
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    refusal = "The specified method is not allowed against this resource."
    with expect.fails("MethodNotAllowed", refusal, 405) as seen:
        read(s3, versioned, VersionId=marker)
    assert seen[0].response["ResponseMetadata"]["HTTPHeaders"]["allow"] == "DELETE"
    assert seen[0].response["Error"]["ResourceType"] == "DeleteMarker"


def test_suspending_leaves_a_null_version(s3, versioned):
    one = put(s3, versioned, body=b"one")["VersionId"]
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    assert put(s3, versioned, body=b"two")["VersionId"] == "null"
    assert put(s3, versioned, body=b"three")["VersionId"] == "null"
    assert [v[1] for v in versions(s3, versioned)] == sorted([one, "null"])
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert (marker["DeleteMarker"], marker["VersionId"]) == (True, "null")
    assert read(s3, versioned, VersionId=one) == b"one"
    s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert read(s3, versioned) == b"one"


def test_what_is_no_version_id_is_told_from_what_is_nobodys(s3, versioned):
    id = put(s3, versioned)["VersionId"]
    with expect.fails("InvalidArgument", "Invalid version id specified"):
        s3.delete_object(Bucket=versioned, Key="k", VersionId="abc")
    with expect.fails("NoSuchVersion", "The specified version does not exist.", 404):
        read(s3, versioned, key="other", VersionId=id)
    assert s3.delete_object(Bucket=versioned, Key="other", VersionId=id)["VersionId"] == id


def test_a_condition_keeps_what_has_changed(s3, versioned):
    etag = put(s3, versioned)["ETag"]
    with expect.fails("PreconditionFailed", status=412) as seen:
        s3.delete_object(Bucket=versioned, Key="k", IfMatch='"0123"')
    assert seen[0].response["Error"]["Condition"] == "If-Match"
    with expect.fails("NoSuchKey", status=404):
        s3.delete_object(Bucket=versioned, Key="absent", IfMatch="*")
    s3.delete_object(Bucket=versioned, Key="k", IfMatch=etag)
    with expect.fails("PreconditionFailed", status=412):
        s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")


def test_many_are_deleted_at_once(s3, versioned):
    one = put(s3, versioned, key="a")["VersionId"]
    put(s3, versioned, key="b & <c>")
    objects = [
        {"Key": "a", "VersionId": one},
        {"Key": "b & <c>"},
        {"Key": "b & <c>"},
        {"Key": "absent"},
        {"Key": "a", "VersionId": "abc"},
    ]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
    deleted = {found["Key"]: found for found in answer["Deleted"]}
    assert deleted["a"] == {"Key": "a", "VersionId": one}
    assert deleted["b & <c>"]["DeleteMarker"] is True and "VersionId" not in deleted["b & <c>"]
    assert len(answer["Deleted"]) == 3
    [error] = answer["Errors"]
    assert error["Code"] == "NoSuchVersion" and error["VersionId"] == "abc"
    marker = deleted["b & <c>"]["DeleteMarkerVersionId"]
    objects = [{"Key": "b & <c>", "VersionId": marker}]
    quiet = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects, "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet
    assert read(s3, versioned, key="b & <c>") == b"content"


def test_a_thousand_at_once_and_no_more(s3):
    name = bucket(s3)
    put(s3, name, key="k999")
    thousand = [{"Key": f"k{n}"} for n in range(1000)]
    assert len(s3.delete_objects(Bucket=name, Delete={"Objects": thousand})["Deleted"]) == 1000
    with expect.fails("MalformedXML"):
        s3.delete_objects(Bucket=name, Delete={"Objects": [*thousand, {"Key": "one more"}]})
    assert "Contents" not in s3.list_objects_v2(Bucket=name)


def test_each_key_is_permitted_by_itself(server, client, account):
    s3 = client("s3", account=account)
    name = bucket(s3, "Enabled")
    version = put(s3, name)["VersionId"]
    mine = user(server, account, "s3:DeleteObject")
    objects = [{"Key": "k"}, {"Key": "k", "VersionId": version}]
    answer = mine.delete_objects(Bucket=name, Delete={"Objects": objects})
    assert [d["Key"] for d in answer["Deleted"]] == ["k"]
    [error] = answer["Errors"]
    assert error["Code"] == "AccessDenied" and "s3:DeleteObjectVersion" in error["Message"]


def cloud_time(server):
    with urllib.request.urlopen(f"{server.endpoint}/_fogbank/clock", timeout=10) as answer:
        text = json.load(answer)["now"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


def test_mfa_delete_needs_a_code_of_the_root(server, client, account):
    s3, iam = client("s3", account=account), expect.caller(server, account)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="root-account-mfa-device")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
    at = cloud_time(server)
    codes = {"AuthenticationCode1": totp.code(seed, at - 30), "AuthenticationCode2": totp.code(seed, at)}
    iam.enable_mfa_device(UserName="root", SerialNumber=serial, **codes)

    def proof():
        server.advance("30s")
        return f"{serial} {totp.code(seed, cloud_time(server))}"

    name = bucket(s3)
    configuration = {"Status": "Enabled", "MFADelete": "Enabled"}
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=configuration, MFA=proof())
    version = put(s3, name)["VersionId"]
    message = "Mfa Authentication must be used for this request"
    with expect.fails("AccessDenied", message, 403):
        s3.delete_object(Bucket=name, Key="k", VersionId=version)
    with expect.fails("AccessDenied", status=403):
        s3.delete_object(Bucket=name, Key="k", VersionId=version, MFA=f"{serial} 000000")
    delete = {"Objects": [{"Key": "k", "VersionId": version}]}
    with expect.fails("AccessDenied", message, 403):
        s3.delete_objects(Bucket=name, Delete=delete)
    assert s3.delete_object(Bucket=name, Key="k")["DeleteMarker"] is True
    once = proof()
    s3.delete_object(Bucket=name, Key="k", VersionId=version, MFA=once)
    other = put(s3, name)["VersionId"]
    with expect.fails("AccessDenied", status=403):
        s3.delete_object(Bucket=name, Key="k", VersionId=other, MFA=once)
    delete = {"Objects": [{"Key": "k", "VersionId": other}]}
    assert s3.delete_objects(Bucket=name, Delete=delete, MFA=proof())["Deleted"][0]["VersionId"] == other


def test_requesters_who_pay_say_so(server, client, account):
    s3, stranger = client("s3"), client("s3", account=account)
    name = bucket(s3)
    put(s3, name)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
    with expect.fails("AccessDenied", status=403):
        read(stranger, name)
    answer = stranger.get_object(Bucket=name, Key="k", RequestPayer="requester")
    assert answer["RequestCharged"] == "requester"
    answer = stranger.delete_object(Bucket=name, Key="k", RequestPayer="requester")
    assert answer["RequestCharged"] == "requester"
    assert "RequestCharged" not in put(s3, name)


def test_attributes_are_what_was_asked_for(s3, versioned):
    made = put(s3, versioned, body=b"hello", ChecksumAlgorithm="SHA256")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    shown = s3.get_object_attributes(Bucket=versioned, Key="k", ObjectAttributes=wanted)
    assert shown["ETag"] == made["ETag"].strip('"')
    assert shown["Checksum"]["ChecksumSHA256"] == made["ChecksumSHA256"]
    assert shown["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert (shown["ObjectSize"], shown["StorageClass"]) == (5, "STANDARD")
    assert "ObjectParts" not in shown and shown["VersionId"] == made["VersionId"]
    with expect.fails("InvalidArgument", "Invalid attribute name specified."):
        s3.get_object_attributes(Bucket=versioned, Key="k", ObjectAttributes=["Owner"])
    with expect.fails("NoSuchKey", status=404):
        s3.get_object_attributes(Bucket=versioned, Key="absent", ObjectAttributes=["ETag"])


def test_attributes_show_parts_in_pages(s3):
    name = bucket(s3)
    upload = s3.create_multipart_upload(Bucket=name, Key="k", ChecksumAlgorithm="CRC32")["UploadId"]
    parts = []
    for number, size in ((1, 5 << 20), (2, 5 << 20), (3, 7)):
        part = {"PartNumber": number, "UploadId": upload, "ChecksumAlgorithm": "CRC32"}
        answer = s3.upload_part(Bucket=name, Key="k", Body=b"x" * size, **part)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    s3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    given = {"Bucket": name, "Key": "k", "ObjectAttributes": ["ObjectParts", "Checksum"]}
    first = s3.get_object_attributes(**given, MaxParts=2)
    assert first["ObjectParts"]["TotalPartsCount"] == 3
    assert [p["PartNumber"] for p in first["ObjectParts"]["Parts"]] == [1, 2]
    assert first["ObjectParts"]["IsTruncated"] is True
    marker = first["ObjectParts"]["NextPartNumberMarker"]
    rest = s3.get_object_attributes(**given, PartNumberMarker=marker)["ObjectParts"]
    assert [(p["PartNumber"], p["Size"]) for p in rest["Parts"]] == [(3, 7)]
    assert len(base64.b64decode(first["Checksum"]["ChecksumCRC32"])) == 4


def test_lists_of_access_need_a_bucket_that_takes_them(s3, client, account):
    name = bucket(s3)
    put(s3, name)
    owner = s3.get_object_acl(Bucket=name, Key="k")
    assert owner["Grants"][0]["Permission"] == "FULL_CONTROL"
    with expect.fails("AccessControlListNotSupported", "The bucket does not allow ACLs"):
        s3.put_object_acl(Bucket=name, Key="k", ACL="public-read")
    open_one = bucket(s3, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=open_one)
    put(s3, open_one)
    s3.put_object_acl(Bucket=open_one, Key="k", ACL="public-read")
    uris = [g["Grantee"].get("URI") for g in s3.get_object_acl(Bucket=open_one, Key="k")["Grants"]]
    assert "http://acs.amazonaws.com/groups/global/AllUsers" in uris
    assert read(client("s3", account=account), open_one) == b"content"
    s3.put_object_acl(Bucket=open_one, Key="k", ACL="private")
    with expect.fails("AccessDenied", status=403):
        read(client("s3", account=account), open_one)


def test_the_encryption_of_an_object_is_changed_in_place(s3, kms):
    name = bucket(s3, "Enabled")
    made = put(s3, name, body=b"secret")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    given = {"Bucket": name, "Key": "k"}
    s3.update_object_encryption(**given, ObjectEncryption={"SSEKMS": {"KMSKeyArn": key}})
    head = s3.head_object(**given)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    assert (head["ETag"], head["VersionId"]) == (made["ETag"], made["VersionId"])
    assert read(s3, name) == b"secret"
    stranger = key.replace(key.split(":")[4], "111122223333")
    with expect.fails("AccessDenied", re.compile("same account"), 403):
        s3.update_object_encryption(**given, ObjectEncryption={"SSEKMS": {"KMSKeyArn": stranger}})
    role = "arn:aws:iam::000000000000:role/no-key-at-all"
    with expect.fails("InvalidRequest", re.compile("valid Amazon Web Services KMS key")):
        s3.update_object_encryption(**given, ObjectEncryption={"SSEKMS": {"KMSKeyArn": role}})
    with expect.fails("NoSuchKey", status=404):
        absent = {"Bucket": name, "Key": "absent"}
        s3.update_object_encryption(**absent, ObjectEncryption={"SSEKMS": {"KMSKeyArn": key}})


def test_an_object_of_a_directory_bucket_gets_another_key(server):
    name = f"{expect.name('d')[:20]}--use1-az4--x-s3"
    location = {"Type": "AvailabilityZone", "Name": "use1-az4"}
    kind = {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}
    # A client that makes sessions makes one for this as well, before there is a bucket.
    plain = make_client(server.endpoint, "s3", s3={"disable_s3_express_session_auth": True})
    plain.create_bucket(Bucket=name, CreateBucketConfiguration={"Location": location, "Bucket": kind})
    express = make_client(server.endpoint, "s3", s3={"addressing_style": "path"})
    put(express, name, "a b", b"one")
    put(express, name, "c", b"two")
    with expect.fails("PreconditionFailed", status=412):
        express.rename_object(Bucket=name, Key="c", RenameSource="a%20b", DestinationIfNoneMatch="*")
    express.rename_object(Bucket=name, Key="c", RenameSource="a%20b", ClientToken="once")
    assert read(express, name, "c") == b"one"
    express.rename_object(Bucket=name, Key="c", RenameSource="a%20b", ClientToken="once")
    with expect.fails("IdempotencyParameterMismatch"):
        express.rename_object(Bucket=name, Key="d", RenameSource="a%20b", ClientToken="once")
    with expect.fails("NoSuchKey", status=404):
        express.rename_object(Bucket=name, Key="d", RenameSource="a%20b")
