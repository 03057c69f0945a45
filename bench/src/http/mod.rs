//! The client that all candidates are measured with: HTTP/1.1 connections that stay open, requests signed in
//! advance, and latencies in a histogram.

pub mod api;
pub mod connection;
pub mod load;
pub mod prepared;

pub use api::Api;
pub use connection::{Answer, Connection};
pub use load::{Latency, Load, Measured, Pace};
pub use prepared::{DYNAMODB, FormSigner, JsonService, KMS, Prepared, S3Signer, SQS, SSM, Signer};
