"""Encrypted queues: nothing readable on the disk, and whose permission on a key counts, and what KMS's refusals become."""

import base64
import hashlib
import json
import pathlib
import re

import pytest

import expect
import keys
from conftest import make_client
from expect import fails

MARKER = "marker-of-what-nobody-may-find"
GUEST = "210987654321"
SENDER = ["kms:GenerateDataKey", "kms:Decrypt"]
PASSED_ON = r" \(Service: AWSKMS; Status Code: 400; Error Code: {}; Request ID: [0-9a-f-]{{36}}; Proxy: null\)$"


def passed_on(error, said=".*"):
    """What SQS makes of an error of KMS."""
    return re.compile(said + PASSED_ON.format(error))


# ---- on the disk -----------------------------------------------------------------------


def found(folder, *needles):
    """The needles that lie somewhere in the folder's files, in any of the forms they might have been copied in."""
    forms = {needle: (needle, base64.b64encode(needle)[4:-4], needle.hex().encode()) for needle in needles}
    seen = set()
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            seen |= {needle for needle, all in forms.items() if any(form in content for form in all)}
    return seen


class Cloud:
    """A cloud on a folder, with a way to pull its plug."""

    def __init__(self, durable):
        self._start = durable
        self.server = durable()
        self.folder = self.server.arguments[-1]

    def crash(self):
        self.server.kill()
        self.server = self._start(port=self.server.port)

    def client(self, service="sqs"):
        return make_client(self.server.endpoint, service)


@pytest.fixture
def cloud(durable):
    return Cloud(durable)


def body(kind):
    return f"{MARKER}-in-a-{kind}-body"


def plant(sqs, url, kind):
    """Sends a message with a marker in each place; returns what must not be found."""
    attribute, trace = f"{MARKER}-in-a-{kind}-attribute", f"Root={MARKER}-in-a-{kind}-trace"
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body(kind),
        MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": attribute.encode()}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": trace}},
    )
    digest = hashlib.md5(body(kind).encode()).digest()
    return [body(kind).encode(), attribute.encode(), trace.encode(), digest]


def test_nothing_readable_lies_on_the_disk(cloud):
    sqs = cloud.client()
    key = keys.make(cloud.client("kms"))
    settings = {
        "default": {},
        "customer": {"KmsMasterKeyId": key},
        "aws": {"KmsMasterKeyId": "alias/aws/sqs"},
        "open": {"SqsManagedSseEnabled": "false"},
    }
    urls = {kind: sqs.create_queue(QueueName=kind, Attributes=given)["QueueUrl"] for kind, given in settings.items()}
    planted = {kind: plant(sqs, url, kind) for kind, url in urls.items()}
    readable = set(planted.pop("open"))
    secret = {needle for needles in planted.values() for needle in needles}
    assert found(cloud.folder, *readable) == readable, "the search would find it"
    assert found(cloud.folder, *secret) == set()
    cloud.crash()
    assert found(cloud.folder, *secret) == set()
    sqs = cloud.client()
    for kind, url in urls.items():
        message = expect.receive_one(sqs, url, MessageAttributeNames=["All"], AttributeNames=["All"])
        assert message["Body"] == body(kind)
        assert message["MessageAttributes"]["a"]["BinaryValue"] == f"{MARKER}-in-a-{kind}-attribute".encode()
        assert message["Attributes"]["AWSTraceHeader"] == f"Root={MARKER}-in-a-{kind}-trace"
    assert found(cloud.folder, *secret) == set()


def test_dead_letters_are_readable_after_a_crash_and_without_their_queue(cloud):
    sqs = cloud.client()
    dead = sqs.create_queue(QueueName="dead", Attributes={"SqsManagedSseEnabled": "false"})["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": expect.arn_of(sqs, dead), "maxReceiveCount": 1})
    source = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    source = source["QueueUrl"]
    secret = plant(sqs, source, "default")
    expect.receive_one(sqs, source)
    assert "Messages" not in sqs.receive_message(QueueUrl=source)
    sqs.delete_queue(QueueUrl=source)
    cloud.crash()
    assert expect.receive_one(cloud.client(), dead)["Body"] == body("default")
    assert found(cloud.folder, *secret) == set()


# ---- permissions -----------------------------------------------------------------------


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def home(people, account):
    """An account with a key, and a queue that is encrypted with it."""

    class Home:
        def __init__(self):
            self.account = account
            self.sqs = people.root(account, "sqs")
            self.kms = people.root(account, "kms")
            self.key = keys.make(self.kms)
            self.url = self.queue(self.key)

        def queue(self, key, **attributes):
            given = {"KmsMasterKeyId": key, **attributes}
            return self.sqs.create_queue(QueueName=expect.name(), Attributes=given)["QueueUrl"]

        def user(self, *may):
            """A client of SQS that may do all of it, and some of KMS."""
            return people.user(account, service="sqs", action=["sqs:*", *may])[0]

    return Home()


def send(sqs, url, text="hello"):
    return sqs.send_message(QueueUrl=url, MessageBody=text)


def send_batch(sqs, url):
    return sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "e", "MessageBody": "hello"}])


def receive(sqs, url, **more):
    return sqs.receive_message(QueueUrl=url, **more).get("Messages", [])


def test_who_may_send_and_who_may_receive(home):
    send(home.user(*SENDER), home.url)
    for half, lacks in [(["kms:GenerateDataKey"], "kms:Decrypt"), (["kms:Decrypt"], "kms:GenerateDataKey"), ([], "kms:")]:
        refused = fails("KMS.AccessDeniedException", passed_on("AccessDeniedException", f".*{lacks}.*"))
        with refused:
            send(home.user(*half), home.url)
        with fails("KMS.AccessDeniedException"):
            send_batch(home.user(*half), home.url)
    for lacking in ([], ["kms:GenerateDataKey"]):
        user = home.user(*lacking)
        for waiting in ({}, {"WaitTimeSeconds": 1}):
            with fails("KMS.AccessDeniedException", passed_on("AccessDeniedException")):
                receive(user, home.url, **waiting)
    got = receive(home.user("kms:Decrypt"), home.url, AttributeNames=["All"])[0]
    assert (got["Body"], got["Attributes"]["ApproximateReceiveCount"]) == ("hello", "1")


def test_the_class_of_the_error_is_the_shapes(home):
    nobody = home.user()
    with pytest.raises(nobody.exceptions.KmsAccessDenied):
        send(nobody, home.url)


def test_a_denial_beats_a_cached_key_of_another(home):
    trusted, nobody = home.user("kms:*"), home.user()
    for _ in range(3):
        send(trusted, home.url)
        assert receive(trusted, home.url)
        with fails("KMS.AccessDeniedException"):
            send(nobody, home.url)
        send(trusted, home.url)
        with fails("KMS.AccessDeniedException"):
            receive(nobody, home.url)


def test_aws_own_key_lets_everyone_in_who_may_use_the_queue(home, people):
    url = home.queue("alias/aws/sqs")
    plain = home.user()
    send(plain, url)
    assert receive(plain, url)[0]["Body"] == "hello"
    found = keys.describe(home.kms, "alias/aws/sqs")
    assert (found["KeyManager"], found["KeyState"]) == ("AWS", "Enabled")


def test_a_key_of_another_account(home, people):
    other = people.root(GUEST, "kms")
    policy = keys.policy(keys.statement(GUEST), keys.statement(home.account, SENDER))
    shared = keys.make(other, Policy=policy)
    url = home.queue(shared)
    user = home.user(*SENDER)
    send(user, url)
    assert receive(user, url)[0]["Body"] == "hello"
    url = home.queue(keys.make(other))
    with fails("KMS.AccessDeniedException"):
        send(home.user("kms:*"), url)


def test_a_foreign_consumer_needs_the_queue_and_the_key(home, people):
    guest, arn = people.user(GUEST, service="sqs", action=["sqs:*", "kms:*"])
    queue_arn = expect.arn_of(home.sqs, home.url)
    policy = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sqs:ReceiveMessage", "Resource": queue_arn}
        ]
    }
    home.sqs.set_queue_attributes(QueueUrl=home.url, Attributes={"Policy": json.dumps(policy)})
    send(home.sqs, home.url)
    with fails("KMS.AccessDeniedException"):
        receive(guest, home.url)
    allowing = keys.policy(keys.statement(home.account), keys.statement(arn, "kms:Decrypt"))
    home.kms.put_key_policy(KeyId=home.key, PolicyName="default", Policy=allowing)
    assert receive(guest, home.url)[0]["Body"] == "hello"


def test_conditions_on_the_queue_and_on_the_way(home):
    url, other = home.queue(home.key), home.queue(home.key)
    arn = expect.arn_of(home.sqs, url)
    condition = {
        "StringEquals": {
            "kms:EncryptionContext:aws:sqs:arn": arn,
            "kms:ViaService": "sqs.us-east-1.amazonaws.com",
        }
    }
    policy = keys.policy(keys.statement(home.account), keys.statement("*", SENDER, Condition=condition))
    home.kms.put_key_policy(KeyId=home.key, PolicyName="default", Policy=policy)
    plain = home.user()
    send(plain, url)
    assert receive(plain, url)
    with fails("KMS.AccessDeniedException"):
        send(plain, other)


# ---- time and state --------------------------------------------------------------------


def test_a_data_key_is_used_for_its_period(home, clock_advance):
    url = home.queue(home.key, KmsDataKeyReusePeriodSeconds="60")
    send(home.sqs, url)
    home.kms.disable_key(KeyId=home.key)
    send(home.sqs, url)
    clock_advance("61s")
    for attempt in (send, send_batch, receive):
        with fails("KMS.DisabledException", passed_on("DisabledException", ".* is disabled\\.")):
            attempt(home.sqs, url)
    home.kms.enable_key(KeyId=home.key)
    assert len(receive(home.sqs, url, MaxNumberOfMessages=10)) == 2


def test_a_key_that_is_to_be_deleted(home, clock_advance):
    send(home.sqs, home.url)
    home.kms.schedule_key_deletion(KeyId=home.key, PendingWindowInDays=7)
    clock_advance("301s")
    for attempt in (send, send_batch, receive):
        with fails("KMS.InvalidStateException", passed_on("KMSInvalidStateException")):
            attempt(home.sqs, home.url)


def test_a_key_that_is_gone(home, clock_advance):
    url = home.queue(home.key, MessageRetentionPeriod="1209600")
    send(home.sqs, url)
    home.kms.schedule_key_deletion(KeyId=home.key, PendingWindowInDays=7)
    clock_advance("7d1h")
    # KMS does not say which key a ciphertext is of that it cannot decrypt.
    with fails("KMS.AccessDeniedException", passed_on("AccessDeniedException", "The ciphertext refers to .*")):
        receive(home.sqs, url)
    home.sqs.purge_queue(QueueUrl=url)
    assert receive(home.sqs, url) == [], "what nobody can read can still be thrown away"


@pytest.mark.parametrize("key", ["12345678-1234-1234-1234-123456789012", "alias/nothing"])
def test_a_key_that_is_not_there(home, key):
    url = home.queue(key)
    for attempt in (send, send_batch):
        with fails("KMS.NotFoundException", passed_on("NotFoundException")):
            attempt(home.sqs, url)
    assert receive(home.sqs, url) == [], "an empty queue needs no key"


def test_a_key_for_something_else(home):
    url = home.queue(keys.make(home.kms, **keys.KINDS["signing"]))
    for attempt in (send, send_batch):
        with fails("KMS.InvalidKeyUsageException", passed_on("InvalidKeyUsageException")):
            attempt(home.sqs, url)


def test_switching_is_about_new_messages(home):
    url = home.sqs.create_queue(QueueName=expect.name())["QueueUrl"]
    texts = []
    for number, change in enumerate([
        {"SqsManagedSseEnabled": "false"},
        {"KmsMasterKeyId": home.key},
        {"SqsManagedSseEnabled": "true"},
        {"KmsMasterKeyId": "alias/aws/sqs"},
        {"KmsMasterKeyId": ""},
    ]):
        home.sqs.set_queue_attributes(QueueUrl=url, Attributes=change)
        texts.append(str(number))
        send(home.sqs, url, texts[-1])
    assert expect.bodies(receive(home.sqs, url, MaxNumberOfMessages=10)) == texts


def test_messages_that_cannot_be_read_do_not_hold_up_others(home):
    url = home.queue(home.key)
    send(home.sqs, url, "by the key")
    home.sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    send(home.sqs, url, "by SQS")
    plain = home.user()
    assert expect.bodies(receive(plain, url, MaxNumberOfMessages=10)) == ["by SQS"]
    with fails("KMS.AccessDeniedException"):
        receive(plain, url)
    assert expect.bodies(receive(home.sqs, url)) == ["by the key"]
