//! fogbank-sqs
