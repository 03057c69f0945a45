//! AWS Signature Version 4 and 4a: reading, verifying and making signatures.
//!
//! The path of a request: [`authorization::parse`] finds what the caller presents (or that it is anonymous), the
//! gateway looks the access key up, and [`Presented::verify`] proves the signature and hands back a
//! [`PayloadVerifier`] for what is still owed by a body that has yet to stream. [`AuthError::fault`] words a
//! refusal the way each family of AWS services does.
//!
//! Reference: "AWS Signature Version 4 for API requests" in the IAM guide, and "Authenticating Requests" in the
//! S3 API reference, which differs in paths, payload hashes and wording.

pub mod authorization;
mod canonical;
mod chunk_framing;
mod chunk_signature;
mod credential;
mod credentials;
mod ecdsa;
mod error;
mod hex;
pub mod limits;
mod payload;
mod rules;
mod sign;
mod sign_chunks;
mod signing_key;
mod verify;
mod wording;
mod wording_s3;

pub(crate) use canonical::RESERVED;

pub use authorization::{Algorithm, Carrier, Presented, RequestParts};
pub use chunk_framing::ChunkVerifier;
pub use credential::CredentialScope;
pub use credentials::{AccessKeyId, Credentials, SecretAccessKey, SessionToken};
pub use error::{AuthError, ExpiresError, Mismatch, Missing, Scheme, ScopeError, Version2Error};
pub use payload::{Body, PayloadDeclaration, PayloadVerifier, Streaming, Trailers};
pub use rules::{HeaderRule, PathRule, PayloadRule, RegionRule, Rules};
pub use sign::{Signed, SigningScope, presign, sign};
pub use sign_chunks::ChunkSigner;
pub use signing_key::SigningKeyCache;
pub use verify::Verified;
pub use wording::{AuthFault, ErrorFamily};
