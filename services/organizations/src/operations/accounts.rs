//! The accounts of an organisation: describe, list, move; and how an account comes in and goes out.

use base::{AccountId, Timestamp};
use organizations_api::{
    Account, AccountJoinedMethod, AccountStatus, DescribeAccountInput, DescribeAccountOutput,
    ListAccountsForParentInput, ListAccountsForParentOutput, ListAccountsInput, ListAccountsOutput,
    MoveAccountInput, MoveAccountOutput,
};
use service::Call;
use store::Tx;

use super::attachments;
use super::pages::Page;
use super::standing::Standing;
use super::tree::{account_id, is_parent, lineage, member, path};
use crate::Organizations;
use crate::error::Error;
use crate::model::roles;
use crate::records::{
    AccountState, EMAILS, MEMBERS, MEMBERSHIPS, MemberRecord, MembershipRecord, ORGANIZATION, ORGANIZATIONS,
    PLACEMENTS, PROFILES, PlacementRecord, ProfileRecord,
};

fn placement_key(parent: &str, account: &str) -> String {
    format!("{parent}/{account}")
}

/// An account as clients see it; with its place in the tree, where that was asked for.
pub fn to_account(
    standing: &Standing,
    account: AccountId,
    record: &MemberRecord,
    lineage: Option<&[String]>,
) -> Account {
    use organizations_api::AccountState as State;
    // `Status` is the older of the two, and knows less.
    let (status, state) = match record.state {
        AccountState::PendingActivation => (AccountStatus::Active, State::PendingActivation),
        AccountState::Active => (AccountStatus::Active, State::Active),
        AccountState::PendingClosure { .. } => (AccountStatus::PendingClosure, State::PendingClosure),
        AccountState::Closed { .. } => (AccountStatus::Suspended, State::Closed),
    };
    Account {
        id: Some(account.to_string()),
        arn: Some(standing.names().account(account)),
        email: Some(record.email.clone()),
        name: Some(record.name.clone()),
        status: Some(status),
        state: Some(state),
        paths: lineage.map(|lineage| vec![format!("{}{account}/", path(standing, lineage))]),
        joined_method: Some(match record.invited {
            true => AccountJoinedMethod::Invited,
            false => AccountJoinedMethod::Created,
        }),
        joined_timestamp: Some(record.joined),
    }
}

/// What is known of an account: what it was given, or what stands in for that.
pub async fn profile(tx: &Tx, account: AccountId) -> Result<ProfileRecord, Error> {
    let found = PROFILES.get(tx, &(), &account.to_string()).await?;
    Ok(found.unwrap_or_else(|| ProfileRecord {
        name: roles::unknown_name(account),
        email: roles::unknown_email(account),
        created: None,
        gone: false,
    }))
}

/// Whose an e-mail address is.
pub async fn owner_of_email(tx: &Tx, email: &str) -> Result<Option<AccountId>, Error> {
    let email = email.to_lowercase();
    let found = EMAILS.get(tx, &(), &email).await?.map(|record| record.account);
    Ok(found.or_else(|| roles::of_unknown_email(&email)))
}

/// Takes an account into the organisation and saves it.
pub async fn join(
    tx: &Tx,
    standing: &mut Standing,
    account: AccountId,
    record: &MemberRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let (scope, id) = (standing.management, account.to_string());
    MEMBERSHIPS.put(tx, &(), &id, &MembershipRecord { management: scope }).await?;
    MEMBERS.put(tx, &scope, &id, record).await?;
    PLACEMENTS.put(tx, &scope, &placement_key(&record.parent, &id), &PlacementRecord {}).await?;
    attachments::attach_managed(tx, standing, &id, now).await?;
    standing.organization.accounts += 1;
    ORGANIZATIONS.put(tx, &scope, ORGANIZATION, &standing.organization).await?;
    Ok(())
}

/// Takes an account out of the organisation and saves it. Its tags go with the record.
pub async fn depart(
    tx: &Tx,
    standing: &mut Standing,
    account: AccountId,
    record: &MemberRecord,
) -> Result<(), Error> {
    let (scope, id) = (standing.management, account.to_string());
    MEMBERSHIPS.delete(tx, &(), &id).await?;
    MEMBERS.delete(tx, &scope, &id).await?;
    PLACEMENTS.delete(tx, &scope, &placement_key(&record.parent, &id)).await?;
    attachments::detach_all_from(tx, standing, &id).await?;
    standing.organization.accounts -= 1;
    ORGANIZATIONS.put(tx, &scope, ORGANIZATION, &standing.organization).await?;
    Ok(())
}

pub async fn describe_account(
    organizations: &Organizations,
    call: &Call,
    input: DescribeAccountInput,
) -> Result<DescribeAccountOutput, Error> {
    let account = account_id(&input.account_id)?;
    let account = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "DescribeAccount").await?;
            let record = member(&tx, &standing, account).await?;
            let lineage = lineage(&tx, &standing, &record.parent).await?;
            Ok::<_, Error>(to_account(&standing, account, &record, Some(&lineage)))
        })
        .await?;
    Ok(DescribeAccountOutput { account: Some(account) })
}

pub async fn list_accounts(
    organizations: &Organizations,
    call: &Call,
    input: ListAccountsInput,
) -> Result<ListAccountsOutput, Error> {
    let page =
        Page::new(organizations, call, "ListAccounts", input.next_token.as_deref(), input.max_results)?;
    let page = &page;
    let (accounts, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "ListAccounts").await?;
            let listing = MEMBERS.scan(&tx, &standing.management, page.select(""), page.limit).await?;
            let mut accounts = Vec::with_capacity(listing.records.len());
            for (id, record) in &listing.records {
                let lineage = lineage(&tx, &standing, &record.parent).await?;
                accounts.push(to_account(&standing, account_id(id)?, record, Some(&lineage)));
            }
            Ok::<_, Error>((accounts, listing.next))
        })
        .await?;
    Ok(ListAccountsOutput { accounts: Some(accounts), next_token: page.token(organizations, call, next) })
}

pub async fn list_accounts_for_parent(
    organizations: &Organizations,
    call: &Call,
    input: ListAccountsForParentInput,
) -> Result<ListAccountsForParentOutput, Error> {
    const OPERATION: &str = "ListAccountsForParent";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let parent = input.parent_id.as_str();
    let prefix = placement_key(parent, "");
    let (page, prefix) = (&page, prefix.as_str());
    let (accounts, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            if !is_parent(&tx, &standing, parent).await? {
                return Err(Error::ParentNotFound);
            }
            let lineage = lineage(&tx, &standing, parent).await?;
            let listing = PLACEMENTS.scan(&tx, &standing.management, page.select(prefix), page.limit).await?;
            let mut accounts = Vec::with_capacity(listing.records.len());
            for (key, _) in &listing.records {
                let account = account_id(&key[prefix.len()..])?;
                let record = member(&tx, &standing, account).await?;
                accounts.push(to_account(&standing, account, &record, Some(&lineage)));
            }
            Ok((accounts, listing.next))
        })
        .await?;
    Ok(ListAccountsForParentOutput {
        accounts: Some(accounts),
        next_token: page.token(organizations, call, next),
    })
}

pub async fn move_account(
    organizations: &Organizations,
    call: &Call,
    input: MoveAccountInput,
) -> Result<MoveAccountOutput, Error> {
    let account = account_id(&input.account_id)?;
    let (source, destination) = (input.source_parent_id.as_str(), input.destination_parent_id.as_str());
    organizations
        .store
        .transact(|tx| async move {
            let standing = Standing::managing(&tx, call).await?;
            let (scope, id) = (standing.management, account.to_string());
            let mut record = member(&tx, &standing, account).await?;
            if !is_parent(&tx, &standing, source).await? || record.parent != source {
                return Err(Error::SourceParentNotFound);
            }
            if !is_parent(&tx, &standing, destination).await? {
                return Err(Error::DestinationParentNotFound);
            }
            if source == destination {
                return Err(Error::DuplicateAccount);
            }
            PLACEMENTS.delete(&tx, &scope, &placement_key(source, &id)).await?;
            PLACEMENTS.put(&tx, &scope, &placement_key(destination, &id), &PlacementRecord {}).await?;
            destination.clone_into(&mut record.parent);
            MEMBERS.put(&tx, &scope, &id, &record).await?;
            Ok(())
        })
        .await?;
    organizations.directory.forget();
    Ok(MoveAccountOutput {})
}
