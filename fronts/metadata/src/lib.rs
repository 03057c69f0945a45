//! What an instance asks of the network around it: the metadata service, and the VPC's resolver.
//!
//! Both answer on sockets that are handed in: the network engine opens them inside a VPC, at 169.254.169.254 (and
//! fd00:ec2::254), at 169.254.169.253 and at the second address of the VPC's block. Who asks is known by the address it
//! asks from, which the network engine keeps from being forged; nothing a caller says about itself is believed.
//!
//! What there is to tell comes through three ports: [`Instances`], [`Credentials`] and [`Names`]. Dropping the future
//! that serves a socket ends everything that was under way on it.
//! References: "Use instance metadata to manage your EC2 instance" of the EC2 guide, "DNS attributes for your VPC" of the
//! VPC guide. What is surprising in them is in BEHAVIOURS.md.

mod dns;
mod limits;
pub mod model;
mod rate;
mod sources;
mod web;

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use dns::{Resolver, ResolverSettings, nameservers};
pub use limits::*;
pub use model::{
    BlockDevice, InstanceProfile, InstanceView, InterfaceView, LifeCycle, MaintenanceEvent, MetadataOptions,
    NamedAddresses, Placement, PublicAddress, PublicKey, RoleCredentials, SecurityGroup, SpotNotice, Tokens,
    VpcNames,
};
pub use web::{IdentityKey, IdentityKeyError, Metadata, MetadataKeys};

/// Knows which instance an address belongs to.
pub trait Instances: Send + Sync + 'static {
    /// The instance that has `source` on one of its interfaces in this VPC; nothing if there is none, or none that is
    /// still there. Asked once for every request, so it has to be quick.
    fn by_address<'a>(&'a self, vpc: &'a str, source: IpAddr) -> BoxFuture<'a, Option<Arc<InstanceView>>>;
}

/// Knows the credentials of instance profiles.
pub trait Credentials: Send + Sync + 'static {
    /// Those of the role in the profile of this instance. Whoever implements it keeps them until shortly before their
    /// end, and hands out the next ones early enough: clients ask again a few minutes before that.
    fn of_role<'a>(&'a self, instance: &'a InstanceView, role: &'a str) -> BoxFuture<'a, RoleCredentials>;
}

/// Knows the names in a VPC, as far as these do not follow from the addresses themselves.
pub trait Names: Send + Sync + 'static {
    /// What the VPC's resolver goes by; nothing if there is no such VPC.
    fn vpc<'a>(&'a self, vpc: &'a str) -> BoxFuture<'a, Option<Arc<VpcNames>>>;

    /// The addresses of an instance that is named by its id (`i-0123456789abcdef0.ec2.internal`), in this VPC or one
    /// whose names it may resolve.
    fn instance<'a>(&'a self, vpc: &'a str, id: &'a str) -> BoxFuture<'a, Vec<IpAddr>>;

    /// What a public address is, seen from inside this VPC.
    fn public<'a>(&'a self, vpc: &'a str, address: IpAddr) -> BoxFuture<'a, PublicAddress>;

    /// The name of the interface with this address, where it does not follow from the address: subnets whose instances
    /// are named by their ids, and IPv6.
    fn reverse<'a>(&'a self, vpc: &'a str, address: IpAddr) -> BoxFuture<'a, Option<String>>;

    /// Whether whoever asks from this address gets IPv6 addresses made of IPv4 ones, for names that have no others
    /// (`EnableDns64` of its subnet).
    fn dns64<'a>(&'a self, vpc: &'a str, source: IpAddr) -> BoxFuture<'a, bool>;

    /// A name that somebody keeps: an interface endpoint's private one, a load balancer's, one of a private hosted zone.
    /// In lower case, without the final dot. Asked before all else.
    fn named<'a>(&'a self, vpc: &'a str, name: &'a str) -> BoxFuture<'a, Option<NamedAddresses>>;
}
