//! Policies: what is refused, what matches, what is decided; as tables, and against a second, naive evaluator.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod actions;
mod conditions;
mod context;
mod dates_and_addresses;
mod documents;
mod fuzzed;
mod layers;
mod naive;
mod not_principal;
mod principals;
mod properties;
mod refusals;
mod resources;
mod variables;
mod wording;
