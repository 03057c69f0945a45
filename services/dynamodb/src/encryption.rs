//! Keys of tables. Every table has one of its own, which never leaves this process in the clear; it is sealed by the
//! vault or, where the table has a KMS key, by KMS. From it follows, for each space of the engine, a key that is used
//! for that space alone.
//!
//! As in DynamoDB, whoever makes the table has to be allowed to use the KMS key, and gives DynamoDB a grant on it; those
//! who read and write items need no permission for the key. Changing a table's KMS key seals the table key anew and
//! leaves the items as they are. Reference: "DynamoDB encryption at rest: how it works" of the developer guide.

use std::collections::BTreeMap;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base::{Clock, Ids, Timestamp};
use bytes::Bytes;
use kms_api::{
    CreateGrant, CreateGrantInput, Decrypt, DecryptInput, DescribeKey, DescribeKeyInput, Encrypt,
    EncryptInput, GrantConstraints, GrantOperation,
};
use schema::Fault;
use service::{AsService, Aws, Call};
use table_engine::SpaceKey;
use vault::Vault;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::limits::TABLE_KEY_BYTES;
use crate::records::{EncryptionRecord, Place, SseKind};

/// What the vault is told the table keys are for.
const PURPOSE: &str = "dynamodb.table";
pub const PRINCIPAL: &str = "dynamodb.amazonaws.com";
/// The key that AWS manages for DynamoDB in each account.
pub const DEFAULT_KEY: &str = "alias/aws/dynamodb";

pub struct TableKeys {
    vault: Vault,
    aws: Aws,
    clock: Clock,
    ids: Ids,
}

/// The key of one table, wiped when it is dropped.
pub struct TableKey(Zeroizing<Vec<u8>>);

/// What is to be protected: a table by the name and the id it was made with.
#[derive(Clone, Copy, Debug)]
pub struct Protected<'a> {
    pub place: Place,
    pub table: &'a str,
    pub table_id: &'a str,
}

impl TableKey {
    /// The key of one of the table's spaces.
    pub fn of_space(&self, space: u64) -> SpaceKey {
        struct Length;
        impl KeyType for Length {
            fn len(&self) -> usize {
                TABLE_KEY_BYTES
            }
        }
        let number = space.to_be_bytes();
        let info: [&[u8]; 1] = [&number];
        let mut key = Zeroizing::new([0; TABLE_KEY_BYTES]);
        let extracted = Salt::new(HKDF_SHA256, b"fogbank dynamodb space").extract(&self.0);
        extracted
            .expand(&info, Length)
            .and_then(|material| material.fill(&mut *key))
            .expect("one block is what HKDF can always give");
        SpaceKey::aes_256(*key)
    }
}

impl TableKeys {
    pub fn new(vault: Vault, aws: Aws, clock: Clock, ids: Ids) -> TableKeys {
        TableKeys { vault, aws, clock, ids }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A key for a new table.
    pub async fn make(
        &self,
        call: &Call,
        what: Protected<'_>,
        kms_key: Option<&str>,
    ) -> Result<EncryptionRecord, Error> {
        let key = TableKey(self.vault.random(TABLE_KEY_BYTES));
        self.seal(call, what, &key, kms_key).await
    }

    /// Seals a table's key under a KMS key, which the caller names by id, alias or ARN, or under the vault's.
    pub async fn seal(
        &self,
        call: &Call,
        what: Protected<'_>,
        key: &TableKey,
        kms_key: Option<&str>,
    ) -> Result<EncryptionRecord, Error> {
        let bound = |kind, sealed| EncryptionRecord {
            kind,
            sealed,
            table: what.table.to_owned(),
            table_id: what.table_id.to_owned(),
            changes: Vec::new(),
            inaccessible: None,
        };
        let Some(kms_key) = kms_key else {
            let sealed = self.vault.seal(PURPOSE, what.table_id.as_bytes(), &key.0);
            return Ok(bound(SseKind::Owned, sealed));
        };
        let key_arn = self.grant(call, what, kms_key).await?;
        let input = EncryptInput {
            key_id: key_arn.clone(),
            plaintext: Bytes::copy_from_slice(&key.0),
            encryption_context: Some(context(what.place, what.table)),
            ..EncryptInput::default()
        };
        let sealed = self.as_itself(what.place).call(Encrypt, input).await;
        let sealed = sealed.map_err(|fault| of_kms(&call.request_id, fault))?.ciphertext_blob;
        let sealed = sealed.ok_or_else(|| Error::internal("KMS encrypted nothing"))?.to_vec();
        Ok(bound(SseKind::Kms { key_arn }, sealed))
    }

    /// Lets DynamoDB use the caller's KMS key for a table, which only the caller can; the key's ARN.
    async fn grant(&self, call: &Call, what: Protected<'_>, kms_key: &str) -> Result<String, Error> {
        let refused = |fault| of_kms(&call.request_id, fault);
        let caller = self.aws.as_caller(call).via(PRINCIPAL).in_region(what.place.1);
        let described = DescribeKeyInput { key_id: kms_key.to_owned(), ..DescribeKeyInput::default() };
        let described = caller.call(DescribeKey, described).await.map_err(refused)?;
        let key_arn = described.key_metadata.and_then(|key| key.arn);
        let key_arn = key_arn.ok_or_else(|| Error::internal("KMS described a key without its ARN"))?;
        let constraints = GrantConstraints {
            encryption_context_subset: Some(context(what.place, what.table)),
            ..GrantConstraints::default()
        };
        let principal = format!("dynamodb.{}.amazonaws.com", what.place.1);
        let grant = CreateGrantInput {
            key_id: key_arn.clone(),
            grantee_principal: Some(principal.clone()),
            retiring_principal: Some(principal),
            operations: vec![
                GrantOperation::Encrypt,
                GrantOperation::Decrypt,
                GrantOperation::DescribeKey,
                GrantOperation::RetireGrant,
            ],
            constraints: Some(constraints),
            ..CreateGrantInput::default()
        };
        caller.call(CreateGrant, grant).await.map_err(refused)?;
        Ok(key_arn)
    }

    /// The key of a table, as it was sealed.
    pub async fn open(&self, place: Place, record: &EncryptionRecord) -> Result<TableKey, Error> {
        match &record.kind {
            SseKind::Owned => {
                let opened = self.vault.open(PURPOSE, record.table_id.as_bytes(), &record.sealed);
                opened.map(|key| TableKey(key.to_vec().into())).map_err(Error::internal)
            }
            SseKind::Kms { key_arn } => {
                let input = DecryptInput {
                    ciphertext_blob: Some(Bytes::copy_from_slice(&record.sealed)),
                    encryption_context: Some(context(place, &record.table)),
                    key_id: Some(key_arn.clone()),
                    ..DecryptInput::default()
                };
                let opened = self.as_itself(place).call(Decrypt, input).await;
                let opened = opened.map_err(|fault| of_kms(&self.ids.uuid(), fault))?.plaintext;
                let opened = opened.ok_or_else(|| Error::internal("KMS decrypted nothing"))?;
                Ok(TableKey(opened.to_vec().into()))
            }
        }
    }

    /// DynamoDB itself, in the account and region of a table.
    fn as_itself(&self, (account, region): Place) -> AsService {
        let call = Call::of_service(PRINCIPAL, account, region, &self.clock, &self.ids);
        self.aws.as_service(PRINCIPAL, account, region, &call)
    }
}

/// What DynamoDB binds its use of KMS keys to.
fn context((account, _): Place, table: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("aws:dynamodb:tableName".to_owned(), table.to_owned()),
        ("aws:dynamodb:subscriberId".to_owned(), account.to_string()),
    ])
}

/// What KMS said, as DynamoDB passes it on: in the words of the Java SDK that it uses.
fn of_kms(request_id: &str, fault: Fault) -> Error {
    let (name, status, said) = (fault.name(), fault.status(), fault.message());
    let kind = match name {
        "DisabledException" => "KMS key disabled error",
        "AccessDeniedException" => return Error::AccessDenied(said.to_owned()),
        "NotFoundException"
        | "InvalidArnException"
        | "KMSInvalidStateException"
        | "ValidationException"
        | "InvalidKeyUsageException" => "KMS validation error",
        _ => return Error::Internal(format!("KMS failed: {fault}").into()),
    };
    Error::Validation(format!(
        "{kind}: com.amazonaws.services.kms.model.{name}: {said} (Service: AWSKMS; Status Code: {status}; Error Code: \
         {name}; Request ID: {request_id}; Proxy: null)"
    ))
}
