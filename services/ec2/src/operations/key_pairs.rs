//! Key pairs: made, imported, listed, deleted. The private half leaves this cloud in the answer and is kept nowhere.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_KEY_FORMAT, INVALID_KEY_PAIR_DUPLICATE, INVALID_KEY_PAIR_NOT_FOUND, INVALID_PARAMETER_VALUE,
};
use crate::kind::KEY_PAIR;
use crate::model::keys::{self, Algorithm, Format, PublicKey};
use crate::model::tags::{self, Tags};
use crate::operations::tags::of_new;
use crate::records::Place;
use crate::records::keys::{KEY_NAMES, KeyPairRecord, NamedRecord};
use crate::resources::{self, Wanted};

/// ARNs of key pairs have their names, though tags are kept by ids.
fn arn(call: &Call, name: &str) -> Arn {
    KEY_PAIR.arn(call, name)
}

pub fn to_create(_: &Ec2, call: &Call, input: &CreateKeyPairInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, &input.key_name)])
}

pub fn to_import(_: &Ec2, call: &Call, input: &ImportKeyPairInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, &input.key_name)])
}

pub fn to_delete(_: &Ec2, call: &Call, input: &DeleteKeyPairInput) -> Result<Vec<Arn>, Error> {
    let name = input.key_name.as_deref().or(input.key_pair_id.as_deref());
    Ok(vec![arn(call, name.unwrap_or("*"))])
}

pub async fn create_key_pair(
    ec2: &Ec2,
    call: &Call,
    input: CreateKeyPairInput,
) -> Result<CreateKeyPairOutput, Error> {
    let name = checked_name(input.key_name)?;
    let algorithm = match input.key_type {
        None | Some(KeyType::Rsa) => Algorithm::Rsa,
        Some(KeyType::Ed25519) => Algorithm::Ed25519,
        Some(KeyType::Unknown(other)) => return Err(Error::invalid_value(other, "keyType", "")),
    };
    let format = match input.key_format {
        None | Some(KeyFormat::Pem) => Format::Pem,
        Some(KeyFormat::Ppk) => Format::Ppk,
        Some(KeyFormat::Unknown(other)) => return Err(Error::invalid_value(other, "keyFormat", "")),
    };
    let given =
        of_new(ec2, call, "CreateKeyPair", input.tag_specifications.as_deref(), &KEY_PAIR, &[]).await?;
    let for_make = name.clone();
    let made = tokio::task::spawn_blocking(move || keys::make(algorithm, format, &for_make))
        .await
        .ok()
        .flatten()
        .ok_or_else(|| Error::Internal("the key pair could not be made".into()))?;
    let record = record(ec2, call, &name, &made.public, made.fingerprint);
    save(ec2, call, &record, &given).await?;
    Ok(CreateKeyPairOutput {
        key_pair_id: Some(record.id),
        tags: shown_tags(&given),
        key_name: Some(name),
        key_fingerprint: record.shown.0.key_fingerprint,
        key_material: Some(made.material),
    })
}

pub async fn import_key_pair(
    ec2: &Ec2,
    call: &Call,
    input: ImportKeyPairInput,
) -> Result<ImportKeyPairOutput, Error> {
    let name = checked_name(input.key_name)?;
    let given =
        of_new(ec2, call, "ImportKeyPair", input.tag_specifications.as_deref(), &KEY_PAIR, &[]).await?;
    let public = PublicKey::parse(&input.public_key_material)
        .ok_or_else(|| Error::new(&INVALID_KEY_FORMAT, "Key is not in valid OpenSSH public key format"))?;
    let record = record(ec2, call, &name, &public, public.fingerprint());
    save(ec2, call, &record, &given).await?;
    Ok(ImportKeyPairOutput {
        key_fingerprint: record.shown.0.key_fingerprint,
        key_name: Some(name),
        key_pair_id: Some(record.id),
        tags: shown_tags(&given),
    })
}

fn checked_name(name: String) -> Result<String, Error> {
    if keys::is_name(&name) {
        return Ok(name);
    }
    let message = format!(
        "Value ({name}) for parameter KeyName is invalid. A key name has up to 255 ASCII characters and no leading or trailing spaces."
    );
    Err(Error::new(&INVALID_PARAMETER_VALUE, message))
}

fn record(ec2: &Ec2, call: &Call, name: &str, public: &PublicKey, fingerprint: String) -> KeyPairRecord {
    let id = KEY_PAIR.new_id(&ec2.ids);
    let shown = KeyPairInfo {
        key_pair_id: Some(id.clone()),
        key_type: Some(match public.algorithm() {
            Algorithm::Rsa => KeyType::Rsa,
            Algorithm::Ed25519 => KeyType::Ed25519,
        }),
        tags: None,
        public_key: Some(public.to_line(name)),
        create_time: Some(call.now),
        key_name: Some(name.to_owned()),
        key_fingerprint: Some(fingerprint),
    };
    KeyPairRecord { id, shown: Kept(shown) }
}

async fn save(ec2: &Ec2, call: &Call, record: &KeyPairRecord, given: &Tags) -> Result<(), Error> {
    let place = &call.scope();
    let saved = ec2.store.transact(|tx| async move {
        let name = record.name();
        if KEY_NAMES.get(&tx, place, name).await?.is_some() {
            let message = format!("The keypair '{name}' already exists.");
            return Err(Error::new(&INVALID_KEY_PAIR_DUPLICATE, message));
        }
        KEY_NAMES.put(&tx, place, name, &NamedRecord { id: record.id.clone() }).await?;
        resources::create(&tx, place, record, given).await
    });
    saved.await
}

fn shown_tags(tags: &Tags) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| tags::shown(tags))
}

/// Deleting what is not there succeeds, as it does on AWS.
pub async fn delete_key_pair(
    ec2: &Ec2,
    call: &Call,
    input: DeleteKeyPairInput,
) -> Result<DeleteKeyPairOutput, Error> {
    let (name, id) = (input.key_name.as_deref(), input.key_pair_id.as_deref());
    if name.is_none() && id.is_none() {
        return Err(Error::missing("KeyName"));
    }
    let place = &call.scope();
    let deleted = ec2.store.transact(|tx| async move {
        let found = match (id, name) {
            (Some(id), _) => {
                KEY_PAIR.check(id)?;
                Some(id.to_owned())
            }
            (None, Some(name)) => KEY_NAMES.get(&tx, place, name).await?.map(|named| named.id),
            (None, None) => None,
        };
        let Some(id) = found else { return Ok(None) };
        let Some(record) = find_by_id(&tx, place, &id).await? else { return Ok(None) };
        KEY_NAMES.delete(&tx, place, record.name()).await?;
        resources::remove::<KeyPairRecord>(&tx, place, &id).await?;
        Ok::<_, Error>(Some(id))
    });
    Ok(DeleteKeyPairOutput { r#return: Some(true), key_pair_id: deleted.await? })
}

async fn find_by_id(tx: &Tx, place: &Place, id: &str) -> Result<Option<KeyPairRecord>, Error> {
    Ok(<KeyPairRecord as crate::records::Resource>::TABLE.get(tx, place, id).await?)
}

/// The key pair of that name, for a launch.
///
/// # Errors
/// `InvalidKeyPair.NotFound`
pub async fn by_name(tx: &Tx, place: &Place, name: &str) -> Result<KeyPairRecord, Error> {
    let missing = || not_found(name);
    let named = KEY_NAMES.get(tx, place, name).await?.ok_or_else(missing)?;
    find_by_id(tx, place, &named.id).await?.ok_or_else(missing)
}

fn not_found(name: &str) -> Error {
    Error::new(&INVALID_KEY_PAIR_NOT_FOUND, format!("The key pair '{name}' does not exist"))
}

pub async fn describe_key_pairs(
    ec2: &Ec2,
    call: &Call,
    input: DescribeKeyPairsInput,
) -> Result<DescribeKeyPairsOutput, Error> {
    let place = &call.scope();
    let mut ids = input.key_pair_ids.unwrap_or_default();
    if let Some(names) = input.key_names.filter(|names| !names.is_empty()) {
        let names = &names;
        let named = ec2.store.read(|tx| async move {
            let mut ids = Vec::new();
            for name in names {
                ids.push(by_name(&tx, place, name).await?.id);
            }
            Ok::<_, Error>(ids)
        });
        ids.extend(named.await?);
    }
    let wanted =
        Wanted { operation: "DescribeKeyPairs", ids: Some(ids), filters: input.filters, ..Wanted::default() };
    let page = resources::describe::<KeyPairRecord>(ec2, call, wanted).await?;
    let with_public = input.include_public_key == Some(true);
    let shown = page.resources.into_iter().map(|(record, tags)| {
        let KeyPairInfo { public_key, .. } = &record.shown.0;
        let public_key = public_key.clone().filter(|_| with_public);
        KeyPairInfo { public_key, tags: Some(tags::shown(&tags)), ..record.shown.0 }
    });
    Ok(DescribeKeyPairsOutput { key_pairs: Some(shown.collect()) })
}
