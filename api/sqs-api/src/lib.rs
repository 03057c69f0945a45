//! fogbank-sqs-api
