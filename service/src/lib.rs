//! The frame every service stands in: the table of operations, the call, and the dispatcher that all calls pass,
//! whether they come from a socket or from another service.
//!
//! A service is a struct, a table made with [`service!`], and functions. It names no protocol and no other service.

mod access;
mod audit;
mod aws;
mod call;
mod delivery;
mod dispatcher;
mod idempotency;
mod kept;
mod keyring;
mod limits;
mod pages;
pub mod references;
mod requester;
mod table;
mod tags;
mod tasks;
mod throttle;
mod usage;

pub use access::{
    Access, Ask, Grants, Guarded, Guardrails, Identities, IdentityProvider, NoOrganization, OnlyRoots,
    ResourceFacts, Role, Verdict,
};
pub use audit::{Asked, Audit, AuditEvent, Notes};
pub use aws::{AsService, Aws};
pub use call::{
    AssumedRole, Call, Carried, Principal, PrincipalKind, Session, Signature, SignatureVersion, Source,
    Through,
};
pub use delivery::{Delivery, deliver};
pub use dispatcher::{Dispatcher, Parts, Target};
pub use idempotency::{ClientTokens, Repetition};
pub use kept::Kept;
pub use keyring::{
    DevKeys, Issued, Key, KeyError, Keyring, SECRET_ALPHABET, SealingKey, SessionClaims, access_key_id,
};
pub use limits::*;
pub use pages::{PageTokens, TokenError};
pub use requester::requester;
pub use table::{
    AnyService, Authorise, ConditionKeys, Handling, Refused, Row, ServiceError, TaskList, downcast_input,
    downcast_service,
};
pub use tags::{TagChange, TagFault, check_tags};
pub use tasks::{Nudge, Pass, Task, Tasks};
pub use throttle::Throttle;
pub use usage::{Usage, UsageRow};

// The macro's expansion names these; services need not depend on them.
pub use base::Arn;
pub use futures_util::future::BoxFuture;
pub use schema;
