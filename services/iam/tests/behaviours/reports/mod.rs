//! Providers, certificates, reports and the simulator.

mod access;
mod account;
mod oidc;
mod saml;
mod server_certificates;
mod simulator;
