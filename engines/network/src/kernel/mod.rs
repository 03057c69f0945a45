//! The kernel's side: makes a namespace equal to a [`Node`](crate::compile::Node).
//!
//! Everything here is synchronous and belongs on a blocking thread. A namespace is entered by a thread that does
//! nothing else and ends there; the async runtime's threads never leave the host's.

pub mod flows;
pub mod guest;
pub mod ipsec;
pub mod namespace;
pub mod nat64;
pub mod netlink;
pub mod nft;
pub mod reconcile;
pub mod requests;
pub mod tap;
