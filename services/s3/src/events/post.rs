//! A message that waits to be delivered.

use base::{AccountId, Arn, Region, Timestamp};
use serde::{Deserialize, Serialize};

/// One message to one destination, as the outbox keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Of a queue, a topic or a function.
    pub destination: Arn,
    /// On whose behalf it is sent: the bucket, its owner and its region.
    pub bucket: String,
    pub account: AccountId,
    pub region: Region,
    pub recorded: Timestamp,
    pub body: String,
}

impl Post {
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields are written to memory")
    }

    pub fn decode(bytes: &[u8]) -> Option<Post> {
        serde_json::from_slice(bytes).ok()
    }
}
