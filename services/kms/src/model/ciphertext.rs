//! The ciphertext of a symmetric key: it names its key, so that Decrypt needs no `KeyId` and permissions can be asked
//! before anything is read.
//!
//! ```text
//! mark (5)  version (1)  account (8)  region (1 + n)  key id (1 + n)  material id (64)   nonce, ciphertext, tag
//! └──────────────────────── header, authenticated with the context ────────────────┘
//! ```
//!
//! The mark is what the ciphertexts of AWS begin with (`AQICAHg…` in Base64), since there are programs that tell
//! encrypted values by it.

use base::{AccountId, Arn, Region};

const MARK: [u8; 5] = [0x01, 0x02, 0x02, 0x00, 0x78];
const VERSION: u8 = 1;

/// `KeyMaterialId` has so many hexadecimal digits.
pub const MATERIAL_ID_BYTES: usize = 64;

/// The key and the material that a ciphertext was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    pub account: AccountId,
    pub region: Region,
    pub key: &'a str,
    pub material: &'a str,
}

/// A ciphertext that has been read, but not yet been found genuine.
#[derive(Clone, Copy, Debug)]
pub struct Ciphertext<'a> {
    pub origin: Origin<'a>,
    pub header: &'a [u8],
    /// As the vault made it.
    pub sealed: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Nothing if it is not one of ours.
    pub fn parse(blob: &'a [u8]) -> Option<Ciphertext<'a>> {
        let mut rest = blob.strip_prefix(&MARK)?.strip_prefix(&[VERSION])?;
        let account = u64::from_be_bytes(take(&mut rest, 8)?.try_into().ok()?);
        let region = Region::parse(text(&mut rest)?)?;
        let key = text(&mut rest)?;
        let material = std::str::from_utf8(take(&mut rest, MATERIAL_ID_BYTES)?).ok()?;
        let header = &blob[..blob.len() - rest.len()];
        let origin = Origin { account: AccountId::new(account)?, region, key, material };
        (!rest.is_empty()).then_some(Ciphertext { origin, header, sealed: rest })
    }
}

impl Origin<'_> {
    /// The beginning of a ciphertext; what the vault makes follows.
    pub fn header(&self) -> Vec<u8> {
        assert_eq!(self.material.len(), MATERIAL_ID_BYTES, "all material ids have one length");
        let mut header = Vec::with_capacity(192);
        header.extend_from_slice(&MARK);
        header.push(VERSION);
        header.extend_from_slice(&self.account.number().to_be_bytes());
        for part in [self.region.as_str(), self.key] {
            header.push(u8::try_from(part.len()).expect("regions and key ids are short"));
            header.extend_from_slice(part.as_bytes());
        }
        header.extend_from_slice(self.material.as_bytes());
        header
    }

    pub fn is_multi_region(&self) -> bool {
        self.key.starts_with("mrk-")
    }

    /// The key's ARN for a call in `region`: keys of many regions are looked for there, the others are where they are.
    pub fn arn(&self, region: Region) -> Arn {
        let place = if self.is_multi_region() { region } else { self.region };
        Arn::regional("kms", place, self.account, format!("key/{}", self.key))
    }
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::from(take(rest, 1)?[0]);
    std::str::from_utf8(take(rest, length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATERIAL: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn origin(key: &str) -> Origin<'_> {
        Origin { account: AccountId::DEV, region: Region::US_EAST_1, key, material: MATERIAL }
    }

    #[test]
    fn a_ciphertext_reads_back_as_it_was_written() {
        let written = origin("1234abcd-12ab-34cd-56ef-1234567890ab");
        let mut blob = written.header();
        blob.extend_from_slice(b"sealed");
        let read = Ciphertext::parse(&blob).unwrap();
        assert_eq!((read.origin, read.header, read.sealed), (written, &*written.header(), &b"sealed"[..]));
    }

    #[test]
    fn what_is_cut_short_or_foreign_is_not_read() {
        let header = origin("1234abcd-12ab-34cd-56ef-1234567890ab").header();
        for length in 0..=header.len() {
            assert!(Ciphertext::parse(&header[..length]).is_none(), "{length} bytes");
        }
        assert!(Ciphertext::parse(&[0x41; 300]).is_none());
        let mut other = header.clone();
        other[5] = 2;
        other.push(0);
        assert!(Ciphertext::parse(&other).is_none());
        let mut region = header;
        region[15] = b'X';
        region.push(0);
        assert!(Ciphertext::parse(&region).is_none());
    }

    #[test]
    fn a_multi_region_key_is_looked_for_where_the_call_is() {
        let frankfurt = Region::parse("eu-central-1").unwrap();
        let arn = |key: &str| origin(key).arn(frankfurt).to_string();
        assert_eq!(arn("mrk-1234"), "arn:aws:kms:eu-central-1:000000000000:key/mrk-1234");
        assert_eq!(arn("1234"), "arn:aws:kms:us-east-1:000000000000:key/1234");
    }
}
