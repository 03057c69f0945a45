//! SAML providers: who may vouch for people with signed assertions.

use base::Arn;
use iam_api::{
    AssertionEncryptionModeType, CreateSAMLProviderInput, CreateSAMLProviderOutput, DeleteSAMLProviderInput,
    DeleteSAMLProviderOutput, GetSAMLProviderInput, GetSAMLProviderOutput, ListSAMLProviderTagsInput,
    ListSAMLProviderTagsOutput, ListSAMLProvidersInput, ListSAMLProvidersOutput, SAMLPrivateKey as ShownKey,
    SAMLProviderListEntry, TagSAMLProviderInput, TagSAMLProviderOutput, UntagSAMLProviderInput,
    UntagSAMLProviderOutput, UpdateSAMLProviderInput, UpdateSAMLProviderOutput,
};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::pages;
use crate::Iam;
use crate::error::Error;
use crate::limits::{SAML_PRIVATE_KEYS_MAX, SAML_PROVIDERS_MAX, SAML_VALIDITY};
use crate::model::{arns, certificates, saml_metadata, tags};
use crate::records::{
    SAML_PROVIDERS, SamlPrivateKey, SamlProviderRecord, delete_text, key, put_text,
    saml_metadata as stored_metadata, saml_text,
};

/// What private keys are sealed as; those who decrypt assertions open them so.
pub const SEALED_AS: &str = "iam saml private key";

/// Ids of providers and keys have capital letters and digits, 22 at least.
const ID_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ID_LEN: usize = 24;

/// Inputs that name their provider by ARN.
pub trait ByArn {
    fn provider_arn(&self) -> &str;
}

macro_rules! by_arn {
    ($($input:ident)*) => { $(impl ByArn for iam_api::$input {
        fn provider_arn(&self) -> &str {
            &self.saml_provider_arn
        }
    })* };
}

by_arn! {
    DeleteSAMLProviderInput GetSAMLProviderInput ListSAMLProviderTagsInput TagSAMLProviderInput
    UntagSAMLProviderInput UpdateSAMLProviderInput
}

pub fn by_arn(_: &Iam, call: &Call, input: &impl ByArn) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::of_kind(input.provider_arn(), "saml-provider", call.region)?])
}

pub fn by_name(_: &Iam, call: &Call, input: &CreateSAMLProviderInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "saml-provider", &input.name)])
}

pub async fn create(
    iam: &Iam,
    call: &Call,
    input: CreateSAMLProviderInput,
) -> Result<CreateSAMLProviderOutput, Error> {
    let document = input.saml_metadata_document;
    let metadata = saml_metadata::read(&document)?;
    let mut record = SamlProviderRecord {
        name: input.name,
        uuid: iam.ids.text(ID_LEN, ID_CHARACTERS),
        entity_id: metadata.entity_id,
        created: second(call),
        valid_until: metadata.valid_until.unwrap_or(second(call) + SAML_VALIDITY),
        tags: tags::fresh(input.tags.as_deref())?,
        encryption: None,
        private_keys: Vec::new(),
    };
    if let Some(pem) = &input.add_private_key {
        record.private_keys.push(sealed(iam, call, pem)?);
    }
    encrypt(&mut record, input.assertion_encryption_mode.as_ref())?;
    let (record, document, account) = (&record, document.as_str(), call.account);
    iam.store
        .transact(|tx| async move {
            let others = SAML_PROVIDERS.scan(&tx, &account, Select::ALL, SAML_PROVIDERS_MAX).await?.records;
            // The same id is what an earlier run of this transaction left behind.
            let others: Vec<_> = others.into_iter().filter(|(_, other)| other.uuid != record.uuid).collect();
            if others.iter().any(|(taken, _)| *taken == key(&record.name)) {
                let message = format!("SAMLProvider with name {} already exists.", record.name);
                return Err(Error::EntityAlreadyExists(message));
            }
            if others.len() >= SAML_PROVIDERS_MAX {
                let message =
                    format!("Cannot exceed quota for SAMLProvidersPerAccount: {SAML_PROVIDERS_MAX}");
                return Err(Error::LimitExceeded(message));
            }
            put_text(&tx, account, &saml_text(&key(&record.name)), document).await?;
            Ok(SAML_PROVIDERS.put(&tx, &account, &key(&record.name), record).await?)
        })
        .await?;
    iam.directory.forget(account);
    Ok(CreateSAMLProviderOutput {
        saml_provider_arn: Some(arns::plain(account, "saml-provider", &record.name).to_string()),
        tags: tags::some(&record.tags),
    })
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    input: GetSAMLProviderInput,
) -> Result<GetSAMLProviderOutput, Error> {
    let arn = &input.saml_provider_arn;
    let name = own_key(call, arn)?;
    let (account, name) = (call.account, name.as_str());
    let (record, document) = iam
        .store
        .read(|tx| async move {
            let record = load(&tx, call, arn, name).await?;
            Ok::<_, Error>((record, stored_metadata(&tx, account, name).await?))
        })
        .await?;
    let shown = |key: &SamlPrivateKey| ShownKey { key_id: Some(key.id.clone()), timestamp: Some(key.added) };
    Ok(GetSAMLProviderOutput {
        saml_provider_uuid: Some(record.uuid),
        saml_metadata_document: document,
        create_date: Some(record.created),
        valid_until: Some(record.valid_until),
        tags: tags::some(&record.tags),
        assertion_encryption_mode: record.encryption.as_deref().map(AssertionEncryptionModeType::from),
        private_key_list: Some(record.private_keys.iter().map(shown).collect()),
    })
}

pub async fn update(
    iam: &Iam,
    call: &Call,
    input: UpdateSAMLProviderInput,
) -> Result<UpdateSAMLProviderOutput, Error> {
    let metadata = input.saml_metadata_document.as_deref().map(saml_metadata::read).transpose()?;
    let added = input.add_private_key.as_deref().map(|pem| sealed(iam, call, pem)).transpose()?;
    let arn = &input.saml_provider_arn;
    let name = own_key(call, arn)?;
    let (account, name, input, metadata, added) = (call.account, name.as_str(), &input, &metadata, &added);
    iam.store
        .transact(|tx| async move {
            let mut record = load(&tx, call, arn, name).await?;
            if let (Some(metadata), Some(document)) = (metadata, &input.saml_metadata_document) {
                record.entity_id.clone_from(&metadata.entity_id);
                record.valid_until = metadata.valid_until.unwrap_or(second(call) + SAML_VALIDITY);
                put_text(&tx, account, &saml_text(name), document).await?;
            }
            change_keys(&mut record, added.as_ref(), input.remove_private_key.as_deref())?;
            encrypt(&mut record, input.assertion_encryption_mode.as_ref())?;
            Ok::<_, Error>(SAML_PROVIDERS.put(&tx, &account, name, &record).await?)
        })
        .await?;
    iam.directory.forget(account);
    Ok(UpdateSAMLProviderOutput { saml_provider_arn: Some(arn.clone()) })
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    _: ListSAMLProvidersInput,
) -> Result<ListSAMLProvidersOutput, Error> {
    let account = &call.account;
    let found = iam
        .store
        .read(|tx| async move { SAML_PROVIDERS.scan(&tx, account, Select::ALL, SAML_PROVIDERS_MAX).await })
        .await?;
    let entry = |(_, record): (String, SamlProviderRecord)| SAMLProviderListEntry {
        arn: Some(arns::plain(*account, "saml-provider", &record.name).to_string()),
        valid_until: Some(record.valid_until),
        create_date: Some(record.created),
    };
    let providers = found.records.into_iter().map(entry).collect();
    Ok(ListSAMLProvidersOutput { saml_provider_list: Some(providers) })
}

pub async fn delete(
    iam: &Iam,
    call: &Call,
    input: DeleteSAMLProviderInput,
) -> Result<DeleteSAMLProviderOutput, Error> {
    let arn = &input.saml_provider_arn;
    let name = own_key(call, arn)?;
    let (account, name) = (call.account, name.as_str());
    iam.store
        .transact(|tx| async move {
            load(&tx, call, arn, name).await?;
            delete_text(&tx, account, &saml_text(name)).await?;
            Ok::<_, Error>(SAML_PROVIDERS.delete(&tx, &account, name).await?)
        })
        .await?;
    iam.directory.forget(account);
    Ok(DeleteSAMLProviderOutput {})
}

pub async fn tag(
    iam: &Iam,
    call: &Call,
    input: TagSAMLProviderInput,
) -> Result<TagSAMLProviderOutput, Error> {
    let put = |record: &mut SamlProviderRecord| tags::put(&mut record.tags, &input.tags);
    change(iam, call, &input.saml_provider_arn, put).await?;
    Ok(TagSAMLProviderOutput {})
}

pub async fn untag(
    iam: &Iam,
    call: &Call,
    input: UntagSAMLProviderInput,
) -> Result<UntagSAMLProviderOutput, Error> {
    let remove = |record: &mut SamlProviderRecord| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    };
    change(iam, call, &input.saml_provider_arn, remove).await?;
    Ok(UntagSAMLProviderOutput {})
}

pub async fn list_tags(
    iam: &Iam,
    call: &Call,
    input: ListSAMLProviderTagsInput,
) -> Result<ListSAMLProviderTagsOutput, Error> {
    let arn = &input.saml_provider_arn;
    let name = own_key(call, arn)?;
    let name = name.as_str();
    let record = iam.store.read(|tx| async move { load(&tx, call, arn, name).await }).await?;
    let of = "ListSAMLProviderTags";
    let all = tags::list(&record.tags);
    let page = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(ListSAMLProviderTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// The key of the provider an ARN names.
fn own_key(call: &Call, arn: &str) -> Result<String, Error> {
    let parsed = arns::of_kind(arn, "saml-provider", call.region)?;
    let (_, name) = parsed.resource().split_once('/').ok_or_else(|| arns::invalid(arn))?;
    if parsed.account() == Some(call.account) { Ok(key(name)) } else { Err(not_found(arn)) }
}

fn not_found(arn: &str) -> Error {
    Error::NoSuchEntity(format!("Manifest not found for arn {arn}"))
}

async fn load(tx: &Tx, call: &Call, arn: &str, name: &str) -> Result<SamlProviderRecord, Error> {
    SAML_PROVIDERS.get(tx, &call.account, name).await?.ok_or_else(|| not_found(arn))
}

fn sealed(iam: &Iam, call: &Call, pem: &str) -> Result<SamlPrivateKey, Error> {
    let unusable = |_| Error::InvalidInput("The private key is not a valid PEM private key.".to_owned());
    certificates::check_private_key(pem).map_err(unusable)?;
    Ok(SamlPrivateKey {
        id: iam.ids.text(ID_LEN, ID_CHARACTERS),
        sealed_key: iam.sealing.seal(SEALED_AS, pem.as_bytes()),
        added: second(call),
    })
}

fn change_keys(
    record: &mut SamlProviderRecord,
    added: Option<&SamlPrivateKey>,
    removed: Option<&str>,
) -> Result<(), Error> {
    if let Some(removed) = removed {
        let before = record.private_keys.len();
        record.private_keys.retain(|key| key.id != removed);
        if record.private_keys.len() == before {
            return Err(Error::NoSuchEntity(format!("The private key with id {removed} cannot be found.")));
        }
    }
    let known = |added: &&SamlPrivateKey| !record.private_keys.iter().any(|key| key.id == added.id);
    if let Some(added) = added.filter(known) {
        if record.private_keys.len() >= SAML_PRIVATE_KEYS_MAX {
            let message =
                format!("Cannot exceed quota for PrivateKeysPerSAMLProvider: {SAML_PRIVATE_KEYS_MAX}");
            return Err(Error::LimitExceeded(message));
        }
        record.private_keys.push(added.clone());
    }
    Ok(())
}

/// Sets the encryption mode where one is asked for. Neither mode means anything without a key.
fn encrypt(record: &mut SamlProviderRecord, mode: Option<&AssertionEncryptionModeType>) -> Result<(), Error> {
    if let Some(mode) = mode {
        record.encryption = Some(mode.as_str().to_owned());
    }
    if record.encryption.as_deref() == Some("Required") && record.private_keys.is_empty() {
        let message = "A private key is needed where encrypted assertions are required.";
        return Err(Error::InvalidInput(message.to_owned()));
    }
    Ok(())
}

/// Changes a provider in one transaction. `change` may run again and has no other effects.
async fn change(
    iam: &Iam,
    call: &Call,
    arn: &str,
    change: impl Fn(&mut SamlProviderRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let name = own_key(call, arn)?;
    let (name, change) = (name.as_str(), &change);
    iam.store
        .transact(|tx| async move {
            let mut record = load(&tx, call, arn, name).await?;
            change(&mut record)?;
            Ok::<_, Error>(SAML_PROVIDERS.put(&tx, &call.account, name, &record).await?)
        })
        .await?;
    iam.directory.forget(call.account);
    Ok(())
}
