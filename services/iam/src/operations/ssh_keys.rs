//! SSH public keys, with which users push to Git repositories.

use iam_api::{
    DeleteSSHPublicKeyInput, DeleteSSHPublicKeyOutput, EncodingType, GetSSHPublicKeyInput,
    GetSSHPublicKeyOutput, ListSSHPublicKeysInput, ListSSHPublicKeysOutput, SSHPublicKey,
    SSHPublicKeyMetadata, UpdateSSHPublicKeyInput, UpdateSSHPublicKeyOutput, UploadSSHPublicKeyInput,
    UploadSSHPublicKeyOutput,
};
use service::Call;

use super::access_keys::{is_active, status};
use super::callers::{second, user_name};
use super::{pages, quotas, users};
use crate::Iam;
use crate::error::Error;
use crate::model::ssh_key::{Encoding, SshKey};
use crate::records;

fn not_found(id: &str) -> Error {
    Error::NoSuchEntity(format!("The Public Key with id {id} cannot be found."))
}

fn shown(user_name: &str, key: &records::SshPublicKey, body: String) -> SSHPublicKey {
    SSHPublicKey {
        user_name: user_name.to_owned(),
        ssh_public_key_id: key.id.clone(),
        fingerprint: key.fingerprint.clone(),
        ssh_public_key_body: body,
        status: status(key.active),
        upload_date: Some(key.uploaded),
    }
}

pub async fn upload_ssh_public_key(
    iam: &Iam,
    call: &Call,
    input: UploadSSHPublicKeyInput,
) -> Result<UploadSSHPublicKeyOutput, Error> {
    let fresh = &records::SshPublicKey {
        id: iam.ids.key_id("APKA"),
        fingerprint: SshKey::parse(&input.ssh_public_key_body)?.fingerprint(),
        body: input.ssh_public_key_body,
        active: true,
        uploaded: second(call),
    };
    let user_name = users::update(iam, call.account, &input.user_name, |user| {
        let keys = &mut user.ssh_public_keys;
        match keys.iter().find(|other| other.fingerprint == fresh.fingerprint) {
            // An earlier run of this very transaction added it.
            Some(other) if other.id == fresh.id => return Ok(user.name.clone()),
            Some(_) => {
                let message = "The public key is already associated with the user.";
                return Err(Error::DuplicateSshPublicKey(message.to_owned()));
            }
            None => {}
        }
        quotas::SSH_PUBLIC_KEYS_PER_USER.check(keys.len())?;
        keys.push(fresh.clone());
        Ok(user.name.clone())
    })
    .await?;
    Ok(UploadSSHPublicKeyOutput { ssh_public_key: Some(shown(&user_name, fresh, fresh.body.clone())) })
}

/// The key in the encoding that is asked for: as it was given, where that is the one.
pub async fn get_ssh_public_key(
    iam: &Iam,
    call: &Call,
    input: GetSSHPublicKeyInput,
) -> Result<GetSSHPublicKeyOutput, Error> {
    let user = users::find(iam, call.account, &input.user_name).await?;
    let id = &input.ssh_public_key_id;
    let key = user.ssh_public_keys.iter().find(|key| key.id == *id).ok_or_else(|| not_found(id))?;
    let wanted = match input.encoding {
        EncodingType::Pem => Encoding::Pem,
        _ => Encoding::Ssh,
    };
    let body = match Encoding::of(&key.body) {
        given if given == wanted => key.body.clone(),
        _ => SshKey::parse(&key.body)?.encode(wanted)?,
    };
    Ok(GetSSHPublicKeyOutput { ssh_public_key: Some(shown(&user.name, key, body)) })
}

pub async fn list_ssh_public_keys(
    iam: &Iam,
    call: &Call,
    input: ListSSHPublicKeysInput,
) -> Result<ListSSHPublicKeysOutput, Error> {
    let name = user_name(call, input.user_name.as_deref())?;
    let user = users::find(iam, call.account, &name).await?;
    let metadata = |key: &records::SshPublicKey| SSHPublicKeyMetadata {
        user_name: user.name.clone(),
        ssh_public_key_id: key.id.clone(),
        status: status(key.active),
        upload_date: key.uploaded,
    };
    let all = user.ssh_public_keys.iter().map(metadata).collect();
    let found = pages::cut(iam, call, "ListSSHPublicKeys", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListSSHPublicKeysOutput {
        ssh_public_keys: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn update_ssh_public_key(
    iam: &Iam,
    call: &Call,
    input: UpdateSSHPublicKeyInput,
) -> Result<UpdateSSHPublicKeyOutput, Error> {
    let (active, id) = (is_active(&input.status)?, &input.ssh_public_key_id);
    users::update(iam, call.account, &input.user_name, |user| {
        let key = user.ssh_public_keys.iter_mut().find(|key| key.id == *id);
        key.ok_or_else(|| not_found(id))?.active = active;
        Ok(())
    })
    .await?;
    Ok(UpdateSSHPublicKeyOutput {})
}

pub async fn delete_ssh_public_key(
    iam: &Iam,
    call: &Call,
    input: DeleteSSHPublicKeyInput,
) -> Result<DeleteSSHPublicKeyOutput, Error> {
    let id = &input.ssh_public_key_id;
    users::update(iam, call.account, &input.user_name, |user| {
        let before = user.ssh_public_keys.len();
        user.ssh_public_keys.retain(|key| key.id != *id);
        if user.ssh_public_keys.len() == before { Err(not_found(id)) } else { Ok(()) }
    })
    .await?;
    Ok(DeleteSSHPublicKeyOutput {})
}
