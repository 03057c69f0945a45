//! Sign-in by password, as the console does it: an account, a user, a password and a code for a principal.

use base::{AccountId, Timestamp};
use schema::Fault;
use service::{Principal, PrincipalKind};

use crate::Iam;
use crate::error::Error;
use crate::operations::sign_in as checked;
use crate::records::ALIASES;

/// What somebody signs in with. It holds a password, so it cannot be printed.
pub struct SignIn {
    /// Twelve digits, or the account's alias.
    pub account: String,
    pub user: String,
    pub password: String,
    /// Of any of the user's MFA devices.
    pub mfa_code: Option<String>,
    /// Cloud time.
    pub now: Timestamp,
}

/// Who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub principal: Principal,
    /// When an MFA code was checked, if one was.
    pub mfa_at: Option<Timestamp>,
}

#[derive(Debug)]
pub enum SignInError {
    /// No such account, no such user, a wrong password, or a wrong code: nobody is told which.
    Failed,
    /// The password is right, and the user has an MFA device.
    MfaRequired,
    /// All is right, and nothing may be done before the password has been changed.
    MustChangePassword(SignedIn),
    /// All is right, and the password is too old for the user to change it.
    PasswordExpired,
    Internal(Fault),
}

impl Iam {
    /// Checks who somebody is. An MFA code that was right is used up, whatever else is wrong. It takes a tenth of a
    /// second of a processor, and the same work where the account or the user does not exist.
    pub async fn sign_in(&self, asked: SignIn) -> Result<SignedIn, SignInError> {
        let SignIn { account, user, password, mfa_code, now } = asked;
        let found = self.account_named(&account).await?;
        // No account has a user without a name, so an account that does not exist fails in the same way.
        let (account, user) = found.map_or((AccountId::DEV, ""), |account| (account, user.as_str()));
        let outcome = self.check_password(account, user, &password, mfa_code.as_deref(), now).await?;
        let welcome = |user: checked::SignedIn| SignedIn {
            principal: Principal {
                kind: PrincipalKind::User,
                account,
                arn: user.arn,
                user_id: user.id,
                access_key_id: None,
                session: None,
            },
            mfa_at: user.with_mfa.then_some(now),
        };
        match outcome {
            checked::SignIn::Welcome { user } => Ok(welcome(user)),
            checked::SignIn::MustChange { user } => Err(SignInError::MustChangePassword(welcome(user))),
            checked::SignIn::CodeNeeded => Err(SignInError::MfaRequired),
            checked::SignIn::Expired => Err(SignInError::PasswordExpired),
            checked::SignIn::Refused | checked::SignIn::CodeRefused => Err(SignInError::Failed),
        }
    }

    /// The account of an id or an alias.
    async fn account_named(&self, name: &str) -> Result<Option<AccountId>, Error> {
        if let Ok(account) = name.parse() {
            return Ok(Some(account));
        }
        let found = self.store.read(|tx| async move { ALIASES.get(&tx, &(), name).await }).await?;
        Ok(found.map(|record| record.account))
    }
}

impl From<Error> for SignInError {
    fn from(error: Error) -> SignInError {
        SignInError::Internal(error.into())
    }
}
