//! Receipt handles: what the engine calls a receipt, as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use queue_engine::{QueueId, Receipt};

use crate::error::Error;

pub fn to_text(receipt: Receipt) -> String {
    STANDARD.encode(receipt.to_bytes())
}

/// Reads a handle that must belong to `queue`.
pub fn parse(handle: &str, queue: QueueId) -> Result<Receipt, Error> {
    let receipt = STANDARD.decode(handle).ok().and_then(|bytes| Receipt::from_bytes(&bytes));
    match receipt {
        None => Err(Error::ReceiptHandleIsInvalid { handle: handle.to_owned() }),
        Some(receipt) if receipt.queue() != queue => {
            Err(Error::ReceiptHandleOfOtherQueue { handle: handle.to_owned() })
        }
        Some(receipt) => Ok(receipt),
    }
}
