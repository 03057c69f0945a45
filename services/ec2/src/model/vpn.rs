//! The configuration that the owner of a customer gateway puts into the device, in AWS's generic form.

use std::fmt::Write;
use std::net::Ipv4Addr;

use ec2_api::TunnelOption;
use ipnet::Ipv4Net;

use crate::records::Resource;
use crate::records::vpn::VpnConnectionRecord;

/// The XML text of a connection: two tunnels, each with keys, addresses and what both ends have to agree on.
pub fn configuration(record: &VpnConnectionRecord) -> String {
    let connection = &record.connection;
    let tag = |name: &str, value: Option<&str>| match value {
        Some(value) => format!("  <{name}>{value}</{name}>\n"),
        None => String::new(),
    };
    let mut text =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vpn_connection id=\"{}\">\n", record.id());
    text += &tag("customer_gateway_id", connection.customer_gateway_id.as_deref());
    text += &tag("vpn_gateway_id", connection.vpn_gateway_id.as_deref());
    text += &tag("transit_gateway_id", connection.transit_gateway_id.as_deref());
    text += &tag("vpn_connection_type", Some("ipsec.1"));
    let is_static = connection.options.as_ref().and_then(|options| options.static_routes_only) == Some(true);
    if is_static {
        text += &tag("vpn_connection_attributes", Some("NoBGPVPNConnection"));
    }
    let options = connection.options.as_ref();
    for tunnel in options.and_then(|options| options.tunnel_options.as_ref()).into_iter().flatten() {
        tunnel_text(&mut text, record, tunnel, is_static);
    }
    text + "</vpn_connection>\n"
}

/// The addresses of the two ends inside a tunnel: this side's, then the customer's.
pub fn inside(block: &str) -> (Ipv4Addr, Ipv4Addr) {
    let block: Ipv4Net = block.parse().unwrap_or_default();
    let base = u32::from(block.network());
    (Ipv4Addr::from(base | 1), Ipv4Addr::from(base | 2))
}

fn tunnel_text(text: &mut String, record: &VpnConnectionRecord, tunnel: &TunnelOption, is_static: bool) {
    let (here, there) = inside(tunnel.tunnel_inside_cidr.as_deref().unwrap_or_default());
    let outside = tunnel.outside_ip_address.as_deref().unwrap_or_default();
    let asn = record.asn.to_string();
    text.push_str("  <ipsec_tunnel>\n");
    for (side, outer, inner, asn) in [
        ("customer_gateway", record.device.as_str(), there, record.device_asn.as_str()),
        ("vpn_gateway", outside, here, asn.as_str()),
    ] {
        let bgp = match is_static {
            true => String::new(),
            false => format!("      <bgp><asn>{asn}</asn><hold_time>30</hold_time></bgp>\n"),
        };
        let written = write!(
            text,
            "    <{side}>\n      <tunnel_outside_address><ip_address>{outer}</ip_address></tunnel_outside_address>\n      <tunnel_inside_address><ip_address>{inner}</ip_address><network_mask>255.255.255.252</network_mask><network_cidr>30</network_cidr></tunnel_inside_address>\n{bgp}    </{side}>\n"
        );
        written.expect("a text takes all that is written");
    }
    let phase1 = tunnel.phase1_lifetime_seconds.unwrap_or(28_800);
    let phase2 = tunnel.phase2_lifetime_seconds.unwrap_or(3_600);
    let key = tunnel.pre_shared_key.as_deref().unwrap_or_default();
    let written = write!(
        text,
        "    <ike><authentication_protocol>sha1</authentication_protocol><encryption_protocol>aes-128-cbc</encryption_protocol><lifetime>{phase1}</lifetime><perfect_forward_secrecy>group2</perfect_forward_secrecy><mode>main</mode><pre_shared_key>{key}</pre_shared_key></ike>\n    <ipsec><protocol>esp</protocol><authentication_protocol>hmac-sha1-96</authentication_protocol><encryption_protocol>aes-128-cbc</encryption_protocol><lifetime>{phase2}</lifetime><perfect_forward_secrecy>group2</perfect_forward_secrecy><mode>tunnel</mode><clear_df_bit>true</clear_df_bit><fragmentation_before_encryption>true</fragmentation_before_encryption><tcp_mss_adjustment>1379</tcp_mss_adjustment><dead_peer_detection><interval>10</interval><retries>3</retries></dead_peer_detection></ipsec>\n  </ipsec_tunnel>\n"
    );
    written.expect("a text takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_side_has_the_first_address_of_a_tunnel() {
        let ends = (Ipv4Addr::new(169, 254, 10, 1), Ipv4Addr::new(169, 254, 10, 2));
        assert_eq!(inside("169.254.10.0/30"), ends);
    }
}
