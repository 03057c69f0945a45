//! Credentials for one service alone: Git and Cassandra passwords, API keys. Secrets are shown once and kept sealed.

use std::time::Duration;

use base::Arn;
use iam_api::{
    CreateServiceSpecificCredentialInput, CreateServiceSpecificCredentialOutput,
    DeleteServiceSpecificCredentialInput, DeleteServiceSpecificCredentialOutput,
    ListServiceSpecificCredentialsInput, ListServiceSpecificCredentialsOutput,
    ResetServiceSpecificCredentialInput, ResetServiceSpecificCredentialOutput, ServiceSpecificCredential,
    ServiceSpecificCredentialMetadata, UpdateServiceSpecificCredentialInput,
    UpdateServiceSpecificCredentialOutput,
};
use service::Call;

use super::access_keys::is_active;
use super::callers::{Owner, second, user_name};
use super::pages::Page;
use super::{pages, quotas, users};
use crate::Iam;
use crate::error::Error;
use crate::model::arns;
use crate::model::service_credential::{Kind, public_of, public_part, status};
use crate::records::{ServiceCredential, USERS, UserRecord};

/// What secrets are sealed as.
pub const SEALED_AS: &str = "iam service credential";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// One user's, or everybody's.
pub fn listed(_: &Iam, call: &Call, input: &ListServiceSpecificCredentialsInput) -> Result<Vec<Arn>, Error> {
    match input.all_users {
        Some(true) => Ok(vec![arns::plain(call.account, "user", "*")]),
        _ => Ok(vec![Owner::of(call, input.user_name.as_deref())?.arn(call)]),
    }
}

pub fn condition_keys(
    _: &Iam,
    _: &Call,
    input: &CreateServiceSpecificCredentialInput,
) -> Vec<(String, Vec<String>)> {
    let service = ("iam:ServiceSpecificCredentialServiceName".to_owned(), vec![input.service_name.clone()]);
    let days = input.credential_age_days.iter();
    let age = days.map(|days| ("iam:ServiceSpecificCredentialAgeDays".to_owned(), vec![days.to_string()]));
    age.chain([service]).collect()
}

fn not_found(id: &str) -> Error {
    Error::NoSuchEntity(format!("No such credential {id} exists"))
}

fn metadata(
    user: &UserRecord,
    credential: &ServiceCredential,
    call: &Call,
) -> ServiceSpecificCredentialMetadata {
    let has_name = credential.alias.is_none();
    ServiceSpecificCredentialMetadata {
        user_name: user.name.clone(),
        status: status(credential, call.now),
        service_user_name: has_name.then(|| credential.user_name.clone()),
        service_credential_alias: credential.alias.clone(),
        create_date: credential.created,
        expiration_date: credential.expires,
        service_specific_credential_id: credential.id.clone(),
        service_name: credential.service.clone(),
    }
}

/// A credential with its secret, as it is shown once.
fn whole(
    user: &UserRecord,
    credential: &ServiceCredential,
    secret: String,
    call: &Call,
) -> ServiceSpecificCredential {
    let (password, key) = match credential.alias {
        None => (Some(secret), None),
        Some(_) => (None, Some(secret)),
    };
    let shown = metadata(user, credential, call);
    ServiceSpecificCredential {
        create_date: shown.create_date,
        expiration_date: shown.expiration_date,
        service_name: shown.service_name,
        service_user_name: shown.service_user_name,
        service_password: password,
        service_credential_alias: shown.service_credential_alias,
        service_credential_secret: key,
        service_specific_credential_id: shown.service_specific_credential_id,
        user_name: shown.user_name,
        status: shown.status,
    }
}

pub async fn create(
    iam: &Iam,
    call: &Call,
    input: CreateServiceSpecificCredentialInput,
) -> Result<CreateServiceSpecificCredentialOutput, Error> {
    let kind = Kind::of(&input.service_name)?;
    if kind == Kind::Password && input.credential_age_days.is_some() {
        let message = "CredentialAgeDays is only valid for services that support long-term API keys.";
        return Err(Error::Validation(message.to_owned()));
    }
    let (id, chance) = (iam.ids.unique_id("ACCA"), iam.ids.bytes());
    let created = second(call);
    let expires = input.credential_age_days.map(|days| created + DAY * days.unsigned_abs());
    let credential = users::update(iam, call.account, &input.user_name, |user| {
        // An earlier run of this very transaction may have made it.
        if let Some(own) = user.service_credentials.iter().find(|other| other.id == id) {
            let secret = kind.secret(public_of(own), &chance);
            return Ok(whole(user, own, secret, call));
        }
        let of_service = |other: &&ServiceCredential| other.service == input.service_name;
        let others: Vec<_> = user.service_credentials.iter().filter(of_service).collect();
        quotas::SERVICE_CREDENTIALS.check(others.len())?;
        let public = public_part(&user.name, call.account, &others);
        let secret = kind.secret(&public, &chance);
        let fresh = ServiceCredential {
            id: id.clone(),
            service: input.service_name.clone(),
            alias: (kind != Kind::Password).then(|| public.clone()),
            user_name: public,
            sealed_secret: iam.sealing.seal(SEALED_AS, secret.as_bytes()),
            active: true,
            created,
            expires,
        };
        let shown = whole(user, &fresh, secret, call);
        user.service_credentials.push(fresh);
        Ok(shown)
    })
    .await?;
    Ok(CreateServiceSpecificCredentialOutput { service_specific_credential: Some(credential) })
}

/// Changes one credential of a user.
async fn update<T: Send>(
    iam: &Iam,
    call: &Call,
    (given_name, id): (Option<&str>, &str),
    change: impl Fn(&UserRecord, &mut ServiceCredential) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let name = user_name(call, given_name)?;
    users::update(iam, call.account, &name, |user| {
        let at = user.service_credentials.iter().position(|credential| credential.id == id);
        let at = at.ok_or_else(|| not_found(id))?;
        let mut credential = user.service_credentials[at].clone();
        let answer = change(user, &mut credential)?;
        user.service_credentials[at] = credential;
        Ok(answer)
    })
    .await
}

pub async fn reset(
    iam: &Iam,
    call: &Call,
    input: ResetServiceSpecificCredentialInput,
) -> Result<ResetServiceSpecificCredentialOutput, Error> {
    let chance = iam.ids.bytes();
    let which = (input.user_name.as_deref(), input.service_specific_credential_id.as_str());
    let credential = update(iam, call, which, |user, credential| {
        let secret = Kind::of(&credential.service)?.secret(public_of(credential), &chance);
        credential.sealed_secret = iam.sealing.seal(SEALED_AS, secret.as_bytes());
        Ok(whole(user, credential, secret, call))
    })
    .await?;
    Ok(ResetServiceSpecificCredentialOutput { service_specific_credential: Some(credential) })
}

pub async fn update_status(
    iam: &Iam,
    call: &Call,
    input: UpdateServiceSpecificCredentialInput,
) -> Result<UpdateServiceSpecificCredentialOutput, Error> {
    let active = is_active(&input.status)?;
    let which = (input.user_name.as_deref(), input.service_specific_credential_id.as_str());
    update(iam, call, which, |_, credential| {
        credential.active = active;
        Ok(())
    })
    .await?;
    Ok(UpdateServiceSpecificCredentialOutput {})
}

pub async fn delete(
    iam: &Iam,
    call: &Call,
    input: DeleteServiceSpecificCredentialInput,
) -> Result<DeleteServiceSpecificCredentialOutput, Error> {
    let name = user_name(call, input.user_name.as_deref())?;
    let id = &input.service_specific_credential_id;
    users::update(iam, call.account, &name, |user| {
        let before = user.service_credentials.len();
        user.service_credentials.retain(|credential| credential.id != *id);
        if user.service_credentials.len() == before { Err(not_found(id)) } else { Ok(()) }
    })
    .await?;
    Ok(DeleteServiceSpecificCredentialOutput {})
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    input: ListServiceSpecificCredentialsInput,
) -> Result<ListServiceSpecificCredentialsOutput, Error> {
    let service = input.service_name.as_deref();
    service.map(Kind::of).transpose()?;
    let of_user = |user: &UserRecord| -> Vec<ServiceSpecificCredentialMetadata> {
        let wanted = |credential: &&ServiceCredential| service.is_none_or(|name| credential.service == name);
        let found = user.service_credentials.iter().filter(wanted);
        found.map(|credential| metadata(user, credential, call)).collect()
    };
    let all = if input.all_users == Some(true) {
        if input.user_name.is_some() {
            let message = "UserName and AllUsers cannot be specified together.";
            return Err(Error::Validation(message.to_owned()));
        }
        let (everybody, of_user) = (&Page::whole(call), &of_user);
        let found = iam.store.read(|tx| async move {
            everybody.scan(&tx, &USERS, "", |_, user: UserRecord| Some(of_user(&user))).await
        });
        found.await?.items.into_iter().flatten().collect()
    } else {
        let name = user_name(call, input.user_name.as_deref())?;
        of_user(&users::find(iam, call.account, &name).await?)
    };
    let of = "ListServiceSpecificCredentials";
    let found = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(ListServiceSpecificCredentialsOutput {
        service_specific_credentials: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}
