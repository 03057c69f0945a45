//! What a request says of its body, and the proof of it.
//!
//! A body that is at hand is hashed before the signature is checked. One that has yet to stream is checked as it
//! comes: against the hash that was signed, or chunk by chunk.

use aws_lc_rs::digest;
use bytes::Bytes;
use http::HeaderMap;

use super::authorization::Algorithm;
use super::chunk_framing::ChunkVerifier;
use super::error::AuthError;
use super::hex;

/// The body of the request to verify.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// All of it.
    Bytes(&'a [u8]),
    /// Its SHA-256.
    Hash([u8; 32]),
    /// It comes later, through the [`PayloadVerifier`].
    Streamed,
}

/// The meaning of `x-amz-content-sha256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadDeclaration {
    /// The SHA-256 of the body.
    Hash([u8; 32]),
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// One of the `STREAMING-` words: the body is `aws-chunked`.
    Streaming(Streaming),
}

/// How an `aws-chunked` body is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    /// The algorithm of the signature that each chunk carries, if they do.
    pub signed: Option<Algorithm>,
    /// Whether headers follow the body.
    pub trailer: bool,
}

impl PayloadDeclaration {
    pub fn parse(text: &str) -> Option<PayloadDeclaration> {
        let streaming = |signed, trailer| PayloadDeclaration::Streaming(Streaming { signed, trailer });
        Some(match text {
            "UNSIGNED-PAYLOAD" => PayloadDeclaration::Unsigned,
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => streaming(None, true),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => streaming(Some(Algorithm::HmacSha256), false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => streaming(Some(Algorithm::HmacSha256), true),
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" => streaming(Some(Algorithm::EcdsaP256Sha256), false),
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER" => {
                streaming(Some(Algorithm::EcdsaP256Sha256), true)
            }
            _ => PayloadDeclaration::Hash(hex::decode(text.as_bytes())?),
        })
    }
}

/// The headers that followed a body, in lower case, in their order: checksums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(pub Vec<(String, String)>);

impl Trailers {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What is still owed for the body. Bytes that it hands on are not proven before [`PayloadVerifier::finish`]:
/// write them, but let nobody see them until then.
pub enum PayloadVerifier {
    /// The body was proven with the signature, or is not signed at all. Bytes pass through.
    Settled,
    /// The body must have the hash that was signed.
    Hash { context: Box<digest::Context>, declared: [u8; 32] },
    /// The body is `aws-chunked`.
    Chunked(Box<ChunkVerifier>),
}

impl std::fmt::Debug for PayloadVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PayloadVerifier::Settled => "Settled",
            PayloadVerifier::Hash { .. } => "Hash",
            PayloadVerifier::Chunked(_) => "Chunked",
        })
    }
}

impl PayloadVerifier {
    pub(crate) fn hash(declared: [u8; 32]) -> PayloadVerifier {
        PayloadVerifier::Hash { context: Box::new(digest::Context::new(&digest::SHA256)), declared }
    }

    /// What the body of a request owes that is not signed by Version 4: it may still declare a hash, and be chunked.
    ///
    /// # Errors
    /// If it declares signed chunks, or something unknown.
    pub fn unsigned(headers: &HeaderMap) -> Result<PayloadVerifier, AuthError> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(declared) = header("x-amz-content-sha256") else { return Ok(PayloadVerifier::Settled) };
        match PayloadDeclaration::parse(declared) {
            Some(PayloadDeclaration::Unsigned) => Ok(PayloadVerifier::Settled),
            Some(PayloadDeclaration::Hash(hash)) => Ok(PayloadVerifier::hash(hash)),
            Some(PayloadDeclaration::Streaming(Streaming { signed: None, .. })) => {
                let bytes = decoded_length(headers).ok_or(AuthError::MissingDecodedLength)?;
                let names = header("x-amz-trailer").unwrap_or("");
                Ok(PayloadVerifier::Chunked(Box::new(ChunkVerifier::unsigned(bytes, names))))
            }
            _ => Err(AuthError::InvalidContentSha256 { value: declared.to_owned() }),
        }
    }

    /// The length of the payload, where the body's own is another.
    pub fn decoded_bytes(&self) -> Option<u64> {
        match self {
            PayloadVerifier::Chunked(chunks) => Some(chunks.decoded_bytes()),
            _ => None,
        }
    }

    /// The names of the trailers that are to come, in lower case.
    pub fn announced_trailers(&self) -> &[String] {
        match self {
            PayloadVerifier::Chunked(chunks) => chunks.announced_trailers(),
            _ => &[],
        }
    }

    /// Takes the next piece of the body, of any size, and gives the payload in it to `sink`, without copying.
    pub fn push(&mut self, piece: Bytes, sink: &mut dyn FnMut(Bytes)) -> Result<(), AuthError> {
        match self {
            PayloadVerifier::Settled => sink(piece),
            PayloadVerifier::Hash { context, .. } => {
                context.update(&piece);
                sink(piece);
            }
            PayloadVerifier::Chunked(chunks) => chunks.push(piece, sink)?,
        }
        Ok(())
    }

    /// The body has ended: was it all, and was it what was signed?
    pub fn finish(self) -> Result<Trailers, AuthError> {
        match self {
            PayloadVerifier::Settled => Ok(Trailers::default()),
            PayloadVerifier::Hash { context, declared } => {
                let computed = context.finish();
                check_hash(&declared, computed.as_ref()).map(|()| Trailers::default())
            }
            PayloadVerifier::Chunked(chunks) => chunks.finish(),
        }
    }
}

/// What a chunked body says of the length of its payload.
pub(crate) fn decoded_length(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-amz-decoded-content-length")?.to_str().ok()?.trim().parse().ok()
}

/// Compares the hash of a body with the one declared for it.
pub(crate) fn check_hash(declared: &[u8; 32], computed: &[u8]) -> Result<(), AuthError> {
    if declared[..] == *computed {
        return Ok(());
    }
    Err(AuthError::ContentSha256Mismatch { declared: hex::encode(declared), computed: hex::encode(computed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streamed_body_must_have_the_hash_that_was_signed() {
        for (body, good) in [("Action=ListQueues", true), ("Action=DeleteQueue", false)] {
            let mut signed = [0; 32];
            signed.copy_from_slice(digest::digest(&digest::SHA256, b"Action=ListQueues").as_ref());
            let mut verifier = PayloadVerifier::hash(signed);
            let mut seen = Vec::new();
            for piece in body.as_bytes().chunks(3) {
                let mut sink = |bytes: Bytes| seen.extend_from_slice(&bytes);
                verifier.push(Bytes::copy_from_slice(piece), &mut sink).unwrap();
            }
            assert_eq!(seen, body.as_bytes());
            assert_eq!(verifier.finish().is_ok(), good, "{body}");
        }
    }

    #[test]
    fn a_body_that_nobody_signed_may_be_chunked_but_not_with_signatures() {
        let owed = |declared: &'static str, length: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert("x-amz-content-sha256", http::HeaderValue::from_static(declared));
            if let Some(length) = length {
                headers.insert("x-amz-decoded-content-length", http::HeaderValue::from_static(length));
            }
            PayloadVerifier::unsigned(&headers)
        };
        let chunked = owed("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Some("5")).unwrap();
        assert_eq!(chunked.decoded_bytes(), Some(5));
        assert!(matches!(owed("UNSIGNED-PAYLOAD", None), Ok(PayloadVerifier::Settled)));
        assert!(matches!(PayloadVerifier::unsigned(&HeaderMap::new()), Ok(PayloadVerifier::Settled)));
        for bad in ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x"] {
            assert!(owed(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_hashes_and_known_words_declare_a_payload() {
        for good in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &"aB".repeat(32)] {
            assert!(PayloadDeclaration::parse(good).is_some(), "{good}");
        }
        for bad in ["", "unsigned-payload", "STREAMING-UNSIGNED-PAYLOAD", &"a".repeat(63), &"g".repeat(64)] {
            assert!(PayloadDeclaration::parse(bad).is_none(), "{bad}");
        }
    }
}
