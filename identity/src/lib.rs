//! Who is calling, and may they: pure functions, without I/O, without a clock and without a server.
//!
//! [`sigv4`] reads the signature of a request and checks it, including signed chunked bodies; [`sigv2`] does so for the
//! signatures that only S3 still takes, and [`post_policy`] for the forms of browsers. [`policy`] reads IAM policies and
//! decides by them. Everything that changes (time, secrets, what the endpoint expects) arrives as an argument, so that
//! each rule can be tested from a table and each parser can be fuzzed from bytes.

pub mod policy;
pub mod post_policy;
pub mod sigv2;
pub mod sigv4;
