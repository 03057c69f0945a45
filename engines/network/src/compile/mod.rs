//! From a plan to what the kernel is to hold: a pure function, tested without a kernel.
//!
//! `router` makes the namespace of a VPC, `firewall` its chains (with `groups`, `acls`, `traffic`), `gateways` the NAT
//! gateways, transit gateways and the internet. All yield a [`Node`].

pub mod acls;
pub mod expression;
pub mod firewall;
pub mod flows;
pub mod gateways;
pub mod groups;
pub mod node;
pub mod ports;
pub mod router;
pub mod router_local;
pub mod ruleset;
pub mod traffic;
pub mod vpn;

use std::collections::{BTreeMap, BTreeSet};

pub use node::Node;
pub use router::compile;

use crate::names::Names;
use crate::plan::VpcPlan;

/// What a VPC's namespace depends on beside its own plan.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    pub names: &'a Names,
    /// All known plans, for the members of peered VPCs' groups.
    pub plans: &'a BTreeMap<String, VpcPlan>,
    /// Zones that are down.
    pub down: &'a BTreeSet<String>,
    /// Which of the two generations of flow records is being written.
    pub recording: flows::Generation,
}
