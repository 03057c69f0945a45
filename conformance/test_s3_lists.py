"""Lists of objects and versions, through boto3's paginators and the CLI."""

import pytest

import cli
import expect
import s3_raw
from expect import fails

KEYS = ["a b.txt", "a+b.txt", "folder/1", "folder/2", "folder/deep/3", "100%.csv", "한글/x", "z&<>\"'", "\u0001"]


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3):
    name = expect.name("b")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def filled(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(pages):
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def groups(pages):
    return [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]


def in_order(names):
    return sorted(names, key=str.encode)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 4, 1000])
def test_pages_show_every_key_once(s3, filled, operation, size):
    pages = list(s3.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size}))
    assert keys(pages) == in_order(KEYS)
    assert all(len(page.get("Contents", [])) <= size for page in pages)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pages_with_a_delimiter(s3, filled, operation, size):
    pages = s3.get_paginator(operation).paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size})
    pages = list(pages)
    assert keys(pages) == in_order(key for key in KEYS if "/" not in key)
    assert groups(pages) == ["folder/", "한글/"]
    pages = s3.get_paginator(operation).paginate(
        Bucket=filled, Delimiter="/", Prefix="folder/", PaginationConfig={"PageSize": size}
    )
    pages = list(pages)
    assert (keys(pages), groups(pages)) == (["folder/1", "folder/2"], ["folder/deep/"])


def test_what_a_list_of_version_2_says(s3, filled):
    page = s3.list_objects_v2(Bucket=filled, MaxKeys=2)
    assert (page["Name"], page["Prefix"], page["KeyCount"], page["MaxKeys"]) == (filled, "", 2, 2)
    assert page["IsTruncated"] and page["NextContinuationToken"]
    entry = page["Contents"][1]
    assert (entry["Key"], entry["Size"], entry["StorageClass"]) == ("100%.csv", 8, "STANDARD")
    assert entry["ETag"] == s3.head_object(Bucket=filled, Key="100%.csv")["ETag"]
    assert "Owner" not in entry
    page = s3.list_objects_v2(Bucket=filled, FetchOwner=True, StartAfter="folder/1")
    assert keys([page])[0] == "folder/2" and page["StartAfter"] == "folder/1"
    assert len(page["Contents"][0]["Owner"]["ID"]) == 64
    assert "Contents" not in s3.list_objects_v2(Bucket=filled, Prefix="nothing")


def test_what_a_list_of_version_1_says(s3, filled):
    page = s3.list_objects(Bucket=filled, MaxKeys=1)
    assert page["IsTruncated"] and "NextMarker" not in page and page["Marker"] == ""
    page = s3.list_objects(Bucket=filled, MaxKeys=1, Delimiter="/", Marker="a+b.txt")
    assert (groups([page]), page["NextMarker"]) == (["folder/"], "folder/")


def test_names_in_the_encoding_of_urls(s3, filled):
    page = s3.list_objects_v2(Bucket=filled, EncodingType="url", Delimiter="/", StartAfter="a")
    assert page["EncodingType"] == "url"
    assert keys([page]) == ["a+b.txt", "a%2Bb.txt", "z%26%3C%3E%22%27"]
    assert groups([page]) == ["folder/", "%ED%95%9C%EA%B8%80/"]
    with fails("InvalidArgument", "Invalid Encoding Method specified in Request"):
        s3.list_objects_v2(Bucket=filled, EncodingType="base64")


def test_limits_and_tokens_that_are_none(s3, filled):
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions):
        page = call(Bucket=filled, MaxKeys=0)
        assert not page["IsTruncated"] and "Contents" not in page and "Versions" not in page
        assert call(Bucket=filled, MaxKeys=5000)["MaxKeys"] == 1000
        with fails("InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647"):
            call(Bucket=filled, MaxKeys=-1)
    for token in ("garbage", ""):
        with fails("InvalidArgument", "The continuation token provided is incorrect") as seen:
            s3.list_objects_v2(Bucket=filled, ContinuationToken=token)
        assert seen[0].response["Error"]["ArgumentName"] == "continuation-token"


def test_no_such_bucket(s3):
    name = expect.name("none")
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions, s3.list_multipart_uploads):
        with fails("NoSuchBucket", "The specified bucket does not exist", status=404) as seen:
            call(Bucket=name)
        assert seen[0].response["Error"]["BucketName"] == name


@pytest.fixture
def versions(s3, bucket):
    """a (twice and deleted), b/1 (null, then twice), c: key and id as they are to be listed."""
    s3.put_object(Bucket=bucket, Key="b/1", Body=b"0")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = {}
    for key in ["a", "b/1", "a", "c", "b/1"]:
        made.setdefault(key, []).insert(0, s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"])
    made["a"].insert(0, s3.delete_object(Bucket=bucket, Key="a")["VersionId"])
    made["b/1"].append("null")
    return bucket, [(key, version) for key in sorted(made) for version in made[key]]


def entries(pages):
    """Versions and markers in the order that follows from their keys; boto3 has them in two lists."""
    return [
        (entry["Key"], entry["VersionId"], entry["IsLatest"])
        for page in pages
        for kind in ("DeleteMarkers", "Versions")
        for entry in page.get(kind, [])
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_of_versions(s3, versions, size):
    bucket, made = versions
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
    seen = entries(pages)
    assert [(key, version) for key, version, _ in seen] == made
    newest = {key: version for key, version in reversed(made)}
    assert all(latest == (newest[key] == version) for key, version, latest in seen)


def test_versions_with_a_delimiter_and_markers(s3, versions):
    bucket, made = versions
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert groups([page]) == ["b/"] and {key for key, *_ in entries([page])} == {"a", "c"}
    page = s3.list_object_versions(Bucket=bucket, KeyMarker="b/1", VersionIdMarker=made[3][1], MaxKeys=1)
    assert [(key, version) for key, version, _ in entries([page])] == [made[4]]
    assert (page["NextKeyMarker"], page["NextVersionIdMarker"]) == made[4]
    with fails("InvalidArgument", "A version-id marker cannot be specified without a key marker."):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker="null")
    with fails("InvalidArgument", "Invalid version id specified"):
        s3.list_object_versions(Bucket=bucket, KeyMarker="a", VersionIdMarker="invalid")


def test_a_bucket_with_versions_is_emptied(s3, versions):
    bucket, _ = versions
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}):
        for kind in ("Versions", "DeleteMarkers"):
            for entry in page.get(kind, []):
                s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def test_the_cli_lists_folders(server, s3, filled):
    path, reason = cli.version_1()
    if path is None:
        pytest.skip(reason)
    aws = cli.Cli(server, path, through_fogbank=False)
    s3.delete_object(Bucket=filled, Key="\u0001")
    lines = aws.run("s3", "ls", f"s3://{filled}/folder/").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["deep/", "1", "2"]
    lines = aws.run("s3", "ls", f"s3://{filled}", "--recursive", "--summarize").stdout
    assert f"Total Objects: {len(KEYS) - 1}" in lines and "folder/deep/3" in lines
    listed = aws.json("s3api", "list-objects-v2", "--bucket", filled, "--max-items", "3")
    assert len(listed["Contents"]) == 3 and listed["NextToken"]


@pytest.mark.parametrize(
    "query, name",
    [
        ({"max-keys": "abc"}, "max-keys"),
        ({"list-type": "2", "max-keys": "2147483648"}, "max-keys"),
        ({"versions": "", "max-keys": "5x"}, "max-keys"),
        ({"uploads": "", "max-uploads": "1.0"}, "max-uploads"),
    ],
)
def test_a_number_that_is_none_is_named(server, bucket, query, name):
    reply = s3_raw.send(server, "GET", s3_raw.target(bucket, **query))
    message = f"Provided {name} not an integer or within integer range"
    assert (reply.status, reply.code, reply.text("Message")) == (400, "InvalidArgument", message)
    assert (reply.text("ArgumentName"), reply.text("ArgumentValue")) == (name, query[name])


def test_the_number_of_a_part_that_is_none(server, bucket):
    reply = s3_raw.send(server, "GET", s3_raw.target(bucket, "k", partNumber="one"))
    message = "Part number must be an integer between 1 and 10000, inclusive"
    assert (reply.code, reply.text("Message"), reply.text("ArgumentName")) == ("InvalidArgument", message, "partNumber")
