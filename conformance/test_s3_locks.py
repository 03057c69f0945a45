"""Object lock: retention and legal holds, seen to end with the clock."""

import datetime
import json
import urllib.request

import pytest

import expect
from s3_versions import DAY, bucket, locked, put, read, user

PROTECTED = "Access Denied because object protected by object lock."


@pytest.fixture
def later(server):
    """later(days) is a moment of the cloud's time."""

    def of(days):
        with urllib.request.urlopen(f"{server.endpoint}/_fogbank/clock", timeout=10) as answer:
            text = json.load(answer)["now"].replace("Z", "+00:00")
        return datetime.datetime.fromisoformat(text) + days * DAY

    return of


def retain(s3, name, mode, until, **given):
    retention = {"Mode": mode, "RetainUntilDate": until}
    s3.put_object_retention(Bucket=name, Key="k", Retention=retention, **given)


def test_compliance_holds_everybody_until_its_time(s3, later, clock_advance):
    name = locked(s3)
    id = put(s3, name)["VersionId"]
    until = later(30)
    retain(s3, name, "COMPLIANCE", until)
    shown = s3.get_object_retention(Bucket=name, Key="k")["Retention"]
    assert shown["Mode"] == "COMPLIANCE" and abs(shown["RetainUntilDate"] - until) < datetime.timedelta(seconds=1)
    given = {"Bucket": name, "Key": "k", "VersionId": id}
    for bypass in (False, True):
        with expect.fails("AccessDenied", PROTECTED, 403):
            s3.delete_object(**given, BypassGovernanceRetention=bypass)
    with expect.fails("AccessDenied", status=403):
        retain(s3, name, "COMPLIANCE", later(29), BypassGovernanceRetention=True)
    retain(s3, name, "COMPLIANCE", later(31))
    assert s3.delete_object(Bucket=name, Key="k")["DeleteMarker"] is True
    assert read(s3, name, VersionId=id) == b"content"
    clock_advance("32d")
    s3.delete_object(**given)


def test_governance_needs_a_permission_to_be_bypassed(server, client, account, later):
    s3 = client("s3", account=account)
    name = locked(s3)
    id = put(s3, name)["VersionId"]
    retain(s3, name, "GOVERNANCE", later(30))
    given = {"Bucket": name, "Key": "k", "VersionId": id}
    with expect.fails("AccessDenied", PROTECTED, 403):
        s3.delete_object(**given)
    few = user(server, account, "s3:*", deny=["s3:BypassGovernanceRetention"])
    with expect.fails("AccessDenied", status=403) as seen:
        few.delete_object(**given, BypassGovernanceRetention=True)
    assert "s3:BypassGovernanceRetention" in str(seen[0])
    with expect.fails("AccessDenied", PROTECTED, 403):
        retain(few, name, "GOVERNANCE", later(10))
    retain(few, name, "GOVERNANCE", later(40))
    retain(s3, name, "GOVERNANCE", later(10), BypassGovernanceRetention=True)
    s3.delete_object(**given, BypassGovernanceRetention=True)


def test_a_legal_hold_lasts_until_it_is_lifted(s3, clock_advance):
    name = locked(s3)
    id = put(s3, name, ObjectLockLegalHoldStatus="ON")["VersionId"]
    given = {"Bucket": name, "Key": "k"}
    assert s3.get_object_legal_hold(**given)["LegalHold"] == {"Status": "ON"}
    assert s3.head_object(**given)["ObjectLockLegalHoldStatus"] == "ON"
    clock_advance("4000d")
    with expect.fails("AccessDenied", PROTECTED, 403):
        s3.delete_object(**given, VersionId=id, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**given, LegalHold={"Status": "OFF"})
    s3.delete_object(**given, VersionId=id)


def test_a_bucket_gives_its_new_objects_a_lock(s3, later):
    name = locked(s3)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
    put(s3, name)
    s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "k"})
    for key in ("k", "copy"):
        head = s3.head_object(Bucket=name, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert abs(head["ObjectLockRetainUntilDate"] - later(7)) < datetime.timedelta(minutes=5)
    until = later(2)
    put(s3, name, "own", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    assert s3.head_object(Bucket=name, Key="own")["ObjectLockMode"] == "COMPLIANCE"


def test_what_is_no_lock_is_refused(s3, later):
    plain, name = bucket(s3), locked(s3)
    for one in (plain, name):
        put(s3, one)
    missing = "Bucket is missing Object Lock Configuration"
    with expect.fails("InvalidRequest", missing):
        retain(s3, plain, "GOVERNANCE", later(1))
    with expect.fails("InvalidRequest", missing):
        s3.get_object_legal_hold(Bucket=plain, Key="k")
    none = "The specified object does not have a ObjectLock configuration"
    with expect.fails("NoSuchObjectLockConfiguration", none, 404):
        s3.get_object_retention(Bucket=name, Key="k")
    with expect.fails("NoSuchObjectLockConfiguration", none, 404):
        s3.get_object_legal_hold(Bucket=name, Key="k")
    with expect.fails("InvalidArgument", "The retain until date must be in the future!"):
        retain(s3, name, "GOVERNANCE", later(-1))
    with expect.fails("MalformedXML"):
        s3.put_object_retention(Bucket=name, Key="k", Retention={"Mode": "GOVERNANCE"})
    both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
    with expect.fails("InvalidArgument", both):
        put(s3, name, ObjectLockMode="GOVERNANCE")


def test_a_lock_is_not_for_those_who_may_only_put(server, client, account, later):
    s3 = client("s3", account=account)
    name = locked(s3)
    few = user(server, account, "s3:PutObject")
    put(few, name)
    with expect.fails("AccessDenied", status=403) as seen:
        put(few, name, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(1))
    assert "s3:PutObjectRetention" in str(seen[0])
    with expect.fails("AccessDenied", status=403) as seen:
        put(few, name, ObjectLockLegalHoldStatus="ON")
    assert "s3:PutObjectLegalHold" in str(seen[0])
