//! A note to keep beside what was sealed, which shows at the next start whether the master key is still the same.
//!
//! It holds the fingerprint, so that a mismatch can be named, and a sealed constant, so that a fingerprint alone does
//! not pass.

use data_encoding::BASE64;

use crate::error::MasterKeyMismatch;
use crate::seal::Use;
use crate::vault::Vault;

const HEADING: &str = "fogbank-master-key-check";
const CONSTANT: &[u8] = b"this was sealed by the right master key";

impl Vault {
    /// The note: one line of text, without a secret.
    pub fn check(&self) -> String {
        let sealed = self.inner.seals.seal(Use::Check, b"", CONSTANT);
        format!("{HEADING} {} {}", self.fingerprint(), BASE64.encode(&sealed))
    }

    /// Whether a note was written with this master key. One that cannot be read counts as another's.
    pub fn fits(&self, check: &str) -> Result<(), MasterKeyMismatch> {
        let mismatch = |expected: &str| MasterKeyMismatch {
            expected: expected.to_owned(),
            found: self.fingerprint().to_owned(),
        };
        let mut words = check.split_whitespace();
        let (Some(HEADING), Some(expected), Some(sealed), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(mismatch("(unreadable)"));
        };
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| mismatch(expected))?;
        match self.inner.seals.open(Use::Check, b"", &sealed) {
            Ok(constant) if constant.as_slice() == CONSTANT && expected == self.fingerprint() => Ok(()),
            _ => Err(mismatch(expected)),
        }
    }
}
