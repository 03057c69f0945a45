"""Programs that people use with S3, unmodified: rclone, s3cmd, restic, s3fs and pyarrow."""

import hashlib
import pathlib
import textwrap

import pytest

import expect
import installed

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
MIB = 1024 * 1024


def program(name):
    path, why_not = installed.find(name)
    if path is None:
        pytest.skip(why_not)
    return path


def python(module):
    path, why_not = installed.clients_python(module)
    if path is None:
        pytest.skip(why_not)
    return path


@pytest.fixture
def tree(tmp_path):
    """A folder with names that need care, an empty file, and a file that is uploaded in parts."""
    root = tmp_path / "tree"
    for path, content in {
        "plain.txt": b"plain",
        "empty": b"",
        "a folder/with space & ampersand.txt": b"x" * 1000,
        "a folder/ünïcödé+plus.txt": b"y" * 2000,
        "deep/er/and/deeper.bin": bytes(range(256)) * 64,
        "large.bin": hashlib.sha256(b"seed").digest() * (12 * MIB // 32),
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def contents(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in pathlib.Path(root).rglob("*")
        if path.is_file()
    }


# ---- rclone ----------------------------------------------------------------------------


@pytest.fixture
def rclone(server, tmp_path):
    settings = {
        "TYPE": "s3",
        # The provider AWS would put buckets into host names, which nobody resolves here.
        "PROVIDER": "Other",
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "REGION": "us-east-1",
        "ENDPOINT": server.endpoint,
        "FORCE_PATH_STYLE": "true",
        "CHUNK_SIZE": "5Mi",
        "UPLOAD_CUTOFF": "8Mi",
    }
    environment = {f"RCLONE_CONFIG_FOG_{name}": value for name, value in settings.items()}
    return installed.Program(program("rclone"), RCLONE_CONFIG=str(tmp_path / "none.conf"), **environment)


def test_rclone_copies_checks_syncs_and_purges(rclone, bucket, tree, tmp_path):
    # This version of rclone always sends `x-amz-acl: private`, which a bucket without ACLs refuses, at AWS as well.
    bucket = bucket(ObjectOwnership="ObjectWriter")
    there = f"fog:{bucket}/backup"
    rclone("copy", str(tree), there)
    rclone("check", str(tree), there)
    rclone("check", "--download", str(tree), there)
    (tree / "plain.txt").write_bytes(b"changed")
    (tree / "empty").unlink()
    rclone("sync", str(tree), there)
    rclone("check", str(tree), there)
    assert sorted(rclone("lsf", "--recursive", "--files-only", there).splitlines()) == sorted(contents(tree))
    assert rclone("cat", "--offset", "256", "--count", "4", f"{there}/deep/er/and/deeper.bin") == "\x00\x01\x02\x03"
    rclone("copy", there, str(tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(tree)
    rclone("moveto", f"{there}/plain.txt", f"{there}/moved.txt")
    assert rclone("cat", f"{there}/moved.txt") == "changed"
    rclone("purge", f"fog:{bucket}")
    assert bucket not in rclone("lsd", "fog:")


# ---- s3cmd -----------------------------------------------------------------------------


@pytest.fixture
def s3cmd(server, tmp_path):
    host = server.endpoint.removeprefix("http://")
    config = tmp_path / "s3cfg"
    config.write_text(
        textwrap.dedent(f"""
            [default]
            access_key = test
            secret_key = test
            host_base = {host}
            host_bucket = {host}
            use_https = False
            bucket_location = us-east-1
            multipart_chunk_size_mb = 5
        """)
    )
    return installed.Program(program("s3cmd"), ("--config", str(config), "--no-progress"))


def test_s3cmd_makes_buckets_puts_gets_syncs_and_deletes(s3cmd, tree, tmp_path):
    bucket = f"s3://{expect.name(prefix='s3cmd')}"
    s3cmd("mb", bucket)
    assert bucket in s3cmd("ls")
    s3cmd("put", str(tree / "plain.txt"), f"{bucket}/plain.txt", "--add-header=x-amz-meta-colour:grey")
    s3cmd("put", str(tree / "large.bin"), f"{bucket}/large.bin")
    info = s3cmd("info", f"{bucket}/plain.txt")
    assert "x-amz-meta-colour: grey" in info and "MD5 sum" in info
    s3cmd("get", f"{bucket}/large.bin", str(tmp_path / "large.bin"))
    assert (tmp_path / "large.bin").read_bytes() == (tree / "large.bin").read_bytes()
    # Without this it copies the list of grants, too, which a bucket without ACLs refuses, at AWS as well.
    s3cmd("cp", "--acl-private", f"{bucket}/plain.txt", f"{bucket}/copy.txt")
    s3cmd("mv", "--acl-private", f"{bucket}/copy.txt", f"{bucket}/a folder/moved.txt")
    s3cmd("sync", f"{tree}/", f"{bucket}/tree/")
    assert "upload" not in s3cmd("sync", f"{tree}/", f"{bucket}/tree/")
    s3cmd("sync", f"{bucket}/tree/", f"{tmp_path}/back/")
    assert contents(tmp_path / "back") == contents(tree)
    listed = s3cmd("ls", "--recursive", bucket)
    assert "a folder/moved.txt" in listed and "ünïcödé+plus.txt" in listed
    s3cmd("del", "--recursive", "--force", bucket)
    s3cmd("rb", bucket)
    assert bucket not in s3cmd("ls")


def test_s3cmd_sets_policies_lifecycles_and_cors(s3cmd, tmp_path):
    bucket = expect.name(prefix="s3cmd")
    s3cmd("mb", f"s3://{bucket}")
    policy = tmp_path / "policy.json"
    policy.write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},'
        f' "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*"}}]}}'
    )
    s3cmd("setpolicy", str(policy), f"s3://{bucket}")
    s3cmd("expire", "--expiry-days=30", "--expiry-prefix=logs/", f"s3://{bucket}")
    info = s3cmd("info", f"s3://{bucket}")
    assert "s3:GetObject" in info and "Expiration" in info
    s3cmd("delpolicy", f"s3://{bucket}")
    s3cmd("rb", f"s3://{bucket}")


# ---- restic ----------------------------------------------------------------------------


def test_restic_backs_up_checks_restores_and_prunes(server, tree, tmp_path):
    bucket = expect.name(prefix="restic")
    restic = installed.Program(
        program("restic"),
        ("--cache-dir", str(tmp_path / "cache")),
        RESTIC_REPOSITORY=f"s3:{server.endpoint}/{bucket}/repository",
        RESTIC_PASSWORD="pass-w0rd",
        **KEYS,
    )
    restic("init")
    restic("backup", ".", cwd=tree)
    before = contents(tree)
    (tree / "plain.txt").write_bytes(b"changed")
    (tree / "large.bin").write_bytes(b"smaller")
    restic("backup", ".", cwd=tree)
    restic("check", "--read-data")
    first = restic("snapshots", "--compact").splitlines()[2].split()[0]
    restic("restore", first, "--target", str(tmp_path / "first"))
    restic("restore", "latest", "--target", str(tmp_path / "latest"))
    assert contents(tmp_path / "first") == before
    assert contents(tmp_path / "latest") == contents(tree)
    restic("forget", "--keep-last", "1", "--prune")
    restic("check", "--read-data")


# ---- Python ----------------------------------------------------------------------------


def test_s3fs_is_a_file_system(server, tree):
    script = textwrap.dedent("""
        import os, sys, s3fs

        endpoint, bucket, tree = sys.argv[1:]
        fs = s3fs.S3FileSystem(endpoint_url=endpoint, skip_instance_cache=True)
        fs.mkdir(bucket)
        fs.put(tree + "/", bucket + "/tree/", recursive=True)
        found = fs.find(bucket + "/tree")
        assert len(found) == 6, found
        assert fs.info(bucket + "/tree/plain.txt")["size"] == 5
        assert fs.cat_file(bucket + "/tree/deep/er/and/deeper.bin", start=256, end=260) == bytes([0, 1, 2, 3])
        assert sorted(path.rsplit("/", 1)[1] for path in fs.glob(bucket + "/tree/*/*.txt")) == [
            "with space & ampersand.txt", "ünïcödé+plus.txt"]
        with fs.open(bucket + "/written.bin", "wb", block_size=5 * 2**20) as file:
            for number in range(12):
                file.write(bytes([number]) * 2**20)
        with fs.open(bucket + "/written.bin", "rb") as file:
            file.seek(11 * 2**20)
            assert file.read(2) == bytes([11, 11])
        fs.mv(bucket + "/written.bin", bucket + "/moved.bin")
        assert fs.exists(bucket + "/moved.bin") and not fs.exists(bucket + "/written.bin")
        fs.rm(bucket + "/tree", recursive=True)
        assert fs.ls(bucket, refresh=True) == [bucket + "/moved.bin"]
        try:
            fs.cat_file(bucket + "/nothing")
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("there is nothing")
        fs.rm(bucket, recursive=True)
    """)
    run = installed.Program(python("s3fs"), **KEYS)
    run("-c", script, server.endpoint, expect.name(prefix="s3fs"), str(tree))


def test_pyarrow_writes_datasets_and_reads_parts_of_them(server):
    script = textwrap.dedent("""
        import sys
        import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
        from pyarrow import fs

        endpoint, bucket = sys.argv[1:]
        s3 = fs.S3FileSystem(endpoint_override=endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True,
                              allow_bucket_deletion=True)
        s3.create_dir(bucket)
        count = 200_000
        table = pa.table({
            "number": range(count),
            "kind": ["even" if number % 2 == 0 else "odd" for number in range(count)],
            "text": [f"row {number}" for number in range(count)],
        })
        ds.write_dataset(table, bucket + "/rows", format="parquet", partitioning=["kind"], filesystem=s3,
                         partitioning_flavor="hive", max_rows_per_group=10_000)
        rows = ds.dataset(bucket + "/rows", format="parquet", filesystem=s3, partitioning="hive")
        assert rows.count_rows() == count
        few = rows.to_table(columns=["number"], filter=(ds.field("kind") == "odd") & (ds.field("number") < 100))
        assert sorted(few["number"].to_pylist()) == list(range(1, 100, 2))
        # A reader that wants one column of one group asks for ranges: the footer first, then what it points to.
        path = bucket + "/one.parquet"
        pq.write_table(table, path, filesystem=s3, row_group_size=20_000)
        with s3.open_input_file(path) as file:
            parquet = pq.ParquetFile(file)
            assert parquet.num_row_groups == 10
            assert parquet.read_row_group(7, columns=["number"])["number"][0].as_py() == 140_000
        infos = s3.get_file_info(fs.FileSelector(bucket, recursive=True))
        assert {info.base_name for info in infos if info.type == fs.FileType.Directory} == {"rows", "kind=even", "kind=odd"}
        s3.delete_dir(bucket)
    """)
    run = installed.Program(python("pyarrow"), **KEYS)
    run("-c", script, server.endpoint, expect.name(prefix="arrow"))
