"""Conditional reads and writes."""

import datetime

import pytest

import expect

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def there(s3):
    """(bucket, ETag, Last-Modified) of an object with the key k."""
    name = expect.name(prefix="b")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    shown = s3.head_object(Bucket=name, Key="k")
    return name, shown["ETag"], shown["LastModified"]


def read(s3, there, **conditions):
    """The status of a read with these conditions; of GET and HEAD alike."""
    statuses = set()
    for method in (s3.get_object, s3.head_object):
        try:
            answer = method(Bucket=there[0], Key="k", **conditions)["ResponseMetadata"]
        except s3.exceptions.ClientError as error:
            answer = error.response["ResponseMetadata"]
        statuses.add(answer["HTTPStatusCode"])
    assert len(statuses) == 1, statuses
    return statuses.pop()


def test_entity_tags(s3, there):
    tag = there[1]
    assert read(s3, there, IfMatch=tag) == 200
    assert read(s3, there, IfMatch=tag.strip('"')) == 200
    assert read(s3, there, IfMatch="*") == 200
    assert read(s3, there, IfMatch='"other"') == 412
    assert read(s3, there, IfNoneMatch=tag) == 304
    assert read(s3, there, IfNoneMatch="*") == 304
    assert read(s3, there, IfNoneMatch=f'"other", {tag}') == 304
    assert read(s3, there, IfNoneMatch='"other"') == 200


def test_dates(s3, there):
    modified = there[2]
    assert read(s3, there, IfModifiedSince=modified - DAY) == 200
    assert read(s3, there, IfModifiedSince=modified) == 304
    assert read(s3, there, IfModifiedSince=modified + 10_000 * DAY) == 200, "a date to come says nothing"
    assert read(s3, there, IfUnmodifiedSince=modified) == 200
    assert read(s3, there, IfUnmodifiedSince=modified - DAY) == 412


def test_tags_go_before_dates(s3, there):
    _, tag, modified = there
    assert read(s3, there, IfMatch=tag, IfUnmodifiedSince=modified - DAY) == 200
    assert read(s3, there, IfNoneMatch=tag, IfModifiedSince=modified - DAY) == 304
    assert read(s3, there, IfNoneMatch='"other"', IfModifiedSince=modified) == 200


def test_what_a_304_says(s3, there):
    with expect.fails("304", "Not Modified", 304) as seen:
        s3.get_object(Bucket=there[0], Key="k", IfNoneMatch=there[1])
    headers = seen[0].response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["etag"] == there[1] and "last-modified" in headers


def test_what_a_412_says(s3, there):
    message = "At least one of the pre-conditions you specified did not hold"
    with expect.fails("PreconditionFailed", message, 412) as seen:
        s3.get_object(Bucket=there[0], Key="k", IfMatch='"other"')
    assert seen[0].response["Error"]["Condition"] == "If-Match"


def test_writing_what_is_not_there(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"one", IfNoneMatch="*")
    with expect.fails("PreconditionFailed", status=412) as seen:
        s3.put_object(Bucket=name, Key="k", Body=b"two", IfNoneMatch="*")
    assert seen[0].response["Error"]["Condition"] == "If-None-Match"
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"one"


def test_writing_what_is_still_the_same(s3, bucket):
    name = bucket()
    tag = s3.put_object(Bucket=name, Key="k", Body=b"one")["ETag"]
    tag = s3.put_object(Bucket=name, Key="k", Body=b"two", IfMatch=tag)["ETag"]
    with expect.fails("PreconditionFailed", status=412) as seen:
        s3.put_object(Bucket=name, Key="k", Body=b"three", IfMatch='"other"')
    assert seen[0].response["Error"]["Condition"] == "If-Match"
    with expect.fails("NoSuchKey", status=404):
        s3.put_object(Bucket=name, Key="missing", Body=b"x", IfMatch=tag)


def test_conditions_that_are_not_taken(s3, bucket):
    name = bucket()
    for conditions in ({"IfNoneMatch": '"tag"'}, {"IfMatch": "*"}, {"IfMatch": '"tag"', "IfNoneMatch": "*"}):
        message = "A header you provided implies functionality that is not implemented"
        with expect.fails("NotImplemented", message, 501):
            s3.put_object(Bucket=name, Key="k", Body=b"x", **conditions)


def test_one_of_many_writers_is_first(s3, bucket):
    name = bucket()
    write = [lambda n=n: s3.put_object(Bucket=name, Key="k", Body=b"%d" % n, IfNoneMatch="*") for n in range(8)]
    outcomes = expect.at_once(*write)
    assert outcomes.count(None) == 1
    assert set(outcomes) - {None} <= {"PreconditionFailed", "ConditionalRequestConflict"}
