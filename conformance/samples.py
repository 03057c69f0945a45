"""The least that can be sent for an operation, made from its model."""

ARN = "arn:aws:iam::{account}:role/sample"
KEY = "arn:aws:kms:us-east-1:{account}:key/00000000-0000-4000-8000-000000000000"

# Members whose values must mean something before anything else is looked at.
KNOWN = {
    "QueueUrl": "{endpoint}/{account}/sample",
    "SourceArn": "arn:aws:sqs:us-east-1:{account}:sample",
    "RoleArn": ARN,
    "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "PolicySourceArn": "arn:aws:iam::{account}:user/sample",
    "SerialNumber": "arn:aws:iam::{account}:mfa/sample",
    "OpenIDConnectProviderArn": "arn:aws:iam::{account}:oidc-provider/example.com",
    "SAMLProviderArn": "arn:aws:iam::{account}:saml-provider/sample",
    "Arn": "arn:aws:iam::{account}:user/sample",
    "TargetPrincipal": "{account}",
    "KeyId": KEY,
    "TargetKeyId": KEY,
    "DestinationKeyId": KEY,
    "AliasName": "alias/sample",
    "GranteePrincipal": "arn:aws:iam::{account}:root",
    "ResourceArn": "arn:aws:ssm:us-east-1:{account}:parameter/sample",
    "SecretId": "arn:aws:secretsmanager:us-east-1:{account}:secret:sample-AbCdEf",
    "CrossAccountReplicaARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:sample-AbCdEf",
    "AWSServiceName": "autoscaling.amazonaws.com",
    "Url": "https://example.com",
    "BackupVaultName": "sample",
    "SourceBackupVaultName": "sample",
    "DestinationBackupVaultArn": "arn:aws:backup:us-east-1:{account}:backup-vault:sample",
    "RecoveryPointArn": "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0",
}


def least(operation, **known):
    """The required parameters of a botocore operation model, each the least of its kind."""
    shape = operation.input_shape
    return {} if shape is None else _value(shape, "", known, depth=0)


def _value(shape, name, known, depth):
    kind = shape.type_name
    if name in KNOWN and kind == "string":
        return KNOWN[name].format(**known)
    if kind == "structure":
        required = shape.required_members if depth < 4 else []
        return {member: _value(shape.members[member], member, known, depth + 1) for member in required}
    if kind == "list":
        return [_value(shape.member, name, known, depth + 1)]
    if kind == "map":
        return {_value(shape.key, "", known, depth + 1): _value(shape.value, "", known, depth + 1)}
    if kind == "string":
        enum = getattr(shape, "enum", [])
        return enum[0] if enum else "x" * max(1, shape.metadata.get("min", 1))
    return {
        "boolean": False,
        "integer": max(1, shape.metadata.get("min", 1)),
        "long": max(1, shape.metadata.get("min", 1)),
        "float": 1.0,
        "double": 1.0,
        "blob": b"x",
        "timestamp": 0,
    }[kind]
