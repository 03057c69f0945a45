//! The keys of OpenID Connect providers, asked for where the provider says (OpenID Connect Discovery 1.0) and
//! remembered for a while.
//!
//! What is remembered is lost with the process, and nothing else: the provider is asked again.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use outbound::{Outbound, OutboundError};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::error::Error;
use crate::limits::{PROVIDER_KEYS_AGE_MAX, PROVIDER_KEYS_AGE_MIN, PROVIDERS_REMEMBERED_MAX};
use crate::model::jwk::KeySet;
use crate::model::jwt::Token;

/// Whom to ask, and which certificates may answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The tokens' `iss`, with its scheme.
    pub issuer: String,
    pub thumbprints: Vec<String>,
}

/// All that is known.
pub struct ProviderKeys {
    outbound: Outbound,
    known: Mutex<HashMap<Asked, Known>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<KeySet>,
    at: Timestamp,
}

/// What a provider says of itself.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl ProviderKeys {
    pub fn new(outbound: Outbound) -> ProviderKeys {
        ProviderKeys { outbound, known: Mutex::default() }
    }

    /// Fails unless one of the provider's keys has signed the token.
    pub async fn check(&self, asked: Asked, token: &Token<'_>, now: Timestamp) -> Result<(), Error> {
        let keys = self.of(asked, token, now).await?;
        if !keys.has(token.kid.as_deref(), token.algorithm) {
            return Err(no_key());
        }
        if token.is_signed_by(&keys) {
            Ok(())
        } else {
            Err(Error::InvalidToken("Invalid token signature".to_owned()))
        }
    }

    /// What is remembered, if it is young enough and has the token's key: a new key is a reason to ask again, but not
    /// for every token that claims one.
    async fn of(&self, asked: Asked, token: &Token<'_>, now: Timestamp) -> Result<Arc<KeySet>, Error> {
        let known = self.known.lock().get(&asked).cloned();
        if let Some(known) = known {
            let age = now.since(known.at);
            let has = known.keys.has(token.kid.as_deref(), token.algorithm);
            if age < PROVIDER_KEYS_AGE_MIN || (has && age < PROVIDER_KEYS_AGE_MAX) {
                return Ok(known.keys);
            }
        }
        let keys = Arc::new(self.fetch(&asked).await?);
        let mut all = self.known.lock();
        if all.len() >= PROVIDERS_REMEMBERED_MAX && !all.contains_key(&asked) {
            all.clear();
        }
        all.insert(asked, Known { keys: keys.clone(), at: now });
        Ok(keys)
    }

    async fn fetch(&self, asked: &Asked) -> Result<KeySet, Error> {
        let address = format!("{}/.well-known/openid-configuration", asked.issuer.trim_end_matches('/'));
        let answer = self.outbound.get(&address, &asked.thumbprints).await.map_err(refused)?;
        let said: Discovery = serde_json::from_slice(&answer).map_err(|_| no_key())?;
        // Whoever answers in another's name would have its keys believed for it.
        if said.issuer.trim_end_matches('/') != asked.issuer.trim_end_matches('/') {
            return Err(no_key());
        }
        let answer = self.outbound.get(&said.jwks_uri, &asked.thumbprints).await.map_err(refused)?;
        KeySet::read(&answer).ok_or_else(no_key)
    }
}

fn no_key() -> Error {
    Error::InvalidToken(
        "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity \
         documentation for requirements"
            .to_owned(),
    )
}

fn refused(error: OutboundError) -> Error {
    tracing::info!(%error, "an identity provider's keys could not be read");
    match error {
        OutboundError::Unreachable(_) => Error::ProviderSilent,
        OutboundError::Untrusted(_) => Error::InvalidToken(
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint".to_owned(),
        ),
        OutboundError::Address(_) | OutboundError::Status(_) | OutboundError::Answer(_) => no_key(),
    }
}
