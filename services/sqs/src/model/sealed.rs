//! How an encrypted message is kept: in front, in the clear, what opens it; behind it the envelope as ciphertext.
//!
//! ```text
//! managed by SQS   2, the data key's number (8), nonce (12), ciphertext, tag (16)
//! by a KMS key     3, length (2) and ARN of the queue, length (2) and data key as KMS encrypted it, nonce, …
//! ```
//!
//! What stands before the nonce is authenticated with the message. It names the key and not the place, so a message
//! stays readable when it moves to a dead-letter queue and back ("Encryption at rest" in the developer guide: moving
//! a message does not affect its encryption).

use super::envelope;

pub const NONCE_BYTES: usize = 12;
pub const TAG_BYTES: usize = 16;

const MANAGED: u8 = 2;
const CUSTOMER: u8 = 3;

/// What opens a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal<'a> {
    /// A data key of SQS's own, by its number.
    Managed(u64),
    Customer(CustomerSeal<'a>),
}

/// A data key that KMS made for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerSeal<'a> {
    /// The ARN of the queue it was made for, which KMS wants to hear again.
    pub queue: &'a str,
    /// The data key as KMS encrypted it.
    pub data_key: &'a [u8],
}

/// A message as the engine has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept<'a> {
    Plain(&'a [u8]),
    Sealed(Sealed<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    pub seal: Seal<'a>,
    /// Everything before the nonce.
    pub header: &'a [u8],
    pub nonce: &'a [u8; NONCE_BYTES],
    /// With its tag at the end.
    pub ciphertext: &'a [u8],
}

impl Seal<'_> {
    /// What is written before the nonce.
    pub fn to_header(self) -> Vec<u8> {
        match self {
            Seal::Managed(number) => {
                let mut header = vec![MANAGED];
                header.extend_from_slice(&number.to_be_bytes());
                header
            }
            Seal::Customer(CustomerSeal { queue, data_key }) => {
                let mut header = vec![CUSTOMER];
                for part in [queue.as_bytes(), data_key] {
                    let length =
                        u16::try_from(part.len()).expect("KMS's ciphertexts and ARNs are far below 64 KiB");
                    header.extend_from_slice(&length.to_be_bytes());
                    header.extend_from_slice(part);
                }
                header
            }
        }
    }
}

impl<'a> Kept<'a> {
    /// Nothing if this is no message that was ever written, which means that the log is damaged.
    pub fn read(bytes: &'a [u8]) -> Option<Kept<'a>> {
        let (version, rest) = bytes.split_first()?;
        let (seal, rest) = match *version {
            envelope::VERSION => return Some(Kept::Plain(bytes)),
            MANAGED => {
                let (number, rest) = rest.split_first_chunk()?;
                (Seal::Managed(u64::from_be_bytes(*number)), rest)
            }
            CUSTOMER => {
                let (queue, rest) = part(rest)?;
                let (data_key, rest) = part(rest)?;
                let queue = std::str::from_utf8(queue).ok()?;
                (Seal::Customer(CustomerSeal { queue, data_key }), rest)
            }
            _ => return None,
        };
        let header = &bytes[..bytes.len() - rest.len()];
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        (ciphertext.len() > TAG_BYTES).then_some(Kept::Sealed(Sealed { seal, header, nonce, ciphertext }))
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS: Seal<'_> =
        Seal::Customer(CustomerSeal { queue: "arn:aws:sqs:us-east-1:000000000000:q", data_key: &[9; 184] });

    #[test]
    fn a_header_tells_what_it_was_made_of() {
        for seal in [Seal::Managed(u64::MAX - 1), CUSTOMERS] {
            let header = seal.to_header();
            let mut bytes = header.clone();
            bytes.extend_from_slice(&[7; NONCE_BYTES]);
            bytes.extend_from_slice(&[8; TAG_BYTES + 3]);
            let sealed =
                Sealed { seal, header: &header, nonce: &[7; NONCE_BYTES], ciphertext: &[8; TAG_BYTES + 3] };
            assert_eq!(Kept::read(&bytes), Some(Kept::Sealed(sealed)));
            for cut in 0..=header.len() + NONCE_BYTES + TAG_BYTES {
                assert_eq!(Kept::read(&bytes[..cut]), None, "{cut}");
            }
        }
    }

    #[test]
    fn what_was_written_before_there_was_encryption_is_still_a_message() {
        assert_eq!(Kept::read(&[1, 0, 5]), Some(Kept::Plain(&[1, 0, 5])));
        for damaged in [&[][..], &[0], &[4, 1, 2, 3]] {
            assert_eq!(Kept::read(damaged), None);
        }
    }
}
