//! Hexadecimal, as signatures and payload hashes are written.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the lower-case digits of `bytes`.
pub(crate) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    to.reserve(bytes.len() * 2);
    for byte in bytes {
        to.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The lower-case digits of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut digits = Vec::new();
    append(&mut digits, bytes);
    String::from_utf8(digits).expect("digits are ASCII")
}

/// The bytes that `text` spells in digits of either case, if they are exactly as many as asked for.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The bytes that `text` spells, whatever their number.
pub(crate) fn decode_all(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// The value of one digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back_and_rejects_what_it_is_not() {
        assert_eq!(encode(&[0, 0x9f, 0xff]), "009fff");
        assert_eq!(decode::<3>(b"009fFF"), Some([0, 0x9f, 0xff]));
        assert_eq!(decode_all(b"009fFF"), Some(vec![0, 0x9f, 0xff]));
        for bad in [&b"009ff"[..], b"009fffff", b"00_9ff", b"0x9fff"] {
            assert_eq!(decode::<3>(bad), None, "{bad:?}");
        }
    }
}
