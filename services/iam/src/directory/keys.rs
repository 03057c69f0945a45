//! Long-lived access keys: whose they are, and their secrets.

use std::sync::Arc;

use base::{AccountId, Region};
use identity::sigv4::SecretAccessKey;
use service::{Key, Principal, PrincipalKind};

use super::memory::Moment;
use super::{Directory, Known, On};
use crate::Iam;
use crate::error::Error;
use crate::limits::UNKNOWN_KEYS_KNOWN_MAX;
use crate::model::arns;
use crate::records::{ACCESS_KEYS, AccessKeyRecord, USERS, UserRecord};

pub(super) struct KnownKey {
    pub secret: SecretAccessKey,
    pub principal: Principal,
}

/// What the secrets of access keys are sealed for.
pub const SECRET_CONTEXT: &str = "iam access key";

const KEYS: On<Option<Arc<KnownKey>>> =
    (|known: &Known| &known.keys, |known: &mut Known| (&mut known.keys, &known.forgettings));

/// The key of that id, if it is there and active. Ids that no key has are remembered as well, so that the time an
/// answer takes does not tell them from others.
pub(super) async fn key(iam: &Iam, access_key_id: &str) -> Result<Option<Key>, Error> {
    let moment = match iam.directory.recall(KEYS, access_key_id) {
        Ok(known) => return Ok(known.as_deref().map(KnownKey::to_key)),
        Err(moment) => moment,
    };
    if iam.directory.is_unknown(access_key_id) {
        return Ok(None);
    }
    let found = iam
        .store
        .read(|tx| async move {
            let Some(record) = ACCESS_KEYS.get(&tx, &(), access_key_id).await? else {
                return Ok::<_, Error>(None);
            };
            let user = match &record.user {
                Some(key) => USERS.get(&tx, &record.account, key).await?,
                None => None,
            };
            Ok(Some((record, user)))
        })
        .await?;
    let Some((record, user)) = found else {
        iam.directory.note_unknown(access_key_id, moment);
        return Ok(None);
    };
    let account = record.account;
    let key = open(iam, access_key_id, record, user)?.map(Arc::new);
    iam.directory.remember(KEYS, access_key_id, key.clone(), account, moment);
    Ok(key.as_deref().map(KnownKey::to_key))
}

impl Directory {
    fn is_unknown(&self, access_key_id: &str) -> bool {
        let known = self.known.read();
        let (moment, ids) = &known.unknown_keys;
        *moment == known.forgettings.now() && ids.contains(access_key_id)
    }

    /// Any change may bring a key, so what is unknown is believed until the next one.
    fn note_unknown(&self, access_key_id: &str, moment: Moment) {
        let mut known = self.known.write();
        if moment != known.forgettings.now() {
            return;
        }
        let (since, ids) = &mut known.unknown_keys;
        if *since != moment || ids.len() >= UNKNOWN_KEYS_KNOWN_MAX {
            *since = moment;
            ids.clear();
        }
        ids.insert(access_key_id.to_owned());
    }
}

fn open(
    iam: &Iam,
    id: &str,
    record: AccessKeyRecord,
    user: Option<UserRecord>,
) -> Result<Option<KnownKey>, Error> {
    if !record.active {
        return Ok(None);
    }
    let principal = match (&record.user, user) {
        (None, _) => Principal::root(record.account, Region::US_EAST_1, Some(id.to_owned())),
        (Some(_), Some(user)) => user_principal(record.account, user, id),
        (Some(_), None) => return Ok(None),
    };
    let secret = iam.directory.sealing.open(SECRET_CONTEXT, &record.sealed_secret);
    let secret = secret.and_then(|bytes| String::from_utf8(bytes).ok());
    let secret =
        secret.ok_or_else(|| Error::Internal("the secret of an access key cannot be opened".into()))?;
    Ok(Some(KnownKey { secret: SecretAccessKey::new(secret), principal }))
}

fn user_principal(account: AccountId, user: UserRecord, access_key_id: &str) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        account,
        arn: arns::entity(account, "user", &user.path, &user.name).to_string(),
        user_id: user.id,
        access_key_id: Some(access_key_id.to_owned()),
        session: None,
    }
}

impl KnownKey {
    fn to_key(&self) -> Key {
        Key { secret: self.secret.clone(), principal: self.principal.clone() }
    }
}
