//! Grant tokens: what CreateGrant hands out so that its grant can be named before everyone knows of it.
//!
//! Here a grant works from the moment it was answered, so a token proves only that its grant was made; it is sealed, and
//! says which one. Two tokens of one grant differ, as they do at AWS.

use base::{AccountId, Arn, Region};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Kms;
use crate::error::Error;

const PURPOSE: &str = "kms grant token";

/// The grant that a token is of.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    pub account: AccountId,
    pub region: Region,
    pub key: String,
    pub grant: String,
}

impl Granted {
    pub fn key_arn(&self) -> Arn {
        Arn::regional("kms", self.region, self.account, format!("key/{}", self.key))
    }
}

pub fn make(kms: &Kms, granted: &Granted) -> String {
    let Granted { account, region, key, grant } = granted;
    let plaintext = format!("{account} {} {key} {grant}", region.as_str());
    STANDARD.encode(kms.vault.seal(PURPOSE, b"", plaintext.as_bytes()))
}

pub fn read(kms: &Kms, token: &str) -> Result<Granted, Error> {
    let sealed = STANDARD.decode(token).map_err(|_| invalid())?;
    let opened = kms.vault.open(PURPOSE, b"", &sealed).map_err(|_| invalid())?;
    let text = std::str::from_utf8(&opened).map_err(|_| invalid())?;
    let mut words = text.split(' ');
    let mut next = || words.next().ok_or_else(invalid);
    Ok(Granted {
        account: next()?.parse().map_err(|_| invalid())?,
        region: Region::parse(next()?).ok_or_else(invalid)?,
        key: next()?.to_owned(),
        grant: next()?.to_owned(),
    })
}

pub fn invalid() -> Error {
    Error::InvalidGrantToken("The grant token is not valid.".to_owned())
}

/// Refuses tokens that no CreateGrant of this cloud gave.
pub fn check(kms: &Kms, tokens: Option<&[String]>) -> Result<(), Error> {
    tokens.unwrap_or_default().iter().try_for_each(|token| read(kms, token).map(drop))
}
