//! AWS Organizations: start with the table below, follow one row to its function.
//!
//! An organisation is the tree of root, OUs and accounts that belongs to its management account, with policies on its
//! nodes. This crate also tells the frame what holds for an account ([`directory`]), from memory that is forgotten the
//! moment something changes. Surprising in AWS's own behaviour, and kept: an account is created in the background, no
//! type of policies is enabled at first, and the management account is bound by no policy. What AWS does, with
//! sources, is in `BEHAVIOURS.md` beside this crate.

mod directory;
mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use service::{Aws, Nudge, PageTokens, Task, Tasks, service};
use store::Store;

use directory::Directory;
use error::Error;
use operations::{
    accounts, administrators, all_features, attachments, authorise, closing, creations, effective_policies,
    handshakes, invitations, leaving, organization, policies, policy_types, resource_policies,
    service_access, tags, tree, units,
};

pub struct Organizations {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    directory: Directory,
    /// Wakes the task that creates and closes accounts.
    work: Nudge,
}

/// What the composition root gives this service.
pub struct OrganizationsParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
    pub tasks: Tasks,
}

service! { Organizations: organizations_api, principal "organizations.amazonaws.com", error Error,
    resources directory::facts;
    AcceptHandshake => handshakes::accept_handshake on authorise::by_handshake,
    AttachPolicy => attachments::attach_policy on authorise::by_ids keys authorise::policy_type_by_ids,
    CancelHandshake => handshakes::cancel_handshake on authorise::by_handshake,
    CloseAccount => closing::close_account on authorise::by_ids,
    CreateAccount => creations::create_account on authorise::nothing,
    CreateOrganization => organization::create_organization on authorise::nothing,
    CreateOrganizationalUnit => units::create_organizational_unit on authorise::by_ids,
    CreatePolicy => policies::create_policy on authorise::nothing keys authorise::policy_type,
    DeclineHandshake => handshakes::decline_handshake on authorise::by_handshake,
    DeleteOrganization => organization::delete_organization on authorise::nothing,
    DeleteOrganizationalUnit => units::delete_organizational_unit on authorise::by_ids,
    DeletePolicy => policies::delete_policy on authorise::by_ids keys authorise::policy_type_by_ids,
    DeleteResourcePolicy => resource_policies::delete_resource_policy on authorise::nothing,
    DeregisterDelegatedAdministrator => administrators::deregister_delegated_administrator on authorise::by_ids
        keys authorise::service_principal,
    DescribeAccount => accounts::describe_account on authorise::by_ids,
    DescribeCreateAccountStatus => creations::describe_create_account_status on authorise::nothing,
    DescribeEffectivePolicy => effective_policies::describe_effective_policy on authorise::by_effective_target
        keys authorise::policy_type,
    DescribeHandshake => handshakes::describe_handshake on authorise::by_handshake,
    DescribeOrganization => organization::describe_organization on authorise::nothing,
    DescribeOrganizationalUnit => units::describe_organizational_unit on authorise::by_ids,
    DescribePolicy => policies::describe_policy on authorise::by_ids keys authorise::policy_type_by_ids,
    DescribeResourcePolicy => resource_policies::describe_resource_policy on authorise::nothing,
    DetachPolicy => attachments::detach_policy on authorise::by_ids keys authorise::policy_type_by_ids,
    DisableAWSServiceAccess => service_access::disable_aws_service_access on authorise::nothing
        keys authorise::service_principal,
    DisablePolicyType => policy_types::disable_policy_type on authorise::by_ids keys authorise::policy_type,
    EnableAWSServiceAccess => service_access::enable_aws_service_access on authorise::nothing
        keys authorise::service_principal,
    EnableAllFeatures => all_features::enable_all_features on authorise::nothing,
    EnablePolicyType => policy_types::enable_policy_type on authorise::by_ids keys authorise::policy_type,
    InviteAccountToOrganization => invitations::invite_account_to_organization on authorise::by_invited,
    LeaveOrganization => leaving::leave_organization on authorise::nothing,
    ListAWSServiceAccessForOrganization => service_access::list_aws_service_access_for_organization
        on authorise::nothing,
    ListAccounts => accounts::list_accounts on authorise::nothing,
    ListAccountsForParent => accounts::list_accounts_for_parent on authorise::by_ids,
    ListChildren => tree::list_children on authorise::by_ids,
    ListCreateAccountStatus => creations::list_create_account_status on authorise::nothing,
    ListDelegatedAdministrators => administrators::list_delegated_administrators on authorise::nothing
        keys authorise::service_principal,
    ListDelegatedServicesForAccount => administrators::list_delegated_services_for_account on authorise::by_ids,
    ListHandshakesForAccount => handshakes::list_handshakes_for_account on authorise::nothing,
    ListHandshakesForOrganization => handshakes::list_handshakes_for_organization on authorise::nothing,
    ListOrganizationalUnitsForParent => units::list_organizational_units_for_parent on authorise::by_ids,
    ListParents => tree::list_parents on authorise::by_ids,
    ListPolicies => policies::list_policies on authorise::nothing keys authorise::policy_type,
    ListPoliciesForTarget => attachments::list_policies_for_target on authorise::by_ids keys authorise::policy_type,
    ListRoots => tree::list_roots on authorise::nothing,
    ListTagsForResource => tags::list_tags_for_resource on authorise::by_ids,
    ListTargetsForPolicy => attachments::list_targets_for_policy on authorise::by_ids
        keys authorise::policy_type_by_ids,
    MoveAccount => accounts::move_account on authorise::by_ids,
    PutResourcePolicy => resource_policies::put_resource_policy on authorise::nothing,
    RegisterDelegatedAdministrator => administrators::register_delegated_administrator on authorise::by_ids
        keys authorise::service_principal,
    RemoveAccountFromOrganization => leaving::remove_account_from_organization on authorise::by_ids,
    TagResource => tags::tag_resource on authorise::by_ids,
    UntagResource => tags::untag_resource on authorise::by_ids,
    UpdateOrganizationalUnit => units::update_organizational_unit on authorise::by_ids,
    UpdatePolicy => policies::update_policy on authorise::by_ids keys authorise::policy_type_by_ids,
}

impl Organizations {
    pub fn new(parts: OrganizationsParts) -> Arc<Organizations> {
        // All background work is done by tasks that `background` lists, so nothing is spawned from here.
        let OrganizationsParts { store, clock, ids, pages, aws, tasks: _ } = parts;
        let directory = Directory::new(store.clone());
        Arc::new(Organizations { store, clock, ids, pages, aws, directory, work: Nudge::default() })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Organizations>) -> Vec<Task> {
        vec![tasks::work::task(self), tasks::forget::task(self)]
    }
}
