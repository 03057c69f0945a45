//! Every way a signature can be refused, with all that AWS puts into its answer.

use std::fmt;
use std::time::Duration;

use base::{Region, Timestamp};

use super::wording::ErrorFamily;

/// Why a request was not let in. The words depend on the service: see [`AuthError::fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The request is anonymous where it may not be.
    MissingToken,
    /// Both an `Authorization` header and presigned parameters.
    TwoAuthorizations,
    /// The signature is of Version 2, which no new region accepts.
    SignatureVersion2,
    /// The signature is of Version 2, where that is taken, and wrong in a way of its own.
    Version2(Version2Error),
    /// A part of the `Authorization` header is no `key=value`. The hash is the Base64 SHA-256 of the header.
    NotKeyValue {
        scheme: Scheme,
        header_hash: String,
    },
    /// The `Authorization` header lacks parts. The hash is the Base64 SHA-256 of the header.
    IncompleteHeader {
        scheme: Scheme,
        missing: Missing,
        header_hash: String,
    },
    /// The presigned parameters lack some.
    IncompleteQuery(Missing),
    /// The date of the request cannot be read.
    BadDate {
        text: String,
        presigned: bool,
    },
    UnsupportedAlgorithm {
        text: String,
        presigned: bool,
    },
    /// The credential has not five parts.
    MalformedCredential {
        text: String,
        presigned: bool,
    },
    BadExpires(ExpiresError),
    /// The credential is for another place, service or day. Holds at least one error.
    Scope {
        errors: Vec<ScopeError>,
        presigned: bool,
    },
    /// The `host` header is not signed.
    HostNotSigned,
    /// Headers that S3 wants signed are not.
    HeadersNotSigned(Vec<String>),
    /// Signed too long ago.
    SignatureExpired {
        signed: Timestamp,
        now: Timestamp,
        skew: Duration,
    },
    /// Signed in the future.
    SignatureNotYetCurrent {
        signed: Timestamp,
        now: Timestamp,
        skew: Duration,
        presigned: bool,
    },
    /// A presigned request has outlived itself.
    PresignedExpired {
        signed: Timestamp,
        expires: Duration,
        now: Timestamp,
    },
    /// There is no such access key, or it is not active.
    UnknownAccessKey {
        access_key_id: String,
    },
    /// The session token does not belong to the key, or cannot be read.
    InvalidToken,
    /// The temporary credentials are past their end.
    ExpiredToken,
    SignatureMismatch(Box<Mismatch>),
    /// The `x-amz-content-sha256` header is required and missing.
    MissingContentSha256,
    /// The `x-amz-content-sha256` header is neither a hash nor a known word.
    InvalidContentSha256 {
        value: String,
    },
    /// The body is not what `x-amz-content-sha256` says.
    ContentSha256Mismatch {
        declared: String,
        computed: String,
    },
    /// A chunked body without `x-amz-decoded-content-length`.
    MissingDecodedLength,
    /// A chunked body that is malformed, or shorter or longer than declared.
    IncompleteBody,
    /// A chunk that is not the last is too small. Chunks count from one; `chunk` is the one that followed.
    InvalidChunkSize {
        chunk: u64,
        bad_chunk_bytes: u64,
    },
    /// The trailers are malformed, or are others than `x-amz-trailer` says.
    MalformedTrailer,
}

/// What is wrong with a signature of Version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version2Error {
    /// The `Authorization` header is not of two words.
    NotOneSpace,
    /// Its second word is not `key:signature`.
    NoColon,
    /// The parameters in the URL lack some.
    IncompleteQuery,
    /// `Expires` is no time.
    BadExpires { text: String },
    /// A presigned request has outlived itself.
    Expired { expires: Timestamp, now: Timestamp },
}

impl From<Version2Error> for AuthError {
    fn from(error: Version2Error) -> AuthError {
        AuthError::Version2(error)
    }
}

/// What kind of `Authorization` header it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Version4,
    /// `AWS key:signature`.
    Version2,
    /// `Bearer`, `Basic` and the rest.
    Other,
}

impl Scheme {
    pub(crate) fn of(first_word: &str) -> Scheme {
        match first_word {
            "AWS" => Scheme::Version2,
            word if word.starts_with("AWS4-") => Scheme::Version4,
            _ => Scheme::Other,
        }
    }
}

/// Which parts are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub algorithm: bool,
    pub credential: bool,
    pub signature: bool,
    pub signed_headers: bool,
    pub date: bool,
    /// Only S3 asks for it.
    pub expires: bool,
}

/// What is wrong with `X-Amz-Expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiresError {
    NotANumber,
    Negative,
    TooLarge,
}

/// One way in which a credential is out of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// `expected` where the endpoint has one region.
    Region {
        got: String,
        expected: Option<Region>,
    },
    Service {
        got: String,
        expected: String,
    },
    Terminator {
        got: String,
    },
    Date {
        got: String,
        expected: String,
        from: String,
    },
}

/// What we calculated, for a caller to compare with: the caller's own request, to be shown without its session token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    pub access_key_id: String,
    /// Empty where a chunk does not match.
    pub canonical_request: String,
    pub string_to_sign: String,
    pub signature_provided: String,
}

impl Mismatch {
    /// The canonical request as it may be shown.
    pub fn shown_request(&self) -> String {
        without_token(&self.canonical_request)
    }

    /// The string to sign as it may be shown: with Version 2, it holds headers.
    pub fn shown_string(&self) -> String {
        without_token(&self.string_to_sign)
    }
}

impl AuthError {
    /// Whether this is how Version 4 sees a signature of Version 2.
    pub fn is_version_2(&self) -> bool {
        match self {
            AuthError::SignatureVersion2 => true,
            AuthError::NotKeyValue { scheme, .. } | AuthError::IncompleteHeader { scheme, .. } => {
                *scheme == Scheme::Version2
            }
            _ => false,
        }
    }

    /// What some services, SQS among them, add to their message when a signature does not match. Evidence:
    /// github.com/async-aws/aws/issues/1948 (SQS, 2025).
    pub fn explanation(&self) -> Option<String> {
        let AuthError::SignatureMismatch(mismatch) = self else { return None };
        let (canonical_request, string_to_sign) = (mismatch.shown_request(), &mismatch.string_to_sign);
        Some(format!(
            "\n\nThe Canonical String for this request should have been\n'{canonical_request}'\n\nThe \
             String-to-Sign should have been\n'{string_to_sign}'\n"
        ))
    }
}

/// A session token is as good as a secret to whoever reads over a shoulder.
fn without_token(canonical: &str) -> String {
    let hidden = |line: &str| match line.split_once(':') {
        Some(("x-amz-security-token", _)) => "x-amz-security-token:…".to_owned(),
        _ => {
            let parts = line.split('&').map(|part| match part.split_once('=') {
                Some((name @ "X-Amz-Security-Token", _)) => format!("{name}=…"),
                _ => part.to_owned(),
            });
            parts.collect::<Vec<_>>().join("&")
        }
    };
    canonical.split('\n').map(hidden).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault(ErrorFamily::Query).message)
    }
}

impl std::error::Error for AuthError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_token_is_not_shown() {
        let canonical =
            "GET\n/\nA=b&X-Amz-Security-Token=secret&Z=y\nhost:h\nx-amz-security-token:secret\n\nhost";
        let shown = without_token(canonical);
        assert_eq!(shown, canonical.replace("secret", "…"));
    }
}
