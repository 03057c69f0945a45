"""Archived objects: restored by the clock."""

import expect
from s3_versions import bucket, put, read


def archived(s3, storage_class="GLACIER"):
    name = bucket(s3)
    put(s3, name, StorageClass=storage_class)
    return name


def restore(s3, name, **request):
    answer = s3.restore_object(Bucket=name, Key="k", RestoreRequest=request)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def tier(name):
    return {"GlacierJobParameters": {"Tier": name}}


def test_an_archived_object_is_read_for_some_days(s3, clock_advance):
    name = archived(s3)
    with expect.fails("InvalidObjectState", status=403):
        read(s3, name)
    assert s3.head_object(Bucket=name, Key="k")["StorageClass"] == "GLACIER"
    assert restore(s3, name, Days=2, **tier("Standard")) == 202
    assert s3.head_object(Bucket=name, Key="k")["Restore"] == 'ongoing-request="true"'
    with expect.fails("RestoreAlreadyInProgress", "Object restore is already in progress", 409):
        restore(s3, name, Days=2)
    clock_advance("5h")
    assert read(s3, name) == b"content"
    shown = s3.head_object(Bucket=name, Key="k")["Restore"]
    assert shown.startswith('ongoing-request="false", expiry-date="') and shown.endswith('00:00:00 GMT"')
    assert restore(s3, name, Days=1) == 200
    clock_advance("49h")
    with expect.fails("InvalidObjectState", status=403):
        read(s3, name)
    assert "Restore" not in s3.head_object(Bucket=name, Key="k")


def test_expedited_restores_take_minutes_and_hasten_others(s3, clock_advance):
    name = archived(s3)
    restore(s3, name, Days=1, **tier("Bulk"))
    assert restore(s3, name, **tier("Expedited")) == 202
    clock_advance("5m")
    assert read(s3, name) == b"content"


def test_the_deepest_archive_takes_longest(s3, clock_advance):
    name = archived(s3, "DEEP_ARCHIVE")
    with expect.fails("InvalidArgument", "Retrieval option is not supported by this storage class"):
        restore(s3, name, Days=1, **tier("Expedited"))
    restore(s3, name, Days=1, **tier("Bulk"))
    clock_advance("47h")
    with expect.fails("InvalidObjectState", status=403):
        read(s3, name)
    clock_advance("1h")
    assert read(s3, name) == b"content"


def test_what_cannot_be_restored(s3):
    message = "Restore is not allowed for the object's current storage class"
    with expect.fails("InvalidObjectState", message, 403):
        restore(s3, archived(s3, "STANDARD_IA"), Days=1)
    name = archived(s3)
    with expect.fails("MalformedXML"):
        restore(s3, name, **tier("Standard"))
    with expect.fails("NoSuchKey", status=404):
        s3.restore_object(Bucket=name, Key="absent", RestoreRequest={"Days": 1})
    with expect.fails("NotImplemented", status=501):
        restore(s3, name, Type="SELECT")
