//! The account itself: its alias, and switches.
//!
//! An account has one alias; a new one takes the old one's place. No two accounts have the same.

use base::AccountId;
use iam_api::{
    CreateAccountAliasInput, CreateAccountAliasOutput, DeleteAccountAliasInput, DeleteAccountAliasOutput,
    ListAccountAliasesInput, ListAccountAliasesOutput, SetSecurityTokenServicePreferencesInput,
    SetSecurityTokenServicePreferencesOutput,
};
use service::Call;

use super::pages;
use super::users::ACCOUNT;
use crate::Iam;
use crate::error::Error;
use crate::records::{ACCOUNTS, ALIASES, AccountRecord, AliasRecord};

/// Changes the account's record in one transaction. The change may be made twice.
pub async fn update<T: Send>(
    iam: &Iam,
    account: AccountId,
    change: impl Fn(&mut AccountRecord) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let change = &change;
    iam.change(account, |tx| async move {
        let mut record = ACCOUNTS.get(&tx, &account, ACCOUNT).await?.unwrap_or_default();
        let answer = change(&mut record)?;
        ACCOUNTS.put(&tx, &account, ACCOUNT, &record).await?;
        Ok(answer)
    })
    .await
}

pub async fn find(iam: &Iam, account: AccountId) -> Result<AccountRecord, Error> {
    let found = iam.store.read(|tx| async move { ACCOUNTS.get(&tx, &account, ACCOUNT).await });
    Ok(found.await?.unwrap_or_default())
}

pub async fn create_account_alias(
    iam: &Iam,
    call: &Call,
    input: CreateAccountAliasInput,
) -> Result<CreateAccountAliasOutput, Error> {
    let (account, alias) = (call.account, input.account_alias.as_str());
    check_alias(alias)?;
    iam.change(account, |tx| async move {
        let mut record = ACCOUNTS.get(&tx, &account, ACCOUNT).await?.unwrap_or_default();
        if ALIASES.get(&tx, &(), alias).await?.is_some_and(|owner| owner.account != account) {
            return Err(Error::EntityAlreadyExists(format!("The account alias {alias} already exists.")));
        }
        if let Some(old) = record.alias.replace(alias.to_owned()) {
            ALIASES.delete(&tx, &(), &old).await?;
        }
        ALIASES.put(&tx, &(), alias, &AliasRecord { account }).await?;
        Ok(ACCOUNTS.put(&tx, &account, ACCOUNT, &record).await?)
    })
    .await?;
    Ok(CreateAccountAliasOutput {})
}

/// Twelve digits would be taken for an account's number where either may stand.
fn check_alias(alias: &str) -> Result<(), Error> {
    match alias.parse::<AccountId>() {
        Ok(_) => Err(Error::InvalidInput("An account alias must not be an account ID.".to_owned())),
        Err(_) => Ok(()),
    }
}

pub async fn delete_account_alias(
    iam: &Iam,
    call: &Call,
    input: DeleteAccountAliasInput,
) -> Result<DeleteAccountAliasOutput, Error> {
    let (account, alias) = (call.account, input.account_alias.as_str());
    iam.change(account, |tx| async move {
        let mut record = ACCOUNTS.get(&tx, &account, ACCOUNT).await?.unwrap_or_default();
        if record.alias.take().as_deref() != Some(alias) {
            return Err(Error::NoSuchEntity(format!("The account alias {alias} cannot be found.")));
        }
        ALIASES.delete(&tx, &(), alias).await?;
        Ok(ACCOUNTS.put(&tx, &account, ACCOUNT, &record).await?)
    })
    .await?;
    Ok(DeleteAccountAliasOutput {})
}

pub async fn list_account_aliases(
    iam: &Iam,
    call: &Call,
    input: ListAccountAliasesInput,
) -> Result<ListAccountAliasesOutput, Error> {
    let all = find(iam, call.account).await?.alias.into_iter().collect();
    let found = pages::cut(iam, call, "ListAccountAliases", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListAccountAliasesOutput {
        account_aliases: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn set_security_token_service_preferences(
    iam: &Iam,
    call: &Call,
    input: SetSecurityTokenServicePreferencesInput,
) -> Result<SetSecurityTokenServicePreferencesOutput, Error> {
    let version = input.global_endpoint_token_version.as_str();
    update(iam, call.account, |record| {
        record.global_token_version = Some(version.to_owned());
        Ok(())
    })
    .await?;
    Ok(SetSecurityTokenServicePreferencesOutput {})
}
