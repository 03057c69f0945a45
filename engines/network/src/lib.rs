//! The network engine: packets between machines obey a plan.
//!
//! It knows no AWS API, no store and no policy. Whoever does writes a [`plan::VpcPlan`] and calls [`Network::apply`];
//! [`compile`] turns it into what the kernel is to hold (a pure function), and [`kernel`] makes it so: namespaces, virtual
//! cables, routes and one nftables table a namespace. Changes are differences: what stays the same is not touched, and
//! connections outlive them. `docs/network.md` has the picture of a packet's way.

pub mod compile;
mod error;
pub mod kernel;
pub mod limits;
pub mod names;
mod network;
pub mod plan;
mod probe;
mod settings;
pub mod translate;
mod world;

pub use error::NetworkError;
pub use network::{Applied, FlowRecord, Found, Network};
pub use probe::Capabilities;
pub use settings::{Ipsec, Settings};
