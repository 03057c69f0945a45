//! OpenID Connect providers: who else may say who somebody is.

use base::Arn;
use iam_api::{
    AddClientIDToOpenIDConnectProviderInput, AddClientIDToOpenIDConnectProviderOutput,
    CreateOpenIDConnectProviderInput, CreateOpenIDConnectProviderOutput, DeleteOpenIDConnectProviderInput,
    DeleteOpenIDConnectProviderOutput, GetOpenIDConnectProviderInput, GetOpenIDConnectProviderOutput,
    ListOpenIDConnectProviderTagsInput, ListOpenIDConnectProviderTagsOutput, ListOpenIDConnectProvidersInput,
    ListOpenIDConnectProvidersOutput, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderInput, RemoveClientIDFromOpenIDConnectProviderOutput,
    TagOpenIDConnectProviderInput, TagOpenIDConnectProviderOutput, UntagOpenIDConnectProviderInput,
    UntagOpenIDConnectProviderOutput, UpdateOpenIDConnectProviderThumbprintInput,
    UpdateOpenIDConnectProviderThumbprintOutput,
};
use service::Call;
use store::Select;

use super::callers::second;
use super::pages;
use crate::Iam;
use crate::error::Error;
use crate::limits::OIDC_PROVIDERS_MAX;
use crate::model::{arns, oidc, tags};
use crate::records::{OIDC_PROVIDERS, OidcProviderRecord};

/// What ARNs of providers have before the slash.
const KIND: &str = "oidc-provider";

/// Inputs that name their provider by ARN.
pub trait ByArn {
    fn provider_arn(&self) -> &str;
}

macro_rules! by_arn {
    ($($input:ident)*) => { $(impl ByArn for iam_api::$input {
        fn provider_arn(&self) -> &str {
            &self.open_id_connect_provider_arn
        }
    })* };
}

by_arn! {
    AddClientIDToOpenIDConnectProviderInput DeleteOpenIDConnectProviderInput GetOpenIDConnectProviderInput
    ListOpenIDConnectProviderTagsInput RemoveClientIDFromOpenIDConnectProviderInput TagOpenIDConnectProviderInput
    UntagOpenIDConnectProviderInput UpdateOpenIDConnectProviderThumbprintInput
}

pub fn by_arn(_: &Iam, call: &Call, input: &impl ByArn) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::of_kind(input.provider_arn(), KIND, call.region)?])
}

pub fn by_url(_: &Iam, call: &Call, input: &CreateOpenIDConnectProviderInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, KIND, &oidc::provider_url(&input.url)?)])
}

/// The thumbprint of the server behind a provider's URL (without its scheme): of the last certificate it sends, as
/// "Obtain the thumbprint for an OpenID Connect identity provider" of the user guide has it.
async fn server_thumbprint(url: &str) -> Result<String, Error> {
    let (host, port) = oidc::host_and_port(url);
    let top = outbound::top_certificate(host, port).await.map_err(|error| {
        tracing::info!(url, %error, "the certificates of an OpenID Connect provider could not be fetched");
        Error::OpenIdIdpCommunication(format!(
            "Unable to communicate with the identity provider https://{url}"
        ))
    })?;
    Ok(outbound::thumbprint(&top))
}

pub async fn create(
    iam: &Iam,
    call: &Call,
    input: CreateOpenIDConnectProviderInput,
) -> Result<CreateOpenIDConnectProviderOutput, Error> {
    let url = oidc::provider_url(&input.url)?;
    let client_ids = oidc::client_ids(input.client_id_list)?;
    let tags = tags::fresh(input.tags.as_deref())?;
    let given = input.thumbprint_list.unwrap_or_default();
    let thumbprints =
        if given.is_empty() { vec![server_thumbprint(&url).await?] } else { oidc::thumbprints(&given)? };
    let record =
        OidcProviderRecord { id: iam.ids.uuid(), url, client_ids, thumbprints, created: second(call), tags };
    let (record, account) = (&record, call.account);
    iam.store
        .transact(|tx| async move {
            let others = OIDC_PROVIDERS.scan(&tx, &account, Select::ALL, OIDC_PROVIDERS_MAX).await?.records;
            // The same id is what an earlier run of this very transaction left behind.
            if others.iter().any(|(_, other)| other.url == record.url && other.id != record.id) {
                let message = format!("Provider with url https://{} already exists.", record.url);
                return Err(Error::EntityAlreadyExists(message));
            }
            if others.iter().filter(|(_, other)| other.id != record.id).count() >= OIDC_PROVIDERS_MAX {
                let quota = "OpenIdConnectProvidersPerAccount";
                let message = format!("Cannot exceed quota for {quota}: {OIDC_PROVIDERS_MAX}");
                return Err(Error::LimitExceeded(message));
            }
            Ok(OIDC_PROVIDERS.put(&tx, &account, &record.url, record).await?)
        })
        .await?;
    iam.directory.forget(account);
    Ok(CreateOpenIDConnectProviderOutput {
        open_id_connect_provider_arn: Some(arns::plain(account, KIND, &record.url).to_string()),
        tags: tags::some(&record.tags),
    })
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    input: GetOpenIDConnectProviderInput,
) -> Result<GetOpenIDConnectProviderOutput, Error> {
    let record = find(iam, call, &input.open_id_connect_provider_arn).await?;
    Ok(GetOpenIDConnectProviderOutput {
        url: Some(record.url),
        client_id_list: Some(record.client_ids),
        thumbprint_list: Some(record.thumbprints),
        create_date: Some(record.created),
        tags: tags::some(&record.tags),
    })
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    _: ListOpenIDConnectProvidersInput,
) -> Result<ListOpenIDConnectProvidersOutput, Error> {
    let account = &call.account;
    let found = iam
        .store
        .read(|tx| async move { OIDC_PROVIDERS.scan(&tx, account, Select::ALL, OIDC_PROVIDERS_MAX).await })
        .await?;
    let entry = |(url, _): (String, _)| OpenIDConnectProviderListEntry {
        arn: Some(arns::plain(*account, KIND, &url).to_string()),
    };
    let providers = found.records.into_iter().map(entry).collect();
    Ok(ListOpenIDConnectProvidersOutput { open_id_connect_provider_list: Some(providers) })
}

/// Deleting what is not there is no error.
pub async fn delete(
    iam: &Iam,
    call: &Call,
    input: DeleteOpenIDConnectProviderInput,
) -> Result<DeleteOpenIDConnectProviderOutput, Error> {
    if let Some(url) = own_url(call, &input.open_id_connect_provider_arn)? {
        let (account, url) = (&call.account, url.as_str());
        iam.store.transact(|tx| async move { OIDC_PROVIDERS.delete(&tx, account, url).await }).await?;
        iam.directory.forget(call.account);
    }
    Ok(DeleteOpenIDConnectProviderOutput {})
}

pub async fn add_client_id(
    iam: &Iam,
    call: &Call,
    input: AddClientIDToOpenIDConnectProviderInput,
) -> Result<AddClientIDToOpenIDConnectProviderOutput, Error> {
    let add = |record: &mut OidcProviderRecord| oidc::add_client_id(&mut record.client_ids, &input.client_id);
    change(iam, call, &input.open_id_connect_provider_arn, add).await?;
    Ok(AddClientIDToOpenIDConnectProviderOutput {})
}

pub async fn remove_client_id(
    iam: &Iam,
    call: &Call,
    input: RemoveClientIDFromOpenIDConnectProviderInput,
) -> Result<RemoveClientIDFromOpenIDConnectProviderOutput, Error> {
    let remove = |record: &mut OidcProviderRecord| {
        record.client_ids.retain(|id| *id != input.client_id);
        Ok(())
    };
    change(iam, call, &input.open_id_connect_provider_arn, remove).await?;
    Ok(RemoveClientIDFromOpenIDConnectProviderOutput {})
}

pub async fn update_thumbprint(
    iam: &Iam,
    call: &Call,
    input: UpdateOpenIDConnectProviderThumbprintInput,
) -> Result<UpdateOpenIDConnectProviderThumbprintOutput, Error> {
    let thumbprints = oidc::thumbprints(&input.thumbprint_list)?;
    let replace = |record: &mut OidcProviderRecord| {
        record.thumbprints.clone_from(&thumbprints);
        Ok(())
    };
    change(iam, call, &input.open_id_connect_provider_arn, replace).await?;
    Ok(UpdateOpenIDConnectProviderThumbprintOutput {})
}

pub async fn tag(
    iam: &Iam,
    call: &Call,
    input: TagOpenIDConnectProviderInput,
) -> Result<TagOpenIDConnectProviderOutput, Error> {
    let put = |record: &mut OidcProviderRecord| tags::put(&mut record.tags, &input.tags);
    change(iam, call, &input.open_id_connect_provider_arn, put).await?;
    Ok(TagOpenIDConnectProviderOutput {})
}

pub async fn untag(
    iam: &Iam,
    call: &Call,
    input: UntagOpenIDConnectProviderInput,
) -> Result<UntagOpenIDConnectProviderOutput, Error> {
    let remove = |record: &mut OidcProviderRecord| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    };
    change(iam, call, &input.open_id_connect_provider_arn, remove).await?;
    Ok(UntagOpenIDConnectProviderOutput {})
}

pub async fn list_tags(
    iam: &Iam,
    call: &Call,
    input: ListOpenIDConnectProviderTagsInput,
) -> Result<ListOpenIDConnectProviderTagsOutput, Error> {
    let record = find(iam, call, &input.open_id_connect_provider_arn).await?;
    let of = "ListOpenIDConnectProviderTags";
    let all = tags::list(&record.tags);
    let page = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(ListOpenIDConnectProviderTagsOutput {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// The URL in an ARN, if the ARN is of the caller's account.
fn own_url(call: &Call, arn: &str) -> Result<Option<String>, Error> {
    let parsed = arns::of_kind(arn, KIND, call.region)?;
    let url = parsed.resource().split_once('/').map(|(_, url)| url.to_owned());
    Ok(url.filter(|_| parsed.account() == Some(call.account)))
}

fn not_found(arn: &str) -> Error {
    Error::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

async fn find(iam: &Iam, call: &Call, arn: &str) -> Result<OidcProviderRecord, Error> {
    let url = own_url(call, arn)?.ok_or_else(|| not_found(arn))?;
    let (account, url) = (&call.account, url.as_str());
    let found = iam.store.read(|tx| async move { OIDC_PROVIDERS.get(&tx, account, url).await }).await?;
    found.ok_or_else(|| not_found(arn))
}

/// Changes a provider in one transaction. `change` may run again and has no other effects.
async fn change(
    iam: &Iam,
    call: &Call,
    arn: &str,
    change: impl Fn(&mut OidcProviderRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let url = own_url(call, arn)?.ok_or_else(|| not_found(arn))?;
    let (account, url, change) = (&call.account, url.as_str(), &change);
    iam.store
        .transact(|tx| async move {
            let mut record = OIDC_PROVIDERS.get(&tx, account, url).await?.ok_or_else(|| not_found(arn))?;
            change(&mut record)?;
            Ok::<_, Error>(OIDC_PROVIDERS.put(&tx, account, url, &record).await?)
        })
        .await?;
    iam.directory.forget(call.account);
    Ok(())
}
