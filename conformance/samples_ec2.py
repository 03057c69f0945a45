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
            "EnableImageDeprecation", "ModifyImageAttribute", "ResetImageAttribute",
        )
    },
}
