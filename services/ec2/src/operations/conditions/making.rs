//! Condition keys of what a request would make, or do to what is there.

use ec2_api::*;
use schema::Structure;

use super::existing::of_nobody;
use super::{Keys, add, arn};
use crate::kind::{
    CAPACITY_RESERVATION, IMAGE, KEY_PAIR, NETWORK_INTERFACE, PLACEMENT_GROUP, SNAPSHOT, VOLUME,
};
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
        "CreateVolume" if kind == VOLUME.name => {
            if let Some(asked) = input.downcast_ref::<CreateVolumeInput>() {
                keys.extend(volume(place, asked));
            }
        }
        "CreateCapacityReservation" if kind == CAPACITY_RESERVATION.name => {
            if let Some(asked) = input.downcast_ref::<CreateCapacityReservationInput>() {
                keys.extend(reservation(asked));
            }
        }
        "ModifySnapshotAttribute" if kind == SNAPSHOT.name => {
            if let Some(asked) = input.downcast_ref::<ModifySnapshotAttributeInput>() {
                keys.extend(sharing(asked));
            }
        }
        "LockSnapshot" if kind == SNAPSHOT.name => {
            let asked = input.downcast_ref::<LockSnapshotInput>();
            add(&mut keys, "ec2:SnapshotCoolOffPeriod", asked.and_then(|it| it.cool_off_period));
            add(&mut keys, "ec2:SnapshotLockDuration", asked.and_then(|it| it.lock_duration));
        }
        "CreateVpcEndpoint" if kind == "vpc-endpoint" => {
            if let Some(asked) = input.downcast_ref::<CreateVpcEndpointInput>() {
                keys.extend(endpoint(asked));
            }
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
            let new = asked.and_then(|it| profile(place, &it.iam_instance_profile));
            add(&mut keys, "ec2:NewInstanceProfile", new);
        }
        "ReplaceIamInstanceProfileAssociation" => {
            let asked = input.downcast_ref::<ReplaceIamInstanceProfileAssociationInput>();
            let new = asked.and_then(|it| profile(place, &it.iam_instance_profile));
            add(&mut keys, "ec2:NewInstanceProfile", new);
        }
        "ModifyImageAttribute" if kind == IMAGE.name => {
            if let Some(asked) = input.downcast_ref::<ModifyImageAttributeInput>() {
                keys.extend(permissions(asked));
            }
        }
        "AllocateHosts" if kind == "dedicated-host" => {
            if let Some(asked) = input.downcast_ref::<AllocateHostsInput>() {
                keys.extend(hosts(asked));
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

fn hosts(asked: &AllocateHostsInput) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:AutoPlacement", asked.auto_placement.as_ref());
    add(&mut keys, "ec2:AvailabilityZone", asked.availability_zone.as_ref());
    add(&mut keys, "ec2:HostRecovery", asked.host_recovery.as_ref());
    add(&mut keys, "ec2:InstanceType", asked.instance_type.as_ref());
    add(&mut keys, "ec2:Quantity", asked.quantity);
    keys
}

/// What CreateVolume says itself; what follows from a snapshot or a setting is not asked for.
fn volume(place: &Place, asked: &CreateVolumeInput) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:AvailabilityZone", asked.availability_zone.as_ref());
    add(&mut keys, "ec2:AvailabilityZoneId", asked.availability_zone_id.as_ref());
    add(&mut keys, "ec2:Encrypted", Some(asked.encrypted.unwrap_or(false)));
    add(&mut keys, "ec2:KmsKeyId", asked.kms_key_id.as_ref());
    let parent = asked.snapshot_id.as_deref().filter(|id| !id.is_empty());
    add(&mut keys, "ec2:ParentSnapshot", parent.map(|id| of_nobody(place, &format!("snapshot/{id}"))));
    add(&mut keys, "ec2:VolumeInitializationRate", asked.volume_initialization_rate);
    add(&mut keys, "ec2:VolumeIops", asked.iops);
    add(&mut keys, "ec2:VolumeSize", asked.size);
    add(&mut keys, "ec2:VolumeThroughput", asked.throughput);
    add(&mut keys, "ec2:VolumeType", Some(asked.volume_type.as_ref().map_or("gp2", VolumeType::as_str)));
    keys
}

fn endpoint(asked: &CreateVpcEndpointInput) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:VpceServiceName", asked.service_name.as_ref());
    add(&mut keys, "ec2:VpceServiceRegion", asked.service_region.as_ref());
    add(&mut keys, "ec2:VpceServiceOwner", Some("amazon"));
    let names = asked.dns_options.as_ref();
    add(&mut keys, "ec2:VpcePrivateDnsPreference", names.and_then(|it| it.private_dns_preference.as_ref()));
    for domain in names.into_iter().flat_map(|it| it.private_dns_specified_domains.iter().flatten()) {
        add(&mut keys, "ec2:VpcePrivateDnsSpecifiedDomains", Some(domain));
    }
    keys
}

/// What CreateCapacityReservation says, with what it means where it says nothing.
fn reservation(asked: &CreateCapacityReservationInput) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:AvailabilityZone", asked.availability_zone.as_ref());
    add(&mut keys, "ec2:AvailabilityZoneId", asked.availability_zone_id.as_ref());
    add(&mut keys, "ec2:EbsOptimized", Some(asked.ebs_optimized.unwrap_or(false)));
    add(&mut keys, "ec2:EndDate", asked.end_date.map(|at| at.to_iso8601()));
    add(&mut keys, "ec2:EndDateType", asked.end_date_type.as_ref());
    add(&mut keys, "ec2:EphemeralStorage", Some(asked.ephemeral_storage.unwrap_or(false)));
    add(&mut keys, "ec2:InstanceCount", Some(asked.instance_count));
    let criteria = asked.instance_match_criteria.as_ref().map_or("open", InstanceMatchCriteria::as_str);
    add(&mut keys, "ec2:InstanceMatchCriteria", Some(criteria));
    add(&mut keys, "ec2:InstancePlatform", Some(asked.instance_platform.as_str()));
    add(&mut keys, "ec2:InstanceType", Some(&asked.instance_type));
    add(&mut keys, "ec2:OutpostArn", asked.outpost_arn.as_ref());
    add(&mut keys, "ec2:PlacementGroup", asked.placement_group_arn.as_ref());
    let tenancy = asked.tenancy.as_ref().map_or("default", CapacityReservationTenancy::as_str);
    add(&mut keys, "ec2:Tenancy", Some(tenancy));
    keys
}

/// Whom ModifySnapshotAttribute lets use a snapshot, or no more, in either of its forms.
fn sharing(asked: &ModifySnapshotAttributeInput) -> Keys {
    let mut keys = Keys::new();
    let changes = asked.create_volume_permission.clone().unwrap_or_default();
    for (verb, all) in [("Add", changes.add), ("Remove", changes.remove)] {
        for permission in all.unwrap_or_default() {
            add(&mut keys, &format!("ec2:{verb}/userId"), permission.user_id);
            add(&mut keys, &format!("ec2:{verb}/group"), permission.group);
        }
    }
    let verb = if asked.operation_type == Some(OperationType::Remove) { "Remove" } else { "Add" };
    for user in asked.user_ids.iter().flatten() {
        add(&mut keys, &format!("ec2:{verb}/userId"), Some(user));
    }
    for group in asked.group_names.iter().flatten() {
        add(&mut keys, &format!("ec2:{verb}/group"), Some(group));
    }
    keys
}

/// What CreateSnapshot and CreateSnapshots say of a snapshot to be, which is nobody's in its ARN.
pub fn snapshot(action: &str, input: &dyn Structure) -> Keys {
    let input = input.as_any();
    let (location, outpost) = match action {
        "CreateSnapshot" => {
            let asked = input.downcast_ref::<CreateSnapshotInput>();
            (asked.and_then(|it| it.location.as_ref()), asked.and_then(|it| it.outpost_arn.as_ref()))
        }
        "CreateSnapshots" => {
            let asked = input.downcast_ref::<CreateSnapshotsInput>();
            (asked.and_then(|it| it.location.as_ref()), asked.and_then(|it| it.outpost_arn.as_ref()))
        }
        _ => return Keys::new(),
    };
    let mut keys = Keys::new();
    add(&mut keys, "ec2:Location", Some(location.map_or("regional", SnapshotLocationEnum::as_str)));
    add(&mut keys, "ec2:OutpostArn", outpost);
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
