//! Client request tokens of transactions: within ten minutes, the same request is done once.
//!
//! A token is written in the change that does the transaction, so there is no moment at which one is there without the
//! other. A request that is repeated is answered as if it had been done, and only its reading is counted.

use aws_lc_rs::digest::{SHA256, digest};
use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::Call;
use table_engine::{SpaceId, SpaceKey, Write};

use super::saving::Token;
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::TOKEN_AGE_MAX;

/// Where the tokens of all accounts are. Spaces of tables have smaller numbers.
pub const TOKENS: SpaceId = SpaceId(1 << 63);

#[derive(Debug, Serialize, Deserialize)]
struct TokenRecord {
    fingerprint: String,
    at: Timestamp,
}

/// One request's token.
pub struct RequestToken {
    key: Bytes,
    fingerprint: String,
    now: Timestamp,
}

impl RequestToken {
    /// Reads a token, `request` being a stable text of everything the request says.
    pub fn new(call: &Call, operation: &str, token: &str, request: &str) -> RequestToken {
        let name = format!("{}/{}/{operation}/{token}", call.account, call.region);
        let fingerprint = digest(&SHA256, request.as_bytes());
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        RequestToken { key: name.into(), fingerprint: hex(fingerprint.as_ref()), now: call.now }
    }

    pub fn place(&self) -> (SpaceId, Bytes) {
        (TOKENS, self.key.clone())
    }

    /// What is to be done about what is stored under the token.
    pub fn check(self, found: Option<&Bytes>) -> Result<Token<()>, Error> {
        let known: Option<TokenRecord> =
            found.map(|bytes| serde_json::from_slice(bytes)).transpose().map_err(Error::internal)?;
        match known.filter(|known| !is_old(known.at, self.now)) {
            Some(known) if known.fingerprint == self.fingerprint => Ok(Token::Known(())),
            Some(_) => Err(Error::IdempotentParameterMismatch),
            None => {
                let record = TokenRecord { fingerprint: self.fingerprint, at: self.now };
                let value = serde_json::to_vec(&record).map_err(Error::internal)?.into();
                Ok(Token::New(Some(Write::Put { space: TOKENS, key: self.key, value })))
            }
        }
    }
}

fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) >= TOKEN_AGE_MAX
}

/// Whether what is stored under a token has no meaning any more.
pub fn is_over(stored: &[u8], now: Timestamp) -> bool {
    serde_json::from_slice::<TokenRecord>(stored).map_or(true, |known| is_old(known.at, now))
}

/// Makes the space of tokens ready, once.
pub async fn open(dynamodb: &DynamoDB) -> Result<(), Error> {
    let engine = &dynamodb.engine;
    dynamodb.tokens.get_or_try_init(|| engine.create_space(TOKENS, SpaceKey::none())).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn token(request: &str, seconds: i64) -> RequestToken {
        let now = Timestamp::from_secs(1_800_000_000) + Duration::from_secs(seconds as u64);
        let fingerprint = digest(&SHA256, request.as_bytes());
        RequestToken { key: Bytes::from_static(b"t"), fingerprint: format!("{fingerprint:?}"), now }
    }

    #[test]
    fn a_token_holds_for_ten_minutes_and_for_one_request() {
        let Ok(Token::New(Some(Write::Put { value, .. }))) = token("a", 0).check(None) else {
            panic!("a new token is written")
        };
        assert!(matches!(token("a", 599).check(Some(&value)), Ok(Token::Known(()))));
        assert!(matches!(token("b", 599).check(Some(&value)), Err(Error::IdempotentParameterMismatch)));
        assert!(matches!(token("b", 600).check(Some(&value)), Ok(Token::New(Some(_)))));
    }
}
