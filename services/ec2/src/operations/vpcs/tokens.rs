//! Client tokens of what is made in a VPC: a request that comes again is answered with what the first one made.

use service::{Call, ClientTokens, Repetition};
use store::Tx;

use crate::error::Error;
use crate::error::codes::{IDEMPOTENT_PARAMETER_MISMATCH, INVALID_PARAMETER_VALUE};

pub struct Token<'a> {
    tokens: ClientTokens,
    token: Option<&'a str>,
    parameters: String,
}

impl<'a> Token<'a> {
    /// `parameters` is what a repetition has to have in common.
    pub fn new(
        operation: &'static str,
        token: Option<&'a str>,
        parameters: impl std::fmt::Debug,
    ) -> Token<'a> {
        Token { tokens: ClientTokens { operation }, token, parameters: format!("{parameters:?}") }
    }

    /// The id of what an earlier request made.
    pub async fn earlier(&self, tx: &Tx, call: &Call) -> Result<Option<String>, Error> {
        let Some(token) = self.token else { return Ok(None) };
        match self.tokens.check(tx, call.scope(), token, &self.parameters, call.now).await? {
            Repetition::First => Ok(None),
            Repetition::Again(id) => Ok(Some(id)),
            Repetition::Mismatch => {
                let message =
                    format!("The client token '{token}' has already been used with different parameters");
                Err(Error::new(&IDEMPOTENT_PARAMETER_MISMATCH, message))
            }
            Repetition::TooLong => {
                let message = "Client token cannot be longer than 64 ASCII characters.";
                Err(Error::new(&INVALID_PARAMETER_VALUE, message))
            }
        }
    }

    pub async fn remember(&self, tx: &Tx, call: &Call, id: &str) -> Result<(), Error> {
        let Some(token) = self.token else { return Ok(()) };
        Ok(self.tokens.remember(tx, call.scope(), token, &self.parameters, id, call.now).await?)
    }

    pub fn shown(&self) -> Option<String> {
        self.token.map(str::to_owned)
    }
}
