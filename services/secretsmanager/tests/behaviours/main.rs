//! Secrets Manager's behaviours, in process and with a hand-driven clock. Wire formats are the conformance suite's
//! matter.

mod deletion;
mod encryption;
mod foreign_replicas;
mod lists;
mod permissions;
mod policies;
mod replication;
mod rotation;
mod support;
mod values;
