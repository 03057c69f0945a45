//! Client tokens: a request that is repeated with the same token gets the first one's answer.
//!
//! The record is written in the transaction of the operation itself, so there is no moment at which the effect
//! happened and the token is not known.

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::{StoreError, Table, Tx, Versioned};

use crate::{CLIENT_TOKEN_AGE_MAX, CLIENT_TOKEN_BYTES_MAX};

const TOKENS: Table<(AccountId, Region), TokenRecord> = Table::new("service.client-tokens");

#[derive(Serialize, Deserialize)]
struct TokenRecord {
    /// Of the parameters, so that a token used for something else is noticed.
    fingerprint: u64,
    answer: String,
    at: Timestamp,
}

impl Versioned for TokenRecord {
    const VERSION: u16 = 1;
}

/// What a token tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Repetition {
    First,
    /// With what the first request was answered, as the operation remembered it.
    Again(String),
    /// The token was used with other parameters.
    Mismatch,
    /// The token is longer than tokens are.
    TooLong,
}

/// The tokens of one operation.
#[derive(Clone, Copy)]
pub struct ClientTokens {
    /// `service.operation`.
    pub operation: &'static str,
}

impl ClientTokens {
    /// Whether `token` has been seen with the same parameters; `parameters` is any stable text of them.
    pub async fn check(
        &self,
        tx: &Tx,
        scope: (AccountId, Region),
        token: &str,
        parameters: &str,
        now: Timestamp,
    ) -> Result<Repetition, StoreError> {
        if token.len() > CLIENT_TOKEN_BYTES_MAX {
            return Ok(Repetition::TooLong);
        }
        let found = TOKENS.get(tx, &scope, &self.key(token)).await?;
        Ok(match found.filter(|record| now.since(record.at) < CLIENT_TOKEN_AGE_MAX) {
            None => Repetition::First,
            Some(record) if record.fingerprint == fingerprint(parameters) => Repetition::Again(record.answer),
            Some(_) => Repetition::Mismatch,
        })
    }

    /// Remembers the answer, in the transaction that made it.
    pub async fn remember(
        &self,
        tx: &Tx,
        scope: (AccountId, Region),
        token: &str,
        parameters: &str,
        answer: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let record = TokenRecord { fingerprint: fingerprint(parameters), answer: answer.to_owned(), at: now };
        TOKENS.put(tx, &scope, &self.key(token), &record).await
    }

    fn key(&self, token: &str) -> String {
        format!("{}/{token}", self.operation)
    }
}

/// The first eight bytes of the SHA-256: stable over versions, which a hash map's hash is not.
fn fingerprint(parameters: &str) -> u64 {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, parameters.as_bytes());
    let (first, _) = digest.as_ref().split_first_chunk::<8>().expect("a SHA-256 has 32 bytes");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Options, Store};

    #[tokio::test]
    async fn a_token_repeats_its_answer_for_a_day_and_for_the_same_parameters() {
        let store = Store::embedded_in_memory(Options::default()).unwrap();
        let tokens = ClientTokens { operation: "ec2.RunInstances" };
        let scope = (AccountId::DEV, Region::US_EAST_1);
        let now = Timestamp::from_secs(1_000);
        let check = |parameters: &'static str, now| {
            store.read(move |tx| async move { tokens.check(&tx, scope, "t", parameters, now).await })
        };
        assert_eq!(check("a", now).await.unwrap(), Repetition::First);
        store
            .transact(|tx| async move { tokens.remember(&tx, scope, "t", "a", "i-1", now).await })
            .await
            .unwrap();
        assert_eq!(check("a", now).await.unwrap(), Repetition::Again("i-1".to_owned()));
        assert_eq!(check("b", now).await.unwrap(), Repetition::Mismatch);
        assert_eq!(check("a", now + CLIENT_TOKEN_AGE_MAX).await.unwrap(), Repetition::First);
    }
}
