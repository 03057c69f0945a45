//! Closing a member account. It is PENDING_CLOSURE at once, and closed when the background has seen to it; from the
//! first moment on nobody in it may do anything (`directory`).

use organizations_api::{
    CloseAccountInput, CloseAccountOutput, ConstraintViolationExceptionReason as Reason,
};
use service::Call;
use store::{Select, Tx};

use super::service_access::managing_all_features;
use super::standing::Standing;
use super::tree::{account_id, member};
use crate::Organizations;
use crate::error::Error;
use crate::limits::{CLOSING_WINDOW, CLOSINGS_AT_ONCE_MAX, CLOSINGS_MAX, CLOSINGS_MIN};
use crate::records::{AccountState, MEMBERS, ORGANIZATION, ORGANIZATIONS, PENDING, PendingRecord, Work};

const PENDING_SEEN_MAX: usize = 1_000;

pub async fn close_account(
    organizations: &Organizations,
    call: &Call,
    input: CloseAccountInput,
) -> Result<CloseAccountOutput, Error> {
    let account = account_id(&input.account_id)?;
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            let mut record = member(&tx, &standing, account).await?;
            if account == standing.management {
                let message = "You can't close the management account of an organization.";
                return Err(Error::constraint(Reason::CannotCloseManagementAccount, message));
            }
            match record.state {
                AccountState::Closed { .. } => return Err(Error::AccountAlreadyClosed),
                // The same moment is this very call, whose transaction is being run again.
                AccountState::PendingClosure { since } if since == call.now => return Ok(()),
                AccountState::PendingClosure { .. } | AccountState::PendingActivation => {
                    return Err(Error::ClosureInProgress);
                }
                AccountState::Active => {}
            }
            if standing.organization.administrators.contains_key(&account.to_string()) {
                let message = "You cannot close an account that is registered as a delegated administrator.";
                return Err(Error::constraint(Reason::CannotRemoveDelegatedAdministratorFromOrg, message));
            }
            check_quotas(&tx, &mut standing, call).await?;
            record.state = AccountState::PendingClosure { since: call.now };
            standing.organization.closings.push(call.now);
            let scope = standing.management;
            let work = Work::Close { account };
            let key = PendingRecord::key(&work);
            MEMBERS.put(&tx, &scope, &account.to_string(), &record).await?;
            ORGANIZATIONS.put(&tx, &scope, ORGANIZATION, &standing.organization).await?;
            PENDING.put(&tx, &(), &key, &PendingRecord { management: scope, work }).await?;
            Ok(())
        })
        .await?;
    organizations.directory.forget();
    organizations.work.nudge();
    Ok(CloseAccountOutput {})
}

async fn check_quotas(tx: &Tx, standing: &mut Standing, call: &Call) -> Result<(), Error> {
    let organization = &mut standing.organization;
    organization.closings.retain(|at| call.now.since(*at) < CLOSING_WINDOW);
    let allowed = (organization.accounts / 5).clamp(CLOSINGS_MIN, CLOSINGS_MAX);
    if organization.closings.len() >= allowed as usize {
        let message = "You have exceeded close account quota for the past 30 days.";
        return Err(Error::constraint(Reason::CloseAccountQuotaExceeded, message));
    }
    let pending = PENDING.scan(tx, &(), Select::prefix("close/"), PENDING_SEEN_MAX).await?;
    let own = pending.records.iter().filter(|(_, pending)| pending.management == standing.management);
    if own.count() >= CLOSINGS_AT_ONCE_MAX {
        let message = "You have exceeded the number of accounts that you can close at a time.";
        return Err(Error::constraint(Reason::CloseAccountRequestsLimitExceeded, message));
    }
    Ok(())
}
