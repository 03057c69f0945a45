//! Which services may act in the organisation ("trusted access").

use organizations_api::{
    ConstraintViolationExceptionReason as Reason, DisableAWSServiceAccessInput,
    DisableAWSServiceAccessOutput, EnableAWSServiceAccessInput, EnableAWSServiceAccessOutput,
    EnabledServicePrincipal, InvalidInputExceptionReason, ListAWSServiceAccessForOrganizationInput,
    ListAWSServiceAccessForOrganizationOutput,
};
use service::Call;
use store::Tx;

use super::pages::Page;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::records::{FeatureSet, ORGANIZATION, ORGANIZATIONS};

/// Services are named by a host name of AWS's; which of them work with Organizations grows by the month, so any is
/// taken that has the form.
pub fn check_principal(name: &str) -> Result<(), Error> {
    match name.strip_suffix(".amazonaws.com") {
        Some(service) if !service.is_empty() => Ok(()),
        _ => {
            let message = "You specified an unrecognized service principal.";
            Err(Error::invalid(InvalidInputExceptionReason::UnrecognizedServicePrincipal, message))
        }
    }
}

/// The management account's standing, in an organisation with all features.
pub async fn managing_all_features(tx: &Tx, call: &Call) -> Result<Standing, Error> {
    let standing = Standing::managing(tx, call).await?;
    if standing.organization.features != FeatureSet::All {
        let message = "This operation requires the organization to be configured to support all features.";
        return Err(Error::constraint(Reason::OrganizationNotInAllFeaturesMode, message));
    }
    Ok(standing)
}

pub async fn enable_aws_service_access(
    organizations: &Organizations,
    call: &Call,
    input: EnableAWSServiceAccessInput,
) -> Result<EnableAWSServiceAccessOutput, Error> {
    check_principal(&input.service_principal)?;
    let name = input.service_principal.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            // Enabling again changes nothing, the date neither.
            standing.organization.service_access.entry(name.to_owned()).or_insert(call.now);
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(EnableAWSServiceAccessOutput {})
}

pub async fn disable_aws_service_access(
    organizations: &Organizations,
    call: &Call,
    input: DisableAWSServiceAccessInput,
) -> Result<DisableAWSServiceAccessOutput, Error> {
    check_principal(&input.service_principal)?;
    let name = input.service_principal.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            let organization = &mut standing.organization;
            if organization.enabled_types.iter().any(|kind| kind.facts().service == Some(name)) {
                let message = "You must disable the policy type of this service before you can disable its access.";
                return Err(Error::constraint(Reason::PolicyTypeEnabledForThisService, message));
            }
            if organization.administrators.values().any(|services| services.contains_key(name)) {
                let message = "You must deregister all delegated administrators of this service before you can \
                               disable its access.";
                return Err(Error::constraint(Reason::DelegatedAdministratorExistsForThisService, message));
            }
            organization.service_access.remove(name);
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok(())
        })
        .await?;
    Ok(DisableAWSServiceAccessOutput {})
}

pub async fn list_aws_service_access_for_organization(
    organizations: &Organizations,
    call: &Call,
    input: ListAWSServiceAccessForOrganizationInput,
) -> Result<ListAWSServiceAccessForOrganizationOutput, Error> {
    const OPERATION: &str = "ListAWSServiceAccessForOrganization";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let standing =
        organizations.store.read(|tx| async move { Standing::reading(&tx, call, OPERATION).await }).await?;
    let listing = page.cut(standing.organization.service_access.into_iter().collect());
    let enabled = listing.records.into_iter().map(|(name, since)| EnabledServicePrincipal {
        service_principal: Some(name),
        date_enabled: Some(since),
    });
    Ok(ListAWSServiceAccessForOrganizationOutput {
        enabled_service_principals: Some(enabled.collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}
