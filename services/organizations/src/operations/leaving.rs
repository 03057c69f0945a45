//! How a member gets out: it leaves, or the management account removes it.

use base::{AccountId, Timestamp};
use organizations_api::{
    ConstraintViolationExceptionReason as Reason, InvalidInputExceptionReason, LeaveOrganizationInput,
    LeaveOrganizationOutput, RemoveAccountFromOrganizationInput, RemoveAccountFromOrganizationOutput,
};
use service::Call;
use store::Tx;

use super::accounts::{self, depart};
use super::all_features;
use super::standing::Standing;
use super::tree::{account_id, member};
use crate::Organizations;
use crate::error::Error;
use crate::limits::CREATED_AGE_MIN;

/// Checks that an account may go, and takes it out.
pub async fn release(
    tx: &Tx,
    standing: &mut Standing,
    account: AccountId,
    now: Timestamp,
) -> Result<(), Error> {
    let record = member(tx, standing, account).await?;
    if account == standing.management {
        return Err(Error::ManagementCannotLeave);
    }
    if record.state.is_closed() {
        let message = "You can't perform the specified operation on that target entity.";
        return Err(Error::invalid(InvalidInputExceptionReason::TargetNotSupported, message));
    }
    if standing.organization.administrators.contains_key(&account.to_string()) {
        let message = "You must deregister this account as a delegated administrator before you can remove it from \
                       the organization.";
        return Err(Error::constraint(Reason::CannotRemoveDelegatedAdministratorFromOrg, message));
    }
    let created = accounts::profile(tx, account).await?.created;
    if created.is_some_and(|created| now.since(created) < CREATED_AGE_MIN) {
        let message = "A newly created account cannot be removed from its organization until at least four days after \
                       it was created.";
        return Err(Error::constraint(Reason::WaitPeriodActive, message));
    }
    depart(tx, standing, account, &record).await?;
    all_features::without(tx, standing, account, now).await
}

pub async fn leave_organization(
    organizations: &Organizations,
    call: &Call,
    _: LeaveOrganizationInput,
) -> Result<LeaveOrganizationOutput, Error> {
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::of(&tx, call.account).await?;
            release(&tx, &mut standing, call.account, call.now).await
        })
        .await?;
    organizations.directory.forget();
    Ok(LeaveOrganizationOutput {})
}

pub async fn remove_account_from_organization(
    organizations: &Organizations,
    call: &Call,
    input: RemoveAccountFromOrganizationInput,
) -> Result<RemoveAccountFromOrganizationOutput, Error> {
    let account = account_id(&input.account_id)?;
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::managing(&tx, call).await?;
            release(&tx, &mut standing, account, call.now).await
        })
        .await?;
    organizations.directory.forget();
    Ok(RemoveAccountFromOrganizationOutput {})
}
