//! Making `aws-chunked` bodies with signatures: the other side of [`super::ChunkVerifier`].

use std::sync::Arc;

use base::Timestamp;

use super::authorization::Algorithm;
use super::chunk_signature::ChunkChain;
use super::credentials::Credentials;
use super::sign::SigningScope;
use super::signing_key::SigningKey;
use super::verify::sha256;

/// A signature of Version 4a varies in length and is filled up to this many characters.
const ECDSA_SIGNATURE_CHARS: usize = 144;

/// Encodes a body chunk by chunk. All chunks but the last must have at least 8 KiB.
pub struct ChunkSigner<'a> {
    credentials: &'a Credentials,
    scope: SigningScope<'a>,
    at: Timestamp,
    chain: ChunkChain,
}

impl<'a> ChunkSigner<'a> {
    /// `seed` is the signature of the request, which named one of the `STREAMING-` payloads.
    pub fn new(
        credentials: &'a Credentials,
        scope: SigningScope<'a>,
        at: Timestamp,
        seed: String,
    ) -> ChunkSigner<'a> {
        let chain = ChunkChain {
            key: Arc::new(SigningKey::None),
            algorithm: scope.algorithm,
            timestamp: at.to_basic_iso8601(),
            scope: scope.text(at),
            access_key_id: String::new(),
            previous: seed,
        };
        ChunkSigner { credentials, scope, at, chain }
    }

    /// Appends a chunk; an empty one ends the body, and [`ChunkSigner::end`] must follow it.
    pub fn chunk(&mut self, to: &mut Vec<u8>, data: &[u8]) {
        let message = self.chain.chunk_message(&sha256(data));
        let signature = self.sign(&message);
        to.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", data.len()).as_bytes());
        if !data.is_empty() {
            to.extend_from_slice(data);
            to.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the trailers with their signature, if there are any, and the empty line at the end.
    pub fn end(&mut self, to: &mut Vec<u8>, trailers: &[(&str, &str)]) {
        let mut lines = String::new();
        for (name, value) in trailers {
            lines.extend([name, ":", value, "\n"]);
            to.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        if !trailers.is_empty() {
            let message = self.chain.trailer_message(&sha256(lines.as_bytes()));
            let signature = self.sign(&message);
            to.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
        to.extend_from_slice(b"\r\n");
    }

    fn sign(&mut self, message: &[u8]) -> String {
        let signature = self.scope.signature(self.credentials, self.at, message);
        self.chain.previous.clone_from(&signature);
        match self.scope.algorithm {
            Algorithm::HmacSha256 => signature,
            Algorithm::EcdsaP256Sha256 => format!("{signature:*<ECDSA_SIGNATURE_CHARS$}"),
        }
    }
}
