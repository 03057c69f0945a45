//! What a receiver is given to settle a message with.
//!
//! Names the message, and proves that the bearer received it: the nonce is random, new at every receive, and
//! part of the log, so a receipt outlives a restart. The service writes it as text (a receipt handle).

use crate::message::QueueId;

pub const RECEIPT_BYTES: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    pub(crate) queue: QueueId,
    pub(crate) sequence: u64,
    pub(crate) count: u32,
    pub(crate) nonce: u32,
}

impl Receipt {
    pub fn queue(&self) -> QueueId {
        self.queue
    }

    pub fn to_bytes(self) -> [u8; RECEIPT_BYTES] {
        let mut bytes = [0; RECEIPT_BYTES];
        bytes[..8].copy_from_slice(&self.queue.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.count.to_be_bytes());
        bytes[20..].copy_from_slice(&self.nonce.to_be_bytes());
        bytes
    }

    /// Any 24 bytes are a receipt; whether it is a good one shows when it is used.
    pub fn from_bytes(bytes: &[u8]) -> Option<Receipt> {
        let bytes: &[u8; RECEIPT_BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let tail = word(16);
        Some(Receipt {
            queue: QueueId(word(0)),
            sequence: word(8),
            count: (tail >> 32) as u32,
            nonce: tail as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_and_nothing_else_does() {
        let receipt = Receipt { queue: QueueId(7), sequence: 1 << 40, count: 3, nonce: 0xdead_beef };
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Some(receipt));
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()[1..]), None);
        assert_eq!(Receipt::from_bytes(b""), None);
    }
}
