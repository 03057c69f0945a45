//! As much DER as is needed to see whether a key is written the way it must be. What it means is read by the library.

use crate::spec::KeySpec;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// One sequence with nothing behind it, which the library would overlook.
pub(crate) fn is_one_sequence(der: &[u8]) -> bool {
    value(SEQUENCE, der).is_some_and(|(_, rest)| rest.is_empty())
}

/// Whether a private key (PKCS #8) names this curve. The library would also take the curve's parameters spelt out, which
/// KMS refuses (developer guide, "Requirements for imported key material").
pub(crate) fn private_key_names_curve(spec: KeySpec, pkcs8: &[u8]) -> bool {
    let algorithm = || {
        let (document, _) = value(SEQUENCE, pkcs8)?;
        let (_version, rest) = value(INTEGER, document)?;
        value(SEQUENCE, rest)
    };
    algorithm().is_some_and(|(content, _)| Some(content) == curve(spec))
}

/// The same for a public key (SubjectPublicKeyInfo).
pub(crate) fn public_key_names_curve(spec: KeySpec, key_info: &[u8]) -> bool {
    let algorithm = || {
        let (document, _) = value(SEQUENCE, key_info)?;
        value(SEQUENCE, document)
    };
    algorithm().is_some_and(|(content, _)| Some(content) == curve(spec))
}

/// The algorithm's identifier: `id-ecPublicKey` and the curve (RFC 5480).
fn curve(spec: KeySpec) -> Option<&'static [u8]> {
    Some(match spec {
        KeySpec::EccNistP256 => {
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
        }
        KeySpec::EccNistP384 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
        KeySpec::EccNistP521 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
        KeySpec::EccSecgP256k1 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a",
        _ => return None,
    })
}

/// The content of the first value if it has this tag, and what follows it. Lengths of up to two bytes.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (bytes, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk::<1>()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    if found == tag { rest.split_at_checked(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_must_end_where_it_says() {
        for (der, expected) in [
            (&b""[..], false),
            (b"\x30", false),
            (b"\x30\x00", true),
            (b"\x31\x00", false),
            (b"\x30\x01x", true),
            (b"\x30\x01xy", false),
            (b"\x30\x81", false),
            (b"\x30\x81\x01x", true),
            (b"\x30\x82\x00\x01x", true),
            (b"\x30\x82\x00\x02x", false),
            (b"\x30\x80x\x00\x00", false),
        ] {
            assert_eq!(is_one_sequence(der), expected, "{der:?}");
        }
    }
}
