//! The proof of a signature.

use std::borrow::Cow;

use aws_lc_rs::digest;
use base::{Region, Timestamp};

use super::authorization::{Algorithm, Carrier, Presented};
use super::canonical::{Shape, canonical_request};
use super::chunk_framing::ChunkVerifier;
use super::chunk_signature::ChunkChain;
use super::credentials::SecretAccessKey;
use super::error::{AuthError, Mismatch, Missing, ScopeError};
use super::hex;
use super::payload::{Body, PayloadDeclaration, PayloadVerifier, Streaming, check_hash, decoded_length};
use super::rules::{HeaderRule, PayloadRule, RegionRule, Rules};
use super::signing_key::{SigningKey, SigningKeyCache};

/// A request that the owner of the access key has signed.
#[derive(Debug)]
pub struct Verified {
    /// The region that the request is for.
    pub region: Region,
    /// What its body still owes.
    pub payload: PayloadVerifier,
}

/// The last line of the canonical request, and what follows from it for the body.
struct Payload<'a> {
    line: Cow<'a, str>,
    plan: Plan,
}

enum Plan {
    Settled,
    /// The body is at hand, but was declared with another hash.
    Differs {
        declared: [u8; 32],
        computed: [u8; 32],
    },
    Hash([u8; 32]),
    Chunked(Streaming),
}

impl Presented<'_> {
    /// Proves that the request was signed with `secret`, at about `now` (wall time), for an endpoint of these
    /// rules.
    ///
    /// Without a secret (the access key does not exist) the same work is done against a secret of nobody's, and
    /// the answer is [`AuthError::UnknownAccessKey`] after the same time. The checks come in AWS's order, so the
    /// key is looked up before this call although an unknown one is reported late.
    pub fn verify(
        &self,
        secret: Option<&SecretAccessKey>,
        keys: &SigningKeyCache,
        body: Body<'_>,
        now: Timestamp,
        rules: &Rules<'_>,
    ) -> Result<Verified, AuthError> {
        self.check_time(now, rules)?;
        self.check_signed_headers(rules)?;
        let region = self.check_scope(rules)?;
        let payload = self.read_payload(body, rules)?;

        let canonical = canonical_request(
            &self.request,
            &Shape {
                signed_headers: &self.signed_headers,
                path: rules.path,
                presigned: self.is_presigned(),
                payload: &payload.line,
            },
        );
        let message = self.string_to_sign(&canonical);
        let key = match secret {
            Some(secret) => keys.get(self.algorithm, &self.credential, secret),
            None => keys.nobodys(self.algorithm, &self.credential),
        };
        let matches = key.verify(&message, &self.signature);
        if secret.is_none() {
            let access_key_id = self.access_key_id().to_owned();
            return Err(AuthError::UnknownAccessKey { access_key_id });
        }
        if !matches {
            return Err(self.mismatch(&canonical, &message));
        }
        let payload = match payload.plan {
            Plan::Settled => PayloadVerifier::Settled,
            Plan::Differs { declared, computed } => {
                check_hash(&declared, &computed)?;
                PayloadVerifier::Settled
            }
            Plan::Hash(declared) => PayloadVerifier::hash(declared),
            Plan::Chunked(streaming) => PayloadVerifier::Chunked(Box::new(self.chunks(streaming, key)?)),
        };
        Ok(Verified { region, payload })
    }

    pub fn is_presigned(&self) -> bool {
        self.carrier != Carrier::Header
    }

    /// The string to sign of a canonical request.
    fn string_to_sign(&self, canonical: &[u8]) -> Vec<u8> {
        string_to_sign(self.algorithm, &self.timestamp_text, self.credential.scope(), canonical)
    }

    fn check_time(&self, now: Timestamp, rules: &Rules<'_>) -> Result<(), AuthError> {
        let (signed, skew) = (self.timestamp, rules.skew);
        if signed > now + skew {
            let presigned = self.is_presigned();
            return Err(AuthError::SignatureNotYetCurrent { signed, now, skew, presigned });
        }
        match self.carrier {
            Carrier::Header if signed + skew < now => Err(AuthError::SignatureExpired { signed, now, skew }),
            Carrier::Header => Ok(()),
            Carrier::Query { expires: None } if rules.payload == PayloadRule::Declared => {
                Err(AuthError::IncompleteQuery(Missing { expires: true, ..Missing::default() }))
            }
            Carrier::Query { expires } => {
                let expires = expires.unwrap_or(skew);
                if signed + expires < now {
                    return Err(AuthError::PresignedExpired { signed, expires, now });
                }
                Ok(())
            }
        }
    }

    fn check_signed_headers(&self, rules: &Rules<'_>) -> Result<(), AuthError> {
        let signs = |name: &str| self.signed_headers.split(';').any(|each| each.eq_ignore_ascii_case(name));
        if !signs("host") {
            return Err(AuthError::HostNotSigned);
        }
        if rules.headers == HeaderRule::HostAndAmz {
            let names = self.request.headers.keys().map(|name| name.as_str());
            let unsigned: Vec<String> =
                names.filter(|name| name.starts_with("x-amz-") && !signs(name)).map(str::to_owned).collect();
            if !unsigned.is_empty() {
                return Err(AuthError::HeadersNotSigned(unsigned));
            }
        }
        Ok(())
    }

    /// All that is wrong is reported at once, as AWS does.
    fn check_scope(&self, rules: &Rules<'_>) -> Result<Region, AuthError> {
        let mut errors = Vec::new();
        let region = self.scoped_region(rules.region);
        if region.is_none() {
            let expected = match rules.region {
                RegionRule::Any => None,
                RegionRule::Exactly(region) => Some(region),
            };
            let got = match self.algorithm {
                Algorithm::HmacSha256 => self.credential.region(),
                Algorithm::EcdsaP256Sha256 => self.region_set.as_deref().unwrap_or(""),
            };
            errors.push(ScopeError::Region { got: got.to_owned(), expected });
        }
        let name = self.credential.service();
        if !rules.services.contains(&name) && !rules.aliases.contains(&name) {
            let expected = rules.services.first().copied().unwrap_or_default().to_owned();
            errors.push(ScopeError::Service { got: name.to_owned(), expected });
        }
        if self.credential.terminator() != "aws4_request" {
            errors.push(ScopeError::Terminator { got: self.credential.terminator().to_owned() });
        }
        let day = &self.timestamp_text[..8];
        if self.credential.date() != day {
            errors.push(ScopeError::Date {
                got: self.credential.date().to_owned(),
                expected: day.to_owned(),
                from: self.timestamp_text.clone().into_owned(),
            });
        }
        match region {
            Some(region) if errors.is_empty() => Ok(region),
            _ => Err(AuthError::Scope { errors, presigned: self.is_presigned() }),
        }
    }

    /// The region of the request, if the signature is good for it.
    fn scoped_region(&self, rule: RegionRule) -> Option<Region> {
        match self.algorithm {
            Algorithm::HmacSha256 => {
                let region = Region::parse(self.credential.region())?;
                (rule == RegionRule::Any || rule == RegionRule::Exactly(region)).then_some(region)
            }
            Algorithm::EcdsaP256Sha256 => {
                let set = self.region_set.as_deref()?;
                let covers = |region: Region| {
                    set.split(',').any(|pattern| covers_region(pattern.trim(), region.as_str()))
                };
                match rule {
                    RegionRule::Exactly(region) => covers(region).then_some(region),
                    RegionRule::Any if covers(Region::US_EAST_1) => Some(Region::US_EAST_1),
                    RegionRule::Any => Region::all().find(|region| covers(*region)),
                }
            }
        }
    }

    fn read_payload(&self, body: Body<'_>, rules: &Rules<'_>) -> Result<Payload<'_>, AuthError> {
        let computed = match body {
            Body::Bytes(bytes) => Some(sha256(bytes)),
            Body::Hash(hash) => Some(hash),
            Body::Streamed => None,
        };
        if let (PayloadRule::Body, Some(hash)) = (rules.payload, computed) {
            return Ok(Payload { line: Cow::Owned(hex::encode(&hash)), plan: Plan::Settled });
        }
        let Some(declared) = self.declared_payload.as_deref() else {
            if self.is_presigned() && rules.payload == PayloadRule::Declared {
                return Ok(Payload { line: Cow::Borrowed("UNSIGNED-PAYLOAD"), plan: Plan::Settled });
            }
            return Err(AuthError::MissingContentSha256);
        };
        let invalid = || AuthError::InvalidContentSha256 { value: declared.to_owned() };
        let declaration = PayloadDeclaration::parse(declared).ok_or_else(invalid)?;
        let plan = match (declaration, computed) {
            (PayloadDeclaration::Hash(declared), Some(computed)) => Plan::Differs { declared, computed },
            (PayloadDeclaration::Hash(declared), None) => Plan::Hash(declared),
            // Only S3 takes the caller's word for a body; elsewhere it would be a way around the signature.
            _ if rules.payload == PayloadRule::Body => return Err(invalid()),
            (PayloadDeclaration::Unsigned, _) => Plan::Settled,
            (PayloadDeclaration::Streaming(streaming), _) => {
                if streaming.signed.is_some_and(|algorithm| algorithm != self.algorithm) {
                    return Err(invalid());
                }
                Plan::Chunked(streaming)
            }
        };
        Ok(Payload { line: Cow::Borrowed(declared), plan })
    }

    fn chunks(
        &self,
        streaming: Streaming,
        key: std::sync::Arc<SigningKey>,
    ) -> Result<ChunkVerifier, AuthError> {
        let header = |name: &str| self.request.headers.get(name).and_then(|value| value.to_str().ok());
        let decoded_bytes = decoded_length(self.request.headers).ok_or(AuthError::MissingDecodedLength)?;
        let trailers = match streaming.trailer {
            true => header("x-amz-trailer").unwrap_or(""),
            false => "",
        };
        let chain = streaming.signed.map(|algorithm| ChunkChain {
            key,
            algorithm,
            timestamp: self.timestamp_text.clone().into_owned(),
            scope: self.credential.scope().to_owned(),
            access_key_id: self.access_key_id().to_owned(),
            previous: self.signature.clone().into_owned(),
        });
        Ok(ChunkVerifier::new(decoded_bytes, trailers, streaming.trailer, chain))
    }

    fn mismatch(&self, canonical: &[u8], message: &[u8]) -> AuthError {
        AuthError::SignatureMismatch(Box::new(Mismatch {
            access_key_id: self.access_key_id().to_owned(),
            canonical_request: String::from_utf8_lossy(canonical).into_owned(),
            string_to_sign: String::from_utf8_lossy(message).into_owned(),
            signature_provided: self.signature.clone().into_owned(),
        }))
    }
}

/// Whether a pattern of a region set, such as `eu-*` or `*`, covers a region.
fn covers_region(pattern: &str, region: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == region,
        Some((start, end)) => {
            region.len() >= start.len() + end.len() && region.starts_with(start) && region.ends_with(end)
        }
    }
}

/// The text whose signature is checked.
pub(crate) fn string_to_sign(
    algorithm: Algorithm,
    timestamp: &str,
    scope: &str,
    canonical: &[u8],
) -> Vec<u8> {
    let mut message = Vec::with_capacity(192);
    for line in [algorithm.as_str(), timestamp, scope] {
        message.extend_from_slice(line.as_bytes());
        message.push(b'\n');
    }
    hex::append(&mut message, &sha256(canonical));
    message
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_set_may_hold_one_star() {
        for (pattern, region, covered) in [
            ("*", "us-east-1", true),
            ("us-*", "us-east-1", true),
            ("us-*", "eu-west-1", false),
            ("us-east-1", "us-east-1", true),
            ("us-east-1*1", "us-east-1", false),
            ("", "us-east-1", false),
        ] {
            assert_eq!(covers_region(pattern, region), covered, "{pattern}");
        }
    }
}
