//! One family of operations a file; what they share stands beside them.

mod credentials;
pub mod federation;
pub mod identity;
mod mfa;
pub mod provider_keys;
pub mod roles;
pub mod root;
pub mod saml;
pub mod sessions;
mod trust;
pub mod web_identity;
