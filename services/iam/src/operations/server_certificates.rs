//! Server certificates: for load balancers and distributions that do not use the certificate service.
//!
//! The private key is sealed at once, and no operation gives it back.

use base::{AccountId, Arn};
use iam_api::{
    DeleteServerCertificateInput, DeleteServerCertificateOutput, GetServerCertificateInput,
    GetServerCertificateOutput, ListServerCertificateTagsInput, ListServerCertificateTagsOutput,
    ListServerCertificatesInput, ListServerCertificatesOutput, ServerCertificate, ServerCertificateMetadata,
    TagServerCertificateInput, TagServerCertificateOutput, UntagServerCertificateInput,
    UntagServerCertificateOutput, UpdateServerCertificateInput, UpdateServerCertificateOutput,
    UploadServerCertificateInput, UploadServerCertificateOutput,
};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::pages::{self, Page};
use crate::Iam;
use crate::error::Error;
use crate::limits::{CERTIFICATE_CHAIN_BYTES_MAX, SERVER_CERTIFICATES_MAX};
use crate::model::{arns, certificates, tags};
use crate::records::{SERVER_CERTIFICATES, ServerCertificateRecord, key};

/// What private keys are sealed as.
const SEALED_AS: &str = "iam server certificate key";

/// Inputs that name their certificate.
pub trait ByName {
    fn certificate_name(&self) -> &str;
}

macro_rules! by_name {
    ($($input:ident)*) => { $(impl ByName for iam_api::$input {
        fn certificate_name(&self) -> &str {
            &self.server_certificate_name
        }
    })* };
}

by_name! {
    DeleteServerCertificateInput GetServerCertificateInput ListServerCertificateTagsInput
    TagServerCertificateInput UntagServerCertificateInput
}

pub fn by_name(_: &Iam, call: &Call, input: &impl ByName) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "server-certificate", input.certificate_name())])
}

pub fn uploaded(_: &Iam, call: &Call, input: &UploadServerCertificateInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arn(call.account, path, &input.server_certificate_name)])
}

/// Renaming takes a permission on both names.
pub fn renamed(_: &Iam, call: &Call, input: &UpdateServerCertificateInput) -> Result<Vec<Arn>, Error> {
    let names = [Some(&input.server_certificate_name), input.new_server_certificate_name.as_ref()];
    let arn = |name: &String| arns::plain(call.account, "server-certificate", name);
    Ok(names.into_iter().flatten().map(arn).collect())
}

pub fn all(_: &Iam, call: &Call, _: &ListServerCertificatesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "server-certificate", "*")])
}

pub async fn upload(
    iam: &Iam,
    call: &Call,
    input: UploadServerCertificateInput,
) -> Result<UploadServerCertificateOutput, Error> {
    let certificate = certificates::certificate(&input.certificate_body)?;
    certificates::check_pair(&certificate, &input.private_key)?;
    if let Some(chain) = &input.certificate_chain {
        if chain.len() > CERTIFICATE_CHAIN_BYTES_MAX {
            let message =
                format!("A certificate chain has at most {CERTIFICATE_CHAIN_BYTES_MAX} bytes here.");
            return Err(Error::LimitExceeded(message));
        }
        certificates::check_chain(&certificate, chain)?;
    }
    let record = ServerCertificateRecord {
        name: input.server_certificate_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("ASCA"),
        body: input.certificate_body,
        chain: input.certificate_chain,
        sealed_key: iam.sealing.seal(SEALED_AS, input.private_key.as_bytes()),
        uploaded: second(call),
        expires: certificate.expires,
        tags: tags::fresh(input.tags.as_deref())?,
    };
    let (record, account) = (&record, &call.account);
    iam.store
        .transact(|tx| async move {
            let others = SERVER_CERTIFICATES.scan(&tx, account, Select::ALL, SERVER_CERTIFICATES_MAX).await?;
            refuse_taken(&tx, account, record).await?;
            if others.records.iter().filter(|(_, other)| other.id != record.id).count()
                >= SERVER_CERTIFICATES_MAX
            {
                let message = format!(
                    "Cannot exceed quota for ServerCertificatesPerAccount: {SERVER_CERTIFICATES_MAX}"
                );
                return Err(Error::LimitExceeded(message));
            }
            Ok(SERVER_CERTIFICATES.put(&tx, account, &key(&record.name), record).await?)
        })
        .await?;
    Ok(UploadServerCertificateOutput {
        server_certificate_metadata: Some(metadata(*account, record)),
        tags: tags::some(&record.tags),
    })
}

/// An earlier run of the same transaction may have stored this very certificate.
async fn refuse_taken(tx: &Tx, account: &AccountId, record: &ServerCertificateRecord) -> Result<(), Error> {
    match SERVER_CERTIFICATES.get(tx, account, &key(&record.name)).await? {
        Some(other) if other.id != record.id => {
            let message = format!("The Server Certificate with name {} already exists.", record.name);
            Err(Error::EntityAlreadyExists(message))
        }
        _ => Ok(()),
    }
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    input: GetServerCertificateInput,
) -> Result<GetServerCertificateOutput, Error> {
    let record = find(iam, call, &input.server_certificate_name).await?;
    let server_certificate = ServerCertificate {
        server_certificate_metadata: metadata(call.account, &record),
        certificate_body: record.body,
        certificate_chain: record.chain,
        tags: tags::some(&record.tags),
    };
    Ok(GetServerCertificateOutput { server_certificate })
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    input: ListServerCertificatesInput,
) -> Result<ListServerCertificatesOutput, Error> {
    let page = Page::open(iam, call, "ListServerCertificates", input.marker.as_deref(), input.max_items)?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let keep = |_: &str, record: ServerCertificateRecord| {
        record.path.starts_with(prefix).then(|| metadata(call.account, &record))
    };
    let (page, keep) = (&page, &keep);
    let part =
        iam.store.read(|tx| async move { page.scan(&tx, &SERVER_CERTIFICATES, "", keep).await }).await?;
    let listed = page.close(iam, part);
    Ok(ListServerCertificatesOutput {
        server_certificate_metadata_list: listed.items,
        is_truncated: listed.is_truncated,
        marker: listed.marker,
    })
}

pub async fn update(
    iam: &Iam,
    call: &Call,
    input: UpdateServerCertificateInput,
) -> Result<UpdateServerCertificateOutput, Error> {
    let (account, input) = (&call.account, &input);
    let name = &input.server_certificate_name;
    iam.store
        .transact(|tx| async move {
            let stored = SERVER_CERTIFICATES.get(&tx, account, &key(name)).await?;
            let mut record = stored.ok_or_else(|| not_found(name))?;
            if let Some(path) = &input.new_path {
                record.path.clone_from(path);
            }
            if let Some(new_name) = &input.new_server_certificate_name {
                record.name.clone_from(new_name);
                refuse_taken(&tx, account, &record).await?;
                SERVER_CERTIFICATES.delete(&tx, account, &key(name)).await?;
            }
            Ok::<_, Error>(SERVER_CERTIFICATES.put(&tx, account, &key(&record.name), &record).await?)
        })
        .await?;
    Ok(UpdateServerCertificateOutput {})
}

pub async fn delete(
    iam: &Iam,
    call: &Call,
    input: DeleteServerCertificateInput,
) -> Result<DeleteServerCertificateOutput, Error> {
    let (account, name) = (&call.account, &input.server_certificate_name);
    iam.store
        .transact(|tx| async move {
            if SERVER_CERTIFICATES.get(&tx, account, &key(name)).await?.is_none() {
                return Err(not_found(name));
            }
            Ok(SERVER_CERTIFICATES.delete(&tx, account, &key(name)).await?)
        })
        .await?;
    Ok(DeleteServerCertificateOutput {})
}

pub async fn tag(
    iam: &Iam,
    call: &Call,
    input: TagServerCertificateInput,
) -> Result<TagServerCertificateOutput, Error> {
    let put = |record: &mut ServerCertificateRecord| tags::put(&mut record.tags, &input.tags);
    change(iam, call, &input.server_certificate_name, put).await?;
    Ok(TagServerCertificateOutput {})
}

pub async fn untag(
    iam: &Iam,
    call: &Call,
    input: UntagServerCertificateInput,
) -> Result<UntagServerCertificateOutput, Error> {
    let remove = |record: &mut ServerCertificateRecord| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    };
    change(iam, call, &input.server_certificate_name, remove).await?;
    Ok(UntagServerCertificateOutput {})
}

pub async fn list_tags(
    iam: &Iam,
    call: &Call,
    input: ListServerCertificateTagsInput,
) -> Result<ListServerCertificateTagsOutput, Error> {
    let record = find(iam, call, &input.server_certificate_name).await?;
    let of = "ListServerCertificateTags";
    let all = tags::list(&record.tags);
    let page = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(ListServerCertificateTagsOutput {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn arn(account: AccountId, path: &str, name: &str) -> Arn {
    arns::entity(account, "server-certificate", path, name)
}

fn metadata(account: AccountId, record: &ServerCertificateRecord) -> ServerCertificateMetadata {
    ServerCertificateMetadata {
        path: record.path.clone(),
        server_certificate_name: record.name.clone(),
        server_certificate_id: record.id.clone(),
        arn: arn(account, &record.path, &record.name).to_string(),
        upload_date: Some(record.uploaded),
        expiration: Some(record.expires),
    }
}

fn not_found(name: &str) -> Error {
    Error::NoSuchEntity(format!("The Server Certificate with name {name} cannot be found."))
}

async fn find(iam: &Iam, call: &Call, name: &str) -> Result<ServerCertificateRecord, Error> {
    let account = &call.account;
    let found =
        iam.store.read(|tx| async move { SERVER_CERTIFICATES.get(&tx, account, &key(name)).await }).await?;
    found.ok_or_else(|| not_found(name))
}

/// Changes a certificate's record in one transaction. `change` may run again and has no other effects.
async fn change(
    iam: &Iam,
    call: &Call,
    name: &str,
    change: impl Fn(&mut ServerCertificateRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let (account, change) = (&call.account, &change);
    iam.store
        .transact(|tx| async move {
            let stored = SERVER_CERTIFICATES.get(&tx, account, &key(name)).await?;
            let mut record = stored.ok_or_else(|| not_found(name))?;
            change(&mut record)?;
            Ok(SERVER_CERTIFICATES.put(&tx, account, &key(name), &record).await?)
        })
        .await
}
