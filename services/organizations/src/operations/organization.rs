//! The organisation itself: create, describe, delete.

use base::Arn;
use iam_api::{GetRole, GetRoleInput};
use organizations_api::{
    CreateOrganizationInput, CreateOrganizationOutput, DeleteOrganizationInput, DeleteOrganizationOutput,
    DescribeOrganizationInput, DescribeOrganizationOutput, Organization, OrganizationFeatureSet,
    PolicyTypeStatus, PolicyTypeSummary,
};
use schema::Side;
use service::{Ask, Call};
use store::{Select, Table, Tx, Versioned};

use super::accounts::{self, join};
use super::handshakes;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::model::policy_type::PolicyType;
use crate::model::{ids, roles};
use crate::records::{
    ATTACHMENTS, AccountState, CREATIONS, FeatureSet, MEMBERS, MEMBERSHIPS, MemberRecord, ORGANIZATION,
    ORGANIZATIONS, OrganizationRecord, PENDING, PLACEMENTS, POLICIES, POLICY_NAMES, PROFILES, PendingRecord,
    TARGETS, UNIT_NAMES, UNITS, Work,
};

/// How many records one step of a deletion looks at.
const AT_ONCE_MAX: usize = 500;

pub fn feature_set(features: &FeatureSet) -> OrganizationFeatureSet {
    match features {
        FeatureSet::All => OrganizationFeatureSet::All,
        FeatureSet::ConsolidatedBilling | FeatureSet::Enabling { .. } => {
            OrganizationFeatureSet::ConsolidatedBilling
        }
    }
}

fn to_organization(standing: &Standing, email: &str) -> Organization {
    let (organization, names) = (&standing.organization, standing.names());
    // The member is out of date and says the same whatever is enabled; what is, ListRoots says.
    let types = (organization.features == FeatureSet::All).then(|| PolicyTypeSummary {
        r#type: Some(PolicyType::SERVICE_CONTROL.name().into()),
        status: Some(PolicyTypeStatus::Enabled),
    });
    Organization {
        id: Some(organization.id.clone()),
        arn: Some(names.organization()),
        feature_set: Some(feature_set(&organization.features)),
        master_account_arn: Some(names.account(standing.management)),
        master_account_id: Some(standing.management.to_string()),
        master_account_email: Some(email.to_owned()),
        available_policy_types: Some(types.into_iter().collect()),
    }
}

pub async fn create_organization(
    organizations: &Organizations,
    call: &Call,
    input: CreateOrganizationInput,
) -> Result<CreateOrganizationOutput, Error> {
    let features = match input.feature_set {
        Some(OrganizationFeatureSet::ConsolidatedBilling) => FeatureSet::ConsolidatedBilling,
        _ => FeatureSet::All,
    };
    let fresh = OrganizationRecord {
        id: ids::organization(&organizations.ids),
        root: ids::root(&organizations.ids),
        created: call.now,
        features,
        enabled_types: Default::default(),
        root_tags: Default::default(),
        accounts: 0,
        units: 0,
        policies: Default::default(),
        service_access: Default::default(),
        administrators: Default::default(),
        resource_policy: None,
        closings: Vec::new(),
    };
    if fresh.features == FeatureSet::All {
        require_link(organizations, call).await?;
    }
    let fresh = &fresh;
    let organization = organizations
        .store
        .transact(|tx| async move {
            if let Some(standing) = Standing::find(&tx, call.account).await? {
                // A run whose acknowledgement was lost made it; this is the same call.
                if standing.organization.id != fresh.id {
                    return Err(Error::AlreadyInOrganization);
                }
                let profile = accounts::profile(&tx, call.account).await?;
                return Ok(to_organization(&standing, &profile.email));
            }
            let profile = accounts::profile(&tx, call.account).await?;
            let record = MemberRecord {
                name: profile.name.clone(),
                email: profile.email.clone(),
                parent: fresh.root.clone(),
                invited: true,
                joined: call.now,
                state: AccountState::Active,
                tags: Default::default(),
            };
            PROFILES.put(&tx, &(), &call.account.to_string(), &profile).await?;
            let mut standing =
                Standing { account: call.account, management: call.account, organization: fresh.clone() };
            join(&tx, &mut standing, call.account, &record, call.now).await?;
            if fresh.features == FeatureSet::All {
                link(&tx, &standing, call.account).await?;
            }
            Ok(to_organization(&standing, &profile.email))
        })
        .await?;
    organizations.directory.forget();
    organizations.work.nudge();
    Ok(CreateOrganizationOutput { organization: Some(organization) })
}

/// Has the role made by which Organizations acts in an account.
pub async fn link(tx: &Tx, standing: &Standing, account: base::AccountId) -> Result<(), Error> {
    let work = Work::Link { account };
    let key = PendingRecord::key(&work);
    Ok(PENDING.put(tx, &(), &key, &PendingRecord { management: standing.management, work }).await?)
}

/// Whoever has that role made in their account must be allowed to make it, unless it is there already.
pub async fn require_link(organizations: &Organizations, call: &Call) -> Result<(), Error> {
    let (account, service) = (call.account, roles::PRINCIPAL);
    let role = format!("arn:aws:iam::{account}:role/aws-service-role/{service}/{}", roles::LINKED_ROLE);
    let role: Arn = role.parse().expect("an account and two constants make an ARN");
    let keys = [("iam:AWSServiceName".to_owned(), vec![service.to_owned()])];
    let action = "CreateServiceLinkedRole";
    let ask = Ask { prefix: "iam", action, resource: Some(&role), keys: &keys, input: None };
    match organizations.aws.require(call, &ask).await {
        Ok(()) => return Ok(()),
        Err(fault) if fault.side() == Side::Sender => {}
        Err(fault) => return Err(Error::Internal(fault.into())),
    }
    let iam = organizations.aws.as_service(service, account, call.region, call);
    let found = iam.call(GetRole, GetRoleInput { role_name: roles::LINKED_ROLE.to_owned() }).await;
    found.map(drop).map_err(|_| Error::LinkNotAllowed)
}

pub async fn describe_organization(
    organizations: &Organizations,
    call: &Call,
    _: DescribeOrganizationInput,
) -> Result<DescribeOrganizationOutput, Error> {
    let organization = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let profile = accounts::profile(&tx, standing.management).await?;
            Ok::<_, Error>(to_organization(&standing, &profile.email))
        })
        .await?;
    Ok(DescribeOrganizationOutput { organization: Some(organization) })
}

pub async fn delete_organization(
    organizations: &Organizations,
    call: &Call,
    _: DeleteOrganizationInput,
) -> Result<DeleteOrganizationOutput, Error> {
    organizations
        .store
        .transact(|tx| async move {
            let standing = Standing::managing(&tx, call).await?;
            if standing.organization.accounts > 1 {
                return Err(Error::OrganizationNotEmpty);
            }
            handshakes::cancel_all(&tx, &standing, call.now).await?;
            clear(&tx, &standing, &UNITS).await?;
            clear(&tx, &standing, &UNIT_NAMES).await?;
            clear(&tx, &standing, &POLICIES).await?;
            clear(&tx, &standing, &POLICY_NAMES).await?;
            clear(&tx, &standing, &ATTACHMENTS).await?;
            clear(&tx, &standing, &TARGETS).await?;
            clear(&tx, &standing, &PLACEMENTS).await?;
            clear(&tx, &standing, &MEMBERS).await?;
            clear(&tx, &standing, &CREATIONS).await?;
            ORGANIZATIONS.delete(&tx, &standing.management, ORGANIZATION).await?;
            MEMBERSHIPS.delete(&tx, &(), &standing.management.to_string()).await?;
            Ok(())
        })
        .await?;
    organizations.directory.forget();
    Ok(DeleteOrganizationOutput {})
}

/// Deletes all that an organisation has in a table.
async fn clear<R: Versioned>(
    tx: &Tx,
    standing: &Standing,
    table: &Table<base::AccountId, R>,
) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let listing = table.scan(tx, &standing.management, select, AT_ONCE_MAX).await?;
        for (key, _) in &listing.records {
            table.delete(tx, &standing.management, key).await?;
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
