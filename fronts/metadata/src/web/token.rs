//! Session tokens: 56 characters that prove themselves, so that nothing is stored for them.
//!
//! A token holds its end, chance, and a code over both and the instance it was given to. It is worth nothing to another
//! instance, and it survives a restart. AWS's own look the same: 40 bytes in the URL's alphabet, beginning with `AQAE`.

use aws_lc_rs::{constant_time, hmac};
use base::{Ids, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

const PREFIX: [u8; 3] = [1, 0, 4];
const END: usize = PREFIX.len();
const CHANCE: usize = END + 5;
const CODE: usize = CHANCE + 8;
const LENGTH: usize = CODE + 24;

pub(super) struct SessionTokens {
    key: hmac::Key,
    ids: Ids,
}

impl SessionTokens {
    pub fn new(key: &[u8; 32], ids: Ids) -> SessionTokens {
        SessionTokens { key: hmac::Key::new(hmac::HMAC_SHA256, key), ids }
    }

    /// A token for this instance that is good for so many seconds.
    pub fn issue(&self, instance_id: &str, now: Timestamp, ttl_seconds: u32) -> String {
        let end = now.as_secs().max(0) as u64 + u64::from(ttl_seconds);
        let mut token = [0; LENGTH];
        token[..END].copy_from_slice(&PREFIX);
        token[END..CHANCE].copy_from_slice(&end.to_be_bytes()[3..]);
        token[CHANCE..CODE].copy_from_slice(&self.ids.bytes::<8>());
        let code = self.code(instance_id, &token[..CODE]);
        token[CODE..].copy_from_slice(&code.as_ref()[..LENGTH - CODE]);
        URL_SAFE.encode(token)
    }

    /// How many seconds a token is still good for; nothing if it is not this instance's, has ended, or is none at all.
    pub fn verify(&self, instance_id: &str, now: Timestamp, text: &[u8]) -> Option<u32> {
        let mut token = [0; LENGTH + 3];
        let length = URL_SAFE.decode_slice(text, &mut token).ok()?;
        let token = token.get(..length).filter(|token| token.len() == LENGTH)?;
        let code = self.code(instance_id, &token[..CODE]);
        constant_time::verify_slices_are_equal(&code.as_ref()[..LENGTH - CODE], &token[CODE..]).ok()?;
        let mut end = [0; 8];
        end[3..].copy_from_slice(&token[END..CHANCE]);
        let left = u64::from_be_bytes(end).checked_sub(now.as_secs().max(0) as u64)?;
        u32::try_from(left).ok().filter(|left| *left > 0)
    }

    fn code(&self, instance_id: &str, head: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"instance metadata token\0");
        context.update(head);
        // Last, because only its length is not fixed.
        context.update(instance_id.as_bytes());
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn tokens(key: u8) -> SessionTokens {
        SessionTokens::new(&[key; 32], Ids::seeded(7))
    }

    #[test]
    fn a_token_is_good_for_its_instance_and_time_alone() {
        let token = tokens(1).issue("i-1", NOW, 60);
        assert_eq!(token.len(), 56);
        assert!(token.starts_with("AQAE") && token.ends_with("=="), "{token}");
        let verify = |tokens: SessionTokens, instance: &str, after: i64, token: &str| {
            let now = Timestamp::from_secs(NOW.as_secs() + after);
            tokens.verify(instance, now, token.as_bytes())
        };
        assert_eq!(verify(tokens(1), "i-1", 0, &token), Some(60));
        assert_eq!(verify(tokens(1), "i-1", 59, &token), Some(1));
        assert_eq!(verify(tokens(1), "i-1", 60, &token), None, "it has ended");
        assert_eq!(verify(tokens(1), "i-2", 0, &token), None, "it is another's");
        assert_eq!(verify(tokens(2), "i-1", 0, &token), None, "another cloud's");
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let token = tokens(1).issue("i-1", NOW, 60);
        let bytes = URL_SAFE.decode(&token).unwrap();
        for index in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            assert_eq!(tokens(1).verify("i-1", NOW, URL_SAFE.encode(forged).as_bytes()), None, "{index}");
        }
        for text in
            ["", "=", "AQAE", "not base64 at all", &token[1..], &format!("{token}AAAA"), &"A".repeat(4000)]
        {
            assert_eq!(tokens(1).verify("i-1", NOW, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn two_tokens_are_never_the_same() {
        let tokens = tokens(1);
        assert_ne!(tokens.issue("i-1", NOW, 60), tokens.issue("i-1", NOW, 60));
    }
}
