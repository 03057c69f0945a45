//! fogbank-schema
