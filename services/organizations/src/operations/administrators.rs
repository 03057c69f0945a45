//! Delegated administrators: members that administer a service for the whole organisation, and may read it.

use organizations_api::{
    ConstraintViolationExceptionReason as Reason, DelegatedAdministrator, DelegatedService,
    DeregisterDelegatedAdministratorInput, DeregisterDelegatedAdministratorOutput,
    ListDelegatedAdministratorsInput, ListDelegatedAdministratorsOutput,
    ListDelegatedServicesForAccountInput, ListDelegatedServicesForAccountOutput,
    RegisterDelegatedAdministratorInput, RegisterDelegatedAdministratorOutput,
};
use service::Call;

use super::accounts;
use super::pages::Page;
use super::service_access::{check_principal, managing_all_features};
use super::standing::Standing;
use super::tree::{account_id, member};
use crate::Organizations;
use crate::error::Error;
use crate::limits::ADMINISTRATORS_MAX;
use crate::records::{ORGANIZATION, ORGANIZATIONS};

pub async fn register_delegated_administrator(
    organizations: &Organizations,
    call: &Call,
    input: RegisterDelegatedAdministratorInput,
) -> Result<RegisterDelegatedAdministratorOutput, Error> {
    check_principal(&input.service_principal)?;
    let account = account_id(&input.account_id)?;
    let name = input.service_principal.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            let record = member(&tx, &standing, account).await?;
            if account == standing.management {
                let message = "You cannot register master account/yourself as delegated administrator for your \
                               organization.";
                return Err(Error::constraint(Reason::CannotRegisterMasterAsDelegatedAdministrator, message));
            }
            if record.state.is_closed() {
                let message = "You cannot register a suspended account as a delegated administrator.";
                let reason = Reason::CannotRegisterSuspendedAccountAsDelegatedAdministrator;
                return Err(Error::constraint(reason, message));
            }
            let organization = &mut standing.organization;
            if !organization.service_access.contains_key(name) {
                let message = "You must enable service access for this service before you can register a delegated \
                               administrator.";
                return Err(Error::constraint(Reason::ServiceAccessNotEnabled, message));
            }
            let of_service = organization.administrators.values().filter(|services| services.contains_key(name));
            let count = of_service.count();
            let services = organization.administrators.entry(account.to_string()).or_default();
            if services.contains_key(name) {
                return Err(Error::AccountAlreadyRegistered);
            }
            if count >= ADMINISTRATORS_MAX {
                let message = "You have exceeded the allowed number of delegated administrators for the delegated \
                               service.";
                let reason = Reason::MaxDelegatedAdministratorsForServiceLimitExceeded;
                return Err(Error::constraint(reason, message));
            }
            services.insert(name.to_owned(), call.now);
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok(())
        })
        .await?;
    Ok(RegisterDelegatedAdministratorOutput {})
}

pub async fn deregister_delegated_administrator(
    organizations: &Organizations,
    call: &Call,
    input: DeregisterDelegatedAdministratorInput,
) -> Result<DeregisterDelegatedAdministratorOutput, Error> {
    check_principal(&input.service_principal)?;
    let account = account_id(&input.account_id)?;
    let name = input.service_principal.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            member(&tx, &standing, account).await?;
            let key = account.to_string();
            let administrators = &mut standing.organization.administrators;
            let services = administrators.get_mut(&key).ok_or(Error::AccountNotRegistered)?;
            services.remove(name).ok_or(Error::AccountNotRegistered)?;
            if services.is_empty() {
                administrators.remove(&key);
            }
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(DeregisterDelegatedAdministratorOutput {})
}

pub async fn list_delegated_administrators(
    organizations: &Organizations,
    call: &Call,
    input: ListDelegatedAdministratorsInput,
) -> Result<ListDelegatedAdministratorsOutput, Error> {
    const OPERATION: &str = "ListDelegatedAdministrators";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let service = input.service_principal.as_deref();
    let administrators = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            let mut found = Vec::new();
            for (id, services) in &standing.organization.administrators {
                let since = match service {
                    Some(name) => services.get(name),
                    None => services.values().min(),
                };
                let Some(since) = since else { continue };
                let account = account_id(id)?;
                let record = member(&tx, &standing, account).await?;
                let account = accounts::to_account(&standing, account, &record, None);
                found.push((
                    id.clone(),
                    DelegatedAdministrator {
                        id: account.id,
                        arn: account.arn,
                        email: account.email,
                        name: account.name,
                        status: account.status,
                        state: account.state,
                        joined_method: account.joined_method,
                        joined_timestamp: account.joined_timestamp,
                        delegation_enabled_date: Some(*since),
                    },
                ));
            }
            Ok::<_, Error>(found)
        })
        .await?;
    let listing = page.cut(administrators);
    Ok(ListDelegatedAdministratorsOutput {
        delegated_administrators: Some(listing.records.into_iter().map(|(_, account)| account).collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}

pub async fn list_delegated_services_for_account(
    organizations: &Organizations,
    call: &Call,
    input: ListDelegatedServicesForAccountInput,
) -> Result<ListDelegatedServicesForAccountOutput, Error> {
    const OPERATION: &str = "ListDelegatedServicesForAccount";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let account = account_id(&input.account_id)?;
    let services = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            member(&tx, &standing, account).await?;
            let found = standing.organization.administrators.get(&account.to_string()).cloned();
            found.ok_or(Error::AccountNotRegistered)
        })
        .await?;
    let listing = page.cut(services.into_iter().collect());
    let services = listing.records.into_iter().map(|(name, since)| DelegatedService {
        service_principal: Some(name),
        delegation_enabled_date: Some(since),
    });
    Ok(ListDelegatedServicesForAccountOutput {
        delegated_services: Some(services.collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}
