//! Who is calling: the signature over the request as it came, and the principal it stands for.
//!
//! Two clocks are at work. A signature's time is compared with wall time, so that real clients go on working after
//! the cloud's clock was turned; the end of temporary credentials is a matter of cloud time.

use std::sync::Arc;

use base::{Clock, Region};
use identity::sigv4::limits::CLOCK_SKEW_LONG_MAX;
use identity::sigv4::{AuthError, Body, PayloadRule, PayloadVerifier, Presented, Rules, SigningKeyCache};
use schema::{Auth, Fault, Operation, Service, Signing};
use service::{Identities, Key, KeyError, Keyring, Principal};

pub(crate) struct Verifier {
    keyring: Arc<Keyring>,
    /// Who knows the keys that users have.
    identities: Arc<dyn Identities>,
    keys: SigningKeyCache,
    clock: Clock,
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

/// Who has proven to be who.
pub(crate) struct Caller {
    pub principal: Principal,
    /// The region the request is signed for; nothing for anonymous ones.
    pub region: Option<Region>,
    /// What the body still owes.
    pub payload: PayloadVerifier,
}

impl Verifier {
    pub fn new(keyring: Arc<Keyring>, identities: Arc<dyn Identities>, clock: Clock) -> Verifier {
        Verifier { keyring, identities, keys: SigningKeyCache::new(), clock }
    }

    /// The key a request claims to be signed with. Both rings are asked in any case, so that time does not tell which
    /// of them has a key.
    async fn find(&self, presented: &Presented<'_>) -> Result<Result<Key, KeyError>, Fault> {
        let (id, token) = (presented.access_key_id(), presented.session_token.as_deref());
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
        body: Body<'_>,
    ) -> Result<Caller, Unproven> {
        let Some(presented) = presented else {
            return match operation.auth {
                Auth::None => {
                    let principal = Principal::anonymous();
                    Ok(Caller { principal, region: None, payload: PayloadVerifier::Settled })
                }
                _ => Err(AuthError::MissingToken.into()),
            };
        };
        let mut rules = rules(operation.service);
        if operation.auth == Auth::UnsignedBody
            && presented.declared_payload.as_deref() == Some("UNSIGNED-PAYLOAD")
        {
            rules.payload = PayloadRule::Declared;
        }
        let found = self.find(presented).await.map_err(Unproven::Fault)?;
        let wall = self.clock.wall();
        match found {
            Ok(key) => {
                let verified = presented.verify(Some(&key.secret), &self.keys, body, wall, &rules)?;
                let region = Some(verified.region);
                Ok(Caller { principal: key.principal, region, payload: verified.payload })
            }
            // The same work as for a key that exists, so that time does not tell which keys do.
            Err(why) => Err(match (presented.verify(None, &self.keys, body, wall, &rules), why) {
                (Err(AuthError::UnknownAccessKey { .. }), KeyError::InvalidToken) => AuthError::InvalidToken,
                (Err(AuthError::UnknownAccessKey { .. }), KeyError::Expired) => AuthError::ExpiredToken,
                (Err(error), _) => error,
                (Ok(_), _) => unreachable!("without a secret nothing is proven"),
            }
            .into()),
        }
    }

    /// What the headers alone say against a request: it is anonymous, its time, scope or key is wrong. For bodies
    /// that are not worth waiting for then.
    pub async fn refuse_early(
        &self,
        presented: Option<&Presented<'_>>,
        service: &'static Service,
    ) -> Result<(), Unproven> {
        let presented = presented.ok_or(AuthError::MissingToken)?;
        let known = self.find(presented).await.map_err(Unproven::Fault)?;
        // An empty body is no more wrong than any other as long as there is no secret to sign it with.
        let rules = Rules { payload: PayloadRule::Body, ..rules(service) };
        match (presented.verify(None, &self.keys, Body::Bytes(b""), self.clock.wall(), &rules), known) {
            (Err(AuthError::UnknownAccessKey { .. }), Ok(_)) => Ok(()),
            (Err(AuthError::UnknownAccessKey { .. }), Err(KeyError::InvalidToken)) => {
                Err(AuthError::InvalidToken.into())
            }
            (Err(AuthError::UnknownAccessKey { .. }), Err(KeyError::Expired)) => {
                Err(AuthError::ExpiredToken.into())
            }
            (Err(error), _) => Err(error.into()),
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
