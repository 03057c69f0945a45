//! Who is calling: the signature over the request as it came, and the principal it stands for.
//!
//! Two clocks are at work. A signature's time is compared with wall time, so that real clients go on working after
//! the cloud's clock was turned; the end of temporary credentials is a matter of cloud time.

use std::sync::Arc;

use base::{Clock, Region, Timestamp};
use http::HeaderMap;
use identity::post_policy::{Form, FormError};
use identity::sigv2;
use identity::sigv4::limits::CLOCK_SKEW_LONG_MAX;
use identity::sigv4::{self, AuthError, Body, PayloadRule, PayloadVerifier, Rules, SigningKeyCache};
use schema::{Auth, Fault, Operation, Service, Signing};
use service::{Carried, Identities, Key, KeyError, Keyring, Principal, Signature, SignatureVersion};

pub(crate) struct Verifier {
    keyring: Arc<Keyring>,
    /// Who knows the keys that users have.
    identities: Arc<dyn Identities>,
    keys: SigningKeyCache,
    clock: Clock,
}

/// A signature that has been read, and not yet been verified.
pub(crate) enum Presented<'a> {
    Version4(sigv4::Presented<'a>),
    /// Only the service with buckets takes these.
    Version2(sigv2::Presented<'a>),
}

impl Presented<'_> {
    fn access_key_id(&self) -> &str {
        match self {
            Presented::Version4(presented) => presented.access_key_id(),
            Presented::Version2(presented) => presented.access_key_id(),
        }
    }

    fn session_token(&self) -> Option<&str> {
        match self {
            Presented::Version4(presented) => presented.session_token.as_deref(),
            Presented::Version2(presented) => presented.session_token.as_deref(),
        }
    }

    /// Whether the signature is in the URL.
    pub fn is_presigned(&self) -> bool {
        match self {
            Presented::Version4(presented) => presented.is_presigned(),
            Presented::Version2(presented) => presented.is_presigned(),
        }
    }

    /// What policies may ask of it, at about `now` (wall time).
    fn described(&self, now: Timestamp, headers: &HeaderMap) -> Signature {
        let is_presigned = self.is_presigned();
        let content_sha256 = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        Signature {
            version: match self {
                Presented::Version4(_) => SignatureVersion::Four,
                Presented::Version2(_) => SignatureVersion::Two,
            },
            carried: if is_presigned { Carried::Query } else { Carried::Header },
            age: match self {
                Presented::Version4(presented) if is_presigned => Some(now.since(presented.timestamp)),
                _ => None,
            },
            content_sha256: content_sha256.map(str::to_owned),
        }
    }
}

/// What is verified, besides the signature itself.
pub(crate) struct Signed<'a> {
    pub body: Body<'a>,
    pub headers: &'a HeaderMap,
    /// The bucket that the host names.
    pub bucket: Option<&'a str>,
}

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) enum Unproven {
    Auth(AuthError),
    /// Whoever knows the keys could not be asked.
    Fault(Fault),
}

impl From<AuthError> for Unproven {
    fn from(error: AuthError) -> Unproven {
        Unproven::Auth(error)
    }
}

/// Why a form is not let in.
pub(crate) enum FormRefused {
    Form(FormError),
    Unproven(Unproven),
}

/// Who has proven to be who.
pub(crate) struct Caller {
    pub principal: Principal,
    /// The region the request is signed for; nothing for anonymous ones.
    pub region: Option<Region>,
    /// What the body still owes.
    pub payload: PayloadVerifier,
    /// What policies may ask of the signature.
    pub signature: Option<Signature>,
}

impl Verifier {
    pub fn new(keyring: Arc<Keyring>, identities: Arc<dyn Identities>, clock: Clock) -> Verifier {
        Verifier { keyring, identities, keys: SigningKeyCache::new(), clock }
    }

    /// The key a request claims to be signed with. Both rings are asked in any case, so that time does not tell which
    /// of them has a key.
    async fn find(&self, id: &str, token: Option<&str>) -> Result<Result<Key, KeyError>, Fault> {
        let found = self.keyring.find(id, token, self.clock.now());
        let of_user = self.identities.key(id).await?;
        Ok(match (found, of_user) {
            // Long-lived keys have no session, so a token that comes with one is another's or nobody's.
            (Err(KeyError::Unknown), Some(_)) if token.is_some() => Err(KeyError::InvalidToken),
            (Err(KeyError::Unknown), Some(key)) => Ok(key),
            (found, _) => found,
        })
    }

    /// Proves a request for an operation.
    pub async fn verify(
        &self,
        presented: Option<&Presented<'_>>,
        operation: &Operation,
        signed: &Signed<'_>,
    ) -> Result<Caller, Unproven> {
        let Some(presented) = presented else {
            return Ok(self.anyone(operation, signed)?);
        };
        let (id, token) = (presented.access_key_id(), presented.session_token());
        let found = self.find(id, token).await.map_err(Unproven::Fault)?;
        let (secret, known) = match &found {
            Ok(key) => (Some(&key.secret), None),
            Err(why) => (None, Some(*why)),
        };
        let wall = self.clock.wall();
        let proven = match presented {
            Presented::Version4(presented) => {
                let mut rules = rules(operation.service);
                if operation.auth == Auth::UnsignedBody
                    && presented.declared_payload.as_deref() == Some("UNSIGNED-PAYLOAD")
                {
                    rules.payload = PayloadRule::Declared;
                }
                let verified = presented.verify(secret, &self.keys, signed.body, wall, &rules);
                verified.map(|verified| (Some(verified.region), verified.payload))
            }
            Presented::Version2(presented) => presented
                .verify(secret, &self.keys, signed.bucket, wall)
                .and_then(|()| Ok((None, PayloadVerifier::unsigned(signed.headers)?))),
        };
        match (proven, found) {
            (Ok((region, payload)), Ok(key)) => {
                let signature = Some(presented.described(wall, signed.headers));
                Ok(Caller { principal: key.principal, region, payload, signature })
            }
            (Err(error), _) => Err(refined(error, known).into()),
            (Ok(_), Err(_)) => unreachable!("without a secret nothing is proven"),
        }
    }

    /// Proves that the policy of a form was signed, and by whom. A form without one is anonymous.
    pub async fn verify_form(&self, form: &Form, service: &'static Service) -> Result<Caller, FormRefused> {
        let Some(presented) = form.presented().map_err(FormRefused::Form)? else {
            let principal = Principal::anonymous();
            let payload = PayloadVerifier::Settled;
            return Ok(Caller { principal, region: None, payload, signature: None });
        };
        let found = self.find(presented.access_key_id(), presented.session_token).await;
        let found = found.map_err(|fault| FormRefused::Unproven(Unproven::Fault(fault)))?;
        let (secret, known) = match &found {
            Ok(key) => (Some(&key.secret), None),
            Err(why) => (None, Some(*why)),
        };
        let proven = presented.verify(secret, &self.keys, self.wall(), &rules(service));
        match (proven, found) {
            (Ok(region), Ok(key)) => {
                let version = match presented.is_version_4() {
                    true => SignatureVersion::Four,
                    false => SignatureVersion::Two,
                };
                let signature =
                    Signature { version, carried: Carried::Form, age: None, content_sha256: None };
                let (principal, payload) = (key.principal, PayloadVerifier::Settled);
                Ok(Caller { principal, region, payload, signature: Some(signature) })
            }
            (Err(error), _) => Err(FormRefused::Unproven(refined(error, known).into())),
            (Ok(_), Err(_)) => unreachable!("without a secret nothing is proven"),
        }
    }

    /// The time by which signatures are judged.
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Nobody in particular, where that is enough. Where there are buckets, policies decide what anyone may do.
    fn anyone(&self, operation: &Operation, signed: &Signed<'_>) -> Result<Caller, AuthError> {
        let payload = match operation.auth {
            _ if operation.service.buckets => PayloadVerifier::unsigned(signed.headers)?,
            Auth::None => PayloadVerifier::Settled,
            _ => return Err(AuthError::MissingToken),
        };
        Ok(Caller { principal: Principal::anonymous(), region: None, payload, signature: None })
    }

    /// What the headers alone say against a request: it is anonymous, its time, scope or key is wrong. For bodies
    /// that are not worth waiting for then.
    pub async fn refuse_early(
        &self,
        presented: Option<&Presented<'_>>,
        service: &'static Service,
    ) -> Result<(), Unproven> {
        let presented = match presented {
            Some(presented) => presented,
            None if service.buckets => return Ok(()),
            None => return Err(AuthError::MissingToken.into()),
        };
        let (id, token) = (presented.access_key_id(), presented.session_token());
        let found = self.find(id, token).await.map_err(Unproven::Fault)?;
        let Presented::Version4(presented) = presented else { return Ok(()) };
        // An empty body is no more wrong than any other as long as there is no secret to sign it with.
        let rules = Rules { payload: PayloadRule::Body, ..rules(service) };
        let proven = presented.verify(None, &self.keys, Body::Bytes(b""), self.clock.wall(), &rules);
        match (proven, found) {
            (Err(AuthError::UnknownAccessKey { .. }), Ok(_)) => Ok(()),
            (Err(error), found) => Err(refined(error, found.err()).into()),
            (Ok(_), _) => unreachable!("without a secret nothing is proven"),
        }
    }
}

/// Says more of a key that is not known. The same work was done as for one that is, so that time does not tell.
fn refined(error: AuthError, known: Option<KeyError>) -> AuthError {
    match (error, known) {
        (AuthError::UnknownAccessKey { .. }, Some(KeyError::InvalidToken)) => AuthError::InvalidToken,
        (AuthError::UnknownAccessKey { .. }, Some(KeyError::Expired)) => AuthError::ExpiredToken,
        (error, _) => error,
    }
}

fn rules(service: &'static Service) -> Rules<'static> {
    let names = std::slice::from_ref(&service.signing_name);
    match service.signing {
        Signing::Standard => Rules::standard(names),
        Signing::Lenient => Rules { skew: CLOCK_SKEW_LONG_MAX, ..Rules::standard(names) },
        Signing::Declared => Rules { services: names, aliases: service.signing_aliases, ..Rules::S3 },
    }
}
