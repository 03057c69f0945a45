//! How a message is kept in the engine, which sees bytes only.
//!
//! A version byte, a byte of flags for the optional parts, then each part with its length. Read back without
//! copying: a received message borrows from the engine's bytes. An encrypted message has all of this inside its
//! ciphertext, see [`super::sealed`].

use super::message_attributes::{Attribute, Value};

/// The version of a message that is not encrypted.
pub const VERSION: u8 = 1;
const HAS_DEDUPLICATION_ID: u8 = 1;
const HAS_TRACE_HEADER: u8 = 2;

/// A message with everything that has to come back when it is received, and that the engine does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<'a> {
    pub body: &'a str,
    /// Of the body, since every receiver is told.
    pub md5_of_body: [u8; 16],
    pub sender_id: &'a str,
    pub deduplication_id: Option<&'a str>,
    pub trace_header: Option<&'a str>,
    /// Sorted by name.
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Envelope<'a> {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_bytes());
        self.encode_onto(&mut out);
        out
    }

    /// How long the encoded message is, so that it fits where it is put without moving.
    pub fn encoded_bytes(&self) -> usize {
        const LENGTH: usize = size_of::<u32>();
        let tokens = [Some(self.sender_id), self.deduplication_id, self.trace_header];
        let tokens: usize = tokens.iter().flatten().map(|part| LENGTH + part.len()).sum();
        let of_one =
            |a: &Attribute<'_>| 1 + 3 * LENGTH + a.name.len() + a.data_type.len() + a.value.bytes().len();
        let attributes: usize = self.attributes.iter().map(of_one).sum();
        2 + self.md5_of_body.len() + tokens + 1 + attributes + self.body.len()
    }

    /// Appends the encoded message to what is there.
    pub fn encode_onto(&self, out: &mut Vec<u8>) {
        let flag = |there: bool, bit: u8| if there { bit } else { 0 };
        out.push(VERSION);
        out.push(
            flag(self.deduplication_id.is_some(), HAS_DEDUPLICATION_ID)
                | flag(self.trace_header.is_some(), HAS_TRACE_HEADER),
        );
        out.extend_from_slice(&self.md5_of_body);
        put(out, self.sender_id.as_bytes());
        for part in [self.deduplication_id, self.trace_header].into_iter().flatten() {
            put(out, part.as_bytes());
        }
        out.push(u8::try_from(self.attributes.len()).expect("attributes were checked to be few"));
        for attribute in &self.attributes {
            out.push(u8::from(matches!(attribute.value, Value::Binary(_))));
            put(out, attribute.name.as_bytes());
            put(out, attribute.data_type.as_bytes());
            put(out, attribute.value.bytes());
        }
        out.extend_from_slice(self.body.as_bytes());
    }

    /// Nothing if the bytes were not made by [`Envelope::encode`], which means that the log is damaged.
    pub fn decode(bytes: &'a [u8]) -> Option<Envelope<'a>> {
        let mut rest = Rest(bytes);
        if rest.byte()? != VERSION {
            return None;
        }
        let flags = rest.byte()?;
        let md5_of_body = rest.array()?;
        let sender_id = rest.text()?;
        let mut optional = |bit: u8| if flags & bit == 0 { Some(None) } else { rest.text().map(Some) };
        let deduplication_id = optional(HAS_DEDUPLICATION_ID)?;
        let trace_header = optional(HAS_TRACE_HEADER)?;
        let count = rest.byte()?;
        let mut attributes = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let binary = rest.byte()? == 1;
            let (name, data_type, value) = (rest.text()?, rest.text()?, rest.part()?);
            let value =
                if binary { Value::Binary(value) } else { Value::Text(std::str::from_utf8(value).ok()?) };
            attributes.push(Attribute { name, data_type, value });
        }
        let body = std::str::from_utf8(rest.0).ok()?;
        Some(Envelope { body, md5_of_body, sender_id, deduplication_id, trace_header, attributes })
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("a message is far below four gigabytes");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(part);
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.part()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_as_it_was_sent() {
        let whole = Envelope {
            body: "hello ✓",
            md5_of_body: [7; 16],
            sender_id: "AIDAEXAMPLE",
            deduplication_id: Some("d-1"),
            trace_header: Some("Root=1-5759e988"),
            attributes: vec![
                Attribute { name: "b", data_type: "Binary.x", value: Value::Binary(&[0, 255]) },
                Attribute { name: "s", data_type: "String", value: Value::Text("v") },
            ],
        };
        let bare =
            Envelope { deduplication_id: None, trace_header: None, attributes: vec![], ..whole.clone() };
        for envelope in [whole, bare] {
            let bytes = envelope.encode();
            assert_eq!(bytes.len(), envelope.encoded_bytes());
            assert_eq!(Envelope::decode(&bytes), Some(envelope));
            for cut in 0..bytes.len().min(56) {
                // A cut within the body still decodes, to a shorter one; elsewhere it must not.
                let decoded = Envelope::decode(&bytes[..cut]);
                assert!(decoded.is_none_or(|cut| cut.body.len() < "hello ✓".len()));
            }
        }
    }
}
