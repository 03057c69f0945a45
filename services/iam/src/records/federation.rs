//! What IAM keeps besides identities and policies: providers that vouch for others, certificates, and reports.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Select, StoreError, Table, Tx};

/// By URL without its scheme, as the ARN has it.
pub const OIDC_PROVIDERS: Table<AccountId, OidcProviderRecord> = Table::new("iam.oidc-providers");
pub const SAML_PROVIDERS: Table<AccountId, SamlProviderRecord> = Table::new("iam.saml-providers");
pub const SERVER_CERTIFICATES: Table<AccountId, ServerCertificateRecord> =
    Table::new("iam.server-certificates");
/// One record under the key `latest`.
pub const CREDENTIAL_REPORTS: Table<AccountId, CredentialReportRecord> = Table::new("iam.credential-reports");
/// By job id.
pub const ACCESS_REPORTS: Table<AccountId, AccessReportRecord> = Table::new("iam.access-reports");
/// Texts that may be larger than a record: `owner|part`, see [`put_text`].
pub const TEXTS: Table<AccountId, TextPart> = Table::new("iam.texts");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OidcProviderRecord {
    /// Of no use outside; it tells one making of a provider from another.
    #[serde(default)]
    pub id: String,
    /// Without its scheme.
    pub url: String,
    /// In the order they were added.
    pub client_ids: Vec<String>,
    /// SHA-1 of certificates, lower-case hexadecimal.
    pub thumbprints: Vec<String>,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
}

/// The metadata document is a text of its own ([`saml_metadata`]), as it may have ten megabytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamlProviderRecord {
    pub name: String,
    /// What GetSAMLProvider calls its UUID: upper-case letters and digits.
    pub uuid: String,
    pub entity_id: String,
    pub created: Timestamp,
    pub valid_until: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// `Required` or `Allowed`.
    pub encryption: Option<String>,
    pub private_keys: Vec<SamlPrivateKey>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamlPrivateKey {
    pub id: String,
    /// PEM, sealed.
    pub sealed_key: String,
    pub added: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerCertificateRecord {
    pub name: String,
    pub path: String,
    /// `ASCA…`
    pub id: String,
    /// PEM, as given.
    pub body: String,
    pub chain: Option<String>,
    /// PEM, sealed; no operation gives it back.
    pub sealed_key: String,
    pub uploaded: Timestamp,
    pub expires: Timestamp,
    pub tags: BTreeMap<String, String>,
}

/// The report itself is a text of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CredentialReportRecord {
    pub generated: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessReportRecord {
    /// What the report is about, as it was asked for.
    pub arn: String,
    pub per_action: bool,
    pub created: Timestamp,
    /// Who asked; only they may read it.
    pub requested_by: String,
    pub services: Vec<ServiceAccess>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccess {
    /// `s3`
    pub namespace: String,
    pub last: Option<EntityAccess>,
    /// How many entities made use of it.
    pub entities: u32,
    /// By the action's name without its service.
    pub actions: BTreeMap<String, EntityAccess>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntityAccess {
    pub at: Timestamp,
    pub region: String,
    /// The ARN of the user or role.
    pub entity: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextPart {
    pub text: String,
}

super::first_version!(
    OidcProviderRecord,
    SamlProviderRecord,
    ServerCertificateRecord,
    CredentialReportRecord,
    AccessReportRecord,
    TextPart,
);

/// A part may double in size when quotes in it are escaped, and a record has at most about one megabyte.
const PART_BYTES_MAX: usize = 512 * 1024;
const PARTS_MAX: usize = 64;

/// Stores a text of any size under an owner's name, in place of what was there.
pub async fn put_text(tx: &Tx, account: AccountId, owner: &str, text: &str) -> Result<(), StoreError> {
    delete_text(tx, account, owner).await?;
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() || number == 0 {
        let end = rest.floor_char_boundary(PART_BYTES_MAX);
        let (part, after) = rest.split_at(end);
        let key = format!("{owner}|{number:04}");
        TEXTS.put(tx, &account, &key, &TextPart { text: part.to_owned() }).await?;
        rest = after;
        number += 1;
    }
    Ok(())
}

pub async fn text(tx: &Tx, account: AccountId, owner: &str) -> Result<Option<String>, StoreError> {
    let prefix = format!("{owner}|");
    let mut text = String::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = TEXTS.scan(tx, &account, select, PARTS_MAX).await?;
        if page.records.is_empty() && after.is_none() {
            return Ok(None);
        }
        page.records.iter().for_each(|(_, part)| text.push_str(&part.text));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Some(text)),
        }
    }
}

pub async fn delete_text(tx: &Tx, account: AccountId, owner: &str) -> Result<(), StoreError> {
    let prefix = format!("{owner}|");
    loop {
        let page = TEXTS.scan(tx, &account, Select::prefix(&prefix), PARTS_MAX).await?;
        for (key, _) in &page.records {
            TEXTS.delete(tx, &account, key).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// The owner of a SAML provider's metadata among the texts.
pub fn saml_text(provider_key: &str) -> String {
    format!("saml {provider_key}")
}

/// The metadata document of a SAML provider, for those who check assertions.
pub async fn saml_metadata(
    tx: &Tx,
    account: AccountId,
    provider_key: &str,
) -> Result<Option<String>, StoreError> {
    text(tx, account, &saml_text(provider_key)).await
}
