//! Permissions: what the frame has to know to decide whether a call may go on, and who tells it.
//!
//! The rules are [`identity::policy`]'s. Here the layers of policies are gathered for one call (the caller's own from
//! [`Identities`], the organisation's from [`Guardrails`], the resource's from the service that keeps it) and the
//! condition keys are answered. Nothing is cached here: what the ports answer is true now, so that a permission that
//! was taken away is refused on the very next call.

mod decide;
mod keys;
mod ports;
mod request_tags;

pub use decide::{Access, Ask, Verdict};
pub(crate) use decide::{denied, session_limits};
pub use ports::{
    Grants, Guarded, Guardrails, Identities, IdentityProvider, NoOrganization, OnlyRoots, ResourceFacts, Role,
};
