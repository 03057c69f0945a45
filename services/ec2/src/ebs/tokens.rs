//! Tokens of blocks and pages. They hold what they stand for, sealed: nothing is remembered for them.
//!
//! A block's token names the snapshot, the block and what was in it, for the account that listed it. It is good until
//! the moment that the list gives as `ExpiryTime`: "Block tokens are valid for seven days, and next tokens are valid
//! for 60 minutes" ("Frequently asked questions"). Tokens are base64 (`^[A-Za-z0-9+/=]+$`), where this cloud's other
//! ones are URL-safe.

use base::Timestamp;
use ebs_api::ValidationExceptionReason;
use service::Call;

use super::error::Refusal;
use crate::Ec2;
use crate::limits::{BLOCK_TOKEN_AGE_MAX, PAGE_TOKEN_AGE_MAX};

const BLOCK: &str = "ebs.block";

/// What a block's token says.
#[derive(Clone, Copy, Debug)]
pub struct BlockToken<'a> {
    pub snapshot: &'a str,
    pub block: u64,
    pub ends: Timestamp,
    pub name: &'a [u8; 16],
}

impl BlockToken<'_> {
    pub fn seal(&self, ec2: &Ec2, call: &Call) -> String {
        let name = u128::from_be_bytes(*self.name);
        let text = format!("{}/{}/{}/{name:x}", self.snapshot, self.block, self.ends.as_secs());
        to_base64(&ec2.pages.make(BLOCK, call.account, &text))
    }
}

/// When the tokens of a list that is made now end.
pub fn end(call: &Call) -> Timestamp {
    call.now + BLOCK_TOKEN_AGE_MAX
}

/// Refuses a token that does not open this block. What a snapshot holds never changes, so the name needs no second
/// look.
///
/// # Errors
/// `INVALID_BLOCK_TOKEN` for one that is none, is another block's or another account's, or is too old.
pub fn check_block(ec2: &Ec2, call: &Call, snapshot: &str, block: u64, token: &str) -> Result<(), Refusal> {
    let refused = |message: &str| Refusal::invalid(ValidationExceptionReason::InvalidBlockToken, message);
    let text = ec2.pages.read(BLOCK, call.account, &from_base64(token));
    let text = text.map_err(|_| refused("The block token is not valid."))?;
    let mut parts = text.split('/');
    let mut part = || parts.next().unwrap_or_default();
    let (of, at, ends) = (part(), part(), part());
    if of != snapshot || at.parse() != Ok(block) {
        return Err(refused("The block token is not that of the block."));
    }
    match ends.parse().map(Timestamp::from_secs) {
        Ok(ends) if call.now < ends => Ok(()),
        _ => Err(refused("The block token has expired.")),
    }
}

/// Which list a page token continues, from which block on.
pub fn seal_page(ec2: &Ec2, call: &Call, operation: &str, of: &str, next: u64) -> String {
    let ends = call.now + PAGE_TOKEN_AGE_MAX;
    let text = format!("{of}/{next}/{}", ends.as_secs());
    to_base64(&ec2.pages.make(operation, call.account, &text))
}

/// # Errors
/// `INVALID_PAGE_TOKEN` for one that is none, is another list's, or is too old.
pub fn open_page(ec2: &Ec2, call: &Call, operation: &str, of: &str, token: &str) -> Result<u64, Refusal> {
    let refused = |message: &str| Refusal::invalid(ValidationExceptionReason::InvalidPageToken, message);
    let invalid = || refused("The page token is not valid.");
    let text = ec2.pages.read(operation, call.account, &from_base64(token)).map_err(|_| invalid())?;
    let mut parts = text.rsplitn(3, '/');
    let mut part = || parts.next().unwrap_or_default();
    let (ends, next, list) = (part(), part(), part());
    if list != of {
        return Err(invalid());
    }
    match ends.parse().map(Timestamp::from_secs) {
        Ok(ends) if call.now < ends => next.parse().map_err(|_| invalid()),
        _ => Err(refused("The page token has expired.")),
    }
}

fn to_base64(url_safe: &str) -> String {
    url_safe.replace('-', "+").replace('_', "/")
}

fn from_base64(token: &str) -> String {
    token.replace('+', "-").replace('/', "_")
}
