//! fogbank-wire
