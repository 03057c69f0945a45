"""Encryption at rest: keys of S3's own, of KMS, of clients. What AWS says of each, and what it refuses."""

import base64
import hashlib
import json
import re

import pytest

import expect
import s3_raw

KEY, OTHER = b"a" * 32, b"b" * 32
CONTEXT = base64.b64encode(json.dumps({"team": "fog"}).encode()).decode()


def with_key(key=KEY):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def body_of(answer):
    return answer["Body"].read()


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def open_bucket(s3, bucket):
    """A bucket that takes keys of clients."""
    name = bucket()
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return name


def default_to(s3, name, method, key=None, bucket_key=False):
    default = {"SSEAlgorithm": method, **({"KMSMasterKeyID": key} if key else {})}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_kms(s3, bucket, key):
    name = bucket()
    for method in ("aws:kms", "aws:kms:dsse"):
        put = s3.put_object(Bucket=name, Key="k", Body=b"content", ServerSideEncryption=method, SSEKMSKeyId=key)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == (method, key)
        assert "BucketKeyEnabled" not in put
        assert put["ETag"].strip('"') != hashlib.md5(b"content").hexdigest()
        got = s3.get_object(Bucket=name, Key="k")
        assert (got["ServerSideEncryption"], got["SSEKMSKeyId"], body_of(got)) == (method, key, b"content")
        assert s3.head_object(Bucket=name, Key="k")["SSEKMSKeyId"] == key


def test_the_key_that_aws_manages(s3, kms, bucket):
    name = bucket()
    put = s3.put_object(Bucket=name, Key="k", Body=b"content", ServerSideEncryption="aws:kms")
    shown = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert put["SSEKMSKeyId"] == shown["Arn"]
    assert shown["Description"] == "Default key that protects my S3 objects when no other key is defined"


def test_bucket_keys_and_defaults(s3, bucket, key):
    name = bucket()
    default_to(s3, name, "aws:kms", key, bucket_key=True)
    put = s3.put_object(Bucket=name, Key="k", Body=b"content")
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key, True)
    own = s3.put_object(Bucket=name, Key="own", Body=b"content", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert own["BucketKeyEnabled"] is True, "a request inherits the bucket's setting"
    off = s3.put_object(
        Bucket=name, Key="off", Body=b"content", ServerSideEncryption="aws:kms", SSEKMSKeyId=key, BucketKeyEnabled=False
    )
    assert "BucketKeyEnabled" not in off
    plain = s3.put_object(Bucket=name, Key="plain", Body=b"content", ServerSideEncryption="AES256")
    assert plain["ServerSideEncryption"] == "AES256" and "SSEKMSKeyId" not in plain
    for each in ("k", "own", "off", "plain"):
        assert body_of(s3.get_object(Bucket=name, Key=each)) == b"content"


def test_a_context(s3, bucket, key):
    name = bucket()
    given = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "SSEKMSEncryptionContext": CONTEXT}
    put = s3.put_object(Bucket=name, Key="k", Body=b"content", **given)
    assert json.loads(base64.b64decode(put["SSEKMSEncryptionContext"])) == {"team": "fog"}
    got = s3.get_object(Bucket=name, Key="k")
    assert body_of(got) == b"content" and "SSEKMSEncryptionContext" not in got
    message = re.compile("shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map")
    for wrong in ("no json", base64.b64encode(b"[1]").decode(), base64.b64encode(b'{"a": 1}').decode()):
        with expect.fails("InvalidArgument", message):
            s3.put_object(Bucket=name, Key="k", Body=b"x", **{**given, "SSEKMSEncryptionContext": wrong})


def test_what_kms_refuses(s3, kms, bucket, key):
    name = bucket()

    def put(key):
        s3.put_object(Bucket=name, Key="k", Body=b"content", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    put(key)
    missing = "134f2428-cec1-4b25-a1ae-9048164dba47"
    arn = f"arn:aws:kms:us-east-1:000000000000:key/{missing}"
    for each in (missing, arn):
        with expect.fails("KMS.NotFoundException", f"Key '{arn}' does not exist"):
            put(each)
    with expect.fails("KMS.NotFoundException"):
        put("fake-key-id")
    kms.disable_key(KeyId=key)
    for call in (lambda: put(key), lambda: s3.get_object(Bucket=name, Key="k")):
        with expect.fails("KMS.DisabledException", f"{key} is disabled."):
            call()
    kms.schedule_key_deletion(KeyId=key)
    with expect.fails("KMS.KMSInvalidStateException", f"{key} is pending deletion."):
        s3.get_object(Bucket=name, Key="k")
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    with expect.fails("KMS.InvalidKeyUsageException"):
        put(signing)


def test_readers_need_permission_to_decrypt(server, client, s3, bucket, key):
    name, iam, user = bucket(), client("iam"), expect.name(prefix="u")
    s3.put_object(Bucket=name, Key="k", Body=b"content", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    iam.create_user(UserName=user)
    reader = expect.user_caller(server, iam, user, service="s3", action="s3:*")
    with expect.fails("AccessDenied", re.compile("kms:Decrypt"), 403):
        reader.get_object(Bucket=name, Key="k")
    with expect.fails("AccessDenied", re.compile("kms:GenerateDataKey"), 403):
        reader.put_object(Bucket=name, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert reader.head_object(Bucket=name, Key="k")["ContentLength"] == 7
    with expect.fails("403", status=403):
        reader.head_object(Bucket=name, Key="k", ChecksumMode="ENABLED")


def test_s3_speaks_for_its_caller_and_names_the_object(server, client, s3, kms, bucket):
    """A key policy that lets nobody in but through S3, for one object."""
    name, iam, user = bucket(), client("iam"), expect.name(prefix="u")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
    through = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:ViaService": "s3.us-east-1.amazonaws.com",
                "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{name}/one",
            }
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, through]})
    key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    caller = expect.user_caller(server, iam, user, service="s3", action="s3:*")
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    caller.put_object(Bucket=name, Key="one", Body=b"content", **encrypted)
    assert body_of(caller.get_object(Bucket=name, Key="one")) == b"content"
    with expect.fails("AccessDenied", status=403):
        caller.put_object(Bucket=name, Key="other", Body=b"content", **encrypted)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"ServerSideEncryption": "aes256"}, "The encryption method specified is not supported"),
        (
            {"SSEKMSKeyId": "x"},
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        ),
        (
            {"ServerSideEncryption": "AES256", **with_key()},
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        ),
        (
            {"SSECustomerKey": "YWFh", "SSECustomerKeyMD5": "AAAA"},
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption "
            "algorithm.",
        ),
        (
            {"SSECustomerAlgorithm": "AES256"},
            "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret "
            "key.",
        ),
        (
            {**with_key(b"short")},
            "The secret key was invalid for the specified algorithm.",
        ),
        (
            {**with_key("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="), "SSECustomerKeyMD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
            "The calculated MD5 hash of the key did not match the hash that was provided.",
        ),
    ],
)
def test_what_makes_no_sense(s3, open_bucket, given, message):
    with expect.fails("InvalidArgument", message):
        s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", **given)


def test_the_cipher_of_clients_keys(s3, open_bucket):
    message = "The Encryption request you specified is not valid. Supported value: AES256."
    with expect.fails("InvalidEncryptionAlgorithmError", message):
        s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", SSECustomerAlgorithm="AES128", SSECustomerKey=KEY)


def test_new_buckets_take_no_keys_of_clients(s3, bucket):
    name = bucket()
    message = re.compile(
        r'is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::.*/k" because this bucket has blocked '
        r"upload requests that specify Server Side Encryption with Customer provided keys \(SSE-C\)\. Please specify a "
        r"different server-side encryption type"
    )
    with expect.fails("AccessDenied", message, 403):
        s3.put_object(Bucket=name, Key="k", Body=b"x", **with_key())


def test_keys_of_clients(s3, open_bucket):
    name = open_bucket
    put = s3.put_object(Bucket=name, Key="k", Body=b"content", **with_key())
    md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", md5)
    assert "ServerSideEncryption" not in put
    assert put["ETag"].strip('"') != hashlib.md5(b"content").hexdigest()
    got = s3.get_object(Bucket=name, Key="k", **with_key())
    assert (body_of(got), got["SSECustomerKeyMD5"]) == (b"content", md5)
    assert s3.head_object(Bucket=name, Key="k", **with_key())["ContentLength"] == 7
    message = (
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
        "retrieve the object."
    )
    with expect.fails("InvalidRequest", message):
        s3.get_object(Bucket=name, Key="k")
    with expect.fails("400", "Bad Request"):
        s3.head_object(Bucket=name, Key="k")
    message = "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
    with expect.fails("AccessDenied", message, 403):
        s3.get_object(Bucket=name, Key="k", **with_key(OTHER))


def test_a_key_that_is_not_needed(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    with expect.fails("InvalidRequest", "The encryption parameters are not applicable to this object."):
        s3.get_object(Bucket=name, Key="k", **with_key())


def test_the_key_is_in_no_answer_and_no_log(server, s3, open_bucket):
    key = b"NobodyMayEverSeeThisKeyAnywhere!"
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"content", **with_key(key))
    headers = {"x-amz-server-side-encryption-customer-key": base64.b64encode(key).decode()}
    reply = s3_raw.send(server, "GET", s3_raw.target(open_bucket, "k"), headers=headers)
    assert reply.status == 400 and base64.b64encode(key) not in reply.body
    log = server.output()
    assert key.decode() not in log and base64.b64encode(key).decode() not in log
