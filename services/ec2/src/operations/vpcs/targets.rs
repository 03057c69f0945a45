//! What calls about VPCs act on, for permissions: one row an operation, as in the service authorization reference.

use base::Arn;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::kind::{self, Kind};

/// Ids in a member of an input.
trait Named {
    fn ids(&self) -> Vec<&str>;
}

impl Named for String {
    fn ids(&self) -> Vec<&str> {
        vec![self]
    }
}

impl Named for Option<String> {
    fn ids(&self) -> Vec<&str> {
        self.as_deref().into_iter().collect()
    }
}

impl Named for Vec<String> {
    fn ids(&self) -> Vec<&str> {
        self.iter().map(String::as_str).collect()
    }
}

impl Named for Option<Vec<String>> {
    fn ids(&self) -> Vec<&str> {
        self.iter().flatten().map(String::as_str).collect()
    }
}

fn arns(kind: &Kind, call: &Call, named: &impl Named) -> Vec<Arn> {
    named.ids().into_iter().map(|id| kind.arn(call, id)).collect()
}

/// `function: Input [NEW …] [KIND member …]`: the kinds of which something is made, then what is named.
macro_rules! targets {
    ($($function:ident: $input:ident [$($new:ident)*] [$($kind:ident $member:ident),*];)*) => {$(
        pub fn $function(_: &Ec2, call: &Call, input: &ec2_api::$input) -> Result<Vec<Arn>, Error> {
            let _ = input;
            let new: Vec<Arn> = vec![$(kind::$new.any(call)),*];
            let named: Vec<Vec<Arn>> = vec![$(arns(&kind::$kind, call, &input.$member)),*];
            Ok(new.into_iter().chain(named.into_iter().flatten()).collect())
        }
    )*};
}

targets! {
    create_vpc: CreateVpcInput [VPC] [];
    create_default_vpc: CreateDefaultVpcInput [VPC] [];
    delete_vpc: DeleteVpcInput [] [VPC vpc_id];
    describe_vpc_attribute: DescribeVpcAttributeInput [] [VPC vpc_id];
    modify_vpc_attribute: ModifyVpcAttributeInput [] [VPC vpc_id];
    modify_vpc_tenancy: ModifyVpcTenancyInput [] [VPC vpc_id];
    associate_vpc_block: AssociateVpcCidrBlockInput [] [VPC vpc_id];
    disassociate_vpc_block: DisassociateVpcCidrBlockInput [VPC] [];
    create_subnet: CreateSubnetInput [SUBNET] [VPC vpc_id];
    create_default_subnet: CreateDefaultSubnetInput [SUBNET] [];
    delete_subnet: DeleteSubnetInput [] [SUBNET subnet_id];
    modify_subnet: ModifySubnetAttributeInput [] [SUBNET subnet_id];
    associate_subnet_block: AssociateSubnetCidrBlockInput [] [SUBNET subnet_id];
    disassociate_subnet_block: DisassociateSubnetCidrBlockInput [SUBNET] [];
    create_route_table: CreateRouteTableInput [ROUTE_TABLE] [VPC vpc_id];
    delete_route_table: DeleteRouteTableInput [] [ROUTE_TABLE route_table_id];
    associate_route_table: AssociateRouteTableInput []
        [ROUTE_TABLE route_table_id, SUBNET subnet_id, INTERNET_GATEWAY gateway_id];
    disassociate_route_table: DisassociateRouteTableInput [ROUTE_TABLE] [];
    replace_route_table: ReplaceRouteTableAssociationInput [] [ROUTE_TABLE route_table_id];
    create_route: CreateRouteInput [] [ROUTE_TABLE route_table_id];
    replace_route: ReplaceRouteInput [] [ROUTE_TABLE route_table_id];
    delete_route: DeleteRouteInput [] [ROUTE_TABLE route_table_id];
    enable_propagation: EnableVgwRoutePropagationInput [] [ROUTE_TABLE route_table_id];
    disable_propagation: DisableVgwRoutePropagationInput [] [ROUTE_TABLE route_table_id];
    create_internet_gateway: CreateInternetGatewayInput [INTERNET_GATEWAY] [];
    delete_internet_gateway: DeleteInternetGatewayInput [] [INTERNET_GATEWAY internet_gateway_id];
    attach_internet_gateway: AttachInternetGatewayInput []
        [INTERNET_GATEWAY internet_gateway_id, VPC vpc_id];
    detach_internet_gateway: DetachInternetGatewayInput []
        [INTERNET_GATEWAY internet_gateway_id, VPC vpc_id];
    create_egress_only_gateway: CreateEgressOnlyInternetGatewayInput [EGRESS_ONLY_GATEWAY] [VPC vpc_id];
    delete_egress_only_gateway: DeleteEgressOnlyInternetGatewayInput []
        [EGRESS_ONLY_GATEWAY egress_only_internet_gateway_id];
    create_acl: CreateNetworkAclInput [NETWORK_ACL] [VPC vpc_id];
    delete_acl: DeleteNetworkAclInput [] [NETWORK_ACL network_acl_id];
    create_acl_entry: CreateNetworkAclEntryInput [] [NETWORK_ACL network_acl_id];
    replace_acl_entry: ReplaceNetworkAclEntryInput [] [NETWORK_ACL network_acl_id];
    delete_acl_entry: DeleteNetworkAclEntryInput [] [NETWORK_ACL network_acl_id];
    replace_acl_association: ReplaceNetworkAclAssociationInput [] [NETWORK_ACL network_acl_id];
    create_dhcp_options: CreateDhcpOptionsInput [DHCP_OPTIONS] [];
    delete_dhcp_options: DeleteDhcpOptionsInput [] [DHCP_OPTIONS dhcp_options_id];
    create_reservation: CreateSubnetCidrReservationInput [] [SUBNET subnet_id];
    delete_reservation: DeleteSubnetCidrReservationInput [SUBNET_CIDR_RESERVATION] [];
    create_nat_gateway: CreateNatGatewayInput [NAT_GATEWAY]
        [SUBNET subnet_id, ELASTIC_IP allocation_id, ELASTIC_IP secondary_allocation_ids];
    delete_nat_gateway: DeleteNatGatewayInput [] [NAT_GATEWAY nat_gateway_id];
    associate_nat_address: AssociateNatGatewayAddressInput []
        [NAT_GATEWAY nat_gateway_id, ELASTIC_IP allocation_ids];
    disassociate_nat_address: DisassociateNatGatewayAddressInput [] [NAT_GATEWAY nat_gateway_id];
    assign_nat_address: AssignPrivateNatGatewayAddressInput [] [NAT_GATEWAY nat_gateway_id];
    unassign_nat_address: UnassignPrivateNatGatewayAddressInput [] [NAT_GATEWAY nat_gateway_id];
    create_peering: CreateVpcPeeringConnectionInput [VPC_PEERING] [VPC vpc_id];
    accept_peering: AcceptVpcPeeringConnectionInput [] [VPC_PEERING vpc_peering_connection_id];
    reject_peering: RejectVpcPeeringConnectionInput [] [VPC_PEERING vpc_peering_connection_id];
    delete_peering: DeleteVpcPeeringConnectionInput [] [VPC_PEERING vpc_peering_connection_id];
    modify_peering: ModifyVpcPeeringConnectionOptionsInput [] [VPC_PEERING vpc_peering_connection_id];
    create_endpoint: CreateVpcEndpointInput [VPC_ENDPOINT]
        [VPC vpc_id, ROUTE_TABLE route_table_ids, SUBNET subnet_ids, SECURITY_GROUP security_group_ids];
    delete_endpoints: DeleteVpcEndpointsInput [] [VPC_ENDPOINT vpc_endpoint_ids];
    modify_endpoint: ModifyVpcEndpointInput [] [VPC_ENDPOINT vpc_endpoint_id,
        ROUTE_TABLE add_route_table_ids, SUBNET add_subnet_ids, SECURITY_GROUP add_security_group_ids];
}

/// `default` stands for no options at all.
pub fn associate_dhcp_options(
    _: &Ec2,
    call: &Call,
    input: &ec2_api::AssociateDhcpOptionsInput,
) -> Result<Vec<Arn>, Error> {
    let mut both = vec![kind::VPC.arn(call, &input.vpc_id)];
    if input.dhcp_options_id != "default" {
        both.push(kind::DHCP_OPTIONS.arn(call, &input.dhcp_options_id));
    }
    Ok(both)
}
