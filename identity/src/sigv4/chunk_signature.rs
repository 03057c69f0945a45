//! The chain of signatures through a chunked body: each chunk signs its data and the signature before it.
//!
//! Reference: "Signature calculations for the authorization header: transferring payload in multiple chunks" in
//! the S3 API reference, and its sister page on trailing headers.

use std::sync::Arc;

use super::authorization::Algorithm;
use super::error::{AuthError, Mismatch};
use super::hex;
use super::signing_key::SigningKey;

/// SHA-256 of nothing, a fixed line in the string to sign of a chunk.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where the chain has come to.
pub(crate) struct ChunkChain {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) algorithm: Algorithm,
    pub(crate) timestamp: String,
    pub(crate) scope: String,
    pub(crate) access_key_id: String,
    /// The signature of the last chunk, at first that of the request.
    pub(crate) previous: String,
}

impl ChunkChain {
    /// The string to sign of the next chunk.
    pub(crate) fn chunk_message(&self, data_sha256: &[u8; 32]) -> Vec<u8> {
        let mut message = self.message("-PAYLOAD");
        message.extend_from_slice(EMPTY_SHA256.as_bytes());
        message.push(b'\n');
        hex::append(&mut message, data_sha256);
        message
    }

    /// The string to sign of the trailers.
    pub(crate) fn trailer_message(&self, trailers_sha256: &[u8; 32]) -> Vec<u8> {
        let mut message = self.message("-TRAILER");
        hex::append(&mut message, trailers_sha256);
        message
    }

    fn message(&self, suffix: &str) -> Vec<u8> {
        let mut message = Vec::with_capacity(320);
        message.extend_from_slice(self.algorithm.as_str().as_bytes());
        for line in [suffix, &self.timestamp, &self.scope, &self.previous] {
            if !line.starts_with('-') {
                message.push(b'\n');
            }
            message.extend_from_slice(line.as_bytes());
        }
        message.push(b'\n');
        message
    }

    /// Checks the next signature and moves on to it. Those of Version 4a are filled up with stars.
    pub(crate) fn advance(&mut self, message: &[u8], signature: &str) -> Result<(), AuthError> {
        let signature = match self.algorithm {
            Algorithm::HmacSha256 => signature,
            Algorithm::EcdsaP256Sha256 => signature.trim_end_matches('*'),
        };
        if !self.key.verify(message, signature) {
            return Err(AuthError::SignatureMismatch(Box::new(Mismatch {
                access_key_id: self.access_key_id.clone(),
                canonical_request: String::new(),
                string_to_sign: String::from_utf8_lossy(message).into_owned(),
                signature_provided: signature.to_owned(),
            })));
        }
        signature.clone_into(&mut self.previous);
        Ok(())
    }
}
