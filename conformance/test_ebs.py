"""The EBS direct APIs through boto3 and the CLI: a disk's bytes become a snapshot and come back."""

import base64
import hashlib
import os

import pytest

import cli as clis
from expect import fails

BLOCK = 512 * 1024


@pytest.fixture
def ebs(client):
    return client("ebs")


@pytest.fixture
def ec2(client):
    return client("ec2")


def checksum(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def linear(blocks):
    return checksum(b"".join(hashlib.sha256(data).digest() for data in blocks))


@pytest.fixture
def upload(ebs, ec2):
    """upload({index: bytes}) makes a completed snapshot of them and gives its id."""

    def make(blocks, **given):
        snapshot = ebs.start_snapshot(**({"VolumeSize": 1} | given))["SnapshotId"]
        for index, data in blocks.items():
            put(ebs, snapshot, index, data)
        ebs.complete_snapshot(
            SnapshotId=snapshot,
            ChangedBlocksCount=len(blocks),
            Checksum=linear([blocks[index] for index in sorted(blocks)]),
            ChecksumAlgorithm="SHA256",
            ChecksumAggregationMethod="LINEAR",
        )
        ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        return snapshot

    return make


def put(ebs, snapshot, index, data, **given):
    return ebs.put_snapshot_block(
        **{
            "SnapshotId": snapshot,
            "BlockIndex": index,
            "BlockData": data,
            "DataLength": len(data),
            "Checksum": checksum(data),
            "ChecksumAlgorithm": "SHA256",
        }
        | given
    )


def blocks_of(ebs, snapshot):
    """Every block's index and token, page by page."""
    found, token = {}, {}
    while True:
        page = ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=100, **token)
        found |= {block["BlockIndex"]: block["BlockToken"] for block in page["Blocks"]}
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_bytes_come_back_as_they_went(ebs, upload):
    data = {0: os.urandom(BLOCK), 3: b"\0" * BLOCK, 2047: os.urandom(BLOCK)}
    snapshot = upload(data)
    tokens = blocks_of(ebs, snapshot)
    assert sorted(tokens) == [0, 3, 2047]
    for index, token in tokens.items():
        block = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockToken=token)
        assert block["DataLength"] == BLOCK
        assert block["ChecksumAlgorithm"] == "SHA256"
        body = block["BlockData"].read()
        assert body == data[index] and block["Checksum"] == checksum(body)


def test_a_put_is_answered_with_its_checksum_and_201(ebs):
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    data = os.urandom(BLOCK)
    answer = put(ebs, snapshot, 1, data)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["Checksum"] == checksum(data)
    done = ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=1)
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 202 and done["Status"] == "pending"


def test_an_error_has_its_reason(ebs):
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    data = os.urandom(BLOCK)
    for given, reason in [
        ({"Checksum": checksum(b"")}, "INVALID_PARAMETER_VALUE"),
        ({"BlockIndex": 2048}, "INVALID_BLOCK"),
    ]:
        with pytest.raises(ebs.exceptions.ValidationException) as caught:
            put(ebs, snapshot, 0, data, **given)
        assert caught.value.response["Reason"] == reason
    with pytest.raises(ebs.exceptions.ResourceNotFoundException) as caught:
        ebs.list_snapshot_blocks(SnapshotId="snap-00000000000000000")
    assert caught.value.response["Reason"] == "SNAPSHOT_NOT_FOUND"


def test_changes_between_a_parent_and_its_child(ebs, upload):
    old, new = os.urandom(BLOCK), os.urandom(BLOCK)
    parent = upload({0: old, 1: old})
    child = upload({1: new, 5: new}, ParentSnapshotId=parent)
    changes = ebs.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)["ChangedBlocks"]
    assert [change["BlockIndex"] for change in changes] == [1, 5]
    assert "FirstBlockToken" not in changes[1]
    token = changes[0]["SecondBlockToken"]
    assert ebs.get_snapshot_block(SnapshotId=child, BlockIndex=1, BlockToken=token)["BlockData"].read() == new
    assert sorted(blocks_of(ebs, child)) == [0, 1, 5]


def test_the_tokens_of_one_account_open_nothing_for_another(ebs, upload, client):
    snapshot = upload({0: os.urandom(BLOCK)})
    token = blocks_of(ebs, snapshot)[0]
    other = client("ebs", account="999999999999")
    with fails("ResourceNotFoundException", status=404):
        other.get_snapshot_block(SnapshotId=snapshot, BlockIndex=0, BlockToken=token)


def test_the_cli_writes_and_reads_a_block(server, tmp_path):
    path, why = clis.version_1()
    if path is None:
        pytest.skip(why)
    aws = clis.Cli(server, path, through_fogbank=False)
    data = os.urandom(BLOCK)
    source, target = tmp_path / "block", tmp_path / "read"
    source.write_bytes(data)
    snapshot = aws.json("ebs", "start-snapshot", "--volume-size", "1")["SnapshotId"]
    common = ["--snapshot-id", snapshot]
    sha256 = ["--checksum-algorithm", "SHA256"]
    at = [*common, "--block-index", "4"]
    body = ["--data-length", str(BLOCK), "--block-data", str(source), "--checksum", checksum(data)]
    aws.json("ebs", "put-snapshot-block", *at, *body, *sha256)
    end = ["--changed-blocks-count", "1", "--checksum", linear([data]), "--checksum-aggregation-method", "LINEAR"]
    aws.json("ebs", "complete-snapshot", *common, *end, *sha256)
    aws.run("ec2", "wait", "snapshot-completed", "--snapshot-ids", snapshot)
    token = aws.json("ebs", "list-snapshot-blocks", *common)["Blocks"][0]["BlockToken"]
    aws.json("ebs", "get-snapshot-block", *at, "--block-token", token, str(target))
    assert target.read_bytes() == data


MISSING = "snap-0123456789abcdef0"


def test_what_is_not_there_is_not_found(ebs, upload):
    there = upload({0: b"x" * BLOCK})
    with fails("ResourceNotFoundException", status=404):
        put(ebs, MISSING, 0, b"x" * BLOCK)
    with fails("ResourceNotFoundException", status=404):
        ebs.complete_snapshot(SnapshotId=MISSING, ChangedBlocksCount=0)
    with fails("ResourceNotFoundException", status=404):
        ebs.list_changed_blocks(FirstSnapshotId=there, SecondSnapshotId=MISSING)
    with fails("ResourceNotFoundException", status=404):
        ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=MISSING)


def test_a_token_stands_for_one_request(ebs):
    ebs.start_snapshot(VolumeSize=1, ClientToken="conformance-one")
    with fails("ConflictException", status=409):
        ebs.start_snapshot(VolumeSize=2, ClientToken="conformance-one")
    with fails("ValidationException"):
        ebs.start_snapshot(VolumeSize=1, Encrypted=False, KmsKeyArn="arn:aws:kms:us-east-1:000000000000:key/x")
