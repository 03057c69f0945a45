//! Page tokens: opaque to clients, bound to the operation and account they were made for.
//!
//! A token is sealed with a keyed checksum, so that a changed or foreign one is refused rather than obeyed.

use base::AccountId;

use crate::PAGE_TOKEN_BYTES_MAX;
use crate::keyring::SealingKey;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the page token is not one that this operation gave")]
pub struct TokenError;

/// Makes and reads the tokens of one cloud.
#[derive(Clone)]
pub struct PageTokens(SealingKey);

impl PageTokens {
    pub fn new(key: SealingKey) -> PageTokens {
        PageTokens(key)
    }

    /// A token that continues `operation` after `position`.
    pub fn make(&self, operation: &str, account: AccountId, position: &str) -> String {
        self.0.seal(&context(operation, account), position.as_bytes())
    }

    /// The position that a token continues after.
    pub fn read(&self, operation: &str, account: AccountId, token: &str) -> Result<String, TokenError> {
        if token.len() > PAGE_TOKEN_BYTES_MAX {
            return Err(TokenError);
        }
        let position = self.0.open(&context(operation, account), token).ok_or(TokenError)?;
        String::from_utf8(position).map_err(|_| TokenError)
    }
}

fn context(operation: &str, account: AccountId) -> String {
    format!("page {operation} {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_serves_only_its_operation_and_account() {
        let tokens = PageTokens::new(SealingKey::new([7; 32]));
        let token = tokens.make("ListQueues", AccountId::DEV, "orders");
        assert_eq!(tokens.read("ListQueues", AccountId::DEV, &token), Ok("orders".to_owned()));
        let other = AccountId::new(1).unwrap();
        for (operation, account, token) in [
            ("ListTopics", AccountId::DEV, token.as_str()),
            ("ListQueues", other, token.as_str()),
            ("ListQueues", AccountId::DEV, &token[1..]),
            ("ListQueues", AccountId::DEV, ""),
            ("ListQueues", AccountId::DEV, "orders"),
        ] {
            assert_eq!(tokens.read(operation, account, token), Err(TokenError));
        }
    }
}
