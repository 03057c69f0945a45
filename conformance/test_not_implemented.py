"""What AWS has and this cloud has not yet: the answer names it, at once, in every protocol.

The clients are configured as a user's are, with retries: an answer that they would try again
is one that a user waits for.
"""

import time

import boto3
import botocore.exceptions
import pytest

# An unlucky client would wait about a second before each of its retries.
SECONDS_MAX = 2

CALLS = [
    ("s3", "GetObjectAnnotation", {"Bucket": "photos", "Key": "a/b", "AnnotationName": "a"}),
    ("cloudfront", "ListDistributions", {}),
    ("lambda", "ListFunctions", {}),
    ("lambda", "Invoke", {"FunctionName": "f", "Payload": b"{}"}),
    ("dynamodb", "ListBulkOperations", {}),
    ("kinesis", "ListStreams", {}),
    ("iam", "GetHumanReadableSummary", {"EntityArn": "arn:aws:iam::000000000000:user/u"}),
    ("ec2", "DescribeSpotDatafeedSubscription", {}),
    ("cloudwatch", "ListMetrics", {}),
    ("sesv2", "ListEmailIdentities", {}),
    ("route53", "ListHostedZones", {}),
    ("logs", "DescribeLogGroups", {}),
]


@pytest.fixture(params=["legacy", "standard"])
def retry_mode(request, monkeypatch):
    monkeypatch.setenv("AWS_RETRY_MODE", request.param)


@pytest.mark.parametrize("service, operation, parameters", CALLS, ids=[f"{s} {o}" for s, o, _ in CALLS])
def test_the_error_names_the_operation_at_once(server, retry_mode, service, operation, parameters):
    client = boto3.Session("test", "test", region_name="us-east-1").client(service, endpoint_url=server.endpoint)
    method = next(name for name, wire in client.meta.method_to_api_mapping.items() if wire == operation)
    started = time.monotonic()
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(client, method)(**parameters)
    took = time.monotonic() - started
    response = caught.value.response
    assert response["Error"]["Message"] == f"{service}:{operation} is not implemented by Fogbank"
    assert response["Error"]["Code"] == "NotImplemented"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["ResponseMetadata"].get("RetryAttempts", 0) == 0
    assert took < SECONDS_MAX
