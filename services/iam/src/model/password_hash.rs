//! Passwords are kept as slow salted hashes: PBKDF2 with HMAC-SHA-256.
//!
//! A user's hashes share the user's salt. Hence a new password is hashed once to be compared with all earlier ones,
//! and equal hashes tell no more than that a password was used twice.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::limits::PASSWORD_HASH_ROUNDS;

/// How a hash was made: `pbkdf2-sha256$rounds$salt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    rounds: NonZeroU32,
    salt: Vec<u8>,
}

const SCHEME: &str = "pbkdf2-sha256";
pub const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

impl Recipe {
    pub fn new(salt: [u8; SALT_BYTES]) -> Recipe {
        let rounds = NonZeroU32::new(PASSWORD_HASH_ROUNDS).expect("there is at least one round");
        Recipe { rounds, salt: salt.to_vec() }
    }

    /// That of a hash that was kept.
    pub fn of(hash: &str) -> Option<Recipe> {
        let mut parts = hash.split('$');
        let (scheme, rounds, salt) = (parts.next()?, parts.next()?, parts.next()?);
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        (scheme == SCHEME).then_some(Recipe { rounds: rounds.parse().ok()?, salt })
    }

    /// The hash as it is kept. Takes a tenth of a second: never within a transaction, nor on a thread that serves.
    pub fn hash(&self, password: &str) -> String {
        let mut hash = [0; HASH_BYTES];
        derive(PBKDF2_HMAC_SHA256, self.rounds, &self.salt, password.as_bytes(), &mut hash);
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(hash));
        format!("{SCHEME}${}${salt}${hash}", self.rounds)
    }
}

/// Compares two kept hashes in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_its_recipe_and_nothing_of_the_password() {
        let recipe = Recipe { rounds: NonZeroU32::new(2).unwrap(), salt: vec![7; SALT_BYTES] };
        let hash = recipe.hash("Passw0rd!");
        assert_eq!(Recipe::of(&hash), Some(recipe.clone()));
        assert!(same(&hash, &recipe.hash("Passw0rd!")) && !same(&hash, &recipe.hash("Passw0rd?")));
        assert!(!hash.contains("Passw0rd"));
        let other = Recipe { salt: vec![8; SALT_BYTES], ..recipe };
        assert!(!same(&hash, &other.hash("Passw0rd!")));
        for bad in ["", "plain", "md5$1$AA$AA", "pbkdf2-sha256$0$AA$AA", "pbkdf2-sha256$x$AA$AA"] {
            assert_eq!(Recipe::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_hash_is_pbkdf2s() {
        // RFC 7914, section 11, has this one; these are its first 32 bytes.
        let recipe = Recipe { rounds: NonZeroU32::MIN, salt: b"salt".to_vec() };
        let hash = recipe.hash("passwd");
        let decoded = STANDARD_NO_PAD.decode(hash.rsplit('$').next().unwrap()).unwrap();
        let hex: String = decoded.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    }
}
