//! Secrets Manager: start with the table below, follow one row to its function.
//!
//! A secret is a record ([`records`]) that knows its versions and their staging labels; a version's value is a record of
//! its own, encrypted under a data key that KMS gives to the caller's identity ([`operations::envelope`]). Replicas are real secrets
//! in other regions that are written in the same transaction as their primary ([`operations::replication`]). What AWS does, with
//! sources, is in `BEHAVIOURS.md` beside this crate.

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
use operations::directory::{self, Policies};
use operations::{
    batch, by_id, conditions, creation, cross_account, deletion, description, lists, nothing, passwords,
    policies, replicas, rotation, tags, update, values, versions,
};

pub struct SecretsManager {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    policies: Policies,
    /// Wakes the task that finishes deletions.
    deletions: Nudge,
}

/// What the composition root gives this service.
pub struct SecretsManagerParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
}

service! { SecretsManager: secretsmanager_api, principal "secretsmanager.amazonaws.com", error Error,
    resources directory::facts;
    AssociateCrossAccountReplica => cross_account::associate_cross_account_replica on by_id,
    BatchGetSecretValue => batch::batch_get_secret_value on nothing,
    CancelRotateSecret => rotation::cancel_rotate_secret on by_id,
    CreateSecret => creation::create_secret on creation::by_name keys conditions::create,
    DeleteResourcePolicy => policies::delete_resource_policy on by_id,
    DeleteSecret => deletion::delete_secret on by_id keys conditions::delete,
    DescribeSecret => description::describe_secret on by_id,
    DisassociateCrossAccountReplica => cross_account::disassociate_cross_account_replica on by_id,
    GetRandomPassword => passwords::get_random_password on nothing,
    GetResourcePolicy => policies::get_resource_policy on by_id,
    GetSecretValue => values::get_secret_value on by_id keys conditions::get,
    ListResourcePolicies => policies::list_resource_policies on by_id,
    ListSecretVersionIds => versions::list_secret_version_ids on by_id,
    ListSecrets => lists::list_secrets on nothing,
    PutResourcePolicy => policies::put_resource_policy on by_id keys conditions::put_policy,
    PutSecretValue => values::put_secret_value on by_id,
    RemoveRegionsFromReplication => replicas::remove_regions_from_replication on by_id,
    ReplicateSecretToRegions => replicas::replicate_secret_to_regions on by_id keys conditions::replicate,
    RestoreSecret => deletion::restore_secret on by_id,
    RotateSecret => rotation::rotate_secret on by_id keys conditions::rotate,
    StopReplicationToReplica => replicas::stop_replication_to_replica on by_id,
    TagResource => tags::tag_resource on by_id,
    UntagResource => tags::untag_resource on by_id,
    UpdateSecret => update::update_secret on by_id keys conditions::update,
    UpdateSecretVersionStage => versions::update_secret_version_stage on by_id keys conditions::move_label,
    ValidateResourcePolicy => policies::validate_resource_policy on policies::by_optional_id,
}

impl SecretsManager {
    pub fn new(parts: SecretsManagerParts) -> Arc<SecretsManager> {
        let SecretsManagerParts { store, clock, ids, pages, aws } = parts;
        let (policies, deletions) = (Policies::default(), Nudge::default());
        Arc::new(SecretsManager { store, clock, ids, pages, aws, policies, deletions })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<SecretsManager>) -> Vec<Task> {
        vec![tasks::finish_deletions::task(self)]
    }
}
