"""What the operations on groups, interfaces, addresses, tags, transit gateways and VPN need for their least requests:
ids that are ids before permissions are looked at."""

VPC = "vpc-0123456789abcdef0"

# ---- by operation --------------------------------------------------------------------------
NETWORK = {
    "CreateTags": {"Resources": [VPC]},
    "DeleteTags": {"Resources": [VPC]},
    "CreateFlowLogs": {"ResourceIds": [VPC], "ResourceType": "VPC"},
    "CreateTransitGatewayPeeringAttachment": {"PeerRegion": "us-east-1", "PeerAccountId": "135791357913"},
}
