//! Whether somebody may sign in to the console with a password, and a code where the user has a device.
//!
//! No operation of the model: [`crate::sign_in`] asks.

use base::{AccountId, Timestamp};

use super::users::ACCOUNT;
use super::{login, mfa};
use crate::Iam;
use crate::error::Error;
use crate::model::password_hash::Recipe;
use crate::model::password_rules;
use crate::records::{ACCOUNTS, USERS, UserRecord, key};

/// What a password, and a code, get somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// No such user, no password, or a wrong one: nobody is told which.
    Refused,
    /// The password is right; the user has a device, and no code was given.
    CodeNeeded,
    /// The password is right and the code is wrong or was used.
    CodeRefused,
    /// All is right, but the password is to be changed before anything else.
    MustChange {
        user: SignedIn,
    },
    /// All is right, but the password is too old; an administrator has to set a new one.
    Expired,
    Welcome {
        user: SignedIn,
    },
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// As it is spelt.
    pub name: String,
    /// With the path.
    pub arn: String,
    /// `AIDA…`
    pub id: String,
    /// Whether a code was checked.
    pub with_mfa: bool,
}

impl Iam {
    /// Checks a user's password, and a code if the user has a device. Takes as long for users that do not exist.
    pub(crate) async fn check_password(
        &self,
        account: AccountId,
        user: &str,
        password: &str,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<SignIn, Error> {
        let name = key(user);
        let name = name.as_str();
        let (record, policy) = self
            .store
            .read(|tx| async move {
                let policy =
                    ACCOUNTS.get(&tx, &account, ACCOUNT).await?.and_then(|record| record.password_policy);
                Ok::<_, Error>((USERS.get(&tx, &account, name).await?, policy))
            })
            .await?;
        let Some((record, profile)) =
            record.and_then(|record| record.login.clone().map(|login| (record, login)))
        else {
            login::hash(Recipe::new(self.ids.bytes()), password.to_owned()).await?;
            return Ok(SignIn::Refused);
        };
        if !login::matches(&profile, password.to_owned()).await? {
            return Ok(SignIn::Refused);
        }
        let with_mfa = !record.mfa_devices.is_empty();
        if with_mfa {
            let Some(code) = code else { return Ok(SignIn::CodeNeeded) };
            if !any_device(self, account, &record, code, now).await? {
                return Ok(SignIn::CodeRefused);
            }
        }
        let is_expired = password_rules::is_expired(policy.as_ref(), &profile, now);
        if is_expired && policy.as_ref().and_then(|policy| policy.hard_expiry).unwrap_or_default() {
            return Ok(SignIn::Expired);
        }
        note_sign_in(self, account, name, now).await?;
        let arn = record.arn(account).to_string();
        let user = SignedIn { name: record.name, arn, id: record.id, with_mfa };
        Ok(match is_expired || profile.reset_required {
            true => SignIn::MustChange { user },
            false => SignIn::Welcome { user },
        })
    }
}

/// Whether the code is good on one of the user's devices.
async fn any_device(
    iam: &Iam,
    account: AccountId,
    record: &UserRecord,
    code: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let owner = Some(key(&record.name));
    for serial in &record.mfa_devices {
        if mfa::use_code(iam, account, owner.as_deref(), serial, code, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn note_sign_in(iam: &Iam, account: AccountId, name: &str, now: Timestamp) -> Result<(), Error> {
    let seconds = Timestamp::from_secs(now.as_secs());
    iam.store
        .transact(|tx| async move {
            if let Some(mut record) = USERS.get(&tx, &account, name).await? {
                record.password_last_used = Some(seconds);
                USERS.put(&tx, &account, name, &record).await?;
            }
            Ok(())
        })
        .await
}
