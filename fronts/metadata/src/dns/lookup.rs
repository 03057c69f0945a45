//! What a name leads to, in the order in which the resolver asks: who keeps names, the cloud itself, and the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Inner;
use crate::VpcNames;
use crate::limits::{PRIVATE_NAME_TTL_SECONDS, PUBLIC_NAME_TTL_SECONDS, SERVICE_NAME_TTL_SECONDS};
use crate::model::PublicAddress;
use crate::model::names::{
    GivenName, given, private_dns_name, private_zone, public_dns_name, public_zone, reversed, within,
};

/// What is known of a name, whatever type of record was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It exists, with these addresses; perhaps none of the kind that was asked for.
    Addresses { addresses: Vec<IpAddr>, ttl_seconds: u32 },
    /// The name of an address.
    Pointer { name: String, ttl_seconds: u32 },
    /// It does not exist, and this zone says so.
    Nothing { zone: String },
    /// Not the cloud's to say.
    Elsewhere,
}

/// Looks up a name, in lower case and without the final dot.
pub(super) async fn lookup(inner: &Inner, vpc_id: &str, vpc: &VpcNames, name: &str) -> Known {
    if let Some(named) = inner.names.named(vpc_id, name).await {
        return Known::Addresses { addresses: named.addresses, ttl_seconds: named.ttl_seconds };
    }
    if let Some(address) = reversed(name) {
        return pointer(inner, vpc_id, vpc, address).await;
    }
    let private = |addresses| Known::Addresses { addresses, ttl_seconds: PRIVATE_NAME_TTL_SECONDS };
    let nothing = || Known::Nothing { zone: zone_of(vpc, name) };
    match given(name) {
        // Every address of the VPC has its name, whether or not an interface has it.
        Some(GivenName::Private(address)) => match within(&vpc.cidrs, address.into()) {
            true => private(vec![address.into()]),
            false => nothing(),
        },
        Some(GivenName::Resource(id)) => match inner.names.instance(vpc_id, &id).await {
            addresses if addresses.is_empty() => nothing(),
            addresses => private(addresses),
        },
        Some(GivenName::InstanceData) => private(vec![METADATA.into()]),
        Some(GivenName::Public(address)) => public(inner, vpc_id, vpc, address, nothing()).await,
        Some(GivenName::Zone) => private(Vec::new()),
        Some(GivenName::Nobody) => nothing(),
        Some(GivenName::Endpoint) => endpoint(vpc),
        None if is_localhost(name) => private(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        None if is_own_endpoint(inner, name) => endpoint(vpc),
        None => Known::Elsewhere,
    }
}

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A public name leads to the private address within the VPC, and to the public one where it does not.
async fn public(inner: &Inner, vpc_id: &str, vpc: &VpcNames, address: Ipv4Addr, nothing: Known) -> Known {
    let addresses = match inner.names.public(vpc_id, address.into()).await {
        PublicAddress::Inside(private) if vpc.dns_hostnames => vec![private],
        PublicAddress::Inside(_) | PublicAddress::Outside => vec![address.into()],
        PublicAddress::Nobody => return nothing,
    };
    Known::Addresses { addresses, ttl_seconds: PUBLIC_NAME_TTL_SECONDS }
}

fn endpoint(vpc: &VpcNames) -> Known {
    let addresses = vpc.service_addresses.clone();
    Known::Addresses { addresses, ttl_seconds: SERVICE_NAME_TTL_SECONDS }
}

fn is_own_endpoint(inner: &Inner, name: &str) -> bool {
    inner.settings.endpoint_domains.iter().any(|domain| {
        name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn is_localhost(name: &str) -> bool {
    matches!(name, "localhost" | "localhost.localdomain") || name.ends_with(".localhost")
}

async fn pointer(inner: &Inner, vpc_id: &str, vpc: &VpcNames, address: IpAddr) -> Known {
    let pointer = |name| Known::Pointer { name, ttl_seconds: PRIVATE_NAME_TTL_SECONDS };
    if let Some(name) = inner.names.reverse(vpc_id, address).await {
        return pointer(name);
    }
    if address.is_loopback() {
        return pointer("localhost".to_owned());
    }
    match address {
        IpAddr::V4(METADATA) => pointer(format!("instance-data.{}", private_zone(vpc.region))),
        IpAddr::V4(v4) if within(&vpc.cidrs, address) => pointer(private_dns_name(vpc.region, v4)),
        IpAddr::V4(v4) => match inner.names.public(vpc_id, address).await {
            PublicAddress::Nobody if is_private(v4) => Known::Nothing { zone: "in-addr.arpa".to_owned() },
            PublicAddress::Nobody => Known::Elsewhere,
            PublicAddress::Inside(_) | PublicAddress::Outside => pointer(public_dns_name(vpc.region, v4)),
        },
        IpAddr::V6(v6) if within(&vpc.cidrs, address) || v6.is_unique_local() => {
            Known::Nothing { zone: "ip6.arpa".to_owned() }
        }
        IpAddr::V6(_) => Known::Elsewhere,
    }
}

/// The world outside cannot know whom these belong to.
fn is_private(address: Ipv4Addr) -> bool {
    address.is_private() || address.is_link_local() || matches!(address.octets(), [198, 18 | 19, ..])
}

/// The zone that denies a name.
fn zone_of(vpc: &VpcNames, name: &str) -> String {
    let zones = [private_zone(vpc.region), public_zone(vpc.region)];
    zones.into_iter().find(|zone| name.ends_with(zone.as_str())).unwrap_or_else(|| parent(name).to_owned())
}

fn parent(name: &str) -> &str {
    name.split_once('.').map_or(name, |(_, parent)| parent)
}
