//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod agreement;
pub mod aliases;
pub mod asymmetric;
pub mod data_keys;
pub mod grant_endings;
pub mod grant_lists;
pub mod grants;
pub mod imports;
pub mod keys;
pub mod last_use;
pub mod macs;
pub mod making;
pub mod multi_region;
pub mod opening;
pub mod policies;
pub mod re_encrypt;
pub mod rotation;
pub mod saving;
pub mod stores;
pub mod symmetric;
pub mod tags;
pub mod targets;

mod ciphers;
mod grant_tokens;
mod paging;

use std::sync::Arc;

use base::Arn;
use service::Call;

use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::key_id::KeyName;
use crate::records::KeyState;

/// The ARN that a `KeyId` means: of a key, or of an alias. It may be given as key id, key ARN, alias name or alias
/// ARN; an ARN must be of the call's region.
pub fn key_arn(call: &Call, key_id: &str) -> Result<Arn, Error> {
    KeyName::parse(key_id)?.to_arn(call)
}

/// [`key_arn`] for operations whose model lists no InvalidArnException: to them, what is no ARN of a key is an ARN that
/// nothing is found under.
pub fn key_arn_or_not_found(call: &Call, key_id: &str) -> Result<Arn, Error> {
    key_arn(call, key_id).map_err(|error| invalid_arn_as_not_found(error, key_id))
}

/// [`own_key_arn`] likewise.
pub fn own_key_arn_or_not_found(call: &Call, key_id: &str) -> Result<Arn, Error> {
    own_key_arn(call, key_id).map_err(|error| invalid_arn_as_not_found(error, key_id))
}

fn invalid_arn_as_not_found(error: Error, key_id: &str) -> Error {
    match error {
        Error::InvalidArn(_) => Error::NotFound(format!("Invalid arn {key_id}")),
        error => error,
    }
}

/// The ARN of a key of the caller's own account, for operations that reach no other account's keys and know no
/// aliases.
pub fn own_key_arn(call: &Call, key_id: &str) -> Result<Arn, Error> {
    let name = KeyName::parse(key_id)?;
    if name.is_alias() {
        return Err(Error::InvalidKeyId(key_id.to_owned()));
    }
    let arn = name.to_arn(call)?;
    match arn.account() == Some(call.account) {
        true => Ok(arn),
        false => Err(Error::AccessDenied(format!(
            "User: {} is not authorized to perform this operation on a key of another account: {arn}",
            call.principal.arn
        ))),
    }
}

/// The key that a `KeyId` names, in whatever state.
pub async fn key(kms: &Kms, call: &Call, key_id: &str) -> Result<Arc<Key>, Error> {
    by_arn(kms, &key_arn(call, key_id)?).await
}

/// The key that an ARN of [`key_arn`] names.
pub async fn by_arn(kms: &Kms, arn: &Arn) -> Result<Arc<Key>, Error> {
    kms.directory.resolve(arn).await?.ok_or_else(|| match arn.resource().starts_with("alias/") {
        true => Error::AliasNotFound(arn.clone()),
        false => Error::KeyNotFound(arn.clone()),
    })
}

/// Refuses a key that is not enabled.
pub fn check_state(key: &Key, call: &Call) -> Result<(), Error> {
    match key.state(call.now) {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Error::Disabled(key.arn())),
        state => Err(not_in(key, &state)),
    }
}

/// Refuses a key that waits for its deletion.
pub fn check_not_going(key: &Key, call: &Call) -> Result<(), Error> {
    match key.state(call.now) {
        state @ (KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. }) => {
            Err(not_in(key, &state))
        }
        _ => Ok(()),
    }
}

pub fn not_in(key: &Key, state: &KeyState) -> Error {
    let arn = key.arn();
    match state {
        KeyState::PendingDeletion { .. } => Error::PendingDeletion(arn),
        KeyState::PendingReplicaDeletion { .. } => Error::PendingReplicaDeletion(arn),
        KeyState::PendingImport => Error::PendingImport(arn),
        KeyState::Disabled => Error::Disabled(arn),
        KeyState::Enabled => Error::InvalidState(format!("{arn} is enabled.")),
    }
}

/// Notes that an operation used a key, for GetKeyLastUsage. Waits for nothing; the task of due things writes it down.
pub fn used(kms: &Kms, call: &Call, key: &Key, operation: &'static str) {
    kms.uses.note(key, operation, call);
}
