//! AWS IAM: start with the table below, follow one row to its function.
//!
//! Everything is a record of an account ([`records`]); IAM has no regions. It is also the cloud's memory of who may do
//! what: [`directory`] answers the frame's questions before every call, from compiled policies that are forgotten the
//! moment something changes. What AWS does, with sources, is in `BEHAVIOURS.md` beside this crate.

mod directory;
mod error;
mod limits;
mod model;
mod operations;
mod records;
mod sign_in;
mod tasks;

use std::sync::{Arc, OnceLock};

use base::{AccountId, Clock, Ids};
use service::{Aws, Guarded, Guardrails, Nudge, PageTokens, SealingKey, Task, service};
use store::Store;

pub use sign_in::{SignIn, SignInError, SignedIn};

use directory::Directory;
use error::Error;
use operations::*;

pub struct Iam {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    /// Seals secrets at rest.
    sealing: SealingKey,
    aws: Aws,
    directory: Directory,
    /// Wakes the task that deletes service-linked roles.
    deletions: Nudge,
    /// What organisations say, for reports and the simulator; see [`Iam::guarded_by`].
    guardrails: OnceLock<Arc<dyn Guardrails>>,
}

/// What the composition root gives this service.
pub struct IamParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub sealing: SealingKey,
    pub aws: Aws,
}

service! { Iam: iam_api, principal "iam.amazonaws.com", error Error, resources directory::facts;
    AddClientIDToOpenIDConnectProvider => oidc_providers::add_client_id on oidc_providers::by_arn,
    AddRoleToInstanceProfile => instance_profiles::add_role_to_instance_profile on instance_profiles::by_name,
    AddUserToGroup => groups::add_user_to_group on groups::by_name,
    AttachGroupPolicy => attachments::attach_group_policy on groups::by_name keys attachments::policy_key,
    AttachRolePolicy => attachments::attach_role_policy on holders::role keys attachments::policy_key,
    AttachUserPolicy => attachments::attach_user_policy on callers::user keys attachments::policy_key,
    ChangePassword => login::change_password on login::own,
    CreateAccessKey => access_keys::create_access_key on callers::user,
    CreateAccountAlias => account::create_account_alias on nothing,
    CreateGroup => groups::create_group on groups::by_new_name,
    CreateInstanceProfile => instance_profiles::create_instance_profile on instance_profiles::by_new_name,
    CreateLoginProfile => login::create_login_profile on callers::user,
    CreateOpenIDConnectProvider => oidc_providers::create on oidc_providers::by_url,
    CreatePolicy => policies::create_policy on policies::by_name,
    CreatePolicyVersion => versions::create_policy_version on policies::by_arn,
    CreateRole => roles::create_role on roles::by_new_name keys roles::boundary_key,
    CreateSAMLProvider => saml_providers::create on saml_providers::by_name,
    CreateServiceLinkedRole => service_linked_roles::create_service_linked_role on service_linked_roles::by_service
        keys service_linked_roles::service_key,
    CreateServiceSpecificCredential => service_credentials::create on callers::user
        keys service_credentials::condition_keys,
    CreateUser => users::create_user on users::by_new_name keys users::boundary_key,
    CreateVirtualMFADevice => virtual_mfa::create_virtual_mfa_device on virtual_mfa::by_new_name,
    DeactivateMFADevice => mfa::deactivate_mfa_device on callers::user,
    DeleteAccessKey => access_keys::delete_access_key on callers::user,
    DeleteAccountAlias => account::delete_account_alias on nothing,
    DeleteAccountPasswordPolicy => password_policy::delete on nothing,
    DeleteGroup => groups::delete_group on groups::by_name,
    DeleteGroupPolicy => inline::delete_group_policy on groups::by_name,
    DeleteInstanceProfile => instance_profiles::delete_instance_profile on instance_profiles::by_name,
    DeleteLoginProfile => login::delete_login_profile on callers::user,
    DeleteOpenIDConnectProvider => oidc_providers::delete on oidc_providers::by_arn,
    DeletePolicy => policies::delete_policy on policies::by_arn,
    DeletePolicyVersion => versions::delete_policy_version on policies::by_arn,
    DeleteRole => roles::delete_role on holders::role,
    DeleteRolePermissionsBoundary => boundaries::delete_role_permissions_boundary on holders::role,
    DeleteRolePolicy => inline::delete_role_policy on holders::role,
    DeleteSAMLProvider => saml_providers::delete on saml_providers::by_arn,
    DeleteSSHPublicKey => ssh_keys::delete_ssh_public_key on callers::user,
    DeleteServerCertificate => server_certificates::delete on server_certificates::by_name,
    DeleteServiceLinkedRole => service_linked_roles::delete_service_linked_role on holders::role,
    DeleteServiceSpecificCredential => service_credentials::delete on callers::user,
    DeleteSigningCertificate => signing::delete_signing_certificate on callers::user,
    DeleteUser => users::delete_user on callers::user,
    DeleteUserPermissionsBoundary => boundaries::delete_user_permissions_boundary on callers::user,
    DeleteUserPolicy => inline::delete_user_policy on callers::user,
    DeleteVirtualMFADevice => virtual_mfa::delete_virtual_mfa_device on virtual_mfa::by_serial,
    DetachGroupPolicy => attachments::detach_group_policy on groups::by_name keys attachments::policy_key,
    DetachRolePolicy => attachments::detach_role_policy on holders::role keys attachments::policy_key,
    DetachUserPolicy => attachments::detach_user_policy on callers::user keys attachments::policy_key,
    DisableOrganizationsRootCredentialsManagement => organizations_features::disable_root_credentials_management
        on nothing,
    DisableOrganizationsRootSessions => organizations_features::disable_root_sessions on nothing,
    EnableMFADevice => mfa::enable_mfa_device on callers::user,
    EnableOrganizationsRootCredentialsManagement => organizations_features::enable_root_credentials_management
        on nothing,
    EnableOrganizationsRootSessions => organizations_features::enable_root_sessions on nothing,
    GenerateCredentialReport => credential_report::generate on nothing,
    GenerateServiceLastAccessedDetails => access_advisor::generate on access_advisor::by_arn,
    GetAccessKeyLastUsed => access_keys::get_access_key_last_used on access_keys::of_root,
    GetAccountAuthorizationDetails => account_details::get on nothing,
    GetAccountPasswordPolicy => password_policy::get on nothing,
    GetAccountSummary => account_summary::get on nothing,
    GetContextKeysForCustomPolicy => context_keys::for_custom on nothing,
    GetContextKeysForPrincipalPolicy => context_keys::for_principal on context_keys::by_source,
    GetCredentialReport => credential_report::get on nothing,
    GetGroup => groups::get_group on groups::by_name,
    GetGroupPolicy => inline::get_group_policy on groups::by_name,
    GetInstanceProfile => instance_profiles::get_instance_profile on instance_profiles::by_name,
    GetLoginProfile => login::get_login_profile on callers::user,
    GetMFADevice => mfa::get_mfa_device on callers::user,
    GetOpenIDConnectProvider => oidc_providers::get on oidc_providers::by_arn,
    GetPolicy => policies::get_policy on policies::by_arn,
    GetPolicyVersion => versions::get_policy_version on policies::by_arn,
    GetRole => roles::get_role on holders::role,
    GetRolePolicy => inline::get_role_policy on holders::role,
    GetSAMLProvider => saml_providers::get on saml_providers::by_arn,
    GetSSHPublicKey => ssh_keys::get_ssh_public_key on callers::user,
    GetServerCertificate => server_certificates::get on server_certificates::by_name,
    GetServiceLastAccessedDetails => access_advisor::get on nothing,
    GetServiceLastAccessedDetailsWithEntities => access_advisor::get_with_entities on nothing,
    GetServiceLinkedRoleDeletionStatus => service_linked_roles::get_service_linked_role_deletion_status
        on service_linked_roles::by_task,
    GetUser => users::get_user on callers::user,
    GetUserPolicy => inline::get_user_policy on callers::user,
    ListAccessKeys => access_keys::list_access_keys on callers::user,
    ListAccountAliases => account::list_account_aliases on nothing,
    ListAttachedGroupPolicies => attachments::list_attached_group_policies on groups::by_name,
    ListAttachedRolePolicies => attachments::list_attached_role_policies on holders::role,
    ListAttachedUserPolicies => attachments::list_attached_user_policies on callers::user,
    ListEntitiesForPolicy => attachments::list_entities_for_policy on policies::by_arn,
    ListGroupPolicies => inline::list_group_policies on groups::by_name,
    ListGroups => groups::list_groups on groups::all,
    ListGroupsForUser => groups::list_groups_for_user on callers::user,
    ListInstanceProfileTags => instance_profiles::list_instance_profile_tags on instance_profiles::by_name,
    ListInstanceProfiles => instance_profiles::list_instance_profiles on instance_profiles::all,
    ListInstanceProfilesForRole => instance_profiles::list_instance_profiles_for_role on holders::role,
    ListMFADeviceTags => virtual_mfa::list_mfa_device_tags on virtual_mfa::by_serial,
    ListMFADevices => mfa::list_mfa_devices on callers::user,
    ListOpenIDConnectProviderTags => oidc_providers::list_tags on oidc_providers::by_arn,
    ListOpenIDConnectProviders => oidc_providers::list on nothing,
    ListOrganizationsFeatures => organizations_features::list on nothing,
    ListPolicies => policies::list_policies on nothing,
    ListPoliciesGrantingServiceAccess => granting_policies::list on granting_policies::by_arn,
    ListPolicyTags => policies::list_policy_tags on policies::by_arn,
    ListPolicyVersions => versions::list_policy_versions on policies::by_arn,
    ListRolePolicies => inline::list_role_policies on holders::role,
    ListRoleTags => roles::list_role_tags on holders::role,
    ListRoles => roles::list_roles on roles::all,
    ListSAMLProviderTags => saml_providers::list_tags on saml_providers::by_arn,
    ListSAMLProviders => saml_providers::list on nothing,
    ListSSHPublicKeys => ssh_keys::list_ssh_public_keys on callers::user,
    ListServerCertificateTags => server_certificates::list_tags on server_certificates::by_name,
    ListServerCertificates => server_certificates::list on server_certificates::all,
    ListServiceSpecificCredentials => service_credentials::list on service_credentials::listed,
    ListSigningCertificates => signing::list_signing_certificates on callers::user,
    ListUserPolicies => inline::list_user_policies on callers::user,
    ListUserTags => users::list_user_tags on callers::user,
    ListUsers => users::list_users on users::all,
    ListVirtualMFADevices => virtual_mfa::list_virtual_mfa_devices on virtual_mfa::all,
    PutGroupPolicy => inline::put_group_policy on groups::by_name,
    PutRolePermissionsBoundary => boundaries::put_role_permissions_boundary on holders::role keys boundaries::role_key,
    PutRolePolicy => inline::put_role_policy on holders::role,
    PutUserPermissionsBoundary => boundaries::put_user_permissions_boundary on callers::user keys boundaries::user_key,
    PutUserPolicy => inline::put_user_policy on callers::user,
    RemoveClientIDFromOpenIDConnectProvider => oidc_providers::remove_client_id on oidc_providers::by_arn,
    RemoveRoleFromInstanceProfile => instance_profiles::remove_role_from_instance_profile
        on instance_profiles::by_name,
    RemoveUserFromGroup => groups::remove_user_from_group on groups::by_name,
    ResetServiceSpecificCredential => service_credentials::reset on callers::user,
    ResyncMFADevice => mfa::resync_mfa_device on callers::user,
    SetDefaultPolicyVersion => versions::set_default_policy_version on policies::by_arn,
    SetSecurityTokenServicePreferences => account::set_security_token_service_preferences on nothing,
    SimulateCustomPolicy => simulator::custom on nothing,
    SimulatePrincipalPolicy => simulator::principal on simulator::by_source,
    TagInstanceProfile => instance_profiles::tag_instance_profile on instance_profiles::by_name,
    TagMFADevice => virtual_mfa::tag_mfa_device on virtual_mfa::by_serial,
    TagOpenIDConnectProvider => oidc_providers::tag on oidc_providers::by_arn,
    TagPolicy => policies::tag_policy on policies::by_arn,
    TagRole => roles::tag_role on holders::role,
    TagSAMLProvider => saml_providers::tag on saml_providers::by_arn,
    TagServerCertificate => server_certificates::tag on server_certificates::by_name,
    TagUser => users::tag_user on callers::user,
    UntagInstanceProfile => instance_profiles::untag_instance_profile on instance_profiles::by_name,
    UntagMFADevice => virtual_mfa::untag_mfa_device on virtual_mfa::by_serial,
    UntagOpenIDConnectProvider => oidc_providers::untag on oidc_providers::by_arn,
    UntagPolicy => policies::untag_policy on policies::by_arn,
    UntagRole => roles::untag_role on holders::role,
    UntagSAMLProvider => saml_providers::untag on saml_providers::by_arn,
    UntagServerCertificate => server_certificates::untag on server_certificates::by_name,
    UntagUser => users::untag_user on callers::user,
    UpdateAccessKey => access_keys::update_access_key on callers::user,
    UpdateAccountPasswordPolicy => password_policy::update on nothing,
    UpdateAssumeRolePolicy => roles::update_assume_role_policy on holders::role,
    UpdateGroup => groups::update_group on groups::by_both_names,
    UpdateLoginProfile => login::update_login_profile on callers::user,
    UpdateOpenIDConnectProviderThumbprint => oidc_providers::update_thumbprint on oidc_providers::by_arn,
    UpdateRole => roles::update_role on holders::role,
    UpdateRoleDescription => roles::update_role_description on holders::role,
    UpdateSAMLProvider => saml_providers::update on saml_providers::by_arn,
    UpdateSSHPublicKey => ssh_keys::update_ssh_public_key on callers::user,
    UpdateServerCertificate => server_certificates::update on server_certificates::renamed,
    UpdateServiceSpecificCredential => service_credentials::update_status on callers::user,
    UpdateSigningCertificate => signing::update_signing_certificate on callers::user,
    UpdateUser => users::update_user on users::by_both_names,
    UploadSSHPublicKey => ssh_keys::upload_ssh_public_key on callers::user,
    UploadServerCertificate => server_certificates::upload on server_certificates::uploaded,
    UploadSigningCertificate => signing::upload_signing_certificate on callers::user,
}

impl Iam {
    pub fn new(parts: IamParts) -> Arc<Iam> {
        let IamParts { store, clock, ids, pages, sealing, aws } = parts;
        let directory = Directory::new(store.clone(), sealing.clone());
        let deletions = Nudge::default();
        let guardrails = OnceLock::new();
        Arc::new(Iam { store, clock, ids, pages, sealing, aws, directory, deletions, guardrails })
    }

    /// Completes the circle, once, in the composition root. Until then every account stands alone.
    pub fn guarded_by(&self, guardrails: Arc<dyn Guardrails>) {
        assert!(self.guardrails.set(guardrails).is_ok(), "a cloud has one service of organisations");
    }

    /// What an organisation says of an account.
    async fn guarded(&self, account: AccountId) -> Result<Arc<Guarded>, Error> {
        match self.guardrails.get() {
            Some(guardrails) => guardrails.of(account).await.map_err(|fault| Error::Internal(fault.into())),
            None => Ok(Arc::default()),
        }
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Iam>) -> Vec<Task> {
        vec![tasks::write_notes::task(self), tasks::delete_linked_roles::task(self)]
    }
}
