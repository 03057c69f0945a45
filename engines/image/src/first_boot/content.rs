//! Content as user data carries it: gzip, base64, or both. Bounded, since it comes from outside.

use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;

use crate::limits::USER_DATA_BYTES_MAX;

/// Python's decoder, which cloud-init uses, wants padding; files written by hand often lack it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks gzip. The error is a part of a sentence.
pub fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let max = USER_DATA_BYTES_MAX as u64;
    match MultiGzDecoder::new(bytes).take(max + 1).read_to_end(&mut unpacked) {
        Ok(count) if count as u64 > max => Err(format!("unpacks to more than {max} bytes")),
        Ok(_) => Ok(unpacked),
        Err(_) => Err("is not valid gzip".to_owned()),
    }
}

/// Decodes base64 with any white space in it.
pub fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(text).map_err(|_| "is not valid base64".to_owned())
}

/// Decodes what `encoding` of `write_files` names. An unknown name means plain text, as in cloud-init; the flag says so.
pub fn decode(content: &[u8], encoding: &str) -> Result<(Vec<u8>, bool), String> {
    let known = |content| Ok((content, true));
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "text/plain" => known(content.to_vec()),
        "b64" | "base64" => known(base64(content)?),
        "gz" | "gzip" => known(gunzip(content)?),
        "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => known(gunzip(&base64(content)?)?),
        _ => Ok((content.to_vec(), false)),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::io::Write;

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_of_write_files_is_decoded() {
        let plain = b"fog\n".to_vec();
        let zipped = gzip(&plain);
        let zipped_text = BASE64.encode(&zipped);
        for (content, encoding) in [
            (plain.clone(), ""),
            (plain.clone(), "text/plain"),
            (b"Zm9nCg==".to_vec(), "b64"),
            (b"Zm9n\n Cg".to_vec(), " Base64"),
            (zipped.clone(), "gz"),
            (zipped, "gzip"),
            (zipped_text.clone().into_bytes(), "gz+b64"),
            (zipped_text.into_bytes(), "gzip+base64"),
        ] {
            assert_eq!(decode(&content, encoding), Ok((plain.clone(), true)), "{encoding}");
        }
        assert_eq!(decode(b"fog\n", "rot13"), Ok((plain, false)));
        assert_eq!(decode(b"!", "b64"), Err("is not valid base64".to_owned()));
        assert_eq!(decode(b"fog", "gz"), Err("is not valid gzip".to_owned()));
    }

    #[test]
    fn a_small_file_does_not_unpack_to_a_large_one() {
        let bomb = gzip(&vec![0; USER_DATA_BYTES_MAX + 1]);
        assert!(bomb.len() < 16 * 1024);
        assert_eq!(gunzip(&bomb), Err(format!("unpacks to more than {USER_DATA_BYTES_MAX} bytes")));
    }
}
