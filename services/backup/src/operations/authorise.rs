//! What the operations act on, for permissions.
//!
//! Recovery points are resources of other services, so what a vault's policy says of them is asked besides: see
//! [`vault_lets`].

use std::sync::Arc;

use backup_api::*;
use base::Arn;
use identity::policy::{Kind, Named, Policy, pinned};
use service::{Ask, Call, ResourceFacts};

use crate::Backup;
use crate::error::Error;
use crate::model::arns;
use crate::records::{PLANS, PointRecord, VAULTS, VaultRecord, place_of};

/// Inputs that name a vault.
pub trait ByVault {
    fn vault(&self) -> &str;
}

/// Inputs that name a plan.
pub trait ByPlan {
    fn plan(&self) -> &str;
}

/// Inputs that name a recovery point.
pub trait ByPoint {
    fn point(&self) -> &str;
}

/// Inputs that name a resource by its ARN.
pub trait ByArn {
    fn arn(&self) -> &str;
}

macro_rules! named {
    ($of:ident::$method:ident as $field:ident: $($input:ident)*) => {
        $(impl $of for $input {
            fn $method(&self) -> &str {
                &self.$field
            }
        })*
    };
}

named! { ByVault::vault as backup_vault_name:
    CreateBackupVaultInput DeleteBackupVaultInput DescribeBackupVaultInput DeleteBackupVaultAccessPolicyInput
    GetBackupVaultAccessPolicyInput PutBackupVaultAccessPolicyInput DeleteBackupVaultLockConfigurationInput
    PutBackupVaultLockConfigurationInput StartBackupJobInput ListRecoveryPointsByBackupVaultInput
    ListProtectedResourcesByBackupVaultInput
}
named! { ByPlan::plan as backup_plan_id:
    DeleteBackupPlanInput GetBackupPlanInput ListBackupPlanVersionsInput UpdateBackupPlanInput
    CreateBackupSelectionInput DeleteBackupSelectionInput GetBackupSelectionInput ListBackupSelectionsInput
}
named! { ByPoint::point as recovery_point_arn:
    DeleteRecoveryPointInput DescribeRecoveryPointInput DisassociateRecoveryPointInput
    GetRecoveryPointRestoreMetadataInput UpdateRecoveryPointLifecycleInput StartRestoreJobInput StartCopyJobInput
}
named! { ByArn::arn as resource_arn: ListTagsInput TagResourceInput UntagResourceInput }

/// Actions on no resource.
pub fn everything<I>(_: &Backup, _: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

pub fn new_plan(_: &Backup, call: &Call, _: &CreateBackupPlanInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plan(call.account, call.region, "*")])
}

pub fn by_vault(_: &Backup, call: &Call, input: &impl ByVault) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::vault(call.account, call.region, input.vault())])
}

pub fn by_plan(_: &Backup, call: &Call, input: &impl ByPlan) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plan(call.account, call.region, input.plan())])
}

pub fn by_point(_: &Backup, _: &Call, input: &impl ByPoint) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn_of(input.point())?])
}

pub fn by_arn(_: &Backup, _: &Call, input: &impl ByArn) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn_of(input.arn())?])
}

pub fn arn_of(text: &str) -> Result<Arn, Error> {
    text.parse().map_err(|_| Error::Invalid(format!("Invalid ARN: {text}")))
}

/// `backup:ChangeableForDays` and its like.
pub fn lock_keys(
    _: &Backup,
    _: &Call,
    input: &PutBackupVaultLockConfigurationInput,
) -> Vec<(String, Vec<String>)> {
    let given = [
        ("backup:ChangeableForDays", input.changeable_for_days),
        ("backup:MinRetentionDays", input.min_retention_days),
        ("backup:MaxRetentionDays", input.max_retention_days),
    ];
    let given = given.into_iter().filter_map(|(name, days)| Some((name.to_owned(), vec![days?.to_string()])));
    given.collect()
}

/// What permissions need to know of a vault or a plan: tags, and a vault's policy.
pub async fn facts(backup: &Backup, _: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let Some(place) = &place_of(arn) else { return Ok(ResourceFacts::default()) };
    if let Some(id) = arns::plan_of(arn) {
        let found = backup.store.read(|tx| async move { PLANS.get(&tx, place, id).await }).await?;
        let tags = found.map(|record| record.tags).unwrap_or_default();
        return Ok(ResourceFacts { tags, ..ResourceFacts::default() });
    }
    let Some(name) = arns::vault_of(arn) else { return Ok(ResourceFacts::default()) };
    let found = backup.store.read(|tx| async move { VAULTS.get(&tx, place, name).await }).await?;
    let Some(vault) = found else { return Ok(ResourceFacts::default()) };
    Ok(ResourceFacts { policy: policy(name, &vault)?, tags: vault.tags, ..ResourceFacts::default() })
}

fn policy(name: &str, vault: &VaultRecord) -> Result<Option<Arc<Named>>, Error> {
    let Some(record) = &vault.policy else { return Ok(None) };
    let document = pinned(&record.document, &record.pins);
    let policy = Policy::parse(Kind::Resource, &document).map_err(|error| Error::Internal(error.into()))?;
    Ok(Some(Arc::new(Named { id: format!("policy of backup vault {name}"), policy })))
}

/// Refuses what the policy of a recovery point's vault denies.
///
/// # Errors
/// `AccessDeniedException`
pub async fn vault_lets(
    backup: &Backup,
    call: &Call,
    (name, vault): (&str, &VaultRecord),
    action: &str,
    point: &PointRecord,
) -> Result<(), Error> {
    let Some(policy) = policy(name, vault)? else { return Ok(()) };
    let arn = arn_of(point.arn())?;
    let facts = ResourceFacts {
        owner: Some(call.account),
        policy: Some(policy),
        tags: point.tags.clone(),
        ..ResourceFacts::default()
    };
    let ask = Ask { prefix: "backup", action, resource: Some(&arn), keys: &[], input: None };
    if backup.aws.would_allow(call, &ask, &facts).await? {
        return Ok(());
    }
    Err(Error::Denied(format!(
        "User: {} is not authorized to perform: backup:{action} on resource: {arn} because of the policy of backup \
         vault {name}",
        call.principal.arn
    )))
}
