//! fogbank-gateway
