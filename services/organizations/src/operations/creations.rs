//! Creating accounts. The answer is a request that is worked off in the background, see `tasks::work`.

use organizations_api::{
    ConstraintViolationExceptionReason as Constraint, CreateAccountInput, CreateAccountOutput,
    CreateAccountState, CreateAccountStatus, DescribeCreateAccountStatusInput,
    DescribeCreateAccountStatusOutput, InvalidInputExceptionReason as Reason, ListCreateAccountStatusInput,
    ListCreateAccountStatusOutput,
};
use service::Call;
use store::{Select, Tx};

use super::pages::Page;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::limits::{ACCOUNTS_MAX, CREATIONS_AT_ONCE_MAX};
use crate::model::{ids, roles, tags};
use crate::records::{CREATIONS, CreationRecord, CreationState, PENDING, PendingRecord, Work};

/// How many open requests are looked at to count an organisation's own.
const PENDING_SEEN_MAX: usize = 1_000;

pub fn to_status(id: &str, record: &CreationRecord) -> CreateAccountStatus {
    let (state, failure_reason) = match &record.state {
        CreationState::InProgress => (CreateAccountState::InProgress, None),
        CreationState::Succeeded => (CreateAccountState::Succeeded, None),
        CreationState::Failed { reason } => (CreateAccountState::Failed, Some(reason.as_str().into())),
    };
    CreateAccountStatus {
        id: Some(id.to_owned()),
        account_name: Some(record.name.clone()),
        // While it is not finished, the account's number is nobody's business.
        account_id: record
            .account
            .filter(|_| state == CreateAccountState::Succeeded)
            .map(|id| id.to_string()),
        state: Some(state),
        requested_timestamp: Some(record.requested),
        completed_timestamp: record.completed,
        gov_cloud_account_id: None,
        failure_reason,
    }
}

pub async fn create_account(
    organizations: &Organizations,
    call: &Call,
    input: CreateAccountInput,
) -> Result<CreateAccountOutput, Error> {
    let role = input.role_name.unwrap_or_else(|| roles::DEFAULT_ROLE.to_owned());
    if role.starts_with(roles::RESERVED_PREFIX) {
        let message = "You provided a role name that isn't valid. A role name can't begin with the reserved prefix \
                       AWSServiceRoleFor.";
        return Err(Error::invalid(Reason::InvalidRoleName, message));
    }
    let record = CreationRecord {
        name: input.account_name,
        email: input.email,
        role,
        tags: tags::of_new(input.tags)?,
        requested: call.now,
        completed: None,
        account: None,
        state: CreationState::InProgress,
    };
    let id = ids::creation(&organizations.ids);
    let (record, id) = (&record, id.as_str());
    organizations
        .store
        .transact(|tx| async move {
            let standing = Standing::managing(&tx, call).await?;
            check_quotas(&tx, &standing).await?;
            let work = Work::Create { request: id.to_owned() };
            let key = PendingRecord::key(&work);
            CREATIONS.put(&tx, &standing.management, id, record).await?;
            PENDING.put(&tx, &(), &key, &PendingRecord { management: standing.management, work }).await?;
            Ok::<_, Error>(())
        })
        .await?;
    organizations.work.nudge();
    Ok(CreateAccountOutput { create_account_status: Some(to_status(id, record)) })
}

async fn check_quotas(tx: &Tx, standing: &Standing) -> Result<(), Error> {
    if standing.organization.accounts >= ACCOUNTS_MAX {
        let message = "You have exceeded the allowed number of AWS accounts.";
        return Err(Error::constraint(Constraint::AccountNumberLimitExceeded, message));
    }
    let pending = PENDING.scan(tx, &(), Select::prefix("create/"), PENDING_SEEN_MAX).await?;
    let own = pending.records.iter().filter(|(_, pending)| pending.management == standing.management);
    if own.count() >= CREATIONS_AT_ONCE_MAX {
        let message = "You have exceeded the number of accounts that can be in progress at a time.";
        return Err(Error::constraint(Constraint::AccountCreationRateLimitExceeded, message));
    }
    Ok(())
}

pub async fn describe_create_account_status(
    organizations: &Organizations,
    call: &Call,
    input: DescribeCreateAccountStatusInput,
) -> Result<DescribeCreateAccountStatusOutput, Error> {
    let id = input.create_account_request_id.as_str();
    let record = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, "DescribeCreateAccountStatus").await?;
            CREATIONS.get(&tx, &standing.management, id).await?.ok_or(Error::CreationNotFound)
        })
        .await?;
    Ok(DescribeCreateAccountStatusOutput { create_account_status: Some(to_status(id, &record)) })
}

pub async fn list_create_account_status(
    organizations: &Organizations,
    call: &Call,
    input: ListCreateAccountStatusInput,
) -> Result<ListCreateAccountStatusOutput, Error> {
    const OPERATION: &str = "ListCreateAccountStatus";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let page = &page;
    let listing = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            Ok::<_, Error>(CREATIONS.scan(&tx, &standing.management, page.select(""), page.limit).await?)
        })
        .await?;
    // As with AWS, a page may hold fewer than there are, or none, where states are asked for.
    let wanted = input.states.unwrap_or_default();
    let statuses = listing.records.iter().map(|(id, record)| to_status(id, record));
    let statuses = statuses.filter(|status| {
        wanted.is_empty() || status.state.as_ref().is_some_and(|state| wanted.contains(state))
    });
    Ok(ListCreateAccountStatusOutput {
        create_account_statuses: Some(statuses.collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}
