//! The kinds of resources: what their ids look like, and what AWS says when one is malformed or not there. One row a
//! kind; ids are a prefix and seventeen hexadecimal digits, or eight for resources as old as EC2 ("Resource IDs").

use base::{Arn, Ids};
use schema::ErrorCode;
use service::Call;

use crate::error::Error;

#[derive(Debug)]
pub struct Kind {
    /// As in `ResourceType` of tags and in ARNs: `security-group`.
    pub name: &'static str,
    /// `sg` of `sg-0123456789abcdef0`.
    pub prefix: &'static str,
    /// How an error calls an id: `The vpc ID 'vpc-1' does not exist`.
    pub noun: &'static str,
    pub malformed: ErrorCode,
    pub not_found: ErrorCode,
    /// Ids are a prefix and a UUID.
    pub is_uuid: bool,
}

const fn kind(
    name: &'static str,
    prefix: &'static str,
    noun: &'static str,
    malformed: &'static str,
    not_found: &'static str,
) -> Kind {
    Kind {
        name,
        prefix,
        noun,
        malformed: ErrorCode::sender(malformed, 400),
        not_found: ErrorCode::sender(not_found, 400),
        is_uuid: false,
    }
}

pub static VPC: Kind = kind("vpc", "vpc", "vpc ID", "InvalidVpcId.Malformed", "InvalidVpcID.NotFound");
pub static SUBNET: Kind =
    kind("subnet", "subnet", "subnet ID", "InvalidSubnetId.Malformed", "InvalidSubnetID.NotFound");

// VPCs, routes, gateways.
pub static DHCP_OPTIONS: Kind = kind(
    "dhcp-options",
    "dopt",
    "dhcpOption ID",
    "InvalidDhcpOptionsId.Malformed",
    "InvalidDhcpOptionID.NotFound",
);
pub static EGRESS_ONLY_GATEWAY: Kind = kind(
    "egress-only-internet-gateway",
    "eigw",
    "egressOnlyInternetGateway ID",
    "InvalidEgressOnlyInternetGatewayId.Malformed",
    "InvalidEgressOnlyInternetGatewayId.NotFound",
);
pub static INTERNET_GATEWAY: Kind = kind(
    "internet-gateway",
    "igw",
    "internetGateway ID",
    "InvalidInternetGatewayId.Malformed",
    "InvalidInternetGatewayID.NotFound",
);
pub static NAT_GATEWAY: Kind =
    kind("natgateway", "nat", "Nat Gateway", "NatGatewayMalformed", "NatGatewayNotFound");
pub static NETWORK_ACL: Kind = kind(
    "network-acl",
    "acl",
    "networkAcl ID",
    "InvalidNetworkAclId.Malformed",
    "InvalidNetworkAclID.NotFound",
);
pub static ROUTE_TABLE: Kind = kind(
    "route-table",
    "rtb",
    "routeTable ID",
    "InvalidRouteTableId.Malformed",
    "InvalidRouteTableID.NotFound",
);
pub static SUBNET_CIDR_RESERVATION: Kind = kind(
    "subnet-cidr-reservation",
    "scr",
    "subnetCidrReservation ID",
    "InvalidSubnetCidrReservationID.Malformed",
    "InvalidSubnetCidrReservationID.NotFound",
);
pub static VPC_ENDPOINT: Kind = kind(
    "vpc-endpoint",
    "vpce",
    "Vpc Endpoint Id",
    "InvalidVpcEndpointId.Malformed",
    "InvalidVpcEndpointId.NotFound",
);
pub static VPC_ENDPOINT_SERVICE: Kind = kind(
    "vpc-endpoint-service",
    "vpce-svc",
    "VpcEndpointService Id",
    "InvalidVpcEndpointServiceId.Malformed",
    "InvalidVpcEndpointServiceId.NotFound",
);
pub static VPC_PEERING: Kind = kind(
    "vpc-peering-connection",
    "pcx",
    "vpcPeeringConnection ID",
    "InvalidVpcPeeringConnectionId.Malformed",
    "InvalidVpcPeeringConnectionID.NotFound",
);

// Groups, interfaces, addresses.
pub static SECURITY_GROUP: Kind =
    kind("security-group", "sg", "security group", "InvalidGroupId.Malformed", "InvalidGroup.NotFound");
pub static SECURITY_GROUP_RULE: Kind = kind(
    "security-group-rule",
    "sgr",
    "security group rule ID",
    "InvalidSecurityGroupRuleId.Malformed",
    "InvalidSecurityGroupRuleId.NotFound",
);
pub static NETWORK_INTERFACE: Kind = kind(
    "network-interface",
    "eni",
    "networkInterface ID",
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNetworkInterfaceID.NotFound",
);
pub static ELASTIC_IP: Kind = kind(
    "elastic-ip",
    "eipalloc",
    "allocation ID",
    "InvalidAllocationID.Malformed",
    "InvalidAllocationID.NotFound",
);
pub static PREFIX_LIST: Kind = kind(
    "prefix-list",
    "pl",
    "prefix list ID",
    "InvalidPrefixListId.Malformed",
    "InvalidPrefixListID.NotFound",
);
pub static FLOW_LOG: Kind =
    kind("vpc-flow-log", "fl", "flow log ID", "InvalidFlowLogId.Malformed", "InvalidFlowLogId.NotFound");
pub static TRANSIT_GATEWAY: Kind = kind(
    "transit-gateway",
    "tgw",
    "transitGateway ID",
    "InvalidTransitGatewayID.Malformed",
    "InvalidTransitGatewayID.NotFound",
);
pub static TRANSIT_GATEWAY_ATTACHMENT: Kind = kind(
    "transit-gateway-attachment",
    "tgw-attach",
    "transitGatewayAttachment ID",
    "InvalidTransitGatewayAttachmentID.Malformed",
    "InvalidTransitGatewayAttachmentID.NotFound",
);
pub static TRANSIT_GATEWAY_ROUTE_TABLE: Kind = kind(
    "transit-gateway-route-table",
    "tgw-rtb",
    "transitGatewayRouteTable ID",
    "InvalidRouteTableId.Malformed",
    "InvalidRouteTableID.NotFound",
);
pub static CUSTOMER_GATEWAY: Kind = kind(
    "customer-gateway",
    "cgw",
    "customerGateway ID",
    "InvalidCustomerGatewayId.Malformed",
    "InvalidCustomerGatewayID.NotFound",
);
pub static VPN_GATEWAY: Kind = kind(
    "vpn-gateway",
    "vgw",
    "vpnGateway ID",
    "InvalidVpnGatewayId.Malformed",
    "InvalidVpnGatewayID.NotFound",
);
pub static VPN_CONNECTION: Kind = kind(
    "vpn-connection",
    "vpn",
    "vpnConnection ID",
    "InvalidVpnConnectionId.Malformed",
    "InvalidVpnConnectionID.NotFound",
);
pub static NETWORK_INSIGHTS_PATH: Kind = kind(
    "network-insights-path",
    "nip",
    "network insights path ID",
    "InvalidNetworkInsightsPathId.Malformed",
    "InvalidNetworkInsightsPathId.NotFound",
);
pub static NETWORK_INSIGHTS_ANALYSIS: Kind = kind(
    "network-insights-analysis",
    "nia",
    "network insights analysis ID",
    "InvalidNetworkInsightsAnalysisId.Malformed",
    "InvalidNetworkInsightsAnalysisId.NotFound",
);

// Instances, images, keys, templates.
pub static CAPACITY_RESERVATION: Kind = kind(
    "capacity-reservation",
    "cr",
    "capacity reservation ID",
    "InvalidCapacityReservationId.Malformed",
    "InvalidCapacityReservationId.NotFound",
);
pub static DEDICATED_HOST: Kind =
    kind("dedicated-host", "h", "dedicated host ID", "InvalidHostID.Malformed", "InvalidHostID.NotFound");
pub static FLEET: Kind =
    kind("fleet", "fleet", "fleet ID", "InvalidFleetId.Malformed", "InvalidFleetId.NotFound");
pub static IMAGE: Kind = kind("image", "ami", "image id", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound");
pub static EXPORT_IMAGE_TASK: Kind = kind(
    "export-image-task",
    "export-ami",
    "export task ID",
    "InvalidExportTaskID.Malformed",
    "InvalidExportTaskID.NotFound",
);
pub static IMPORT_IMAGE_TASK: Kind = kind(
    "import-image-task",
    "import-ami",
    "import task ID",
    "InvalidConversionTaskId.Malformed",
    "InvalidConversionTaskId",
);
pub static IMPORT_SNAPSHOT_TASK: Kind = kind(
    "import-snapshot-task",
    "import-snap",
    "import task ID",
    "InvalidConversionTaskId.Malformed",
    "InvalidConversionTaskId",
);
pub static INSTANCE: Kind =
    kind("instance", "i", "instance ID", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound");
pub static KEY_PAIR: Kind =
    kind("key-pair", "key", "key pair ID", "InvalidKeyPairId.Malformed", "InvalidKeyPair.NotFound");
pub static LAUNCH_TEMPLATE: Kind = kind(
    "launch-template",
    "lt",
    "launch template ID",
    "InvalidLaunchTemplateId.Malformed",
    "InvalidLaunchTemplateId.NotFound",
);
pub static PLACEMENT_GROUP: Kind = kind(
    "placement-group",
    "pg",
    "placement group ID",
    "InvalidPlacementGroupId.Malformed",
    "InvalidPlacementGroup.Unknown",
);
pub static REPLACE_ROOT_VOLUME_TASK: Kind = kind(
    "replace-root-volume-task",
    "replacevol",
    "replace root volume task ID",
    "InvalidReplaceRootVolumeTaskId.Malformed",
    "InvalidReplaceRootVolumeTaskId.NotFound",
);
pub static SNAPSHOT: Kind =
    kind("snapshot", "snap", "snapshot ID", "InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound");
pub static SPOT_FLEET: Kind = Kind {
    is_uuid: true,
    ..kind(
        "spot-fleet-request",
        "sfr",
        "spot fleet request ID",
        "InvalidSpotFleetRequestId.Malformed",
        "InvalidSpotFleetRequestId.NotFound",
    )
};
pub static SPOT_REQUEST: Kind = kind(
    "spot-instances-request",
    "sir",
    "spot instance request ID",
    "InvalidSpotInstanceRequestID.Malformed",
    "InvalidSpotInstanceRequestID.NotFound",
);
pub static VOLUME: Kind =
    kind("volume", "vol", "volume ID", "InvalidVolumeID.Malformed", "InvalidVolume.NotFound");

/// All of them, for tags: which kind an id is of.
pub static KINDS: &[&Kind] = &[
    &CAPACITY_RESERVATION,
    &CUSTOMER_GATEWAY,
    &DEDICATED_HOST,
    &DHCP_OPTIONS,
    &EGRESS_ONLY_GATEWAY,
    &ELASTIC_IP,
    &EXPORT_IMAGE_TASK,
    &FLEET,
    &FLOW_LOG,
    &IMAGE,
    &IMPORT_IMAGE_TASK,
    &IMPORT_SNAPSHOT_TASK,
    &INSTANCE,
    &INTERNET_GATEWAY,
    &KEY_PAIR,
    &LAUNCH_TEMPLATE,
    &NAT_GATEWAY,
    &NETWORK_ACL,
    &NETWORK_INSIGHTS_ANALYSIS,
    &NETWORK_INSIGHTS_PATH,
    &NETWORK_INTERFACE,
    &PLACEMENT_GROUP,
    &PREFIX_LIST,
    &REPLACE_ROOT_VOLUME_TASK,
    &ROUTE_TABLE,
    &SECURITY_GROUP,
    &SECURITY_GROUP_RULE,
    &SNAPSHOT,
    &SPOT_FLEET,
    &SPOT_REQUEST,
    &SUBNET,
    &SUBNET_CIDR_RESERVATION,
    &TRANSIT_GATEWAY,
    &TRANSIT_GATEWAY_ATTACHMENT,
    &TRANSIT_GATEWAY_ROUTE_TABLE,
    &VOLUME,
    &VPC,
    &VPC_ENDPOINT,
    &VPC_ENDPOINT_SERVICE,
    &VPC_PEERING,
    &VPN_CONNECTION,
    &VPN_GATEWAY,
];

impl Kind {
    pub fn new_id(&self, ids: &Ids) -> String {
        if self.is_uuid {
            let hex = ids.hex(32);
            let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
            return format!("{}-{a}-{b}-{c}-{d}-{e}", self.prefix);
        }
        format!("{}-0{}", self.prefix, ids.hex(16))
    }

    pub fn arn(&self, call: &Call, id: &str) -> Arn {
        call.arn("ec2", format!("{}/{id}", self.name))
    }

    /// Every resource of this kind, for permissions where none is named.
    pub fn any(&self, call: &Call) -> Arn {
        self.arn(call, "*")
    }

    /// Refuses what is no id of this kind.
    pub fn check(&'static self, id: &str) -> Result<(), Error> {
        match self.is_id(id) {
            true => Ok(()),
            false => Err(Error::new(&self.malformed, format!("Invalid id: \"{id}\""))),
        }
    }

    pub fn is_id(&self, id: &str) -> bool {
        let digits = id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-'));
        if self.is_uuid {
            return digits.is_some_and(is_uuid);
        }
        digits.is_some_and(|digits| {
            matches!(digits.len(), 8 | 17)
                && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    pub fn missing(&'static self, id: &str) -> Error {
        Error::new(&self.not_found, format!("The {} '{id}' does not exist", self.noun))
    }

    /// `The vpc IDs 'vpc-1, vpc-2' do not exist`
    pub fn missing_all(&'static self, ids: &[String]) -> Error {
        match ids {
            [one] => self.missing(one),
            many => {
                Error::new(&self.not_found, format!("The {}s '{}' do not exist", self.noun, many.join(", ")))
            }
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let is_part = |(part, length): (&str, usize)| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    text.split('-').count() == lengths.len() && text.split('-').zip(lengths).all(is_part)
}

/// The kind that an id is of, by its prefix.
pub fn of_id(id: &str) -> Option<&'static Kind> {
    if let Some(kind) = KINDS.iter().find(|kind| kind.is_uuid && kind.is_id(id)) {
        return Some(kind);
    }
    let (prefix, _) = id.rsplit_once('-')?;
    KINDS.iter().copied().find(|kind| kind.prefix == prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_what_is_none() {
        for (id, is_one) in [
            ("vpc-0123456789abcdef0", true),
            ("vpc-1a2b3c4d", true),
            ("vpc-0123456789abcdef", false),
            ("vpc-0123456789ABCDEF0", false),
            ("subnet-0123456789abcdef0", false),
            ("vpc", false),
            ("", false),
        ] {
            assert_eq!(VPC.is_id(id), is_one, "{id}");
        }
        assert!(VPC.is_id(&VPC.new_id(&Ids::seeded(1))));
        let fleet = SPOT_FLEET.new_id(&Ids::seeded(1));
        assert!(SPOT_FLEET.is_id(&fleet) && !SPOT_FLEET.is_id("sfr-0123456789abcdef0"), "{fleet}");
        assert_eq!(of_id(&fleet).map(|kind| kind.name), Some("spot-fleet-request"));
    }

    #[test]
    fn prefixes_are_unique() {
        let mut prefixes: Vec<_> = KINDS.iter().map(|kind| kind.prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), KINDS.len());
    }
}
