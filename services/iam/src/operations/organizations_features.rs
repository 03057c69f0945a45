//! Central root access for the member accounts of an organisation: two features, switched by its management account.
//!
//! Surprising: what was enabled stays on record while trusted access is off, but is good for nothing then, and may not
//! even be listed. Which tasks each feature is about is in [`crate::model::root_access`].

use base::{AccountId, Region};
use iam_api::{
    DisableOrganizationsRootCredentialsManagementInput, DisableOrganizationsRootCredentialsManagementOutput,
    DisableOrganizationsRootSessionsInput, DisableOrganizationsRootSessionsOutput,
    EnableOrganizationsRootCredentialsManagementInput, EnableOrganizationsRootCredentialsManagementOutput,
    EnableOrganizationsRootSessionsInput, EnableOrganizationsRootSessionsOutput, FeatureType,
    ListOrganizationsFeaturesInput, ListOrganizationsFeaturesOutput, errors,
};
use organizations_api::{
    DescribeOrganization, DescribeOrganizationInput, ListAWSServiceAccessForOrganization,
    ListAWSServiceAccessForOrganizationInput, ListDelegatedAdministrators, ListDelegatedAdministratorsInput,
    Organization, OrganizationFeatureSet,
};
use schema::Fault;
use service::{AsService, Call};

use crate::Iam;
use crate::error::Error;
use crate::model::root_access::SERVICE;
use crate::records::{ROOT_ACCESS, RootAccessRecord};

/// The organisation of an account, as far as central root access needs it.
pub struct OwnOrganization {
    /// `o-…`
    pub id: String,
    pub management: AccountId,
    pub has_all_features: bool,
}

impl OwnOrganization {
    fn read(organization: Organization) -> Option<OwnOrganization> {
        Some(OwnOrganization {
            id: organization.id?,
            management: organization.master_account_id?.parse().ok()?,
            has_all_features: organization.feature_set == Some(OrganizationFeatureSet::All),
        })
    }

    /// Organizations, asked as this service in the management account.
    fn asked(&self, iam: &Iam, cause: &Call) -> AsService {
        iam.aws.as_service(SERVICE, self.management, Region::US_EAST_1, cause)
    }
}

fn internal(fault: Fault) -> Error {
    Error::Internal(fault.into())
}

/// The organisation that an account is in; nothing if it stands alone.
pub async fn organization_of(
    iam: &Iam,
    cause: &Call,
    account: AccountId,
) -> Result<Option<OwnOrganization>, Error> {
    let asked = iam.aws.as_service(SERVICE, account, Region::US_EAST_1, cause);
    match asked.call(DescribeOrganization, DescribeOrganizationInput::default()).await {
        Ok(output) => Ok(output.organization.and_then(OwnOrganization::read)),
        Err(fault) if fault.name() == "AWSOrganizationsNotInUseException" => Ok(None),
        Err(fault) => Err(internal(fault)),
    }
}

/// Whether the organisation lets IAM act in it.
pub async fn has_trusted_access(
    iam: &Iam,
    cause: &Call,
    organization: &OwnOrganization,
) -> Result<bool, Error> {
    let asked = organization.asked(iam, cause);
    let mut input = ListAWSServiceAccessForOrganizationInput::default();
    loop {
        let page = asked.call(ListAWSServiceAccessForOrganization, input).await.map_err(internal)?;
        let mut services = page.enabled_service_principals.into_iter().flatten();
        if services.any(|service| service.service_principal.as_deref() == Some(SERVICE)) {
            return Ok(true);
        }
        let Some(next) = page.next_token else { return Ok(false) };
        input = ListAWSServiceAccessForOrganizationInput { next_token: Some(next), max_results: None };
    }
}

/// The members that administer IAM for the organisation.
pub async fn administrators(
    iam: &Iam,
    cause: &Call,
    organization: &OwnOrganization,
) -> Result<Vec<AccountId>, Error> {
    let asked = organization.asked(iam, cause);
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let service_principal = Some(SERVICE.to_owned());
        let input = ListDelegatedAdministratorsInput { service_principal, next_token, max_results: None };
        let page = asked.call(ListDelegatedAdministrators, input).await.map_err(internal)?;
        let accounts = page.delegated_administrators.into_iter().flatten();
        found.extend(accounts.filter_map(|account| account.id?.parse::<AccountId>().ok()));
        next_token = page.next_token;
        if next_token.is_none() {
            return Ok(found);
        }
    }
}

/// What is switched on.
pub async fn enabled(iam: &Iam, organization: &OwnOrganization) -> Result<RootAccessRecord, Error> {
    let (management, id) = (organization.management, organization.id.as_str());
    let found = iam.store.read(|tx| async move { ROOT_ACCESS.get(&tx, &management, id).await });
    Ok(found.await?.unwrap_or_default())
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Management,
    Administrators,
}

/// The caller's organisation, if the caller's account may manage root access in it.
async fn managed(iam: &Iam, call: &Call, who: For) -> Result<OwnOrganization, Error> {
    let refuse = |code, why: &str| Error::Other(code, format!("The request was rejected because {why}."));
    let organization = organization_of(iam, call, call.account).await?.ok_or_else(|| {
        let why = "no organization is associated with your account";
        refuse(&errors::ORGANIZATION_NOT_FOUND_EXCEPTION, why)
    })?;
    if !organization.has_all_features {
        let why = "your organization does not have All features enabled";
        return Err(refuse(&errors::ORGANIZATION_NOT_IN_ALL_FEATURES_MODE_EXCEPTION, why));
    }
    if organization.management != call.account {
        if !administrators(iam, call, &organization).await?.contains(&call.account) {
            let why = "the account making the request is not the management account or delegated administrator \
                       account for centralized root access";
            let code = &errors::ACCOUNT_NOT_MANAGEMENT_OR_DELEGATED_ADMINISTRATOR_EXCEPTION;
            return Err(refuse(code, why));
        }
        if who == For::Management {
            let why = "the account making the request is not the management account for the organization";
            return Err(refuse(&errors::CALLER_IS_NOT_MANAGEMENT_ACCOUNT_EXCEPTION, why));
        }
    }
    if !has_trusted_access(iam, call, &organization).await? {
        let why = "trusted access is not enabled for IAM in AWS Organizations";
        return Err(refuse(&errors::SERVICE_ACCESS_NOT_ENABLED_EXCEPTION, why));
    }
    Ok(organization)
}

/// What every one of these operations answers.
struct Answer {
    organization_id: Option<String>,
    enabled_features: Option<Vec<FeatureType>>,
}

impl Answer {
    fn new(organization: OwnOrganization, enabled: &RootAccessRecord) -> Answer {
        let features = [
            (enabled.credentials_management, FeatureType::RootCredentialsManagement),
            (enabled.sessions, FeatureType::RootSessions),
        ];
        let enabled = features.into_iter().filter(|(is_enabled, _)| *is_enabled);
        Answer {
            organization_id: Some(organization.id),
            enabled_features: Some(enabled.map(|(_, feature)| feature).collect()),
        }
    }
}

/// Switches a feature. The change may be made twice.
async fn switch(
    iam: &Iam,
    call: &Call,
    who: For,
    change: fn(&mut RootAccessRecord),
) -> Result<Answer, Error> {
    let organization = managed(iam, call, who).await?;
    let (management, id) = (organization.management, organization.id.as_str());
    let record = iam
        .store
        .transact(|tx| async move {
            let mut record = ROOT_ACCESS.get(&tx, &management, id).await?.unwrap_or_default();
            change(&mut record);
            ROOT_ACCESS.put(&tx, &management, id, &record).await?;
            Ok::<_, Error>(record)
        })
        .await?;
    Ok(Answer::new(organization, &record))
}

pub async fn enable_root_credentials_management(
    iam: &Iam,
    call: &Call,
    _: EnableOrganizationsRootCredentialsManagementInput,
) -> Result<EnableOrganizationsRootCredentialsManagementOutput, Error> {
    let change = |record: &mut RootAccessRecord| record.credentials_management = true;
    let Answer { organization_id, enabled_features } = switch(iam, call, For::Management, change).await?;
    Ok(EnableOrganizationsRootCredentialsManagementOutput { organization_id, enabled_features })
}

pub async fn disable_root_credentials_management(
    iam: &Iam,
    call: &Call,
    _: DisableOrganizationsRootCredentialsManagementInput,
) -> Result<DisableOrganizationsRootCredentialsManagementOutput, Error> {
    let change = |record: &mut RootAccessRecord| record.credentials_management = false;
    let Answer { organization_id, enabled_features } = switch(iam, call, For::Administrators, change).await?;
    Ok(DisableOrganizationsRootCredentialsManagementOutput { organization_id, enabled_features })
}

pub async fn enable_root_sessions(
    iam: &Iam,
    call: &Call,
    _: EnableOrganizationsRootSessionsInput,
) -> Result<EnableOrganizationsRootSessionsOutput, Error> {
    let change = |record: &mut RootAccessRecord| record.sessions = true;
    let Answer { organization_id, enabled_features } = switch(iam, call, For::Management, change).await?;
    Ok(EnableOrganizationsRootSessionsOutput { organization_id, enabled_features })
}

pub async fn disable_root_sessions(
    iam: &Iam,
    call: &Call,
    _: DisableOrganizationsRootSessionsInput,
) -> Result<DisableOrganizationsRootSessionsOutput, Error> {
    let change = |record: &mut RootAccessRecord| record.sessions = false;
    let Answer { organization_id, enabled_features } = switch(iam, call, For::Administrators, change).await?;
    Ok(DisableOrganizationsRootSessionsOutput { organization_id, enabled_features })
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    _: ListOrganizationsFeaturesInput,
) -> Result<ListOrganizationsFeaturesOutput, Error> {
    let organization = managed(iam, call, For::Administrators).await?;
    let enabled = enabled(iam, &organization).await?;
    let Answer { organization_id, enabled_features } = Answer::new(organization, &enabled);
    Ok(ListOrganizationsFeaturesOutput { organization_id, enabled_features })
}
