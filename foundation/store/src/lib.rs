//! fogbank-store
