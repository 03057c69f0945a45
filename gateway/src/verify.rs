//! Who is calling: the signature over the request as it came, and the principal it stands for.
//!
//! Two clocks are at work. A signature's time is compared with wall time, so that real clients go on working after
//! the cloud's clock was turned; the end of temporary credentials is a matter of cloud time.

use std::sync::Arc;

use base::{Clock, Region};
use identity::sigv4::limits::CLOCK_SKEW_LONG_MAX;
use identity::sigv4::{AuthError, Body, PayloadRule, PayloadVerifier, Presented, Rules, SigningKeyCache};
use schema::{Auth, Operation, Service, Signing};
use service::{KeyError, Keyring, Principal};

pub(crate) struct Verifier {
    keyring: Arc<Keyring>,
    keys: SigningKeyCache,
    clock: Clock,
}

/// Who has proven to be who.
pub(crate) struct Caller {
    pub principal: Principal,
    /// The region the request is signed for; nothing for anonymous ones.
    pub region: Option<Region>,
    /// What the body still owes.
    pub payload: PayloadVerifier,
}

impl Verifier {
    pub fn new(keyring: Arc<Keyring>, clock: Clock) -> Verifier {
        Verifier { keyring, keys: SigningKeyCache::new(), clock }
    }

    /// Proves a request for an operation.
    pub fn verify(
        &self,
        presented: Option<&Presented<'_>>,
        operation: &Operation,
        body: Body<'_>,
    ) -> Result<Caller, AuthError> {
        let Some(presented) = presented else {
            return match operation.auth {
                Auth::None => {
                    let principal = Principal::anonymous();
                    Ok(Caller { principal, region: None, payload: PayloadVerifier::Settled })
                }
                _ => Err(AuthError::MissingToken),
            };
        };
        let mut rules = rules(operation.service);
        if operation.auth == Auth::UnsignedBody
            && presented.declared_payload.as_deref() == Some("UNSIGNED-PAYLOAD")
        {
            rules.payload = PayloadRule::Declared;
        }
        let found = self.keyring.find(
            presented.access_key_id(),
            presented.session_token.as_deref(),
            self.clock.now(),
        );
        let wall = self.clock.wall();
        match found {
            Ok(key) => {
                let verified = presented.verify(Some(&key.secret), &self.keys, body, wall, &rules)?;
                let region = Some(verified.region);
                Ok(Caller { principal: key.principal, region, payload: verified.payload })
            }
            // The same work as for a key that exists, so that time does not tell which keys do.
            Err(why) => match (presented.verify(None, &self.keys, body, wall, &rules), why) {
                (Err(AuthError::UnknownAccessKey { .. }), KeyError::InvalidToken) => {
                    Err(AuthError::InvalidToken)
                }
                (Err(AuthError::UnknownAccessKey { .. }), KeyError::Expired) => Err(AuthError::ExpiredToken),
                (Err(error), _) => Err(error),
                (Ok(_), _) => unreachable!("without a secret nothing is proven"),
            },
        }
    }

    /// What the headers alone say against a request: it is anonymous, its time, scope or key is wrong. For bodies
    /// that are not worth waiting for then.
    pub fn refuse_early(
        &self,
        presented: Option<&Presented<'_>>,
        service: &'static Service,
    ) -> Result<(), AuthError> {
        let presented = presented.ok_or(AuthError::MissingToken)?;
        let token = presented.session_token.as_deref();
        let known = self.keyring.find(presented.access_key_id(), token, self.clock.now());
        // An empty body is no more wrong than any other as long as there is no secret to sign it with.
        let rules = Rules { payload: PayloadRule::Body, ..rules(service) };
        match (presented.verify(None, &self.keys, Body::Bytes(b""), self.clock.wall(), &rules), known) {
            (Err(AuthError::UnknownAccessKey { .. }), Ok(_)) => Ok(()),
            (Err(AuthError::UnknownAccessKey { .. }), Err(KeyError::InvalidToken)) => {
                Err(AuthError::InvalidToken)
            }
            (Err(AuthError::UnknownAccessKey { .. }), Err(KeyError::Expired)) => Err(AuthError::ExpiredToken),
            (Err(error), _) => Err(error),
            (Ok(_), _) => unreachable!("without a secret nothing is proven"),
        }
    }
}

fn rules(service: &'static Service) -> Rules<'static> {
    let names = std::slice::from_ref(&service.signing_name);
    match service.signing {
        Signing::Standard => Rules::standard(names),
        Signing::Lenient => Rules { skew: CLOCK_SKEW_LONG_MAX, ..Rules::standard(names) },
        Signing::Declared => Rules { services: names, ..Rules::S3 },
    }
}
