//! fogbank-sts-api
