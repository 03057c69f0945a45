//! AWS Backup: vaults of recovery points, plans that fill them by the clock, jobs that back up, copy and restore. Start
//! with the table below, follow one row to its function; what jobs and plans do is in `tasks/`.
//!
//! Recovery points are the snapshots of EC2 and the backups of DynamoDB themselves, made in the role that a request or
//! a selection names. What AWS does, with sources, is in `BEHAVIOURS.md` beside this crate.

mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use service::{Aws, Nudge, PageTokens, Task, service};
use store::Store;

use error::Error;
use operations::{
    authorise, copies, jobs, locks, plans, points, policies, protected, restores, selections, settings, tags,
    templates, vaults,
};

pub struct Backup {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    /// Wakes the task that does what is due.
    due: Nudge,
}

/// What the composition root gives this service.
pub struct BackupParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
}

service! { Backup: backup_api, principal "backup.amazonaws.com", error Error, resources authorise::facts;
    // Vaults
    CreateBackupVault => vaults::create_backup_vault on authorise::by_vault,
    DeleteBackupVault => vaults::delete_backup_vault on authorise::by_vault,
    DescribeBackupVault => vaults::describe_backup_vault on authorise::by_vault,
    ListBackupVaults => vaults::list_backup_vaults on authorise::everything,
    DeleteBackupVaultAccessPolicy => policies::delete_backup_vault_access_policy on authorise::by_vault,
    GetBackupVaultAccessPolicy => policies::get_backup_vault_access_policy on authorise::by_vault,
    PutBackupVaultAccessPolicy => policies::put_backup_vault_access_policy on authorise::by_vault,
    DeleteBackupVaultLockConfiguration => locks::delete_backup_vault_lock_configuration on authorise::by_vault,
    PutBackupVaultLockConfiguration => locks::put_backup_vault_lock_configuration on authorise::by_vault
        keys authorise::lock_keys,
    // Tags
    ListTags => tags::list_tags on authorise::by_arn,
    TagResource => tags::tag_resource on authorise::by_arn,
    UntagResource => tags::untag_resource on authorise::by_arn,
    // Backups
    DescribeBackupJob => jobs::describe_backup_job on authorise::everything,
    ListBackupJobs => jobs::list_backup_jobs on authorise::everything,
    StartBackupJob => jobs::start_backup_job on authorise::by_vault,
    StopBackupJob => jobs::stop_backup_job on authorise::everything,
    // Recovery points
    DeleteRecoveryPoint => points::delete_recovery_point on authorise::by_point,
    DescribeRecoveryPoint => points::describe_recovery_point on authorise::by_point,
    DisassociateRecoveryPoint => points::disassociate_recovery_point on authorise::by_point,
    GetRecoveryPointRestoreMetadata => points::get_recovery_point_restore_metadata on authorise::by_point,
    ListRecoveryPointsByBackupVault => points::lists::list_recovery_points_by_backup_vault on authorise::by_vault,
    ListRecoveryPointsByResource => points::lists::list_recovery_points_by_resource on authorise::everything,
    UpdateRecoveryPointLifecycle => points::update_recovery_point_lifecycle on authorise::by_point,
    DescribeProtectedResource => protected::describe_protected_resource on authorise::everything,
    ListProtectedResources => protected::list_protected_resources on authorise::everything,
    ListProtectedResourcesByBackupVault => protected::list_protected_resources_by_backup_vault
        on authorise::by_vault,
    // Restores
    DescribeRestoreJob => restores::describe_restore_job on authorise::everything,
    GetRestoreJobMetadata => restores::get_restore_job_metadata on authorise::everything,
    ListRestoreJobs => restores::list_restore_jobs on authorise::everything,
    ListRestoreJobsByProtectedResource => restores::list_restore_jobs_by_protected_resource
        on authorise::everything,
    StartRestoreJob => restores::start_restore_job on authorise::by_point,
    // Copies
    DescribeCopyJob => copies::describe_copy_job on authorise::everything,
    ListCopyJobs => copies::list_copy_jobs on authorise::everything,
    StartCopyJob => copies::start_copy_job on authorise::by_point,
    // Plans
    CreateBackupPlan => plans::create_backup_plan on authorise::new_plan,
    DeleteBackupPlan => plans::delete_backup_plan on authorise::by_plan,
    GetBackupPlan => plans::showing::get_backup_plan on authorise::by_plan,
    ListBackupPlanVersions => plans::showing::list_backup_plan_versions on authorise::by_plan,
    ListBackupPlans => plans::showing::list_backup_plans on authorise::everything,
    UpdateBackupPlan => plans::update_backup_plan on authorise::by_plan,
    ExportBackupPlanTemplate => templates::export_backup_plan_template on authorise::everything,
    GetBackupPlanFromJSON => templates::get_backup_plan_from_json on authorise::everything,
    GetBackupPlanFromTemplate => templates::get_backup_plan_from_template on authorise::everything,
    ListBackupPlanTemplates => templates::list_backup_plan_templates on authorise::everything,
    CreateBackupSelection => selections::create_backup_selection on authorise::by_plan,
    DeleteBackupSelection => selections::delete_backup_selection on authorise::by_plan,
    GetBackupSelection => selections::get_backup_selection on authorise::by_plan,
    ListBackupSelections => selections::list_backup_selections on authorise::by_plan,
    // Settings
    DescribeGlobalSettings => settings::describe_global_settings on authorise::everything,
    DescribeRegionSettings => settings::describe_region_settings on authorise::everything,
    GetSupportedResourceTypes => settings::get_supported_resource_types on authorise::everything,
    UpdateGlobalSettings => settings::update_global_settings on authorise::everything,
    UpdateRegionSettings => settings::update_region_settings on authorise::everything,
}

impl Backup {
    pub fn new(parts: BackupParts) -> Arc<Backup> {
        let BackupParts { store, clock, ids, pages, aws } = parts;
        Arc::new(Backup { store, clock, ids, pages, aws, due: Nudge::default() })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Backup>) -> Vec<Task> {
        vec![tasks::task(self)]
    }
}
