//! Login profiles: the passwords users sign in to the console with. Every new password meets the account's rules.
//!
//! Passwords are hashed before the transaction that keeps them, on a thread of their own, since that is slow on purpose.

use base::{AccountId, Arn, Timestamp};
use iam_api::{
    ChangePasswordInput, ChangePasswordOutput, CreateLoginProfileInput, CreateLoginProfileOutput,
    DeleteLoginProfileInput, DeleteLoginProfileOutput, GetLoginProfileInput, GetLoginProfileOutput,
    LoginProfile, UpdateLoginProfileInput, UpdateLoginProfileOutput,
};
use schema::{ErrorCode, Side};
use service::{Call, PrincipalKind};

use super::callers::{Owner, own_name, second, user_name};
use super::users::{self, ACCOUNT};
use crate::Iam;
use crate::error::Error;
use crate::limits::PASSWORDS_REMEMBERED_MAX;
use crate::model::password_hash::{Recipe, same};
use crate::model::{arns, password_rules, root_access};
use crate::records::{ACCOUNTS, LoginRecord, PasswordPolicyRecord, UserRecord};

/// Everybody changes their own password.
pub fn own(_: &Iam, call: &Call, _: &ChangePasswordInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "user", own_user(call)?)])
}

fn own_user(call: &Call) -> Result<&str, Error> {
    let message = "Only IAM Users can change their own password";
    match call.principal.kind {
        PrincipalKind::User => own_name(call),
        _ => Err(Error::InvalidUserType(message.to_owned())),
    }
}

pub fn not_found(user: &str) -> Error {
    Error::NoSuchEntity(format!("Login Profile for User {user} cannot be found."))
}

/// A session of root that means root itself, which has no password here.
fn of_root(call: &Call, given: Option<&str>) -> bool {
    given.is_none() && root_access::session(&call.principal).is_some()
}

/// AWS lets whoever reads the root's mail set a new one.
fn no_root_password() -> Error {
    const CODE: ErrorCode =
        ErrorCode { name: "NotImplemented", code: "NotImplemented", status: 501, side: Side::Receiver };
    let message = "iam:CreateLoginProfile for an account's root is not implemented by Fogbank: the root has no \
                   password here, and no mailbox to recover one by.";
    Error::Other(&CODE, message.to_owned())
}

/// Somebody else changed the password between its hashing and now.
fn in_between(user: &str) -> Error {
    let message = format!("Login Profile for User {user} cannot be modified while it is being changed.");
    Error::EntityTemporarilyUnmodifiable(message)
}

fn shown(user: &UserRecord, login: &LoginRecord) -> LoginProfile {
    LoginProfile {
        user_name: user.name.clone(),
        create_date: login.created,
        password_reset_required: Some(login.reset_required),
    }
}

pub async fn hash(recipe: Recipe, password: String) -> Result<String, Error> {
    let hashing = tokio::task::spawn_blocking(move || recipe.hash(&password));
    hashing.await.map_err(|error| Error::Internal(error.into()))
}

/// The user, and what the account asks of passwords.
pub async fn user_and_policy(
    iam: &Iam,
    account: AccountId,
    name: &str,
) -> Result<(UserRecord, Option<PasswordPolicyRecord>), Error> {
    iam.store
        .read(|tx| async move {
            let user = users::load(&tx, account, name).await?;
            let record = ACCOUNTS.get(&tx, &account, ACCOUNT).await?;
            Ok((user, record.and_then(|record| record.password_policy)))
        })
        .await
}

pub async fn create_login_profile(
    iam: &Iam,
    call: &Call,
    input: CreateLoginProfileInput,
) -> Result<CreateLoginProfileOutput, Error> {
    if of_root(call, input.user_name.as_deref()) {
        return Err(no_root_password());
    }
    let (account, name) = (call.account, user_name(call, input.user_name.as_deref())?);
    let password = input.password.ok_or_else(|| {
        Error::Validation("The password is required unless a session of root asks for its own.".to_owned())
    })?;
    let (user, policy) = user_and_policy(iam, account, &name).await?;
    let exists = || Error::EntityAlreadyExists(format!("Login Profile for user {name} already exists."));
    if user.login.is_some() {
        return Err(exists());
    }
    password_rules::check(policy.as_ref(), &user.name, &password)?;
    let login = &LoginRecord {
        password_hash: hash(Recipe::new(iam.ids.bytes()), password).await?,
        earlier_hashes: Vec::new(),
        created: second(call),
        changed: call.now,
        reset_required: input.password_reset_required.unwrap_or_default(),
    };
    let login_profile = users::update(iam, account, &name, |user| {
        // The same hash is an earlier run of this very transaction.
        if user.login.as_ref().is_some_and(|other| other.password_hash != login.password_hash) {
            return Err(exists());
        }
        user.login = Some(login.clone());
        Ok(shown(user, login))
    })
    .await?;
    Ok(CreateLoginProfileOutput { login_profile })
}

pub async fn get_login_profile(
    iam: &Iam,
    call: &Call,
    input: GetLoginProfileInput,
) -> Result<GetLoginProfileOutput, Error> {
    if of_root(call, input.user_name.as_deref()) {
        return Err(not_found(Owner::Root.shown()));
    }
    let name = user_name(call, input.user_name.as_deref())?;
    let user = users::find(iam, call.account, &name).await?;
    let login = user.login.as_ref().ok_or_else(|| not_found(&name))?;
    Ok(GetLoginProfileOutput { login_profile: shown(&user, login) })
}

pub async fn delete_login_profile(
    iam: &Iam,
    call: &Call,
    input: DeleteLoginProfileInput,
) -> Result<DeleteLoginProfileOutput, Error> {
    if of_root(call, input.user_name.as_deref()) {
        return Err(not_found(Owner::Root.shown()));
    }
    let name = user_name(call, input.user_name.as_deref())?;
    users::update(iam, call.account, &name, |user| {
        user.login.take().map(drop).ok_or_else(|| not_found(&name))
    })
    .await?;
    Ok(DeleteLoginProfileOutput {})
}

pub async fn update_login_profile(
    iam: &Iam,
    call: &Call,
    input: UpdateLoginProfileInput,
) -> Result<UpdateLoginProfileOutput, Error> {
    let (account, name) = (call.account, input.user_name.as_str());
    let (user, policy) = user_and_policy(iam, account, name).await?;
    let login = user.login.as_ref().ok_or_else(|| not_found(name))?;
    let fresh = match input.password {
        None => None,
        Some(password) => {
            password_rules::check(policy.as_ref(), &user.name, &password)?;
            Some(Changed::hash(login, policy.as_ref(), password).await?)
        }
    };
    let fresh = &fresh;
    users::update(iam, account, name, |user| {
        let login = user.login.as_mut().ok_or_else(|| not_found(name))?;
        if let Some(fresh) = fresh {
            fresh.apply(login, name, call.now)?;
        }
        login.reset_required = input.password_reset_required.unwrap_or(login.reset_required);
        Ok(())
    })
    .await?;
    Ok(UpdateLoginProfileOutput {})
}

pub async fn change_password(
    iam: &Iam,
    call: &Call,
    input: ChangePasswordInput,
) -> Result<ChangePasswordOutput, Error> {
    let (account, name) = (call.account, own_user(call)?);
    let (user, policy) = user_and_policy(iam, account, name).await?;
    let login = user.login.as_ref().ok_or_else(|| not_found(name))?;
    if !matches(login, input.old_password).await? {
        return Err(Error::AccessDenied("The old password was incorrect.".to_owned()));
    }
    let is_hard = policy.as_ref().and_then(|policy| policy.hard_expiry).unwrap_or_default();
    if is_hard && password_rules::is_expired(policy.as_ref(), login, call.now) {
        let message = "The password has expired. An administrator has to set a new one.";
        return Err(Error::AccessDenied(message.to_owned()));
    }
    password_rules::check(policy.as_ref(), &user.name, &input.new_password)?;
    let fresh = &Changed::hash(login, policy.as_ref(), input.new_password).await?;
    users::update(iam, account, name, |user| {
        let login = user.login.as_mut().ok_or_else(|| not_found(name))?;
        fresh.apply(login, name, call.now)?;
        login.reset_required = false;
        Ok(())
    })
    .await?;
    Ok(ChangePasswordOutput {})
}

/// Whether this is the login's password. Takes the same time for any.
pub async fn matches(login: &LoginRecord, password: String) -> Result<bool, Error> {
    let recipe = Recipe::of(&login.password_hash).ok_or_else(damaged)?;
    Ok(same(&hash(recipe, password).await?, &login.password_hash))
}

fn damaged() -> Error {
    Error::Internal("a password's hash cannot be read".into())
}

/// A password's hash, and the one it takes the place of.
struct Changed {
    from: String,
    to: String,
}

impl Changed {
    /// Hashes a new password by the salt of the old ones, and refuses it if it is one of them.
    async fn hash(
        login: &LoginRecord,
        policy: Option<&PasswordPolicyRecord>,
        password: String,
    ) -> Result<Changed, Error> {
        let to = hash(Recipe::of(&login.password_hash).ok_or_else(damaged)?, password).await?;
        let last = std::iter::once(&login.password_hash).chain(&login.earlier_hashes);
        password_rules::check_reuse(policy, last.map(|other| same(other, &to)))?;
        Ok(Changed { from: login.password_hash.clone(), to })
    }

    fn apply(&self, login: &mut LoginRecord, user: &str, now: Timestamp) -> Result<(), Error> {
        // The change may be made twice.
        if login.password_hash == self.to && login.changed == now {
            return Ok(());
        }
        if login.password_hash != self.from {
            return Err(in_between(user));
        }
        let old = std::mem::replace(&mut login.password_hash, self.to.clone());
        login.earlier_hashes.insert(0, old);
        login.earlier_hashes.truncate(PASSWORDS_REMEMBERED_MAX);
        login.changed = now;
        Ok(())
    }
}
