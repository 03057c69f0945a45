//! The codes, in alphabetical order ("Error codes for the Amazon EC2 API"). All but a few are the client's, with 400.

use schema::ErrorCode;

const fn code(name: &'static str) -> ErrorCode {
    ErrorCode::sender(name, 400)
}

pub static ACTIVE_VPC_PEERING_CONNECTION_PER_VPC_LIMIT_EXCEEDED: ErrorCode =
    code("ActiveVpcPeeringConnectionPerVpcLimitExceeded");
pub static ADDRESS_LIMIT_EXCEEDED: ErrorCode = code("AddressLimitExceeded");
pub static ATTACHMENT_LIMIT_EXCEEDED: ErrorCode = code("AttachmentLimitExceeded");
pub static AUTH_FAILURE: ErrorCode = code("AuthFailure");
pub static CANNOT_DELETE: ErrorCode = code("CannotDelete");
pub static CIDR_LIMIT_EXCEEDED: ErrorCode = code("CidrLimitExceeded");
pub static CUSTOMER_GATEWAY_LIMIT_EXCEEDED: ErrorCode = code("CustomerGatewayLimitExceeded");
pub static DEFAULT_SUBNET_ALREADY_EXISTS_IN_AVAILABILITY_ZONE: ErrorCode =
    code("DefaultSubnetAlreadyExistsInAvailabilityZone");
pub static DEFAULT_VPC_ALREADY_EXISTS: ErrorCode = code("DefaultVpcAlreadyExists");
pub static DEFAULT_VPC_DOES_NOT_EXIST: ErrorCode = code("DefaultVpcDoesNotExist");
pub static DEPENDENCY_VIOLATION: ErrorCode = code("DependencyViolation");
pub static DRY_RUN_OPERATION: ErrorCode = ErrorCode::sender("DryRunOperation", 412);
pub static DUPLICATE_SUBNETS_IN_SAME_ZONE: ErrorCode = code("DuplicateSubnetsInSameZone");
pub static DUPLICATE_TRANSIT_GATEWAY_ATTACHMENT: ErrorCode = code("DuplicateTransitGatewayAttachment");
pub static FILTER_LIMIT_EXCEEDED: ErrorCode = code("FilterLimitExceeded");
pub static FLEET_NOT_IN_MODIFIABLE_STATE: ErrorCode = code("FleetNotInModifiableState");
pub static FLOW_LOG_ALREADY_EXISTS: ErrorCode = code("FlowLogAlreadyExists");
pub static GATEWAY_NOT_ATTACHED: ErrorCode = code("Gateway.NotAttached");
pub static GROUPS_OF_INTERFACE_LIMIT_EXCEEDED: ErrorCode = code("SecurityGroupsPerInterfaceLimitExceeded");
pub static GROUP_LIMIT_EXCEEDED: ErrorCode = code("SecurityGroupLimitExceeded");
pub static HOST_LIMIT_EXCEEDED: ErrorCode = code("HostLimitExceeded");
pub static IDEMPOTENT_PARAMETER_MISMATCH: ErrorCode = code("IdempotentParameterMismatch");
pub static INCORRECT_INSTANCE_STATE: ErrorCode = code("IncorrectInstanceState");
pub static INCORRECT_MODIFICATION_STATE: ErrorCode = code("IncorrectModificationState");
pub static INCORRECT_SPOT_REQUEST_STATE: ErrorCode = code("IncorrectSpotRequestState");
pub static INCORRECT_STATE: ErrorCode = code("IncorrectState");
pub static INSTANCE_LIMIT_EXCEEDED: ErrorCode = code("InstanceLimitExceeded");
pub static INSUFFICIENT_CAPACITY_ON_HOST: ErrorCode = code("InsufficientCapacityOnHost");
pub static INSUFFICIENT_CIDR_BLOCKS: ErrorCode = code("InsufficientCidrBlocks");
pub static INSUFFICIENT_HOST_CAPACITY: ErrorCode = ErrorCode {
    name: "InsufficientHostCapacity",
    code: "InsufficientHostCapacity",
    status: 500,
    side: schema::Side::Receiver,
};
pub static INSUFFICIENT_INSTANCE_CAPACITY: ErrorCode = ErrorCode {
    name: "InsufficientInstanceCapacity",
    code: "InsufficientInstanceCapacity",
    status: 500,
    side: schema::Side::Receiver,
};
pub static INSUFFICIENT_FREE_ADDRESSES: ErrorCode = code("InsufficientFreeAddressesInSubnet");
pub static INTERNAL_ERROR: ErrorCode =
    ErrorCode { name: "InternalError", code: "InternalError", status: 500, side: schema::Side::Receiver };
pub static INTERNET_GATEWAY_LIMIT_EXCEEDED: ErrorCode = code("InternetGatewayLimitExceeded");
pub static INVALID_ADDRESS_NOT_FOUND: ErrorCode = code("InvalidAddress.NotFound");
pub static INVALID_AFFINITY: ErrorCode = code("InvalidAffinity");
pub static INVALID_AMI_ATTRIBUTE_ITEM_VALUE: ErrorCode = code("InvalidAMIAttributeItemValue");
pub static INVALID_AMI_ID_NOT_FOUND: ErrorCode = code("InvalidAMIID.NotFound");
pub static INVALID_AMI_ID_UNAVAILABLE: ErrorCode = code("InvalidAMIID.Unavailable");
pub static INVALID_AMI_NAME_DUPLICATE: ErrorCode = code("InvalidAMIName.Duplicate");
pub static INVALID_AMI_NAME_MALFORMED: ErrorCode = code("InvalidAMIName.Malformed");
pub static INVALID_ASSOCIATION_ID_NOT_FOUND: ErrorCode = code("InvalidAssociationID.NotFound");
pub static INVALID_ASSOCIATION_NOT_FOUND: ErrorCode = code("InvalidAssociation.NotFound");
pub static INVALID_ATTACHMENT_NOT_FOUND: ErrorCode = code("InvalidAttachmentID.NotFound");
pub static INVALID_ATTRIBUTE_VALUE: ErrorCode = code("InvalidAttributeValue");
pub static INVALID_BLOCK_DEVICE_MAPPING: ErrorCode = code("InvalidBlockDeviceMapping");
pub static INVALID_CIDR_IN_USE: ErrorCode = code("InvalidCidr.InUse");
pub static INVALID_GATEWAY_ID_NOT_FOUND: ErrorCode = code("InvalidGatewayID.NotFound");
pub static INVALID_GROUP_DUPLICATE: ErrorCode = code("InvalidGroup.Duplicate");
pub static INVALID_GROUP_NOT_FOUND: ErrorCode = code("InvalidGroup.NotFound");
pub static INVALID_GROUP_RESERVED: ErrorCode = code("InvalidGroup.Reserved");
pub static INVALID_HOST_CONFIGURATION: ErrorCode = code("InvalidHostConfiguration");
pub static INVALID_HOST_OCCUPIED: ErrorCode = code("InvalidHost.Occupied");
pub static INVALID_ID: ErrorCode = code("InvalidID");
pub static INVALID_INSTANCE_FAMILY: ErrorCode = code("InvalidInstanceFamily");
pub static INVALID_INSTANCE_ID: ErrorCode = code("InvalidInstanceID");
pub static INVALID_INSTANCE_ID_NOT_FOUND: ErrorCode = code("InvalidInstanceID.NotFound");
pub static INVALID_INSTANCE_TYPE: ErrorCode = code("InvalidInstanceType");
pub static INVALID_IPAM_POOL_ID_NOT_FOUND: ErrorCode = code("InvalidIpamPoolId.NotFound");
pub static INVALID_IPV6_POOL_ID_NOT_FOUND: ErrorCode = code("InvalidIpv6PoolID.NotFound");
pub static INVALID_IP_IN_USE: ErrorCode = code("InvalidIPAddress.InUse");
pub static INVALID_KEY_FORMAT: ErrorCode = code("InvalidKey.Format");
pub static INVALID_KEY_PAIR_DUPLICATE: ErrorCode = code("InvalidKeyPair.Duplicate");
pub static INVALID_KEY_PAIR_NOT_FOUND: ErrorCode = code("InvalidKeyPair.NotFound");
pub static INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND: ErrorCode = code("InvalidLaunchTemplateId.NotFound");
pub static INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND: ErrorCode =
    code("InvalidLaunchTemplateId.VersionNotFound");
pub static INVALID_LAUNCH_TEMPLATE_NAME_ALREADY_EXISTS: ErrorCode =
    code("InvalidLaunchTemplateName.AlreadyExistsException");
pub static INVALID_LAUNCH_TEMPLATE_NAME_NOT_FOUND: ErrorCode =
    code("InvalidLaunchTemplateName.NotFoundException");
pub static INVALID_MANIFEST: ErrorCode = code("InvalidManifest");
pub static INVALID_NETWORK_ACL_ENTRY_NOT_FOUND: ErrorCode = code("InvalidNetworkAclEntry.NotFound");
pub static INVALID_NETWORK_INTERFACE_IN_USE: ErrorCode = code("InvalidNetworkInterface.InUse");
pub static INVALID_NEXT_TOKEN: ErrorCode = code("InvalidNextToken");
pub static INVALID_PARAMETER: ErrorCode = code("InvalidParameter");
pub static INVALID_PARAMETER_COMBINATION: ErrorCode = code("InvalidParameterCombination");
pub static INVALID_PARAMETER_DEPENDENCY: ErrorCode = code("InvalidParameterDependency");
pub static INVALID_PARAMETER_VALUE: ErrorCode = code("InvalidParameterValue");
pub static INVALID_PERMISSION_DUPLICATE: ErrorCode = code("InvalidPermission.Duplicate");
pub static INVALID_PERMISSION_ID_NOT_FOUND: ErrorCode = code("InvalidPermissionID.NotFound");
pub static INVALID_PERMISSION_NOT_FOUND: ErrorCode = code("InvalidPermission.NotFound");
pub static INVALID_PLACEMENT_GROUP_DUPLICATE: ErrorCode = code("InvalidPlacementGroup.Duplicate");
pub static INVALID_PLACEMENT_GROUP_IN_USE: ErrorCode = code("InvalidPlacementGroup.InUse");
pub static INVALID_PLACEMENT_GROUP_UNKNOWN: ErrorCode = code("InvalidPlacementGroup.Unknown");
pub static INVALID_POLICY_DOCUMENT: ErrorCode = code("InvalidPolicyDocument");
pub static INVALID_PREFIX_LIST_ID_NOT_FOUND: ErrorCode = code("InvalidPrefixListId.NotFound");
pub static INVALID_RESERVED_INSTANCES_ID: ErrorCode = code("InvalidReservedInstancesId");
pub static INVALID_RESERVED_INSTANCES_OFFERING_ID: ErrorCode = code("InvalidReservedInstancesOfferingId");
pub static INVALID_ROUTE_NOT_FOUND: ErrorCode = code("InvalidRoute.NotFound");
pub static INVALID_SERVICE_NAME: ErrorCode = code("InvalidServiceName");
pub static INVALID_SNAPSHOT_IN_USE: ErrorCode = code("InvalidSnapshot.InUse");
pub static INVALID_SPOT_FLEET_REQUEST_CONFIG: ErrorCode = code("InvalidSpotFleetRequestConfig");
pub static INVALID_STATE_TRANSITION: ErrorCode = code("InvalidStateTransition");
pub static INVALID_SUBNET_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND: ErrorCode =
    code("InvalidSubnetCidrBlockAssociationID.NotFound");
pub static INVALID_CIDR_CONFLICT: ErrorCode = code("InvalidCidr.Conflict");
pub static INVALID_SUBNET_CONFLICT: ErrorCode = code("InvalidSubnet.Conflict");
pub static INVALID_SUBNET_ID_NOT_FOUND: ErrorCode = code("InvalidSubnetID.NotFound");
pub static INVALID_SUBNET_RANGE: ErrorCode = code("InvalidSubnet.Range");
pub static INVALID_USER_DATA_MALFORMED: ErrorCode = code("InvalidUserData.Malformed");
pub static INVALID_USER_ID_MALFORMED: ErrorCode = code("InvalidUserID.Malformed");
pub static INVALID_VOLUME_ZONE_MISMATCH: ErrorCode = code("InvalidVolume.ZoneMismatch");
pub static INVALID_VPC_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND: ErrorCode =
    code("InvalidVpcCidrBlockAssociationID.NotFound");
pub static INVALID_VPC_RANGE: ErrorCode = code("InvalidVpc.Range");
pub static INVALID_VPN_GATEWAY_ATTACHMENT_NOT_FOUND: ErrorCode = code("InvalidVpnGatewayAttachment.NotFound");
pub static INVALID_ZONE_NOT_FOUND: ErrorCode = code("InvalidZone.NotFound");
pub static MISSING_PARAMETER: ErrorCode = code("MissingParameter");
pub static NAT_GATEWAY_LIMIT_EXCEEDED: ErrorCode = code("NatGatewayLimitExceeded");
pub static NETWORK_ACL_ENTRY_ALREADY_EXISTS: ErrorCode = code("NetworkAclEntryAlreadyExists");
pub static NETWORK_ACL_ENTRY_LIMIT_EXCEEDED: ErrorCode = code("NetworkAclEntryLimitExceeded");
pub static NETWORK_ACL_LIMIT_EXCEEDED: ErrorCode = code("NetworkAclLimitExceeded");
pub static NOT_EXPORTABLE: ErrorCode = code("NotExportable");
pub static OPERATION_NOT_PERMITTED: ErrorCode = code("OperationNotPermitted");
pub static OUTSTANDING_VPC_PEERING_CONNECTION_LIMIT_EXCEEDED: ErrorCode =
    code("OutstandingVpcPeeringConnectionLimitExceeded");
pub static PREFIX_LIST_MAX_ENTRIES_EXCEEDED: ErrorCode = code("PrefixListMaxEntriesExceeded");
pub static PREFIX_LIST_VERSION_MISMATCH: ErrorCode = code("PrefixListVersionMismatch");
pub static PREFIX_LIST_VERSION_NOT_FOUND: ErrorCode = code("PrefixListVersionNotFound");
pub static PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED: ErrorCode = code("PrivateIpAddressLimitExceeded");
pub static PROPAGATION_ALREADY_EXISTS: ErrorCode = code("TransitGatewayRouteTablePropagation.Duplicate");
pub static PROPAGATION_NOT_FOUND: ErrorCode = code("TransitGatewayRouteTablePropagation.NotFound");
pub static RESERVATION_CAPACITY_EXCEEDED: ErrorCode = code("ReservationCapacityExceeded");
pub static RESERVED_INSTANCES_LIMIT_EXCEEDED: ErrorCode = code("ReservedInstancesLimitExceeded");
pub static RESOURCE_ALREADY_ASSOCIATED: ErrorCode = code("Resource.AlreadyAssociated");
pub static RESOURCE_LIMIT_EXCEEDED: ErrorCode = code("ResourceLimitExceeded");
pub static ROUTE_ALREADY_EXISTS: ErrorCode = code("RouteAlreadyExists");
pub static ROUTE_LIMIT_EXCEEDED: ErrorCode = code("RouteLimitExceeded");
pub static ROUTE_TABLE_LIMIT_EXCEEDED: ErrorCode = code("RouteTableLimitExceeded");
pub static RULES_LIMIT_EXCEEDED: ErrorCode = code("RulesPerSecurityGroupLimitExceeded");
pub static SNAPSHOT_CREATE_VOLUME_PERMISSION_LIMIT_EXCEEDED: ErrorCode =
    code("SnapshotCreateVolumePermissionLimitExceeded");
pub static SPOT_MAX_PRICE_TOO_LOW: ErrorCode = code("SpotMaxPriceTooLow");
pub static SUBNET_LIMIT_EXCEEDED: ErrorCode = code("SubnetLimitExceeded");
pub static TAG_LIMIT_EXCEEDED: ErrorCode = code("TagLimitExceeded");
pub static TRANSIT_GATEWAY_LIMIT_EXCEEDED: ErrorCode = code("TransitGatewayLimitExceeded");
pub static SSM_INVALID_PARAMETER: ErrorCode = code("SsmInvalidParameter");
pub static UNAUTHORIZED_OPERATION: ErrorCode = ErrorCode::sender("UnauthorizedOperation", 403);
pub static UNSUPPORTED: ErrorCode = code("Unsupported");
pub static UNSUPPORTED_HIBERNATION_CONFIGURATION: ErrorCode = code("UnsupportedHibernationConfiguration");
pub static UNSUPPORTED_OPERATION: ErrorCode = code("UnsupportedOperation");
pub static VOLUME_IN_USE: ErrorCode = code("VolumeInUse");
pub static VOLUME_MODIFICATION_NOT_FOUND: ErrorCode = code("InvalidVolumeModification.NotFound");
pub static VOLUME_MODIFICATION_RATE_EXCEEDED: ErrorCode = code("VolumeModificationRateExceeded");
pub static VPC_ENDPOINT_LIMIT_EXCEEDED: ErrorCode = code("VpcEndpointLimitExceeded");
pub static VPC_LIMIT_EXCEEDED: ErrorCode = code("VpcLimitExceeded");
pub static VPC_NOT_SPECIFIED: ErrorCode = code("VPCIdNotSpecified");
pub static VPC_PEERING_CONNECTION_ALREADY_EXISTS: ErrorCode = code("VpcPeeringConnectionAlreadyExists");
pub static VPN_CONNECTION_LIMIT_EXCEEDED: ErrorCode = code("VpnConnectionLimitExceeded");
pub static VPN_GATEWAY_ATTACHMENT_LIMIT_EXCEEDED: ErrorCode = code("VpnGatewayAttachmentLimitExceeded");
pub static VPN_GATEWAY_LIMIT_EXCEEDED: ErrorCode = code("VpnGatewayLimitExceeded");
