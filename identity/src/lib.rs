//! fogbank-identity
