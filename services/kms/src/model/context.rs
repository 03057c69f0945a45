//! The encryption context: pairs that a ciphertext is bound to, though they are not in it.
//!
//! Decryption needs the same pairs to the letter, in any order; policies compare the names of the pairs without regard
//! to case ("kms:EncryptionContext:context-key" in the KMS guide).

use std::collections::BTreeMap;

use crate::error::Error;
use crate::limits::ENCRYPTION_CONTEXT_BYTES_MAX;
use crate::model::condition_keys::Keys;

pub type EncryptionContext = BTreeMap<String, String>;

/// Refuses a context that is too long to be authenticated.
pub fn check(context: &EncryptionContext, member: &str) -> Result<(), Error> {
    let bytes: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
    match bytes <= ENCRYPTION_CONTEXT_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::constraint(
            &format!("{bytes} bytes"),
            member,
            &format!("have length less than or equal to {ENCRYPTION_CONTEXT_BYTES_MAX}"),
        )),
    }
}

/// What is authenticated with a ciphertext: its header and the pairs in the order of their names, each part with its
/// length, so that no two contexts read the same.
pub fn authenticated(header: &[u8], context: &EncryptionContext) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(header.len() + 4 + context.len() * 32);
    let mut put = |part: &[u8]| {
        let length = u32::try_from(part.len()).expect("a request is far smaller than 4 GiB");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    };
    put(header);
    for (name, value) in context {
        put(name.as_bytes());
        put(value.as_bytes());
    }
    bytes
}

/// `kms:EncryptionContext:…` for every pair and `kms:EncryptionContextKeys`; nothing for an empty context. Pairs whose
/// names differ by case alone share one condition key with all their values.
pub fn condition_keys(context: Option<&EncryptionContext>) -> Keys {
    let mut keys: Keys = Keys::new();
    let Some(context) = context.filter(|context| !context.is_empty()) else { return keys };
    for (name, value) in context {
        let key = format!("kms:EncryptionContext:{name}");
        match keys.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&key)) {
            Some((_, values)) => values.push(value.clone()),
            None => keys.push((key, vec![value.clone()])),
        }
    }
    keys.push(("kms:EncryptionContextKeys".to_owned(), context.keys().cloned().collect()));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn contexts_are_authenticated_alike_only_if_they_are_the_same() {
        let cases = [
            context(&[]),
            context(&[("", "")]),
            context(&[("a", "bc")]),
            context(&[("ab", "c")]),
            context(&[("a", "b"), ("c", "d")]),
            context(&[("a", "bcd")]),
            context(&[("A", "bc")]),
        ];
        for (index, one) in cases.iter().enumerate() {
            for (other_index, other) in cases.iter().enumerate() {
                let same = authenticated(b"h", one) == authenticated(b"h", other);
                assert_eq!(same, index == other_index, "{one:?} and {other:?}");
            }
        }
        assert_ne!(authenticated(b"h", &cases[1]), authenticated(b"g", &cases[1]));
        let turned = context(&[("c", "d"), ("a", "b")]);
        assert_eq!(authenticated(b"h", &turned), authenticated(b"h", &cases[4]));
    }

    #[test]
    fn names_that_differ_by_case_share_a_condition_key() {
        assert!(condition_keys(None).is_empty() && condition_keys(Some(&context(&[]))).is_empty());
        let keys = condition_keys(Some(&context(&[("Team", "red"), ("team", "blue"), ("x", "1")])));
        let shown: Vec<_> = keys.iter().map(|(key, values)| (key.as_str(), values.join(","))).collect();
        assert_eq!(
            shown,
            [
                ("kms:EncryptionContext:Team", "red,blue".to_owned()),
                ("kms:EncryptionContext:x", "1".to_owned()),
                ("kms:EncryptionContextKeys", "Team,team,x".to_owned()),
            ]
        );
    }

    #[test]
    fn a_context_has_a_longest_length() {
        let half = "v".repeat(ENCRYPTION_CONTEXT_BYTES_MAX / 2);
        assert_eq!(check(&context(&[(&half, &half)]), "encryptionContext"), Ok(()));
        let longer = context(&[(&half, &half), ("a", "")]);
        assert!(check(&longer, "encryptionContext").is_err());
    }
}
