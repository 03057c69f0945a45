//! The rules of KMS: nothing asynchronous, no store, no clock.

pub mod alias;
pub mod ciphertext;
pub mod condition_keys;
pub mod context;
pub mod grant;
pub mod import_token;
pub mod key_id;
pub mod key_policy;
pub mod managed;
pub mod metadata;
pub mod state;
pub mod tags;
pub mod usage;
