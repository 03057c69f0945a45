"""Settings of buckets: each is set, reads back whole, is refused when it is wrong, and goes."""

import json
import re

import pytest

import expect
from conftest import make_client
from expect import fails

RULE = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "logs/"}}


@pytest.fixture
def versioned(s3, bucket):
    def make():
        name = bucket()
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


# ---- public access block -----------------------------------------------------------------------


def test_public_access_block(s3, bucket):
    name = bucket()
    shown = lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    keys = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    assert shown() == dict.fromkeys(keys, True)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert shown() == {**dict.fromkeys(keys, False), "BlockPublicAcls": True}
    s3.delete_public_access_block(Bucket=name)
    with fails("NoSuchPublicAccessBlockConfiguration", status=404):
        shown()


# ---- encryption --------------------------------------------------------------------------------


def encryption(algorithm, key=None, **more):
    default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, **more}]}


def test_encryption_has_a_default_and_reads_back(s3, bucket, kms):
    name = bucket()
    shown = lambda: s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    assert shown() == encryption("AES256", BucketKeyEnabled=False, **blocked)["Rules"]
    key = kms.create_key()["KeyMetadata"]["Arn"]
    for algorithm in ["aws:kms", "aws:kms:dsse"]:
        given = encryption(algorithm, key, BucketKeyEnabled=algorithm == "aws:kms", **blocked)
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=given)
        assert shown() == given["Rules"]
    open_to_customers = encryption(
        "AES256", BucketKeyEnabled=False, BlockedEncryptionTypes={"EncryptionType": ["NONE"]}
    )
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=open_to_customers)
    assert shown() == open_to_customers["Rules"]
    s3.delete_bucket_encryption(Bucket=name)
    assert shown() == encryption("AES256", BucketKeyEnabled=False, **blocked)["Rules"]
    with fails("InvalidArgument"):
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encryption("AES256", key))
    with fails("MalformedXML"):
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": []})


# ---- versioning and object lock ----------------------------------------------------------------


def test_versioning(s3, bucket):
    name = bucket()
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    for status in ["Enabled", "Suspended"]:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == status
    with fails("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={})
    with fails("AccessDenied", "Mfa Authentication must be used for this request", status=403):
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"}
        )


def test_object_lock(s3, bucket, versioned):
    plain = bucket()
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}},
    }
    with fails("ObjectLockConfigurationNotFoundError", status=404):
        s3.get_object_lock_configuration(Bucket=plain)
    with fails("InvalidBucketState", status=409):
        s3.put_object_lock_configuration(Bucket=plain, ObjectLockConfiguration=lock)
    name = versioned()
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == lock
    with fails("InvalidBucketState", status=409):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    born = bucket(ObjectLockEnabledForBucket=True)
    assert s3.get_object_lock_configuration(Bucket=born)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=born)["Status"] == "Enabled"


# ---- tags, CORS, website, logging --------------------------------------------------------------


def test_tags(s3, bucket):
    name = bucket()
    with fails("NoSuchTagSet", "The TagSet does not exist", status=404):
        s3.get_bucket_tagging(Bucket=name)
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    with fails("InvalidTag"):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [tags[0], tags[0]]})
    s3.delete_bucket_tagging(Bucket=name)
    with fails("NoSuchTagSet", status=404):
        s3.get_bucket_tagging(Bucket=name)
    tagged = bucket(CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=tagged)["TagSet"] == tags


def test_cors(s3, bucket):
    name = bucket()
    rules = [
        {
            "ID": "one",
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["https://*.example.com"],
            "AllowedHeaders": ["x-amz-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 60,
        },
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
    ]
    with fails("NoSuchCORSConfiguration", "The CORS configuration does not exist", status=404):
        s3.get_bucket_cors(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"] == rules
    for wrong, message in [
        ({"AllowedMethods": ["PATCH"]}, "Found unsupported HTTP method in CORS config. Unsupported method is PATCH"),
        ({"AllowedOrigins": ["http://*.*"]}, 'AllowedOrigin "http://*.*" can not have more than one wildcard.'),
        ({"AllowedHeaders": ["*-*"]}, 'AllowedHeader "*-*" can not have more than one wildcard.'),
        (
            {"ExposeHeaders": ["*"]},
            'ExposeHeader "*" contains wildcard. We currently do not support wildcard for ExposeHeader.',
        ),
    ]:
        with fails("InvalidRequest", message):
            s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [{**rules[1], **wrong}]})
    s3.delete_bucket_cors(Bucket=name)
    with fails("NoSuchCORSConfiguration", status=404):
        s3.get_bucket_cors(Bucket=name)


def test_website(s3, bucket):
    name = bucket()
    site = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "docs/", "HttpErrorCodeReturnedEquals": "404"},
                "Redirect": {
                    "HostName": "example.com",
                    "HttpRedirectCode": "302",
                    "Protocol": "https",
                    "ReplaceKeyPrefixWith": "documents/",
                },
            }
        ],
    }
    with fails("NoSuchWebsiteConfiguration", status=404):
        s3.get_bucket_website(Bucket=name)
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration=site)
    shown = s3.get_bucket_website(Bucket=name)
    assert {k: shown[k] for k in site} == site
    elsewhere = {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration=elsewhere)
    assert s3.get_bucket_website(Bucket=name)["RedirectAllRequestsTo"] == elsewhere["RedirectAllRequestsTo"]
    for wrong in [{}, {**site, **elsewhere}, {"IndexDocument": {"Suffix": "a/b"}}]:
        with fails("InvalidArgument"):
            s3.put_bucket_website(Bucket=name, WebsiteConfiguration=wrong)
    s3.delete_bucket_website(Bucket=name)
    with fails("NoSuchWebsiteConfiguration", status=404):
        s3.get_bucket_website(Bucket=name)


def test_logging(s3, client, bucket, account):
    name, logs = bucket(), bucket()
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    enabled = {
        "TargetBucket": logs,
        "TargetPrefix": "log/",
        "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
    }
    put = lambda **given: s3.put_bucket_logging(
        Bucket=name, BucketLoggingStatus={"LoggingEnabled": {**enabled, **given}}
    )
    put()
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"] == enabled
    with fails("InvalidTargetBucketForLogging", "The target bucket for logging does not exist"):
        put(TargetBucket=expect.name(prefix="b"))
    theirs = client("s3", account=account)
    foreign = bucket(s3=theirs)
    with fails("InvalidTargetBucketForLogging", re.compile("must be the same")):
        put(TargetBucket=foreign)
    irish = client("s3", region="eu-west-1")
    away = bucket(s3=irish, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with fails("CrossLocationLoggingProhibited", status=403):
        put(TargetBucket=away)
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)


# ---- notification ------------------------------------------------------------------------------


def queue_for(sqs, *, lets_in):
    url = sqs.create_queue(QueueName=expect.name())["QueueUrl"]
    arn = expect.arn_of(sqs, url)
    if lets_in:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def test_notification(s3, sqs, bucket):
    name = bucket()
    url, arn = queue_for(sqs, lets_in=True)
    rule = {
        "Id": "new",
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}},
    }
    put = lambda *rules, **more: s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": list(rules)}, **more
    )
    put(rule)
    message = json.loads(expect.receive_one(sqs, url)["Body"])
    assert (message["Event"], message["Bucket"]) == ("s3:TestEvent", name)
    shown = s3.get_bucket_notification_configuration(Bucket=name)["QueueConfigurations"]
    names = [f["Name"] for f in shown[0]["Filter"]["Key"]["FilterRules"]]
    assert names == ["Prefix", "Suffix"]
    assert shown[0]["Events"] == rule["Events"]
    _, closed = queue_for(sqs, lets_in=False)
    for destination in [closed, arn + "-missing", "arn:aws:sqs:us-east-1:000000000000:q.fifo"]:
        with fails("InvalidArgument", "Unable to validate the following destination configurations"):
            put({**rule, "QueueArn": destination})
    topic = {"TopicArn": "arn:aws:sns:us-east-1:000000000000:t", "Events": rule["Events"]}
    with fails("InvalidArgument", "Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"TopicConfigurations": [topic]}
        )
    for wrong in [
        [rule, {**rule, "Id": "other"}],
        [{**rule, "QueueArn": "queue"}],
        [{**rule, "QueueArn": arn.replace("us-east-1", "eu-west-1")}],
    ]:
        with fails("InvalidArgument"):
            put(*wrong)
    put({**rule, "QueueArn": closed}, SkipDestinationValidation=True)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=name)


# ---- lifecycle ---------------------------------------------------------------------------------


def test_lifecycle(s3, bucket):
    name = bucket()
    rules = [
        {**RULE, "Transitions": [{"Days": 7, "StorageClass": "GLACIER"}], "Expiration": {"Days": 2600}},
        {
            "ID": "whole",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 10}},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3},
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 10, "StorageClass": "GLACIER_IR"}],
        },
        {
            "ID": "uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
    ]
    with fails("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", status=404):
        s3.get_bucket_lifecycle_configuration(Bucket=name)
    put = lambda *rules, **more: s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": list(rules)}, **more
    )
    put(*rules, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    shown = s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert shown["Rules"] == rules
    assert shown["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    for wrong, code, message in [
        ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML", None),
        (
            {"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]},
            "InvalidArgument",
            "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
        (
            {"Transitions": [{"Days": 9, "StorageClass": "GLACIER"}], "Expiration": {"Days": 9}},
            "InvalidArgument",
            "'Days' in the Expiration action for prefix 'logs/' must be greater than 'Days' in the Transition action",
        ),
    ]:
        with fails(code, message):
            put({**RULE, **wrong})
    with fails("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"):
        put(rules[0], rules[0])
    s3.delete_bucket_lifecycle(Bucket=name)
    with fails("NoSuchLifecycleConfiguration", status=404):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


def test_the_older_form_of_lifecycle_and_notification(s3, sqs, bucket):
    """The older operations go to the same place as the newer ones, and say the same in the same words."""
    name = bucket()
    rule = {"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=name)["Rules"] == [rule]
    _, arn = queue_for(sqs, lets_in=True)
    old = {"Id": "old", "Events": ["s3:ObjectCreated:*"], "Queue": arn}
    s3.put_bucket_notification(Bucket=name, NotificationConfiguration={"QueueConfiguration": old})
    assert s3.get_bucket_notification(Bucket=name)["QueueConfiguration"]["Queue"] == arn


# ---- replication -------------------------------------------------------------------------------


def test_replication(s3, client, bucket, versioned):
    name, copies = versioned(), versioned()
    role = client("iam").create_role(
        RoleName=expect.name(prefix="r"),
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                },
            }
        ),
    )["Role"]["Arn"]
    rule = {
        "ID": "all",
        "Priority": 1,
        "Filter": {"Prefix": "in/"},
        "Status": "Enabled",
        "Destination": {"Bucket": f"arn:aws:s3:::{copies}", "StorageClass": "STANDARD_IA"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    put = lambda *rules, to=name: s3.put_bucket_replication(
        Bucket=to, ReplicationConfiguration={"Role": role, "Rules": list(rules)}
    )
    with fails("ReplicationConfigurationNotFoundError", status=404):
        s3.get_bucket_replication(Bucket=name)
    put(rule)
    assert s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"] == {"Role": role, "Rules": [rule]}
    with fails("InvalidBucketState", status=409):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    with fails("InvalidRequest", re.compile("^Versioning must be 'Enabled' on the bucket")):
        put(rule, to=bucket())
    for destination, words in [(bucket(), "must have versioning"), (expect.name(prefix="b"), "must exist")]:
        with fails("InvalidRequest", re.compile(words)):
            put({**rule, "Destination": {"Bucket": f"arn:aws:s3:::{destination}"}})
    with fails("InvalidRequest", re.compile("^Priority must be specified")):
        put({k: v for k, v in rule.items() if k != "Priority"})
    s3.delete_bucket_replication(Bucket=name)
    with fails("ReplicationConfigurationNotFoundError", status=404):
        s3.get_bucket_replication(Bucket=name)


# ---- switches ----------------------------------------------------------------------------------


def test_switches(s3, bucket):
    name = bucket()
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "Requester"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=name)
    s3.put_bucket_accelerate_configuration(Bucket=name, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == "Enabled"
    assert s3.get_bucket_abac(Bucket=name)["AbacStatus"]["Status"] == "Disabled"
    s3.put_bucket_abac(Bucket=name, AbacStatus={"Status": "Enabled"})
    assert s3.get_bucket_abac(Bucket=name)["AbacStatus"]["Status"] == "Enabled"


# ---- configurations with ids -------------------------------------------------------------------


def configurations(bucket):
    destination = {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV", "Prefix": "p"}}
    both = {"And": {"Prefix": "p", "Tags": [{"Key": "k", "Value": "v"}]}}
    return {
        "analytics": (
            "Analytics",
            {
                "Filter": both,
                "StorageClassAnalysis": {"DataExport": {"OutputSchemaVersion": "V_1", "Destination": destination}},
            },
        ),
        "inventory": (
            "Inventory",
            {
                "Destination": destination,
                "IsEnabled": True,
                "Filter": {"Prefix": "p"},
                "IncludedObjectVersions": "All",
                "OptionalFields": ["Size", "ETag"],
                "Schedule": {"Frequency": "Daily"},
            },
        ),
        "metrics": ("Metrics", {"Filter": both}),
        "intelligent_tiering": (
            "IntelligentTiering",
            {
                "Filter": both,
                "Status": "Enabled",
                "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
            },
        ),
    }


@pytest.mark.parametrize("kind", ["analytics", "inventory", "metrics", "intelligent_tiering"])
def test_configurations_with_ids(s3, bucket, kind):
    name = bucket()
    camel, body = configurations(bucket())[kind]
    call = lambda verb, plural="", **given: getattr(s3, f"{verb}_bucket_{kind}_configuration{plural}")(
        Bucket=name, **given
    )
    with fails("NoSuchConfiguration", "The specified configuration does not exist.", status=404):
        call("get", Id="one")
    for id in ["one", "two"]:
        call("put", Id=id, **{f"{camel}Configuration": {"Id": id, **body}})
    assert call("get", Id="one")[f"{camel}Configuration"] == {"Id": "one", **body}
    listed = call("list", "s")
    assert [c["Id"] for c in listed[f"{camel}ConfigurationList"]] == ["one", "two"]
    assert listed["IsTruncated"] is False
    call("delete", Id="one")
    with fails("NoSuchConfiguration", status=404):
        call("delete", Id="one")
    with fails("InvalidArgument"):
        call("put", Id="three", **{f"{camel}Configuration": {"Id": "two", **body}})
    with fails("InvalidConfigurationId"):
        call("put", Id="no id", **{f"{camel}Configuration": {"Id": "no id", **body}})


# ---- what is not implemented -------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation, given",
    [
        ("create_bucket_metadata_configuration", {"MetadataConfiguration": {}}),
        ("get_bucket_metadata_configuration", {}),
        ("delete_bucket_metadata_configuration", {}),
        (
            "create_bucket_metadata_table_configuration",
            {"MetadataTableConfiguration": {"S3TablesDestination": {"TableBucketArn": "a", "TableName": "t"}}},
        ),
        ("get_bucket_metadata_table_configuration", {}),
        ("delete_bucket_metadata_table_configuration", {}),
    ],
)
def test_metadata_tables_are_not_implemented_and_say_so(server, bucket, operation, given):
    raw = make_client(server.endpoint, "s3", parameter_validation=False)
    with fails("NotImplemented", status=501):
        getattr(raw, operation)(Bucket=bucket(), **given)
