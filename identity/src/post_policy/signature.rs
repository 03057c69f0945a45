//! The signature of a form: over its policy, as the form has it.

use std::borrow::Cow;

use base::{Region, Timestamp};

use super::error::FormError;
use super::form::Form;
use crate::sigv2::is_signature;
use crate::sigv4::authorization::read_date;
use crate::sigv4::{
    Algorithm, AuthError, CredentialScope, Mismatch, Rules, ScopeError, SecretAccessKey, SigningKeyCache,
};

/// A signature that has been read, and not yet been verified.
#[derive(Clone, Debug)]
pub struct Presented<'a> {
    access_key_id: &'a str,
    policy: &'a str,
    signature: &'a str,
    pub session_token: Option<&'a str>,
    version_4: Option<Version4<'a>>,
}

#[derive(Clone, Debug)]
struct Version4<'a> {
    algorithm: Algorithm,
    credential: CredentialScope<'a>,
    /// `YYYYMMDD`.
    day: String,
    date: String,
}

impl Form {
    /// The signature of a form with a policy; nothing if it is anonymous.
    ///
    /// # Errors
    /// If it lacks a part, or one cannot be read.
    pub fn presented(&self) -> Result<Option<Presented<'_>>, FormError> {
        let (signed_4, signed_2) = (self.get("x-amz-signature"), self.get("signature"));
        let named = ["policy", "x-amz-algorithm", "x-amz-credential", "awsaccesskeyid"];
        if signed_4.or(signed_2).is_none() && !named.iter().any(|name| self.get(name).is_some()) {
            return Ok(None);
        }
        let session_token = self.get("x-amz-security-token");
        if signed_4.is_none() && self.get("x-amz-algorithm").is_none() {
            let access_key_id = self.require("awsaccesskeyid", "AWSAccessKeyId")?;
            let signature = self.require("signature", "signature")?;
            let policy = self.require("policy", "policy")?;
            return Ok(Some(Presented { access_key_id, policy, signature, session_token, version_4: None }));
        }
        let algorithm = self.require("x-amz-algorithm", "X-Amz-Algorithm")?;
        let credential = self.require("x-amz-credential", "X-Amz-Credential")?;
        let signature = self.require("x-amz-signature", "X-Amz-Signature")?;
        let date = self.require("x-amz-date", "X-Amz-Date")?;
        let policy = self.require("policy", "policy")?;
        let presigned = true;
        if algorithm != Algorithm::HmacSha256.as_str() {
            return Err(AuthError::UnsupportedAlgorithm { text: shown(algorithm), presigned }.into());
        }
        let algorithm = Algorithm::HmacSha256;
        let scope = CredentialScope::parse(Cow::Borrowed(credential), algorithm);
        let credential =
            scope.ok_or_else(|| AuthError::MalformedCredential { text: String::new(), presigned })?;
        let (_, date) = read_date(date).ok_or_else(|| AuthError::BadDate { text: shown(date), presigned })?;
        let id_end = credential.access_key_id().len();
        let access_key_id = &self.require("x-amz-credential", "X-Amz-Credential")?[..id_end];
        let version_4 =
            Version4 { algorithm, credential, day: date[..8].to_owned(), date: date.into_owned() };
        Ok(Some(Presented { access_key_id, policy, signature, session_token, version_4: Some(version_4) }))
    }
}

/// More of what cannot be read is not repeated.
const SHOWN_CHARS_MAX: usize = 64;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

impl Presented<'_> {
    /// The key to look up, as the caller wrote it.
    pub fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    pub fn is_version_4(&self) -> bool {
        self.version_4.is_some()
    }

    /// Proves that the policy was signed with `secret`, for an endpoint of these rules, and returns the region it was
    /// signed for. How long it is good for the policy itself says, and at most as long as a presigned URL.
    ///
    /// Without a secret the same work is done against nobody's, and the answer is that the key is unknown.
    ///
    /// # Errors
    /// If it was not.
    pub fn verify(
        &self,
        secret: Option<&SecretAccessKey>,
        keys: &SigningKeyCache,
        now: Timestamp,
        rules: &Rules<'_>,
    ) -> Result<Option<Region>, AuthError> {
        let policy = self.policy.as_bytes();
        let (region, matches) = match &self.version_4 {
            None => (None, is_signature(secret.unwrap_or(&keys.nobody), policy, self.signature)),
            Some(version_4) => {
                let region = version_4.check_scope(rules)?;
                version_4.check_time(now, rules)?;
                let key = match secret {
                    Some(secret) => keys.get(version_4.algorithm, &version_4.credential, secret),
                    None => keys.nobodys(version_4.algorithm, &version_4.credential),
                };
                (Some(region), key.verify(policy, self.signature))
            }
        };
        match (secret, matches) {
            (None, _) => Err(AuthError::UnknownAccessKey { access_key_id: self.access_key_id.to_owned() }),
            (Some(_), true) => Ok(region),
            (Some(_), false) => Err(AuthError::SignatureMismatch(Box::new(Mismatch {
                access_key_id: self.access_key_id.to_owned(),
                canonical_request: String::new(),
                string_to_sign: self.policy.to_owned(),
                signature_provided: self.signature.to_owned(),
            }))),
        }
    }
}

impl Version4<'_> {
    fn check_scope(&self, rules: &Rules<'_>) -> Result<Region, AuthError> {
        let (credential, region) = (&self.credential, Region::parse(self.credential.region()));
        let name = credential.service();
        let mut errors = Vec::new();
        if region.is_none() {
            errors.push(ScopeError::Region { got: shown(credential.region()), expected: None });
        }
        if !rules.services.contains(&name) && !rules.aliases.contains(&name) {
            let expected = rules.services.first().copied().unwrap_or_default().to_owned();
            errors.push(ScopeError::Service { got: shown(name), expected });
        }
        if credential.terminator() != "aws4_request" {
            errors.push(ScopeError::Terminator { got: shown(credential.terminator()) });
        }
        if credential.date() != self.day {
            let (got, expected) = (shown(credential.date()), self.day.clone());
            errors.push(ScopeError::Date { got, expected, from: self.date.clone() });
        }
        match region {
            Some(region) if errors.is_empty() => Ok(region),
            _ => Err(AuthError::Scope { errors, presigned: true }),
        }
    }

    /// A signing key is good for seven days.
    fn check_time(&self, now: Timestamp, rules: &Rules<'_>) -> Result<(), AuthError> {
        let Some((signed, _)) = read_date(&self.date) else { return Ok(()) };
        let (skew, expires) = (rules.skew, KEY_TIME_MAX);
        if signed > now + skew {
            return Err(AuthError::SignatureNotYetCurrent { signed, now, skew, presigned: true });
        }
        if signed + expires < now {
            return Err(AuthError::PresignedExpired { signed, expires, now });
        }
        Ok(())
    }
}

const KEY_TIME_MAX: std::time::Duration =
    std::time::Duration::from_secs(crate::sigv4::limits::PRESIGNED_EXPIRES_SECS_MAX);
