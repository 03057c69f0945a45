//! Who is calling, and may they: pure functions, without I/O, without a clock and without a server.
//!
//! [`sigv4`] reads the signature of a request and checks it, including signed chunked bodies. The evaluation of
//! policies will stand beside it. Everything that changes (time, secrets, what the endpoint expects) arrives as
//! an argument, so that each rule can be tested from a table and each parser can be fuzzed from bytes.

pub mod sigv4;
