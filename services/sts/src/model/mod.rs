//! STS's rules as pure functions: nothing asynchronous, no store, no clock.

pub mod durations;
pub mod jwk;
pub mod jwt;
pub mod names;
pub mod policies;
pub mod saml;
pub mod tags;
pub mod web_identity;
