//! Items and languages from outside.

mod conditions;
mod encodings;
mod key_conditions;
mod keys;
mod messages;
mod numbers;
mod projections;
mod properties;
mod support;
mod updates;
