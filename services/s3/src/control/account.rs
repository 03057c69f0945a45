//! Blocks of public access for all buckets of an account, those to come included.
//! Reference: PutPublicAccessBlock of the S3 Control API reference.

use s3_api as s3;
use s3control_api::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput,
    GetPublicAccessBlockOutput, PublicAccessBlockConfiguration, PutPublicAccessBlockInput,
    PutPublicAccessBlockOutput,
};
use service::{Call, Kept};
use store::Tx;

use super::S3Control;
use crate::control::records::ACCOUNTS;
use crate::error::{Error, NO_SUCH_PUBLIC_ACCESS_BLOCK};

/// As it is kept: each of the four is there.
pub fn kept(given: &PublicAccessBlockConfiguration) -> Kept<s3::PublicAccessBlockConfiguration> {
    Kept(s3::PublicAccessBlockConfiguration {
        block_public_acls: Some(given.block_public_acls == Some(true)),
        ignore_public_acls: Some(given.ignore_public_acls == Some(true)),
        block_public_policy: Some(given.block_public_policy == Some(true)),
        restrict_public_buckets: Some(given.restrict_public_buckets == Some(true)),
    })
}

pub fn shown(kept: &s3::PublicAccessBlockConfiguration) -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration {
        block_public_acls: kept.block_public_acls,
        ignore_public_acls: kept.ignore_public_acls,
        block_public_policy: kept.block_public_policy,
        restrict_public_buckets: kept.restrict_public_buckets,
    }
}

async fn set(
    control: &S3Control,
    call: &Call,
    configuration: Option<Kept<s3::PublicAccessBlockConfiguration>>,
) -> Result<(), Error> {
    let (account, configuration) = (call.account, &configuration);
    let changed = control
        .s3
        .store
        .transact(|tx: Tx| async move {
            let mut record = ACCOUNTS.get(&tx, &account, "").await?.unwrap_or_default();
            record.public_access_block.clone_from(configuration);
            ACCOUNTS.put(&tx, &account, "", &record).await?;
            Ok::<_, Error>(())
        })
        .await;
    control.s3.directory.forget_account(account);
    changed
}

pub async fn put_public_access_block(
    control: &S3Control,
    call: &Call,
    input: PutPublicAccessBlockInput,
) -> Result<PutPublicAccessBlockOutput, Error> {
    set(control, call, Some(kept(&input.public_access_block_configuration))).await?;
    Ok(PutPublicAccessBlockOutput {})
}

pub async fn get_public_access_block(
    control: &S3Control,
    call: &Call,
    _: GetPublicAccessBlockInput,
) -> Result<GetPublicAccessBlockOutput, Error> {
    let account = call.account;
    let found = control.s3.store.read(|tx| async move { ACCOUNTS.get(&tx, &account, "").await }).await?;
    let configuration = found.and_then(|record| record.public_access_block);
    let configuration = configuration
        .ok_or_else(|| Error::new(&NO_SUCH_PUBLIC_ACCESS_BLOCK).with("AccountId", account.to_string()))?;
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(shown(&configuration)) })
}

pub async fn delete_public_access_block(
    control: &S3Control,
    call: &Call,
    _: DeletePublicAccessBlockInput,
) -> Result<DeletePublicAccessBlockOutput, Error> {
    set(control, call, None).await?;
    Ok(DeletePublicAccessBlockOutput {})
}
