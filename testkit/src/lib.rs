//! fogbank-testkit
