//! Blob ids: 128 random bits, written as 32 lower-case hexadecimal digits.
//!
//! Drawn, not derived from the content: equal content in two accounts must not be shared or noticed, and the id
//! is known before the first byte is.

use std::fmt;
use std::str::FromStr;

use base::Ids;

/// Names one blob for ever; ids are not used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 16]);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a blob id has 32 lower-case hexadecimal digits")]
pub struct BlobIdError;

impl BlobId {
    /// A new one.
    pub fn draw(ids: &Ids) -> BlobId {
        BlobId(ids.bytes())
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The first byte, which chooses the folder.
    pub(crate) fn prefix(&self) -> u8 {
        self.0[0]
    }
}

impl FromStr for BlobId {
    type Err = BlobIdError;

    fn from_str(text: &str) -> Result<BlobId, BlobIdError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(BlobIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| BlobIdError)?;
        Ok(BlobId(number.to_be_bytes()))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text in formats that people read, and sixteen bytes in the others.
impl serde::Serialize for BlobId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { self.0.serialize(to) }
    }
}

impl<'de> serde::Deserialize<'de> for BlobId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<BlobId, D::Error> {
        if !from.is_human_readable() {
            return Ok(BlobId(<[u8; 16]>::deserialize(from)?));
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_sixteen_bytes_where_nobody_reads_it() {
        let id = BlobId::draw(&Ids::seeded(1));
        let bytes = postcard::to_stdvec(&id).unwrap();
        assert_eq!(bytes, id.as_bytes());
        assert_eq!(postcard::from_bytes::<BlobId>(&bytes).unwrap(), id);
    }

    #[test]
    fn only_an_id_parses_as_one() {
        let ids = Ids::seeded(1);
        for _ in 0..100 {
            let id = BlobId::draw(&ids);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let text = "00000000000000000000000000000abc";
        assert_eq!(text.parse::<BlobId>().unwrap().to_string(), text);
        for wrong in [
            "",
            "abc",
            "+0000000000000000000000000000abc",
            &text.to_uppercase(),
            "../../../../../../../../etc/passwd",
        ] {
            assert_eq!(wrong.parse::<BlobId>(), Err(BlobIdError), "{wrong}");
        }
    }
}
