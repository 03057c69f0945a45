//! Condition keys of what a request would make, or do to what is there.

use ec2_api::*;
use schema::Structure;

use super::{Keys, add, arn};
use crate::kind::{IMAGE, KEY_PAIR, NETWORK_INTERFACE, PLACEMENT_GROUP};
use crate::records::Place;

/// What the request says of a resource of this kind.
pub fn keys(place: &Place, action: &str, kind: &str, input: &dyn Structure) -> Keys {
    let input = input.as_any();
    let mut keys = Keys::new();
    match action {
        "CreateKeyPair" if kind == KEY_PAIR.name => {
            let asked = input.downcast_ref::<CreateKeyPairInput>();
            let of_type = asked.map(|it| it.key_type.as_ref().map_or("rsa", KeyType::as_str));
            add(&mut keys, "ec2:KeyPairType", of_type);
        }
        "CreatePlacementGroup" if kind == PLACEMENT_GROUP.name => {
            let asked = input.downcast_ref::<CreatePlacementGroupInput>();
            add(&mut keys, "ec2:PlacementGroupName", asked.and_then(|it| it.group_name.as_ref()));
            add(&mut keys, "ec2:PlacementGroupStrategy", asked.and_then(|it| it.strategy.as_ref()));
        }
        "CreateVpcEndpoint" if kind == "vpc-endpoint" => {
            let asked = input.downcast_ref::<CreateVpcEndpointInput>();
            add(&mut keys, "ec2:VpceServiceName", asked.and_then(|it| it.service_name.as_ref()));
            add(&mut keys, "ec2:VpceServiceRegion", asked.and_then(|it| it.service_region.as_ref()));
            add(&mut keys, "ec2:VpceServiceOwner", asked.map(|_| "amazon"));
        }
        "CreateVpcPeeringConnection" if kind == "vpc-peering-connection" => {
            if let Some(asked) = input.downcast_ref::<CreateVpcPeeringConnectionInput>() {
                keys.extend(peering(place, asked));
            }
        }
        "CreateNetworkInterfacePermission" if kind == NETWORK_INTERFACE.name => {
            let asked = input.downcast_ref::<CreateNetworkInterfacePermissionInput>();
            add(&mut keys, "ec2:AuthorizedUser", asked.and_then(|it| it.aws_account_id.as_ref()));
            add(&mut keys, "ec2:AuthorizedService", asked.and_then(|it| it.aws_service.as_ref()));
            add(&mut keys, "ec2:Permission", asked.map(|it| it.permission.as_str()));
        }
        "AssociateIamInstanceProfile" => {
            let asked = input.downcast_ref::<AssociateIamInstanceProfileInput>();
            add(
                &mut keys,
                "ec2:NewInstanceProfile",
                asked.and_then(|it| profile(place, &it.iam_instance_profile)),
            );
        }
        "ReplaceIamInstanceProfileAssociation" => {
            let asked = input.downcast_ref::<ReplaceIamInstanceProfileAssociationInput>();
            add(
                &mut keys,
                "ec2:NewInstanceProfile",
                asked.and_then(|it| profile(place, &it.iam_instance_profile)),
            );
        }
        "ModifyImageAttribute" if kind == IMAGE.name => {
            if let Some(asked) = input.downcast_ref::<ModifyImageAttributeInput>() {
                keys.extend(permissions(asked));
            }
        }
        "CreateVpnConnection" if kind == "vpn-connection" => {
            if let Some(asked) = input.downcast_ref::<CreateVpnConnectionInput>() {
                keys.extend(vpn(asked));
            }
        }
        _ => {}
    }
    keys
}

/// The ARN of a profile that is named either way.
pub fn profile(place: &Place, asked: &IamInstanceProfileSpecification) -> Option<String> {
    let by_name = || {
        let (account, region) = place;
        let name = asked.name.as_deref()?;
        Some(format!("arn:{}:iam::{account}:instance-profile/{name}", region.partition().as_str()))
    };
    asked.arn.clone().or_else(by_name)
}

fn peering(place: &Place, asked: &CreateVpcPeeringConnectionInput) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:RequesterVpc", Some(arn(place, &format!("vpc/{}", asked.vpc_id))));
    let (account, region) = place;
    let region = asked.peer_region.clone().unwrap_or_else(|| region.to_string());
    let owner = asked.peer_owner_id.clone().unwrap_or_else(|| account.to_string());
    let partition = place.1.partition();
    let other = asked.peer_vpc_id.as_deref();
    let other = other.map(|vpc| format!("arn:{}:ec2:{region}:{owner}:vpc/{vpc}", partition.as_str()));
    add(&mut keys, "ec2:AccepterVpc", other);
    keys
}

/// `ec2:Add/userId`, `ec2:Remove/group` and their like.
fn permissions(asked: &ModifyImageAttributeInput) -> Keys {
    let mut keys = Keys::new();
    let changes = asked.launch_permission.clone().unwrap_or_default();
    for (verb, all) in [("Add", changes.add), ("Remove", changes.remove)] {
        for permission in all.unwrap_or_default() {
            add(&mut keys, &format!("ec2:{verb}/userId"), permission.user_id);
            add(&mut keys, &format!("ec2:{verb}/group"), permission.group);
        }
    }
    keys
}

fn vpn(asked: &CreateVpnConnectionInput) -> Keys {
    let options = asked.options.clone().unwrap_or_default();
    let mut keys = Keys::new();
    let gateway = if asked.transit_gateway_id.is_some() { "tgw" } else { "vgw" };
    add(&mut keys, "ec2:GatewayType", Some(gateway));
    let routing = if options.static_routes_only == Some(true) { "static" } else { "bgp" };
    add(&mut keys, "ec2:RoutingType", Some(routing));
    add(&mut keys, "ec2:AuthenticationType", Some("pre-shared-key"));
    for tunnel in options.tunnel_options.unwrap_or_default() {
        add(&mut keys, "ec2:InsideTunnelCidr", tunnel.tunnel_inside_cidr);
        add(&mut keys, "ec2:InsideTunnelIpv6Cidr", tunnel.tunnel_inside_ipv6_cidr);
        add(&mut keys, "ec2:Phase1LifetimeSeconds", tunnel.phase1_lifetime_seconds);
        add(&mut keys, "ec2:Phase2LifetimeSeconds", tunnel.phase2_lifetime_seconds);
        add(&mut keys, "ec2:RekeyMarginTimeSeconds", tunnel.rekey_margin_time_seconds);
        add(&mut keys, "ec2:RekeyFuzzPercentage", tunnel.rekey_fuzz_percentage);
        add(&mut keys, "ec2:ReplayWindowSizePackets", tunnel.replay_window_size);
        add(&mut keys, "ec2:DPDTimeoutSeconds", tunnel.dpd_timeout_seconds);
        for version in tunnel.ike_versions.into_iter().flatten() {
            add(&mut keys, "ec2:IKEVersions", version.value);
        }
        for group in tunnel.phase1_dh_group_numbers.into_iter().flatten() {
            add(&mut keys, "ec2:Phase1DHGroup", group.value);
        }
        for group in tunnel.phase2_dh_group_numbers.into_iter().flatten() {
            add(&mut keys, "ec2:Phase2DHGroup", group.value);
        }
        for one in tunnel.phase1_encryption_algorithms.into_iter().flatten() {
            add(&mut keys, "ec2:Phase1EncryptionAlgorithms", one.value);
        }
        for one in tunnel.phase2_encryption_algorithms.into_iter().flatten() {
            add(&mut keys, "ec2:Phase2EncryptionAlgorithms", one.value);
        }
        for one in tunnel.phase1_integrity_algorithms.into_iter().flatten() {
            add(&mut keys, "ec2:Phase1IntegrityAlgorithms", one.value);
        }
        for one in tunnel.phase2_integrity_algorithms.into_iter().flatten() {
            add(&mut keys, "ec2:Phase2IntegrityAlgorithms", one.value);
        }
    }
    keys
}
