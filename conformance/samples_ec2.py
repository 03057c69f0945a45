"""What EC2's operations on images, groups, interfaces, addresses, tags, transit gateways and VPN need for their least requests:
ids that are ids before permissions are looked at."""

VPC = "vpc-0123456789abcdef0"

# ---- by operation --------------------------------------------------------------------------
LEAST = {
    "CreateTags": {"Resources": [VPC]},
    "DeleteTags": {"Resources": [VPC]},
    "CreateFlowLogs": {"ResourceIds": [VPC], "ResourceType": "VPC"},
    "CreateTransitGatewayPeeringAttachment": {"PeerRegion": "us-east-1", "PeerAccountId": "135791357913"},
    **{
        operation: {"ImageId": "ami-0123456789abcdef0"}
        for operation in (
            "DeregisterImage", "DescribeImageAttribute", "DisableImage", "DisableImageDeprecation", "EnableImage",
            "EnableImageDeprecation", "ModifyImageAttribute", "ResetImageAttribute", "RestoreImageFromRecycleBin",
            "CreateStoreImageTask", "ExportImage",
        )
    },
    **{
        operation: {"SnapshotId": "snap-0123456789abcdef0"}
        for operation in (
            "LockSnapshot", "ModifySnapshotTier", "RestoreSnapshotFromRecycleBin", "RestoreSnapshotTier", "UnlockSnapshot",
        )
    },
    "CreateImage": {"InstanceId": "i-0123456789abcdef0"},
    "CreateReplaceRootVolumeTask": {"InstanceId": "i-0123456789abcdef0"},
    "RestoreVolumeFromRecycleBin": {"VolumeId": "vol-0123456789abcdef0"},
    **{
        operation: {"SourceSnapshotIds": ["snap-0123456789abcdef0"]}
        for operation in ("DisableFastSnapshotRestores", "EnableFastSnapshotRestores")
    },
}
