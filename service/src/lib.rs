//! fogbank-service
