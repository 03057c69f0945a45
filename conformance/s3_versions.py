"""Buckets with versions and locks, and what tests ask of them most."""

import datetime
import json

import expect

DAY = datetime.timedelta(days=1)


def bucket(s3, versioning=None, **given):
    """A new bucket's name."""
    name = expect.name("bucket")
    s3.create_bucket(Bucket=name, **given)
    if versioning:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
    return name


def locked(s3):
    return bucket(s3, ObjectLockEnabledForBucket=True)


def put(s3, bucket, key="k", body=b"content", **given):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **given)


def read(s3, bucket, key="k", **given):
    return s3.get_object(Bucket=bucket, Key=key, **given)["Body"].read()


def user(server, account, *allowed, deny=()):
    """A client of a user who may do some things of S3 and may not do others."""
    iam = expect.caller(server, account)
    name = expect.name("user")
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}]
    if deny:
        statements.append({"Effect": "Deny", "Action": list(deny), "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return expect.caller(server, key["AccessKeyId"], key["SecretAccessKey"], service="s3")
