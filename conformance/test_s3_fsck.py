"""Rot: a flipped byte on the disk is never returned, and `fogbank fsck` names what it hit."""

import os
import pathlib
import re
import threading
import time

import pytest

import conftest
import expect
import server as servers

LARGE = os.urandom(512 * 1024)


@pytest.fixture
def kept(durable):
    """A stopped cloud that keeps a small and a large object; (start, data folder, bucket)."""
    running = durable()
    s3 = conftest.make_client(running.endpoint, "s3")
    bucket = expect.name(prefix="fsck")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    s3.put_object(Bucket=bucket, Key="folder/large", Body=LARGE)
    data = pathlib.Path(running.arguments[running.arguments.index("--data") + 1])
    assert running.stop() == 0
    return durable, data, bucket


def fsck(data, *arguments):
    return servers.run("fsck", "--data", str(data), *arguments, check=False)


def blobs(data):
    return [path for path in (data / "objects" / "blobs").rglob("*") if path.is_file() and path.stat().st_size > len(LARGE) // 2]


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_a_whole_cloud_is_clean(kept):
    _, data, _ = kept
    done = fsck(data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"2 versions and parts of objects, {len(LARGE) + 5} bytes\n0 rotten, 0 missing\n")


def test_a_flipped_byte_is_found_and_never_returned(kept):
    start, data, bucket = kept
    [large] = blobs(data)
    flip(large, len(LARGE) // 2)
    done = fsck(data)
    assert done.returncode == 1
    assert f"s3://{bucket}/folder/large" in done.stderr and "1 rotten, 0 missing" in done.stderr
    s3 = conftest.make_client(start().endpoint, "s3")
    assert s3.get_object(Bucket=bucket, Key="small")["Body"].read() == b"small"
    with pytest.raises(Exception) as failed:
        s3.get_object(Bucket=bucket, Key="folder/large")["Body"].read()
    assert "NoSuchKey" not in str(failed.value)


def test_what_is_missing_is_told_from_what_is_rotten(kept):
    _, data, bucket = kept
    [large] = blobs(data)
    large.unlink()
    done = fsck(data)
    assert done.returncode == 1
    assert f"s3://{bucket}/folder/large" in done.stderr and "0 rotten, 1 missing" in done.stderr


def test_a_running_cloud_is_left_alone(kept):
    start, data, _ = kept
    start()
    done = fsck(data)
    assert done.returncode == 1 and "in use" in done.stderr


def test_the_scrubber_tells_of_rot_while_the_cloud_runs(kept):
    start, data, bucket = kept
    [large] = blobs(data)
    flip(large, len(LARGE) // 2)
    running = start()
    running.advance("8d")
    # Once for the round that was due at the start, if that came first.
    expect.eventually(running.output, lambda output: "folder/large" in output)
    assert "small" not in running.output()
    s3 = conftest.make_client(running.endpoint, "s3")
    assert s3.get_object(Bucket=bucket, Key="small")["Body"].read() == b"small"


def orphans(done):
    return int(re.search(r"(\d+) pieces that nobody refers to", done.stdout)[1])


def test_what_a_crash_left_is_swept_after_the_next_start(durable):
    """Content that was written, and whose record was not: some crashes leave it, and no sweep frees anything else."""
    taken = {}

    def upload(s3, number):
        for round in range(1000):
            key = f"{number}-{round}-{len(taken)}"
            try:
                s3.put_object(Bucket=bucket, Key=key, Body=LARGE)
            except Exception:
                return
            taken[key] = True

    running = durable()
    data = pathlib.Path(running.arguments[running.arguments.index("--data") + 1])
    bucket = expect.name(prefix="sweep")
    conftest.make_client(running.endpoint, "s3").create_bucket(Bucket=bucket)
    left = 0
    for _ in range(4):
        s3, before = conftest.make_client(running.endpoint, "s3"), len(taken)
        threads = [threading.Thread(target=upload, args=(s3, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        expect.eventually(lambda: len(taken), lambda many: many >= before + 12)
        running.kill()
        for thread in threads:
            thread.join()
        left = max(left, orphans(fsck(data)))
        running = durable()
    # The sweep after a crash is at once, and what it looks at is old, since it is another process's.
    s3 = conftest.make_client(running.endpoint, "s3")
    time.sleep(1)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert set(taken) <= {entry["Key"] for page in pages for entry in page["Contents"]}
    assert running.stop() == 0
    done = fsck(data)
    assert (done.returncode, orphans(done)) == (0, 0), f"{left} before\n{done.stdout}{done.stderr}"
