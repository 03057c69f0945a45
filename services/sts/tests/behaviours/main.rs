//! STS's behaviours through the dispatcher, with real policies, a hand-driven clock, and providers of identities that
//! run within the test. Wire formats are the conformance suite's matter.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod cloud;
mod federation;
mod identity;
mod provider;
mod response;
mod roles;
mod root;
mod saml;
mod through_iam;
mod web_identity;
