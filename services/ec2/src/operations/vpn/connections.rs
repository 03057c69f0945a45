//! VPN connections: two tunnels each, with the configuration for the device at the other end.

use std::net::Ipv4Addr;

use base::Arn;
use ec2_api::*;
use ipnet::Ipv4Net;
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, VPN_CONNECTION_LIMIT_EXCEEDED,
};
use crate::kind::{CUSTOMER_GATEWAY, TRANSIT_GATEWAY, VPN_CONNECTION, VPN_GATEWAY};
use crate::limits::{TUNNELS, VPN_CONNECTIONS_MAX};
use crate::model::tags::{Tags, shown};
use crate::model::vpn::configuration;
use crate::operations::{addresses, tags};
use crate::records::transit::TransitGatewayRecord;
use crate::records::vpn::{CustomerGatewayRecord, VpnConnectionRecord, VpnGatewayRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

/// Characters of a key that both ends share.
const KEY_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

pub fn by_create(_: &Ec2, call: &Call, input: &CreateVpnConnectionInput) -> Result<Vec<Arn>, Error> {
    let customer = CUSTOMER_GATEWAY.arn(call, &input.customer_gateway_id);
    let gateway = input.vpn_gateway_id.as_deref().map(|id| VPN_GATEWAY.arn(call, id));
    let transit = input.transit_gateway_id.as_deref().map(|id| TRANSIT_GATEWAY.arn(call, id));
    Ok([customer, VPN_CONNECTION.any(call)].into_iter().chain(gateway).chain(transit).collect())
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteVpnConnectionInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_CONNECTION.arn(call, &input.vpn_connection_id)])
}

pub fn by_modify(_: &Ec2, call: &Call, input: &ModifyVpnConnectionInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPN_CONNECTION.arn(call, &input.vpn_connection_id)])
}

/// As the API shows a connection, with its configuration.
fn described(record: &VpnConnectionRecord, tags: &Tags) -> VpnConnection {
    VpnConnection {
        customer_gateway_configuration: Some(configuration(record)),
        tags: Some(shown(tags)),
        ..record.connection.0.clone()
    }
}

pub async fn create_vpn_connection(
    ec2: &Ec2,
    call: &Call,
    input: CreateVpnConnectionInput,
) -> Result<CreateVpnConnectionOutput, Error> {
    if input.r#type != GatewayType::Ipsec1.as_str() {
        return Err(Error::invalid_value(&input.r#type, "type", ""));
    }
    if let Some(id) = &input.vpn_concentrator_id {
        return Err(Error::invalid_value(id, "vpnConcentratorId", "The VPN concentrator does not exist."));
    }
    if input.vpn_gateway_id.is_some() == input.transit_gateway_id.is_some() {
        let message = "Exactly one of VpnGatewayId and TransitGatewayId must be specified.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let asked = input.options.clone().unwrap_or_default();
    check_tunnels(asked.tunnel_options.as_deref().unwrap_or_default())?;
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "CreateVpnConnection", specifications, &VPN_CONNECTION, &[]).await?;
    let (place, input, asked) = (call.scope(), &input, &asked);
    let made = ec2.store.transact(|tx| async move {
        let customer: CustomerGatewayRecord = resources::get(&tx, &place, &input.customer_gateway_id).await?;
        if resources::all::<VpnConnectionRecord>(&tx, &place).await?.len() >= VPN_CONNECTIONS_MAX {
            let message = "The maximum number of VPN connections has been reached.";
            return Err(Error::new(&VPN_CONNECTION_LIMIT_EXCEEDED, message));
        }
        let asn = our_asn(&tx, &place, input).await?;
        let id = VPN_CONNECTION.new_id(&ec2.ids);
        let options = options(ec2, &tx, &place, &id, asked).await?;
        let telemetry = options.tunnel_options.iter().flatten().map(|tunnel| VgwTelemetry {
            accepted_route_count: Some(0),
            last_status_change: Some(call.now),
            outside_ip_address: tunnel.outside_ip_address.clone(),
            status: Some(TelemetryStatus::Down),
            status_message: Some("IPSEC IS DOWN".to_owned()),
            certificate_arn: None,
        });
        let connection = VpnConnection {
            category: Some("VPN".to_owned()),
            transit_gateway_id: input.transit_gateway_id.clone(),
            vpn_gateway_id: input.vpn_gateway_id.clone(),
            customer_gateway_id: Some(customer.id().to_owned()),
            vpn_connection_id: Some(id),
            state: Some(VpnState::Available),
            r#type: Some(GatewayType::Ipsec1),
            gateway_association_state: Some(match input.vpn_gateway_id {
                Some(_) => GatewayAssociationState::Associated,
                None => GatewayAssociationState::NotAssociated,
            }),
            routes: Some(Vec::new()),
            vgw_telemetry: Some(telemetry.collect()),
            options: Some(options),
            ..VpnConnection::default()
        };
        let device = &customer.gateway;
        let record = VpnConnectionRecord {
            connection: Kept(connection),
            device: device.ip_address.clone().unwrap_or_default(),
            device_asn: device.bgp_asn.clone().or(device.bgp_asn_extended.clone()).unwrap_or_default(),
            asn,
        };
        resources::create(&tx, &place, &record, tags).await?;
        Ok::<_, Error>(record)
    });
    let shown = described(&made.await?, tags);
    let connection = VpnConnection { state: Some(VpnState::Pending), ..shown };
    Ok(CreateVpnConnectionOutput { vpn_connection: Some(connection) })
}

/// The number of the gateway on this side.
async fn our_asn(tx: &Tx, place: &Place, input: &CreateVpnConnectionInput) -> Result<i64, Error> {
    if let Some(id) = &input.vpn_gateway_id {
        let gateway: VpnGatewayRecord = resources::get(tx, place, id).await?;
        return Ok(gateway.gateway.amazon_side_asn.unwrap_or_default());
    }
    let id = input.transit_gateway_id.as_deref().unwrap_or_default();
    let gateway: TransitGatewayRecord = resources::get(tx, place, id).await?;
    Ok(gateway.options().amazon_side_asn.unwrap_or_default())
}

fn check_tunnels(asked: &[VpnTunnelOptionsSpecification]) -> Result<(), Error> {
    if asked.len() > TUNNELS {
        return Err(Error::new(&INVALID_PARAMETER_VALUE, "A VPN connection has two tunnels."));
    }
    for tunnel in asked {
        if let Some(text) = &tunnel.tunnel_inside_cidr {
            let block = text.parse::<Ipv4Net>().ok();
            let is_fine = block.is_some_and(|block| {
                block.prefix_len() == 30 && block.trunc() == block && block.network().is_link_local()
            });
            if !is_fine {
                let why = "It must be a /30 block of 169.254.0.0/16.";
                return Err(Error::invalid_value(text, "tunnelInsideCidr", why));
            }
        }
        if let Some(key) = &tunnel.pre_shared_key {
            let is_fine = (8..=64).contains(&key.len())
                && !key.starts_with('0')
                && key.bytes().all(|byte| KEY_CHARACTERS.contains(&byte));
            if !is_fine {
                let message = "A pre-shared key has 8 to 64 letters, digits, periods or underscores, and does not begin with zero.";
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
        }
    }
    Ok(())
}

async fn options(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    id: &str,
    asked: &VpnConnectionOptionsSpecification,
) -> Result<VpnConnectionOptions, Error> {
    let mut tunnels = Vec::with_capacity(TUNNELS);
    let given = asked.tunnel_options.as_deref().unwrap_or_default();
    for number in 0..TUNNELS {
        let outside = addresses::take_public(ec2, tx, place, None, id).await?;
        tunnels.push(tunnel(ec2, given.get(number).cloned().unwrap_or_default(), outside));
    }
    let whole = || Some("0.0.0.0/0".to_owned());
    Ok(VpnConnectionOptions {
        enable_acceleration: Some(asked.enable_acceleration.unwrap_or(false)),
        static_routes_only: Some(asked.static_routes_only.unwrap_or(false)),
        local_ipv4_network_cidr: asked.local_ipv4_network_cidr.clone().or_else(whole),
        remote_ipv4_network_cidr: asked.remote_ipv4_network_cidr.clone().or_else(whole),
        local_ipv6_network_cidr: asked.local_ipv6_network_cidr.clone(),
        remote_ipv6_network_cidr: asked.remote_ipv6_network_cidr.clone(),
        outside_ip_address_type: asked.outside_ip_address_type.clone().or(Some("PublicIpv4".to_owned())),
        transport_transit_gateway_attachment_id: asked.transport_transit_gateway_attachment_id.clone(),
        tunnel_inside_ip_version: asked
            .tunnel_inside_ip_version
            .clone()
            .or(Some(TunnelInsideIpVersion::from("ipv4"))),
        tunnel_options: Some(tunnels),
        tunnel_bandwidth: asked.tunnel_bandwidth.clone(),
    })
}

/// One tunnel, with a key and an inner block by chance where none were given.
fn tunnel(ec2: &Ec2, asked: VpnTunnelOptionsSpecification, outside: Ipv4Addr) -> TunnelOption {
    let inside = || format!("169.254.{}.{}/30", 8 + ec2.ids.below(240), 4 * ec2.ids.below(64));
    let key = || format!("k{}", ec2.ids.text(31, KEY_CHARACTERS));
    TunnelOption {
        outside_ip_address: Some(outside.to_string()),
        tunnel_inside_cidr: Some(asked.tunnel_inside_cidr.unwrap_or_else(inside)),
        tunnel_inside_ipv6_cidr: asked.tunnel_inside_ipv6_cidr,
        pre_shared_key: Some(asked.pre_shared_key.unwrap_or_else(key)),
        phase1_lifetime_seconds: asked.phase1_lifetime_seconds,
        phase2_lifetime_seconds: asked.phase2_lifetime_seconds,
        rekey_margin_time_seconds: asked.rekey_margin_time_seconds,
        rekey_fuzz_percentage: asked.rekey_fuzz_percentage,
        replay_window_size: asked.replay_window_size,
        dpd_timeout_seconds: asked.dpd_timeout_seconds,
        dpd_timeout_action: asked.dpd_timeout_action,
        phase1_encryption_algorithms: asked.phase1_encryption_algorithms.map(|all| {
            all.into_iter().map(|it| Phase1EncryptionAlgorithmsListValue { value: it.value }).collect()
        }),
        phase2_encryption_algorithms: asked.phase2_encryption_algorithms.map(|all| {
            all.into_iter().map(|it| Phase2EncryptionAlgorithmsListValue { value: it.value }).collect()
        }),
        phase1_integrity_algorithms: asked.phase1_integrity_algorithms.map(|all| {
            all.into_iter().map(|it| Phase1IntegrityAlgorithmsListValue { value: it.value }).collect()
        }),
        phase2_integrity_algorithms: asked.phase2_integrity_algorithms.map(|all| {
            all.into_iter().map(|it| Phase2IntegrityAlgorithmsListValue { value: it.value }).collect()
        }),
        phase1_dh_group_numbers: asked
            .phase1_dh_group_numbers
            .map(|all| all.into_iter().map(|it| Phase1DHGroupNumbersListValue { value: it.value }).collect()),
        phase2_dh_group_numbers: asked
            .phase2_dh_group_numbers
            .map(|all| all.into_iter().map(|it| Phase2DHGroupNumbersListValue { value: it.value }).collect()),
        ike_versions: asked
            .ike_versions
            .map(|all| all.into_iter().map(|it| IKEVersionsListValue { value: it.value }).collect()),
        startup_action: asked.startup_action,
        enable_tunnel_lifecycle_control: asked.enable_tunnel_lifecycle_control,
        ..TunnelOption::default()
    }
}

pub async fn delete_vpn_connection(
    ec2: &Ec2,
    call: &Call,
    input: DeleteVpnConnectionInput,
) -> Result<DeleteVpnConnectionOutput, Error> {
    let (place, id) = (call.scope(), &input.vpn_connection_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: VpnConnectionRecord = resources::get(&tx, &place, id).await?;
        let options = record.connection.options.as_ref();
        for tunnel in options.and_then(|options| options.tunnel_options.as_ref()).into_iter().flatten() {
            if let Some(outside) = tunnel.outside_ip_address.as_deref().and_then(|text| text.parse().ok()) {
                addresses::give_back_public(&tx, outside).await?;
            }
        }
        resources::bury(&tx, &place, &record, call.now).await
    });
    gone.await?;
    ec2.networks.nudge();
    Ok(DeleteVpnConnectionOutput {})
}

pub async fn describe_vpn_connections(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpnConnectionsInput,
) -> Result<DescribeVpnConnectionsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeVpnConnections",
        ids: input.vpn_connection_ids,
        filters: input.filters,
        ..Wanted::default()
    };
    let page = resources::describe::<VpnConnectionRecord>(ec2, call, wanted).await?;
    let connections = page.resources.iter().map(|(record, tags)| described(record, tags));
    Ok(DescribeVpnConnectionsOutput { vpn_connections: Some(connections.collect()) })
}

/// Moves a connection to another gateway on either side.
pub async fn modify_vpn_connection(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVpnConnectionInput,
) -> Result<ModifyVpnConnectionOutput, Error> {
    if input.vpn_gateway_id.is_some() && input.transit_gateway_id.is_some() {
        let message = "Only one of VpnGatewayId and TransitGatewayId can be specified.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if input.vpn_gateway_id.is_none()
        && input.transit_gateway_id.is_none()
        && input.customer_gateway_id.is_none()
    {
        return Err(Error::missing("VpnGatewayId"));
    }
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: VpnConnectionRecord = resources::get(&tx, &place, &input.vpn_connection_id).await?;
        if let Some(id) = &input.customer_gateway_id {
            let customer: CustomerGatewayRecord = resources::get(&tx, &place, id).await?;
            let device = &customer.gateway;
            record.device = device.ip_address.clone().unwrap_or_default();
            record.device_asn =
                device.bgp_asn.clone().or(device.bgp_asn_extended.clone()).unwrap_or_default();
            record.connection.0.customer_gateway_id = Some(id.clone());
        }
        if let Some(id) = &input.vpn_gateway_id {
            let gateway: VpnGatewayRecord = resources::get(&tx, &place, id).await?;
            record.asn = gateway.gateway.amazon_side_asn.unwrap_or_default();
            record.connection.0.vpn_gateway_id = Some(id.clone());
            record.connection.0.transit_gateway_id = None;
        }
        if let Some(id) = &input.transit_gateway_id {
            let gateway: TransitGatewayRecord = resources::get(&tx, &place, id).await?;
            record.asn = gateway.options().amazon_side_asn.unwrap_or_default();
            record.connection.0.transit_gateway_id = Some(id.clone());
            record.connection.0.vpn_gateway_id = None;
        }
        resources::put(&tx, &place, &record).await?;
        let tags = resources::tags(&tx, &place, record.id()).await?;
        Ok::<_, Error>(described(&record, &tags))
    });
    let connection = changed.await?;
    ec2.networks.nudge();
    Ok(ModifyVpnConnectionOutput { vpn_connection: Some(connection) })
}
