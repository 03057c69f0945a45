//! The only home of chance: ids, tokens and random bytes.

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::sync::Arc;

/// A source of chance; clones share it. `StdRng` is cryptographically strong, so secrets may come from here.
#[derive(Clone)]
pub struct Ids(Arc<Mutex<StdRng>>);

impl Ids {
    /// Seeded by the operating system.
    pub fn system() -> Ids {
        Ids(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// The same seed gives the same ids in the same order, for tests.
    pub fn seeded(seed: u64) -> Ids {
        Ids(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub fn number(&self) -> u64 {
        self.0.lock().next_u64()
    }

    /// A number in `0..end`, near enough to uniform for scheduling (the bias is below 2⁻³² for small ends).
    pub fn below(&self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below zero");
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// A random UUID, version 4, as AWS writes request and message ids.
    pub fn uuid(&self) -> String {
        let mut bytes: [u8; 16] = self.bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push(HEX[usize::from(byte >> 4)] as char);
            text.push(HEX[usize::from(byte & 15)] as char);
        }
        text
    }

    /// `len` characters drawn from `alphabet`.
    pub fn text(&self, len: usize, alphabet: &[u8]) -> String {
        (0..len).map(|_| alphabet[self.below(alphabet.len() as u64) as usize] as char).collect()
    }

    /// `len` lower-case hexadecimal digits, as in `i-0123456789abcdef0`.
    pub fn hex(&self, len: usize) -> String {
        self.text(len, HEX)
    }

    /// A unique id as IAM makes them: a four-letter prefix and seventeen of A–Z and 2–7, as in `AIDACKCEVSQ6C2EXAMPLE`.
    pub fn unique_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.text(17, BASE32))
    }

    /// The id of a key, which has one less, as in `APKAEIBAERJR2EXAMPLE`.
    pub fn key_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.text(16, BASE32))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let (one, two) = (Ids::seeded(7), Ids::seeded(7));
        assert_eq!(one.uuid(), two.uuid());
        assert_ne!(one.uuid(), one.uuid());
        assert_eq!(one.uuid().as_bytes()[14], b'4');
        assert!(one.unique_id("AIDA").starts_with("AIDA") && one.unique_id("AIDA").len() == 21);
        assert!(one.key_id("APKA").starts_with("APKA") && one.key_id("APKA").len() == 20);
    }

    #[test]
    fn numbers_stay_below_their_end() {
        let ids = Ids::seeded(1);
        assert!((0..1000).all(|_| ids.below(3) < 3));
    }
}
