"""What S3's operations need for their least requests, one section a family: a bucket and an object that are there, and
members whose values must mean something before permissions are looked at."""

BUCKET = "authorisation-samples"
KEY = "sample"

# Members of all operations.
KNOWN = {"Bucket": BUCKET, "Key": KEY}

# ---- objects: put, get, head --------------------------------------------------------------
OBJECTS = {}

# ---- the life of versions: copies, locks, tags, restores -----------------------------------
VERSIONS = {
    "CopyObject": {"CopySource": f"{BUCKET}/{KEY}"},
    "RenameObject": {"RenameSource": KEY},
    "UpdateObjectEncryption": {
        "ObjectEncryption": {"SSEKMS": {"KMSKeyArn": "arn:aws:kms:us-east-1:135791357913:key/sample"}}
    },
}

# ---- multipart uploads and lists -----------------------------------------------------------
MULTIPART = {
    "UploadPartCopy": {"CopySource": f"{BUCKET}/{KEY}"},
}

# ---- buckets and their settings -----------------------------------------------------------
BUCKETS = {
    "HeadBucket": {},
    # The root may do these whatever policies say; somebody else may not.
    "PutBucketPolicy": {"Policy": "{}"},
}

# ---- S3 Control ---------------------------------------------------------------------------
POINT = "authorisation-samples"
# One that nothing else needs.
DELETED_POINT = "authorisation-deleted"
CONTROL = {"Bucket": BUCKET, "Name": POINT, "ResourceArn": f"arn:aws:s3:::{BUCKET}"}

# ---- by operation, all families -----------------------------------------------------------
BY_OPERATION = {**OBJECTS, **VERSIONS, **MULTIPART, **BUCKETS}


def prepare(s3):
    """Makes what the samples name, in the account that is asked."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"sample")


def least(operation, parameters):
    """The least request of one operation, completed."""
    for name, value in KNOWN.items():
        if name in operation.input_shape.members:
            parameters[name] = value
    return {**parameters, **BY_OPERATION.get(operation.name, {})}


def prepare_control(control, account):
    """Makes the access points that the samples of S3 Control name."""
    for name in [POINT, DELETED_POINT]:
        control.create_access_point(AccountId=account, Name=name, Bucket=BUCKET)


def least_of_control(operation, parameters, account):
    """The least request of an operation of S3 Control, completed."""
    for name, value in {**CONTROL, "AccountId": account}.items():
        if name in operation.input_shape.members and name in parameters:
            parameters[name] = value
    if operation.name == "DeleteAccessPoint":
        parameters["Name"] = DELETED_POINT
    return parameters
