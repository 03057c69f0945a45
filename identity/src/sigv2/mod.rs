//! AWS Signature Version 2, which S3 alone still takes: HMAC-SHA1 over a short description of a request.
//!
//! Buckets that AWS made since June 2020 refuse it, but botocore signs URLs with it to this day unless it is told
//! otherwise, so that every bucket of ours takes it. The path of a request is that of [`crate::sigv4`]: [`parse`] finds
//! what the caller presents, the gateway looks the key up, [`Presented::verify`] proves the signature. The body is
//! never signed.
//!
//! Reference: "Signing and authenticating REST requests (AWS signature version 2)" in the S3 user guide, and
//! `HmacV1Auth` of botocore.

mod canonical;
mod sign;

use std::borrow::Cow;

use aws_lc_rs::{constant_time, hmac};
use base::Timestamp;
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::sigv4::authorization::{header_text, parameter, read_date};
use crate::sigv4::limits::CLOCK_SKEW_LONG_MAX;
use crate::sigv4::{AuthError, Mismatch, RequestParts, SecretAccessKey, SigningKeyCache, Version2Error};

pub use sign::{presign, sign, sign_text};

/// A signature that has been read, and not yet been verified.
#[derive(Clone, Debug)]
pub struct Presented<'a> {
    request: RequestParts<'a>,
    access_key_id: Cow<'a, str>,
    signature: Cow<'a, str>,
    lifetime: Lifetime,
    /// What the string to sign has in the place of a date.
    date_line: Cow<'a, str>,
    pub session_token: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    /// Signed at this moment, in a header.
    Signed(Timestamp),
    /// Good until this moment, in a URL.
    Until(Timestamp),
}

/// Reads what a request presents of Version 2; nothing if that is nothing.
///
/// # Errors
/// If it is incomplete or malformed.
pub fn parse<'a>(request: RequestParts<'a>) -> Result<Option<Presented<'a>>, AuthError> {
    if let Some(value) = header_text(request.headers, &http::header::AUTHORIZATION) {
        let is_version_2 = value == "AWS" || value.starts_with("AWS ");
        return if is_version_2 { parse_header(request, value).map(Some) } else { Ok(None) };
    }
    let is_signed =
        ["AWSAccessKeyId", "Signature"].iter().any(|name| parameter(request.query, name).is_some());
    if is_signed { parse_query(request).map(Some) } else { Ok(None) }
}

fn parse_header<'a>(request: RequestParts<'a>, value: &'a str) -> Result<Presented<'a>, AuthError> {
    let mut words = value.split(' ');
    let (Some(_), Some(credential), None) = (words.next(), words.next(), words.next()) else {
        return Err(Version2Error::NotOneSpace.into());
    };
    let (access_key_id, signature) = credential.split_once(':').ok_or(Version2Error::NoColon)?;
    let amz_date = header_text(request.headers, &http::HeaderName::from_static("x-amz-date"));
    let date = header_text(request.headers, &http::header::DATE);
    let text = amz_date.or(date).unwrap_or("");
    let bad = || AuthError::BadDate { text: text.to_owned(), presigned: false };
    let (signed, _) = read_date(text).ok_or_else(bad)?;
    Ok(Presented {
        request,
        access_key_id: Cow::Borrowed(access_key_id),
        signature: Cow::Borrowed(signature),
        lifetime: Lifetime::Signed(signed),
        // The other header is signed with its like.
        date_line: Cow::Borrowed(if amz_date.is_some() { "" } else { text }),
        session_token: session_token(request),
    })
}

fn parse_query(request: RequestParts<'_>) -> Result<Presented<'_>, AuthError> {
    let required = ["AWSAccessKeyId", "Signature", "Expires"].map(|name| parameter(request.query, name));
    let [Some(access_key_id), Some(signature), Some(expires)] = required else {
        return Err(Version2Error::IncompleteQuery.into());
    };
    let seconds: i64 = match expires.parse() {
        Ok(seconds) if (0..=EXPIRES_SECS_MAX).contains(&seconds) => seconds,
        _ => {
            return Err(
                Version2Error::BadExpires { text: expires.chars().take(EXPIRES_SHOWN).collect() }.into()
            );
        }
    };
    Ok(Presented {
        request,
        access_key_id,
        signature,
        lifetime: Lifetime::Until(Timestamp::from_secs(seconds)),
        date_line: expires,
        session_token: session_token(request),
    })
}

/// The end of the year 9999, beyond which no date can be written.
const EXPIRES_SECS_MAX: i64 = 253_402_300_799;

/// More of what is no number is not repeated to the caller.
const EXPIRES_SHOWN: usize = 32;

fn session_token(request: RequestParts<'_>) -> Option<Cow<'_, str>> {
    let header = header_text(request.headers, &http::HeaderName::from_static("x-amz-security-token"));
    header.map(Cow::Borrowed).or_else(|| parameter(request.query, "x-amz-security-token"))
}

impl Presented<'_> {
    /// The key to look up, as the caller wrote it.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub fn is_presigned(&self) -> bool {
        matches!(self.lifetime, Lifetime::Until(_))
    }

    /// Proves that the request was signed with `secret`, and is still good at `now` (wall time). `bucket` is the one
    /// that the host names.
    ///
    /// Without a secret the same work is done against nobody's, and the answer is that the key is unknown.
    ///
    /// # Errors
    /// If it was not, or is not.
    pub fn verify(
        &self,
        secret: Option<&SecretAccessKey>,
        keys: &SigningKeyCache,
        bucket: Option<&str>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let skew = CLOCK_SKEW_LONG_MAX;
        match self.lifetime {
            Lifetime::Signed(signed) if signed > now + skew => {
                return Err(AuthError::SignatureNotYetCurrent { signed, now, skew, presigned: false });
            }
            Lifetime::Signed(signed) if signed + skew < now => {
                return Err(AuthError::SignatureExpired { signed, now, skew });
            }
            Lifetime::Until(expires) if expires < now => {
                return Err(Version2Error::Expired { expires, now }.into());
            }
            _ => {}
        }
        let message = canonical::string_to_sign(&self.request, &self.date_line, bucket, self.is_presigned());
        let matches = is_signature(secret.unwrap_or(&keys.nobody), &message, &self.signature);
        match (secret, matches) {
            (None, _) => Err(AuthError::UnknownAccessKey { access_key_id: self.access_key_id().to_owned() }),
            (Some(_), true) => Ok(()),
            (Some(_), false) => Err(AuthError::SignatureMismatch(Box::new(Mismatch {
                access_key_id: self.access_key_id().to_owned(),
                canonical_request: String::new(),
                string_to_sign: String::from_utf8_lossy(&message).into_owned(),
                signature_provided: self.signature.clone().into_owned(),
            }))),
        }
    }
}

/// Whether a text in Base64 is the signature of a message. Takes the same time wherever the two differ.
pub(crate) fn is_signature(secret: &SecretAccessKey, message: &[u8], signature: &str) -> bool {
    let ours = hmac_sha1(secret, message);
    let theirs = BASE64_STANDARD.decode(signature).unwrap_or_default();
    constant_time::verify_slices_are_equal(ours.as_ref(), &theirs).is_ok()
}

fn hmac_sha1(secret: &SecretAccessKey, message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose().as_bytes());
    hmac::sign(&key, message)
}
