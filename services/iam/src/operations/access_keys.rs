//! Access keys: two a user, and two for root. The secret is shown once and kept sealed.

use base::{AccountId, Arn};
use iam_api::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyInput, CreateAccessKeyOutput,
    DeleteAccessKeyInput, DeleteAccessKeyOutput, GetAccessKeyLastUsedInput, GetAccessKeyLastUsedOutput,
    ListAccessKeysInput, ListAccessKeysOutput, StatusType, UpdateAccessKeyInput, UpdateAccessKeyOutput,
};
use service::{Call, SECRET_ALPHABET, access_key_id};
use store::Tx;

use super::callers::{Owner, second};
use super::users::{self, ACCOUNT};
use super::{pages, quotas};
use crate::Iam;
use crate::directory::SECRET_CONTEXT;
use crate::error::Error;
use crate::model::{arns, root_access};
use crate::records::{ACCESS_KEYS, ACCOUNTS, AccessKeyRecord, key};

const SECRET_CHARS: usize = 40;
const NOT_USED: &str = "N/A";

fn not_found(id: &str) -> Error {
    Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
}

/// `Active` or `Inactive`; what has a status cannot be told to have expired.
pub fn is_active(status: &StatusType) -> Result<bool, Error> {
    match status {
        StatusType::Active => Ok(true),
        StatusType::Inactive => Ok(false),
        other => {
            Err(Error::InvalidInput(format!("Status {other} is not supported; use Active or Inactive.")))
        }
    }
}

pub fn status(active: bool) -> StatusType {
    if active { StatusType::Active } else { StatusType::Inactive }
}

/// The owner's name as it is spelt, and the ids of its keys, oldest first.
async fn keys_of(tx: &Tx, account: AccountId, owner: &Owner) -> Result<(String, Vec<String>), Error> {
    match owner {
        Owner::Root => {
            let record = ACCOUNTS.get(tx, &account, ACCOUNT).await?.unwrap_or_default();
            Ok((owner.shown().to_owned(), record.root_access_keys))
        }
        Owner::User(name) => {
            let record = users::load(tx, account, name).await?;
            Ok((record.name, record.access_keys))
        }
    }
}

async fn set_keys(tx: &Tx, account: AccountId, owner: &Owner, ids: Vec<String>) -> Result<(), Error> {
    match owner {
        Owner::Root => {
            let mut record = ACCOUNTS.get(tx, &account, ACCOUNT).await?.unwrap_or_default();
            record.root_access_keys = ids;
            Ok(ACCOUNTS.put(tx, &account, ACCOUNT, &record).await?)
        }
        Owner::User(name) => {
            let mut record = users::load(tx, account, name).await?;
            record.access_keys = ids;
            users::save(tx, account, &record).await
        }
    }
}

/// One key, if it is the owner's.
async fn load(tx: &Tx, account: AccountId, owner: &Owner, id: &str) -> Result<AccessKeyRecord, Error> {
    let (_, ids) = keys_of(tx, account, owner).await?;
    let record = ACCESS_KEYS.get(tx, &(), id).await?;
    record.filter(|_| ids.iter().any(|own| own == id)).ok_or_else(|| not_found(id))
}

pub async fn create_access_key(
    iam: &Iam,
    call: &Call,
    input: CreateAccessKeyInput,
) -> Result<CreateAccessKeyOutput, Error> {
    let account = call.account;
    let owner = &Owner::of(call, input.user_name.as_deref())?;
    let id = &access_key_id(&iam.ids, "AKIA", account);
    let secret = iam.ids.text(SECRET_CHARS, SECRET_ALPHABET);
    let record = &AccessKeyRecord {
        account,
        user: match owner {
            Owner::Root => None,
            Owner::User(name) => Some(key(name)),
        },
        sealed_secret: iam.sealing.seal(SECRET_CONTEXT, secret.as_bytes()),
        active: true,
        created: second(call),
        last_used: None,
    };
    let user_name = iam
        .change(account, |tx| async move {
            let (name, mut ids) = keys_of(&tx, account, owner).await?;
            // An earlier run of this very transaction may have made it.
            if !ids.contains(id) {
                quotas::ACCESS_KEYS_PER_USER.check(ids.len())?;
                ids.push(id.clone());
                set_keys(&tx, account, owner, ids).await?;
                ACCESS_KEYS.put(&tx, &(), id, record).await?;
            }
            Ok(name)
        })
        .await?;
    let access_key = AccessKey {
        user_name,
        access_key_id: id.clone(),
        status: StatusType::Active,
        secret_access_key: secret,
        create_date: Some(record.created),
    };
    Ok(CreateAccessKeyOutput { access_key })
}

pub async fn update_access_key(
    iam: &Iam,
    call: &Call,
    input: UpdateAccessKeyInput,
) -> Result<UpdateAccessKeyOutput, Error> {
    let active = is_active(&input.status)?;
    let owner = &Owner::of(call, input.user_name.as_deref())?;
    let (account, id) = (call.account, input.access_key_id.as_str());
    iam.change(account, |tx| async move {
        let mut record = load(&tx, account, owner, id).await?;
        record.active = active;
        Ok(ACCESS_KEYS.put(&tx, &(), id, &record).await?)
    })
    .await?;
    Ok(UpdateAccessKeyOutput {})
}

pub async fn delete_access_key(
    iam: &Iam,
    call: &Call,
    input: DeleteAccessKeyInput,
) -> Result<DeleteAccessKeyOutput, Error> {
    let owner = &Owner::of(call, input.user_name.as_deref())?;
    let (account, id) = (call.account, input.access_key_id.as_str());
    iam.change(account, |tx| async move {
        let (_, mut ids) = keys_of(&tx, account, owner).await?;
        let before = ids.len();
        ids.retain(|own| own != id);
        if ids.len() == before {
            return Err(not_found(id));
        }
        set_keys(&tx, account, owner, ids).await?;
        Ok(ACCESS_KEYS.delete(&tx, &(), id).await?)
    })
    .await?;
    Ok(DeleteAccessKeyOutput {})
}

pub async fn list_access_keys(
    iam: &Iam,
    call: &Call,
    input: ListAccessKeysInput,
) -> Result<ListAccessKeysOutput, Error> {
    let owner = &Owner::of(call, input.user_name.as_deref())?;
    let account = call.account;
    let all = iam
        .store
        .read(|tx| async move {
            let (name, ids) = keys_of(&tx, account, owner).await?;
            let mut keys = Vec::with_capacity(ids.len());
            for id in ids {
                let record = ACCESS_KEYS.get(&tx, &(), &id).await?.ok_or_else(|| not_found(&id))?;
                keys.push(AccessKeyMetadata {
                    user_name: Some(name.clone()),
                    access_key_id: Some(id),
                    status: Some(status(record.active)),
                    create_date: Some(record.created),
                });
            }
            Ok::<_, Error>(keys)
        })
        .await?;
    let found = pages::cut(iam, call, "ListAccessKeys", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListAccessKeysOutput {
        access_key_metadata: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

/// The key's id does not tell whose it is. A session of root may ask of root's keys alone, which the operation sees to.
pub fn of_root(_: &Iam, call: &Call, _: &GetAccessKeyLastUsedInput) -> Result<Vec<Arn>, Error> {
    Ok(root_access::session(&call.principal).map(|_| arns::root(call.account)).into_iter().collect())
}

pub async fn get_access_key_last_used(
    iam: &Iam,
    call: &Call,
    input: GetAccessKeyLastUsedInput,
) -> Result<GetAccessKeyLastUsedOutput, Error> {
    let (account, id) = (call.account, input.access_key_id.as_str());
    let (record, user_name) = iam
        .store
        .read(|tx| async move {
            let record = ACCESS_KEYS.get(&tx, &(), id).await?.filter(|record| record.account == account);
            let record = record.ok_or_else(|| not_found(id))?;
            let user_name = match &record.user {
                Some(_) if root_access::session(&call.principal).is_some() => {
                    let who = &call.principal.arn;
                    return Err(Error::AccessDenied(format!(
                        "User: {who} is not authorized to perform: iam:GetAccessKeyLastUsed with an explicit deny in a \
                         session policy"
                    )));
                }
                Some(user) => Some(users::load(&tx, account, user).await?.name),
                None => None,
            };
            Ok::<_, Error>((record, user_name))
        })
        .await?;
    // What is only noted is later than what is written down.
    let last = iam.directory.key_last_used(id).or(record.last_used);
    let access_key_last_used = match last {
        Some(last) => AccessKeyLastUsed {
            last_used_date: Some(base::Timestamp::from_secs(last.at.as_secs())),
            service_name: last.service,
            region: last.region.as_str().to_owned(),
        },
        None => AccessKeyLastUsed {
            last_used_date: None,
            service_name: NOT_USED.to_owned(),
            region: NOT_USED.to_owned(),
        },
    };
    Ok(GetAccessKeyLastUsedOutput { user_name, access_key_last_used: Some(access_key_last_used) })
}
