"""What both versions of the AWS CLI are put through. Each start of a CLI costs most of a second,
so a scenario does many things at once."""

import base64
import json
import tempfile

import expect


def identity(cli):
    found = cli.json("sts", "get-caller-identity")
    assert found == {
        "UserId": "000000000000",
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
    }
    session = cli.json("sts", "get-session-token", "--duration-seconds", "900")["Credentials"]
    assert (
        cli.json("sts", "get-access-key-info", "--access-key-id", session["AccessKeyId"])["Account"] == "000000000000"
    )


def life_of_a_message(cli):
    name = expect.name("cli")
    url = cli.json("sqs", "create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=5", "--tags", "a=b")[
        "QueueUrl"
    ]
    assert cli.json("sqs", "get-queue-url", "--queue-name", name)["QueueUrl"] == url
    sent = cli.json(
        "sqs",
        "send-message",
        "--queue-url",
        url,
        "--message-body",
        "fög & <bank>",
        "--message-attributes",
        '{"n":{"DataType":"Number","StringValue":"1"}}',
    )
    assert sent["MD5OfMessageBody"] == expect.md5("fög & <bank>")
    [got] = cli.json(
        "sqs",
        "receive-message",
        "--queue-url",
        url,
        "--attribute-names",
        "All",
        "--message-attribute-names",
        "All",
        "--wait-time-seconds",
        "1",
        # On a busy machine the next command may start half a minute later.
        "--visibility-timeout",
        "600",
    )["Messages"]
    assert got["Body"] == "fög & <bank>"
    assert got["MessageAttributes"]["n"]["StringValue"] == "1"
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    handle = ["--queue-url", url, "--receipt-handle", got["ReceiptHandle"]]
    cli.run("sqs", "change-message-visibility", *handle, "--visibility-timeout", "1200")
    cli.run("sqs", "delete-message", *handle)
    assert cli.run("sqs", "receive-message", "--queue-url", url).stdout.strip() in ("", "{}")
    assert cli.json("sqs", "list-queue-tags", "--queue-url", url)["Tags"] == {"a": "b"}
    cli.run("sqs", "delete-queue", "--queue-url", url)


def fifo_and_batches(cli):
    url = cli.json(
        "sqs",
        "create-queue",
        "--queue-name",
        expect.name("cli", fifo=True),
        "--attributes",
        "FifoQueue=true,ContentBasedDeduplication=true",
    )["QueueUrl"]
    entries = [{"Id": f"e{i}", "MessageBody": str(i), "MessageGroupId": "g"} for i in range(3)]
    sent = cli.json("sqs", "send-message-batch", "--queue-url", url, "--entries", json.dumps(entries))
    assert [e["Id"] for e in sent["Successful"]] == ["e0", "e1", "e2"]
    got = cli.json("sqs", "receive-message", "--queue-url", url, "--max-number-of-messages", "10")["Messages"]
    assert expect.bodies(got) == ["0", "1", "2"]
    deletions = [{"Id": f"e{i}", "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)]
    done = cli.json("sqs", "delete-message-batch", "--queue-url", url, "--entries", json.dumps(deletions))
    assert len(done["Successful"]) == 3


def attributes(cli):
    url = cli.json("sqs", "create-queue", "--queue-name", expect.name("cli"))["QueueUrl"]
    cli.run("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", '{"DelaySeconds":"7"}')
    found = cli.json("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert (found["DelaySeconds"], found["MaximumMessageSize"]) == ("7", "1048576")
    cli.run(
        "sqs",
        "add-permission",
        "--queue-url",
        url,
        "--label",
        "l",
        "--aws-account-ids",
        "111122223333",
        "--actions",
        "SendMessage",
    )
    cli.run("sqs", "remove-permission", "--queue-url", url, "--label", "l")
    cli.run("sqs", "purge-queue", "--queue-url", url)


def lists(cli):
    prefix = expect.name("cli-list")
    urls = sorted(cli.json("sqs", "create-queue", "--queue-name", f"{prefix}-{i}")["QueueUrl"] for i in range(3))
    listed = cli.json("sqs", "list-queues", "--queue-name-prefix", prefix, "--page-size", "2")
    assert sorted(listed["QueueUrls"]) == urls


def errors(cli):
    done = cli.run("sqs", "get-queue-url", "--queue-name", expect.name(), check=False)
    assert done.returncode not in (0, 1)
    assert "(AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation" in done.stderr
    done = cli.run("sqs", "create-queue", "--queue-name", "not a name", check=False)
    assert "(InvalidParameterValue) when calling the CreateQueue operation" in done.stderr
    done = cli.run("sts", "decode-authorization-message", "--encoded-message", "nonsense", check=False)
    assert "(InvalidAuthorizationMessageException)" in done.stderr


class Files:
    """Bytes for the CLI, which reads them from files whatever its version takes for a blob."""

    def __init__(self, folder):
        self.folder = folder

    def of(self, data):
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            file.write(data)
        return f"fileb://{file.name}"

    def of_base64(self, text):
        return self.of(base64.b64decode(text))


def life_of_a_key(cli):
    key = cli.json("kms", "create-key", "--description", "cli", "--tags", "TagKey=a,TagValue=b")["KeyMetadata"]["Arn"]
    alias = f"alias/{expect.name('cli')}"
    cli.run("kms", "create-alias", "--alias-name", alias, "--target-key-id", key)
    assert cli.json("kms", "list-aliases", "--key-id", key)["Aliases"][0]["AliasName"] == alias
    assert cli.json("kms", "list-resource-tags", "--key-id", key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    policy = json.loads(cli.json("kms", "get-key-policy", "--key-id", key, "--policy-name", "default")["Policy"])
    assert policy["Statement"][0]["Action"] == "kms:*"
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        context = ("--encryption-context", "purpose=test")
        made = cli.json(
            "kms", "encrypt", "--key-id", alias, "--plaintext", files.of("f\u00f6g".encode() + b"\0"), *context
        )
        sealed = files.of_base64(made["CiphertextBlob"])
        got = cli.json("kms", "decrypt", "--ciphertext-blob", sealed, *context)
        assert (got["KeyId"], base64.b64decode(got["Plaintext"])) == (key, "f\u00f6g".encode() + b"\0")
        done = cli.run("kms", "decrypt", "--ciphertext-blob", sealed, check=False)
        assert "(InvalidCiphertextException) when calling the Decrypt operation" in done.stderr
    assert len(base64.b64decode(cli.json("kms", "generate-random", "--number-of-bytes", "32")["Plaintext"])) == 32
    cli.run("kms", "enable-key-rotation", "--key-id", key)
    assert cli.json("kms", "get-key-rotation-status", "--key-id", key)["KeyRotationEnabled"] is True
    gone = cli.json("kms", "schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert gone["KeyState"] == "PendingDeletion"


def signatures(cli):
    spec = ("--key-spec", "RSA_2048", "--key-usage", "SIGN_VERIFY")
    key = cli.json("kms", "create-key", *spec)["KeyMetadata"]["KeyId"]
    assert len(base64.b64decode(cli.json("kms", "get-public-key", "--key-id", key)["PublicKey"])) == 294
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        given = ("--key-id", key, "--signing-algorithm", "RSASSA_PSS_SHA_256", "--message", files.of(b"message"))
        signature = files.of_base64(cli.json("kms", "sign", *given)["Signature"])
        assert cli.json("kms", "verify", *given, "--signature", signature)["SignatureValid"] is True
        done = cli.run("kms", "verify", *given, "--signature", files.of(b"none"), check=False)
        assert "(KMSInvalidSignatureException) when calling the Verify operation" in done.stderr


BARE = [identity, life_of_a_message, fifo_and_batches, attributes, lists, errors, life_of_a_key, signatures]
# The wrapper only adds arguments; what differs is covered by fewer starts.
WRAPPED = [identity, fifo_and_batches, errors]
CASES = [("bare", s) for s in BARE] + [("fogbank aws", s) for s in WRAPPED]


def case_id(value):
    return value if isinstance(value, str) else value.__name__
